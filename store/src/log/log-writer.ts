import { DrcError, encodeChunk, PartKind, TransactionSet, type TableVersion } from '@drc/protocol';
import type { Clock } from '../clock.js';
import { ArrivalClock } from './arrival-clock.js';
import { sealBytes, sealChunk } from './chunk-record.js';
import type { DiskReserve } from './disk-reserve.js';
import type { Head } from './head.js';
import { chunkKey, chunkKeyBytes, pointKey } from './keys.js';
import type { LevelDatabase, WriteBatch } from './level-database.js';
import type { LogBounds } from './log-bounds.js';
import type { LogHooks } from './log-hooks.js';
import type { GroupHeader, OpenGroup } from './open-group.js';
import type { PreparedGroups } from './prepared-groups.js';
import type { RecentChunks } from './recent-chunks.js';
import { PointSpacing, putPoint, type LogPoint, type SourcePosition } from './set-index.js';
import type { TableCatalog } from './table-catalog.js';
import { putTime } from './time-index.js';
import type { Turn } from './turn.js';

export interface LogWriterParts {
  readonly db: LevelDatabase;
  readonly catalog: TableCatalog;
  readonly prepared: PreparedGroups;
  readonly recent: RecentChunks;
  readonly head: Head;
  readonly reserve: DiskReserve;
  readonly clock: Clock;
  readonly hooks: LogHooks;
  /** Writes of the log go one after the other: libuv's threads would not keep their order. */
  readonly turn: Turn;
  /** Told of each transaction in whose place a GAP stands. */
  readonly bounds: Pick<LogBounds, 'leftOut'>;
  /** Closes the log after a failed write; @returns the error to throw. */
  readonly fail: (cause: unknown) => DrcError;
}

/** So much of a prepared transaction is queued before it is written to its place, bytes. */
const placingBytes = 4 * 1024 * 1024;
/** How much may wait for a full disk, bytes. */
const waitingLimitBytes = 64 * 1024 * 1024;
const noParts = Buffer.alloc(0);

/**
 * Appends. Calls only queue, into a LevelDB batch; `flush` writes all that is queued as one step, together with the
 * point behind the last whole group, and then moves the head. Chunks of a group that is still open lie beyond the
 * head: no reader sees them, and whoever opens the log deletes them.
 */
export class LogWriter {
  readonly #parts: LogWriterParts;
  readonly #spacing: PointSpacing;
  readonly arrival: ArrivalClock;
  readonly #batchFor = (): WriteBatch => (this.#batch ??= this.#parts.db.batch());
  #batch: WriteBatch | undefined;
  #batchBytes = 0;
  /** Of them, those in front of the newest point that is queued. */
  #pointBytes = 0;
  /** The newest whole group, written or not. */
  #lsn: number;
  #logTime: number;
  /** What is still to come was committed at this moment or later. */
  #floorTime = 0;
  #position: SourcePosition | undefined;
  #executed: TransactionSet;
  /** Whether something behind the last point has been queued that belongs into the next. */
  #moved = false;
  #group: OpenGroup | undefined;
  /** The point that is written; readers may rely on it. */
  #point: LogPoint;
  #markLsn: number;
  #firstTime: number | undefined;

  constructor(parts: LogWriterParts, point: LogPoint, markLsn: number) {
    this.#parts = parts;
    this.arrival = new ArrivalClock(parts.clock);
    this.#point = point;
    this.#lsn = point.lsn;
    this.#logTime = point.time;
    this.#position = point.position;
    this.#markLsn = markLsn;
    this.#executed = TransactionSet.parse(point.executed);
    this.#spacing = new PointSpacing(point.lsn);
  }

  /** With all that is queued. */
  get executed(): TransactionSet {
    return this.#executed;
  }

  /** With all that is queued. */
  get position(): SourcePosition | undefined {
    return this.#position;
  }

  /** Of the next transaction. */
  get nextLsn(): number {
    return this.#lsn + 1;
  }

  /** The head, with its executed set. */
  get point(): LogPoint {
    return this.#point;
  }

  /** Log time of transaction 1, where this writer wrote it. */
  get firstTime(): number | undefined {
    return this.#firstTime;
  }

  get openGroupChunks(): number {
    return this.#group?.checksums.length ?? 0;
  }

  get pendingBytes(): number {
    return this.#batchBytes;
  }

  /** An empty log begins here: the next flush writes its first point, and whatever `also` adds to the batch. */
  begin(position: SourcePosition, executed: TransactionSet, also: (batch: WriteBatch) => void): void {
    this.#executed = executed.clone();
    this.#position = position;
    this.#moved = true;
    also(this.#batchFor());
  }

  registerTable(version: TableVersion): Buffer {
    return this.#parts.catalog.register(version, this.#lsn + 1, this.#batchFor);
  }

  raiseTime(time: number): void {
    this.#floorTime = Math.max(this.#floorTime, Math.min(time, this.arrival.latestCommit()));
  }

  beginGroup({ id, commitTime, origin }: GroupHeader): void {
    if (this.#group !== undefined) throw new DrcError('INTERNAL', 'A group began within another.');
    const committed = Math.max(Math.floor(commitTime / 1000), this.#floorTime);
    this.#group = {
      id,
      commitTime,
      origin,
      lsn: this.#lsn + 1,
      logTime: Math.max(this.#logTime, Math.min(committed, this.arrival.latestCommit())),
      checksums: [],
      preparedAs: undefined,
    };
  }

  setOrigin(origin: string): void {
    const group = this.#opened();
    if (group.checksums.length > 0) throw new DrcError('INTERNAL', 'The origin comes behind a chunk.');
    group.origin = origin;
  }

  prepareGroup(xid: string): void {
    const group = this.#opened();
    if (group.checksums.length > 0) throw new DrcError('INTERNAL', 'A group that has chunks is prepared.');
    this.#parts.prepared.begin(xid, group.lsn, this.#batchFor);
    group.preparedAs = xid;
  }

  putChunk(parts: Buffer): void {
    this.#put(this.#opened(), parts, false);
  }

  truncateGroup(chunks: number): void {
    const group = this.#opened();
    this.#dropChunks(group, chunks);
  }

  endPrepare(lastParts: Buffer, position: SourcePosition): void {
    this.#leavePrepared(lastParts);
    this.endGroup(noParts, position);
  }

  async endPreparedAtOnce(lastParts: Buffer, position: SourcePosition): Promise<void> {
    const { preparedAs: xid, checksums } = this.#opened();
    if (xid === undefined) throw new DrcError('INTERNAL', 'The group is not being prepared.');
    if (checksums.length > 0) {
      this.#leavePrepared(lastParts);
      return await this.commitPrepared(xid, position);
    }
    this.rollBackPrepared(xid);
    this.#opened().preparedAs = undefined;
    this.endGroup(lastParts, position);
  }

  async commitPrepared(xid: string, position: SourcePosition): Promise<void> {
    const group = this.#opened();
    // Some of it may be queued still.
    await this.flush();
    let last: Buffer = noParts;
    for await (const chunk of this.#parts.prepared.chunks(xid)) {
      // Who wrote the rows is who prepared them.
      group.origin = chunk.origin;
      const parts = chunk.bytes.subarray(chunk.partsAt);
      if (chunk.last) last = parts;
      else this.#put(group, parts, false);
      if (this.#batchBytes < placingBytes) continue;
      await this.flush();
      await this.#parts.hooks.at?.('commit.placing');
    }
    this.#parts.prepared.commit(xid, group.lsn, this.#batchFor());
    this.endGroup(last, position);
  }

  rollBackPrepared(xid: string): void {
    this.#parts.prepared.delete(xid, this.#batchFor);
  }

  endGroup(lastParts: Buffer, position: SourcePosition): void {
    const group = this.#opened();
    this.#put(group, lastParts, true);
    // It is the only part of its transaction.
    if (lastParts[0] === PartKind.gap) this.#parts.bounds.leftOut(group.lsn, this.#batchFor());
    this.#executed.add(group.id);
    this.#lsn = group.lsn;
    this.#logTime = group.logTime;
    if (group.lsn === 1) this.#firstTime = group.logTime;
    this.#position = position;
    this.#moved = true;
    this.#group = undefined;
    // However long the next write becomes: a seek walks from point to point.
    if (this.#spacing.isDue(this.#lsn, this.#batchBytes - this.#pointBytes))
      this.#putPoint(this.#batchFor(), this.#newPoint());
  }

  abandonGroup(): void {
    if (this.#group === undefined) return;
    const { preparedAs } = this.#group;
    if (preparedAs === undefined) this.#dropChunks(this.#group, 0);
    else this.rollBackPrepared(preparedAs);
    this.#group = undefined;
  }

  /** @param also adds to the batch that the position is written with */
  movePosition(position: SourcePosition, also?: (batch: WriteBatch) => void): void {
    if (this.#group !== undefined) throw new DrcError('INTERNAL', 'The position moved within a group.');
    this.#position = position;
    this.#moved = true;
    also?.(this.#batchFor());
  }

  /** All up to `lsn` is durable: points that only a torn log would need may go with the next write. */
  markMoved(lsn: number): void {
    this.#markLsn = lsn;
  }

  async flush(): Promise<void> {
    await this.#parts.turn.take(() => this.#flush());
  }

  async #flush(): Promise<void> {
    const { reserve, head, hooks, fail } = this.#parts;
    if (this.#batch === undefined && !this.#moved) return;
    if (reserve.isStale && !(await reserve.hasRoom())) {
      throw new DrcError(
        'DISK_RESERVE',
        'The disk is down to its reserve; nothing was written, what is queued waits.',
      );
    }
    const point = this.#moved ? this.#newPoint() : undefined;
    const batch = this.#batchFor();
    if (point !== undefined) this.#putPoint(batch, point);
    reserve.written(this.#batchBytes);
    this.#batch = undefined;
    this.#batchBytes = 0;
    this.#pointBytes = 0;
    this.#moved = false;
    if (hooks.at !== undefined) await hooks.at('flush.begin');
    try {
      await batch.write();
    } catch (error) {
      throw fail(error);
    }
    if (hooks.at !== undefined) await hooks.at('flush.written');
    if (point === undefined) return;
    this.#point = point;
    head.advance({ lsn: point.lsn, time: point.time });
    if (hooks.at !== undefined) await hooks.at('flush.done');
  }

  #newPoint(): LogPoint {
    const executed =
      this.#lsn === this.#point.lsn && this.#lsn > 0 ? this.#point.executed : this.#executed.toString();
    return { lsn: this.#lsn, time: this.#logTime, position: this.#position, executed };
  }

  #putPoint(batch: WriteBatch, point: LogPoint): void {
    putPoint(batch, point);
    const bytes = this.#batchBytes - this.#pointBytes;
    this.#pointBytes = this.#batchBytes;
    if (this.#spacing.add(point.lsn, bytes)) putTime(batch, point.time, point.lsn);
    for (const lsn of this.#spacing.passed(this.#markLsn)) batch.del(pointKey(lsn));
    this.#parts.prepared.passed(this.#markLsn, () => batch);
  }

  #put(group: OpenGroup, parts: Buffer, last: boolean): void {
    if (this.#batchBytes + parts.length > waitingLimitBytes && this.#parts.reserve.isLow) {
      throw new DrcError(
        'DISK_RESERVE',
        'The disk is down to its reserve, and what may wait for it is queued.',
      );
    }
    const { lsn, logTime, commitTime, id, origin, checksums, preparedAs } = group;
    const chunk = checksums.length;
    this.#parts.catalog.use(parts, lsn, this.#batchFor);
    const stored = encodeChunk({ lsn, chunk, last, logTime, commitTime, id, origin }, parts, sealBytes);
    const partsAt = stored.length - sealBytes - parts.length;
    const checksum = sealChunk(stored, chunk === 0 ? 0 : checksums[chunk - 1]!);
    this.#batchBytes += chunkKeyBytes + stored.length;
    checksums.push(checksum);
    if (preparedAs !== undefined)
      return this.#parts.prepared.put(preparedAs, chunk, stored, this.#batchFor());
    this.#batchFor().put(chunkKey(lsn, chunk), stored);
    const bytes = stored.subarray(sealBytes);
    this.#parts.recent.add({ lsn, chunk, last, logTime, commitTime, id, origin, partsAt, bytes });
  }

  /** The prepared chunks are complete; what follows goes to the group's own place, where nothing is yet. */
  #leavePrepared(lastParts: Buffer): void {
    const group = this.#opened();
    this.#put(group, lastParts, true);
    group.checksums.length = 0;
    group.preparedAs = undefined;
  }

  #dropChunks({ lsn, checksums, preparedAs }: OpenGroup, from: number): void {
    if (preparedAs !== undefined) {
      this.#parts.prepared.truncate(preparedAs, from, this.#batchFor);
      checksums.length = Math.min(checksums.length, from);
      return;
    }
    const batch = this.#batchFor();
    for (let chunk = from; chunk < checksums.length; chunk++) batch.del(chunkKey(lsn, chunk));
    checksums.length = Math.min(checksums.length, from);
    this.#parts.recent.dropFrom({ lsn, chunk: from });
  }

  #opened(): OpenGroup {
    if (this.#group === undefined) throw new DrcError('INTERNAL', 'No group is open.');
    return this.#group;
  }
}
