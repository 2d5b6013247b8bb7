import type { Column, Ddl, Row, TableVersion } from '@drc/protocol';

/** The tables of a subscription whose row types are not given: any table, any columns. */
export type AnyTables = Record<string, Row>;

/** The names `schema.table` that the row types `S` speak of. */
export type TableOf<S> = keyof S & string;

/** What every row change tells, beside its images. */
export interface RowContext<T extends string> {
  /** `schema.table` */
  readonly table: T;
  /** The table as it was when the row was written. */
  readonly tableVersion: TableVersion;
  /**
   * The columns that the newest image of this change has, in table order. Columns that are missing from the binlog
   * (a session with another binlog_row_image) are absent from the image: absent is not NULL.
   */
  readonly columns: readonly Column[];
  /** False where the writing session had switched foreign_key_checks off. */
  readonly foreignKeyChecks: boolean;
  /** False where the writing session had switched unique_checks off. */
  readonly uniqueChecks: boolean;
  /**
   * True where all that foreign keys cascaded is there as changes of its own (MySQL from 9.6 on): they must not act again where this is
   * applied. Otherwise absent.
   */
  readonly hasCascades?: true | undefined;
}

export interface InsertChange<T extends string, R> extends RowContext<T> {
  readonly kind: 'insert';
  readonly after: R;
}

export interface UpdateChange<T extends string, R> extends RowContext<T> {
  readonly kind: 'update';
  readonly before: R;
  readonly after: R;
}

export interface DeleteChange<T extends string, R> extends RowContext<T> {
  readonly kind: 'delete';
  readonly before: R;
}

/**
 * A row that was there when its table was copied (`from: 'snapshot'`), as it is at this place of the stream: it goes in the place of
 * whatever one has under its key.
 */
export interface SnapshotChange<T extends string, R> extends RowContext<T> {
  readonly kind: 'snapshot';
  readonly after: R;
}

/** A MariaDB sequence has moved; `after` is its row. */
export interface SequenceChange<T extends string, R> extends RowContext<T> {
  readonly kind: 'sequence';
  readonly after: R;
}

/** A statement that changes definitions. It belongs to no one table: `ddl.tables` names those it touches. */
export interface DdlChange {
  readonly kind: 'ddl';
  readonly table?: undefined;
  readonly ddl: Ddl;
}

/** A change of a row of one of the tables of `S`; `table` tells the row's type. */
export type RowChange<S = AnyTables> = {
  [T in TableOf<S>]:
    | InsertChange<T, S[T]>
    | UpdateChange<T, S[T]>
    | DeleteChange<T, S[T]>
    | SequenceChange<T, S[T]>
    | SnapshotChange<T, S[T]>;
}[TableOf<S>];

/**
 * One change of a transaction. `S` maps `schema.table` to the type of its rows, so that `change.table` tells the
 * type of `change.after` and `change.before`. The types are the caller's word: rows come as the source has them.
 */
export type Change<S = AnyTables> = RowChange<S> | DdlChange;
