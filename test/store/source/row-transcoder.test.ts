import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMariadb, type MariadbServer } from '../../support/mariadb.js';
import { binlogOf, decodeBinlog } from './binlog-rows.js';
import { columnCases as cases } from './column-cases.js';
import { connectPlainly, plainAs, plainRow, selectRows, zongjiRows } from './server-rows.js';

/** zongji gives bytes for what it cannot tell from BINARY without INFORMATION_SCHEMA, and objects for geometry. */
const otherFormInZongji = /^(?:UUID|INET|GEOMETRY|POINT)/;

describe('A value reads the same from the row transcoder and from the server', () => {
  let server: MariadbServer;
  let decoded: ReturnType<typeof decodeBinlog>;
  let zongji: Awaited<ReturnType<typeof zongjiRows>>;
  let connection: Awaited<ReturnType<typeof connectPlainly>>;

  beforeAll(async () => {
    server = await startMariadb();
    connection = await connectPlainly(server);
    await connection.query('CREATE DATABASE t');
    await server.query('FLUSH BINARY LOGS');
    const [status] = await connection.query('SHOW MASTER STATUS');
    const file = (status as { File: string }[])[0]!.File;
    const binlog = await binlogOf(server, async () => {
      for (const [index, { type, values, before }] of cases.entries()) {
        if (before) await connection.query(before);
        await connection.query(`CREATE TABLE t.t${index} (id INT PRIMARY KEY, v ${type})`);
        if (before) await connection.query('SET GLOBAL mysql56_temporal_format = ON');
        const all = type.includes('NOT NULL') ? values : ['NULL', ...values];
        await connection.query(
          `INSERT INTO t.t${index} VALUES ${all.map((value, id) => `(${id}, ${value})`).join(', ')}`,
        );
      }
      await connection.query('CREATE TABLE t.last (id INT); INSERT INTO t.last VALUES (1)');
    });
    decoded = decodeBinlog(binlog, ({ table }) => {
      const learned = cases[Number(table.slice(1))]?.learned;
      return { flavour: 'mariadb', ...(learned && { learned: new Map([['v', learned]]) }) };
    });
    zongji = await zongjiRows(server, basename(file), 'last');
  });

  afterAll(async () => {
    await connection?.end();
    await server?.stop();
  });

  it.each(
    cases.map(
      (one, index) =>
        [`${one.before ? 'MariaDB 5.3’s ' : ''}${one.type.slice(0, 60)} (${index})`, index] as const,
    ),
  )('%s', async (_, index) => {
    const { type, values, zongji: differs = {} } = cases[index]!;
    const table = `t${index}`;
    const mine = decoded.filter(({ version }) => version.table === table);
    const { version } = mine[0]!;
    const rows = mine.flatMap(({ images }) => images.map((image) => plainRow(version, image)));
    expect(rows).toEqual(await selectRows(connection, version));

    const literals = type.includes('NOT NULL') ? values : ['NULL', ...values];
    const theirs = zongji.get(table)!;
    expect(theirs).toHaveLength(rows.length);
    for (const [id, row] of rows.entries()) {
      const literal = literals[id]!;
      const value = theirs[id]!['v'];
      if (Object.hasOwn(differs, literal)) expect(value, literal).toEqual(differs[literal]);
      else if (!otherFormInZongji.test(type))
        expect(plainAs(version.columns[1]!, value), literal).toEqual(row[1]);
    }
  });
});
