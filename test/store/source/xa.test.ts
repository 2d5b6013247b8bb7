import type mysql from 'mysql2/promise';
import pino from 'pino';
import { expect, it } from 'vitest';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, expectConserved, stopCode } from './capture-rig.js';
import { killedCapture } from './killed-capture.js';

const orders = 'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(500))';

/** Runs the statements between XA START and XA END, and ends with these. */
const xa = (name: string, statements: string, ...ends: string[]): string =>
  [`XA START '${name}'`, statements, `XA END '${name}'`, ...ends.map((end) => `${end} '${name}'`)].join('; ');

/** Rows enough for more than what is queued at once. */
const many = (first: number): string =>
  `INSERT INTO shop.t WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 99), m AS (SELECT a.i * 100 + b.i AS i FROM n a, n b) SELECT ${first} + i, REPEAT('x', 480) FROM m`;

async function reached(rig: CaptureRig, server: DatabaseServer): Promise<void> {
  await rig.reaches(await newestId(server));
}

/** The keys inserted, by transaction; empty transactions are left out. */
async function keys(rig: CaptureRig): Promise<number[][]> {
  return (await rig.transactions())
    .map(({ changes }) =>
      changes.flatMap((change) => (change.kind === 'insert' ? [Number(change.after['id'])] : [])),
    )
    .filter((ids) => ids.length > 0);
}

/** A session whose prepared transactions others can decide once it has ended. */
async function session(server: DatabaseServer, work: (connection: mysql.Connection) => Promise<unknown>) {
  const connection = await server.connect({ multipleStatements: true });
  await work(connection);
  await connection.end();
}

/** MariaDB frees what a session prepared a little after its end. */
async function decide(server: DatabaseServer, statement: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await server.query(statement);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== 'ER_XAER_NOTA' || attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

onEachServer('prepared XA transactions', (flavour) => {
  it('outlive restarts of the store and of the source, and come with their decision', async () => {
    await using server = await startServer(flavour);
    await using folder = await temporaryFolder('xa');
    await server.query(orders);
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await session(server, (connection) =>
        connection.query(xa('a', "INSERT INTO shop.t VALUES (1, 'a'), (2, 'a')", 'XA PREPARE')),
      );
      await session(server, (connection) =>
        connection.query(xa('b', "INSERT INTO shop.t VALUES (3, 'b')", 'XA PREPARE')),
      );
      await reached(rig, server);
      expect(await keys(rig)).toEqual([]);
    }
    await server.restart();
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await server.query("INSERT INTO shop.t VALUES (4, 'c'); FLUSH BINARY LOGS");
      await reached(rig, server);
    }
    await decide(server, "XA COMMIT 'a'");
    await decide(server, "XA ROLLBACK 'b'");
    await using rig = await CaptureRig.start({ source: server, folder });
    await server.query("INSERT INTO shop.t VALUES (5, 'd')");
    await reached(rig, server);
    expect(await keys(rig)).toEqual([[4], [1, 2], [5]]);
    const all = await rig.transactions();
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expectConserved(rig);
  });

  it('count as neither stored nor left out until they are decided', async () => {
    await using server = await startServer(flavour);
    await server.query(orders);
    await using rig = await CaptureRig.start({ source: server });
    const connection = await server.connect({ multipleStatements: true });
    const rows = () => rig.capture.counters.snapshot().tables['shop.t'];
    await connection.query(xa('a', "INSERT INTO shop.t VALUES (1, 'a')", 'XA PREPARE'));
    await reached(rig, server);
    expect(rows()).toEqual({ read: 1, stored: 0, leftOut: {} });
    await connection.query("XA COMMIT 'a'");
    await reached(rig, server);
    expect(rows()).toEqual({ read: 1, stored: 1, leftOut: {} });
    await connection.query(xa('a', "INSERT INTO shop.t VALUES (2, 'a')", 'XA PREPARE', 'XA ROLLBACK'));
    await reached(rig, server);
    expect(rows()).toEqual({ read: 2, stored: 1, leftOut: { 'rolled-back': 1 } });
    expectConserved(rig);
    await connection.end();
  });

  it('stop the store where they were prepared before its log begins and commit, not where they roll back', async () => {
    await using server = await startServer(flavour);
    await server.query(orders);
    for (const [name, id] of [
      ['a', 1],
      ['b', 2],
    ])
      await session(server, (connection) =>
        connection.query(xa(String(name), `INSERT INTO shop.t VALUES (${id}, 'x')`, 'XA PREPARE')),
      );
    await server.query('FLUSH BINARY LOGS');
    const warned: { check: string; found: string; fix: string[] }[] = [];
    const logger = pino(
      { level: 'warn' },
      { write: (line: string) => void warned.push(JSON.parse(line) as (typeof warned)[number]) },
    );
    await using rig = await CaptureRig.start({ source: server, start: { kind: 'now' }, logger });
    await rig.until(() => rig.capture.state.kind === 'streaming');
    const [warning] = warned.filter(({ check }) => check === 'prepared_transactions');
    expect(warning?.found).toMatch(/^2 XA transactions: X'6[12]',X'',1, X'6[12]',X'',1$/);
    expect(warning?.fix).toContain("XA ROLLBACK X'62',X'',1;");
    await decide(server, "XA ROLLBACK 'b'");
    await server.query("INSERT INTO shop.t VALUES (3, 'y')");
    await reached(rig, server);
    expect(await keys(rig)).toEqual([[3]]);
    const { position } = rig.log.capture;
    await decide(server, "XA COMMIT 'a'");
    expect(await stopCode(rig)).toBe('XA_UNKNOWN');
    expect(rig.log.capture.position).toEqual(position);
    expect((await rig.capture.ended)!.message).toContain("X'61',X'',1");
  });

  it('of many chunks come whole, committed later, in one phase or not at all', async () => {
    await using server = await startServer(flavour);
    await server.query(orders);
    await using rig = await CaptureRig.start({ source: server });
    const connection = await server.connect({ multipleStatements: true });
    await connection.query(xa('late', many(10_000), 'XA PREPARE', 'XA COMMIT'));
    await connection.query(`${xa('one', many(20_000))}; XA COMMIT 'one' ONE PHASE`);
    await connection.query(xa('never', many(30_000), 'XA PREPARE', 'XA ROLLBACK'));
    await connection.end();
    await reached(rig, server);
    const wanted = [10_000, 20_000].map((first) =>
      Array.from({ length: 10_000 }, (_, index) => first + index),
    );
    const found = await keys(rig);
    expect(found.map((ids) => ids.toSorted((a, b) => a - b))).toEqual(wanted);
    expectConserved(rig);
  });

  it('are whole wherever the process is killed', async () => {
    await using server = await startServer(flavour);
    await using folder = await temporaryFolder('xa-crash');
    await server.query(orders);
    const wanted: number[] = [];
    let next = 0;
    const write = async (): Promise<void> => {
      const first = next * 100_000;
      next++;
      const connection = await server.connect({ multipleStatements: true });
      await connection.query(xa('large', many(first), 'XA PREPARE', 'XA COMMIT'));
      await connection.query(xa('gone', many(first + 20_000), 'XA PREPARE', 'XA ROLLBACK'));
      await connection.query(
        xa('small', `INSERT INTO shop.t VALUES (${first + 50_000}, 's')`, 'XA PREPARE', 'XA COMMIT'),
      );
      await connection.end();
      for (let id = first; id < first + 10_000; id++) wanted.push(id);
      wanted.push(first + 50_000);
    };
    const points = [
      ['chunk', 3],
      ['prepared', 1],
      ['prepared', 2],
      ['commit.placing', 1],
      ['decided', 1],
      ['decided', 2],
      ['flush.written', 2],
      ['flush.written', 5],
      ['flush.done', 6],
      ['flushed', 1],
    ] as const;
    const { rig: captured } = await killedCapture(server, folder, points, write);
    await using rig = captured;
    const found = await keys(rig);
    expect(found.map(({ length }) => length)).toEqual(points.flatMap(() => [10_000, 1]));
    expect(found.flat().toSorted((a, b) => a - b)).toEqual(wanted);
  }, 120_000);
});

onServer('mysql', 'prepared XA transactions without GTIDs', () => {
  it('come with their decision, and what non-transactional tables had in them at once', async () => {
    await using server = await startServer('mysql', {
      args: ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF'],
    });
    await server.query(`${orders}; CREATE TABLE shop.m (id INT PRIMARY KEY) ENGINE = MyISAM`);
    await using rig = await CaptureRig.start({ source: server });
    const connection = await server.connect({ multipleStatements: true });
    await connection.query(xa('a', "INSERT INTO shop.t VALUES (1, 'a')", 'XA PREPARE'));
    await connection.query("XA COMMIT 'a'");
    await connection.query(
      xa(
        'b',
        "INSERT INTO shop.t VALUES (2, 'b'); INSERT INTO shop.m VALUES (10)",
        'XA PREPARE',
        'XA ROLLBACK',
      ),
    );
    await connection.query(
      xa('c', "INSERT INTO shop.t VALUES (3, 'c'); INSERT INTO shop.m VALUES (11)", 'XA ROLLBACK'),
    );
    await connection.query(
      xa(
        'd',
        "INSERT INTO shop.t VALUES (4, 'd'); SAVEPOINT s; INSERT INTO shop.t VALUES (5, 'd'); INSERT INTO shop.m VALUES (12); ROLLBACK TO s",
        'XA PREPARE',
        'XA COMMIT',
      ),
    );
    await connection.query("INSERT INTO shop.t VALUES (6, 'end')");
    await connection.end();
    const [status] = (await server.query('SHOW BINARY LOG STATUS')) as { File: string; Position: number }[];
    await rig.until(() => rig.log.capture.position?.offset === status!.Position);
    await rig.log.flush();
    expect(await keys(rig)).toEqual([[1], [10], [11], [12], [4], [6]]);
    expectConserved(rig);
  });
});
