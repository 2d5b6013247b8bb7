import { Congo } from '@drc/client-sdk/congo';
import type mysql from 'mysql2/promise';
import { expect, it } from 'vitest';
import { startHub } from '../../support/hub.js';
import { onEachServer } from '../../support/on-each-server.js';
import { TestTarget } from './support/test-target.js';

const tables = [
  `CREATE TABLE kinds (id BIGINT UNSIGNED PRIMARY KEY, f FLOAT, d DOUBLE, n DECIMAL(40,20), t TIMESTAMP(6) NULL,
    dt DATETIME(3), ti TIME(6), y YEAR, b BIT(33), e ENUM('a','b''c','ü'), s SET('x','y','z'), j JSON,
    bin BINARY(8), vb VARBINARY(50), tx MEDIUMTEXT, l VARCHAR(50) CHARACTER SET latin1, g POINT,
    twice INT AS (y * 2) STORED)`,
  'CREATE TABLE bare (a INT, v VARCHAR(50) COLLATE utf8mb4_general_ci, n DECIMAL(60,30))',
  'CREATE TABLE pair (a INT, b VARCHAR(20) CHARACTER SET latin1, v INT, PRIMARY KEY (b, a), UNIQUE KEY (v))',
];

async function write(source: mysql.Connection, round: number): Promise<void> {
  const run = (sql: string): Promise<unknown> => source.query(sql);
  await run('BEGIN');
  for (let i = 0; i < 5; i++) {
    const id = `18446744073709${String(round * 10 + i).padStart(6, '0')}`;
    await run(`INSERT INTO kinds (id, f, d, n, t, dt, ti, y, b, e, s, j, bin, vb, tx, l, g) VALUES (${id}, RAND(${i}), RAND(),
      '12345678901234567890.00000000000000000${i}', FROM_UNIXTIME(1792888200 + ${round} * 600), '2021-02-28 01:02:03.${i}',
      '-12:34:56.00000${i}', 2000 + ${i}, ${i} * 1000000007, IF(${i} = 3, 'nonsense', ${(i % 3) + 1}), 'x,z', '{"k": ${i}}', 'ab', X'00FF${i}0',
      REPEAT('ü😀', ${i} * 100), 'é’', POINT(${i}, -${i}))`);
    await run(
      `INSERT INTO bare VALUES (${i % 2}, IF(${i} % 2, 'a', 'A'), '1.0000000000000000000000000000${round}${i}')`,
    );
  }
  await run(
    `REPLACE INTO pair VALUES (1, 'é', ${round}), (2, 'x', ${round + 1000}), (${round}, 'k', ${round + 2000})`,
  );
  await run(`INSERT INTO pair VALUES (1, 'é', 5) ON DUPLICATE KEY UPDATE v = v + 10000`);
  await run('COMMIT');
  await run(`UPDATE kinds SET id = id + 4, d = d * 3, e = 2 WHERE id % 10 = 4`);
  await run(`UPDATE bare SET a = a + 1 WHERE v = BINARY 'a' LIMIT 2`);
  await run(`DELETE FROM bare WHERE a = 0 LIMIT 1`);
  await run(`DELETE FROM kinds WHERE id % 10 = 2`);
}

onEachServer('A source and the target of a task', (flavour) => {
  it('are equal, whatever was written, and however often the task was stopped', async () => {
    await using hub = await startHub({ flavour });
    await using target = await TestTarget.start(flavour);
    await hub.source.query(`CREATE DATABASE shop CHARACTER SET utf8mb4; USE shop; ${tables.join(';')}`);
    await target.reset(...tables);
    const source = await hub.source.connect({ database: 'shop', charset: 'utf8mb4' });
    try {
      await source.query("SET SESSION sql_mode = '', time_zone = '+00:00'");
      await using sdk = await hub.connect();
      let last = '';
      for (let start = 0; start < 3; start++) {
        const stop = new AbortController();
        const congo = new Congo({
          hub: sdk,
          task: 'copy',
          topic: 'shop',
          tables: [{ from: 'shop.*' }],
          target: target.options,
          ddl: 'ignore',
          maxBatchRows: 40,
        });
        const running = congo.run(stop.signal);
        for (let round = 0; round < 15; round++) await write(source, start * 15 + round);
        last = await hub.lastId();
        // The first two are stopped wherever they are.
        if (start === 2)
          await Promise.race([
            running,
            target.until(async () => (await target.record())?.covers(last) === true),
          ]);
        stop.abort();
        await running;
      }
      for (const [table, order] of [
        ['kinds', 'id'],
        ['bare', 'n, a'],
        ['pair', 'b, a'],
      ] as const) {
        const sql = `SELECT * FROM shop.${table} ORDER BY ${order}`;
        const options = { dateStrings: true, supportBigNumbers: true, bigNumberStrings: true } as const;
        const both = [];
        for (const server of [hub.source, target.server]) {
          const connection = await server.connect(options);
          await connection.query("SET SESSION time_zone = '+00:00'");
          const [rows] = await connection.query<mysql.RowDataPacket[]>(sql);
          both.push(rows);
          await connection.end();
        }
        expect(both[1], table).toEqual(both[0]);
        expect(both[0]!.length, table).toBeGreaterThan(20);
      }
    } finally {
      await source.end();
    }
  });
});
