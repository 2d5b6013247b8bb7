import type { DescribedTable } from './description.js';
import type { ErrorCode, ErrorDetails } from './errors.js';
import type { EffectiveFilter, LogExtent, Partition, RowOperation, RowRule, StartFrom } from './model.js';
import type { OriginWish } from './origin.js';

/*
 * A session, over one WebSocket; the ticket travels in `Authorization: Bearer` of the upgrade request.
 *
 *   client                          store
 *   hello          ───────────▶
 *                  ◀───────────     welcome            (or error, and close)
 *   describe       ───────────▶                        (where one wants to know; then once more, or subscribe)
 *                  ◀───────────     described, until its `last`
 *   subscribe      ───────────▶
 *                  ◀───────────     subscribed
 *                  ◀═══════════     data frames        (only within the credit)
 *   credit, renew  ───────────▶
 *   committed      ───────────▶
 *                  ◀───────────     caughtUp, falling, renewed, error
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
  /** Which origins are wanted; needs a `welcome` that says `origins`. Absent: all. */
  readonly origins?: OriginWish;
  /** What its service calls this subscription, for operators (`subscriptionNamePattern`). Absent: it has no name. */
  readonly name?: string;
  /** Whether a stretch that the log no longer has may be read from the source for this reader. Default: no. */
  readonly backfill?: boolean;
  /**
   * Tables whose rows are wanted as they are now, before the changes: those of them that the checkpoint, where the stream begins at one, does not
   * call done. Globs over `schema.table`; at most 1000. Needs the right `snapshot`, and a `welcome` that says `snapshots`. Absent: none.
   */
  readonly snapshot?: { readonly tables: readonly string[] };
}

/**
 * Asks what the rows of tables look like. Taken behind `welcome` and behind the last `described`, before `subscribe`, of a
 * store whose `welcome` says `describes`.
 */
export interface Describe {
  readonly type: 'describe';
  /** Globs over `schema.table`, as in `subscribe`; at most 1000. Empty: all that the grant allows. */
  readonly tables: readonly string[];
}

/** Names of subscriptions: 1 to 100 of these characters. */
export const subscriptionNamePattern = /^[A-Za-z0-9._-]{1,100}$/;

/** The client has taken this many bytes of data frames (their whole length): as many more may be sent. */
export interface Credit {
  readonly type: 'credit';
  readonly bytes: number;
}

export interface Renew {
  readonly type: 'renew';
  readonly ticket: string;
}

/** The client is done with all up to `lsn`, and has saved that. For operators alone: nothing is trimmed or sent by it. */
export interface Committed {
  readonly type: 'committed';
  readonly lsn: number;
}

export type ClientMessage = Hello | Subscribe | Describe | Credit | Renew | Committed;

export interface Welcome {
  readonly type: 'welcome';
  readonly version: number;
  readonly store: string;
  readonly topic: string;
  readonly log: LogExtent;
  /** Whether the store takes `describe`. Default: no. */
  readonly describes?: boolean;
  /** Whether the store takes `snapshot` of `subscribe`. Default: no. */
  readonly snapshots?: boolean;
  /** Whether the store takes `origins` of `subscribe`. Default: no. */
  readonly origins?: boolean;
}

/** One page of the answer to `describe`: tables in the order of their names. */
export interface Described {
  readonly type: 'described';
  /** The first goes on with the columns of the last one of the page before, where that said `more`. */
  readonly tables: readonly DescribedTable[];
  /** Whether no further page comes. */
  readonly last: boolean;
  /** On the last page: tables without rows in the log may be missing, because the source could not be asked for all of them. Default: no. */
  readonly incomplete?: boolean;
  /** With `incomplete`: how many. Absent: that is not known. */
  readonly missing?: number;
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
  /** Globs of the wish that match no table that the topic has so far and the reader may read. Absent: none. */
  readonly unmatched?: readonly string[];
  /** `sub` of the ticket: whom the store takes the client for. */
  readonly principal?: string;
}

/** All that the log held has been sent: sent each time the stream reaches the head after having been behind it by more than one burst, and once at the start. */
export interface CaughtUp {
  readonly type: 'caughtUp';
  readonly lsn: number;
}

/** What the client needs next will have been trimmed in about this time: sent, and sent again, where it is close. */
export interface Falling {
  readonly type: 'falling';
  readonly inMs: number;
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

export type StoreMessage = Welcome | Subscribed | Described | CaughtUp | Falling | Renewed | Failure;

/**
 * A record of the data stream (record.ts): all transactions up to `lsn` have been sent or held nothing for this
 * reader. `set` is the store's executed set there; the reader's own set becomes the union of both.
 */
export interface Progress {
  readonly lsn: number;
  readonly logTime: number;
  readonly set: string;
}

/**
 * What stands in front of the rows of a snapshot record (record.ts). First `plan`s, which name all tables that will be copied; then, table
 * by table, rows: those that the reader has got by then as changes are left out.
 */
export type SnapshotHead =
  | { readonly kind: 'plan'; readonly tables: readonly string[] }
  | {
      readonly kind: 'rows';
      /** `schema.table` */
      readonly table: string;
      /** The place behind these rows: what a checkpoint keeps. */
      readonly key: Buffer;
      /** Rows of the table that were copied so far, these too, whether the reader is to have them or not. */
      readonly rows: number;
      /** When they were read, ms since 1970 by the store's clock. */
      readonly time: number;
      /** How many there are, as the source estimates; may be wrong by half. */
      readonly estimatedRows: number;
      /** Whether these were the last. */
      readonly done: boolean;
    };
