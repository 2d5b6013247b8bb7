import type { TableVersion, TransactionSet } from '@drc/protocol';
import type { GroupHeader } from './open-group.js';
import type { SourceIdentity } from './meta.js';
import type { SourcePosition } from './set-index.js';

export type { GroupHeader } from './open-group.js';

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

/** The writing side of a log: for one writer. Everything but `begin` and `flush` only queues. */
export interface AppendableLog {
  readonly capture: CaptureState;
  /** Under which the store is a replica of its source. */
  readonly replicaServerId: number;

  /**
   * The first start of an empty log: where in the source it begins. Durable when it resolves.
   * @param complete whether the source has purged nothing before `position`
   */
  begin(
    identity: SourceIdentity,
    position: SourcePosition,
    executed: TransactionSet,
    complete: boolean,
  ): Promise<void>;

  /** @returns its schema id, 16 bytes. Queued before the chunks that follow; cheap for the same object. */
  registerTable(version: TableVersion): Buffer;

  /**
   * Asks the source's own clock, ms since 1970: where it is ahead of ours, by a day at most, what was committed by it is
   * believed. @returns its answer
   */
  sourceTime(ask: () => Promise<number>): Promise<number>;

  /**
   * Groups that begin from now on have this log time at least, ms since 1970, unless it lies in the future. Kept with the
   * next of them.
   */
  raiseTime(time: number): void;

  /** Opens a group and gives it its LSN and log time. One group is open at a time. */
  beginGroup(header: GroupHeader): void;

  /** Another origin for the open group, which has no chunk yet. */
  setOrigin(origin: string): void;

  /**
   * A chunk of the open group, not its last. The bytes are copied.
   * @throws DrcError `DISK_RESERVE` where much is queued already and the disk is full; nothing has changed then.
   */
  putChunk(parts: Buffer): void;

  /** Drops the open group's chunks from this index on. */
  truncateGroup(chunks: number): void;

  /** How many chunks the open group has; 0 where none is open. */
  readonly openGroupChunks: number;

  /** The open group's last chunk, empty or not. Position, executed set and head move with it at the next `flush`. */
  endGroup(lastParts: Buffer, position: SourcePosition): void;

  /**
   * The open group, which has no chunks yet, ends in an XA PREPARE: what is put into it waits under this XID. Ended by
   * one of the next two.
   */
  prepareGroup(xid: string): void;

  /** As `endGroup`, but what was put into the group stays prepared: the group itself is empty. */
  endPrepare(lastParts: Buffer, position: SourcePosition): void;

  /** As `endGroup`: the group was committed in one phase. @throws as `commitPrepared` */
  endPreparedAtOnce(lastParts: Buffer, position: SourcePosition): Promise<void>;

  /** Whether a transaction is prepared under this XID. */
  isPrepared(xid: string): boolean;

  /**
   * The open group is the decision to commit a prepared transaction: as `endGroup`, with all that was prepared.
   * @throws DrcError as `flush`; `LOG_CORRUPT`
   */
  commitPrepared(xid: string, position: SourcePosition): Promise<void>;

  /** Deletes what is prepared under this XID, with the next flush. Does nothing where nothing is. */
  rollBackPrepared(xid: string): void;

  /** Deletes the chunks of the open group; nothing moves. Does nothing where none is open. */
  abandonGroup(): void;

  /** The source went on without data, for example to another file. */
  movePosition(position: SourcePosition): void;

  /** Capture goes on at another server, one that has all that the log has. Both are written together. */
  moveSource(identity: SourceIdentity, position: SourcePosition): void;

  /** Bytes queued and not written. */
  readonly pendingBytes: number;

  /**
   * Writes all that is queued in one batch, then moves the head.
   * @throws DrcError `LOG_WRITE_FAILED`: the log is closed, `close()` it and open another; `DISK_RESERVE`: nothing was written, all
   * is still queued, call again when `room()` says so.
   */
  flush(): Promise<void>;

  /** Whether the disk has more than its reserve left. */
  room(): Promise<boolean>;
}
