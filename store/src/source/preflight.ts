import { DrcError } from '@drc/protocol';
import type { SourceIdentity } from '../log/transaction-log.js';
import { missingPrivileges } from './privileges.js';
import type { SourceControl } from './source-control.js';
import type { TableFilter } from './table-filter.js';

/** What a source is, as far as capture has to know. */
export interface SourceFacts {
  readonly identity: SourceIdentity;
  readonly version: string;
}

/** One thing that keeps the source from being captured, and what to do about it. */
interface Fault {
  readonly code: 'SOURCE_CONFIG' | 'SOURCE_PRIVILEGE' | 'UNSUPPORTED_COLUMN';
  readonly what: string;
  /** The statement to run, or the line of the option file. */
  readonly remedy: string;
}

/** Settings without which something would be lost, and the values that are right. */
const settings: readonly (readonly [name: string, right: string, remedy: string])[] = [
  ['log_bin', 'ON', 'put `log_bin` into the [mysqld] section of its option file and restart it'],
  ['binlog_format', 'ROW', "SET GLOBAL binlog_format = 'ROW'"],
  ['binlog_row_image', 'FULL', "SET GLOBAL binlog_row_image = 'FULL'"],
  ['binlog_row_metadata', 'FULL', "SET GLOBAL binlog_row_metadata = 'FULL'"],
];

const wanted = [
  ...settings.map(([name]) => name),
  'log_slave_updates',
  'log_replica_updates',
  'lower_case_table_names',
  'server_id',
  'server_uuid',
  'version',
];

/**
 * Checks the source before anything is read from it.
 * @throws DrcError with all faults at once: `SOURCE_CONFIG`, `SOURCE_PRIVILEGE` or `UNSUPPORTED_COLUMN`, with the
 * statements to run in `details.remedies`
 */
export async function checkSource(control: SourceControl, filter: TableFilter): Promise<SourceFacts> {
  const variables = await readVariables(control);
  const version = (await control.value('SELECT VERSION()')) ?? '';
  const flavour = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
  const faults = [
    ...settingFaults(variables),
    ...nameFaults(variables),
    ...(await replicaFaults(control, variables)),
    ...(await privilegeFaults(control, flavour)),
    ...(flavour === 'mariadb' ? await versionedTables(control, filter) : []),
  ];
  if (faults.length > 0) throw faultError(faults);
  return {
    identity: {
      flavour,
      uuid: flavour === 'mysql' ? (variables.get('server_uuid') ?? '') : '',
      serverId: Number(variables.get('server_id') ?? 0),
    },
    version,
  };
}

async function readVariables(control: SourceControl): Promise<ReadonlyMap<string, string>> {
  const rows = await control.rows(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${wanted.map((name) => `'${name}'`).join(', ')})`,
  );
  return new Map(rows.map((row) => [String(row['Variable_name']).toLowerCase(), String(row['Value'])]));
}

const settingFaults = (variables: ReadonlyMap<string, string>): Fault[] =>
  settings.flatMap(([name, right, remedy]): Fault[] => {
    const value = variables.get(name);
    if (value?.toUpperCase() === right) return [];
    const what =
      value === undefined
        ? `the server has no ${name} (MariaDB has it from 10.5 on, MySQL from 8.0 on)`
        : `${name} is ${value}, not ${right}`;
    return [{ code: 'SOURCE_CONFIG', what, remedy: value === undefined ? 'update the server' : remedy }];
  });

/** With folded names, the schemas and tables in the text of statements are not those of the row events. */
function nameFaults(variables: ReadonlyMap<string, string>): Fault[] {
  const value = variables.get('lower_case_table_names') ?? '0';
  if (value === '0') return [];
  return [
    {
      code: 'SOURCE_CONFIG',
      what: `lower_case_table_names is ${value}: names in statements would not match names in row events`,
      remedy: 'not supported yet, capture from a server with lower_case_table_names = 0',
    },
  ];
}

/** A replica without log_slave_updates writes nothing of what it applies. */
async function replicaFaults(
  control: SourceControl,
  variables: ReadonlyMap<string, string>,
): Promise<Fault[]> {
  const logs = variables.get('log_slave_updates') ?? variables.get('log_replica_updates') ?? 'ON';
  if (logs.toUpperCase() === 'ON' || !(await isReplica(control))) return [];
  return [
    {
      code: 'SOURCE_CONFIG',
      what: 'the server is a replica and does not log what it applies (log_slave_updates is OFF)',
      remedy: 'put `log_slave_updates` into the [mysqld] section of its option file and restart it',
    },
  ];
}

async function isReplica(control: SourceControl): Promise<boolean> {
  for (const statement of ['SHOW ALL SLAVES STATUS', 'SHOW REPLICA STATUS', 'SHOW SLAVE STATUS']) {
    try {
      return (await control.rows(statement)).length > 0;
    } catch (error) {
      // Another flavour's statement, or no right to it; a lost connection shows again at the next question.
      if (!(error instanceof DrcError) || error.code === 'SOURCE_UNREACHABLE') throw error;
    }
  }
  return ((await control.value('SELECT @@GLOBAL.gtid_slave_pos')) ?? '') !== '';
}

async function privilegeFaults(control: SourceControl, flavour: SourceIdentity['flavour']): Promise<Fault[]> {
  const account = (await control.value('SELECT CURRENT_USER()')) ?? '';
  const grants = (await control.rows('SHOW GRANTS')).map((row) => String(Object.values(row)[0]));
  const missing = missingPrivileges(grants, flavour);
  if (missing.length === 0) return [];
  return [
    {
      code: 'SOURCE_PRIVILEGE',
      what: `${account} lacks ${missing.join(', ')}`,
      remedy: `GRANT ${missing.join(', ')} ON *.* TO ${quotedAccount(account)}`,
    },
  ];
}

const quotedAccount = (account: string): string => {
  const at = account.lastIndexOf('@');
  const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  return `${quote(account.slice(0, at))}@${quote(account.slice(at + 1))}`;
};

/** History rows come as inserts that nothing tells from real ones. */
async function versionedTables(control: SourceControl, filter: TableFilter): Promise<Fault[]> {
  const rows = await control.rows(
    'SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.TABLES ' +
      "WHERE TABLE_TYPE = 'SYSTEM VERSIONED' ORDER BY 1, 2",
  );
  return rows
    .filter((row) => filter.captures(String(row['s']), String(row['t'])))
    .map((row) => ({
      code: 'UNSUPPORTED_COLUMN',
      what: `${row['s']}.${row['t']} is system-versioned`,
      remedy: 'exclude it from capture',
    }));
}

function faultError(faults: readonly Fault[]): DrcError {
  const lines = faults.map(({ what, remedy }) => `${what}: ${remedy}`);
  return new DrcError(faults[0]!.code, `The source cannot be captured yet. ${lines.join('; ')}.`, {
    faults: faults.map(({ what }) => what),
    remedies: faults.map(({ remedy }) => remedy),
  });
}
