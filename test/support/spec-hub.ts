import type { Ddl } from '@drc/protocol';

/** What a spec runs against: a source server, whatever captures it, and a reader at the end. */
export interface SpecHub extends AsyncDisposable {
  /**
   * Runs the statements against the source, and gives every transaction that they made, in order, as a reader gets
   * them. Each call starts with an empty database `spec` as default database of every session; what made that
   * database is not among the transactions. Statements with one `session` share a connection, made at its first
   * use. A statement with `fails` must fail with that error code (`ER_DUP_ENTRY`), any other must succeed.
   */
  run(statements: readonly SpecStatement[]): Promise<readonly SpecTransaction[]>;

  /**
   * The same where the statements stop capture: what the log has from before, and the code of the error. The hub
   * cannot run anything else then.
   */
  runToStop(statements: readonly SpecStatement[]): Promise<SpecStop>;
}

export interface SpecStop {
  readonly transactions: readonly SpecTransaction[];
  readonly code: string;
}

export interface SpecStatement {
  readonly sql: string;
  /** `main` unless the spec says otherwise. */
  readonly session: string;
  /** The code of the error with which the source must refuse it. */
  readonly fails?: string;
}

export interface SpecTransaction {
  readonly changes: readonly SpecChange[];
}

export type SpecValue = number | bigint | string | Uint8Array | Float32Array | null;
export type SpecRow = Readonly<Record<string, SpecValue>>;

/** The part of a change that specs state. */
export type SpecChange =
  | ({ readonly kind: 'insert'; readonly after: SpecRow } & OfRow)
  | ({ readonly kind: 'update'; readonly before: SpecRow; readonly after: SpecRow } & OfRow)
  | ({ readonly kind: 'delete'; readonly before: SpecRow } & OfRow)
  | { readonly kind: 'sequence'; readonly table: string; readonly after: SpecRow }
  | { readonly kind: 'ddl'; readonly ddl: Pick<Ddl, 'verb' | 'tables' | 'text'> };

interface OfRow {
  /** `schema.table` */
  readonly table: string;
  readonly foreignKeyChecks: boolean;
  readonly uniqueChecks: boolean;
}
