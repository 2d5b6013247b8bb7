import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RowTranscoder, type TranscoderOptions } from '../../../store/src/source/row-transcoder.js';
import { needsLearning, parseTableMap, type TableMap } from '../../../store/src/source/table-schema.js';
import { startMariadb, type DatabaseServer } from '../../support/database-server.js';
import { binlogEvents, binlogOf, decodeBinlog, tableMapEvent } from './binlog-rows.js';
import { plainRow } from './server-rows.js';

describe('parseTableMap', () => {
  it('reads MySQL’s event: signs, charsets past VECTOR but not past GEOMETRY, labels, keys, visibility', () => {
    // MySQL 9.7: (a char(3), b varchar(3), c text latin1, g geometry, e enum('a','b,c') latin1, s set('x','y'), p point,
    // vb varbinary(4), bb binary(4), bl blob, j json, v vector(3), uu enum('ä','b') ucs2, primary key (b(2), a))
    const body = Buffer.from(
      '6c00000000000100016400027432000dfe0ffcfffefeff0ffefcf5f2fe14fe0c0c000204f701f801040400fe04020404f701fc1f' +
        '020b3f00fcff0001fcff000208070200010d0103041e016101620163016701650173017002766202626202626c016a01760275' +
        '750b0508fcff002305050201780179060e02016103622c63020200e40200620904010200000c02fff8',
      'hex',
    );
    const map = parseTableMap(body, 0, body.length);
    expect(map).toMatchObject({
      tableId: 0x6c,
      schema: 'd',
      table: 't2',
      primaryKey: [1, 0],
      hasFullMetadata: true,
    });
    expect(map.columns[11]).toMatchObject({ name: 'v', dimensions: 3, visible: true });
    expect(map.columns[6]).toMatchObject({ name: 'p', geometryType: 1 });
    const { version } = new RowTranscoder(map, { flavour: 'mysql' });
    expect(version.primaryKey).toEqual([1, 0]);
    expect(version.columns.map(({ name, type, collation }) => [name, type, collation])).toEqual([
      ['a', 'text', 255],
      ['b', 'text', 255],
      ['c', 'text', 8],
      ['g', 'geometry', undefined],
      ['e', 'enum', 8],
      ['s', 'set', 255],
      ['p', 'geometry', undefined],
      ['vb', 'bytes', undefined],
      ['bb', 'bytes', undefined],
      ['bl', 'bytes', undefined],
      ['j', 'json', undefined],
      ['v', 'vector', undefined],
      ['uu', 'enum', 35],
    ]);
    expect(version.columns[12]!.labels).toEqual(['ä', 'b']);
    expect(version.columns[11]!.length).toBe(3);
  });

  it('counts GEOMETRY among the charsets of MySQL’s list only where the server does', () => {
    // MySQL 9.7: (g geometry, c varchar(3) latin1, d text)
    const body = Buffer.from(
      '72000000000001000164000267310003ff0ffc040403000207030408fcff0007010004060167016301640c01e0',
      'hex',
    );
    const { version } = new RowTranscoder(parseTableMap(body, 0, body.length), { flavour: 'mysql' });
    expect(version.columns.map(({ type, collation }) => [type, collation])).toEqual([
      ['geometry', undefined],
      ['text', 8],
      ['text', 255],
    ]);
  });
});

describe('A MariaDB table', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startMariadb();
    await server.query('CREATE DATABASE s');
  });
  afterAll(async () => {
    await server?.stop();
  });

  const binlog = (sql: string): Promise<Buffer> => binlogOf(server, () => server.query(`USE s; ${sql}`));
  async function mapOf(sql: string): Promise<TableMap> {
    for (const event of binlogEvents(await binlog(sql)))
      if (event.type === tableMapEvent) return parseTableMap(event.bytes, event.bodyAt, event.end);
    throw new Error('no table map');
  }
  const mariadb: TranscoderOptions = { flavour: 'mariadb' };

  it('becomes a table version with everything that its definition says', async () => {
    const map = await mapOf(`CREATE TABLE full (
        t TINYINT UNSIGNED, i INT NOT NULL, b BIGINT UNSIGNED, n DECIMAL(12,2) UNSIGNED, f FLOAT UNSIGNED, y YEAR, bits BIT(11),
        c CHAR(3), v VARCHAR(300) COLLATE utf8mb4_bin, x TEXT CHARACTER SET latin1, bin BINARY(5), vb VARBINARY(5), blb BLOB,
        d DATE, dt DATETIME(3), ts TIMESTAMP(6) NULL, tm TIME(1), e ENUM('a','b,c') CHARACTER SET latin1, s SET('ä','b') CHARACTER SET ucs2,
        g POINT, hidden INT INVISIBLE, calculated INT AS (i + 1) STORED, PRIMARY KEY (v(10), i));
      INSERT INTO full (i, v) VALUES (1, 'v');`);
    const { version } = new RowTranscoder(map, mariadb);
    expect(version).toEqual({
      schema: 's',
      table: 'full',
      primaryKey: [8, 1],
      columns: [
        { name: 't', type: 'int', nullable: true, unsigned: true, length: 1 },
        { name: 'i', type: 'int', nullable: false, length: 4 },
        { name: 'b', type: 'bigint', nullable: true, unsigned: true },
        { name: 'n', type: 'decimal', nullable: true, unsigned: true, precision: 12, scale: 2 },
        { name: 'f', type: 'float', nullable: true, unsigned: true },
        { name: 'y', type: 'year', nullable: true },
        { name: 'bits', type: 'bit', nullable: true, length: 11 },
        { name: 'c', type: 'text', nullable: true, length: 12, fixed: true, collation: 45 },
        { name: 'v', type: 'text', nullable: false, length: 1200, collation: 46 },
        { name: 'x', type: 'text', nullable: true, length: 65_535, collation: 8 },
        { name: 'bin', type: 'bytes', nullable: true, length: 5, fixed: true },
        { name: 'vb', type: 'bytes', nullable: true, length: 5 },
        { name: 'blb', type: 'bytes', nullable: true, length: 65_535 },
        { name: 'd', type: 'date', nullable: true },
        { name: 'dt', type: 'datetime', nullable: true, scale: 3 },
        { name: 'ts', type: 'timestamp', nullable: true, scale: 6 },
        { name: 'tm', type: 'time', nullable: true, scale: 1 },
        { name: 'e', type: 'enum', nullable: true, collation: 8, labels: ['a', 'b,c'] },
        { name: 's', type: 'set', nullable: true, collation: 35, labels: ['ä', 'b'] },
        { name: 'g', type: 'geometry', nullable: true },
        { name: 'hidden', type: 'int', nullable: true, length: 4 },
        { name: 'calculated', type: 'int', nullable: true, length: 4 },
      ],
    });
  });

  it('may have names of any kind', async () => {
    const events = decodeBinlog(
      await binlog(
        "CREATE TABLE `a.b ``c`` 日本` (`__proto__` INT, `constructor` TEXT, `x,\"'` INT); INSERT INTO `a.b ``c`` 日本` VALUES (1, 'two', 3);",
      ),
    );
    expect(events[0]!.version).toMatchObject({
      table: 'a.b `c` 日本',
      columns: [{ name: '__proto__' }, { name: 'constructor' }, { name: 'x,"\'' }],
    });
    expect(events[0]!.images).toEqual([[1, 'two', 3]]);
  });

  it('may have 2,000 columns', async () => {
    const names = Array.from({ length: 2_000 }, (_, index) => `c${index}`);
    const events = decodeBinlog(
      await binlog(
        `CREATE TABLE wide (${names.map((name) => `${name} TINYINT`).join(', ')}) ENGINE=Aria; INSERT INTO wide VALUES (${names.map((_, index) => (index % 7 === 0 ? 'NULL' : index % 100)).join(', ')});`,
      ),
    );
    expect(events[0]!.images[0]).toEqual(names.map((_, index) => (index % 7 === 0 ? null : index % 100)));
  });

  it('leaves excluded columns out of the version, of every image and of the key', async () => {
    const file = await binlog(
      `CREATE TABLE secret (id INT PRIMARY KEY, s TEXT, u UUID, n INT, x TEXT COMPRESSED);
       INSERT INTO secret VALUES (1, 'one', UUID(), 11, 'x'), (2, NULL, NULL, NULL, NULL); UPDATE secret SET n = 12 WHERE id = 1;`,
    );
    const excludeColumns = new Set(['s', 'u', 'x']);
    const events = decodeBinlog(file, () => ({ ...mariadb, excludeColumns }));
    expect(events.map(({ images }) => images)).toEqual([
      [
        [1, 11],
        [2, null],
      ],
      [
        [1, 11],
        [1, 12],
      ],
    ]);
    expect(events[0]!.version.columns.map(({ name }) => name)).toEqual(['id', 'n']);
    expect(events[0]!.before ?? events[0]!.after).toBeUndefined();
    const keyless = decodeBinlog(file, () => ({ ...mariadb, excludeColumns: new Set(['id']) }));
    expect(keyless[0]!.version.primaryKey).toEqual([]);
  });

  it('tells which columns are absent from the images of a session with another binlog_row_image', async () => {
    const file = await binlog(
      `CREATE TABLE part (id INT PRIMARY KEY, gone INT, b BLOB, n INT); INSERT INTO part VALUES (1, 2, 'b', 3);
       SET binlog_row_image = MINIMAL; UPDATE part SET n = 4; SET binlog_row_image = NOBLOB; UPDATE part SET gone = 5, n = NULL;
       SET binlog_row_image = MINIMAL; DELETE FROM part;`,
    );
    const events = decodeBinlog(file);
    expect(events.map(({ kind, before, after, images }) => [kind, before?.[0], after?.[0], images])).toEqual([
      ['insert', undefined, undefined, [[1, 2, Buffer.from('b'), 3]]],
      ['update', 0b0001, 0b1000, [[1], [4]]],
      [
        'update',
        0b1011,
        0b1011,
        [
          [1, 2, 4],
          [1, 5, null],
        ],
      ],
      ['delete', 0b0001, undefined, [[1]]],
    ]);
    const without = decodeBinlog(file, () => ({ ...mariadb, excludeColumns: new Set(['gone']) }));
    expect(without.map(({ before, after, images }) => [before?.[0], after?.[0], images])).toEqual([
      [undefined, undefined, [[1, Buffer.from('b'), 3]]],
      [0b001, 0b100, [[1], [4]]],
      [
        0b101,
        0b101,
        [
          [1, 4],
          [1, null],
        ],
      ],
      [0b001, undefined, [[1]]],
    ]);
  });

  it('is refused, with the statement to run, where its events carry no full metadata', async () => {
    for (const setting of ['NO_LOG', 'MINIMAL']) {
      await server.query(`SET GLOBAL binlog_row_metadata = ${setting}`);
      const map = await mapOf(
        `CREATE TABLE meta_${setting} (id INT); INSERT INTO meta_${setting} VALUES (1);`,
      );
      await server.query('SET GLOBAL binlog_row_metadata = FULL');
      expect(map.hasFullMetadata).toBe(false);
      expect(() => new RowTranscoder(map, mariadb)).toThrow(
        expect.objectContaining({
          code: 'SOURCE_CONFIG',
          message: expect.stringContaining("SET GLOBAL binlog_row_metadata = 'FULL'") as string,
        }),
      );
    }
  });

  it('is refused where a temporal of the 5.3 format has a precision that nobody knows', async () => {
    const map = await mapOf(
      `SET GLOBAL mysql56_temporal_format = OFF; CREATE TABLE old (id INT, d DATETIME(3)); INSERT INTO old VALUES (1, NOW()); SET GLOBAL mysql56_temporal_format = ON;`,
    );
    expect(needsLearning(map, 'mariadb')).toBe(true);
    const refusal = expect.objectContaining({
      code: 'UNSUPPORTED_COLUMN',
      details: { table: 's.old', column: 'd' },
    }) as Error;
    expect(() => new RowTranscoder(map, mariadb)).toThrow(refusal);
    expect(() => new RowTranscoder(map, { ...mariadb, excludeColumns: new Set(['d']) })).toThrow(refusal);
    const other = new Map([['d', { dataType: 'time', columnType: 'time(3)' }]]);
    expect(() => new RowTranscoder(map, { ...mariadb, learned: other })).toThrow(refusal);
  });

  it.each([
    ['UUID', true],
    ['INET4', true],
    ['INET6', true],
    ['JSON', true],
    ['BINARY(16)', true],
    ['BINARY(15)', false],
    ['INT', false],
    ['TEXT', false],
  ])('with a column of %s asks INFORMATION_SCHEMA: %s', async (type, asks) => {
    const name = type.replaceAll(/\W/g, '_');
    const map = await mapOf(
      `CREATE TABLE learn_${name} (c ${type}); INSERT INTO learn_${name} VALUES (NULL);`,
    );
    expect(needsLearning(map, 'mariadb')).toBe(asks);
    expect(needsLearning(map, 'mysql')).toBe(false);
  });

  it('ignores what was learned of a column that has changed since', async () => {
    const file = await binlog(
      "CREATE TABLE changed (c BINARY(15), d INT); INSERT INTO changed VALUES ('x', 1);",
    );
    const learned = new Map([
      ['c', { dataType: 'uuid', columnType: 'uuid' }],
      ['d', { dataType: 'json', columnType: 'longtext' }],
    ]);
    const [event] = decodeBinlog(file, () => ({ ...mariadb, learned }));
    expect(event!.version.columns.map(({ type }) => type)).toEqual(['bytes', 'int']);
    expect(plainRow(event!.version, event!.images[0]!)).toEqual([
      Buffer.from('x').toString('hex').padEnd(30, '0'),
      '1',
    ]);
  });

  it('counts the characters that the server itself shows as a question mark', async () => {
    const file = await binlog(
      "CREATE TABLE lossy (id INT, a TEXT CHARACTER SET ascii, b TEXT CHARACTER SET cp1257); INSERT INTO lossy VALUES (1, _binary x'61FF62', _binary x'81E0');",
    );
    const out: { a: unknown; b: unknown }[] = (await server.query('SELECT a, b FROM s.lossy')) as never;
    const [event] = decodeBinlog(file);
    expect(event!.images[0]!.slice(1)).toEqual([out[0]!.a, out[0]!.b]);
    expect(event!.losses).toEqual(
      new Map([
        ['a', 1],
        ['b', 1],
      ]),
    );
  });
});
