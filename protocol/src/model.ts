/** Data that passes between the parts of DRC, beside rows. Rows and chunks: chunk.ts. Tables: table-version.ts. */
import type { OriginWish } from './origin.js';

export type RowOperation = 'insert' | 'update' | 'delete';

/**
 * A DDL statement as it stands in the log (msgpack map in the body of a `ddl` part).
 * The context fields are what one needs to run `text` again with the same meaning.
 */
export interface Ddl {
  /** First words in capitals, e.g. `ALTER TABLE`, `CREATE USER`, `TRUNCATE TABLE`. */
  readonly verb: string;
  /** `schema.table` of each table or view that it names, as far as could be told; unqualified names under `defaultSchema`. */
  readonly tables: readonly string[];
  readonly defaultSchema: string;
  /** The statement. Absent for account statements, and for readers that may not read all its tables in full. */
  readonly text?: string;
  /** The session's sql_mode as the bit mask of the QUERY event. */
  readonly sqlMode: number;
  /** The client character set id, and the connection and server collation ids. */
  readonly charset: readonly [client: number, connection: number, server: number];
  /** The session's time_zone; empty where the event carries none. */
  readonly timeZone: string;
}

/**
 * What stands in a log in the place of a transaction that capture could not take and an operator left out (msgpack map
 * in the body of a `gap` part). Readers of its tables are told, and have to acknowledge it.
 */
export interface Gap {
  /** Id of the transaction that was left out; of one prepared under XA, not that of its commit, where the gap stands. */
  readonly transaction: string;
  /** `schema.table` of each table that it changed; empty: that cannot be known, it may be any. */
  readonly tables: readonly string[];
  /** The operator's words. */
  readonly reason: string;
  /** Who left it out, `user@host`, and when, ms since 1970. */
  readonly by: string;
  readonly at: number;
  /** Where it lies in the source's binlog: its first byte, and the first behind it, each `file:offset`. */
  readonly from: string;
  readonly to: string;
  /** The code of the error with which capture stopped in front of it. */
  readonly code: string;
  /** Events that it consists of, and how many of them hold rows. */
  readonly events: number;
  readonly rowsEvents: number;
}

/** Where reading begins. Used only until a checkpoint exists. */
export type StartFrom =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  /** ms since 1970 */
  | { readonly kind: 'timestamp'; readonly time: number }
  /** id of a transaction; reading begins with it */
  | { readonly kind: 'transaction'; readonly id: string }
  /** text made by `Checkpoint.toString()` */
  | { readonly kind: 'checkpoint'; readonly checkpoint: string };

/** Which tables may be read, and what of them. */
export interface GrantRule {
  /** Globs over `schema.table`. */
  readonly tables: readonly string[];
  /** SQL condition (docs/expressions.md). Absent: every row. */
  readonly where?: string;
  /** Columns not delivered: names or globs. */
  readonly drop?: readonly string[];
  /** Columns delivered as a keyed hash; the key stays in the stores. */
  readonly hash?: readonly string[];
  /** Rights of their own; default false. */
  readonly snapshot?: boolean;
  readonly backfill?: boolean;
}

/** What a ticket allows: the union of its rules (grant.ts). A table that none of them names may not be read. */
export interface Grant {
  readonly rules: readonly GrantRule[];
}

/** What a client wants of the rows of some tables. Several rules of one table hold together. */
export interface RowRule {
  /** Globs over `schema.table`. A name without a glob must exist. */
  readonly tables: readonly string[];
  /** SQL condition (docs/expressions.md). Absent: every row. */
  readonly where?: string;
  /** Names of the columns delivered. Absent: all. */
  readonly columns?: readonly string[];
}

/** The share `index`, from 0, of a topic whose rows are divided by key among `of` readers. */
export interface Partition {
  readonly of: number;
  readonly index: number;
}

/** What is in force in a session: the client's wish ANDed with its grant. */
export interface EffectiveFilter {
  readonly tables: readonly string[];
  /** Rules of the grant that keep something back. Absent: none. */
  readonly restricted?: readonly GrantRule[];
  /** As the client asked. Absent: nothing was asked for. */
  readonly rules?: readonly RowRule[];
  readonly partition?: Partition;
  readonly origins?: OriginWish;
}

/** A place in a log. */
export interface LogMoment {
  readonly lsn: number;
  /** ms since 1970 */
  readonly time: number;
}

/**
 * What a store tells about its log.
 * `oldest`: the first transaction still there (lsn = head.lsn + 1 in an empty log).
 * `coversFrom`: the earliest moment (ms) that it can serve; 0 where the source had purged nothing when capture began
 * and nothing has been trimmed since.
 */
export interface LogExtent {
  readonly lineage: string;
  readonly head: LogMoment;
  readonly oldest: LogMoment;
  readonly coversFrom: number;
  /** Executed set just before `oldest`, as text. */
  readonly setBeforeOldest: string;
}
