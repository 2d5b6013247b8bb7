import type { Column } from './table-version.js';

/** A column, as the rows that a reader gets have it: a hashed one is `text`, a dropped one is not there. */
export interface DescribedColumn extends Column {
  /** ENUM and SET: the labels in definition order. Absent where they take more than 16 KiB. */
  readonly labels?: readonly string[];
  /** Its place in the primary key, from 1. Absent: it is no part of it. */
  readonly key?: number;
}

/** A table, or some of its columns, in their order. */
export interface DescribedTable {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly DescribedColumn[];
  /** Whether the log has no rows of it: this is what the source says of it now. Default: no. */
  readonly unwritten?: boolean;
  /**
   * Whether columns have all that the stream's table version has: lengths, digits, collations. Older stores leave that out. Default: no.
   */
  readonly exact?: boolean;
  /** Whether the reader's grant drops columns of the primary key. Default: no. */
  readonly keyHidden?: boolean;
  /** Whether further columns of it come on the next page. Default: no. */
  readonly more?: boolean;
}
