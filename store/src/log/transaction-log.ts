import {
  DrcError,
  type LogExtent,
  type StartFrom,
  type TableVersion,
  type TransactionSet,
} from '@drc/protocol';
import type { AppendableLog, CaptureState, GroupHeader } from './appendable-log.js';
import { LogPages } from './copy/log-pages.js';
import { DiskReserve } from './disk-reserve.js';
import { Head } from './head.js';
import type { LevelDatabase } from './level-database.js';
import type { LockFile } from './lock-file.js';
import { LogBounds } from './log-bounds.js';
import { LogEnd } from './log-end.js';
import { openLogFolder, type LogFolder } from './log-folder.js';
import { LogKeeper } from './log-keeper.js';
import type { LogOptions } from './log-options.js';
import { expired, LogReader } from './log-reader.js';
import { restFrom, type LogRest } from './log-rest.js';
import { LogWriter } from './log-writer.js';
import { putBeginning, putTail, type LogBeginning, type LogTail, type SourceIdentity } from './meta.js';
import { RecentChunks, type Burst, type Cursor, type ReadLimits } from './recent-chunks.js';
import type { PreparedGroups } from './prepared-groups.js';
import { LogSeek, type SeekResult } from './seek.js';
import type { SourcePosition } from './set-index.js';
import type { TableCatalog } from './table-catalog.js';
import { Turn } from './turn.js';

export type { CaptureState, GroupHeader } from './appendable-log.js';
export type { StoredChunk } from './chunk-record.js';
export type { LogHooks } from './log-hooks.js';
export type { LogOptions } from './log-options.js';
export type { SourceIdentity } from './meta.js';
export type { Burst, Cursor, ReadLimits } from './recent-chunks.js';
export type { SeekResult } from './seek.js';
export type { SourcePosition } from './set-index.js';

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
export class TransactionLog implements AppendableLog, AsyncDisposable {
  readonly head: Head;
  /** Resolves when a failed write has closed the log, with the reason: see LogEnd. */
  readonly failed: Promise<DrcError>;
  readonly pages: LogPages;
  readonly #bounds: LogBounds;
  readonly #end: LogEnd;
  readonly #lock: LockFile;
  readonly #db: LevelDatabase;
  readonly #catalog: TableCatalog;
  readonly #prepared: PreparedGroups;
  readonly #reserve: DiskReserve;
  readonly #recent = new RecentChunks();
  readonly #turn = new Turn();
  readonly #writer: LogWriter;
  readonly #reader: LogReader;
  readonly #seek: LogSeek;
  readonly #keeper: LogKeeper;
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
    const { db, meta, mark, point, catalog, prepared } = folder;
    const { directory, clock, logger, hooks = {}, diskReserveBytes } = options;
    this.#bounds = new LogBounds(meta, folder.oldestTime);
    this.#lock = folder.lock;
    this.#db = db;
    this.#catalog = catalog;
    this.#prepared = prepared;
    this.#reserve = new DiskReserve(directory, clock, diskReserveBytes);
    this.head = new Head({ lsn: point.lsn, time: point.time });
    this.#end = new LogEnd(this.head, logger, () => this.close());
    this.failed = this.#end.failed;
    const [head, recent, reserve] = [this.head, this.#recent, this.#reserve];
    const [turn, end, bounds] = [this.#turn, this.#end, this.#bounds];
    const fail = (cause: unknown): DrcError => end.fail(cause);
    const toWrite = { db, catalog, prepared, clock, hooks, recent, head, reserve, turn, bounds, fail };
    this.#writer = new LogWriter(toWrite, point, mark.lsn);
    const ends = () => ({ headLsn: this.head.value.lsn, tailLsn: this.#bounds.tail.lsn });
    this.#reader = new LogReader(db, ends);
    this.pages = new LogPages(db, ends);
    const view = () => bounds.view(this.#writer.point, this.#writer.firstTime);
    this.#seek = new LogSeek(db, this.#reader, view);
    const [reader, seek] = [this.#reader, this.#seek];
    const markMoved = (lsn: number): void => this.#writer.markMoved(lsn);
    this.#keeper = new LogKeeper(options, { folder, bounds, head, end, reader, seek, turn, markMoved });
  }

  get lineage(): string {
    return this.#bounds.identity.lineage;
  }

  get replicaServerId(): number {
    return this.#bounds.identity.replicaServerId;
  }

  // --- Capture: see AppendableLog ------------------------------------------------------------------------------

  get capture(): CaptureState {
    const { position, executed } = this.#writer;
    const { identity, sinceLsn = 1, complete = false } = this.#bounds.beginning ?? {};
    return { identity, sinceLsn, position, executed, complete };
  }

  async begin(
    identity: SourceIdentity,
    position: SourcePosition,
    executed: TransactionSet,
    complete: boolean,
  ): Promise<void> {
    this.#end.assertOpen();
    if (this.#bounds.beginning !== undefined) throw new DrcError('INTERNAL', 'The log has begun before.');
    const beginning: LogBeginning = { identity, complete, moment: this.#writer.arrival.now() };
    const tail: LogTail = { ...this.#bounds.tail, setBefore: executed.toString() };
    this.#writer.begin(position, executed, (batch) => {
      putBeginning(batch, beginning);
      putTail(batch, tail);
    });
    await this.#writer.flush();
    this.#bounds.began(beginning, tail);
    await this.#keeper.syncEverything();
  }

  registerTable(version: TableVersion): Buffer {
    this.#end.assertOpen();
    return this.#writer.registerTable(version);
  }

  async sourceTime(ask: () => Promise<number>): Promise<number> {
    return await this.#writer.arrival.sourceTime(ask);
  }

  raiseTime(time: number): void {
    this.#end.assertOpen();
    this.#writer.raiseTime(time);
  }

  beginGroup(header: GroupHeader): void {
    this.#end.assertOpen();
    this.#writer.beginGroup(header);
  }

  setOrigin(origin: string): void {
    this.#writer.setOrigin(origin);
  }

  putChunk(parts: Buffer): void {
    this.#end.assertOpen();
    this.#writer.putChunk(parts);
  }

  truncateGroup(chunks: number): void {
    this.#end.assertOpen();
    this.#writer.truncateGroup(chunks);
  }

  get openGroupChunks(): number {
    return this.#writer.openGroupChunks;
  }

  endGroup(lastParts: Buffer, position: SourcePosition): void {
    this.#end.assertOpen();
    this.#writer.endGroup(lastParts, position);
  }

  prepareGroup(xid: string): void {
    this.#end.assertOpen();
    this.#writer.prepareGroup(xid);
  }

  endPrepare(lastParts: Buffer, position: SourcePosition): void {
    this.#end.assertOpen();
    this.#writer.endPrepare(lastParts, position);
  }

  async endPreparedAtOnce(lastParts: Buffer, position: SourcePosition): Promise<void> {
    this.#end.assertOpen();
    await this.#writer.endPreparedAtOnce(lastParts, position);
  }

  isPrepared(xid: string): boolean {
    return this.#prepared.has(xid);
  }

  async commitPrepared(xid: string, position: SourcePosition): Promise<void> {
    this.#end.assertOpen();
    await this.#writer.commitPrepared(xid, position);
  }

  rollBackPrepared(xid: string): void {
    this.#end.assertOpen();
    this.#writer.rollBackPrepared(xid);
  }

  abandonGroup(): void {
    this.#end.assertOpen();
    this.#writer.abandonGroup();
  }

  movePosition(position: SourcePosition): void {
    this.#end.assertOpen();
    this.#writer.movePosition(position);
  }

  moveSource(identity: SourceIdentity, position: SourcePosition): void {
    this.#end.assertOpen();
    const { nextLsn } = this.#writer;
    this.#writer.movePosition(position, (batch) => this.#bounds.moved(identity, nextLsn, batch));
  }

  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  async flush(): Promise<void> {
    this.#end.assertOpen();
    await this.#writer.flush();
  }

  async room(): Promise<boolean> {
    return await this.#reserve.hasRoom();
  }

  // --- Reading -------------------------------------------------------------------------------------------------

  extent(): LogExtent {
    return this.#bounds.extent(this.head.value, this.#writer.firstTime);
  }

  /** Executed set just before `lsn`. @throws DrcError `RETENTION_EXPIRED`, `LOG_CORRUPT`. */
  async executedBefore(lsn: number): Promise<TransactionSet> {
    this.#end.assertOpen();
    return await this.#seek.executedBefore(lsn);
  }

  /** The nearest place in the source in front of a transaction that was kept, behind transaction `lsn` of the answer. */
  async placeBefore(lsn: number): Promise<{ lsn: number; position: SourcePosition } | undefined> {
    this.#end.assertOpen();
    return await this.#seek.placeBefore(lsn);
  }

  /**
   * Where sending begins.
   * @param seekMarginMs how much earlier than a timestamp to begin: an earlier start is a repeat, a later one a gap
   * @throws DrcError `RETENTION_EXPIRED` (`oldest` in its details), `TRANSACTION_UNKNOWN`, `CHECKPOINT_INVALID`, `CHECKPOINT_DIVERGED`.
   */
  async seek(from: StartFrom, seekMarginMs: number): Promise<SeekResult> {
    this.#end.assertOpen();
    return await this.#seek.seek(from, seekMarginMs);
  }

  /**
   * Chunks from the cursor on, never beyond the head; none where the cursor is there. Holds nothing open afterwards.
   * @throws DrcError `RETENTION_EXPIRED`, `LOG_CORRUPT`, `CLOSED`; the signal's reason.
   */
  async read(cursor: Cursor, { maxBytes, signal }: ReadLimits): Promise<Burst> {
    signal.throwIfAborted();
    this.#end.assertOpen();
    const { lsn: headLsn } = this.head.value;
    const { lsn: tailLsn } = this.#bounds.tail;
    if (cursor.lsn < tailLsn) throw expired(cursor.lsn, tailLsn);
    if (cursor.lsn > headLsn) return { chunks: [], next: cursor };
    const recent = this.#recent.read(cursor, headLsn, maxBytes);
    if (recent !== undefined) return recent;
    const burst = await this.#reader.read(cursor, headLsn, maxBytes);
    signal.throwIfAborted();
    return burst;
  }

  /** What it holds from a transaction on. @throws DrcError `RETENTION_EXPIRED`, `LOG_CORRUPT`. */
  async restFrom(lsn: number): Promise<LogRest> {
    this.#end.assertOpen();
    return await restFrom(this.#db, this.#reader, lsn);
  }

  /** A table version by its schema id. @throws DrcError `LOG_CORRUPT` where it is missing. */
  async table(id: Buffer): Promise<TableVersion> {
    this.#end.assertOpen();
    return await this.#catalog.get(id);
  }

  /** Whether the log holds, or held not long ago, rows of a table, `schema.table`, that matches. */
  async someTable(matches: (name: string) => boolean): Promise<boolean> {
    this.#end.assertOpen();
    return await this.#catalog.some(matches);
  }

  /** Of each such table the version that was written last. */
  async newestTables(): Promise<readonly TableVersion[]> {
    this.#end.assertOpen();
    return await this.#catalog.newest();
  }

  // --- Keeping -------------------------------------------------------------------------------------------------

  /** What the log took of the disk when that was last measured, bytes; undefined before the first retention pass. */
  get bytes(): number | undefined {
    return this.#keeper.bytes;
  }

  /** How many of its transactions are GAPs; of those of a log that an older version wrote, none. */
  get gaps(): number {
    return this.#bounds.gapsUpTo(this.head.value.lsn);
  }

  /** One retention pass; the log runs them itself. @returns how many transactions it took out of the log. */
  async trim(): Promise<number> {
    return await this.#keeper.trim(['age', 'size']);
  }

  /** What is queued and not flushed is given up. Closing twice is fine. */
  async close(): Promise<void> {
    this.#end.end(new DrcError('CLOSED', 'The log was closed.'));
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#keeper.idle(), this.#turn.idle()]);
    try {
      // A log that failed does not know what it has; the next `open` finds out.
      if (this.#end.reason?.code === 'CLOSED') await this.#keeper.syncUpToHead();
    } finally {
      await this.#db.close();
      await this.#lock[Symbol.asyncDispose]();
    }
  }
}
