import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../store/src/clock.js';
import { isOptionFile, isStatement, type Finding } from '../../../store/src/source/checks/finding.js';
import {
  type DiagnoseOptions,
  type Diagnosis,
  diagnose,
  diagnoseHosts,
} from '../../../store/src/source/doctor.js';
import { TableFilter, type TableFilterOptions } from '../../../store/src/source/table-filter.js';
import { type DatabaseServer, startServer } from '../../support/database-server.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';

interface Examination extends Partial<Omit<DiagnoseOptions, 'source' | 'filter'>> {
  readonly user?: string;
  readonly password?: string;
  readonly filter?: TableFilterOptions;
}

const dayMs = 86_400_000;

function examine(server: DatabaseServer, options: Examination = {}): Promise<Diagnosis> {
  const { user = server.user, password = server.password, filter, ...rest } = options;
  return diagnose({
    source: { host: server.host, port: server.port, user, password },
    filter: new TableFilter(filter),
    retentionMs: dayMs,
    clock: systemClock,
    ...rest,
  });
}

async function finding(server: DatabaseServer, name: string, options?: Examination): Promise<Finding> {
  const found = findingIn(await examine(server, options), name);
  expect(found, name).toBeDefined();
  return found!;
}

const findingIn = ({ findings }: Diagnosis, name: string): Finding | undefined =>
  findings.find((one) => one.name === name);

const namesOf = ({ findings }: Diagnosis, status: Finding['status']): string[] =>
  findings.filter((one) => one.status === status).map(({ name }) => name);

/** Does what a finding says, as its reader would: the statements; and the option file's lines with a restart. */
async function mend(server: DatabaseServer, { fix }: Finding): Promise<void> {
  const statements = fix.filter(isStatement);
  for (const statement of statements) await server.query(statement);
  if (statements.length > 0) return;
  const lines = fix.filter(isOptionFile).flatMap((block) => block.split('\n').slice(1));
  expect(lines).not.toEqual([]);
  await server.restart(lines.map((line) => `--${line.replaceAll(' ', '').replaceAll('_', '-')}`));
}

/** Settings that are wrong, and can be mended while the server runs. */
const running: Readonly<
  Record<
    'mariadb' | 'mysql',
    readonly (readonly [name: string, status: Finding['status'], argument: string])[]
  >
> = {
  mariadb: [
    ['binlog_format', 'fault', '--binlog-format=MIXED'],
    ['binlog_row_image', 'fault', '--binlog-row-image=MINIMAL'],
    ['binlog_row_metadata', 'fault', '--binlog-row-metadata=NO_LOG'],
    ['gtid_strict_mode', 'warning', '--gtid-strict-mode=OFF'],
    ['binlog_checksum', 'warning', '--binlog-checksum=NONE'],
    ['mysql56_temporal_format', 'warning', '--mysql56-temporal-format=OFF'],
    ['binlog_retention', 'warning', '--binlog-expire-logs-seconds=3600'],
    ['sync_binlog', 'warning', '--sync-binlog=0'],
    ['innodb_flush_log_at_trx_commit', 'warning', '--innodb-flush-log-at-trx-commit=2'],
    ['net_write_timeout', 'warning', '--net-write-timeout=5'],
  ],
  mysql: [
    ['binlog_format', 'fault', '--binlog-format=MIXED'],
    ['binlog_row_image', 'fault', '--binlog-row-image=NOBLOB'],
    ['binlog_row_metadata', 'fault', '--binlog-row-metadata=MINIMAL'],
    ['binlog_row_value_options', 'fault', '--binlog-row-value-options=PARTIAL_JSON'],
    ['gtid_mode', 'warning', '--gtid-mode=OFF'],
    ['binlog_checksum', 'warning', '--binlog-checksum=NONE'],
    ['binlog_retention', 'warning', '--binlog-expire-logs-seconds=3600'],
    ['sync_binlog', 'warning', '--sync-binlog=0'],
    ['innodb_flush_log_at_trx_commit', 'warning', '--innodb-flush-log-at-trx-commit=2'],
    ['binlog_error_action', 'warning', '--binlog-error-action=IGNORE_ERROR'],
    ['net_write_timeout', 'warning', '--net-write-timeout=5'],
  ],
};

onEachServer('the doctor', (flavour) => {
  const start = (args: readonly string[] = []): Promise<DatabaseServer> => startServer(flavour, { args });
  /** For tests that leave the server as it was but for schemas of their own. */
  let shared: DatabaseServer;
  beforeAll(async () => {
    shared = await start();
  });
  afterAll(async () => {
    await shared?.stop();
  });

  it('finds every wrong setting, and what it prints mends each of them', async () => {
    const wrong = running[flavour];
    await using server = await start([
      ...wrong.map(([, , argument]) => argument),
      ...(flavour === 'mysql' ? ['--enforce-gtid-consistency=OFF'] : []),
    ]);
    const before = await examine(server);
    expect(before.result).toBe('fault');
    expect([...namesOf(before, 'fault'), ...namesOf(before, 'warning')].toSorted()).toEqual(
      wrong.map(([name]) => name).toSorted(),
    );
    for (const [name, status] of wrong) {
      const found = findingIn(before, name)!;
      expect([found.name, found.status]).toEqual([name, status]);
      await mend(server, found);
      expect(await finding(server, name)).toMatchObject({ status: 'ok', fix: [] });
    }
    expect((await examine(server)).result).toBe('ok');
  });

  it('says of a server without binlogs only that, and its lines for the option file give it one', async () => {
    await using server = await start(['--skip-log-bin']);
    const before = await examine(server);
    expect(namesOf(before, 'fault')).toEqual(['log_bin']);
    expect(before.findings.map(({ name }) => name)).not.toContain('binlog_format');
    await mend(server, findingIn(before, 'log_bin')!);
    const after = await examine(server);
    expect(namesOf(after, 'fault')).toEqual([]);
    expect(findingIn(after, 'log_bin')).toMatchObject({ status: 'ok', found: 'ON' });
  });

  it('prints the grants that are missing; until they are given, what cannot be asked is not called ok', async () => {
    await using server = await start();
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
    const options = { ...server.plainUser, filter: { include: ['shop.*'] } };
    const before = await examine(server, options);
    expect(namesOf(before, 'fault')).toEqual(
      flavour === 'mariadb' ? ['privileges', 'select_privilege'] : ['privileges'],
    );
    expect(namesOf(before, 'unknown')).toEqual(
      expect.arrayContaining(['role', 'binlog_filters', 'binlog_reach', 'columns', 'tables_without_key']),
    );
    for (const statement of before.findings
      .flatMap(({ fix }) => fix)
      .filter((step) => step.startsWith('GRANT')))
      await server.query(statement);
    const after = await examine(server, options);
    expect([...namesOf(after, 'fault'), ...namesOf(after, 'unknown')]).toEqual([]);
    expect(findingIn(after, 'select_privilege')).toMatchObject({ status: 'ok' });
    // No more than what is captured was asked for.
    await expect(
      server.connect(server.plainUser).then(async (connection) => {
        try {
          return await connection.query('SELECT 1 FROM mysql.user');
        } finally {
          await connection.end();
        }
      }),
    ).rejects.toThrow(/denied/);
  });

  it('warns of a user who may read only a part of what is captured', async () => {
    await using server = await start();
    await server.query(
      `CREATE DATABASE shop; CREATE TABLE shop.t (id INT); GRANT SELECT ON shop.* TO 'plain'@'127.0.0.1'`,
    );
    const found = await finding(server, 'select_privilege', server.plainUser);
    expect(found).toMatchObject({ status: 'warning', found: 'only on shop.*' });
    expect(await finding(server, 'tables_without_key', server.plainUser)).toMatchObject({
      status: 'warning',
      found: '1 table: shop.t',
    });
    const narrowed = { ...server.plainUser, filter: { include: ['shop.t'] } };
    expect(await finding(server, 'select_privilege', narrowed)).toMatchObject({ status: 'ok' });
  });

  it('takes the privileges of roles that are in force', async () => {
    await using server = await start();
    await server.query(
      `CREATE ROLE reader; GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.* TO reader;
       GRANT reader TO 'plain'@'127.0.0.1';
       SET DEFAULT ROLE reader ${flavour === 'mysql' ? 'TO' : 'FOR'} 'plain'@'127.0.0.1'`,
    );
    expect(namesOf(await examine(server, server.plainUser), 'fault')).toEqual([]);
  });

  it('names the captured tables without a key, and gives them one that SELECT * does not show', async () => {
    await shared.query(
      `CREATE DATABASE shop; CREATE DATABASE other;
       CREATE TABLE shop.primary_key (id INT PRIMARY KEY); CREATE TABLE shop.unique_key (a INT NOT NULL, UNIQUE (a));
       CREATE TABLE shop.nullable (a INT, UNIQUE (a)); CREATE TABLE shop.\`odd\`\`name\` (a INT);
       CREATE TABLE other.t (a INT); CREATE VIEW shop.v AS SELECT 1 AS a`,
    );
    const options = { filter: { exclude: ['other.*'] } };
    const found = await finding(shared, 'tables_without_key', options);
    expect(found).toMatchObject({ status: 'warning', found: '2 tables: shop.nullable, shop.odd`name' });
    await mend(shared, found);
    expect(await finding(shared, 'tables_without_key', options)).toMatchObject({ status: 'ok' });
    await shared.query('INSERT INTO shop.nullable VALUES (7)');
    expect(await shared.query('SELECT * FROM shop.nullable')).toEqual([{ a: 7 }]);
  });

  it('knows whether this server logs what foreign keys change', async () => {
    await using server = await start();
    await server.query(
      `CREATE DATABASE shop; CREATE TABLE shop.buyers (id INT PRIMARY KEY);
       CREATE TABLE shop.orders (id INT PRIMARY KEY, buyer INT,
         FOREIGN KEY (buyer) REFERENCES shop.buyers (id) ON DELETE CASCADE);
       CREATE TABLE shop.notes (id INT PRIMARY KEY, buyer INT,
         FOREIGN KEY (buyer) REFERENCES shop.buyers (id) ON UPDATE SET NULL);
       CREATE TABLE shop.strict_one (id INT PRIMARY KEY, buyer INT, FOREIGN KEY (buyer) REFERENCES shop.buyers (id))`,
    );
    const warning = { status: 'warning', found: '2 tables: shop.notes, shop.orders' };
    const found = await finding(server, 'cascading_foreign_keys');
    if (flavour === 'mariadb') {
      expect(found).toMatchObject(warning);
      const options = { filter: { exclude: ['shop.notes', 'shop.orders'] } };
      expect(await finding(server, 'cascading_foreign_keys', options)).toMatchObject({ status: 'ok' });
      return;
    }
    expect(found).toMatchObject({ status: 'ok', found: 'their changes are in the binlog' });
    await server.restart(['--innodb-native-foreign-keys=ON']);
    const native = await finding(server, 'cascading_foreign_keys');
    expect(native).toMatchObject(warning);
    await mend(server, native);
    expect(await finding(server, 'cascading_foreign_keys')).toMatchObject({ status: 'ok' });
  });

  it('takes every type and every character set of the server', async () => {
    const charsets = (await shared.query(
      "SELECT CHARACTER_SET_NAME AS name FROM information_schema.CHARACTER_SETS WHERE CHARACTER_SET_NAME <> 'binary'",
    )) as { name: string }[];
    await shared.query(
      `CREATE DATABASE every; CREATE TABLE every.types (id INT PRIMARY KEY, a BIGINT UNSIGNED, b DECIMAL(9, 2), c DOUBLE, d BIT(9),
         e YEAR, f DATETIME(6), g TIMESTAMP NULL, h TIME(3), i VARBINARY(9), j ENUM('a'), k SET('b'), l JSON, m GEOMETRY,
         n MULTIPOLYGON, o LONGTEXT${flavour === 'mariadb' ? ', p UUID, q INET4, r INET6' : ', p VECTOR(3)'});
       CREATE TABLE every.texts (id INT PRIMARY KEY, ${charsets.map(({ name }) => `c_${name} CHAR(3) CHARACTER SET ${name}`).join(', ')})`,
    );
    expect(await finding(shared, 'columns')).toMatchObject({ status: 'ok' });
  });

  it('warns of the schemas that the server keeps out of its binlog', async () => {
    await using server = await start(['--binlog-do-db=shop', '--binlog-ignore-db=tmp']);
    expect(await finding(server, 'binlog_filters')).toMatchObject({
      status: 'warning',
      found: 'binlog_do_db = shop; binlog_ignore_db = tmp',
    });
    await server.restart();
    expect(await finding(server, 'binlog_filters')).toMatchObject({ status: 'ok' });
  });

  it('refuses a replica that does not log what it applies, and warns of one that stands still', async () => {
    const off = flavour === 'mysql' ? '--log-replica-updates=OFF' : '--log-slave-updates=OFF';
    const name = flavour === 'mysql' ? 'log_replica_updates' : 'log_slave_updates';
    await using primary = await start();
    await using replica = await startServer(flavour, { serverId: 2, args: [off] });
    expect(await finding(replica, name)).toMatchObject({ status: 'ok' });
    expect(await finding(replica, 'role')).toMatchObject({ status: 'ok', found: 'primary' });
    await primary.query(
      `CREATE USER copy@'127.0.0.1' IDENTIFIED BY 'c'; GRANT REPLICATION SLAVE ON *.* TO copy@'127.0.0.1'`,
    );
    await replica.query(
      flavour === 'mysql'
        ? `CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${primary.port}, SOURCE_USER='copy',
             SOURCE_PASSWORD='c', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1;
           CHANGE REPLICATION FILTER REPLICATE_IGNORE_DB = (tmp)`
        : `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${primary.port}, MASTER_USER='copy', MASTER_PASSWORD='c',
             MASTER_USE_GTID=slave_pos; SET GLOBAL replicate_ignore_db = 'tmp'`,
    );
    const role = await finding(replica, 'role');
    expect(role).toMatchObject({
      status: 'warning',
      found: `replica of 127.0.0.1:${primary.port} (stopped)`,
    });
    expect(await finding(replica, 'replication_filters')).toMatchObject({
      status: 'warning',
      found: 'Replicate_Ignore_DB = tmp',
    });
    await mend(replica, role);
    await expect
      .poll(async () => (await finding(replica, 'role')).status, { timeout: 30_000, interval: 200 })
      .toBe('ok');
    const fault = await finding(replica, name);
    expect(fault).toMatchObject({ status: 'fault', code: 'SOURCE_CONFIG' });
    const clash = { storeServerId: { value: 2 } };
    expect(await finding(primary, 'store_server_id', clash)).toMatchObject({
      status: 'fault',
      code: 'SERVER_ID_IN_USE',
    });
    expect(
      await finding(primary, 'store_server_id', { storeServerId: { value: 4_000_000_000 } }),
    ).toMatchObject({
      status: 'ok',
    });
    await mend(replica, fault);
    expect(await finding(replica, name)).toMatchObject({ status: 'ok' });
  });

  it('warns of prepared XA transactions where no store has begun, and what it prints decides them', async () => {
    await shared.query('CREATE DATABASE xa; CREATE TABLE xa.t (id INT PRIMARY KEY)');
    const none = await finding(shared, 'prepared_transactions');
    expect(none).toMatchObject({ status: 'ok', found: 'none' });
    const connection = await shared.connect({ multipleStatements: true });
    const xid = "X'00ff27',X'41',7";
    await connection.query(`XA START ${xid}; INSERT INTO xa.t VALUES (1); XA END ${xid}; XA PREPARE ${xid}`);
    await connection.end();
    const found = await finding(shared, 'prepared_transactions');
    expect(found).toMatchObject({ status: 'warning', found: `1 XA transaction: ${xid}` });
    const known = await examine(shared, { storeServerId: { value: 4_000_000_000 } });
    expect(findingIn(known, 'prepared_transactions')).toBeUndefined();
    // MariaDB frees what a session prepared a little after its end.
    await expect
      .poll(
        () =>
          mend(shared, found).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    expect(await finding(shared, 'prepared_transactions')).toMatchObject({ status: 'ok' });
  });

  it('says how far back the binlog reaches, and warns where files are gone', async () => {
    await using server = await start();
    expect(await finding(server, 'binlog_reach')).toMatchObject({ status: 'ok' });
    await server.query('FLUSH BINARY LOGS; FLUSH BINARY LOGS');
    const [oldest] = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
    expect((await finding(server, 'binlog_reach')).found).toMatch(/in \d+ files .*from the very first/);
    const next = oldest!.Log_name.replace(/\d$/, (digit) => String(Number(digit) + 1));
    await server.query(`PURGE BINARY LOGS TO '${next}'`);
    expect(await finding(server, 'binlog_reach')).toMatchObject({
      status: 'warning',
      wanted: '24 h or more',
    });
    expect(await finding(server, 'binlog_reach', { retentionMs: 0 })).toMatchObject({ status: 'ok' });
  });

  it('warns of a clock that differs from this machine’s', async () => {
    expect(await finding(shared, 'clock_difference')).toMatchObject({ status: 'ok' });
    const slow = { now: () => Date.now() - 60_000, monotonic: () => performance.now() };
    const found = await finding(shared, 'clock_difference', { clock: slow });
    expect(found).toMatchObject({ status: 'warning', found: 'the source is 60 s ahead' });
  });

  it('warns of a server that is about to take no more connections', async () => {
    await using server = await start(['--max-connections=10']);
    const held = await Promise.all(Array.from({ length: 6 }, () => server.connect()));
    try {
      const found = await finding(server, 'connections');
      expect(found).toMatchObject({ status: 'warning', found: '7 of 10 used' });
      await mend(server, found);
      expect(await finding(server, 'connections')).toMatchObject({ status: 'ok' });
    } finally {
      await Promise.all(held.map((connection) => connection.end()));
    }
  });

  it('calls a wrong password a fault, does not repeat it, and one that nobody answers as well', async () => {
    await using server = await start();
    const wrong = await examine(server, { user: 'plain', password: 'guess-7f3a' });
    expect(wrong).toMatchObject({
      result: 'fault',
      findings: [{ name: 'reachable', status: 'fault', code: 'SOURCE_AUTH' }],
    });
    expect(wrong.server).toBeUndefined();
    expect(JSON.stringify(wrong)).not.toContain('guess-7f3a');
    for (const statement of wrong.findings[0]!.fix.filter(isStatement)) await server.query(statement);
    await server.kill();
    expect(await examine(server)).toMatchObject({
      result: 'fault',
      findings: [{ name: 'reachable', status: 'fault', code: 'SOURCE_UNREACHABLE' }],
    });
  });
});

onEachServer('the doctor of several hosts', (flavour) => {
  it('looks at each of them, and whether they can be of one topology', async () => {
    const wrong = flavour === 'mysql' ? ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF'] : [];
    await using one = await startServer(flavour);
    await using other = await startServer(flavour, { serverId: 2, args: wrong });
    const of = async (...servers: readonly { port: number }[]) => {
      const [first, ...others] = servers.map(({ port }) => ({ host: one.host, port }));
      const diagnoses = await diagnoseHosts({
        source: { ...first!, others, user: one.user, password: one.password },
        filter: new TableFilter(),
        retentionMs: dayMs,
        clock: systemClock,
      });
      return diagnoses.map((diagnosis) => ({
        address: diagnosis.address,
        faults: namesOf(diagnosis, 'fault'),
        topology: findingIn(diagnosis, 'topology')?.found,
      }));
    };
    const address = ({ port }: { port: number }): string => `127.0.0.1:${port}`;
    expect(await of(one, other, { port: 1 })).toEqual([
      { address: address(one), faults: [], topology: 'server id 1' },
      { address: address(other), faults: flavour === 'mysql' ? ['gtid_mode'] : [], topology: 'server id 2' },
      { address: '127.0.0.1:1', faults: ['reachable'], topology: undefined },
    ]);
    const [alone] = await of(one);
    expect(alone).toMatchObject({ faults: [], topology: undefined });
    await using twin = await startServer(flavour);
    const clash = { faults: ['topology'], topology: `server id 1, as ${address(twin)}` };
    expect((await of(one, twin))[0]).toMatchObject(clash);
  });
});

onServer('mariadb', 'the doctor', () => {
  it('names tables that are versioned by transaction id, unless they are excluded', async () => {
    await using server = await startServer('mariadb');
    await server.query(
      'CREATE DATABASE shop; CREATE TABLE shop.v (a INT PRIMARY KEY, s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING',
    );
    expect(await finding(server, 'system_versioned_tables')).toMatchObject({
      status: 'fault',
      found: 'shop.v',
      code: 'UNSUPPORTED_COLUMN',
    });
    const options = { filter: { exclude: ['shop.v'] } };
    expect(await finding(server, 'system_versioned_tables', options)).toMatchObject({ status: 'ok' });
  });

  // MySQL's data would have to be made with the setting.
  it('refuses a server that folds the names of tables', async () => {
    await using server = await startServer('mariadb', { args: ['--lower-case-table-names=1'] });
    expect(await finding(server, 'lower_case_table_names')).toMatchObject({ status: 'fault', found: '1' });
  });
});
