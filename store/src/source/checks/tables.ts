import type { TableFilter } from '../table-filter.js';
import { isOn, isSince, type Answer, type SourceFacts } from './facts.js';
import {
  counted,
  fault,
  listed,
  ok,
  quotedName,
  refusalText,
  setAtStart,
  unknown,
  warning,
  type Finding,
} from './finding.js';
import { selectRightOf } from './rights.js';

/** Statements for so many tables are printed, not for thousands. */
const mostStatements = 20;

/** Nothing is seen of tables that one may not read: what was not found there is not "ok". */
function nothingFound(
  facts: SourceFacts,
  filter: TableFilter,
  name: string,
  found: string,
  wanted: string,
): Finding {
  switch (selectRightOf(facts, filter).kind) {
    case 'all':
      return ok(name, found, wanted);
    case 'some':
      return ok(
        name,
        found,
        wanted,
        'Only the tables were looked at that the user may read: see select_privilege.',
      );
    case 'none':
      return unknown(name, {
        found: 'no table is seen',
        wanted,
        why: 'The user may not read the captured tables: see select_privilege.',
        fix: [],
      });
  }
}

interface ListCheck<Item> {
  readonly name: string;
  readonly wanted: string;
  /** Undefined: not asked for. */
  readonly answer: Answer<readonly Item[]> | undefined;
  /** What is shown where there are none. */
  readonly none: string;
  readonly some: (items: readonly Item[]) => Finding;
}

function listFinding<Item>(
  facts: SourceFacts,
  filter: TableFilter,
  check: ListCheck<Item>,
): Finding | undefined {
  const { name, wanted, answer, none, some } = check;
  if (answer === undefined) return undefined;
  if ('refusal' in answer) {
    const why = `INFORMATION_SCHEMA could not be asked: ${refusalText(answer.refusal)}`;
    return unknown(name, { found: 'unknown', wanted, why, fix: [] });
  }
  return answer.value.length === 0 ? nothingFound(facts, filter, name, none, wanted) : some(answer.value);
}

export const tablesWithoutKey =
  (filter: TableFilter) =>
  (facts: SourceFacts): Finding | undefined => {
    const name = 'tables_without_key';
    const wanted = 'none';
    const { server, tables } = facts;
    const invisible = server.flavour === 'mariadb' || isSince(server, 8, 0, 23) ? ' INVISIBLE' : '';
    return listFinding(facts, filter, {
      name,
      wanted,
      answer: tables?.keyless,
      none: 'none',
      some: (names) =>
        warning(name, {
          found: `${counted(names.length, 'table')}: ${listed(names)}`,
          wanted,
          why: 'Their changes are captured, but who applies them elsewhere cannot tell equal rows apart: congo and replicas need a key.',
          fix: [
            'Where columns identify a row already, make them the primary key. Otherwise add one that applications do not see:',
            ...names
              .slice(0, mostStatements)
              .map(
                (table) =>
                  `ALTER TABLE ${quotedTable(table)} ADD COLUMN drc_row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT${invisible} PRIMARY KEY;`,
              ),
          ],
        }),
    });
  };

/** Schemas have no dots as a rule; one that has cannot be told from its table here. */
const quotedTable = (name: string): string => {
  const dot = name.indexOf('.');
  return quotedName(name.slice(0, dot), name.slice(dot + 1));
};

export const cascadingForeignKeys =
  (filter: TableFilter) =>
  (facts: SourceFacts): Finding | undefined => {
    const { server, tables } = facts;
    const name = 'cascading_foreign_keys';
    const wanted = 'none on captured tables';
    const canLog = server.flavour === 'mysql' && isSince(server, 9, 6);
    if (canLog && !isOn(server, 'innodb_native_foreign_keys') && tables?.cascading !== undefined)
      return ok(name, 'their changes are in the binlog', '', 'From 9.6 on MySQL logs them.');
    return listFinding(facts, filter, {
      name,
      wanted,
      answer: tables?.cascading,
      none: 'none',
      some: (names) =>
        warning(name, {
          found: `${counted(names.length, 'table')}: ${listed(names)}`,
          wanted,
          why:
            'Foreign keys with CASCADE or SET NULL, ON DELETE or ON UPDATE, change rows of these tables below the binlog: ' +
            'those changes do not arrive.',
          fix: canLog
            ? setAtStart('innodb_native_foreign_keys = OFF')
            : [
                'No setting makes this server log them. Make the keys ON DELETE RESTRICT ON UPDATE RESTRICT and let applications change the dependent rows themselves, or exclude the tables from capture.',
              ],
        }),
    });
  };

/** Those that are versioned by time are captured. */
export const versionedTables =
  (filter: TableFilter) =>
  (facts: SourceFacts): Finding | undefined => {
    if (facts.server.flavour === 'mysql') return undefined;
    const name = 'system_versioned_tables';
    const wanted = 'none by transaction id captured';
    return listFinding(facts, filter, {
      name,
      wanted,
      answer: facts.tables?.versioned,
      none: 'none',
      some: (names) =>
        fault(name, 'UNSUPPORTED_COLUMN', {
          found: listed(names),
          wanted,
          why: 'What is written to a table that is versioned by transaction id is logged as statements.',
          fix: [`Exclude from capture: ${names.join(', ')}.`],
        }),
    });
  };

export const unsupportedColumns =
  (filter: TableFilter) =>
  (facts: SourceFacts): Finding | undefined => {
    const name = 'columns';
    const wanted = 'types and character sets that can be captured';
    return listFinding(facts, filter, {
      name,
      wanted,
      answer: facts.tables?.unsupported,
      none: 'all can be captured',
      some: (columns) =>
        fault(name, 'UNSUPPORTED_COLUMN', {
          found: listed(columns.map(({ name: column, reason }) => `${column} (${reason})`)),
          wanted,
          why: 'A store stops at the first row of such a table.',
          fix: [
            'Exclude the tables from capture, or convert the columns: to utf8mb4, or to a type that is listed in docs/capture.md.',
          ],
        }),
    });
  };
