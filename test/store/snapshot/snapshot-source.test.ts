import { setTimeout as sleep } from 'node:timers/promises';
import { DrcError, isDrcError } from '@drc/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ChunkLimits, SnapshotChunk, TableReader } from '../../../store/src/snapshot/snapshot-chunk.js';
import { DatabaseSnapshots } from '../../../store/src/snapshot/snapshot-source.js';
import { TableFilter } from '../../../store/src/source/table-filter.js';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { connectPlainly } from '../source/server-rows.js';
import { plain } from '../source/shared-source.js';

const { signal } = new AbortController();
const limits = (rows: number, bytes = 1024 * 1024): ChunkLimits => ({ rows, bytes });

async function allOf(
  reader: TableReader,
  { rows, bytes }: ChunkLimits,
  from?: Buffer,
): Promise<SnapshotChunk[]> {
  const chunks: SnapshotChunk[] = [];
  do chunks.push(await reader.read(chunks.at(-1)?.lastKey ?? from, { rows, bytes }, signal));
  while (!chunks.at(-1)!.done);
  return chunks;
}

const keysOf = (chunks: readonly SnapshotChunk[]): string[] => chunks.flatMap(({ keys }) => [...keys]);

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return isDrcError(error) ? error.code : String(error);
  }
}

onEachServer('The snapshots of a source', (flavour) => {
  let server: DatabaseServer;
  let snapshots: DatabaseSnapshots;
  const filter = new TableFilter({ exclude: ['s.excluded'], excludeColumns: ['s.hidden_key.secret'] });

  beforeAll(async () => {
    server = await startServer(flavour);
    const connection = await connectPlainly(server);
    await connection.query(`CREATE DATABASE s;
      CREATE TABLE s.t (id INT PRIMARY KEY, v VARCHAR(100));
      CREATE TABLE s.big (id INT PRIMARY KEY, v LONGTEXT);
      CREATE TABLE s.excluded (id INT PRIMARY KEY);
      CREATE TABLE s.no_key (id INT, v INT, KEY (id));
      CREATE TABLE s.null_key (id INT NULL UNIQUE);
      CREATE TABLE s.prefix_key (v VARCHAR(100) NOT NULL, UNIQUE (v(10)));
      CREATE TABLE s.hidden_key (secret INT PRIMARY KEY, v INT);
      CREATE TABLE s.old (id INT PRIMARY KEY) ENGINE=MyISAM;
      CREATE VIEW s.seen AS SELECT * FROM s.t;
      CREATE USER reader@'%' IDENTIFIED BY 'Reader-1';
      GRANT SELECT ON s.t TO reader@'%'; GRANT SELECT ON s.big TO reader@'%'`);
    await connection.query(
      `INSERT INTO s.t VALUES ${Array.from({ length: 50 }, (_, id) => `(${id}, 'v${id}')`).join(', ')}`,
    );
    await connection.query(
      `INSERT INTO s.big VALUES ${Array.from({ length: 20 }, (_, id) => `(${id}, 'small')`).join(', ')}`,
    );
    for (let id = 20; id < 44; id++)
      await connection.query(`INSERT INTO s.big VALUES (${id}, REPEAT('x', 1000000))`);
    await connection.end();
    snapshots = new DatabaseSnapshots({ source: () => plain(server), filter });
  });

  afterAll(async () => {
    await snapshots?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const open = async (table: string, source = snapshots): Promise<TableReader> =>
    await source.open({ schema: 's', table }, signal);

  it('name the captured tables, and no views', async () => {
    const names = (await snapshots.tables(signal)).map(({ schema, table }) => `${schema}.${table}`);
    expect(names).toEqual(
      ['big', 'hidden_key', 'no_key', 'null_key', 'old', 'prefix_key', 't'].map((table) => `s.${table}`),
    );
  });

  it.each([
    ['no_key', 'SNAPSHOT_NEEDS_KEY'],
    ['null_key', 'SNAPSHOT_NEEDS_KEY'],
    ['prefix_key', 'SNAPSHOT_NEEDS_KEY'],
    ['hidden_key', 'SNAPSHOT_NEEDS_KEY'],
    ['old', 'SNAPSHOT_UNSUPPORTED'],
    ['seen', 'SNAPSHOT_UNSUPPORTED'],
    ['excluded', 'TABLE_UNKNOWN'],
    ['nowhere', 'TABLE_UNKNOWN'],
    ['T', 'TABLE_UNKNOWN'],
  ])('refuse the table %s: %s', async (table, code) => {
    expect(await codeOf(open(table))).toBe(code);
  });

  it('need no right but SELECT on what is read, and say so where it is missing', async () => {
    const source = { ...plain(server), user: 'reader', password: 'Reader-1' };
    await using own = new DatabaseSnapshots({ source: () => source, filter });
    await using reader = await open('t', own);
    expect(keysOf(await allOf(reader, limits(20)))).toHaveLength(50);
    const refused = await open('old', own).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'SOURCE_PRIVILEGE',
      details: { table: 's.old', remedies: ['GRANT SELECT ON `s`.`old` TO …'] },
    });
    expect(keysOf(await allOf(reader, limits(50)))).toHaveLength(50);
  });

  it('keep to the bytes of a chunk, whatever the rows before were like', async () => {
    await using reader = await open('big');
    const chunks = await allOf(reader, limits(1000, 100_000));
    const ids = chunks.flatMap(({ images }) => images.map((image) => image[1]));
    expect(ids).toEqual(Array.from({ length: 44 }, (_, id) => id));
    for (const { images } of chunks) {
      const bytes = images.map((image) => image.length);
      expect(bytes.slice(0, -1).reduce((sum, length) => sum + length, 0)).toBeLessThan(100_000);
    }
  });

  it('go on from where another reader has come to, also after its last row', async () => {
    await using one = await open('t');
    const first = await one.read(undefined, limits(30), signal);
    await using own = new DatabaseSnapshots({ source: () => plain(server), filter });
    await using other = await open('t', own);
    const rest = await other.read(Buffer.from(first.lastKey), limits(30), signal);
    expect([first.keys.length, rest.keys.length, first.done, rest.done]).toEqual([30, 20, false, true]);
    const none = await one.read(rest.lastKey, limits(30), signal);
    expect([none.images, none.done, none.lastKey]).toEqual([[], true, rest.lastKey]);
  });

  it('take no place of another key, and nothing that is not a place', async () => {
    await using one = await open('t');
    await using other = await open('big');
    await server.query(
      "CREATE TABLE s.text_key (k VARCHAR(20) PRIMARY KEY); INSERT INTO s.text_key VALUES ('a')",
    );
    await using text = await open('text_key');
    const { lastKey } = await text.read(undefined, limits(1), signal);
    const byId = await one.read(undefined, limits(1), signal);
    expect((await other.read(byId.lastKey, limits(1), signal)).images).toHaveLength(1);
    const injected = Buffer.from(byId.lastKey.toString('latin1').replace(/.0$/s, '\xa60 OR 1'), 'latin1');
    for (const place of [lastKey, injected, Buffer.from('x'), byId.lastKey.subarray(0, -1)])
      expect(await codeOf(one.read(place, limits(1), signal))).toBe('SNAPSHOT_KEY_INVALID');
    expect(await codeOf(text.read(byId.lastKey, limits(1), signal))).toBe('SNAPSHOT_KEY_INVALID');
  });

  it('refuse keys that read the same for two rows', async () => {
    await server.query(`SET sql_mode = ''; CREATE TABLE s.labels (e ENUM('a', '') PRIMARY KEY);
      INSERT INTO s.labels VALUES ('a'), ('');
      CREATE TABLE s.lost (k VARCHAR(9) CHARACTER SET cp1250 PRIMARY KEY); INSERT INTO s.lost VALUES ('a')`);
    await using labels = await open('labels');
    await using lost = await open('lost');
    const both = await allOf(labels, limits(5));
    expect([keysOf(both).length, keysOf(await allOf(lost, limits(5))).length]).toEqual([2, 1]);
    await server.query("SET sql_mode = ''; INSERT IGNORE INTO s.labels VALUES ('none of them')");
    await server.query("INSERT INTO s.lost VALUES (x'8141')");
    // At a moment behind that.
    await using again = await open('labels');
    expect(await codeOf(again.read(undefined, limits(5), signal))).toBe('SNAPSHOT_UNSUPPORTED');
    expect(await codeOf(lost.read(undefined, limits(5), signal))).toBe('SNAPSHOT_UNSUPPORTED');
    expect(keysOf(await allOf(again, limits(5), both.at(-1)!.lastKey))).toEqual([]);
  });

  it('notice that a table was altered, and go on when it is opened again', async () => {
    await server.query(
      'CREATE TABLE s.altered (id INT AUTO_INCREMENT PRIMARY KEY, v INT); INSERT INTO s.altered (v) VALUES (1), (2), (3)',
    );
    await using reader = await open('altered');
    const first = await reader.read(undefined, limits(1), signal);
    // This is no change of the table.
    await server.query('INSERT INTO s.altered (v) VALUES (4)');
    expect((await reader.read(first.lastKey, limits(1), signal)).images).toHaveLength(1);
    // On MariaDB this waits until the moment is over.
    await server.query('ALTER TABLE s.altered ADD COLUMN w INT NOT NULL DEFAULT 7');
    expect(await codeOf(reader.read(first.lastKey, limits(1), signal))).toBe('SNAPSHOT_TABLE_CHANGED');
    expect(await codeOf(reader.read(first.lastKey, limits(1), signal))).toBe('SNAPSHOT_TABLE_CHANGED');
    await using again = await open('altered');
    expect(again.version.columns).toHaveLength(3);
    const rest = await allOf(again, limits(2), first.lastKey);
    expect(keysOf(rest)).toHaveLength(3);
    await server.query(
      "ALTER TABLE s.altered MODIFY v VARCHAR(50); UPDATE s.altered SET v = REPEAT('x', 50)",
    );
    expect(await codeOf(again.read(undefined, limits(9), signal))).toBe('SNAPSHOT_TABLE_CHANGED');
    expect(await codeOf(again.read(undefined, limits(9), signal))).toBe('SNAPSHOT_TABLE_CHANGED');
    await server.query('DROP TABLE s.altered');
    expect(await codeOf(again.read(undefined, limits(1), signal))).toBe('SNAPSHOT_TABLE_CHANGED');
    expect(await codeOf(open('altered'))).toBe('TABLE_UNKNOWN');
  });

  it('wait for nobody’s lock', async () => {
    await using reader = await open('t');
    const connection = await server.connect();
    await connection.query('LOCK TABLES s.t WRITE');
    expect(await codeOf(reader.read(undefined, limits(1), signal))).toBe('SNAPSHOT_TABLE_CHANGED');
    await connection.end();
    expect((await reader.read(undefined, limits(1), signal)).images).toHaveLength(1);
  });

  it('give up at once when they are told to, and read on afterwards', async () => {
    await using reader = await open('t');
    await using other = await open('big');
    await server.kill('SIGSTOP');
    const stop = new AbortController();
    const reading = codeOf(reader.read(undefined, limits(1), stop.signal));
    // Behind the first, on the same connection.
    const waiting = codeOf(other.read(undefined, limits(1), stop.signal));
    await sleep(10);
    stop.abort(new DrcError('CLOSED', 'Enough.'));
    expect([await reading, await waiting]).toEqual(['CLOSED', 'CLOSED']);
    await server.kill('SIGCONT');
    expect((await reader.read(undefined, limits(1), signal)).images).toHaveLength(1);
  });

  it('connect again after the connection was lost', async () => {
    await using reader = await open('t');
    const first = await reader.read(undefined, limits(10), signal);
    const lines = (await server.query(
      "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE COMMAND = 'Sleep' AND ID <> CONNECTION_ID()",
    )) as { id: number }[];
    for (const { id } of lines) await server.query(`KILL ${id}`);
    const read = async (): Promise<SnapshotChunk> => await reader.read(first.lastKey, limits(10), signal);
    // Whether the loss is noticed in time to connect before the question is a matter of chance.
    const chunk = await read().catch(async (error: unknown) => {
      expect(error).toMatchObject({ code: 'SOURCE_LOST', retryable: true });
      return await read();
    });
    expect(chunk.images).toHaveLength(10);
  });

  it('are not there for whoever is not let in, nor without a server, nor once they are closed', async () => {
    const wrong = { ...plain(server), password: 'wrong', user: 'reader' };
    await using stranger = new DatabaseSnapshots({ source: () => wrong, filter });
    expect(await codeOf(open('t', stranger))).toBe('SOURCE_AUTH');
    await using nowhere = new DatabaseSnapshots({ source: () => ({ ...wrong, port: 1 }), filter });
    expect(await codeOf(open('t', nowhere))).toBe('SOURCE_UNREACHABLE');
    const closed = new DatabaseSnapshots({ source: () => plain(server), filter });
    const reader = await open('t', closed);
    await closed[Symbol.asyncDispose]();
    await closed[Symbol.asyncDispose]();
    expect(await codeOf(reader.read(undefined, limits(1), signal))).toBe('CLOSED');
    expect(await codeOf(open('t', closed))).toBe('CLOSED');
  });
});

onServer('mysql', 'A snapshot', (flavour) => {
  it('needs GTIDs', async () => {
    await using server = await startServer(flavour);
    await server.query(
      'CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY); INSERT INTO s.t VALUES (1)',
    );
    await using snapshots = new DatabaseSnapshots({ source: () => plain(server), filter: new TableFilter() });
    await using reader = await snapshots.open({ schema: 's', table: 't' }, signal);
    await server.query('SET GLOBAL gtid_mode = ON_PERMISSIVE');
    expect(await codeOf(snapshots.open({ schema: 's', table: 't' }, signal))).toBe('SNAPSHOT_NEEDS_GTID');
    expect(await codeOf(reader.read(undefined, limits(1), signal))).toBe('SNAPSHOT_NEEDS_GTID');
    await server.query('SET GLOBAL gtid_mode = ON');
    expect((await reader.read(undefined, limits(1), signal)).images).toHaveLength(1);
  });
});
