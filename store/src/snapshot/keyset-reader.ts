import { DrcError, type TableVersion } from '@drc/protocol';
import { ByteWriter } from '../source/byte-writer.js';
import type { ColumnPlan } from '../source/column-plan.js';
import { BinaryRow, extentOfType, resultColumn, type ResultColumn } from './binary-row.js';
import { altered, definitionOf, deniedOr, type DescribedTable } from './described-table.js';
import { ImageKey } from './image-key.js';
import { Keyset } from './keyset.js';
import type { ChunkLimits, SnapshotChunk, SnapshotTable, TableReader } from './snapshot-chunk.js';
import type { SnapshotMoment } from './snapshot-moment.js';
import { isErrno, type ResultField, type SnapshotSession } from './snapshot-session.js';

/** Runs something on the source's session at a moment that is open, and nothing else meanwhile. */
export type AtMoment = <T>(
  signal: AbortSignal,
  read: (session: SnapshotSession, moment: SnapshotMoment) => Promise<T>,
) => Promise<T>;

/** The source's answers that mean: this is not the table that was described. */
const alteredErrors = {
  tableDefChanged: 1412,
  noColumn: 1054,
  noKey: 1176,
  noTable: 1146,
  noSchema: 1049,
  isBeingAltered: 1205,
};

/** Bytes of a row that nothing is known of. */
const firstRowBytes = 256;
/** Rows, so few that they are perhaps large. */
const fewRows = 8;
/** What one row adds to its image in memory: a buffer over it, and its key. */
const rowOverheadBytes = 64;

/**
 * Reads one table in the order of its key. It has no connection of its own, and nothing that a broken one could spoil; that the table
 * is still the one described is looked at in every chunk.
 */
export class KeysetReader implements TableReader {
  readonly version: TableVersion;
  readonly keyColumns: readonly number[];
  readonly estimatedRows: number;
  readonly #table: DescribedTable;
  readonly #name: SnapshotTable;
  readonly #keyset: Keyset;
  readonly #atMoment: AtMoment;
  /** Of the rows read last: how many are asked for depends on it. */
  #rowBytes: number;

  constructor(table: DescribedTable, atMoment: AtMoment) {
    this.#table = table;
    this.version = table.version;
    this.#name = { schema: table.version.schema, table: table.version.table };
    this.keyColumns = table.key.parts.map(({ column }) => column);
    this.estimatedRows = table.estimatedRows;
    this.#keyset = new Keyset(table.version, table.key);
    this.#atMoment = atMoment;
    this.#rowBytes = table.rowBytes > 0 ? table.rowBytes : firstRowBytes;
  }

  async read(after: Buffer | undefined, limits: ChunkLimits, signal: AbortSignal): Promise<SnapshotChunk> {
    const wanted = Math.max(1, Math.min(limits.rows, Math.ceil(limits.bytes / this.#rowBytes)));
    // One more than is kept tells whether the table goes on; of few rows one more would be much.
    const extra = wanted < fewRows ? 0 : 1;
    const sql = this.#keyset.select(
      after === undefined || after.length === 0 ? undefined : after,
      wanted + extra,
    );
    return await this.#atMoment(signal, async (session, moment) => {
      const rows = new ChunkRows(this.#table, this.#keyset, wanted, limits.bytes);
      await this.#stream(session, sql, rows, signal);
      const { images, keys, lastKey, bytes } = rows.take();
      if (images.length > 0) this.#rowBytes = Math.max(1, bytes / images.length + rowOverheadBytes);
      return {
        version: this.version,
        images,
        keys,
        low: moment.low,
        high: moment.high,
        lastKey: lastKey ?? after ?? Buffer.alloc(0),
        done: rows.isWhole && images.length < wanted + extra,
      };
    });
  }

  async #stream(session: SnapshotSession, sql: string, rows: ChunkRows, signal: AbortSignal): Promise<void> {
    try {
      // What the SELECT has read from stays locked against being altered until this too has been answered.
      await session.rows('SAVEPOINT drc_chunk', [], signal);
      const fault = await session.stream(sql, rows, signal).then(noFault, (error: unknown) => ({ error }));
      // Also of rows that could not be read: of another definition they are others.
      if (!session.isLost && (await definitionOf(session, this.#name, signal)) !== this.#table.definition)
        throw altered(this.#name, fault?.error);
      if (fault !== undefined) throw fault.error;
      await session.rows('ROLLBACK TO SAVEPOINT drc_chunk', [], signal);
    } catch (error) {
      if (isErrno(error, ...Object.values(alteredErrors))) throw altered(this.#name, error);
      throw deniedOr(error, this.#name);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const noFault = (): undefined => undefined;

/** The rows of one chunk as they come. */
class ChunkRows {
  readonly #table: DescribedTable;
  readonly #keyset: Keyset;
  readonly #imageKey: ImageKey;
  readonly #mostRows: number;
  readonly #mostBytes: number;
  readonly #out = new ByteWriter();
  readonly #ends: number[] = [];
  readonly #keys: string[] = [];
  #row: BinaryRow | undefined = undefined;
  #keyColumns: readonly ResultColumn[] = [];
  /** The bytes of the last row that is kept; the driver leaves them alone. */
  #last: { readonly bytes: Buffer; readonly at: number; readonly end: number } | undefined = undefined;
  #isWhole = true;

  constructor(table: DescribedTable, keyset: Keyset, mostRows: number, mostBytes: number) {
    this.#table = table;
    this.#keyset = keyset;
    this.#imageKey = new ImageKey(table.key.parts.map(({ column }) => column));
    this.#mostRows = mostRows;
    this.#mostBytes = mostBytes;
  }

  /** Nothing came behind the rows that are kept. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  columns(fields: readonly ResultField[]): void {
    const { version, plans } = this.#table;
    const columns = version.columns.map((column, index) =>
      resultColumn(column, plans[index] as ColumnPlan, extentOfType(fields[index]!.columnType)),
    );
    const numbers = fields
      .slice(version.columns.length)
      .map(({ columnType }): ResultColumn => ({ extent: extentOfType(columnType), write: () => undefined }));
    this.#keyColumns = this.#table.key.parts.map(({ column }) => columns[column]!);
    this.#row = new BinaryRow([...columns, ...numbers], columns.length);
  }

  row(bytes: Buffer, at: number, end: number): boolean {
    const out = this.#out;
    if (this.#ends.length === this.#mostRows || (this.#ends.length > 0 && out.length >= this.#mostBytes)) {
      this.#isWhole = false;
      return false;
    }
    const row = this.#row!;
    const start = out.length;
    row.scan(bytes, at, end);
    row.write(out);
    if (
      this.#keyset.isAmbiguous(row) ||
      this.#keyColumns.some(({ losses }) => losses !== undefined && losses.count > 0)
    )
      throw ambiguous(this.#table.version);
    this.#ends.push(out.length);
    this.#keys.push(this.#imageKey.of(out.buffer, start, out.length));
    this.#last = { bytes, at, end };
    return true;
  }

  take(): {
    readonly images: readonly Buffer[];
    readonly keys: readonly string[];
    readonly lastKey: Buffer | undefined;
    readonly bytes: number;
  } {
    const row = this.#row!;
    let lastKey: Buffer | undefined = undefined;
    if (this.#last !== undefined) {
      row.scan(this.#last.bytes, this.#last.at, this.#last.end);
      lastKey = this.#keyset.place(row);
    }
    const all = this.#out.take();
    let from = 0;
    const images = this.#ends.map((end) => {
      const image = all.subarray(from, end);
      from = end;
      return image;
    });
    return { images, keys: this.#keys, lastKey, bytes: from };
  }
}

const ambiguous = ({ schema, table }: TableVersion): DrcError =>
  new DrcError(
    'SNAPSHOT_UNSUPPORTED',
    `${schema}.${table} cannot be copied: a row’s key is text that UTF-8 does not have, or an ENUM value that is no label and reads as one.`,
    { table: `${schema}.${table}` },
  );
