import type { ErrorCode, ErrorDetails } from './errors.js';
import type { EffectiveFilter, LogExtent, Partition, RowOperation, RowRule, StartFrom } from './model.js';

/*
 * A session, over one WebSocket; the ticket travels in `Authorization: Bearer` of the upgrade request.
 *
 *   client                          store
 *   hello          ───────────▶
 *                  ◀───────────     welcome            (or error, and close)
 *   subscribe      ───────────▶
 *                  ◀───────────     subscribed
 *                  ◀═══════════     data frames        (only within the credit)
 *   credit, renew  ───────────▶
 *                  ◀───────────     caughtUp, renewed, error
 *
 * All of these are control frames (see frame.ts); what data frames hold stands in record.ts.
 */
export const protocolVersions: readonly number[] = [1];

export interface Hello {
  readonly type: 'hello';
  readonly versions: readonly number[];
  /** Name and version of the client, for the store's log. At most 100 characters. */
  readonly client: string;
  readonly topic: string;
}

export interface Subscribe {
  readonly type: 'subscribe';
  readonly from: StartFrom;
  /** Globs over `schema.table`; empty: all that the grant allows. A name without a glob must exist. */
  readonly tables: readonly string[];
  /** Row operations wanted; empty: all. DDL is delivered for the tables wanted. */
  readonly operations: readonly RowOperation[];
  /** The client's window in bytes: how much may be under way unacknowledged. */
  readonly credit: number;
  /** Ids of transactions that were left out of the log (`Gap`), which the client knows it will not get. Absent: none. */
  readonly acknowledgeGaps?: readonly string[];
  /** Conditions and projections, at most 100. Absent: all rows and columns. */
  readonly rules?: readonly RowRule[];
  /** Absent: all rows. */
  readonly partition?: Partition;
}

/** The client has taken this many bytes of data frames (their whole length): as many more may be sent. */
export interface Credit {
  readonly type: 'credit';
  readonly bytes: number;
}

export interface Renew {
  readonly type: 'renew';
  readonly ticket: string;
}

export type ClientMessage = Hello | Subscribe | Credit | Renew;

export interface Welcome {
  readonly type: 'welcome';
  readonly version: number;
  readonly store: string;
  readonly topic: string;
  readonly log: LogExtent;
}

/** The stream begins behind `set` (text of a transaction set): the client's checkpoint until the first transaction. */
export interface Subscribed {
  readonly type: 'subscribed';
  readonly lineage: string;
  readonly lsn: number;
  readonly set: string;
  /** What is in force: the wish ANDed with the grant. */
  readonly grant: EffectiveFilter;
  /** Whether the checkpoint has transactions that the log has not: what it covers is not sent when it comes. Default: no. */
  readonly ahead?: boolean;
}

/** All that the log held has been sent: sent each time the stream reaches the head after having been behind it by more than one burst, and once at the start. */
export interface CaughtUp {
  readonly type: 'caughtUp';
  readonly lsn: number;
}

/** The new ticket is in force; `expiresAt` in ms since 1970. */
export interface Renewed {
  readonly type: 'renewed';
  readonly expiresAt: number;
}

/** The session ends with this. */
export interface Failure {
  readonly type: 'error';
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

export type StoreMessage = Welcome | Subscribed | CaughtUp | Renewed | Failure;

/**
 * A record of the data stream (record.ts): all transactions up to `lsn` have been sent or held nothing for this
 * reader. `set` is the store's executed set there; the reader's own set becomes the union of both.
 */
export interface Progress {
  readonly lsn: number;
  readonly logTime: number;
  readonly set: string;
}
