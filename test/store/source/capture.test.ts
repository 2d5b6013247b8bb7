import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { newestId } from '../../support/gtid.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, expectConserved, stopCode } from './capture-rig.js';
import { captured, grantCapture, orders, plain, sharedSource, story } from './shared-source.js';

const rows = 20_000;
const inserts = (from: number, letter: string): string =>
  `INSERT INTO shop.t VALUES ${Array.from({ length: rows }, (_, index) => `(${from + index}, '${letter.repeat(50)}')`).join()}`;

onEachServer('Capture', (flavour) => {
  const source = sharedSource(flavour);

  it('brings what the source had and what it writes into the log', async () => {
    const server = source();
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

  it('keeps DDL with its context, accounts without their text, and leaves out what changes nothing', async () => {
    const server = source();
    const isMariadb = flavour === 'mariadb';
    await server.query(orders);
    await using rig = await captured(
      server,
      `USE shop; ALTER TABLE t ADD n INT; CREATE USER someone IDENTIFIED BY 'very-secret'; FLUSH TABLES; ANALYZE TABLE t;
       ${isMariadb ? 'SET STATEMENT max_statement_time = 100 FOR' : ''} TRUNCATE t; CREATE TEMPORARY TABLE tt (a INT); DROP TEMPORARY TABLE tt;
       CREATE TABLE c SELECT 1 AS a; ${isMariadb ? 'CREATE SEQUENCE q; SELECT NEXT VALUE FOR q;' : ''}
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
      ...(isMariadb ? [['CREATE SEQUENCE', 'shop.q', true]] : []),
      ['RENAME TABLE', 'shop.c shop.d', true],
      ['DROP TABLE', 'shop.d', true],
      ['GRANT', '', false],
      ['CREATE TABLE', 'shop.x', true],
    ]);
    expect(ddl[0]).toMatchObject({ defaultSchema: 'shop', text: 'ALTER TABLE t ADD n INT' });
    const select = all.find(({ changes }) => changes.length === 2)!;
    expect(select.changes.map(({ kind }) => kind)).toEqual(['ddl', 'insert']);
    expect((await rig.changes()).filter(({ kind }) => kind === 'sequence')).toHaveLength(isMariadb ? 1 : 0);
    expect(rig.capture.counters.snapshot().events['QUERY']!.leftOut).toMatchObject({ administrative: 2 });
    expectConserved(rig);
  });

  it('never puts on disk what is excluded', async () => {
    const server = source();
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
    const server = source();
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

  it('needs no privileges but those that the check asks for', async () => {
    const server = source();
    const { user, password } = server.plainUser;
    await server.query(
      `CREATE DATABASE shop; CREATE TABLE shop.t (u ${flavour === 'mariadb' ? 'UUID' : 'CHAR(36)'}); ${grantCapture(server)}`,
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

  it('writes a transaction of many rows in chunks and shows it with its end', async () => {
    const server = source();
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(100))');
    await using rig = await captured(
      server,
      `USE shop; ${inserts(1, 'x')};
       BEGIN; ${inserts(rows + 1, 'y')}; SAVEPOINT s;
       DELETE FROM shop.t; ROLLBACK; INSERT INTO shop.t VALUES (0, '')`,
    );
    const [large, small] = await rig.transactions();
    expect(large!.chunks).toBeGreaterThan(3);
    expect(large!.changes.length).toBe(rows);
    expect(small!.changes.length).toBe(1);
    expectConserved(rig);
  });

  it('follows rotations, and checksums switched on and off', async () => {
    const server = source();
    onTestFinished(async () => void (await server.query("SET GLOBAL binlog_checksum = 'CRC32'")));
    await server.query(`SET GLOBAL binlog_checksum = 'NONE'; ${orders}`);
    await using rig = await captured(
      server,
      `INSERT INTO shop.t VALUES (1, 'none'); SET GLOBAL binlog_checksum = 'CRC32'; INSERT INTO shop.t VALUES (2, 'crc');
       FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (3, 'crc'); SET GLOBAL binlog_checksum = 'NONE'; INSERT INTO shop.t VALUES (4, 'none')`,
    );
    expect((await story(rig)).flat()).toEqual(
      ['1,none', '2,crc', '3,crc', '4,none'].map((row) => `insert shop.t ${row}`),
    );
    expect(rig.capture.counters.snapshot().disconnects).toBe(0);
    expectConserved(rig);
  });

  it('goes on behind the last stored transaction when it is started again', async () => {
    const server = source();
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

onServer('mariadb', 'Capture', (flavour) => {
  const source = sharedSource(flavour);

  it('delivers neither what a savepoint took back nor what a rollback undid', async () => {
    const server = source();
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

  it('tells UUID, INET and JSON from what they look like in the binlog', async () => {
    const server = source();
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

  it('stops with SOURCE_PRIVILEGE at a table whose types it may not see, and goes on past one that is gone', async () => {
    const server = source();
    const { user, password } = server.plainUser;
    await server.query(
      `CREATE DATABASE shop; CREATE DATABASE other; CREATE TABLE other.t (u UUID); INSERT INTO other.t VALUES (UUID());
       ${grantCapture(server)}`,
    );
    const plainSource = { ...plain(server), user, password };
    {
      await using rig = await CaptureRig.start({ source: plainSource });
      expect(await stopCode(rig)).toBe('SOURCE_PRIVILEGE');
      expect((await rig.capture.ended)!.message).toContain('GRANT SELECT ON `other`.`t`');
    }
    await server.query("GRANT SELECT ON *.* TO 'plain'@'127.0.0.1'; DROP TABLE other.t");
    await using rig = await CaptureRig.start({ source: plainSource });
    await rig.reaches(await newestId(server));
    expect((await rig.changes()).map(({ kind }) => kind)).toContain('insert');
  });

  it('unpacks what log_bin_compress packed', async () => {
    const server = source();
    await server.query('SET GLOBAL log_bin_compress = ON, GLOBAL log_bin_compress_min_len = 10');
    onTestFinished(async () => void (await server.query('SET GLOBAL log_bin_compress = OFF')));
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
});

async function filesUnder(folder: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Buffer.concat(
    await Promise.all(
      entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name))),
    ),
  );
}
