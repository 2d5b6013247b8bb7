import { type Column, type DescribedColumn, DrcError, isDrcError, type TableVersion } from '@drc/protocol';
import type { Hub, TableDescription } from '../../index.js';
import type { Rules } from '../rules/rules.js';
import { nameOf } from '../table-name.js';
import type { Findings } from './finding.js';

export interface SourceTable {
  readonly version: TableVersion;
  /** Whether it is all that the stream's version has. */
  readonly exact: boolean;
  /** Whether the grant drops columns of its primary key. */
  readonly keyHidden: boolean;
}

/** The tables of the source that the rules name, as the stream gives them. `complete`: whether none is missing. */
export interface SourceTables {
  readonly tables: readonly SourceTable[];
  readonly complete: boolean;
}

/**
 * Asks a store of the topic. What nobody can say now is a warning; a table that a rule names and that is not there, a fault.
 * @throws DrcError what the manager says; the signal's reason
 */
export async function sourceTables(
  hub: Pick<Hub, 'describe'>,
  topic: string,
  rules: Rules,
  findings: Findings,
  signal?: AbortSignal,
): Promise<SourceTables> {
  let wanted = rules.sourceTables;
  while (wanted.length > 0) {
    try {
      const { tables, missing } = await hub.describe(topic, { tables: wanted, ...(signal && { signal }) });
      if (missing === 0) warnOfPatterns(rules, tables, findings);
      else
        findings.add(
          'warning',
          'source',
          '',
          `the store cannot ask the source now: ${missing ?? 'some'} table(s) without rows in the log were not checked; check again later`,
        );
      return { tables: tables.map(sourceTable), complete: missing === 0 };
    } catch (error) {
      const table = unknownTable(error);
      const left = wanted.filter((glob) => glob.replaceAll(/\\(.)/gs, '$1') !== table);
      if (table === undefined || left.length === wanted.length) {
        if (!isUnable(error)) throw error;
        findings.add('warning', 'source', '', `tables of the source were not checked: ${error.message}`);
        return { tables: [], complete: false };
      }
      findings.add(
        'fault',
        'source',
        table,
        error instanceof DrcError && error.code === 'FORBIDDEN'
          ? 'the principal may not read it; ask for a grant on it, or take the rule out'
          : 'the topic has no such table; correct `from`, or look whether the store captures it',
      );
      wanted = left;
    }
  }
  return { tables: [], complete: true };
}

/** The name of a table that a store refused by itself. */
function unknownTable(error: unknown): string | undefined {
  if (!isDrcError(error) || (error.code !== 'TABLE_UNKNOWN' && error.code !== 'FORBIDDEN')) return undefined;
  const { table } = error.details;
  return typeof table === 'string' ? table : undefined;
}

/** Whether stores are away, or older than descriptions. */
const isUnable = (error: unknown): error is DrcError =>
  isDrcError(error) && (error.retryable || error.code === 'PROTOCOL_VERSION');

function warnOfPatterns(rules: Rules, tables: readonly TableDescription[], findings: Findings): void {
  for (const pattern of rules.sources) {
    if (pattern.isLiteral || tables.some((table) => pattern.match(table) !== undefined)) continue;
    findings.add(
      'warning',
      'source',
      nameOf(pattern.name),
      'no table that the principal may read matches it now; a later one will',
    );
  }
}

/** The table version that rows of it have. */
function sourceTable({
  schema,
  table,
  columns,
  exact = false,
  keyHidden = false,
}: TableDescription): SourceTable {
  const primaryKey = columns
    .flatMap(({ key }, index) => (key === undefined ? [] : [{ key, index }]))
    .toSorted((a, b) => a.key - b.key)
    .map(({ index }) => index);
  const labelled = columns.every(
    ({ type, labels }) => (type !== 'enum' && type !== 'set') || labels !== undefined,
  );
  return {
    version: { schema, table, columns: columns.map(withoutPlace), primaryKey },
    exact: exact && labelled,
    keyHidden,
  };
}

/** Its place in the key stands beside the columns of a version. */
function withoutPlace(column: DescribedColumn): Column {
  const { key, ...rest } = column;
  return key === undefined ? column : rest;
}
