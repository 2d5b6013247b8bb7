import {
  DrcError,
  ImageDecoder,
  PartFlag,
  PartKind,
  decodeDdl,
  partAt,
  partsOf,
  readU32,
  schemaIdBytes,
  schemaIdOf,
  type Column,
  type PartSlice,
  type Row,
  type TableVersion,
} from '@drc/protocol';
import type { AnyTables, Change, RowChange } from './change.js';

const rowCountBytes = 4;
/** Decoders kept of one table version: more than one only where sessions with other row images write the table. */
const maxDecodersPerTable = 64;

/** The parts of one chunk that are still to be handed out. */
export interface ChunkSlice {
  readonly bytes: Buffer;
  /** Where the parts begin, and where the chunk ends. */
  readonly partsAt: number;
  readonly end: number;
  /** How many changes at the beginning have been handed out before. */
  readonly skip: number;
}

/** A table version that a session has named, and its decoders by the columns present. */
interface KnownTable {
  readonly name: string;
  readonly version: TableVersion;
  readonly whole: ImageDecoder;
  readonly partial: Map<string, ImageDecoder>;
}

/**
 * Makes changes of chunks. Knows all table versions that the subscription has met: their ids are hashes of their
 * content, so that what one session said of a table holds on any other.
 */
export class RowReader {
  readonly #tables = new Map<string, KnownTable>();
  /** The table of the part read last: most parts are of the same table as the one before. */
  #lastId: Buffer = Buffer.alloc(0);
  #lastTable: KnownTable | undefined;

  /** Takes the body of a schema record. @throws DrcError `PROTOCOL_VIOLATION` where id and content differ. */
  learn(body: Buffer): void {
    if (body.length < schemaIdBytes) throw violation('a schema record without an id');
    const id = body.toString('latin1', 0, schemaIdBytes);
    if (this.#tables.has(id)) return;
    const version = parseTableVersion(body.toString('utf8', schemaIdBytes));
    if (!schemaIdOf(version).equals(body.subarray(0, schemaIdBytes)))
      throw violation('a schema record whose id is not that of its content');
    this.#tables.set(id, {
      name: `${version.schema}.${version.table}`,
      version,
      whole: new ImageDecoder(version),
      partial: new Map(),
    });
  }

  /** How many changes a chunk has, without decoding them. @throws DrcError `PROTOCOL_VIOLATION`. */
  count({ bytes, partsAt, end }: Omit<ChunkSlice, 'skip'>): number {
    let changes = 0;
    for (const part of partsOf(bytes, partsAt, end)) changes += changesIn(bytes, part);
    return changes;
  }

  /** The changes of a chunk, part by part. @throws DrcError `PROTOCOL_VIOLATION`. */
  *read({ bytes, partsAt, end, skip }: ChunkSlice): Generator<Change[]> {
    let left = skip;
    for (let at = partsAt; at < end; ) {
      const part = partAt(bytes, at, end);
      at = part.end;
      if (left > 0) {
        const changes = changesIn(bytes, part);
        if (changes <= left) {
          left -= changes;
          continue;
        }
      }
      const changes = this.#changes(bytes, part);
      yield left > 0 ? changes.slice(left) : changes;
      left = 0;
    }
  }

  #changes(bytes: Buffer, part: PartSlice): Change[] {
    if (part.kind === PartKind.ddl)
      return [{ kind: 'ddl', ddl: decodeDdl(bytes.subarray(part.bodyAt, part.end)) }];
    const table = this.#table(bytes, part.bodyAt);
    const rows = readU32(bytes, part.bodyAt + schemaIdBytes);
    const imagesAt = part.bodyAt + schemaIdBytes + rowCountBytes;
    const changes =
      (part.flags & PartFlag.partial) === 0
        ? wholeRows(table, bytes, part, imagesAt)
        : partialRows(table, bytes, part, imagesAt);
    if (changes.length !== rows) throw violation(`a part that says ${rows} rows and has ${changes.length}`);
    return changes;
  }

  #table(bytes: Buffer, at: number): KnownTable {
    if (this.#lastTable !== undefined && isSameId(this.#lastId, bytes, at)) return this.#lastTable;
    const table = this.#tables.get(bytes.toString('latin1', at, at + schemaIdBytes));
    if (table === undefined) throw violation('rows of a table version that was not sent before them');
    this.#lastId = Buffer.from(bytes.subarray(at, at + schemaIdBytes));
    return (this.#lastTable = table);
  }
}

/** No call into native code: this is asked for every part. */
const isSameId = (id: Buffer, bytes: Buffer, at: number): boolean =>
  readU32(bytes, at) === readU32(id, 0) &&
  readU32(bytes, at + 4) === readU32(id, 4) &&
  readU32(bytes, at + 8) === readU32(id, 8) &&
  readU32(bytes, at + 12) === readU32(id, 12);

const changesIn = (bytes: Buffer, part: PartSlice): number =>
  part.kind === PartKind.ddl ? 1 : readU32(bytes, part.bodyAt + schemaIdBytes);

type AnyRowChange = RowChange<AnyTables>;

function wholeRows(table: KnownTable, bytes: Buffer, part: PartSlice, imagesAt: number): AnyRowChange[] {
  const { whole } = table;
  const rows = whole.decodeMany(bytes, imagesAt, part.end);
  if (part.kind !== PartKind.update) return rows.map(oneImage(table, part, whole.columns));
  if (rows.length % 2 !== 0) throw violation('an update without its after image');
  const change = twoImages(table, part, whole.columns);
  const changes: AnyRowChange[] = [];
  for (let i = 0; i < rows.length; i += 2) changes.push(change(rows[i]!, rows[i + 1]!));
  return changes;
}

/** Columns are missing: the bitmaps stand before the images, and the two images of an update may differ in them. */
function partialRows(table: KnownTable, bytes: Buffer, part: PartSlice, imagesAt: number): AnyRowChange[] {
  const bitmapBytes = Math.ceil(table.version.columns.length / 8);
  const bitmaps = part.kind === PartKind.update ? 2 : 1;
  const rowsAt = imagesAt + bitmaps * bitmapBytes;
  if (rowsAt > part.end) throw violation('a part without its bitmaps');
  const first = partialDecoder(table, bytes.subarray(imagesAt, imagesAt + bitmapBytes));
  if (part.kind !== PartKind.update)
    return first.decodeMany(bytes, rowsAt, part.end).map(oneImage(table, part, first.columns));
  const second = partialDecoder(table, bytes.subarray(imagesAt + bitmapBytes, rowsAt));
  const change = twoImages(table, part, second.columns);
  const changes: AnyRowChange[] = [];
  for (let at = rowsAt; at < part.end; ) {
    const before = first.decodeOne(bytes, at, part.end);
    const after = second.decodeOne(bytes, before.next, part.end);
    changes.push(change(before.row, after.row));
    at = after.next;
  }
  return changes;
}

function partialDecoder(table: KnownTable, bitmap: Buffer): ImageDecoder {
  const key = bitmap.toString('latin1');
  const known = table.partial.get(key);
  if (known !== undefined) return known;
  if (table.partial.size === maxDecodersPerTable) table.partial.clear();
  const decoder = new ImageDecoder(table.version, Buffer.from(bitmap));
  table.partial.set(key, decoder);
  return decoder;
}

/** Changes of one part differ in their images only. Every kind has one shape, so that reading them stays fast. */
function oneImage(
  { name: table, version: tableVersion }: KnownTable,
  { kind, flags }: PartSlice,
  columns: readonly Column[],
): (row: Row) => AnyRowChange {
  const foreignKeyChecks = (flags & PartFlag.foreignKeyChecksOff) === 0;
  const uniqueChecks = (flags & PartFlag.uniqueChecksOff) === 0;
  const hasCascades = (flags & PartFlag.hasCascades) === 0 ? undefined : true;
  if (kind === PartKind.insert)
    return (after) => ({
      kind: 'insert',
      table,
      after,
      columns,
      tableVersion,
      foreignKeyChecks,
      uniqueChecks,
      hasCascades,
    });
  if (kind === PartKind.delete)
    return (before) => ({
      kind: 'delete',
      table,
      before,
      columns,
      tableVersion,
      foreignKeyChecks,
      uniqueChecks,
      hasCascades,
    });
  if (kind === PartKind.snapshot)
    return (after) => ({
      kind: 'snapshot',
      table,
      after,
      columns,
      tableVersion,
      foreignKeyChecks,
      uniqueChecks,
      hasCascades,
    });
  return (after) => ({
    kind: 'sequence',
    table,
    after,
    columns,
    tableVersion,
    foreignKeyChecks,
    uniqueChecks,
    hasCascades,
  });
}

function twoImages(
  { name: table, version: tableVersion }: KnownTable,
  { flags }: PartSlice,
  columns: readonly Column[],
): (before: Row, after: Row) => AnyRowChange {
  const foreignKeyChecks = (flags & PartFlag.foreignKeyChecksOff) === 0;
  const uniqueChecks = (flags & PartFlag.uniqueChecksOff) === 0;
  const hasCascades = (flags & PartFlag.hasCascades) === 0 ? undefined : true;
  return (before, after) => ({
    kind: 'update',
    table,
    before,
    after,
    columns,
    tableVersion,
    foreignKeyChecks,
    uniqueChecks,
    hasCascades,
  });
}

function parseTableVersion(text: string): TableVersion {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw violation('a table version that is no JSON', { cause });
  }
  if (!isTableVersion(value)) throw violation('a malformed table version');
  return value;
}

/** The id has yet to prove the content: enough is looked at that taking the hash cannot fail. */
function isTableVersion(value: unknown): value is TableVersion {
  if (typeof value !== 'object' || value === null) return false;
  const { schema, table, columns, primaryKey } = value as Partial<Record<keyof TableVersion, unknown>>;
  return (
    typeof schema === 'string' &&
    typeof table === 'string' &&
    Array.isArray(primaryKey) &&
    Array.isArray(columns) &&
    columns.every((column: unknown) => typeof (column as Partial<Column> | null)?.name === 'string')
  );
}

const violation = (what: string, options?: ErrorOptions): DrcError =>
  new DrcError('PROTOCOL_VIOLATION', `The store sent ${what}.`, {}, options);
