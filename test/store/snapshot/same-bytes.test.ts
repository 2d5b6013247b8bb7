import { schemaIdOf } from '@drc/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ImageKey } from '../../../store/src/snapshot/image-key.js';
import type { SnapshotChunk } from '../../../store/src/snapshot/snapshot-chunk.js';
import { DatabaseSnapshots } from '../../../store/src/snapshot/snapshot-source.js';
import { SourceColumns } from '../../../store/src/source/source-columns.js';
import { TableFilter } from '../../../store/src/source/table-filter.js';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer } from '../../support/on-each-server.js';
import { CaptureRig } from '../source/capture-rig.js';
import { columnCases } from '../source/column-cases.js';
import { jsonCases, opaqueRow, opaqueTable } from '../source/json-cases.js';
import { Random, randomTable } from '../source/random-tables.js';
import { connectPlainly } from '../source/server-rows.js';
import { plain } from '../source/shared-source.js';
import { streamedTables, type StreamedTable } from './stream-images.js';

const givenSeed = process.env['DRC_SEED'];
const seed = givenSeed === undefined ? Math.floor(Math.random() * 1e9) : Number(givenSeed);
const tables = givenSeed === undefined ? Number(process.env['DRC_RANDOM_TABLES'] ?? 12) : 1;
const filter = { excludeColumns: ['t.without.secret'] };

/** Tables that are more than one column of one type. */
const shapes: Readonly<Record<string, { readonly sql: string; readonly only?: 'mariadb' | 'mysql' }>> = {
  generated: {
    sql: `CREATE TABLE t.generated (id INT PRIMARY KEY, a INT, v INT AS (a * 2) VIRTUAL, s INT AS (a + 1) STORED);
      INSERT INTO t.generated (id, a) VALUES (1, 5), (2, NULL)`,
  },
  invisible: {
    sql: `CREATE TABLE t.invisible (id INT PRIMARY KEY, hidden INT DEFAULT 7 INVISIBLE, shown INT);
      INSERT INTO t.invisible (id, shown) VALUES (1, 5), (2, 6)`,
  },
  without: {
    sql: `CREATE TABLE t.without (secret VARCHAR(20), id INT PRIMARY KEY, secret2 TEXT);
      INSERT INTO t.without VALUES ('x', 1, 'y')`,
  },
  zerofill: {
    sql: `CREATE TABLE t.zerofill (id INT(8) ZEROFILL PRIMARY KEY, a DECIMAL(12,3) ZEROFILL, b DECIMAL(4,4) ZEROFILL,
        c BIGINT(20) ZEROFILL, d DOUBLE(12,4) ZEROFILL, e TINYINT(3) ZEROFILL, f DECIMAL(30) ZEROFILL, g YEAR);
      INSERT INTO t.zerofill VALUES (1, 0, 0, 0, 0, 0, 0, 0), (2, 1.5, 0.5, 10, 1.25, 7, 100, 2001), (3, 100.001, 0.0001, 1, 2, 3, 4, 1901)`,
  },
  composite: {
    sql: `CREATE TABLE t.composite (b VARCHAR(20) NOT NULL, x INT, a INT NOT NULL, PRIMARY KEY (a, b)) CHARSET latin1;
      INSERT INTO t.composite VALUES ('é', 1, 1), ('z', 2, 2)`,
  },
  prefixed: {
    sql: `CREATE TABLE t.prefixed (b TEXT NOT NULL, u INT NOT NULL UNIQUE, PRIMARY KEY (b(3), u));
      INSERT INTO t.prefixed VALUES ('abcdef', 1), ('abcxyz', 2)`,
  },
  unique: {
    sql: `CREATE TABLE t.unique (a INT NULL UNIQUE, b INT NOT NULL, c INT NOT NULL, UNIQUE (c, b), v TEXT);
      INSERT INTO t.unique VALUES (1, 2, 1, 'x'), (NULL, 1, 2, NULL)`,
  },
  keys: {
    sql: `CREATE TABLE t.keys (a INT NOT NULL, b INT NOT NULL, c VARCHAR(9) NOT NULL, d INT NOT NULL, UNIQUE z (c(2)), KEY y (a),
        UNIQUE x (d, a), UNIQUE w (b));
      INSERT INTO t.keys VALUES (1, 2, 'xyz', 3), (2, 1, 'abc', 5)`,
  },
  partitioned: {
    sql: `CREATE TABLE t.partitioned (id INT PRIMARY KEY, v INT) PARTITION BY HASH (id) PARTITIONS 4;
      INSERT INTO t.partitioned VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)`,
  },
  'odd `name`': {
    sql: 'CREATE TABLE t.`odd ``name``` (`a ``b` INT PRIMARY KEY, `ü"\'` INT); INSERT INTO t.`odd ``name``` VALUES (1, 2)',
  },
  versioned: {
    only: 'mariadb',
    sql: `CREATE TABLE t.versioned (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
      INSERT INTO t.versioned VALUES (1, 1), (2, 2)`,
  },
  declared: {
    only: 'mariadb',
    sql: `CREATE TABLE t.declared (id INT PRIMARY KEY, since TIMESTAMP(6) GENERATED ALWAYS AS ROW START,
        until TIMESTAMP(6) GENERATED ALWAYS AS ROW END, v INT, PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING;
      INSERT INTO t.declared (id, v) VALUES (1, 1), (2, 2)`,
  },
  jsonText: {
    only: 'mariadb',
    sql: `CREATE TABLE t.jsonText (id INT PRIMARY KEY, j JSON, t TEXT CHECK (json_valid(t)), l LONGTEXT);
      INSERT INTO t.jsonText VALUES (1, '[1, 2.50]', '{"a": 1}', 'no')`,
  },
  opaque: {
    only: 'mysql',
    sql: `${opaqueTable.replace('j.opaque', 't.opaque')}; ALTER TABLE t.opaque ADD PRIMARY KEY (c_bigint); ${opaqueRow.replace('j.opaque', 't.opaque')}`,
  },
};

/** In no order: a snapshot's is that of the key. */
const textsOf = (images: readonly Buffer[]): string[] =>
  images.map((image) => image.toString('latin1')).toSorted();

onEachServer('What a snapshot reads is byte for byte what the stream has', (flavour) => {
  // Both servers show labels beyond the first Unicode plane as '?', wherever they show a definition.
  const cases = columnCases.filter(
    ({ only, type }) =>
      (only === undefined || only === flavour) && !(type.startsWith('ENUM') && type.includes('😀')),
  );
  const named = Object.entries(shapes).filter(([, { only }]) => only === undefined || only === flavour);
  let server: DatabaseServer;
  let rig: CaptureRig;
  let snapshots: DatabaseSnapshots;
  let streamed: ReadonlyMap<string, StreamedTable>;
  const random = Array.from({ length: tables }, (_, index) => seed + index);

  beforeAll(async () => {
    server = await startServer(flavour);
    rig = await CaptureRig.start({ source: plain(server), filter, start: { kind: 'now' } });
    await rig.until(() => rig.capture.state.kind === 'streaming');
    const connection = await connectPlainly(server);
    await connection.query('CREATE DATABASE t');
    for (const [index, { type, values, before }] of cases.entries()) {
      if (before) await connection.query(before);
      await connection.query(`CREATE TABLE t.t${index} (id INT PRIMARY KEY, v ${type})`);
      if (before) await connection.query('SET GLOBAL mysql56_temporal_format = ON');
      const all = type.includes('NOT NULL') ? values : ['NULL', ...values];
      await connection.query(
        `INSERT INTO t.t${index} VALUES ${all.map((value, id) => `(${id}, ${value})`).join(', ')}`,
      );
    }
    for (const [, { sql }] of named) await connection.query(sql);
    await connection.query('CREATE TABLE t.documents (id INT PRIMARY KEY AUTO_INCREMENT, j JSON)');
    for (const { sql } of jsonCases)
      await connection.query(`INSERT INTO t.documents (j) VALUES (${sql})`).catch(() => undefined);
    for (const one of random) {
      const table = randomTable(new Random(one), `t.r${one}`, one % 12, flavour);
      await connection.query(table.create.replace(/ ENGINE=.*$/, ''));
      const rows = Array.from({ length: 10 }, (_, id) => table.row(id));
      await connection.query(`INSERT INTO t.r${one} VALUES ${rows.join(', ')}`);
    }
    await connection.end();
    await rig.reaches(await newestId(server));
    streamed = await streamedTables(rig.log);
    snapshots = new DatabaseSnapshots({ source: () => plain(server), filter: new TableFilter(filter) });
  });

  afterAll(async () => {
    await snapshots?.[Symbol.asyncDispose]();
    await rig?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const compare = async (table: string): Promise<void> => {
    const { signal } = new AbortController();
    await using reader = await snapshots.open({ schema: 't', table }, signal);
    const images: Buffer[] = [];
    const keys: string[] = [];
    for (let after: Buffer | undefined = undefined; ; ) {
      const chunk: SnapshotChunk = await reader.read(after, { rows: 7, bytes: 64 * 1024 }, signal);
      images.push(...chunk.images);
      keys.push(...chunk.keys);
      after = chunk.lastKey;
      if (chunk.done) break;
    }
    const stream = streamed.get(`t.${table}`)!;
    expect(reader.version).toEqual(await rig.log.table(Buffer.from(stream.schemaId, 'hex')));
    expect(schemaIdOf(reader.version).toString('hex')).toBe(stream.schemaId);
    expect(textsOf(images)).toEqual(textsOf(stream.images));
    const key = new ImageKey(reader.keyColumns);
    expect(keys.toSorted()).toEqual(stream.images.map((image) => key.of(image, 0)).toSorted());
  };

  it.each(
    cases.map(
      (one, index) =>
        [`${one.before ? 'MariaDB 5.3’s ' : ''}${one.type.slice(0, 60)} (${index})`, index] as const,
    ),
  )('%s', async (_, index) => {
    await compare(`t${index}`);
  });

  it('and what the source says of a table is the version that its rows have', async () => {
    const { tables: described, missing } = await new SourceColumns(
      () => plain(server),
      new TableFilter(filter),
    ).of((schema) => schema === 't');
    expect(missing).toBe(0);
    expect(described.length).toBeGreaterThanOrEqual(streamed.size);
    for (const version of described) {
      const stream = streamed.get(`t.${version.table}`);
      if (stream === undefined) continue;
      expect(version).toEqual(await rig.log.table(Buffer.from(stream.schemaId, 'hex')));
      expect(schemaIdOf(version).toString('hex')).toBe(stream.schemaId);
    }
  });

  it.each(named.map(([table]) => table))('a table like %s', async (table) => {
    await compare(table);
  });

  it('documents of all kinds', async () => {
    await compare('documents');
  });

  it.each(random)('a random table (DRC_SEED=%i replays it)', async (one) => {
    await compare(`r${one}`);
  });
});
