import { afterAll, beforeAll, expect, it } from 'vitest';
import { schemaIdOf } from '@drc/protocol';
import type { TableReader } from '../../../store/src/snapshot/snapshot-chunk.js';
import { DatabaseSnapshots } from '../../../store/src/snapshot/snapshot-source.js';
import { TableFilter } from '../../../store/src/source/table-filter.js';
import { startServer, type DatabaseServer, type Flavour } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';
import { connectPlainly } from '../source/server-rows.js';
import { plain } from '../source/shared-source.js';

interface KeyCase {
  /** The columns and their key, as in CREATE TABLE. */
  readonly table: string;
  /** Rows of the key's columns as SQL; or one column's values. */
  readonly rows: readonly string[];
  readonly only?: Flavour;
}

const words = [
  "''",
  "'a'",
  "'b'",
  "'B1'",
  "'ä1'",
  "'A2'",
  "'aa'",
  "'Aab'",
  "'z'",
  "'ß'",
  "'ssb'",
  "'ch'",
  "'cz'",
  "'h'",
  "'ll'",
  "'lz'",
  "'a b'",
  "'a-b'",
  "'-'",
  "'_'",
  "'%'",
  "'1'",
  "'10'",
  "'9'",
  "'å'",
  "'ø'",
  "'æq'",
  "'\\\\'",
  "'\\''",
  "'\\n'",
  "'a\\t'",
  "'a\\0'",
  "'o''b'",
];
const wide = ["'日本'", "'日'", "'é́'", "'Ω'", "'ω1'", "'я'", "'İ'", "'ı1'", "'\u200b1'"];
const emoji = ["'😀'", "'😀😀'", "'𝒜'"];
const bytes = [
  "''",
  "x'00'",
  "x'0000'",
  "x'0001'",
  "x'01'",
  "x'20'",
  "x'2000'",
  "x'27'",
  "x'5C'",
  "x'7F'",
  "x'80'",
  "x'FF'",
  "x'FF00'",
  "x'FFFF'",
  "'a'",
  "'a '",
  "'A'",
];
const text = (type: string, values: readonly string[], only?: Flavour): KeyCase => ({
  table: `k ${type}, v INT, PRIMARY KEY (k)`,
  rows: values,
  ...(only === undefined ? {} : { only }),
});
const key = (type: string, ...rows: string[]): KeyCase => ({
  table: `k ${type}, v INT, PRIMARY KEY (k)`,
  rows,
});

const cases: readonly KeyCase[] = [
  key(
    'BIGINT',
    '-9223372036854775808',
    '-9223372036854775807',
    '-9007199254740993',
    '-9007199254740992',
    '-1',
    '0',
    '1',
    '9007199254740992',
    '9007199254740993',
    '9223372036854775806',
    '9223372036854775807',
  ),
  key(
    'BIGINT UNSIGNED',
    '0',
    '1',
    '9007199254740993',
    '9223372036854775807',
    '9223372036854775808',
    '18446744073709551614',
    '18446744073709551615',
  ),
  key('INT UNSIGNED', '0', '1', '2147483647', '2147483648', '4294967295'),
  key('MEDIUMINT', '-8388608', '-1', '0', '8388607'),
  key('SMALLINT', '-32768', '-1', '0', '32767'),
  key('TINYINT', '-128', '-1', '0', '127'),
  key('YEAR', '0', '1901', '1970', '2000', '2001', '2069', '2070', '2155'),
  key(
    'DECIMAL(65,30)',
    '-99999999999999999999999999999999999.999999999999999999999999999999',
    '-1',
    '-0.000000000000000000000000000001',
    '0',
    '0.000000000000000000000000000001',
    '0.1',
    '1',
    '99999999999999999999999999999999999.999999999999999999999999999998',
    '99999999999999999999999999999999999.999999999999999999999999999999',
  ),
  key('DECIMAL(8,3) ZEROFILL', '0', '0.001', '1.5', '10', '99999.999'),
  key(
    'DOUBLE',
    '-1.7976931348623157e308',
    '-1',
    '-5e-324',
    '0',
    '5e-324',
    '0.1',
    '0.1e0+0.2e0',
    '0.3',
    '1e15',
    '1e21',
    '123456789.123456789',
    '1.7976931348623157e308',
  ),
  key('FLOAT', '-3.4028234e38', '-0.1', '0', '1e-45', '0.1', '0.2', '16777215', '16777216', '3.4028234e38'),
  key(
    'DATE',
    "'0000-00-00'",
    "'0000-01-01'",
    "'2020-00-00'",
    "'2020-02-00'",
    "'2020-02-29'",
    "'2020-02-31'",
    "'9999-12-31'",
  ),
  key(
    'DATETIME(6)',
    "'0000-00-00'",
    "'2020-00-00 01:02:03.5'",
    "'2020-01-01 00:00:00.000001'",
    "'2020-01-01 00:00:00'",
    "'9999-12-31 23:59:59.999999'",
  ),
  key(
    'TIMESTAMP(3)',
    "'0000-00-00'",
    "'1970-01-01 00:00:00.5'",
    "'1970-01-01 00:00:01'",
    "'2025-10-26 00:30:00.001'",
    "'2025-10-26 01:30:00'",
    "'2025-10-26 02:30:00.999'",
    "'2038-01-19 03:14:07.999'",
  ),
  key(
    'TIME(3)',
    "'-838:59:59'",
    "'-12:00:00.5'",
    "'-12:00:00'",
    "'-00:00:00.001'",
    "'00:00:00'",
    "'00:00:00.001'",
    "'23:59:59'",
    "'24:00:00'",
    "'100:00:00'",
    "'838:59:59'",
  ),
  key('BIT(9)', '0', '1', '255', '256', '511'),
  key('BIT(64)', '0', '1', '9223372036854775807', '9223372036854775808', '18446744073709551615'),
  key("ENUM('z','y','a','10','9','ü')", '1', '2', '3', '4', '5', '6', '7', "'no such label'"),
  key("SET('z','y','a','ü')", ...Array.from({ length: 16 }, (_, index) => String(index))),
  key('VARBINARY(20)', ...bytes),
  key('BINARY(4)', "''", "x'01'", "x'0001'", "x'00000001'", "x'20202020'", "x'41'", "x'61'", "x'FFFFFFFF'"),
  text('VARCHAR(20) COLLATE utf8mb4_bin', [...words, ...wide, ...emoji, "'A'", "'Z'"]),
  text('VARCHAR(20) COLLATE utf8mb4_general_ci', [...words, ...wide]),
  text('VARCHAR(20) COLLATE utf8mb4_unicode_ci', [...words, ...wide]),
  text('CHAR(20) COLLATE utf8mb4_unicode_520_ci', [...words, ...wide, ...emoji]),
  text('VARCHAR(20) COLLATE utf8mb4_danish_ci', [...words, ...wide]),
  text('VARCHAR(20) COLLATE utf8mb4_czech_ci', words),
  text('VARCHAR(20) COLLATE utf8mb4_spanish2_ci', words),
  text('VARCHAR(20) COLLATE utf8mb4_0900_ai_ci', [...words, ...wide, ...emoji, "'a '"], 'mysql'),
  text('VARCHAR(20) COLLATE utf8mb4_0900_as_cs', [...words, ...wide, ...emoji, "'A'", "'a '"], 'mysql'),
  text(
    'VARCHAR(20) COLLATE utf8mb4_ja_0900_as_cs_ks',
    [...words, ...wide, ...emoji, "'あ'", "'ア'"],
    'mysql',
  ),
  text('VARCHAR(20) COLLATE utf8mb4_nopad_bin', [...words, ...wide, ...emoji, "'a '", "'a  '"], 'mariadb'),
  text('VARCHAR(20) COLLATE utf8mb4_uca1400_as_cs', [...words, ...wide, ...emoji, "'A'"], 'mariadb'),
  text('VARCHAR(20) COLLATE utf8mb4_uca1400_nopad_ai_ci', [...words, ...wide, "'a '"], 'mariadb'),
  text('VARCHAR(20) CHARACTER SET latin1', words),
  text('VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german2_ci', words),
  text('VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin', [...words, "'A'"]),
  text('VARCHAR(20) CHARACTER SET latin2 COLLATE latin2_czech_cs', [
    "'a'",
    "'c'",
    "'ch'",
    "'h'",
    "'č'",
    "'C'",
    "'i'",
  ]),
  text('VARCHAR(20) CHARACTER SET utf8mb3', [...words, ...wide]),
  text('VARCHAR(20) CHARACTER SET ucs2', [...words, ...wide]),
  text('VARCHAR(20) CHARACTER SET utf16', [...words, ...wide]),
  text('VARCHAR(20) CHARACTER SET utf16le', [...words, ...wide]),
  text('VARCHAR(20) CHARACTER SET utf32', [...words, ...wide]),
  text('VARCHAR(20) CHARACTER SET swe7', ["'a'", "'B'", "'z'", "'Å'", "'Ä'", "'É'", "''"]),
  text('VARCHAR(20) CHARACTER SET sjis', ["'a'", "'日本'", "'表'", "'ソ'", "'ｱ'", "''"]),
  text('VARCHAR(20) CHARACTER SET gbk', ["'a'", "'日本'", "'漢'", "'縗'", "''"]),
  text('VARCHAR(20) CHARACTER SET gb18030', ["'a'", "'日本'", "'漢'", "'😀'", "''"], 'mysql'),
  text(
    'UUID',
    [
      "'00000000-0000-0000-0000-000000000000'",
      "'0a1b2c3d-4e5f-1a23-8abc-0123456789ab'",
      "'0a1b2c3d-4e5f-4a23-8abc-012345678900'",
      "'0a1b2c3d-4e5f-6a23-8abc-0123456789ab'",
      "'0a1b2c3d-4e5f-7a23-8abc-0123456789ab'",
      "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
    ],
    'mariadb',
  ),
  text(
    'INET6',
    ["'::'", "'::1'", "'::1.2.3.4'", "'::ffff:1.2.3.4'", "'1::'", "'2001:db8::'", "'ffff::'"],
    'mariadb',
  ),
  text(
    'INET4',
    ["'0.0.0.0'", "'1.2.3.4'", "'127.255.255.255'", "'128.0.0.0'", "'255.255.255.255'"],
    'mariadb',
  ),
  {
    table: `e ENUM('z','a') , s VARCHAR(10) COLLATE utf8mb4_general_ci, n BIGINT UNSIGNED, b VARBINARY(5), v INT, PRIMARY KEY (e, s, n, b)`,
    rows: ['1', '2'].flatMap((e) =>
      ["''", "'a'", "'B'", "'a\\t'"].flatMap((s) =>
        ['0', '9223372036854775808', '18446744073709551615'].flatMap((n) =>
          ["''", "x'00'", "x'FF'"].map((b) => `${e}, ${s}, ${n}, ${b}`),
        ),
      ),
    ),
  },
  {
    table: 'a INT NOT NULL, b VARCHAR(10) NOT NULL, v INT, PRIMARY KEY (b DESC, a ASC)',
    rows: ["1, 'x'", "2, 'x'", "1, 'a'", "3, 'a'", "2, 'B'", "-1, 'z'"],
  },
  {
    table:
      'n INT NULL UNIQUE, a DATE NOT NULL, b BIT(3) NOT NULL, v INT, UNIQUE too_long (a, b, v), UNIQUE by_this (b, a)',
    rows: ["NULL, '2020-01-01', 1", "NULL, '2020-01-01', 2", "1, '2020-01-02', 2", "2, '0000-00-00', 7"],
  },
];

onEachServer('Chunks by keyset', (flavour) => {
  const own = cases.filter(({ only }) => only === undefined || only === flavour);
  let server: DatabaseServer;
  let snapshots: DatabaseSnapshots;
  const { signal } = new AbortController();

  beforeAll(async () => {
    server = await startServer(flavour);
    const connection = await connectPlainly(server);
    await connection.query('CREATE DATABASE k');
    for (const [index, { table, rows }] of own.entries()) {
      await connection.query(`CREATE TABLE k.t${index} (${table})`);
      for (const [number, row] of rows.entries())
        await connection.query(`INSERT IGNORE INTO k.t${index} VALUES (${row}, ${number})`);
    }
    await connection.end();
    snapshots = new DatabaseSnapshots({ source: () => plain(server), filter: new TableFilter() });
  });

  afterAll(async () => {
    await snapshots?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  /** All images, and how many chunks they came in. */
  async function readAll(
    reader: TableReader,
    rows: number,
  ): Promise<{ images: string[]; keys: string[]; chunks: number }> {
    const images: string[] = [];
    const keys: string[] = [];
    let after: Buffer | undefined;
    for (let chunks = 1; ; chunks++) {
      const chunk = await reader.read(after, { rows, bytes: 1024 * 1024 }, signal);
      expect(chunk.images.length).toBeLessThanOrEqual(rows);
      images.push(...chunk.images.map((image) => image.toString('latin1')));
      keys.push(...chunk.keys);
      if (chunk.done) return { images, keys, chunks };
      after = chunk.lastKey;
    }
  }

  it.each(own.map(({ table }, index) => [table.slice(0, 70), index] as const))(
    'by %s give each row once, in the same order whatever their size (%i)',
    async (_, index) => {
      const [row] = (await server.query(`SELECT COUNT(*) AS rows_there FROM k.t${index}`)) as {
        rows_there: number;
      }[];
      await using reader = await snapshots.open({ schema: 'k', table: `t${index}` }, signal);
      const whole = await readAll(reader, 10_000);
      expect(whole.chunks).toBe(1);
      expect(whole.images).toHaveLength(row!.rows_there);
      expect(new Set(whole.keys).size).toBe(whole.images.length);
      for (const rows of [1, 2, 7, 9]) {
        await using another = await snapshots.open({ schema: 'k', table: `t${index}` }, signal);
        expect(schemaIdOf(another.version)).toEqual(schemaIdOf(reader.version));
        const { images, keys, chunks } = await readAll(another, rows);
        expect(images).toEqual(whole.images);
        expect(keys).toEqual(whole.keys);
        expect(chunks - Math.ceil(images.length / rows)).toBeOneOf([0, 1]);
      }
    },
  );

  it('go through no rows in front of their place, where the key begins with an ENUM or a number, moment or text', async () => {
    const rows = 6_000;
    const counting = `WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r WHERE n < ${rows}) SELECT n FROM r`;
    const deep = flavour === 'mysql' ? 'cte_max_recursion_depth' : 'max_recursive_iterations';
    await server.query(
      `SET SESSION ${deep} = 100000; CREATE TABLE k.numbers (n INT PRIMARY KEY); INSERT INTO k.numbers ${counting}`,
    );
    const read = async (): Promise<number> => {
      const status = (await server.query("SHOW GLOBAL STATUS LIKE 'Handler_read_next'")) as {
        Value: string;
      }[];
      return Number(status[0]!.Value);
    };
    const types = [
      "ENUM('new','open','done')",
      'BIGINT UNSIGNED',
      'DECIMAL(20,5)',
      'DOUBLE',
      'FLOAT',
      'BIT(5)',
      'YEAR',
      'VARCHAR(20)',
      'VARCHAR(20) CHARACTER SET latin1',
      'VARCHAR(20) CHARACTER SET swe7',
      'BINARY(8)',
      'DATETIME(3)',
      'TIMESTAMP',
      'TIME(2)',
    ];
    for (const [index, type] of types.entries()) {
      const table = `long${index}`;
      await server.query(
        `SET sql_mode = ''; CREATE TABLE k.${table} (a ${type}, n INT, PRIMARY KEY (a, n)); ` +
          `INSERT INTO k.${table} SELECT 1 + n DIV 2700, n FROM k.numbers; ANALYZE TABLE k.${table}`,
      );
      await using reader = await snapshots.open({ schema: 'k', table }, signal);
      const { lastKey } = await reader.read(undefined, { rows: rows - 100, bytes: 1e9 }, signal);
      const before = await read();
      const { images } = await reader.read(lastKey, { rows: 50, bytes: 1e6 }, signal);
      expect(images).toHaveLength(50);
      expect([type, (await read()) - before < rows / 2]).toEqual([type, true]);
    }
  });
});
