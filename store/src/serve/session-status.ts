import type { SessionState } from './session-state.js';

/** What an operator sees of a session. */
export interface SessionStatus {
  readonly principal: string;
  /** What its service calls the subscription. */
  readonly name?: string | undefined;
  readonly client: string;
  readonly state: SessionState['kind'];
  /** The transaction that comes next; 0 before the subscription. */
  readonly lsn: number;
  /** Transactions in the log that the session has not passed: its lag, also where it is stalled. */
  readonly transactionsBehind: number;
  readonly outstandingBytes: number;
  /** The last transaction that the client says it is done with; undefined where it says nothing. */
  readonly committedLsn?: number | undefined;
}
