import {
  canonicalTableVersion,
  DrcError,
  hasSchemaId,
  partHeaderBytes,
  schemaIdBytes,
  schemaIdOf,
  type TableVersion,
} from '@drc/protocol';
import { seal, unseal } from './chunk-record.js';
import { allKeys, leaseKey, schemaIdOfKey, tableKey } from './keys.js';
import type { LevelDatabase, WriteBatch } from './level-database.js';

/*
 * Table versions, by schema id, kept while any chunk uses them. What uses which is not counted: each version has a
 * lease, the LSN up to which chunks may use it, written in one batch with the chunk that first exceeds the old one.
 * A version may go when its lease ends before the tail.
 *
 * Of the versions of one table the lease of the one that was used last ends last: where the table goes over to another one,
 * also to one that it had before, that one's lease is written anew. A process that begins knows no version as the last, and
 * writes the lease of each table's first one anew.
 *
 *   value of a table key = canonical JSON      value of a lease key = LSN, decimal text
 */
const leaseTransactions = 4096;

/** What the versions of one table share: which of them was used last by this process, and when its lease ends. */
interface Succession {
  newest: Entry | undefined;
  lease: number;
}

interface Entry {
  readonly id: Buffer;
  /** Absent until somebody asks for it. */
  version: TableVersion | undefined;
  /** Last LSN that may use it, as the log will say once all queued writes are done; -1 where the log has not got it. */
  lease: number;
  /** Absent until this process registers the version. */
  succession?: Succession;
}

export class TableCatalog {
  readonly #db: LevelDatabase;
  readonly #entries = new Map<string, Entry>();
  /** By schema and table. */
  readonly #successions = new Map<string, Succession>();
  readonly #ids = new WeakMap<TableVersion, Buffer>();
  #lastUsed: Entry | undefined;
  readonly #lastId = new Uint32Array(4);

  private constructor(db: LevelDatabase) {
    this.#db = db;
  }

  static async open(db: LevelDatabase): Promise<TableCatalog> {
    const catalog = new TableCatalog(db);
    for (let range = allKeys.leases; ; ) {
      const leases = await db.scan(range);
      for (const [key, stored] of leases) {
        const id = Buffer.from(schemaIdOfKey(key));
        const lease = Number(
          unseal(key, stored, `the lease of table version ${id.toString('hex')}`).toString(),
        );
        catalog.#entries.set(textOf(id), { id, version: undefined, lease });
      }
      const last = leases.at(-1);
      if (last === undefined) return catalog;
      range = { gte: Buffer.concat([last[0], Buffer.of(0)]), lt: range.lt };
    }
  }

  /** Makes the version known, and puts it into the log where that has not got it. @returns its schema id. */
  register(version: TableVersion, lsn: number, batch: () => WriteBatch): Buffer {
    const known = this.#ids.get(version);
    if (known !== undefined) return known;
    const id = schemaIdOf(version);
    const text = textOf(id);
    let entry = this.#entries.get(text);
    if (entry === undefined) {
      entry = { id, version, lease: -1 };
      this.#entries.set(text, entry);
    }
    entry.version = version;
    entry.succession ??= this.#successionOf(version);
    this.#extend(entry, lsn, batch);
    this.#ids.set(version, entry.id);
    return entry.id;
  }

  /** Notes that the parts of a chunk of this transaction use their table versions. */
  use(parts: Buffer, lsn: number, batch: () => WriteBatch): void {
    const last = this.#lastId;
    for (let at = 0; at < parts.length; ) {
      const body = at + partHeaderBytes;
      const end = body > parts.length ? body : body + parts.readUInt32LE(at + 2);
      if (end > parts.length) throw new DrcError('INTERNAL', 'A part overruns its chunk.');
      if (hasSchemaId(parts[at]!)) {
        if (end < body + schemaIdBytes) throw new DrcError('INTERNAL', 'A part has no schema id.');
        const a = parts.readUInt32LE(body);
        const b = parts.readUInt32LE(body + 4);
        const c = parts.readUInt32LE(body + 8);
        const d = parts.readUInt32LE(body + 12);
        if (
          this.#lastUsed === undefined ||
          a !== last[0] ||
          b !== last[1] ||
          c !== last[2] ||
          d !== last[3] ||
          this.#lastUsed.lease < lsn
        ) {
          last.set([a, b, c, d]);
          this.#lastUsed = this.#used(parts.toString('latin1', body, body + schemaIdBytes), lsn, batch);
        }
      }
      at = end;
    }
  }

  /** @throws DrcError `LOG_CORRUPT` where the log has not got it. */
  async get(id: Buffer): Promise<TableVersion> {
    const entry = this.#entries.get(textOf(id));
    if (entry?.version !== undefined) return entry.version;
    const key = tableKey(id);
    const hex = id.toString('hex');
    const stored = await this.#db.get(key);
    if (stored === undefined) {
      throw new DrcError('LOG_CORRUPT', `The log has lost table version ${hex}.`, { schemaId: hex });
    }
    const version = JSON.parse(unseal(key, stored, `table version ${hex}`).toString()) as TableVersion;
    if (entry !== undefined) entry.version ??= version;
    return entry?.version ?? version;
  }

  /** Whether some version that the log holds is of a table, `schema.table`, that matches. */
  async some(matches: (name: string) => boolean): Promise<boolean> {
    for (const { id } of this.#entries.values()) {
      const { schema, table } = await this.get(id);
      if (matches(`${schema}.${table}`)) return true;
    }
    return false;
  }

  /** Of each table of which the log holds rows, or held not long ago, the version that was used last. */
  async newest(): Promise<readonly TableVersion[]> {
    const newest = new Map<string, { readonly version: TableVersion; readonly lease: number }>();
    for (const [text, { id }] of this.#entries) {
      const version = await this.get(id).catch((error: unknown) => {
        if (this.#entries.has(text)) throw error;
        return undefined; // It has expired meanwhile.
      });
      const lease = this.#entries.get(text)?.lease ?? -1;
      if (version === undefined || lease < 0) continue;
      const name = nameOf(version);
      if (lease > (newest.get(name)?.lease ?? -1)) newest.set(name, { version, lease });
    }
    return [...newest.values()].map(({ version }) => version);
  }

  /** Deletes the versions that only transactions before `tail` used. */
  expire(tail: number, batch: WriteBatch): void {
    for (const [text, entry] of this.#entries) {
      if (entry.lease < 0 || entry.lease >= tail) continue;
      batch.del(tableKey(entry.id));
      batch.del(leaseKey(entry.id));
      // Capture may hold the id for as long as this process lives: it finds the version here and it is written again.
      if (entry.version === undefined) this.#entries.delete(text);
      else entry.lease = -1;
    }
  }

  #used(text: string, lsn: number, batch: () => WriteBatch): Entry {
    const entry = this.#entries.get(text);
    if (entry === undefined) {
      throw new DrcError('INTERNAL', 'A chunk uses a table version that was not registered.', {
        schemaId: Buffer.from(text, 'latin1').toString('hex'),
      });
    }
    const { succession } = entry;
    if (succession === undefined || succession.newest === entry) {
      this.#extend(entry, lsn, batch);
    } else {
      this.#lease(entry, Math.max(lsn + leaseTransactions, succession.lease + 1, entry.lease), batch);
      succession.newest = entry;
    }
    if (succession !== undefined) succession.lease = entry.lease;
    return entry;
  }

  #successionOf(version: TableVersion): Succession {
    const name = nameOf(version);
    let succession = this.#successions.get(name);
    if (succession === undefined) {
      succession = { newest: undefined, lease: -1 };
      this.#successions.set(name, succession);
    }
    return succession;
  }

  #extend(entry: Entry, lsn: number, batch: () => WriteBatch): void {
    if (entry.lease < lsn) this.#lease(entry, lsn + leaseTransactions, batch);
  }

  #lease(entry: Entry, lease: number, batch: () => WriteBatch): void {
    const writes = batch();
    if (entry.lease < 0) {
      if (entry.version === undefined) throw new DrcError('INTERNAL', 'A table version has no content.');
      const key = tableKey(entry.id);
      writes.put(key, seal(key, canonicalTableVersion(entry.version)));
    }
    entry.lease = lease;
    const key = leaseKey(entry.id);
    writes.put(key, seal(key, String(entry.lease)));
  }
}

/** The name alone would not do: dots may stand in both of its parts. */
const nameOf = ({ schema, table }: TableVersion): string => `${schema}\0${table}`;

const textOf = (id: Buffer): string => id.toString('latin1', 0, schemaIdBytes);
