import type { Random } from './random-tables.js';

/** A JSON document as an SQL expression. */
export interface JsonCase {
  readonly sql: string;
  /** Where zongji prints something else than the server. */
  readonly zongji?: ZongjiFault;
}

/**
 * - `refuses`: fails at opaque values other than BINARY, VARBINARY, DECIMAL, DATE, TIME and DATETIME.
 * - `double`: prints DOUBLEs as JavaScript does: 1 for 1.0, 1e+21 for 1e21, 0 for -0.0.
 * - `decimal`: prints DECIMALs as strings.
 * - `base64`: leaves the line breaks out.
 * - `text`: prints text that the server stored as opaque as bytes.
 */
export type ZongjiFault = 'refuses' | 'double' | 'decimal' | 'base64' | 'text';

const text = (json: string): string =>
  `CAST('${json.replaceAll('\\', '\\\\').replaceAll("'", "''")}' AS JSON)`;
const nested = (depth: number, open: string, inner: string, close: string): string =>
  text(open.repeat(depth) + inner + close.repeat(depth));

/** Typed columns of one row, for opaque values that only a column gives. See `opaqueSource`. */
export const opaqueTable = `CREATE TABLE j.opaque (
  c_bit1 BIT(1), c_bit13 BIT(13), c_bit64 BIT(64), c_binary BINARY(5), c_varbinary VARBINARY(300), c_tinyblob TINYBLOB,
  c_blob BLOB, c_mediumblob MEDIUMBLOB, c_longblob LONGBLOB, c_year YEAR, c_enum ENUM('é','b'), c_set SET('é','b'),
  c_date DATE, c_time TIME(6), c_time0 TIME, c_datetime DATETIME(6), c_datetime0 DATETIME, c_timestamp TIMESTAMP(6) NULL,
  c_timestamp3 TIMESTAMP(3) NULL, c_float FLOAT, c_double DOUBLE, c_decimal DECIMAL(65,30), c_small DECIMAL(3,3),
  c_latin1 VARCHAR(9) CHARACTER SET latin1, c_ucs2 VARCHAR(9) CHARACTER SET ucs2, c_point POINT,
  c_tiny TINYINT, c_bigint BIGINT UNSIGNED, c_zero_date DATE, c_zero_datetime DATETIME(6))`;
export const opaqueRow = `INSERT INTO j.opaque VALUES (b'1', b'1010101010101', b'1', 'ab', REPEAT(x'F0', 300), x'00', x'010203',
  REPEAT('b', 57), REPEAT('c', 58), 2026, 'é', 'é,b', '2026-11-22', '-838:59:59', '12:34:56', '9999-12-31 23:59:59.999999',
  '2026-11-22 17:18:19', '2038-01-19 03:14:07.999999', '1970-01-01 00:00:01.5', 0.1, -1e-300,
  -99999999999999999999999999999999999.999999999999999999999999999999, 0.001, 'é€', '日', POINT(1, 2.5),
  -1, 18446744073709551615, '0000-00-00', '2020-00-00 00:00:00')`;
const opaqueColumns: Readonly<Record<string, ZongjiFault | undefined>> = {
  ...Object.fromEntries(
    'binary enum set date time time0 datetime datetime0 float double latin1 tiny bigint zero_date zero_datetime'
      .split(' ')
      .map((column) => [column, undefined]),
  ),
  ...Object.fromEntries(
    'bit1 bit13 bit64 tinyblob blob mediumblob longblob year timestamp timestamp3'
      .split(' ')
      .map((column) => [column, 'refuses' as const]),
  ),
  varbinary: 'base64',
  decimal: 'decimal',
  small: 'decimal',
  point: 'double',
  ucs2: 'text',
};
/** A CAST would parse these as JSON. */
const textColumns: ReadonlySet<string> = new Set(['enum', 'set', 'latin1', 'ucs2']);

const doubles =
  '0e0 -0e0 1e0 -1e0 1e14 123456789012345e0 999999999999999e0 1e15 -1e15 1234567890123456e0 1234567890123456.7e0 9007199254740993e0 1e16 1e17 1e21 1e22 1.5e300 1e300 -1e300 1.7976931348623157e308 2.2250738585072014e-308 5e-324 -5e-324 2.2250738585072009e-308 0.1e0 0.3e0 0.1e0+0.2e0 1e-5 1e-6 1e-7 1e-13 1e-14 1e-15 1.5e-14 1.5e-15 1e-16 1.2345678901234567e-14 1.2345678901234567e-15 123.456e0 1e100 1e-100 1e9 1e10 1e99 1e-9 1e-10 1e-99 4.35e0 0.000001e0 100e0 1e2 65535e0 4294967296e0'.split(
    ' ',
  );
const integers = [
  '0',
  '1',
  '-1',
  ...[7n, 8n, 15n, 16n, 31n, 32n, 53n, 63n, 64n].flatMap((bits) =>
    [-1n, 0n, 1n].flatMap((step) =>
      [(1n << bits) + step, -(1n << bits) + step].filter(
        (value) => value >= -(1n << 63n) && value < 1n << 64n,
      ),
    ),
  ),
].map(String);

export const jsonCases: readonly JsonCase[] = [
  ...[
    'null',
    'true',
    'false',
    '""',
    '[]',
    '{}',
    '[[]]',
    '{"":""}',
    '[null, true, false]',
    '{"a": null, "b": [true, false]}',
  ].map((json) => ({ sql: text(json) })),
  ...integers.flatMap((value) => [
    { sql: text(value) },
    { sql: text(`[${value}]`) },
    { sql: `JSON_OBJECT('n', ${value})` },
  ]),
  ...doubles.flatMap((value) => [
    { sql: `CAST(${value} AS JSON)`, zongji: 'double' as const },
    { sql: `JSON_ARRAY(${value}, -(${value}))`, zongji: 'double' as const },
  ]),
  ...[
    '0.0',
    '-0.0',
    '1.50',
    '0.5',
    '-0.001',
    '123456789012345678901234567890.123456789',
    '9'.repeat(65),
    `0.${'0'.repeat(29)}1`,
    '1.0',
    '10',
    '100000000000000000000',
  ].map((value) => ({
    sql: `CAST(CAST('${value}' AS DECIMAL(65,${value.includes('.') ? value.split('.')[1]!.length : 0})) AS JSON)`,
    zongji: 'decimal' as const,
  })),
  { sql: text('{"b": 1, "a": 2, "aa": 3, "Z": 4, "é": 5, "日": 6, "": 7, "A": 8, "😀": 9, "\\u0000": 10}') },
  { sql: text('{"dup": 1, "dup": 2}') },
  {
    sql: text(
      '"\\u0000\\u0001\\u0008\\t\\n\\u000b\\f\\r\\u001f\\u007f\\u0080 \\" \\\\ \\/ é 日 😀 \\ud83d\\ude00 \\u2028"',
    ),
  },
  { sql: text(`{"${'k'.repeat(300)}": "${'v'.repeat(127)}"}`) },
  ...[31, 32, 127, 128, 255, 256, 16_383, 16_384, 65_520, 65_535, 65_536, 2_097_151, 2_097_152].map(
    (length) => ({
      sql: `JSON_QUOTE(REPEAT('x', ${length}))`,
    }),
  ),
  { sql: `JSON_ARRAY(REPEAT('é"', 20000), REPEAT(CHAR(1 USING utf8mb4), 5000))` },
  { sql: `JSON_OBJECT(REPEAT('k', 65535), 1)` },
  {
    sql: `JSON_OBJECT('small', JSON_ARRAY(1, 2, 70000), 'large', REPEAT('x', 70000), 'i', 2147483647, 'u', 4294967295, 'd', 1.5e0, 'n', NULL, 's', 'short')`,
  },
  {
    sql: `JSON_ARRAY(JSON_ARRAY(JSON_ARRAY(REPEAT('x', 70000), -2147483648, 3.25, TIME'01:02:03'), TRUE), FALSE, NULL)`,
    zongji: 'decimal',
  },
  { sql: text(`[${Array.from({ length: 30_000 }, (_, index) => (index * 7919) % 100_003).join(',')}]`) },
  {
    sql: text(
      `{${Array.from({ length: 6000 }, (_, index) => `"key ${index}": [${index}, "é${index}"]`).join(',')}}`,
    ),
  },
  { sql: nested(99, '[', '1', ']') },
  { sql: nested(100, '[', '', ']') },
  { sql: nested(100, '{"a":', '1', '}') },
  {
    sql: `JSON_ARRAY(DATE'2026-11-22', TIME'-838:59:59', TIME'00:00:00.000001', TIME'100:00:00', TIMESTAMP'2026-11-22 17:18:19.123456', TIMESTAMP'0001-01-01 00:00:00')`,
  },
  { sql: `JSON_ARRAY(b'1', x'', x'00ff', CAST('é' AS BINARY), _binary'abc')` },
  ...[54, 56, 57, 58, 113, 114, 115, 171].map((length) => ({
    sql: `JSON_ARRAY(REPEAT(x'41', ${length}))`,
    zongji: 'base64' as const,
  })),
  { sql: `JSON_OBJECT('g', ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))', 4326))`, zongji: 'double' },
  { sql: `JSON_MERGE_PATCH('{"a": 1, "b": 2}', '{"a": null, "c": 1.10}')` },
  ...Object.entries(opaqueColumns).flatMap(([column, zongji]): JsonCase[] => {
    const fault = zongji && { zongji };
    const wrapped = { sql: `(SELECT JSON_OBJECT('${column}', c_${column}) FROM j.opaque)`, ...fault };
    const alone = { sql: `(SELECT CAST(c_${column} AS JSON) FROM j.opaque)`, ...fault };
    return textColumns.has(column) ? [wrapped] : [wrapped, alone];
  }),
];

/** Statements that change a document in its place, where MySQL leaves holes and reuses room. */
export const inPlaceUpdates: readonly string[] = [
  `v = JSON_SET(v, '$.s', 'x')`,
  `v = JSON_REPLACE(v, '$.a[1]', 5, '$.n', 7)`,
  `v = JSON_REMOVE(v, '$.d')`,
  `v = JSON_SET(v, '$.s', 'longer than before, by far')`,
  `v = JSON_REMOVE(v, '$.a[0]')`,
  `v = JSON_SET(v, '$.n', 1.5, '$.o.x', NULL)`,
  `v = JSON_SET(v, '$.o', 'no object any more')`,
];

const letters = [
  'a',
  'B',
  '7',
  ' ',
  '"',
  '\\',
  '/',
  '\b',
  '\t',
  '\n',
  '\u0001',
  '\u001f',
  '\u007f',
  'é',
  'Ж',
  '日',
  '😀',
  '\u2028',
];
const randomText = (random: Random, length: number): string => {
  const count = random.integer(0, random.one([3, 30, length]));
  return Array.from({ length: count }, () => random.one(letters)).join('');
};
const asText = (value: string): string => `CONVERT(x'${Buffer.from(value).toString('hex')}' USING utf8mb4)`;
const two = (value: number): string => String(value).padStart(2, '0');
const clock = (random: Random): string =>
  `${two(random.integer(0, 59))}:${two(random.integer(0, 59))}${random.one(['', `.${random.digits(6)}`])}`;
const day = (random: Random): string =>
  `${random.integer(1000, 9999)}-${two(random.integer(1, 12))}-${two(random.integer(1, 28))}`;

export function randomDouble(random: Random): number {
  const bytes = Buffer.from(random.hex(8), 'hex');
  const value = bytes.readDoubleLE();
  return Number.isFinite(value) ? value : 0.1;
}

const scalars: readonly ((random: Random) => string)[] = [
  (random) => random.one(['NULL', 'TRUE', 'FALSE']),
  (random) => (BigInt.asIntN(64, BigInt(`0x${random.hex(8)}`)) >> BigInt(random.integer(0, 63))).toString(),
  (random) => BigInt(`0x${random.hex(8)}`).toString(),
  (random) => randomDouble(random).toExponential(),
  (random) => (random.integer(-1_000_000, 1_000_000) / 10 ** random.integer(0, 12)).toExponential(),
  (random) =>
    `${random.one(['', '-'])}${random.digits(random.integer(1, 35))}.${random.digits(random.integer(1, 30))}`,
  (random) => asText(randomText(random, 200)),
  (random) => asText(randomText(random, 20)),
  (random) => `DATE'${day(random)}'`,
  (random) => `TIMESTAMP'${day(random)} ${two(random.integer(0, 23))}:${clock(random)}'`,
  (random) => `TIME'${random.one(['', '-'])}${two(random.integer(0, 837))}:${clock(random)}'`,
  (random) => `x'${random.hex(random.integer(0, random.one([5, 200])))}'`,
];

/** A document as an SQL expression: nested, with values of all types, in some cases beyond 64 KiB. */
export function randomDocument(random: Random, depth = random.integer(1, 12)): string {
  const count = random.integer(0, random.one([2, 6]));
  const values = Array.from({ length: count }, (_, index) => {
    const levels = index === 0 ? depth - 1 : random.integer(0, Math.min(depth - 1, 2));
    return levels === 0 ? random.one(scalars)(random) : randomDocument(random, levels);
  });
  if (random.next() < 0.03)
    values.push(`REPEAT('${random.one(['x', 'é'])}', ${random.integer(30_000, 70_000)})`);
  if (random.next() < 0.5) return `JSON_ARRAY(${values.join(', ')})`;
  return `JSON_OBJECT(${values.map((value) => `${asText(randomText(random, 40))}, ${value}`).join(', ')})`;
}
