import { basename } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';
import { binlogOf, currentBinlog, decodeBinlog } from './binlog-rows.js';
import { columnCases } from './column-cases.js';
import { connectPlainly, plainAs, plainRow, selectRows, zongjiRows } from './server-rows.js';

/** zongji gives bytes for what it cannot tell from BINARY without INFORMATION_SCHEMA, and objects for geometry. */
const otherFormInZongji = /^(?:UUID|INET|GEOMETRY|POINT|LINESTRING|POLYGON|MULTI)/;

onEachServer('A value reads the same from the row transcoder and from the server', (flavour) => {
  const cases = columnCases.filter(({ only }) => only === undefined || only === flavour);
  let server: DatabaseServer;
  let decoded: ReturnType<typeof decodeBinlog>;
  let zongji: Awaited<ReturnType<typeof zongjiRows>>;
  let connection: Awaited<ReturnType<typeof connectPlainly>>;

  beforeAll(async () => {
    server = await startServer(flavour);
    connection = await connectPlainly(server);
    await connection.query('CREATE DATABASE t');
    let file = '';
    const binlog = await binlogOf(server, async () => {
      file = await currentBinlog(server);
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
      return { flavour, ...(learned && { learned: new Map([['v', learned]]) }) };
    });
    const unknown = cases.flatMap(({ isUnknownToZongji }, index) => (isUnknownToZongji ? [`t${index}`] : []));
    zongji = await zongjiRows(server, basename(file), 'last', { t: unknown });
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
    const { type, values, isUnknownToZongji, zongji: differs = {} } = cases[index]!;
    const table = `t${index}`;
    const mine = decoded.filter(({ version }) => version.table === table);
    const { version } = mine[0]!;
    const rows = mine.flatMap(({ images }) => images.map((image) => plainRow(version, image)));
    expect(rows).toEqual(await selectRows(connection, version));

    if (isUnknownToZongji) return;
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
