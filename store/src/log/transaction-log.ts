import { setTimeout as pause } from 'node:timers/promises';
import {
  DrcError,
  type LogExtent,
  type StartFrom,
  type TableVersion,
  type TransactionSet,
} from '@drc/protocol';
import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import { DiskReserve } from './disk-reserve.js';
import { Head } from './head.js';
import { isCorruption, type LevelDatabase } from './level-database.js';
import type { LockFile } from './lock-file.js';
import { openLogFolder, type LogFolder } from './log-folder.js';
import type { LogHooks } from './log-hooks.js';
import { expired, LogReader } from './log-reader.js';
import { LogSync } from './log-sync.js';
import { LogWriter, type GroupHeader } from './log-writer.js';
import {
  putBeginning,
  putTail,
  type LogBeginning,
  type LogIdentity,
  type LogTail,
  type SourceIdentity,
} from './meta.js';
import { RecentChunks, type Burst, type Cursor } from './recent-chunks.js';
import type { PreparedGroups } from './prepared-groups.js';
import { coversFrom, passIntervalMs, RetentionClock } from './retention.js';
import { LogSize } from './log-size.js';
import { LogSeek, type LogView, type SeekResult } from './seek.js';
import { pointAtOrBefore, type SourcePosition } from './set-index.js';
import type { TableCatalog } from './table-catalog.js';
import { Trimmer, type TrimReason } from './trimmer.js';
import { Turn } from './turn.js';

export type { StoredChunk } from './chunk-record.js';
export type { LogHooks } from './log-hooks.js';
export type { GroupHeader } from './log-writer.js';
export type { SourceIdentity } from './meta.js';
export type { Burst, Cursor } from './recent-chunks.js';
export type { SeekResult } from './seek.js';
export type { SourcePosition } from './set-index.js';

export interface LogOptions {
  /** The data folder of one topic; made where it is missing. */
  readonly directory: string;
  readonly topic: string;
  /** How long transactions stay, by log time. Default 24 h. */
  readonly retentionMs?: number;
  /** What the log may take of the disk, bytes; beyond that the oldest transactions go. Default: no limit. */
  readonly retentionBytes?: number;
  /** How long an acknowledged transaction may live in the operating system's memory only. Default 200. */
  readonly syncIntervalMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Free space that capture leaves alone. Default: the larger of 2 GiB and 5 % of the disk. */
  readonly diskReserveBytes?: number;
  /** For crash tests. */
  readonly hooks?: LogHooks;
}

/** What capture goes on from. Ahead of the head by what is queued. */
export interface CaptureState {
  /** Absent until `begin`. */
  readonly identity?: SourceIdentity | undefined;
  /** The first transaction that was, or will be, captured from that server. */
  readonly sinceLsn: number;
  readonly position?: SourcePosition | undefined;
  /** Live: it grows with the log. */
  readonly executed: TransactionSet;
  /** Whether the source had purged nothing when the log began. */
  readonly complete: boolean;
}

export interface ReadLimits {
  /** The burst ends with the chunk that reaches it; at least one chunk comes. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

const defaultRetentionMs = 86_400_000;
const defaultSyncIntervalMs = 200;

/** How long between two passes by size: a busy source writes a twentieth of a log of gigabytes in seconds. */
const sizePassMs = 1000;

/** How much of the newest data readers share in memory. */
const recentBytes = 16 * 1024 * 1024;

/**
 * The log of one topic: one writer, any number of readers, one LevelDB. These laws always hold:
 * - LSNs are 1, 2, 3 … without holes; log times never decrease.
 * - Data and position move together: what is written is a whole number of transactions, and the source position and
 *   executed set behind the last of them, in one batch.
 * - The head moves after the write. Nothing beyond it is visible, nothing before it changes.
 * - Every chunk that is read is proven, by checksum and by continuity.
 * - After a failed write the log is closed: what it holds is what another `open` finds.
 *
 * Beside the database lie two files: the lock, and the durable mark.
 */
export class TransactionLog implements AsyncDisposable {
  readonly head: Head;
  /**
   * Resolves when a failed write has closed the log: with `LOG_WRITE_FAILED`, what it holds another `open` tells, or with
   * `LOG_CORRUPT`, which no other `open` mends.
   */
  readonly failed: Promise<DrcError>;
  readonly #identity: LogIdentity;
  readonly #lock: LockFile;
  readonly #db: LevelDatabase;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #catalog: TableCatalog;
  readonly #prepared: PreparedGroups;
  readonly #reserve: DiskReserve;
  readonly #recent = new RecentChunks(recentBytes);
  readonly #turn = new Turn();
  readonly #writer: LogWriter;
  readonly #reader: LogReader;
  readonly #seek: LogSeek;
  readonly #sync: LogSync;
  readonly #size: LogSize;
  readonly #trimmer: Trimmer;
  readonly #trimTurn = new Turn();
  readonly #stop = new AbortController();
  readonly #timers: Promise<void>[];
  #beginning: LogBeginning | undefined;
  #tail: LogTail;
  #oldestTime: number | undefined;
  #ended: DrcError | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @throws DrcError `LOG_LOCKED`, `LOG_FORMAT`, `LOG_CORRUPT`, `LOG_MISSING`, `DATA_FOLDER`, and `DISK_RESERVE` where
   * opening failed on a full disk.
   */
  static async open(options: LogOptions): Promise<TransactionLog> {
    return new TransactionLog(options, await openLogFolder(options));
  }

  /** Use `open`. */
  constructor(options: LogOptions, folder: LogFolder) {
    const { db, meta, mark, markPath, point, catalog, prepared } = folder;
    const { directory, clock, logger, hooks = {}, diskReserveBytes } = options;
    const { retentionMs = defaultRetentionMs, syncIntervalMs = defaultSyncIntervalMs } = options;
    const { retentionBytes } = options;
    this.#identity = meta.identity;
    this.#beginning = meta.beginning;
    this.#tail = meta.tail;
    this.#oldestTime = folder.oldestTime;
    this.#lock = folder.lock;
    this.#db = db;
    this.#clock = clock;
    this.#logger = logger;
    this.#catalog = catalog;
    this.#prepared = prepared;
    this.#reserve = new DiskReserve(directory, clock, diskReserveBytes);
    this.head = new Head({ lsn: point.lsn, time: point.time });
    this.failed = new Promise((resolve) => {
      this.#stop.signal.addEventListener('abort', () => {
        if (this.#ended !== undefined && this.#ended.code !== 'CLOSED') resolve(this.#ended);
      });
    });
    const fail = (cause: unknown): DrcError => this.#fail(cause);
    this.#writer = new LogWriter(
      {
        db,
        catalog,
        prepared,
        clock,
        hooks,
        recent: this.#recent,
        head: this.head,
        reserve: this.#reserve,
        turn: this.#turn,
        fail,
      },
      point,
      mark.lsn,
    );
    this.#reader = new LogReader(db, () => ({ headLsn: this.head.value.lsn, tailLsn: this.#tail.lsn }));
    this.#seek = new LogSeek(db, this.#reader, () => this.#view());
    this.#sync = new LogSync(
      {
        db,
        markPath,
        hooks,
        headLsn: () => this.head.value.lsn,
        moved: (lsn) => this.#writer.markMoved(lsn),
      },
      mark,
    );
    this.#size = new LogSize(db);
    this.#trimmer = new Trimmer({
      db,
      size: this.#size,
      retentionBytes,
      catalog,
      oldestPrepared: () => prepared.oldestLsn,
      retentionMs,
      hooks,
      turn: this.#turn,
      clock: new RetentionClock(clock, point.time),
      ends: () => ({ tail: this.#tail, headLsn: this.head.value.lsn, headTime: this.head.value.time }),
      firstAtOrAfter: (time) => this.#seek.firstAtOrAfter(time),
      executedBefore: (lsn) => this.#seek.executedBefore(lsn),
      logTimeOf: async (lsn) => (await this.#reader.firstChunk(lsn)).logTime,
      sync: () => this.#sync.everything(),
      moved: (tail, oldestTime) => {
        this.#tail = tail;
        this.#oldestTime = oldestTime;
      },
      deleted: (tail) => {
        this.#tail = tail;
      },
    });
    this.#timers = [
      this.#every(syncIntervalMs, () => this.#sync.upToHead()),
      this.#every(passIntervalMs(retentionMs), async () => {
        await this.#trim(['age', 'size']);
      }),
      ...(retentionBytes === undefined
        ? []
        : [
            this.#every(sizePassMs, async () => {
              await this.#trim(['size']);
            }),
          ]),
    ];
  }

  get lineage(): string {
    return this.#identity.lineage;
  }

  get replicaServerId(): number {
    return this.#identity.replicaServerId;
  }

  // --- Capture: one writer -------------------------------------------------------------------------------------

  get capture(): CaptureState {
    return {
      identity: this.#beginning?.identity,
      sinceLsn: this.#beginning?.sinceLsn ?? 1,
      position: this.#writer.position,
      executed: this.#writer.executed,
      complete: this.#beginning?.complete ?? false,
    };
  }

  /**
   * The first start of an empty log: where in the source it begins. Durable when it resolves.
   * @param complete whether the source has purged nothing before `position`
   */
  async begin(
    identity: SourceIdentity,
    position: SourcePosition,
    executed: TransactionSet,
    complete: boolean,
  ): Promise<void> {
    this.#assertOpen();
    if (this.#beginning !== undefined) throw new DrcError('INTERNAL', 'The log has begun before.');
    const beginning: LogBeginning = { identity, complete, moment: this.#clock.now() };
    const tail: LogTail = { ...this.#tail, setBefore: executed.toString() };
    this.#writer.begin(position, executed, (batch) => {
      putBeginning(batch, beginning);
      putTail(batch, tail);
    });
    await this.#writer.flush();
    this.#beginning = beginning;
    this.#tail = tail;
    await this.#syncing(() => this.#sync.everything());
  }

  /** @returns its schema id, 16 bytes. Queued before the chunks that follow; cheap for the same object. */
  registerTable(version: TableVersion): Buffer {
    this.#assertOpen();
    return this.#writer.registerTable(version);
  }

  /**
   * Groups that begin from now on have this log time at least, ms since 1970, unless it lies in the future. Kept with the
   * next of them.
   */
  raiseTime(time: number): void {
    this.#assertOpen();
    this.#writer.raiseTime(time);
  }

  /** Opens a group and gives it its LSN and log time. One group is open at a time. */
  beginGroup(header: GroupHeader): void {
    this.#assertOpen();
    this.#writer.beginGroup(header);
  }

  /**
   * A chunk of the open group, not its last. The bytes are copied.
   * @throws DrcError `DISK_RESERVE` where much is queued already and the disk is full; nothing has changed then.
   */
  putChunk(parts: Buffer): void {
    this.#assertOpen();
    this.#writer.putChunk(parts);
  }

  /** Drops the open group's chunks from this index on. */
  truncateGroup(chunks: number): void {
    this.#assertOpen();
    this.#writer.truncateGroup(chunks);
  }

  /** How many chunks the open group has; 0 where none is open. */
  get openGroupChunks(): number {
    return this.#writer.openGroupChunks;
  }

  /** The open group's last chunk, empty or not. Position, executed set and head move with it at the next `flush`. */
  endGroup(lastParts: Buffer, position: SourcePosition): void {
    this.#assertOpen();
    this.#writer.endGroup(lastParts, position);
  }

  /**
   * The open group, which has no chunks yet, ends in an XA PREPARE: what is put into it waits under this XID. Ended by
   * one of the next two.
   */
  prepareGroup(xid: string): void {
    this.#assertOpen();
    this.#writer.prepareGroup(xid);
  }

  /** As `endGroup`, but what was put into the group stays prepared: the group itself is empty. */
  endPrepare(lastParts: Buffer, position: SourcePosition): void {
    this.#assertOpen();
    this.#writer.endPrepare(lastParts, position);
  }

  /** As `endGroup`: the group was committed in one phase. @throws as `commitPrepared` */
  async endPreparedAtOnce(lastParts: Buffer, position: SourcePosition): Promise<void> {
    this.#assertOpen();
    await this.#writer.endPreparedAtOnce(lastParts, position);
  }

  /** Whether a transaction is prepared under this XID. */
  isPrepared(xid: string): boolean {
    return this.#prepared.has(xid);
  }

  /**
   * The open group is the decision to commit a prepared transaction: as `endGroup`, with all that was prepared.
   * @throws DrcError as `flush`; `LOG_CORRUPT`
   */
  async commitPrepared(xid: string, position: SourcePosition): Promise<void> {
    this.#assertOpen();
    await this.#writer.commitPrepared(xid, position);
  }

  /** Deletes what is prepared under this XID, with the next flush. Does nothing where nothing is. */
  rollBackPrepared(xid: string): void {
    this.#assertOpen();
    this.#writer.rollBackPrepared(xid);
  }

  /** Deletes the chunks of the open group; nothing moves. Does nothing where none is open. */
  abandonGroup(): void {
    this.#assertOpen();
    this.#writer.abandonGroup();
  }

  /** The source went on without data, for example to another file. */
  movePosition(position: SourcePosition): void {
    this.#assertOpen();
    this.#writer.movePosition(position);
  }

  /** Capture goes on at another server, one that has all that the log has. Both are written together. */
  moveSource(identity: SourceIdentity, position: SourcePosition): void {
    this.#assertOpen();
    if (this.#beginning === undefined) throw new DrcError('INTERNAL', 'The log has not begun.');
    const beginning = { ...this.#beginning, identity, sinceLsn: this.#writer.nextLsn };
    this.#writer.movePosition(position, (batch) => putBeginning(batch, beginning));
    this.#beginning = beginning;
  }

  /** Bytes queued and not written. */
  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  /**
   * Writes all that is queued in one batch, then moves the head.
   * @throws DrcError `LOG_WRITE_FAILED`: the log is closed, `close()` it and open another; `DISK_RESERVE`: nothing was written, all
   * is still queued, call again when `room()` says so.
   */
  async flush(): Promise<void> {
    this.#assertOpen();
    await this.#writer.flush();
  }

  /** Whether the disk has more than its reserve left. */
  async room(): Promise<boolean> {
    return await this.#reserve.hasRoom();
  }

  // --- Reading -------------------------------------------------------------------------------------------------

  extent(): LogExtent {
    const head = this.head.value;
    const oldestTime = this.#oldestMoment();
    return {
      lineage: this.lineage,
      head,
      oldest: { lsn: this.#tail.lsn, time: oldestTime ?? head.time },
      coversFrom: coversFrom(this.#beginning, this.#tail, oldestTime),
      setBeforeOldest: this.#tail.setBefore,
    };
  }

  /** Executed set just before `lsn`. @throws DrcError `RETENTION_EXPIRED`, `LOG_CORRUPT`. */
  async executedBefore(lsn: number): Promise<TransactionSet> {
    this.#assertOpen();
    return await this.#seek.executedBefore(lsn);
  }

  /** The nearest place in the source in front of a transaction that was kept, behind transaction `lsn` of the answer. */
  async placeBefore(lsn: number): Promise<{ lsn: number; position: SourcePosition } | undefined> {
    this.#assertOpen();
    const point = await pointAtOrBefore(this.#db, lsn - 1);
    return point?.position === undefined ? undefined : { lsn: point.lsn, position: point.position };
  }

  /**
   * Where sending begins.
   * @param seekMarginMs how much earlier than a timestamp to begin: an earlier start is a repeat, a later one a gap
   * @throws DrcError `RETENTION_EXPIRED` (`oldest` in its details), `CHECKPOINT_INVALID`, `CHECKPOINT_DIVERGED`.
   */
  async seek(from: StartFrom, seekMarginMs: number): Promise<SeekResult> {
    this.#assertOpen();
    return await this.#seek.seek(from, seekMarginMs);
  }

  /**
   * Chunks from the cursor on, never beyond the head; none where the cursor is there. Holds nothing open afterwards.
   * @throws DrcError `RETENTION_EXPIRED`, `LOG_CORRUPT`, `CLOSED`; the signal's reason.
   */
  async read(cursor: Cursor, { maxBytes, signal }: ReadLimits): Promise<Burst> {
    signal.throwIfAborted();
    this.#assertOpen();
    const { lsn: headLsn } = this.head.value;
    if (cursor.lsn < this.#tail.lsn) throw expired(cursor.lsn, this.#tail.lsn);
    if (cursor.lsn > headLsn) return { chunks: [], next: cursor };
    const recent = this.#recent.read(cursor, headLsn, maxBytes);
    if (recent !== undefined) return recent;
    const burst = await this.#reader.read(cursor, headLsn, maxBytes);
    signal.throwIfAborted();
    return burst;
  }

  /** A table version by its schema id. @throws DrcError `LOG_CORRUPT` where it is missing. */
  async table(id: Buffer): Promise<TableVersion> {
    this.#assertOpen();
    return await this.#catalog.get(id);
  }

  /** Whether the log holds, or held not long ago, rows of this table, `schema.table`. */
  async hasTable(name: string): Promise<boolean> {
    this.#assertOpen();
    return await this.#catalog.has(name);
  }

  // --- Keeping -------------------------------------------------------------------------------------------------

  /** What the log took of the disk when that was last measured, bytes; undefined before the first retention pass. */
  get bytes(): number | undefined {
    return this.#size.bytes;
  }

  /** One retention pass; the log runs them itself. @returns how many transactions it took out of the log. */
  async trim(): Promise<number> {
    return await this.#trim(['age', 'size']);
  }

  async #trim(reasons: readonly TrimReason[]): Promise<number> {
    this.#assertOpen();
    return await this.#trimTurn.take(async () => {
      try {
        return await this.#trimmer.pass(this.#stop.signal, reasons);
      } catch (error) {
        // Damage that a reader would meet too is no failed write: the rest of the log stays readable.
        throw error instanceof DrcError ? error : this.#fail(error);
      }
    });
  }

  /** What is queued and not flushed is given up. Closing twice is fine. */
  async close(): Promise<void> {
    this.#end(new DrcError('CLOSED', 'The log was closed.'));
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#timers, this.#trimTurn.idle(), this.#turn.idle()]);
    try {
      // A log that failed does not know what it has; the next `open` finds out.
      if (this.#ended?.code === 'CLOSED') await this.#sync.upToHead();
    } finally {
      await this.#db.close();
      await this.#lock[Symbol.asyncDispose]();
    }
  }

  #view(): LogView {
    const { topic, lineage } = this.#identity;
    const { oldest, coversFrom: covers } = this.extent();
    return { topic, lineage, tail: this.#tail, oldest, head: this.#writer.point, coversFrom: covers };
  }

  #oldestMoment(): number | undefined {
    return this.#oldestTime ?? (this.head.value.lsn > 0 ? this.#writer.firstTime : undefined);
  }

  async #every(intervalMs: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await pause(intervalMs, undefined, { signal, ref: false });
      } catch {
        return;
      }
      try {
        await this.#syncing(work);
      } catch (error) {
        if (!signal.aborted) this.#logger.error({ err: error }, 'keeping the log failed');
      }
    }
  }

  /** Runs what syncs: a file that could not be synced once must not be believed the next time. */
  async #syncing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw error instanceof DrcError ? error : this.#fail(error);
    }
  }

  #assertOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  /** A write failed: nobody may rely on what the database says from now on. */
  #fail(cause: unknown): DrcError {
    if (this.#ended !== undefined) return this.#ended;
    const error = isCorruption(cause)
      ? new DrcError('LOG_CORRUPT', 'LevelDB met damage while it wrote; the log is closed.', {}, { cause })
      : new DrcError('LOG_WRITE_FAILED', 'Writing the log failed; it is closed.', {}, { cause });
    this.#logger.error({ err: error }, 'writing the log failed; it is closed');
    this.#end(error);
    // Whoever opens the log anew calls `close` and meets this very closing; nobody has to.
    this.close().catch((reason: unknown) =>
      this.#logger.error({ err: reason }, 'closing the failed log failed'),
    );
    return error;
  }

  #end(reason: DrcError): void {
    this.#ended ??= reason;
    this.#stop.abort(this.#ended);
    this.head.end(this.#ended);
  }
}
