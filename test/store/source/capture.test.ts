import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startMariadb, startServer, type DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer } from '../../support/on-each-server.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, expectConserved, stopCode } from './capture-rig.js';

const orders = 'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20))';

/** The changes as short text: what a test wants to compare at a glance. */
async function story(rig: CaptureRig): Promise<string[][]> {
  return (await rig.transactions()).map(({ changes }) =>
    changes.map((change) => {
      if (change.kind === 'ddl') return change.ddl.verb;
      const images = [
        ...('before' in change ? [change.before] : []),
        ...('after' in change ? [change.after] : []),
      ].map((row) => Object.values(row).join(','));
      return `${change.kind} ${change.table} ${images.join(' > ')}`;
    }),
  );
}

async function captured(
  server: DatabaseServer,
  sql: string,
  args: Partial<Parameters<typeof CaptureRig.start>[0]> = {},
) {
  const rig = await CaptureRig.start({ source: server, start: { kind: 'now' }, ...args });
  await rig.until(() => rig.capture.state.kind === 'streaming');
  await server.query(sql);
  await rig.reaches(await newestId(server));
  return rig;
}

describe('Capture', () => {
  it('brings what the source had and what it writes into the log', async () => {
    await using server = await startMariadb();
    await server.query(orders);
    await server.query("INSERT INTO shop.t VALUES (1, 'x'), (2, 'y')");
    await using rig = await CaptureRig.start({ source: server });
    await rig.reaches(await newestId(server));
    await server.query(
      "BEGIN; UPDATE shop.t SET v = 'z' WHERE id = 1; DELETE FROM shop.t WHERE id = 2; COMMIT",
    );
    await rig.reaches(await newestId(server));
    expect(await story(rig)).toEqual([
      ['CREATE DATABASE'],
      ['CREATE TABLE'],
      ['insert shop.t 1,x', 'insert shop.t 2,y'],
      ['update shop.t 1,x > 1,z', 'delete shop.t 2,y'],
    ]);
    expect(rig.log.extent().coversFrom).toBe(0);
    expectConserved(rig);
  });

  it('delivers neither what a savepoint took back nor what a rollback undid', async () => {
    await using server = await startMariadb();
    await server.query(`${orders}; CREATE TABLE shop.m (id INT) ENGINE=MyISAM`);
    await using rig = await captured(
      server,
      `USE shop;
       BEGIN; INSERT INTO t VALUES (1, 'a'); SAVEPOINT s; INSERT INTO t VALUES (2, 'b'); INSERT INTO m VALUES (1);
       ROLLBACK TO s; INSERT INTO t VALUES (3, 'c'); COMMIT;
       BEGIN; INSERT INTO t VALUES (4, 'd'); INSERT INTO m VALUES (2); ROLLBACK;
       BEGIN; SAVEPOINT s; INSERT INTO t VALUES (5, 'e'); INSERT INTO m VALUES (3); SAVEPOINT S2;
       INSERT INTO t VALUES (6, 'f'); INSERT INTO m VALUES (4); ROLLBACK TO S; INSERT INTO t VALUES (7, 'g'); COMMIT;
       BEGIN; INSERT INTO t VALUES (8, 'h'); CREATE TEMPORARY TABLE tt (a INT) ENGINE=InnoDB; ROLLBACK;
       INSERT INTO t VALUES (9, 'i')`,
    );
    const rows = (await story(rig)).flat();
    expect(rows.filter((row) => row.includes('shop.t'))).toEqual([
      'insert shop.t 1,a',
      'insert shop.t 3,c',
      'insert shop.t 7,g',
      'insert shop.t 9,i',
    ]);
    expect(rows.filter((row) => row.includes('shop.m'))).toHaveLength(4);
    expectConserved(rig);
  });

  it('keeps DDL with its context, accounts without their text, and leaves out what changes nothing', async () => {
    await using server = await startMariadb();
    await server.query(orders);
    await using rig = await captured(
      server,
      `USE shop; ALTER TABLE t ADD n INT; CREATE USER someone IDENTIFIED BY 'very-secret'; FLUSH TABLES; ANALYZE TABLE t;
       SET STATEMENT max_statement_time = 100 FOR TRUNCATE t; CREATE TEMPORARY TABLE tt (a INT); DROP TEMPORARY TABLE tt;
       CREATE TABLE c SELECT 1 AS a; CREATE SEQUENCE q; SELECT NEXT VALUE FOR q;
       RENAME TABLE c TO d; DROP TABLE d; GRANT SELECT ON *.* TO someone;
       SET NAMES latin1; SET time_zone = '+02:00'; CREATE TABLE \`x\` (a INT COMMENT '\\\\');`,
    );
    const all = await rig.transactions();
    const ddl = all
      .flatMap(({ changes }) => changes)
      .flatMap((change) => (change.kind === 'ddl' ? [change.ddl] : []));
    expect(ddl.map(({ verb, tables, text }) => [verb, tables.join(' '), text !== undefined])).toEqual([
      ['ALTER TABLE', 'shop.t', true],
      ['CREATE USER', '', false],
      ['TRUNCATE TABLE', 'shop.t', true],
      ['CREATE TABLE', 'shop.c', true],
      ['CREATE SEQUENCE', 'shop.q', true],
      ['RENAME TABLE', 'shop.c shop.d', true],
      ['DROP TABLE', 'shop.d', true],
      ['GRANT', '', false],
      ['CREATE TABLE', 'shop.x', true],
    ]);
    expect(ddl[0]).toMatchObject({ defaultSchema: 'shop', text: 'ALTER TABLE t ADD n INT' });
    const select = all.find(({ changes }) => changes.length === 2)!;
    expect(select.changes.map(({ kind }) => kind)).toEqual(['ddl', 'insert']);
    expect((await rig.changes()).filter(({ kind }) => kind === 'sequence')).toHaveLength(1);
    expect(rig.capture.counters.snapshot().events['QUERY']!.leftOut).toMatchObject({ administrative: 2 });
    expectConserved(rig);
  });

  it('never puts on disk what is excluded', async () => {
    await using server = await startMariadb();
    await using folder = await temporaryFolder('excluded');
    await server.query(
      `CREATE DATABASE shop; CREATE DATABASE hidden; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(30), pin VARCHAR(30));
       CREATE TABLE shop.secret (v VARCHAR(30)); CREATE TABLE hidden.h (v VARCHAR(30))`,
    );
    {
      await using rig = await captured(
        server,
        `INSERT INTO shop.t VALUES (1, 'visible-value', 'PINPINPIN'); INSERT INTO shop.secret VALUES ('SECRETSECRET');
         ALTER TABLE shop.secret ADD SECRETCOLUMN INT; INSERT INTO hidden.h VALUES ('HIDDENHIDDEN');
         CREATE PROCEDURE hidden.p() SELECT 'PROCEDUREBODY'; DROP DATABASE hidden`,
        {
          folder,
          filter: { exclude: ['shop.secret', 'hidden.*'], excludeColumns: ['shop.t.pin'] },
        },
      );
      const changes = await rig.changes();
      expect(changes).toEqual([{ kind: 'insert', table: 'shop.t', after: { id: 1, v: 'visible-value' } }]);
      expect((await rig.transactions()).length).toBe(6);
      expectConserved(rig);
    }
    const bytes = await filesUnder(folder.path);
    expect(bytes.includes('visible-value')).toBe(true);
    for (const secret of ['PINPINPIN', 'SECRET', 'HIDDENHIDDEN', 'PROCEDUREBODY', 'pin'])
      expect([secret, bytes.includes(secret)]).toEqual([secret, false]);
  });

  it('delivers columns that a MINIMAL image lacks as absent, not as NULL', async () => {
    await using server = await startMariadb();
    await server.query(
      'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, a INT, b INT); INSERT INTO shop.t VALUES (1, 2, 3), (4, 5, 6)',
    );
    await using rig = await captured(
      server,
      `UPDATE shop.t SET a = 7 WHERE id = 1; SET SESSION binlog_row_image = 'MINIMAL'; UPDATE shop.t SET b = NULL;
       UPDATE shop.t SET a = 9; DELETE FROM shop.t WHERE id = 1`,
    );
    expect(await rig.changes()).toEqual([
      { kind: 'update', table: 'shop.t', before: { id: 1, a: 2, b: 3 }, after: { id: 1, a: 7, b: 3 } },
      { kind: 'update', table: 'shop.t', before: { id: 1 }, after: { b: null } },
      { kind: 'update', table: 'shop.t', before: { id: 4 }, after: { b: null } },
      { kind: 'update', table: 'shop.t', before: { id: 1 }, after: { a: 9 } },
      { kind: 'update', table: 'shop.t', before: { id: 4 }, after: { a: 9 } },
      { kind: 'delete', table: 'shop.t', before: { id: 1 } },
    ]);
  });

  it('tells UUID, INET and JSON from what they look like in the binlog', async () => {
    await using server = await startMariadb();
    await server.query(
      'CREATE DATABASE shop; CREATE TABLE shop.l (u UUID, b BINARY(16), i INET6, f INET4, j JSON, t LONGTEXT)',
    );
    await using rig = await captured(
      server,
      `INSERT INTO shop.l VALUES ('123e4567-e89b-12d3-a456-426655440000', 'x', '::1', '10.0.0.1', '{"a":1}', 'z');
       ALTER TABLE shop.l DROP b, ADD b INT; UPDATE shop.l SET b = 5`,
    );
    const [first, , second] = await rig.changes();
    expect(first).toMatchObject({
      after: { u: '123e4567-e89b-12d3-a456-426655440000', i: '::1', f: '10.0.0.1', j: '{"a":1}', t: 'z' },
    });
    expect(second).toMatchObject({ kind: 'update', after: { b: 5 } });
  });

  it('needs no privileges but those that the check asks for', async () => {
    await using server = await startMariadb();
    const { user, password } = server.plainUser;
    await server.query(
      `CREATE DATABASE shop; CREATE TABLE shop.t (u UUID);
       GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'plain'@'127.0.0.1'; GRANT SELECT ON shop.* TO 'plain'@'127.0.0.1'`,
    );
    await using folder = await temporaryFolder('plain');
    for (const start of [{ kind: 'retention' }, { kind: 'now' }] as const) {
      await server.query("INSERT INTO shop.t VALUES ('123e4567-e89b-12d3-a456-426655440000')");
      await using rig = await CaptureRig.start({
        source: { ...plain(server), user, password },
        start,
        folder,
      });
      await rig.reaches(await newestId(server));
      expect((await story(rig)).at(-1)).toEqual(['insert shop.t 123e4567-e89b-12d3-a456-426655440000']);
    }
  });

  it('stops with SOURCE_PRIVILEGE at a table whose types it may not see, and goes on past one that is gone', async () => {
    await using server = await startMariadb();
    const { user, password } = server.plainUser;
    await server.query(
      `CREATE DATABASE shop; CREATE DATABASE other; CREATE TABLE other.t (u UUID); INSERT INTO other.t VALUES (UUID());
       GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'plain'@'127.0.0.1'; GRANT SELECT ON shop.* TO 'plain'@'127.0.0.1'`,
    );
    const source = { ...plain(server), user, password };
    {
      await using rig = await CaptureRig.start({ source });
      expect(await stopCode(rig)).toBe('SOURCE_PRIVILEGE');
      expect((await rig.capture.ended)!.message).toContain('GRANT SELECT ON `other`.`t`');
    }
    await server.query("GRANT SELECT ON *.* TO 'plain'@'127.0.0.1'; DROP TABLE other.t");
    await using rig = await CaptureRig.start({ source });
    await rig.reaches(await newestId(server));
    expect((await rig.changes()).map(({ kind }) => kind)).toContain('insert');
  });

  it('does not mind that the source ends its idle connections', async () => {
    await using server = await startMariadb({ args: ['--wait-timeout=1'] });
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (u UUID)');
    await using rig = await captured(server, 'DO 1');
    await server.query('DO SLEEP(0.9)');
    await server.query('DO SLEEP(0.9)');
    await server.query("INSERT INTO shop.t VALUES ('123e4567-e89b-12d3-a456-426655440000')");
    await rig.reaches(await newestId(server));
    expect(rig.capture.counters.snapshot().disconnects).toBe(0);
  });

  it('closes at once, whatever it is doing', async () => {
    await using server = await startMariadb();
    await using proxy = await startTcpProxy(server);
    proxy.set({ kind: 'stall' });
    const rig = await CaptureRig.start({ source: { ...plain(server), port: proxy.port } });
    await rig.capture.close();
    expect(rig.capture.state).toEqual({ kind: 'stopped' });
    await rig[Symbol.asyncDispose]();
  });

  it('unpacks what log_bin_compress packed', async () => {
    await using server = await startMariadb({
      args: ['--log-bin-compress=ON', '--log-bin-compress-min-len=10'],
    });
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(300))');
    await using rig = await captured(
      server,
      `INSERT INTO shop.t VALUES (1, REPEAT('x', 300)), (2, REPEAT('y', 300)); UPDATE shop.t SET v = REPEAT('z', 300) WHERE id = 1;
       DELETE FROM shop.t WHERE id = 2; ALTER TABLE shop.t ADD a_column_with_a_long_name INT DEFAULT 5`,
    );
    expect((await story(rig)).flat()).toEqual([
      `insert shop.t 1,${'x'.repeat(300)}`,
      `insert shop.t 2,${'y'.repeat(300)}`,
      `update shop.t 1,${'x'.repeat(300)} > 1,${'z'.repeat(300)}`,
      `delete shop.t 2,${'y'.repeat(300)}`,
      'ALTER TABLE',
    ]);
    const { events } = rig.capture.counters.snapshot();
    expect(Object.keys(events)).toEqual(
      expect.arrayContaining(['QUERY_COMPRESSED', 'WRITE_ROWS_COMPRESSED_V1', 'UPDATE_ROWS_COMPRESSED_V1']),
    );
    expectConserved(rig);
  });

  it('follows rotations, checksums switched on and off, and restarts of the source', async () => {
    await using server = await startMariadb({ args: ['--binlog-checksum=NONE'] });
    await server.query(orders);
    await using rig = await captured(
      server,
      `INSERT INTO shop.t VALUES (1, 'none'); SET GLOBAL binlog_checksum = 'CRC32'; INSERT INTO shop.t VALUES (2, 'crc');
       FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (3, 'crc'); SET GLOBAL binlog_checksum = 'NONE'; INSERT INTO shop.t VALUES (4, 'none')`,
    );
    await server.restart();
    await server.query("INSERT INTO shop.t VALUES (5, 'restarted')");
    await rig.reaches(await newestId(server));
    await server.kill('SIGKILL');
    await server.restart();
    await server.query("INSERT INTO shop.t VALUES (6, 'killed')");
    await rig.reaches(await newestId(server));
    expect((await story(rig)).flat().map((row) => row.split(' ')[2]!.split(',')[0])).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
    ]);
    expect(rig.capture.counters.snapshot().disconnects).toBeGreaterThanOrEqual(2);
    expectConserved(rig);
  });

  it('writes a transaction of many rows in chunks and shows it with its end', async () => {
    await using server = await startMariadb();
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(100))');
    await using rig = await captured(
      server,
      `USE shop; INSERT INTO shop.t SELECT seq, REPEAT('x', 50) FROM seq_1_to_20000;
       BEGIN; INSERT INTO shop.t SELECT seq, REPEAT('y', 50) FROM seq_20001_to_40000; SAVEPOINT s;
       DELETE FROM shop.t; ROLLBACK; INSERT INTO shop.t VALUES (0, '')`,
    );
    const [large, small] = await rig.transactions();
    expect(large!.chunks).toBeGreaterThan(3);
    expect(large!.changes.length).toBe(20_000);
    expect(small!.changes.length).toBe(1);
    expectConserved(rig);
  });

  it('goes on behind the last stored transaction when it is started again', async () => {
    await using server = await startMariadb();
    await using folder = await temporaryFolder('resume');
    await server.query(orders);
    let rows: string[] = [];
    for (let round = 0; round < 3; round++) {
      await server.query(
        `INSERT INTO shop.t VALUES (${round}, 'r'); FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (${round + 10}, 'r')`,
      );
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.reaches(await newestId(server));
      rows = (await story(rig)).flat().slice(2);
    }
    expect(rows).toEqual([0, 10, 1, 11, 2, 12].map((id) => `insert shop.t ${id},r`));
  });
});

describe('Capture of times', () => {
  /** ms since 1970 at the source. */
  const sourceTime = async (server: DatabaseServer): Promise<number> => {
    const [row] = (await server.query('SELECT UNIX_TIMESTAMP(NOW(3)) AS t')) as { t: string }[];
    return Math.floor(Number(row!.t) * 1000);
  };

  it('finds a transaction from a moment before its commit, though it says when its statement began', async () => {
    await using server = await startMariadb();
    await server.query(orders);
    await using rig = await CaptureRig.start({ source: server, heartbeatMs: 200 });
    await rig.reaches(await newestId(server));
    const slow = server.query('INSERT INTO shop.t SELECT 1, SLEEP(4)');
    await server.query('DO SLEEP(2)');
    const moment = await sourceTime(server);
    await slow;
    await rig.reaches(await newestId(server));
    const { lsn } = await rig.log.seek({ kind: 'timestamp', time: moment }, 0);
    expect((await rig.transactions(lsn)).map(({ lsn: found }) => found)).toEqual([3]);
  });

  it('knows the time of old-looking transactions though they keep the source from sending heartbeats', async () => {
    await using server = await startMariadb();
    await server.query(orders);
    await using rig = await CaptureRig.start({ source: server, heartbeatMs: 1_000 });
    await rig.reaches(await newestId(server));
    const begin = await sourceTime(server);
    for (let id = 0; rig.log.head.value.time <= begin; id++) {
      await server.query(`SET timestamp = 1000000000; INSERT INTO shop.t VALUES (${id}, 'x')`);
      await rig.reaches(await newestId(server));
    }
    expect(rig.capture.counters.snapshot().events['HEARTBEAT']).toBeUndefined();
  });
});

onEachServer('Capture whose connection fails', (flavour) => {
  it('reads a transaction anew, once, wherever the connection is cut', async () => {
    await using server = await startServer(flavour);
    await using proxy = await startTcpProxy(server);
    await server.query(orders);
    for (let id = 0; id < 20; id++)
      await server.query(
        `BEGIN; INSERT INTO shop.t VALUES (${id}, 'a'); INSERT INTO shop.t VALUES (${id + 100}, 'b'); COMMIT`,
      );
    const end = await newestId(server);
    await using rig = await CaptureRig.start({ source: { ...plain(server), port: proxy.port } });
    for (let bytes = 1500; bytes < 8000; bytes += 293) {
      const { strikes } = proxy;
      proxy.set({ kind: 'cutAfter', bytes, direction: 'toClient' });
      await rig.until(() => proxy.strikes > strikes || rig.log.capture.executed.covers(end));
    }
    proxy.set({ kind: 'none' });
    await rig.reaches(end);
    const rows = (await story(rig)).slice(2);
    expect(rows).toEqual(
      Array.from({ length: 20 }, (_, id) => [`insert shop.t ${id},a`, `insert shop.t ${id + 100},b`]),
    );
    expectConserved(rig);
  });

  it('stops with CHECKSUM_MISMATCH when a byte of an event was turned over, and has not moved', async () => {
    await using server = await startServer(flavour);
    await using proxy = await startTcpProxy(server);
    await server.query(orders);
    await using rig = await CaptureRig.start({
      source: { ...plain(server), port: proxy.port },
      start: { kind: 'now' },
    });
    await rig.until(() => rig.capture.state.kind === 'streaming');
    await server.query("INSERT INTO shop.t VALUES (1, 'first')");
    await rig.reaches(await newestId(server));
    const { position } = rig.log.capture;
    // The dump's bytes so far are unknown here: a flip far enough ahead hits the middle of one large event.
    const passed = proxy.passed('toClient');
    proxy.set({ kind: 'flip', offset: passed + 200_000, direction: 'toClient' });
    await server.query(
      "ALTER TABLE shop.t MODIFY v LONGTEXT; INSERT INTO shop.t VALUES (2, REPEAT('x', 3000000))",
    );
    expect(await stopCode(rig)).toBe('CHECKSUM_MISMATCH');
    expect(rig.log.capture.position!.offset).toBeGreaterThanOrEqual(position!.offset);
    expect((await story(rig)).flat()).toEqual(['insert shop.t 1,first', 'ALTER TABLE']);
  });

  it('waits for a source that is away, and for one that has fallen silent', async () => {
    await using server = await startServer(flavour);
    await using proxy = await startTcpProxy(server);
    await server.query(orders);
    proxy.set({ kind: 'refuse' });
    await using rig = await CaptureRig.start({
      source: { ...plain(server), port: proxy.port },
      heartbeatMs: 300,
    });
    await rig.until(() => rig.capture.state.kind === 'waiting');
    proxy.set({ kind: 'none' });
    await rig.reaches(await newestId(server));
    proxy.set({ kind: 'stall' });
    await rig.until(() => rig.capture.state.kind === 'waiting');
    expect(rig.capture.state).toMatchObject({ error: { code: 'SOURCE_LOST' } });
    proxy.set({ kind: 'none' });
    await server.query("INSERT INTO shop.t VALUES (1, 'after')");
    await rig.reaches(await newestId(server));
  });
});

describe('Capture that cannot go on', () => {
  it.each([
    [
      'a statement in text',
      "SET SESSION binlog_format = 'STATEMENT'; INSERT INTO shop.t VALUES (2, 'x')",
      'STATEMENT_EVENT',
    ],
    [
      'CREATE TABLE … SELECT in text',
      "SET SESSION binlog_format = 'STATEMENT'; CREATE TABLE shop.s AS SELECT 1",
      'STATEMENT_EVENT',
    ],
    [
      'a sequence number that goes back',
      "SET SESSION gtid_seq_no = 1; INSERT INTO shop.t VALUES (2, 'x')",
      'GTID_OUT_OF_ORDER',
    ],
  ])('stops before %s, keeps what came before, and says which transaction it is', async (_, sql, code) => {
    await using server = await startMariadb();
    await server.query(orders);
    await using rig = await captured(server, "INSERT INTO shop.t VALUES (1, 'kept')");
    const { position } = rig.log.capture;
    await server.query(sql);
    expect(await stopCode(rig)).toBe(code);
    const error = await rig.capture.ended;
    expect(error!.details).toMatchObject({ file: position!.file });
    expect((await story(rig)).flat()).toEqual(['insert shop.t 1,kept']);
    expect(rig.log.capture.position).toEqual(position);
  });

  it('leaves statements out that write an ignored table', async () => {
    await using server = await startMariadb();
    await server.query(
      `${orders}; CREATE DATABASE tools; CREATE TABLE tools.checksums (a INT PRIMARY KEY, b INT)`,
    );
    await using rig = await captured(
      server,
      "SET SESSION binlog_format = 'STATEMENT'; REPLACE INTO tools.checksums SELECT 1, COUNT(*) FROM shop.t; SET SESSION binlog_format = 'ROW'; INSERT INTO shop.t VALUES (1, 'x')",
      { filter: { ignoreStatements: ['tools.*'] } },
    );
    expect((await story(rig)).flat()).toEqual(['insert shop.t 1,x']);
    expect(rig.capture.counters.snapshot().events['QUERY']!.leftOut).toEqual({ 'ignored-statement': 1 });
    expectConserved(rig);
  });

  it('says BINLOG_PURGED, SOURCE_HISTORY_CHANGED or SOURCE_CHANGED when it comes back to another source', async () => {
    await using server = await startMariadb();
    await using other = await startMariadb({ serverId: 2 });
    await using folder = await temporaryFolder('changed');
    await server.query(orders);
    await server.query("INSERT INTO shop.t VALUES (1, 'x')");
    const end = await newestId(server);
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.reaches(end);
    }
    {
      await using rig = await CaptureRig.start({ source: other, folder });
      expect(await stopCode(rig)).toBe('SOURCE_CHANGED');
    }
    await server.query('FLUSH BINARY LOGS; FLUSH BINARY LOGS; FLUSH BINARY LOGS');
    await purgeAllButLast(server);
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      expect(await stopCode(rig)).toBe('BINLOG_PURGED');
      expect((await rig.transactions()).length).toBe(3);
    }
    await server.query(
      'RESET MASTER; DROP DATABASE shop; CREATE DATABASE shop; CREATE DATABASE a; CREATE DATABASE b; CREATE DATABASE c',
    );
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
    }
  });

  /** The same statements with other values: the same GTIDs at the same offsets. */
  const rebuilt = async (server: DatabaseServer, value: string): Promise<void> => {
    await server.query('SET sql_log_bin = 0; DROP DATABASE IF EXISTS shop; DO SLEEP(1.1); RESET MASTER');
    await server.query(orders);
    await server.query(`INSERT INTO shop.t VALUES (1, '${value}')`);
  };

  it('says SOURCE_HISTORY_CHANGED when the source was set up anew by the same statements', async () => {
    await using server = await startMariadb();
    await using folder = await temporaryFolder('rebuilt');
    await rebuilt(server, 'old');
    const end = await newestId(server);
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.reaches(end);
    }
    {
      // The same history is still accepted.
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.until(() => rig.capture.state.kind === 'streaming');
    }
    await rebuilt(server, 'new');
    expect(await newestId(server)).toBe(end);
    await server.query("INSERT INTO shop.t VALUES (2, 'new')");
    await using rig = await CaptureRig.start({ source: server, folder });
    expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
    expect((await rig.capture.ended)!.message).toContain('is not the stored one');
    expect((await story(rig)).flat()).toContain('insert shop.t 1,old');
    expect((await story(rig)).flat().join()).not.toContain('new');
  });

  it('says so too when that happens while it is connected', async () => {
    await using server = await startMariadb();
    await rebuilt(server, 'old');
    await using rig = await CaptureRig.start({ source: server, heartbeatMs: 1_000 });
    await rig.reaches(await newestId(server));
    await rebuilt(server, 'new');
    await server.query("INSERT INTO shop.t VALUES (2, 'new')");
    expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
    expect((await story(rig)).flat().join()).not.toContain('new');
  });

  it('stops with SERVER_ID_IN_USE when another replica takes its server id', async () => {
    await using server = await startMariadb();
    await server.query(orders);
    await using rig = await captured(server, "INSERT INTO shop.t VALUES (1, 'x')");
    const { BinlogReader } = await import('../../../store/src/source/binlog-reader.js');
    const { systemClock } = await import('../../../store/src/clock.js');
    await using _second = new BinlogReader({
      source: plain(server),
      serverId: rig.log.replicaServerId,
      start: { file: rig.log.capture.position!.file, position: 4 },
      clock: systemClock,
    });
    expect(await stopCode(rig)).toBe('SERVER_ID_IN_USE');
  });

  it('stops when the binlogs are reset under it', async () => {
    await using server = await startMariadb();
    await server.query(orders);
    await using rig = await captured(server, "FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (1, 'x')");
    await server.query('RESET MASTER');
    await server.query('CREATE DATABASE fresh');
    expect(['SOURCE_HISTORY_CHANGED', 'BINLOG_PURGED', 'BINLOG_RESET']).toContain(await stopCode(rig));
  });
});

const plain = (server: DatabaseServer) => ({
  host: server.host,
  port: server.port,
  user: server.user,
  password: server.password,
});

/** The source keeps a file while a dump thread that is ending still has it open. */
async function purgeAllButLast(server: DatabaseServer): Promise<void> {
  for (;;) {
    const files = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
    if (files.length === 1) return;
    await server.query(`PURGE BINARY LOGS TO '${files.at(-1)!.Log_name}'`);
  }
}

async function filesUnder(folder: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Buffer.concat(
    await Promise.all(
      entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name))),
    ),
  );
}
