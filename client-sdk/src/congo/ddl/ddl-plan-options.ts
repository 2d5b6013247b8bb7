import type { RuleMatch, TableRule } from '../rules/table-rule.js';
import type { TableName } from '../table-name.js';
import type { TargetTable } from '../target-table.js';
import type { ShadowTables } from './shadow-tables.js';

export type ServerFlavour = 'mariadb' | 'mysql';

export interface DdlPlanOptions {
  readonly rules: readonly TableRule[];
  /** Default `first`. */
  readonly match?: RuleMatch;
  /** `apply`: everything that can be mapped; `lenient`: nullable columns and wider types only. */
  readonly policy: 'apply' | 'lenient';
  readonly source: ServerFlavour;
  readonly target: ServerFlavour;
  /** Default collation of a schema of the source. Where it is not known, text without a character set stops a CREATE TABLE. */
  readonly schemaCollation?: (schema: string) => string | undefined;
  /** What the target has now; `lenient` widens only what it knows. */
  readonly targetTable?: (name: TableName) => TargetTable | undefined;
  /** Runs of gh-ost and pt-online-schema-change that are under way. Default: their tables are left out, and their ends stop the task. */
  readonly shadows?: ShadowTables;
}

/** One statement for one table of the target. */
export interface Piece {
  readonly table: TableName;
  readonly statement: string;
}

/** What of a statement is to be run, or why that cannot be told. */
export type Made = { readonly pieces: readonly Piece[]; readonly notes: readonly string[] } | string;
