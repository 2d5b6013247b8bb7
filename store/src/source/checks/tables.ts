import type { ErrorCode } from '@drc/protocol';
import type { TableFilter } from '../table-filter.js';
import { isOn, isSince, type Answer, type ServerFacts, type SourceFacts, type TableFacts } from './facts.js';
import {
  counted,
  fault,
  listed,
  notAsked,
  ok,
  quotedName,
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

/** A check that names tables, or columns. */
interface ListCheck<Item> {
  readonly name: string;
  readonly wanted: string;
  /** Undefined: not asked for. */
  readonly answer: (tables: TableFacts) => Answer<readonly Item[]> | undefined;
  /** What is shown where there are none. */
  readonly none: string;
  /** A fault with this code; absent: a warning. */
  readonly code?: ErrorCode;
  readonly defect: (
    items: readonly Item[],
    server: ServerFacts,
  ) => { readonly found: string; readonly why: string; readonly fix: readonly string[] };
}

const listCheck =
  <Item>({ name, wanted, answer: answerOf, none, code, defect }: ListCheck<Item>) =>
  (filter: TableFilter) =>
  (facts: SourceFacts): Finding | undefined => {
    const answer = facts.tables === undefined ? undefined : answerOf(facts.tables);
    if (answer === undefined) return undefined;
    if ('refusal' in answer) return notAsked(name, 'INFORMATION_SCHEMA', { wanted, refusal: answer.refusal });
    if (answer.value.length === 0) return nothingFound(facts, filter, name, none, wanted);
    const found = { wanted, ...defect(answer.value, facts.server) };
    return code === undefined ? warning(name, found) : fault(name, code, found);
  };

export const tablesWithoutKey = listCheck({
  name: 'tables_without_key',
  wanted: 'none',
  answer: (tables) => tables.keyless,
  none: 'none',
  defect: (names, server) => {
    const invisible = server.flavour === 'mariadb' || isSince(server, 8, 0, 23) ? ' INVISIBLE' : '';
    return {
      found: `${counted(names.length, 'table')}: ${listed(names)}`,
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
    };
  },
});

/** Schemas have no dots as a rule; one that has cannot be told from its table here. */
const quotedTable = (name: string): string => {
  const dot = name.indexOf('.');
  return quotedName(name.slice(0, dot), name.slice(dot + 1));
};

/** Whether the server can write to its binlog what foreign keys change. */
const canLogCascades = (server: ServerFacts): boolean => server.flavour === 'mysql' && isSince(server, 9, 6);

const unloggedCascades = listCheck({
  name: 'cascading_foreign_keys',
  wanted: 'none on captured tables',
  answer: (tables) => tables.cascading,
  none: 'none',
  defect: (names, server) => ({
    found: `${counted(names.length, 'table')}: ${listed(names)}`,
    why:
      'Foreign keys with CASCADE or SET NULL, ON DELETE or ON UPDATE, change rows of these tables below the binlog: ' +
      'those changes do not arrive.',
    fix: canLogCascades(server)
      ? setAtStart('innodb_native_foreign_keys = OFF')
      : [
          'No setting makes this server log them. Make the keys ON DELETE RESTRICT ON UPDATE RESTRICT and let applications change the dependent rows themselves, or exclude the tables from capture.',
        ],
  }),
});

export const cascadingForeignKeys =
  (filter: TableFilter) =>
  (facts: SourceFacts): Finding | undefined => {
    const { server, tables } = facts;
    const areLogged = canLogCascades(server) && !isOn(server, 'innodb_native_foreign_keys');
    return areLogged && tables?.cascading !== undefined
      ? ok('cascading_foreign_keys', 'their changes are in the binlog', '', 'From 9.6 on MySQL logs them.')
      : unloggedCascades(filter)(facts);
  };

const versionedById = listCheck({
  name: 'system_versioned_tables',
  wanted: 'none by transaction id captured',
  answer: (tables) => tables.versioned,
  none: 'none',
  code: 'UNSUPPORTED_COLUMN',
  defect: (names) => ({
    found: listed(names),
    why: 'What is written to a table that is versioned by transaction id is logged as statements.',
    fix: [`Exclude from capture: ${names.join(', ')}.`],
  }),
});

/** Those that are versioned by time are captured; MySQL has neither. */
export const versionedTables =
  (filter: TableFilter) =>
  (facts: SourceFacts): Finding | undefined =>
    facts.server.flavour === 'mysql' ? undefined : versionedById(filter)(facts);

export const unsupportedColumns = listCheck({
  name: 'columns',
  wanted: 'types and character sets that can be captured',
  answer: (tables) => tables.unsupported,
  none: 'all can be captured',
  code: 'UNSUPPORTED_COLUMN',
  defect: (columns) => ({
    found: listed(columns.map(({ name: column, reason }) => `${column} (${reason})`)),
    why: 'A store stops at the first row of such a table.',
    fix: [
      'Exclude the tables from capture, or convert the columns: to utf8mb4, or to a type that is listed in docs/capture.md.',
    ],
  }),
});
