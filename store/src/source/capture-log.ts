import type { TransactionSet } from '@drc/protocol';
import type { SourceIdentity, SourcePosition } from '../log/transaction-log.js';
import type { GroupLog } from './group-log.js';
import type { CheckedLog } from './stored-transaction-check.js';

/** The writing side of the transaction log. */
export interface CaptureLog extends GroupLog, CheckedLog {
  /** A random number that no other replica of the source has. */
  readonly replicaServerId: number;
  readonly capture: {
    readonly identity?: SourceIdentity | undefined;
    /** The first transaction that was, or will be, captured from that server. */
    readonly sinceLsn: number;
    readonly position?: SourcePosition | undefined;
    readonly executed: TransactionSet;
  };
  readonly pendingBytes: number;
  /** Asks the source's own clock, ms since 1970, and goes by it where it is ahead. @returns its answer */
  sourceTime(ask: () => Promise<number>): Promise<number>;
  begin(
    identity: SourceIdentity,
    position: SourcePosition,
    executed: TransactionSet,
    complete: boolean,
  ): Promise<void>;
  /** Capture goes on at another server, one that has all that the log has. Both are written together. */
  moveSource(identity: SourceIdentity, position: SourcePosition): void;
  flush(): Promise<void>;
}
