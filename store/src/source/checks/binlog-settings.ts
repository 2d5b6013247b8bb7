import { isOn, isSince, variable, type ServerFacts, type SourceFacts } from './facts.js';
import { fault, ok, setAtStart, setVariable, warning, type Finding } from './finding.js';

/** The oldest servers whose binlog names the columns (binlog_row_metadata=FULL). */
const oldest = { mariadb: [10, 5], mysql: [8, 0] } as const;

export function version({ server }: SourceFacts): Finding {
  const [major, minor] = oldest[server.flavour];
  const product = server.flavour === 'mariadb' ? 'MariaDB' : 'MySQL';
  const found = `${product} ${server.version}`;
  const wanted = `${product} ${major}.${minor} or newer`;
  if (isSince(server, major, minor)) return ok('version', found, wanted);
  return fault('version', 'SOURCE_CONFIG', {
    found,
    wanted,
    why: 'Its binlog does not name the columns of a row, so that rows could not be told apart from those before an ALTER TABLE.',
    fix: [`Update the server to ${wanted}.`],
  });
}

export function logBin({ server }: SourceFacts): Finding {
  if (isOn(server, 'log_bin')) return ok('log_bin', 'ON', 'ON');
  return fault('log_bin', 'SOURCE_CONFIG', {
    found: 'OFF',
    wanted: 'ON',
    why: 'The server writes no binlog. There is nothing to capture.',
    fix: [
      ...setAtStart(
        'log_bin = binlog',
        ...(server.flavour === 'mariadb' ? ['binlog_format = ROW'] : []),
        'binlog_row_metadata = FULL',
      ),
      'A line `skip_log_bin` or `disable_log_bin` must go.',
    ],
  });
}

const reconnect = 'Sessions that are connected already keep their own value: let applications connect anew.';

/** Settings without which rows are lost or cannot be read. */
const needed = [
  {
    name: 'binlog_format',
    right: 'ROW',
    perSession: true,
    why: 'Changes that are written as statements do not say which rows they changed; a store stops at the first (STATEMENT_EVENT).',
  },
  {
    name: 'binlog_row_image',
    right: 'FULL',
    perSession: true,
    why: 'Rows arrive without the columns that a statement did not touch.',
  },
  {
    name: 'binlog_row_metadata',
    right: 'FULL',
    perSession: false,
    why: 'Without it the binlog has neither the names of columns nor the labels of ENUM and SET.',
  },
] as const;

export const neededSettings = needed.map(
  ({ name, right, perSession, why }) =>
    ({ server }: SourceFacts): Finding | undefined => {
      if (!isOn(server, 'log_bin')) return undefined;
      const found = server.variables.get(name);
      if (found?.toUpperCase() === right) return ok(name, found, right);
      if (found === undefined) {
        // MySQL has said that it will drop the variable together with the other formats.
        if (name === 'binlog_format' && server.flavour === 'mysql') return ok(name, 'always ROW', right);
        return fault(name, 'SOURCE_CONFIG', {
          found: 'the server does not know it',
          wanted: right,
          why,
          fix: ['Update the server: MariaDB has it from 10.5 on, MySQL from 8.0 on.'],
        });
      }
      return fault(name, 'SOURCE_CONFIG', {
        found,
        wanted: right,
        why,
        fix: [
          ...setVariable(server, name, right),
          ...(perSession ? [reconnect] : []),
          'What stands in the binlog already stays as it is: let an empty log begin behind it (`capture.start: now`).',
        ],
      });
    },
);

export function rowValueOptions({ server }: SourceFacts): Finding | undefined {
  const name = 'binlog_row_value_options';
  const found = server.variables.get(name);
  if (found === undefined || !isOn(server, 'log_bin')) return undefined;
  if (found === '') return ok(name, 'empty', 'empty');
  return fault(name, 'SOURCE_CONFIG', {
    found,
    wanted: 'empty',
    why: 'An update of a JSON column may be written as a difference to the row before, which a store does not read (UNSUPPORTED_EVENT).',
    fix: [...setVariable(server, name, ''), reconnect],
  });
}

/** Not a matter of right and wrong: either is read. */
export function compression({ server }: SourceFacts): Finding | undefined {
  const name = server.flavour === 'mysql' ? 'binlog_transaction_compression' : 'log_bin_compress';
  const found = server.variables.get(name);
  if (found === undefined || !isOn(server, 'log_bin')) return undefined;
  return ok(name, found, '', isOn(server, name) ? 'What is compressed is unpacked by the store.' : '');
}

export function checksum({ server }: SourceFacts): Finding | undefined {
  const name = 'binlog_checksum';
  if (!isOn(server, 'log_bin')) return undefined;
  if (variable(server, name) === 'crc32') return ok(name, 'CRC32', 'CRC32');
  return warning(name, {
    found: server.variables.get(name) ?? 'unknown',
    wanted: 'CRC32',
    why: 'An event that was damaged on the source’s disk or on the way is not noticed.',
    fix: setVariable(server, name, 'CRC32'),
  });
}

/** MariaDB 10.11's default is ON; servers that were updated from 5.5 may have it OFF. */
export function temporalFormat({ server }: SourceFacts): Finding | undefined {
  const name = 'mysql56_temporal_format';
  const found = server.variables.get(name);
  if (found === undefined) return undefined;
  if (isOn(server, name)) return ok(name, found, 'ON');
  return warning(name, {
    found,
    wanted: 'ON',
    why:
      'The binlog does not tell how many fractional digits TIME, DATETIME and TIMESTAMP columns have that are made now. ' +
      'A store asks the source; what was written before an ALTER TABLE that it has not read yet may then be refused (UNSUPPORTED_COLUMN).',
    fix: [...setVariable(server, name, 'ON'), '`ALTER TABLE … FORCE` converts tables that were made before.'],
  });
}

/** What a server that cannot write its binlog does. */
export function errorAction({ server }: SourceFacts): Finding | undefined {
  const name = 'binlog_error_action';
  const found = server.variables.get(name);
  if (found === undefined || !isOn(server, 'log_bin')) return undefined;
  if (found.toUpperCase() === 'ABORT_SERVER') return ok(name, found, 'ABORT_SERVER');
  return warning(name, {
    found,
    wanted: 'ABORT_SERVER',
    why: 'When the server cannot write its binlog (a full disk), it goes on without: what is written then never arrives anywhere.',
    fix: setVariable(server, name, 'ABORT_SERVER'),
  });
}

/** A binlog that survives the server's crash as its tables do. */
const durable = [
  {
    name: 'sync_binlog',
    needs: 'log_bin',
    why: 'When the machine crashes, the server can lose transactions that readers have seen already; capture then stops (SOURCE_HISTORY_CHANGED).',
  },
  {
    name: 'innodb_flush_log_at_trx_commit',
    needs: undefined,
    why: 'When the machine crashes, tables can lose transactions that are in the binlog: readers have changes then that the source has not.',
  },
] as const;

export const durability = durable.map(
  ({ name, needs, why }) =>
    ({ server }: SourceFacts): Finding | undefined => {
      const found = server.variables.get(name);
      if (found === undefined || (needs !== undefined && !isOn(server, needs))) return undefined;
      if (found === '1') return ok(name, found, '1');
      return warning(name, { found, wanted: '1', why, fix: setVariable(server, name, 1) });
    },
);

/** How long the server waits for a reader that does not read. */
export function writeTimeout({ server }: SourceFacts): Finding | undefined {
  const name = 'net_write_timeout';
  const found = server.variables.get(name);
  if (found === undefined) return undefined;
  if (Number(found) >= leastWriteTimeout) return ok(name, found, `${leastWriteTimeout} or more`);
  return warning(name, {
    found,
    wanted: `${leastWriteTimeout} or more`,
    why: 'The server cuts a store off that pauses for its disk; a store pauses for up to 20 s before it lets go by itself.',
    fix: setVariable(server, name, 60),
  });
}

/** Seconds. More than the longest pause of a reader. */
const leastWriteTimeout = 30;

/** With folded names, the schemas and tables in the text of statements are not those of the row events. */
export function tableNames({ server }: SourceFacts): Finding {
  const name = 'lower_case_table_names';
  const found = server.variables.get(name) ?? '0';
  if (found === '0') return ok(name, found, '0');
  return fault(name, 'SOURCE_CONFIG', {
    found,
    wanted: '0',
    why: 'Names in the text of statements would not match those in row events.',
    fix: [
      'Not supported yet: capture from a server with lower_case_table_names = 0 (it is fixed when a server is set up).',
    ],
  });
}

/** A binlog inside of InnoDB (MariaDB 12.3) has other files and positions. */
export function binlogEngine({ server }: SourceFacts): Finding | undefined {
  const name = 'binlog_storage_engine';
  const found = server.variables.get(name);
  if (found === undefined || found === '') return undefined;
  return fault(name, 'SOURCE_CONFIG', {
    found,
    wanted: 'empty',
    why: 'Files and positions of a binlog inside of a storage engine are not supported yet.',
    fix: setAtStart('binlog_storage_engine ='),
  });
}

/** Servers refuse to be read from while they have no id. */
export function serverId({ server }: SourceFacts): Finding {
  const found = server.variables.get('server_id') ?? '0';
  if (found !== '0') return ok('server_id', found, 'not 0');
  return fault('server_id', 'SOURCE_CONFIG', {
    found,
    wanted: 'a number of its own',
    why: 'A server without an id does not send its binlog to anybody.',
    fix: [...setVariable(server, 'server_id', 1), 'Each server of a replication topology needs another one.'],
  });
}

export function gtid({ server, wishes }: SourceFacts): Finding | undefined {
  if (!isOn(server, 'log_bin')) return undefined;
  return server.flavour === 'mysql' ? gtidMode(server, wishes.severalHosts === true) : strictMode(server);
}

/** The way to ON; from each mode only the next can be set. */
const modes = ['off', 'off_permissive', 'on_permissive', 'on'];

function gtidMode(server: ServerFacts, isNeeded: boolean): Finding {
  const found = server.variables.get('gtid_mode') ?? 'OFF';
  if (found.toUpperCase() === 'ON') return ok('gtid_mode', found, 'ON');
  const ahead = modes.slice(modes.indexOf(found.toLowerCase()) + 1, -1);
  const defect = {
    found,
    wanted: 'ON',
    why: isNeeded
      ? 'Several hosts of one topology need GTIDs: a place in the files of one server means nothing to another.'
      : 'Positions are file and offset: capture cannot go on at another server after a failover, and a changed history is noticed less surely.',
    fix: [
      ...(variable(server, 'enforce_gtid_consistency') === 'on'
        ? []
        : setVariable(server, 'enforce_gtid_consistency', 'ON')),
      ...ahead.flatMap((mode) => setVariable(server, 'gtid_mode', mode.toUpperCase())),
      "On every server of the topology first; then wait until `SHOW STATUS LIKE 'ONGOING_ANONYMOUS_TRANSACTION_COUNT'` is 0 on each.",
      ...setVariable(server, 'gtid_mode', 'ON'),
    ],
  };
  return isNeeded ? fault('gtid_mode', 'SOURCE_CONFIG', defect) : warning('gtid_mode', defect);
}

function strictMode(server: ServerFacts): Finding {
  const name = 'gtid_strict_mode';
  const found = server.variables.get(name) ?? 'OFF';
  if (isOn(server, name)) return ok(name, found, 'ON');
  return warning(name, {
    found,
    wanted: 'ON',
    why: 'The server takes transactions whose GTIDs go back, for example when two servers write one domain; a store stops at such a one (GTID_OUT_OF_ORDER).',
    fix: setVariable(server, name, 'ON'),
  });
}
