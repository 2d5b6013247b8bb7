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
    readonly position?: SourcePosition | undefined;
    readonly executed: TransactionSet;
  };
  readonly pendingBytes: number;
  begin(
    identity: SourceIdentity,
    position: SourcePosition,
    executed: TransactionSet,
    complete: boolean,
  ): Promise<void>;
  flush(): Promise<void>;
}
