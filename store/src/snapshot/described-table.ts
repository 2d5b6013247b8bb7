import { DrcError, type TableVersion } from '@drc/protocol';
import type { SourceRow } from '../source/source-control.js';
import { charsetOf } from '../source/charset.js';
import { planColumn, type ColumnPlan, type LearnedColumn } from '../source/column-plan.js';
import { RowTranscoder } from '../source/row-transcoder.js';
import type { TableFilter } from '../source/table-filter.js';
import { collationsOf, needsLearning } from '../source/table-schema.js';
import { versioningOf } from '../source/versioned-rows.js';
import { tableMapOf, type DescribedColumn, type EncodeLabels } from './described-column.js';
import { Keyset, quoted, type TableKey } from './keyset.js';
import type { SnapshotTable } from './snapshot-chunk.js';
import { isErrno, type SnapshotSession } from './snapshot-session.js';
import { indexesOf, isPrimary, keyOf, type TableIndex } from './table-index.js';

/** A table of the source, as the stream would have it if a row were written now. */
export interface DescribedTable {
  readonly version: TableVersion;
  /** Of the version's columns. */
  readonly plans: readonly ColumnPlan[];
  readonly key: TableKey;
  readonly estimatedRows: number;
  /** What a row takes on the source, bytes; 0 where it does not know. */
  readonly rowBytes: number;
  /** Its definition as the server prints it: equal while nobody alters the table. */
  readonly definition: string;
}

/** Engines that show a transaction the rows of one moment. */
const snapshotEngines: ReadonlySet<string> = new Set(['innodb', 'rocksdb']);

const tableErrors = {
  deniedTable: 1142,
  deniedColumn: 1143,
  deniedSchema: 1044,
  noSchema: 1049,
  noTable: 1146,
};

/**
 * @throws DrcError `TABLE_UNKNOWN`, `SOURCE_PRIVILEGE`, `SNAPSHOT_UNSUPPORTED`, `SNAPSHOT_NEEDS_KEY`, `UNSUPPORTED_COLUMN`,
 * `SNAPSHOT_TABLE_CHANGED` where it was altered meanwhile · as the source's answer says
 */
export async function describeTable(
  session: SnapshotSession,
  name: SnapshotTable,
  filter: TableFilter,
  signal: AbortSignal,
): Promise<DescribedTable> {
  const { schema, table } = name;
  const ask = async (view: string, order = ''): Promise<readonly SourceRow[]> => {
    const rows = await session.rows(
      `SELECT * FROM information_schema.${view} WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ${order}`,
      [schema, table],
      signal,
    );
    // Compared without regard to case on the server, which may have two tables that differ in nothing else.
    return rows.filter((row) => row['TABLE_SCHEMA'] === schema && row['TABLE_NAME'] === table);
  };
  const [facts] = await ask('TABLES');
  if (facts === undefined || !filter.captures(schema, table)) throw await missing(session, name, signal);
  checkKind(name, facts);
  const definition = await definitionOf(session, name, signal);
  const columns = (await ask('COLUMNS', 'ORDER BY ORDINAL_POSITION')).map(columnOf);
  const indexes = await indexesOf(session, name, signal);
  const learned = await learnedOf(session, name, columns, signal);
  const collations = await collationIds(session, signal);
  const described = columns.map((column) => ({
    ...column,
    collation: collations.get(column.collationName) ?? 0,
  }));
  const { version, plans } = await versionOf(session, name, filter, {
    described,
    indexes,
    learned,
    signal,
  });
  const rowEnd = described.find(({ generation }) => generation === 'ROW END')?.name;
  // Not among the columns, where the server made it by itself.
  const hiddenEnd = facts['TABLE_TYPE'] === 'SYSTEM VERSIONED' ? 'row_end' : undefined;
  const key = keyOf(version, indexes, rowEnd ?? hiddenEnd);
  await checkReadable(session, name, new Keyset(version, key), signal);
  if ((await definitionOf(session, name, signal)) !== definition) throw altered(name);
  return {
    version,
    plans,
    key,
    estimatedRows: Number(facts['TABLE_ROWS'] ?? 0),
    rowBytes: Number(facts['AVG_ROW_LENGTH'] ?? 0),
    definition,
  };
}

/** The definition of the table, which stays what it is for as long as the session's transaction has read from the table. */
export async function definitionOf(
  session: SnapshotSession,
  { schema, table }: SnapshotTable,
  signal: AbortSignal,
): Promise<string> {
  const row = await session.row(`SHOW CREATE TABLE ${quoted(schema)}.${quoted(table)}`, signal);
  // The next number changes with each insert.
  return String(row['Create Table'] ?? '').replaceAll(/ AUTO_INCREMENT=\d+/g, '');
}

export const altered = ({ schema, table }: SnapshotTable, cause?: unknown): DrcError =>
  new DrcError(
    'SNAPSHOT_TABLE_CHANGED',
    `${schema}.${table} was altered while it was read.`,
    { table: `${schema}.${table}` },
    cause === undefined ? undefined : { cause },
  );

/** Why the source does not show the table. */
async function missing(
  session: SnapshotSession,
  name: SnapshotTable,
  signal: AbortSignal,
): Promise<DrcError> {
  const { schema, table } = name;
  try {
    await session.rows(`SELECT 1 FROM ${quoted(schema)}.${quoted(table)} LIMIT 0`, [], signal);
  } catch (error) {
    if (!isErrno(error, tableErrors.noTable, tableErrors.noSchema)) throw deniedOr(error, name);
  }
  return new DrcError('TABLE_UNKNOWN', `There is no captured table ${schema}.${table}.`, {
    table: `${schema}.${table}`,
  });
}

/** The error, or a clearer one where the user may not read the table. */
export function deniedOr(error: unknown, { schema, table }: SnapshotTable): unknown {
  const { deniedTable, deniedColumn, deniedSchema } = tableErrors;
  if (!isErrno(error, deniedTable, deniedColumn, deniedSchema)) return error;
  const remedy = `GRANT SELECT ON ${quoted(schema)}.${quoted(table)} TO …`;
  return new DrcError(
    'SOURCE_PRIVILEGE',
    `A snapshot of ${schema}.${table} needs the right to read it: ${remedy}.`,
    { table: `${schema}.${table}`, remedies: [remedy] },
    { cause: error },
  );
}

function checkKind({ schema, table }: SnapshotTable, facts: SourceRow): void {
  const kind = String(facts['TABLE_TYPE']);
  const engine = String(facts['ENGINE'] ?? '');
  const isTable = kind === 'BASE TABLE' || kind === 'SYSTEM VERSIONED';
  if (isTable && snapshotEngines.has(engine.toLowerCase())) return;
  const what = isTable ? `of the engine ${engine}, which has no snapshots` : `a ${kind.toLowerCase()}`;
  throw new DrcError('SNAPSHOT_UNSUPPORTED', `${schema}.${table} cannot be copied: it is ${what}.`, {
    table: `${schema}.${table}`,
  });
}

const columnOf = (
  row: SourceRow,
): Omit<DescribedColumn, 'collation'> & { readonly generation: string; readonly collationName: string } => ({
  name: String(row['COLUMN_NAME']),
  dataType: String(row['DATA_TYPE']).toLowerCase(),
  columnType: String(row['COLUMN_TYPE']),
  nullable: row['IS_NULLABLE'] === 'YES',
  octets: Number(row['CHARACTER_OCTET_LENGTH'] ?? 0),
  precision: Number(row['NUMERIC_PRECISION'] ?? 0),
  scale: Number(row['NUMERIC_SCALE'] ?? 0),
  fraction: Number(row['DATETIME_PRECISION'] ?? 0),
  generation: String(row['GENERATION_EXPRESSION'] ?? ''),
  collationName: String(row['COLLATION_NAME'] ?? 'binary'),
});

/** By name. MariaDB has the newer ones, whose names are of no charset, in the second view alone; MySQL has no ids there. */
async function collationIds(
  session: SnapshotSession,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const view = session.flavour === 'mariadb' ? 'COLLATION_CHARACTER_SET_APPLICABILITY' : 'COLLATIONS';
  let rows = await session.rows(`SELECT * FROM information_schema.${view}`, [], signal);
  // Before MariaDB 10.10 all have a charset.
  if (rows[0]?.['ID'] === undefined)
    rows = await session.rows('SELECT * FROM information_schema.COLLATIONS', [], signal);
  return new Map(
    rows.map((row) => [String(row['FULL_COLLATION_NAME'] ?? row['COLLATION_NAME']), Number(row['ID'])]),
  );
}

/** Whether the user may read all columns. @throws DrcError `SOURCE_PRIVILEGE` */
async function checkReadable(
  session: SnapshotSession,
  name: SnapshotTable,
  keyset: Keyset,
  signal: AbortSignal,
): Promise<void> {
  try {
    await session.rows(keyset.select(undefined, 0), [], signal);
  } catch (error) {
    throw deniedOr(error, name);
  }
}

async function learnedOf(
  session: SnapshotSession,
  { schema, table }: SnapshotTable,
  columns: readonly ReturnType<typeof columnOf>[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, LearnedColumn>> {
  const clauses =
    session.flavour === 'mysql'
      ? []
      : await session.rows(
          'SELECT CHECK_CLAUSE AS clause FROM information_schema.CHECK_CONSTRAINTS ' +
            'WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?',
          [schema, table],
          signal,
        );
  const json = new Set(
    clauses.flatMap(({ clause }) => {
      const match = /^json_valid\(`((?:[^`]|``)+)`\)$/i.exec(String(clause));
      return match === null ? [] : [match[1]!.replaceAll('``', '`')];
    }),
  );
  return new Map(
    columns.map(({ name, dataType, columnType, generation }) => [
      name,
      {
        dataType: json.has(name) ? 'json' : dataType,
        columnType,
        isOfTable: true as const,
        ...(generation === 'ROW END' ? { isRowEnd: true as const } : {}),
      },
    ]),
  );
}

interface Known {
  readonly described: readonly DescribedColumn[];
  readonly indexes: readonly TableIndex[];
  readonly learned: ReadonlyMap<string, LearnedColumn>;
  readonly signal: AbortSignal;
}

/** What the stream makes of the table map that the source would write. */
async function versionOf(
  session: SnapshotSession,
  name: SnapshotTable,
  filter: TableFilter,
  { described, indexes, learned, signal }: Known,
): Promise<Pick<DescribedTable, 'version' | 'plans'>> {
  const { flavour } = session;
  const names = described.map((column) => column.name);
  const primaryKey = (indexes.find(isPrimary)?.columns ?? [])
    .map(({ name: column }) => names.indexOf(column ?? ''))
    .filter((index) => index >= 0);
  const map = await tableMapOf(name, described, primaryKey, flavour, labelEncoder(session, signal));
  const types = needsLearning(map, flavour) ? learned : undefined;
  const excludeColumns = filter.excludedColumns(name.schema, name.table, names);
  const { version } = new RowTranscoder(map, {
    flavour,
    ...(types === undefined ? {} : { learned: types }),
    ...(excludeColumns === undefined ? {} : { excludeColumns }),
    constantColumn: flavour === 'mariadb' ? versioningOf(map, learned)?.rowEnd : undefined,
  });
  const collations = collationsOf(map, flavour);
  const plans = map.columns.flatMap((column, index) =>
    excludeColumns?.has(column.name) === true
      ? []
      : [
          planColumn(column, {
            ...name,
            flavour,
            collation: collations[index],
            learned: types?.get(column.name),
            losses: { count: 0 },
          }),
        ],
  );
  return { version, plans };
}

/** Labels in a charset other than UTF-8 are encoded by the server. */
function labelEncoder(session: SnapshotSession, signal: AbortSignal): EncodeLabels {
  return async (labels, charset) => {
    const utf8 = labels.map((label) => Buffer.from(label));
    if (charsetOf(charset)?.isUtf8 !== false) return utf8;
    const list = utf8.map(
      (label, index) => `HEX(CONVERT(_utf8mb4 X'${label.toString('hex')}' USING ${charset})) AS l${index}`,
    );
    const row = await session.row(`SELECT ${list.join(', ')}`, signal);
    return labels.map((_, index) => Buffer.from(String(row[`l${index}`]), 'hex'));
  };
}
