import type { Row, TableVersion } from '@drc/protocol';
import type { DeleteChange, InsertChange, UpdateChange } from '../index.js';
import type { TableName } from './table-name.js';

/** A change of rows, as it is written. */
export type WritableChange =
  | InsertChange<string, Row>
  | UpdateChange<string, Row>
  | DeleteChange<string, Row>;

/** Foreign keys act as they did for the source, unless what they did comes by itself. */
export const letsKeysAct = ({ foreignKeyChecks, hasCascades }: WritableChange): boolean =>
  foreignKeyChecks && hasCascades !== true;

/**
 * What becomes of a row that is there already, or is not there. Each but `error` is counted.
 * `onDuplicate`: an insert whose key is on the target: `overwrite` it, `keep` what is there.
 * `onMissingUpdate`: an update whose row is not there: `insert` it, `ignore` it. `onMissingDelete`: likewise.
 */
export interface RowPolicies {
  readonly onDuplicate: 'error' | 'overwrite' | 'keep';
  readonly onMissingUpdate: 'error' | 'insert' | 'ignore';
  readonly onMissingDelete: 'error' | 'ignore';
}

/** Of a table that is being copied: rows come once more, and changes of rows that have not come yet. */
export const copying: RowPolicies = {
  onDuplicate: 'overwrite',
  onMissingUpdate: 'insert',
  onMissingDelete: 'ignore',
};

/** How rows of one table version are written to their targets: one object for each rule and version. */
export interface MappedTable {
  /** The columns of the rows, under the target's names. The schema and the table are the source's, for messages. */
  readonly version: TableVersion;
  /** Target columns that find a row; undefined: the target's own key. */
  readonly key: readonly string[] | undefined;
  readonly policies: RowPolicies;
}

/** A change as a rule made it: what is to be written to one table of the target. */
export interface MappedChange {
  readonly target: TableName;
  readonly mapped: MappedTable;
  /** Its rows have the columns of `mapped.version`. */
  readonly change: WritableChange;
}
