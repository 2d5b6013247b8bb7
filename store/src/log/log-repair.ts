import { rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError, parseChunkHeader } from '@drc/protocol';
import { sealBytes, sealChunk } from './chunk-record.js';
import { examineDurableMark, syncFolder, writeDurableMark } from './durable-mark.js';
import { allKeys, chunkKey } from './keys.js';
import { LevelDatabase, type WriteBatch } from './level-database.js';
import { LockFile } from './lock-file.js';
import {
  chunksOf,
  entriesOf,
  proveLog,
  schemaIdsOf,
  soundPoints,
  tableVersionOf,
  type LogProof,
} from './log-proof.js';
import { endedAt } from './earlier-end.js';
import { putBeginning, putIdentity, putTail, readMeta, type LogBeginning, type Meta } from './meta.js';
import { putPoint, type LogPoint } from './set-index.js';
import { TableCatalog } from './table-catalog.js';
import { putTime } from './time-index.js';

/*
 * What a repair adds to the data folder (log-folder.ts), and does in this order:
 *
 *   level.copying     the copy of what is sound, being made
 *   level.repaired    the copy, whole and synced
 *   durable-mark      goes back to its last transaction: from here on the damaged database would open shorter, too
 *   level.damaged-<time>   the database as it was; never deleted
 *   level             the copy
 */
const copyName = 'level.copying';
const doneName = 'level.repaired';

/** So much is written at once, bytes. */
const batchBytes = 4 * 1024 * 1024;
/** Free space that is left beside the copy, bytes. */
const spareBytes = 64 * 1024 * 1024;

export interface DamagedLogOptions {
  readonly directory: string;
  readonly topic: string;
  /** Only what lies before this transaction is believed. Default: all that proves sound. */
  readonly before?: number;
  readonly signal: AbortSignal;
}

export interface ExaminedLog {
  readonly proof: LogProof;
  readonly beginning: LogBeginning | undefined;
  /** What is wrong with the durable mark; undefined where it is sound. */
  readonly markFault: string | undefined;
}

/** A data folder that may be damaged, locked, with its database open. Nothing is changed until `repair`. */
export class DamagedLog implements AsyncDisposable {
  readonly #directory: string;
  readonly #lock: LockFile;
  readonly #meta: Meta;
  readonly #proof: LogProof;
  readonly #markFault: string | undefined;
  readonly #signal: AbortSignal;
  #db: LevelDatabase | undefined;

  private constructor(options: DamagedLogOptions, { lock, db, meta, proof, markFault }: Opened) {
    this.#directory = options.directory;
    this.#signal = options.signal;
    this.#lock = lock;
    this.#db = db;
    this.#meta = meta;
    this.#proof = proof;
    this.#markFault = markFault;
  }

  /**
   * Reads the whole log.
   * @throws DrcError `LOG_LOCKED`, `LOG_FORMAT`, `DATA_FOLDER`; `LOG_CORRUPT` or `LOG_MISSING` where there is too little left
   * to read anything: no database, or none that says what it is
   */
  static async open(options: DamagedLogOptions): Promise<DamagedLog> {
    const { directory } = options;
    const lock = await LockFile.acquire(join(directory, 'lock'));
    try {
      await finishSwap(directory);
      if (!(await LevelDatabase.exists(join(directory, 'level'))))
        throw new DrcError('LOG_MISSING', `There is no database in ${directory}.`);
      return new DamagedLog(options, await openLocked(options, lock));
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  get examined(): ExaminedLog {
    return { proof: this.#proof, beginning: this.#meta.beginning, markFault: this.#markFault };
  }

  /**
   * Puts what is sound up to `proof.end` in the place of the database.
   * @returns the folder in which the database is kept as it was
   * @throws DrcError `DISK_RESERVE` where there is no room for the copy; `LOG_CORRUPT` where nothing can be kept
   */
  async repair(now: Date): Promise<string> {
    const { end } = this.#proof;
    const db = this.#db;
    if (end === undefined || db === undefined)
      throw new DrcError('LOG_CORRUPT', 'Nothing of the log can be kept: begin with a new data folder.');
    await this.#needRoom(db);
    const at = (name: string): string => join(this.#directory, name);
    for (const name of [copyName, doneName]) await rm(at(name), { recursive: true, force: true });
    await copyLog(db, at(copyName), this.#meta, end, this.#signal);
    await this.#close();
    await rename(at(copyName), at(doneName));
    await syncFolder(this.#directory);
    const { topic, lineage } = this.#meta.identity;
    await writeDurableMark(at('durable-mark'), { topic, lineage, lsn: end.lsn });
    const damaged = `level.damaged-${now.toISOString().replaceAll(/[:.]/g, '-')}`;
    await rename(at('level'), at(damaged));
    await finishSwap(this.#directory);
    return at(damaged);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    await this.#lock[Symbol.asyncDispose]();
  }

  async #close(): Promise<void> {
    const db = this.#db;
    this.#db = undefined;
    await db?.close();
  }

  async #needRoom(db: LevelDatabase): Promise<void> {
    const needed = (await db.tableBytes(allKeys.chunks)) + (await db.writeAheadBytes()) + spareBytes;
    const { bavail, bsize } = await statfs(this.#directory);
    if (bavail * bsize >= needed) return;
    throw new DrcError(
      'DISK_RESERVE',
      `The copy needs ${Math.ceil(needed / 1024 ** 2)} MiB of disk; ${Math.floor((bavail * bsize) / 1024 ** 2)} MiB are free.`,
    );
  }
}

interface Opened {
  readonly lock: LockFile;
  readonly db: LevelDatabase;
  readonly meta: Meta;
  readonly proof: LogProof;
  readonly markFault: string | undefined;
}

async function openLocked(
  { directory, topic, before = Infinity, signal }: DamagedLogOptions,
  lock: LockFile,
): Promise<Opened> {
  const db = await LevelDatabase.open(join(directory, 'level'), { createIfMissing: false });
  try {
    const meta = await readMeta(db, topic);
    if (meta === undefined)
      throw new DrcError('LOG_CORRUPT', 'The database has lost the identity of its log.');
    const { mark, fault: markFault } = await examineDurableMark(join(directory, 'durable-mark'));
    if (mark !== undefined && mark.lineage !== meta.identity.lineage)
      throw new DrcError('LOG_CORRUPT', 'The durable mark and the database are of two different logs.');
    const proof = await proveLog(db, meta.tail, mark?.lsn ?? 0, before, signal);
    return { lock, db, meta, proof, markFault };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** Where a repair was ended after it had set the damaged database aside. */
async function finishSwap(directory: string): Promise<void> {
  const level = join(directory, 'level');
  if (await LevelDatabase.exists(level)) return;
  if (!(await LevelDatabase.exists(join(directory, doneName)))) return;
  await rename(join(directory, doneName), level);
  await syncFolder(directory);
}

/** A new database, that of a log which never went beyond `end`. */
async function copyLog(
  db: LevelDatabase,
  path: string,
  { identity, beginning, tail }: Meta,
  end: LogPoint,
  signal: AbortSignal,
): Promise<void> {
  const copy = await LevelDatabase.open(path, { createIfMissing: true });
  try {
    const writer = new CopyWriter(db, copy, await TableCatalog.open(copy));
    putIdentity(writer.batch(), identity);
    const ended = endedAt(end, beginning);
    if (ended.beginning !== undefined) putBeginning(writer.batch(), ended.beginning);
    putTail(writer.batch(), { ...tail, deletedBefore: tail.lsn });
    let checksum = 0;
    for await (const chunk of chunksOf(db, tail.lsn, end.lsn)) {
      signal.throwIfAborted();
      const stored = Buffer.concat([Buffer.alloc(sealBytes), chunk.bytes]);
      checksum = sealChunk(stored, chunk.chunk === 0 ? 0 : checksum);
      await writer.use(schemaIdsOf(chunk), chunk.bytes.subarray(chunk.partsAt), chunk.lsn);
      await writer.put(chunkKey(chunk.lsn, chunk.chunk), stored);
    }
    for await (const point of soundPoints(db, tail.lsn - 1)) {
      if (point.lsn > end.lsn) break;
      putPoint(writer.batch(), point.lsn === end.lsn ? ended.point : point);
      putTime(writer.batch(), point.time, point.lsn);
    }
    // As they are: an `open` sorts out what the log's new end does not have.
    for await (const [key, stored] of entriesOf(db, allKeys.prepared)) {
      await writer.usePrepared(stored);
      await writer.put(key, stored);
    }
    await writer.flush();
    await copy.sync();
  } finally {
    await copy.close();
  }
}

/** Gathers what is copied into batches, and registers the table versions that it uses. */
class CopyWriter {
  readonly #from: LevelDatabase;
  readonly #to: LevelDatabase;
  readonly #catalog: TableCatalog;
  readonly #known = new Set<string>();
  readonly #batchFor = (): WriteBatch => this.batch();
  #batch: WriteBatch | undefined;
  #bytes = 0;

  constructor(from: LevelDatabase, to: LevelDatabase, catalog: TableCatalog) {
    this.#from = from;
    this.#to = to;
    this.#catalog = catalog;
  }

  batch(): WriteBatch {
    return (this.#batch ??= this.#to.batch());
  }

  async put(key: Buffer, value: Buffer): Promise<void> {
    this.batch().put(key, value);
    this.#bytes += key.length + value.length;
    if (this.#bytes >= batchBytes) await this.flush();
  }

  async use(ids: Iterable<Buffer>, parts: Buffer, lsn: number): Promise<void> {
    for (const id of ids) {
      const text = id.toString('latin1');
      if (this.#known.has(text)) continue;
      this.#known.add(text);
      this.#catalog.register(await tableVersionOf(this.#from, id), lsn, this.#batchFor);
    }
    this.#catalog.use(parts, lsn, this.#batchFor);
  }

  /** The table versions of a prepared chunk; one that is damaged shows when its transaction is decided. */
  async usePrepared(stored: Buffer): Promise<void> {
    try {
      const bytes = stored.subarray(sealBytes);
      const header = parseChunkHeader(bytes);
      const parts = bytes.subarray(header.partsAt);
      await this.use(schemaIdsOf({ ...header, bytes }), parts, header.lsn);
    } catch (error) {
      if (!(error instanceof DrcError)) throw error;
    }
  }

  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = undefined;
    this.#bytes = 0;
    await batch?.write();
  }
}
