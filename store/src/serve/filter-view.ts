import {
  canonicalTableVersion,
  decodeDdl,
  encodeDdl,
  partHeaderBytes,
  PartKind,
  partsOf,
  schemaIdBytes,
  type PartSlice,
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
      await this.#learn(chunk);
      const selection = this.select(chunk);
      // Undefined where another reader filled the memory meanwhile.
      if (selection !== undefined) return selection;
    }
  }

  async #learn(chunk: StoredChunk): Promise<void> {
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
    const version = await this.#log.table(id);
    if (!this.filter.wantsTable(`${version.schema}.${version.table}`)) return unwanted;
    const rows = this.filter.rowsOf(version);
    const text = Buffer.from(canonicalTableVersion(rows?.version ?? version), 'utf8');
    return { wanted: true, rows, announcement: Buffer.concat([rows?.schemaId ?? id, text]) };
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

const unwanted: SeenTable = { wanted: false, rows: undefined, announcement: Buffer.alloc(0) };

const schemaKey = (bytes: Buffer, at: number): string => bytes.toString('latin1', at, at + schemaIdBytes);
