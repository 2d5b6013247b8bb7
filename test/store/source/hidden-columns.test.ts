import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Connection } from 'mysql2/promise';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { binlogOf, decodeBinlog } from './binlog-rows.js';
import { connectPlainly, plainRow, selectRows, type Plain } from './server-rows.js';

interface Written {
  readonly columns: readonly string[];
  readonly primaryKey: readonly number[];
  readonly images: readonly (readonly Plain[])[];
  /** SELECT of the same columns by name, before and after an update of all rows. */
  readonly shown: readonly (readonly (readonly Plain[])[])[];
}

/** Makes the table, inserts, updates; what the events say and what the server shows. */
async function write(
  server: DatabaseServer,
  connection: Connection,
  table: string,
  create: string,
  insert: string,
  update: string,
): Promise<Written> {
  const { flavour } = server;
  const options = () => ({ flavour });
  await connection.query(create);
  const inserted = decodeBinlog(await binlogOf(server, () => connection.query(insert)), options);
  const { version } = inserted[0]!;
  const before = await selectRows(connection, version);
  const updated = decodeBinlog(await binlogOf(server, () => connection.query(update)), options);
  const images = [...inserted, ...updated]
    .filter((rows) => rows.version.table === table)
    .flatMap((rows) => rows.images.map((image) => plainRow(rows.version, image)));
  return {
    columns: version.columns.map(({ name }) => name),
    primaryKey: version.primaryKey,
    images,
    shown: [before, await selectRows(connection, version)],
  };
}

onEachServer('Columns that a client does not write, or does not see', (flavour) => {
  let server: DatabaseServer;
  let connection: Connection;
  beforeAll(async () => {
    server = await startServer(flavour);
    connection = await connectPlainly(server);
    await connection.query('CREATE DATABASE h; USE h');
  });
  afterAll(async () => {
    await connection?.end();
    await server?.stop();
  });

  it('generated columns are in the rows, stored and virtual', async () => {
    const { columns, images, shown } = await write(
      server,
      connection,
      'computed',
      `CREATE TABLE computed (id INT PRIMARY KEY, a INT, kept INT AS (a + 1) STORED,
         made VARCHAR(20) AS (CONCAT('v', a)) VIRTUAL, b INT)`,
      'INSERT INTO computed (id, a, b) VALUES (1, 10, 100)',
      'UPDATE computed SET a = 20',
    );
    expect(columns).toEqual(['id', 'a', 'kept', 'made', 'b']);
    expect(images).toEqual([shown[0]![0], shown[0]![0], shown[1]![0]]);
    expect(shown[1]![0]).toEqual(['1', '20', '21', 'v20', '100']);
  });

  it('invisible columns are in the rows', async () => {
    const { columns, images, shown } = await write(
      server,
      connection,
      'invisible',
      'CREATE TABLE invisible (id INT PRIMARY KEY, unseen INT INVISIBLE, seen INT)',
      'INSERT INTO invisible (id, unseen, seen) VALUES (1, 2, 3)',
      'UPDATE invisible SET unseen = 4',
    );
    expect(columns).toEqual(['id', 'unseen', 'seen']);
    expect(images).toEqual([shown[0]![0], shown[0]![0], shown[1]![0]]);
    expect(shown[1]![0]).toEqual(['1', '4', '3']);
  });
});

onServer('mysql', 'Columns that MySQL makes itself', () => {
  let server: DatabaseServer;
  let connection: Connection;
  beforeAll(async () => {
    server = await startServer('mysql');
    connection = await connectPlainly(server);
    await connection.query('CREATE DATABASE h; USE h');
  });
  afterAll(async () => {
    await connection?.end();
    await server?.stop();
  });

  it('a generated invisible primary key is in the rows, as the key', async () => {
    await connection.query('SET sql_generate_invisible_primary_key = ON');
    const { columns, primaryKey, images, shown } = await write(
      server,
      connection,
      'keyless',
      'CREATE TABLE keyless (a INT)',
      'INSERT INTO keyless (a) VALUES (7)',
      'UPDATE keyless SET a = 8',
    );
    await connection.query('SET sql_generate_invisible_primary_key = OFF');
    expect(columns).toEqual(['my_row_id', 'a']);
    expect(primaryKey).toEqual([0]);
    expect(images).toEqual([shown[0]![0], shown[0]![0], shown[1]![0]]);
  });

  it('the columns behind functional and multi-valued indexes are not in the rows', async () => {
    const { columns, images, shown } = await write(
      server,
      connection,
      'functional',
      `CREATE TABLE functional (id INT PRIMARY KEY, a INT, j JSON,
         INDEX f ((a + 1)), INDEX m ((CAST(j->'$.list' AS UNSIGNED ARRAY))))`,
      `INSERT INTO functional VALUES (1, 2, '{"list": [1, 2]}')`,
      'UPDATE functional SET a = 3',
    );
    expect(columns).toEqual(['id', 'a', 'j']);
    expect(images).toEqual([shown[0]![0], shown[0]![0], shown[1]![0]]);
  });
});
