import { DrcError } from '@drc/protocol';
import type { SourceControl, SourceRow } from '../source-control.js';
import type { TableFilter } from '../table-filter.js';
import { xidKey } from '../xa-xid.js';
import { collationFault, typeFault } from './column-support.js';
import {
  isSince,
  type Answer,
  type ReplicationChannel,
  type ServerFacts,
  type TableFacts,
  type UnsupportedColumn,
} from './facts.js';

/** What is not the server's own number is the connection's: nothing that is asked after it would be answered. */
const firstServerErrno = 1000;
/** mysql2's, where the server took too long for one answer. */
const tooSlow = 'PROTOCOL_SEQUENCE_TIMEOUT';

/** The server's refusal is an answer; a lost connection is none. */
export async function answerTo<Value>(question: Promise<Value>): Promise<Answer<Value>> {
  try {
    return { value: await question };
  } catch (error) {
    if (!(error instanceof DrcError)) throw error;
    const { errno, reason } = error.details;
    if (!(Number(errno) >= firstServerErrno) && reason !== tooSlow) throw error;
    return { refusal: error };
  }
}

/** @throws DrcError as the connection fails. */
export async function askServer(control: SourceControl, now: () => number = Date.now): Promise<ServerFacts> {
  const version = (await control.value('SELECT VERSION()')) ?? '';
  const flavour = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
  const server = { flavour, version } as const;
  const variables = await control.rows('SHOW GLOBAL VARIABLES');
  return {
    ...server,
    variables: new Map(
      variables.map((row) => [String(row['Variable_name']).toLowerCase(), String(row['Value'] ?? '')]),
    ),
    account: (await control.value('SELECT CURRENT_USER()')) ?? '',
    grants: (await control.rows('SHOW GRANTS')).map((row) => String(Object.values(row)[0])),
    channels: await answerTo(channelsOf(control, server)),
    binlogFilters: await answerTo(binlogFiltersOf(control, server)),
    connections: await answerTo(connectionsOf(control)),
    clock: await clockOf(control, now),
  };
}

type Server = Pick<ServerFacts, 'flavour' | 'version'>;

async function channelsOf(control: SourceControl, server: Server): Promise<readonly ReplicationChannel[]> {
  const statement =
    server.flavour === 'mariadb'
      ? 'SHOW ALL SLAVES STATUS'
      : isSince(server, 8, 0, 22)
        ? 'SHOW REPLICA STATUS'
        : 'SHOW SLAVE STATUS';
  return (await control.rows(statement)).map(channelOf);
}

/** MySQL renamed the columns, MariaDB did not. */
function channelOf(row: SourceRow): ReplicationChannel {
  const value = (...names: readonly string[]): string =>
    String(names.map((name) => row[name]).find((found) => found !== undefined && found !== null) ?? '');
  const lag = value('Seconds_Behind_Source', 'Seconds_Behind_Master');
  return {
    from: `${value('Source_Host', 'Master_Host')}:${value('Source_Port', 'Master_Port')}`,
    running:
      value('Replica_IO_Running', 'Slave_IO_Running') === 'Yes' &&
      value('Replica_SQL_Running', 'Slave_SQL_Running') === 'Yes',
    lagSeconds: lag === '' ? undefined : Number(lag),
    filters: Object.entries(row).flatMap(([name, filter]) =>
      /^Replicate_(?!Ignore_Server_Ids)/.test(name) && filter !== null && filter !== ''
        ? [`${name} = ${filter}`]
        : [],
    ),
  };
}

async function binlogFiltersOf(control: SourceControl, server: Server): Promise<readonly string[]> {
  const renamed = server.flavour === 'mysql' && isSince(server, 8, 2);
  const [row] = await control.rows(renamed ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS');
  return [
    ['binlog_do_db', row?.['Binlog_Do_DB']],
    ['binlog_ignore_db', row?.['Binlog_Ignore_DB']],
  ].flatMap(([name, schemas]) =>
    schemas === undefined || schemas === null || schemas === '' ? [] : [`${name} = ${schemas}`],
  );
}

async function connectionsOf(control: SourceControl): Promise<number> {
  const [row] = await control.rows("SHOW GLOBAL STATUS LIKE 'Threads_connected'");
  return Number(row?.['Value'] ?? 0);
}

/** The source is taken to have looked at its clock in the middle of the time that the answer took. */
async function clockOf(control: SourceControl, now: () => number): Promise<ServerFacts['clock']> {
  const asked = now();
  const source = await control.time();
  const answered = now();
  return {
    differenceMs: Math.round(source - (asked + answered) / 2),
    uncertaintyMs: Math.round((answered - asked) / 2),
  };
}

/** The ids of the replicas that have made themselves known to the source. */
export const askReplicas = (control: SourceControl, server: Server): Promise<Answer<readonly number[]>> => {
  const renamed = server.flavour === 'mysql' && isSince(server, 8, 0, 22);
  const rows = control.rows(renamed ? 'SHOW REPLICAS' : 'SHOW SLAVE HOSTS');
  // Server_id in MariaDB, Server_Id in MySQL.
  return answerTo(rows.then((replicas) => replicas.map((row) => Number(Object.values(row)[0]))));
};

/** MySQL wants XA_RECOVER_ADMIN for it, and gives the bytes as text unless it is asked to convert them. */
export const askPrepared = (
  control: SourceControl,
  { flavour }: Pick<Server, 'flavour'>,
): Promise<Answer<readonly string[]>> =>
  answerTo(
    control
      .rows(flavour === 'mariadb' ? 'XA RECOVER' : 'XA RECOVER CONVERT XID')
      .then((rows) => rows.map((row) => xidOf(row))),
  );

/** The driver gives MariaDB's column of bytes as a buffer, MySQL's conversion as `0x…`. */
function xidOf(row: Readonly<Record<string, unknown>>): string {
  const { formatID, gtrid_length: length, data } = row;
  const bytes = Buffer.isBuffer(data) ? data : Buffer.from(String(data).slice(2), 'hex');
  return xidKey(Number(formatID), bytes.subarray(0, Number(length)), bytes.subarray(Number(length)));
}

const systemSchemas = "('information_schema', 'mysql', 'performance_schema', 'sys')";

/**
 * @param depth `versioned`: only what a store must not overlook when it connects anew
 * @throws DrcError as the connection fails
 */
export async function askTables(
  control: SourceControl,
  server: Server,
  filter: TableFilter,
  depth: 'versioned' | 'all',
): Promise<TableFacts> {
  const captured = async (sql: string): Promise<readonly string[]> =>
    (await control.rows(sql)).flatMap((row) => {
      const [schema, table] = [String(row['s']), String(row['t'])];
      return filter.captures(schema, table) ? [`${schema}.${table}`] : [];
    });
  const versioned = server.flavour === 'mariadb' ? await answerTo(captured(versionedTables)) : { value: [] };
  if (depth === 'versioned') return { versioned };
  const tables = await answerTo(captured(allTables));
  const keyed = await answerTo(captured(tablesWithKey));
  return {
    versioned,
    keyless:
      'refusal' in tables
        ? tables
        : 'refusal' in keyed
          ? keyed
          : { value: without(tables.value, keyed.value) },
    cascading: await answerTo(captured(cascadingTables)),
    unsupported: await answerTo(unsupportedColumns(control, server, filter)),
  };
}

/** Versioned by transaction id. */
const versionedTables =
  'SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.COLUMNS ' +
  "WHERE GENERATION_EXPRESSION = 'ROW END' AND DATA_TYPE = 'bigint' ORDER BY 1, 2";

const allTables =
  'SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.TABLES ' +
  `WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA NOT IN ${systemSchemas} ORDER BY 1, 2`;

/** A key over columns that are never NULL; over expressions (MySQL: no column name) it tells rows apart to the server only. */
const tablesWithKey =
  'SELECT DISTINCT s, t FROM (SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, INDEX_NAME AS i ' +
  `FROM information_schema.STATISTICS WHERE NON_UNIQUE = 0 AND TABLE_SCHEMA NOT IN ${systemSchemas} ` +
  "GROUP BY 1, 2, 3 HAVING SUM(NULLABLE = 'YES' OR COLUMN_NAME IS NULL) = 0) AS unique_keys";

const cascadingTables =
  'SELECT DISTINCT CONSTRAINT_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.REFERENTIAL_CONSTRAINTS ' +
  "WHERE DELETE_RULE IN ('CASCADE', 'SET NULL') OR UPDATE_RULE IN ('CASCADE', 'SET NULL') ORDER BY 1, 2";

function without(names: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others);
  return names.filter((name) => !known.has(name));
}

/** First which types and collations there are at all; then, as a rule for nothing, whose they are. */
async function unsupportedColumns(
  control: SourceControl,
  server: Server,
  filter: TableFilter,
): Promise<readonly UnsupportedColumn[]> {
  const kinds = await control.rows(
    'SELECT DISTINCT DATA_TYPE AS type, COLLATION_NAME AS collation FROM information_schema.COLUMNS ' +
      `WHERE TABLE_SCHEMA NOT IN ${systemSchemas}`,
  );
  const ids = await collationIds(control, server);
  const faults = kinds.flatMap(({ type, collation }) => {
    const reason =
      typeFault(String(type)) ??
      (collation === null ? undefined : collationFault(String(collation), ids.get(String(collation))));
    return reason === undefined ? [] : [{ type: String(type), collation, reason }];
  });
  const columns: UnsupportedColumn[] = [];
  for (const { type, collation, reason } of faults) {
    const rows = await control.rows(
      'SELECT c.TABLE_SCHEMA AS s, c.TABLE_NAME AS t, c.COLUMN_NAME AS c FROM information_schema.COLUMNS c ' +
        'JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME ' +
        "WHERE t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND c.DATA_TYPE = ? " +
        `AND c.COLLATION_NAME ${collation === null ? 'IS NULL' : '= ?'} ORDER BY 1, 2, c.ORDINAL_POSITION`,
      [type, ...(collation === null ? [] : [String(collation)])],
    );
    for (const row of rows) {
      const [schema, table, column] = [String(row['s']), String(row['t']), String(row['c'])];
      if (!filter.captures(schema, table)) continue;
      if (filter.excludedColumns(schema, table, [column]) !== undefined) continue;
      columns.push({ name: `${schema}.${table}.${column}`, reason });
    }
  }
  return columns;
}

/** MariaDB 10.10 and newer know some collations under several names, and their ids in another place. */
async function collationIds(control: SourceControl, server: Server): Promise<ReadonlyMap<string, number>> {
  const rows = await control.rows(
    server.flavour === 'mariadb' && isSince(server, 10, 10)
      ? 'SELECT FULL_COLLATION_NAME AS name, ID AS id FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY'
      : 'SELECT COLLATION_NAME AS name, ID AS id FROM information_schema.COLLATIONS',
  );
  return new Map(rows.map(({ name, id }) => [String(name), Number(id)]));
}
