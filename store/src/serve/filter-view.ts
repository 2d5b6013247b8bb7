import {
  canonicalTableVersion,
  decodeDdl,
  encodeDdl,
  partHeaderBytes,
  PartKind,
  partsOf,
  schemaIdBytes,
  schemaIdOf,
  type PartSlice,
  type TableVersion,
} from '@drc/protocol';
import type { Filter } from './filter.js';
import type { ReadableLog, StoredChunk } from './readable-log.js';
import type { SeenTable } from './seen-table.js';
import { Selection } from './selection.js';

/** Versions remembered at most; beyond it they are looked up, and announced, once more. */
const maxTables = 10_000;

/**
 * What readers with one filter see of the log: its tables, and of each chunk the parts that are left. Conditions and projections
 * are compiled once for a table version, whatever the number of these readers.
 */
export class FilterView {
  readonly filter: Filter;
  readonly #log: Pick<ReadableLog, 'table'>;
  readonly #tables = new Map<string, SeenTable>();

  constructor(filter: Filter, log: Pick<ReadableLog, 'table'>) {
    this.filter = filter;
    this.#log = log;
  }

  /**
   * What is left of a chunk; undefined where a table version must be looked up first (`selectLearning`).
   * @throws DrcError `CONDITION_FAILED`.
   */
  select(chunk: StoredChunk): Selection | undefined {
    const { bytes } = chunk;
    const { filter } = this;
    const selection = new Selection(bytes, chunk.partsAt);
    if (!filter.wantsOrigin(chunk.origin)) return selection;
    for (const part of partsOf(bytes, chunk.partsAt)) {
      if (part.kind === PartKind.ddl) {
        this.#selectDdl(selection, bytes, part);
        continue;
      }
      if (!filter.mayWantPart(part.kind)) continue;
      const table = this.#tables.get(schemaKey(bytes, part.bodyAt));
      if (table === undefined) return undefined;
      if (!table.wanted) continue;
      if (table.rows !== undefined) {
        const { parts, rows } = table.rows.filter(bytes, part, (kind) => filter.wantsKind(kind));
        if (rows > 0) selection.insert(parts, rows, table);
      } else if (filter.wantsKind(part.kind)) {
        selection.keep(part, bytes.readUInt32LE(part.bodyAt + schemaIdBytes), table);
      }
    }
    return selection;
  }

  /** As `select`, after its tables were looked up. @throws as `select`, and what the log throws; DrcError `CONDITION_INVALID`, `FORBIDDEN`. */
  async selectLearning(chunk: StoredChunk): Promise<Selection> {
    for (;;) {
      await this.learn(chunk);
      const selection = this.select(chunk);
      // Undefined where another reader filled the memory meanwhile.
      if (selection !== undefined) return selection;
    }
  }

  /** The table of a part of rows, of a chunk that was selected from. */
  tableOf(bytes: Buffer, part: PartSlice): TableVersion | 'unwanted' | 'unknown' {
    const table = this.#tables.get(schemaKey(bytes, part.bodyAt));
    return table === undefined ? 'unknown' : (table.version ?? 'unwanted');
  }

  /**
   * What is left of rows that are copied.
   * @throws as `select`; DrcError `CONDITION_INVALID`, `FORBIDDEN`
   */
  copied(
    version: TableVersion,
    images: readonly Buffer[],
  ): { table: SeenTable; parts: Buffer; rows: number } {
    const id = schemaIdOf(version);
    const key = id.toString('latin1');
    const table = this.#tables.get(key) ?? this.#seen(id, version);
    this.#tables.set(key, table);
    const whole = rowsPart(id, images);
    const [part] = partsOf(whole, 0);
    if (part === undefined || !table.wanted) return { table, parts: Buffer.alloc(0), rows: 0 };
    const { parts, rows } =
      table.rows === undefined
        ? { parts: whole, rows: images.length }
        : table.rows.filter(whole, part, (kind) => this.filter.wantsKind(kind));
    for (const { at } of partsOf(parts, 0)) parts[at] = PartKind.snapshot;
    return { table, parts, rows };
  }

  /** Looks up the tables of a chunk. @throws what the log throws; DrcError `CONDITION_INVALID`, `FORBIDDEN` */
  async learn(chunk: StoredChunk): Promise<void> {
    for (const part of partsOf(chunk.bytes, chunk.partsAt)) {
      if (part.kind === PartKind.ddl || !this.filter.mayWantPart(part.kind)) continue;
      const key = schemaKey(chunk.bytes, part.bodyAt);
      if (this.#tables.has(key)) continue;
      const id = chunk.bytes.subarray(part.bodyAt, part.bodyAt + schemaIdBytes);
      const table = await this.#see(id);
      if (this.#tables.size >= maxTables) this.#tables.clear();
      this.#tables.set(key, table);
    }
  }

  async #see(id: Buffer): Promise<SeenTable> {
    return this.#seen(id, await this.#log.table(id));
  }

  #seen(id: Buffer, version: TableVersion): SeenTable {
    if (!this.filter.wantsTable(`${version.schema}.${version.table}`)) return unwanted;
    const rows = this.filter.rowsOf(version);
    const text = Buffer.from(canonicalTableVersion(rows?.version ?? version), 'utf8');
    return { wanted: true, version, rows, announcement: Buffer.concat([rows?.schemaId ?? id, text]) };
  }

  #selectDdl(selection: Selection, bytes: Buffer, part: PartSlice): void {
    const ddl = decodeDdl(bytes.subarray(part.bodyAt, part.end));
    const seen = this.filter.ddl(ddl);
    if (seen === undefined) return;
    if (seen === ddl) return selection.keep(part, 0);
    const body = encodeDdl(seen);
    const rewritten = Buffer.allocUnsafe(partHeaderBytes + body.length);
    rewritten[0] = part.kind;
    rewritten[1] = part.flags;
    rewritten.writeUInt32LE(body.length, 2);
    body.copy(rewritten, partHeaderBytes);
    selection.insert(rewritten);
  }
}

const unwanted: SeenTable = {
  wanted: false,
  version: undefined,
  rows: undefined,
  announcement: Buffer.alloc(0),
};

/** As an insert of these rows: conditions and projections know no other. Empty where there are none. */
function rowsPart(id: Buffer, images: readonly Buffer[]): Buffer {
  if (images.length === 0) return Buffer.alloc(0);
  const head = Buffer.alloc(partHeaderBytes + schemaIdBytes + 4);
  const bytes = images.reduce((sum, image) => sum + image.length, 0);
  head[0] = PartKind.insert;
  head.writeUInt32LE(schemaIdBytes + 4 + bytes, 2);
  id.copy(head, partHeaderBytes);
  head.writeUInt32LE(images.length, partHeaderBytes + schemaIdBytes);
  return Buffer.concat([head, ...images]);
}

const schemaKey = (bytes: Buffer, at: number): string => bytes.toString('latin1', at, at + schemaIdBytes);
