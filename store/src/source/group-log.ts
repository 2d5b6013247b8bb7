import type { GroupHeader, SourcePosition } from '../log/transaction-log.js';
import type { TableVersion, TransactionSet } from '@drc/protocol';

/** The side of the transaction log on which one group after another is written (see `TransactionLog`). */
export interface GroupLog {
  /** What the log has, what is queued included. */
  readonly capture: {
    readonly executed: TransactionSet;
    readonly position?: SourcePosition | undefined;
  };
  registerTable(version: TableVersion): Buffer;
  /** Groups that begin from now on were committed at this moment or later, ms since 1970. */
  raiseTime(time: number): void;
  beginGroup(header: GroupHeader): void;
  /** Of the open group, while it has no chunk. */
  setOrigin(origin: string): void;
  /** The bytes are copied, here and in `endGroup`. */
  putChunk(parts: Buffer): void;
  truncateGroup(chunks: number): void;
  readonly openGroupChunks: number;
  endGroup(lastParts: Buffer, position: SourcePosition): void;
  abandonGroup(): void;
  /** The open group, empty so far, will be prepared under this XID; it ends by one of the next two. */
  prepareGroup(xid: string): void;
  endPrepare(lastParts: Buffer, position: SourcePosition): void;
  /** It is committed without waiting for a decision. */
  endPreparedAtOnce(lastParts: Buffer, position: SourcePosition): Promise<void>;
  isPrepared(xid: string): boolean;
  /** Ends the open group with all that is prepared under this XID. */
  commitPrepared(xid: string, position: SourcePosition): Promise<void>;
  /** Deletes what is prepared under this XID; the open group has to be ended. */
  rollBackPrepared(xid: string): void;
  movePosition(position: SourcePosition): void;
}
