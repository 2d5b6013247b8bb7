import { setTimeout as sleep } from 'node:timers/promises';
import { DrcError, TransactionSet, type TableVersion } from '@drc/protocol';
import type { Clock } from '../../clock.js';
import { seal, unseal, type StoredChunk } from '../chunk-record.js';
import { DiskReserve } from '../disk-reserve.js';
import { allKeys, chunkKey, metaKey, pointKey, schemaIdOfKey, type KeyRange } from '../keys.js';
import type { LevelDatabase, WriteBatch } from '../level-database.js';
import { proveLog, schemaIdsOf } from '../log-proof.js';
import { putIdentity, putTail, readMeta } from '../meta.js';
import type { Cursor } from '../recent-chunks.js';
import { TableCatalog } from '../table-catalog.js';
import { cutTimes, putTime } from '../time-index.js';
import { CopyFolder } from './copy-folder.js';
import { CopyProof } from './copy-proof.js';
import type { LogEntry } from './entry-stream.js';

export interface LogCopyOptions {
  /** The data folder; made where it is missing. */
  readonly directory: string;
  readonly topic: string;
  readonly clock: Clock;
  /** Free space that is left alone. Default: as for the log. */
  readonly diskReserveBytes?: number | undefined;
  readonly signal: AbortSignal;
  /** Told when the disk is down to its reserve, and when there is room again. */
  readonly waits?: (isWaiting: boolean) => void;
}

/** So much is written at once, bytes. */
const batchBytes = 4 * 1024 * 1024;
const fullDiskPauseMs = 1_000;

/** Beside what a log has, until the copy is whole: the lineage of the log that is copied. */
const copyOfKey = metaKey('copyOf');

/**
 * An empty log that is being filled with a copy of another store's log of the same topic: the same transactions under the same
 * LSNs, byte for byte; lineage and server id are its own. What has arrived is proven before it is written, and again when
 * a copy that was interrupted goes on. Until it is whole it stands beside the log's database, which nobody can mistake it for.
 */
export class LogCopy implements AsyncDisposable {
  readonly #options: LogCopyOptions;
  readonly #folder: CopyFolder;
  readonly #reserve: DiskReserve;
  #state: CopyState | undefined;
  #bytes = 0;
  #batch: WriteBatch | undefined;
  #batchBytes = 0;
  readonly #batchFor = (): WriteBatch => (this.#batch ??= this.#folder.db.batch());

  private constructor(options: LogCopyOptions, folder: CopyFolder) {
    this.#options = options;
    this.#folder = folder;
    const { directory, clock, diskReserveBytes } = options;
    this.#reserve = new DiskReserve(directory, clock, diskReserveBytes);
  }

  /**
   * @returns undefined where the log has begun, or is filled
   * @throws DrcError `LOG_LOCKED`, `LOG_FORMAT`, `LOG_CORRUPT`, `DATA_FOLDER`; the signal's reason
   */
  static async open(options: LogCopyOptions): Promise<LogCopy | undefined> {
    const { directory, topic, signal } = options;
    const folder = await CopyFolder.open(directory, topic);
    if (folder === undefined) return undefined;
    try {
      const copy = new LogCopy(options, folder);
      copy.#state = await resumed(folder, signal);
      if (copy.#state === undefined) await folder.clear();
      return copy;
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Lineage of the log that is being copied; undefined before anything of one was. */
  get of(): string | undefined {
    return this.#state?.lineage;
  }

  /** The next chunk; undefined: the oldest. */
  get next(): Cursor | undefined {
    return this.#state?.proof?.next;
  }

  /** Bytes taken since this process began. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Entries of a page come next. @param lineage of the log that they are of; another one than before: all begins anew */
  async pageBegins(lineage: string): Promise<void> {
    const state = this.#state;
    if (state !== undefined && state.lineage !== lineage) await this.startOver();
    this.#state ??= {
      lineage,
      proof: undefined,
      catalog: await TableCatalog.open(this.#folder.db),
      tables: new Set(),
      hasPrepared: false,
    };
    // An end that was cut off may have left some.
    if (this.#state.hasPrepared) {
      await this.write();
      await this.#folder.db.clear(allKeys.prepared);
      this.#state.hasPrepared = false;
    }
    this.#state.proof?.pageBegins();
  }

  /** What was copied goes: the next page begins at the oldest transaction. */
  async startOver(): Promise<void> {
    this.#batch = undefined;
    this.#batchBytes = 0;
    this.#state = undefined;
    await this.#folder.clear();
  }

  /**
   * Takes an entry, in the order of the page.
   * @throws DrcError `LOG_CORRUPT` for one that is not sound; `LOG_WRITE_FAILED`; the signal's reason
   */
  async take(entry: LogEntry): Promise<void> {
    const state = this.#state;
    if (state === undefined) throw new DrcError('INTERNAL', 'No page has begun.');
    if (state.proof === undefined) this.#begin(entry, state);
    else this.#put(entry, state, state.proof);
    this.#bytes += entry.key.length + entry.value.length;
    this.#batchBytes += entry.key.length + entry.value.length;
    if (this.#batchBytes >= batchBytes) await this.write();
  }

  /** All has been taken: the copy becomes the log. @throws DrcError `LOG_CORRUPT` where something is missing */
  async finish(): Promise<void> {
    if (this.#state?.proof?.beginning === undefined)
      throw new DrcError('LOG_CORRUPT', 'What a sister store sent ends before its end.');
    this.#batchFor().del(copyOfKey);
    await this.write();
    await this.#folder.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }

  /** The tail comes first, and the copy's own identity with it. */
  #begin(entry: LogEntry, state: CopyState): void {
    const executed = new TransactionSet();
    const proof = new CopyProof({ next: { lsn: 1, chunk: 0 }, time: 0, executed });
    if (!entry.key.equals(metaKey('tail')))
      throw new DrcError('LOG_CORRUPT', 'What a sister store sent does not begin with its tail.');
    const tail = proof.tail(entry);
    const batch = this.#batchFor();
    putIdentity(batch, this.#folder.identity);
    putTail(batch, { ...tail, deletedBefore: tail.lsn });
    batch.put(copyOfKey, seal(copyOfKey, state.lineage));
    state.proof = new CopyProof({
      next: { lsn: tail.lsn, chunk: 0 },
      time: 0,
      executed: TransactionSet.parse(tail.setBefore),
    });
  }

  #put(entry: LogEntry, state: CopyState, proof: CopyProof): void {
    const { key, value } = entry;
    const batch = this.#batchFor();
    if (within(key, allKeys.chunks)) {
      this.#use(proof.chunk(entry), state);
      batch.put(key, value);
    } else if (within(key, allKeys.tables)) {
      this.#learn(entry, state, proof);
    } else if (within(key, allKeys.points)) {
      const { time, lsn } = proof.point(entry);
      batch.put(key, value);
      putTime(batch, time, lsn);
    } else if (within(key, allKeys.prepared)) {
      this.#use(proof.prepared(entry), state);
      state.hasPrepared = true;
      batch.put(key, value);
    } else {
      proof.end(entry);
      batch.put(key, value);
    }
  }

  /** Pages repeat the table versions that they use. */
  #learn(entry: LogEntry, { tables, catalog }: CopyState, proof: CopyProof): void {
    const text = schemaIdOfKey(entry.key).toString('latin1');
    if (tables.has(text)) return;
    const version: TableVersion = proof.table(entry);
    tables.add(text);
    catalog.register(version, proof.next.lsn, this.#batchFor);
  }

  #use(chunk: StoredChunk, { tables, catalog }: CopyState): void {
    for (const id of schemaIdsOf(chunk)) {
      if (!tables.has(id.toString('latin1')))
        throw new DrcError(
          'LOG_CORRUPT',
          `What a sister store sent lacks table version ${id.toString('hex')}.`,
        );
    }
    catalog.use(chunk.bytes.subarray(chunk.partsAt), chunk.lsn, this.#batchFor);
  }

  /** Writes what was taken; waits while the disk is down to its reserve. @throws DrcError `LOG_WRITE_FAILED`; the signal's reason */
  async write(): Promise<void> {
    const batch = this.#batch;
    if (batch === undefined) return;
    await this.#room();
    this.#reserve.written(this.#batchBytes);
    this.#batch = undefined;
    this.#batchBytes = 0;
    try {
      await batch.write();
    } catch (cause) {
      throw new DrcError('LOG_WRITE_FAILED', 'Writing the copy of the log failed.', {}, { cause });
    }
  }

  async #room(): Promise<void> {
    const { signal, waits } = this.#options;
    if (!this.#reserve.isStale || (await this.#reserve.hasRoom())) return;
    waits?.(true);
    do await sleep(fullDiskPauseMs, undefined, { signal });
    while (!(await this.#reserve.hasRoom()));
    waits?.(false);
  }
}

interface CopyState {
  readonly lineage: string;
  /** Undefined until the tail has come. */
  proof: CopyProof | undefined;
  readonly catalog: TableCatalog;
  /** Schema ids of the table versions that have come to this process. */
  readonly tables: Set<string>;
  hasPrepared: boolean;
}

const within = (key: Buffer, { gte, lt }: KeyRange): boolean =>
  Buffer.compare(key, gte) >= 0 && Buffer.compare(key, lt) < 0;

/**
 * A copy that was interrupted, cut behind the last point up to which all of it proves sound; undefined where there is
 * nothing to go on from. Reads all of it.
 */
async function resumed({ db, identity }: CopyFolder, signal: AbortSignal): Promise<CopyState | undefined> {
  const meta = await readMeta(db, identity.topic);
  const origin = await db.get(copyOfKey);
  if (meta === undefined || origin === undefined || meta.identity.lineage !== identity.lineage)
    return undefined;
  const { end, faults } = await proveLog(db, meta.tail, 0, Infinity, signal);
  if (end === undefined || faults.length > 0) return undefined;
  await cutBehind(db, end.lsn);
  return {
    lineage: unseal(copyOfKey, origin, 'the origin of the copy').toString(),
    proof: new CopyProof({
      next: { lsn: end.lsn + 1, chunk: 0 },
      time: end.time,
      executed: TransactionSet.parse(end.executed),
    }),
    catalog: await TableCatalog.open(db),
    tables: new Set(),
    hasPrepared: false,
  };
}

async function cutBehind(db: LevelDatabase, lsn: number): Promise<void> {
  await db.clear({ gte: chunkKey(lsn + 1, 0), lt: allKeys.chunks.lt });
  await db.clear({ gte: pointKey(lsn + 1), lt: allKeys.points.lt });
  await db.clear(allKeys.prepared);
  const batch = db.batch();
  await cutTimes(db, batch, lsn);
  batch.del(metaKey('beginning'));
  await batch.write();
}
