import type { TableVersion } from '@drc/protocol';

/** What a log has of one transaction. */
export interface LoggedTransaction {
  readonly kind: 'transaction';
  readonly lsn: number;
  readonly id: string;
  /** µs since 1970 */
  readonly commitTime: number;
  /** ms since 1970 */
  readonly logTime: number;
  /** Empty: not known. */
  readonly origin: string;
  /** The parts of each of its chunks (protocol/chunk.ts), one behind the other. */
  readonly chunks: readonly Buffer[];
}

/** Up to `lsn` there is nothing here of the transactions behind the entry before: they were not for whoever made the slice. */
export interface PassedTransactions {
  readonly kind: 'passed';
  readonly lsn: number;
  /** ms since 1970 */
  readonly logTime: number;
  /** All that the log has executed there, as text. */
  readonly set: string;
}

export type LogEntry = LoggedTransaction | PassedTransactions;

interface SliceFacts {
  /** The table versions of its rows. */
  readonly tables: readonly TableVersion[];
  /** How many transactions it has, and how many rows these have. */
  readonly transactions: number;
  readonly rows: number;
}

/** Read from a file that `drc store export` wrote. */
export interface RecordedSlice extends SliceFacts {
  readonly kind: 'recorded';
  /** Where it comes from. It may be replayed as any topic. */
  readonly topic: string;
  readonly lineage: string;
  readonly fromLsn: number;
  readonly toLsn: number;
  /** What a reader has before the first transaction, as text. */
  readonly set: string;
  readonly entries: readonly LogEntry[];
}

/** A transaction without a place in a log. */
export interface MadeTransaction {
  /** Undefined: the one behind the transaction before. */
  readonly id: string | undefined;
  /** µs since 1970; undefined: a second behind the transaction before. */
  readonly commitTime: number | undefined;
  readonly origin: string;
  readonly parts: Buffer;
}

/** Written by hand. */
export interface MadeSlice extends SliceFacts {
  readonly kind: 'made';
  readonly made: readonly MadeTransaction[];
}

/** Some transactions of a topic: `readSlice` reads them from a file, `sliceOf` makes them of plain objects. */
export type Slice = RecordedSlice | MadeSlice;
