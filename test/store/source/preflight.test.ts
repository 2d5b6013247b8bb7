import { isDrcError, type DrcError } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../store/src/clock.js';
import { firstPosition, readFileStart } from '../../../store/src/source/first-position.js';
import { Preflight } from '../../../store/src/source/preflight.js';
import { SourceControl } from '../../../store/src/source/source-control.js';
import { TableFilter } from '../../../store/src/source/table-filter.js';
import { startMariadb, startServer, type DatabaseServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';

const rejection = async (work: Promise<unknown>): Promise<DrcError> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isDrcError(error)) throw new Error(`No typed error: ${String(error)}`);
  return error;
};

const check = async (server: DatabaseServer, user: object = {}, filter = new TableFilter()) => {
  await using control = await SourceControl.connect({ ...connection(server), ...user });
  return await preflightOf(filter).check(control);
};
const preflightOf = (filter: TableFilter): Preflight =>
  new Preflight({
    filter,
    logger: { warn: () => undefined, info: () => undefined },
    retentionMs: 86_400_000,
  });
const connection = (server: DatabaseServer) => ({
  host: server.host,
  port: server.port,
  user: server.user,
  password: server.password,
});

describe('Preflight', () => {
  it('tells what the source is', async () => {
    await using server = await startMariadb({ serverId: 77 });
    expect((await check(server)).identity).toEqual({ flavour: 'mariadb', uuid: '', serverId: 77 });
  });

  it('names all wrong settings at once, with the statements to run; they help', async () => {
    await using server = await startMariadb({
      args: ['--binlog-format=MIXED', '--binlog-row-image=MINIMAL', '--binlog-row-metadata=NO_LOG'],
    });
    const error = await rejection(check(server));
    expect(error).toMatchObject({ code: 'SOURCE_CONFIG' });
    const remedies = error.details['remedies'] as string[];
    expect(remedies).toEqual([
      "SET GLOBAL binlog_format = 'ROW'",
      "SET GLOBAL binlog_row_image = 'FULL'",
      "SET GLOBAL binlog_row_metadata = 'FULL'",
    ]);
    await server.query(remedies.join('; '));
    await check(server);
  });

  it('refuses a source that folds the names of tables', async () => {
    await using server = await startMariadb({ args: ['--lower-case-table-names=1'] });
    const error = await rejection(check(server));
    expect(error).toMatchObject({ code: 'SOURCE_CONFIG' });
    expect(error.message).toContain('lower_case_table_names is 1');
  });

  it('asks for binlogs where there are none', async () => {
    await using server = await startMariadb({ args: ['--skip-log-bin'] });
    const error = await rejection(check(server));
    expect(error.message).toContain('log_bin is OFF');
  });

  it('prints the GRANT that is missing; it helps', async () => {
    await using server = await startMariadb();
    const error = await rejection(check(server, server.plainUser));
    expect(error).toMatchObject({ code: 'SOURCE_PRIVILEGE' });
    const grants = error.details['remedies'] as string[];
    expect(grants).toEqual([
      "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'plain'@'127.0.0.1'",
      "GRANT SELECT ON *.* TO 'plain'@'127.0.0.1'",
    ]);
    await server.query(grants.join('; '));
    await check(server, server.plainUser);
  });

  it('refuses tables that are versioned by transaction id by name, unless they are excluded', async () => {
    await using server = await startMariadb();
    await server.query(
      'CREATE DATABASE shop; CREATE TABLE shop.u (a INT) WITH SYSTEM VERSIONING; CREATE TABLE shop.v (a INT PRIMARY KEY, s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING',
    );
    const error = await rejection(check(server));
    expect(error).toMatchObject({ code: 'UNSUPPORTED_COLUMN' });
    expect(error.message).toContain('shop.v');
    expect(error.message).not.toContain('shop.u');
    await check(server, {}, new TableFilter({ exclude: ['shop.v'] }));
  });

  it('says SOURCE_AUTH for a wrong password and SOURCE_UNREACHABLE where nobody listens', async () => {
    await using server = await startMariadb();
    const wrong = await rejection(
      SourceControl.connect({ ...connection(server), user: 'plain', password: 'guess-7f3a' }),
    );
    expect(wrong.code).toBe('SOURCE_AUTH');
    expect(`${wrong.message}${JSON.stringify(wrong.details)}`).not.toContain('guess-7f3a');
    const nobody = await rejection(SourceControl.connect({ ...connection(server), port: 1 }));
    expect(nobody.code).toBe('SOURCE_UNREACHABLE');
  });
});

onEachServer('Preflight', (flavour) => {
  it('warns once, in words, of what can be lost, and again when something else is found', async () => {
    await using server = await startServer(flavour, {
      args: ['--sync-binlog=1', '--innodb-flush-log-at-trx-commit=1', '--binlog-ignore-db=tmp'],
    });
    await server.query(
      'CREATE DATABASE shop; CREATE TABLE shop.a (id INT); CREATE DATABASE other; CREATE TABLE other.a (id INT)',
    );
    if (flavour === 'mariadb') await server.query('SET GLOBAL gtid_strict_mode = ON');
    const logged: [level: string, check: unknown, found: unknown][] = [];
    const told = (level: string) => (details: unknown) => {
      const { check, found } = details as Record<string, unknown>;
      logged.push([level, check, found]);
    };
    const preflight = new Preflight({
      filter: new TableFilter({ exclude: ['other.*'] }),
      logger: { warn: told('warn'), info: told('info') } as never,
      retentionMs: 86_400_000,
    });
    const look = async () => {
      await using control = await SourceControl.connect(connection(server));
      return await preflight.check(control);
    };
    expect((await look()).identity).toMatchObject({ flavour, serverId: 1 });
    expect(logged).toEqual([
      ['warn', 'binlog_filters', 'binlog_ignore_db = tmp'],
      ['warn', 'tables_without_key', '1 table: shop.a'],
    ]);
    logged.length = 0;
    await server.query('SET GLOBAL sync_binlog = 0; CREATE TABLE shop.b (id INT)');
    await look();
    await look();
    expect(logged).toEqual([['warn', 'sync_binlog', '0']]);
  });

  it('does not refuse a source for what it could not ask, and says what that was', async () => {
    await using server = await startServer(flavour);
    await server.query("GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.* TO 'plain'@'127.0.0.1'");
    const unasked: unknown[] = [];
    const preflight = new Preflight({
      filter: new TableFilter(),
      logger: {
        warn: () => undefined,
        info: (details: { check: string; fix: string[] }) =>
          void unasked.push([details.check, ...details.fix]),
      } as never,
      retentionMs: 86_400_000,
    });
    await using control = await SourceControl.connect({ ...connection(server), ...server.plainUser });
    await preflight.check(control);
    const grant = "GRANT SLAVE MONITOR ON *.* TO 'plain'@'127.0.0.1';";
    expect(unasked).toEqual(
      flavour === 'mysql'
        ? []
        : [
            ['role', grant],
            ['log_slave_updates', grant],
          ],
    );
  });

  it('lets a lost connection be one, and not an unanswered question', async () => {
    await using server = await startServer(flavour);
    await using control = await SourceControl.connect(connection(server));
    await server.kill();
    const error = await rejection(preflightOf(new TableFilter()).check(control));
    expect(error.code).toBe('SOURCE_LOST');
  });
});

describe('firstPosition', () => {
  it('begins as far back as the wish says, and knows whether anything lies before', async () => {
    await using server = await startMariadb();
    await using control = await SourceControl.connect(connection(server));
    const startOf = (file: string) =>
      readFileStart({ source: connection(server), serverId: 4_000_000_001, clock: systemClock }, file);
    const first = async (start: Parameters<typeof firstPosition>[2], retentionMs = 86_400_000) => {
      const { position, executed, complete } = await firstPosition(
        control,
        'mariadb',
        start,
        retentionMs,
        startOf,
      );
      return [position.file, position.offset > 4, executed.toString() !== '', complete];
    };
    await server.query(
      'CREATE DATABASE a; FLUSH BINARY LOGS; CREATE DATABASE b; SELECT SLEEP(2.1); FLUSH BINARY LOGS; CREATE DATABASE c',
    );
    expect(await first({ kind: 'retention' })).toEqual(['binlog.000001', false, false, true]);
    expect(await first({ kind: 'retention' }, 1_500)).toEqual(['binlog.000002', false, true, false]);
    expect(await first({ kind: 'now' })).toEqual(['binlog.000003', true, true, false]);
    expect(await first({ kind: 'time', time: Date.now() + 60_000 })).toEqual([
      'binlog.000003',
      false,
      true,
      false,
    ]);
    expect(await first({ kind: 'position', position: { file: 'binlog.000002', offset: 4 } })).toEqual([
      'binlog.000002',
      false,
      true,
      false,
    ]);
    await server.query("PURGE BINARY LOGS TO 'binlog.000002'");
    for (const [file, offset, code] of [
      ['binlog.000001', 4, 'BINLOG_PURGED'],
      ['binlog.000002', 333, 'BINLOG_POSITION'],
    ] as const)
      expect((await rejection(first({ kind: 'position', position: { file, offset } }))).code).toBe(code);
  });
});
