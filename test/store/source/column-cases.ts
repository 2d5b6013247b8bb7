import type { Flavour } from '../../support/database-server.js';
import type { LearnedColumn } from '../../../store/src/source/row-transcoder.js';

/** Column types and the values at their edges. */
export interface ColumnCase {
  /** Column type as in CREATE TABLE. */
  readonly type: string;
  /** SQL literals; NULL is always tried besides. */
  readonly values: readonly string[];
  readonly learned?: LearnedColumn;
  /** What zongji makes of these literals instead: where it is wrong, or gives another form. */
  readonly zongji?: Readonly<Record<string, unknown>>;
  /** Set before the table is made. */
  readonly before?: string;
  /** Where only one of the servers has the type. */
  readonly only?: Flavour;
  /** Set where zongji does not know the type, and with it nothing else of the row. */
  readonly isUnknownToZongji?: boolean;
}

const scales = [0, 1, 2, 3, 4, 5, 6];
const bits = [1, 3, 8, 9, 16, 17, 31, 32, 33, 63, 64];
const decimals: readonly (readonly [number, number])[] = [
  [1, 0],
  [1, 1],
  [5, 2],
  [9, 0],
  [9, 9],
  [10, 0],
  [10, 10],
  [12, 2],
  [18, 9],
  [19, 1],
  [20, 15],
  [27, 13],
  [30, 30],
  [38, 10],
  [38, 38],
  [65, 38],
  [65, 0],
  [65, 30],
  [31, 30],
  [28, 0],
  [29, 0],
];
const integers: readonly (readonly [string, bigint])[] = [
  ['TINYINT', 8n],
  ['SMALLINT', 16n],
  ['MEDIUMINT', 24n],
  ['INT', 32n],
  ['BIGINT', 64n],
];
const integerValues = (low: bigint, high: bigint): string[] =>
  [
    low,
    low + 1n,
    -0x8001n,
    -0x8000n,
    -0x81n,
    -0x80n,
    -33n,
    -32n,
    -1n,
    0n,
    1n,
    63n,
    64n,
    127n,
    128n,
    255n,
    256n,
    0xffffn,
    0x1_0000n,
    0xff_ffffn,
    0x7fff_ffffn,
    0xffff_ffffn,
    2n ** 53n + 1n,
    high - 1n,
    high,
  ]
    .filter((value) => value >= low && value <= high)
    .map(String);
const fraction = (digits: number, text: string): string => (digits === 0 ? '' : `.${text.slice(0, digits)}`);
const manyLabels = Array.from({ length: 64 }, (_, index) => `label ${index}`);
const asLiterals = (labels: readonly string[]): string => labels.map((label) => `'${label}'`).join(',');

const geometries = {
  POINT: 'POINT(1.5 -2)',
  LINESTRING: 'LINESTRING(0 0,1 1)',
  POLYGON: 'POLYGON((0 0,1 0,1 1,0 0))',
  MULTIPOINT: 'MULTIPOINT(0 0,1 1)',
  MULTILINESTRING: 'MULTILINESTRING((0 0,1 1),(2 2,3 3))',
  MULTIPOLYGON: 'MULTIPOLYGON(((0 0,1 0,1 1,0 0)))',
  GEOMETRYCOLLECTION: 'GEOMETRYCOLLECTION(POINT(0 0),LINESTRING(0 0,1 1))',
};

export const columnCases: readonly ColumnCase[] = [
  ...integers.flatMap(([name, width]): ColumnCase[] => [
    { type: name, values: integerValues(-(2n ** (width - 1n)), 2n ** (width - 1n) - 1n) },
    { type: `${name} UNSIGNED`, values: integerValues(0n, 2n ** width - 1n) },
    { type: `${name} UNSIGNED NOT NULL`, values: integerValues(0n, 2n ** width - 1n) },
  ]),
  { type: 'BOOLEAN', values: ['TRUE', 'FALSE'] },
  ...['FLOAT', 'FLOAT UNSIGNED', 'FLOAT(7,3)', 'DOUBLE', 'DOUBLE UNSIGNED', 'DOUBLE(12,4)'].map(
    (type): ColumnCase => ({
      type,
      values: [
        '0',
        '1',
        '0.1',
        '1e-3',
        '123.456',
        '16777217',
        '3.4028234e38',
        '1.17549435e-38',
        '1e-45',
        ...(type.includes('UNSIGNED') ? [] : ['-0e0', '-1', '-0.5', '-3.4028234e38']),
        ...(type.startsWith('DOUBLE')
          ? ['1.7976931348623157e308', '2.2250738585072014e-308', '5e-324', '0.1e0+0.2e0']
          : []),
      ],
    }),
  ),
  ...decimals.flatMap(([precision, scale]): ColumnCase[] => {
    const nines = '9'.repeat(precision - scale) || '0';
    const text = scale === 0 ? nines : `${nines}.${'9'.repeat(scale)}`;
    const smallest = scale === 0 ? '1' : `0.${'0'.repeat(scale - 1)}1`;
    const middle = text.replaceAll('9', (_, at: number) => String((at * 7 + 1) % 10));
    // MySQL has no larger scale.
    const only = scale > 30 ? { only: 'mariadb' as const } : {};
    const positive = ['0', text, smallest, middle, ...(scale < precision ? ['1', '7'] : [])];
    return [
      {
        type: `DECIMAL(${precision},${scale})`,
        values: [...positive, ...positive.map((value) => `-${value}`)],
        ...only,
      },
      { type: `DECIMAL(${precision},${scale}) UNSIGNED`, values: positive, ...only },
    ];
  }),
  { type: 'YEAR', values: ['0', '1901', '2000', '2026', '2155'], zongji: { '0': 1900 } },
  {
    type: 'DATE',
    values: [
      "'0000-00-00'",
      "'2020-00-10'",
      "'2020-02-00'",
      "'0000-01-01'",
      "'0001-01-01'",
      "'1999-12-31'",
      "'2024-02-29'",
      "'9999-12-31'",
    ],
  },
  ...scales.flatMap((scale): ColumnCase[] => [
    {
      type: `DATETIME(${scale})`,
      values: [
        "'0000-00-00 00:00:00'",
        "'2020-00-10 01:02:03'",
        `'0001-01-01 00:00:00${fraction(scale, '000001')}'`,
        `'2026-11-22 17:18:19${fraction(scale, '123456')}'`,
        `'2026-11-22 17:18:19${fraction(scale, '020304')}'`,
        `'9999-12-31 23:59:59${fraction(scale, '999999')}'`,
      ],
    },
    {
      type: `TIMESTAMP(${scale}) NULL`,
      values: [
        "'0000-00-00 00:00:00'",
        ...(scale === 0 ? [] : [`'1970-01-01 00:00:00${fraction(scale, '500000')}'`]),
        `'1970-01-01 00:00:01${fraction(scale, '000000')}'`,
        `'2024-02-29 23:59:59${fraction(scale, '999999')}'`,
        `'2000-12-31 00:00:00${fraction(scale, '090909')}'`,
        `'2025-03-01 12:00:00${fraction(scale, '123456')}'`,
        `'2038-01-19 03:14:07${fraction(scale, '999999')}'`,
      ],
    },
    {
      type: `TIME(${scale})`,
      values: [
        "'00:00:00'",
        `'-00:00:01${fraction(scale, '000000')}'`,
        ...(scale === 0
          ? []
          : [`'-00:00:00${fraction(scale, '100000')}'`, `'-00:00:00${fraction(scale, '900000')}'`]),
        `'-12:00:00${fraction(scale, '000000')}'`,
        `'-12:34:56${fraction(scale, '789012')}'`,
        `'12:34:56${fraction(scale, '789012')}'`,
        "'24:00:00'",
        "'100:00:01'",
        "'-100:01:00'",
        `'838:59:59${fraction(scale, '999999')}'`,
        `'-838:59:59${fraction(scale, '999999')}'`,
      ],
      // A negative TIME whose seconds are 00 and whose fraction is zero is wrong in zongji: it adds one without carrying.
      zongji: {
        [`'-12:00:00${fraction(scale, '000000')}'`]: `-11:63:64${fraction(scale, '000000')}`,
        "'-100:01:00'": `-100:00:64${fraction(scale, '000000')}`,
      },
    },
    ...(['DATETIME', 'TIMESTAMP', 'TIME'] as const).map(
      (name): ColumnCase => ({
        type: `${name}(${scale}) NULL`,
        only: 'mariadb',
        before: 'SET GLOBAL mysql56_temporal_format = OFF',
        learned: {
          dataType: name.toLowerCase(),
          columnType: `${name.toLowerCase()}(${scale}) /* mariadb-5.3 */`,
        },
        // zongji counts the borrowed second of a negative TIME in the decimal number.
        ...(name === 'TIME' && scale === 0 && { zongji: { "'-12:00:00'": '-11:99:00' } }),
        values:
          name === 'TIME'
            ? [
                "'00:00:00'",
                `'-00:00:00${fraction(scale, '100000')}'`,
                `'-838:59:59${fraction(scale, '999999')}'`,
                `'838:59:59${fraction(scale, '999999')}'`,
                "'-12:00:00'",
                `'1:2:3${fraction(scale, '040506')}'`,
              ]
            : [
                "'0000-00-00'",
                `'1970-01-01 00:00:00${fraction(scale, '500000')}'`,
                `'2026-11-22 17:18:19${fraction(scale, '020304')}'`,
                ...(name === 'TIMESTAMP'
                  ? [`'2038-01-19 03:14:07${fraction(scale, '999999')}'`]
                  : [
                      "'2020-00-10 01:02:03'",
                      `'9999-12-31 23:59:59${fraction(scale, '999999')}'`,
                      `'0001-01-01 00:00:00${fraction(scale, '000001')}'`,
                    ]),
              ],
      }),
    ),
  ]),
  ...bits.map(
    (width): ColumnCase => ({
      type: `BIT(${width})`,
      values: ['0', '1', ((1n << BigInt(width)) - 1n).toString(), (1n << BigInt(width - 1)).toString()],
    }),
  ),
  { type: 'CHAR(0)', values: ["''"] },
  ...[
    'CHAR(10)',
    'VARCHAR(10)',
    'CHAR(255)',
    'VARCHAR(63)',
    'VARCHAR(64)',
    'TINYTEXT',
    'TEXT',
    'MEDIUMTEXT',
    'LONGTEXT',
  ].map(
    (type): ColumnCase => ({
      type,
      values: ["''", "'a'", "'a b  '", "' é'", "'日本語'", "'😀'", `'${'x'.repeat(10)}'`],
    }),
  ),
  {
    type: 'VARCHAR(10000)',
    values: [31, 32, 40, 41, 255, 256, 10_000].map((length) => `REPEAT('é', ${length})`),
  },
  { type: 'LONGTEXT', values: [65_535, 65_536, 3_000_000].map((length) => `REPEAT('z', ${length})`) },
  {
    type: 'VARCHAR(5000) CHARACTER SET latin1',
    values: [
      "''",
      "'é€'",
      ...[15, 16, 31, 32, 127, 128, 255, 256, 5000].map((length) => `REPEAT('é', ${length})`),
    ],
  },
  {
    type: 'MEDIUMTEXT CHARACTER SET latin1',
    values: [32_767, 32_768, 65_535, 65_536, 200_000].map((length) => `REPEAT('ü', ${length})`),
  },
  { type: 'CHAR(255) CHARACTER SET utf32', values: ["'é'", "REPEAT('😀', 255)"] },
  { type: 'VARCHAR(50) CHARACTER SET ucs2', values: ["''", "'é日'", "REPEAT('a', 50)", "REPEAT('日', 50)"] },
  { type: 'VARCHAR(50) CHARACTER SET utf16', values: ["''", "'é日😀'", "REPEAT('😀', 50)"] },
  { type: 'VARCHAR(50) CHARACTER SET utf16le', values: ["''", "'é日😀'", "REPEAT('a', 50)"] },
  { type: 'VARCHAR(50) CHARACTER SET utf8mb3', values: ["''", "'é日'"] },
  { type: 'VARCHAR(50) CHARACTER SET ascii', values: ["''", "'ascii'"] },
  { type: 'TEXT CHARACTER SET gbk', values: ["'漢字 a'"] },
  { type: 'TEXT CHARACTER SET ujis', values: ["'漢字 ｱ a 丂'"] },
  { type: 'BINARY(4)', values: ["''", "x'00'", "x'61000000'", "x'00000061'", "x'FFFFFFFF'"] },
  { type: 'BINARY(255)', values: ["''", "'a'", "REPEAT('a', 255)"] },
  ...['VARBINARY(4)', 'VARBINARY(300)', 'TINYBLOB', 'BLOB', 'MEDIUMBLOB', 'LONGBLOB'].map(
    (type): ColumnCase => ({ type, values: ["''", "x'00'", "x'6100'", "x'FF00FF'"] }),
  ),
  {
    type: 'MEDIUMBLOB',
    values: [255, 256, 65_535, 65_536, 1_000_000].map((length) => `REPEAT(x'F0', ${length})`),
  },
  {
    type: "ENUM('a','b,c','d''e','日本','')",
    values: ['1', '2', '3', '4', '5', "'not one of them'"],
    zongji: { "'not one of them'": undefined },
  },
  { type: "ENUM('ä','b') CHARACTER SET ucs2", values: ['1', '2'] },
  { type: "ENUM('ä','€') CHARACTER SET latin1", values: ['1', '2'] },
  {
    type: `ENUM(${asLiterals(Array.from({ length: 300 }, (_, index) => `v${index}`))})`,
    values: ['1', '255', '256', '300'],
  },
  { type: "SET('a','b''c','日本')", values: ['0', '1', '2', '3', '4', '7'] },
  { type: "SET('ä','b') CHARACTER SET ucs2", values: ['0', '3'] },
  { type: `SET(${asLiterals(manyLabels.slice(0, 9))})`, values: ['0', '1', '256', '511'] },
  { type: `SET(${asLiterals(manyLabels.slice(0, 20))})`, values: ['0', '1048575'] },
  {
    type: `SET(${asLiterals(manyLabels)})`,
    values: ['0', '1', '18446744073709551615', '9223372036854775808', '4294967296'],
  },
  {
    type: 'JSON',
    only: 'mariadb',
    learned: { dataType: 'json', columnType: 'longtext' },
    values: [`'{"b":1, "a":[1.50,null,"é"]}'`, "'null'", "'18446744073709551615'"],
  },
  {
    type: 'GEOMETRY',
    values: [
      'POINT(1,2)',
      "ST_GeomFromText('POINT(-1.5 0)', 4326)",
      "ST_GeomFromText('LINESTRING(0 0,1 1)')",
      "ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')",
      "ST_GeomFromText('MULTIPOINT(0 0,1 1)')",
      "ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))')",
      "ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')",
      "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(0 0),LINESTRING(0 0,1 1))', 3857)",
    ],
  },
  {
    type: 'UUID',
    only: 'mariadb',
    learned: { dataType: 'uuid', columnType: 'uuid' },
    values: [
      "'00000000-0000-0000-0000-000000000000'",
      "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
      "'0a1b2c3d-4e5f-1a23-8abc-0123456789ab'",
      "'0a1b2c3d-4e5f-4a23-8abc-012345678900'",
      "'0a1b2c3d-4e5f-6a23-8abc-0123456789ab'",
      "'0a1b2c3d-4e5f-7a23-8abc-0123456789ab'",
      "'0a1b2c3d-4e5f-1a23-0abc-0123456789ab'",
    ],
  },
  {
    type: 'INET4',
    only: 'mariadb',
    learned: { dataType: 'inet4', columnType: 'inet4' },
    values: ["'0.0.0.0'", "'1.2.3.0'", "'192.168.100.1'", "'255.255.255.255'"],
  },
  {
    type: 'INET6',
    only: 'mariadb',
    learned: { dataType: 'inet6', columnType: 'inet6' },
    values: [
      "'::'",
      "'::1'",
      "'::1.2.3.4'",
      "'::ffff:1.2.3.4'",
      "'::ffff:0.0.0.0'",
      "'::5:1.2.3.4'",
      "'::ffff:0:0:0'",
      "'2001:db8::'",
      "'1:2:3:4:5:6:7:8'",
      "'1:2:3:0:5:6:7:8'",
      "'1::2:0:0:3'",
      "'1:0:0:2::3'",
      "'0:0:1::'",
      "'0:1:2:3:4:5:6:7'",
      "'1:2:3:4:5:6:7:0'",
      "'fe80::1:2'",
      "'::0.1.0.0'",
      "'::0.0.1.0'",
    ],
  },
  { type: 'BINARY(16)', values: ["x'00112233445566778899AABBCCDDEEFF'", "x'01'"] },
  { type: 'VARCHAR(200) COMPRESSED', only: 'mariadb', values: ["''", "'a'", "REPEAT('é', 200)"] },
  {
    type: 'VARCHAR(200) COMPRESSED CHARACTER SET latin1',
    only: 'mariadb',
    values: ["''", "'é'", "REPEAT('é', 200)"],
  },
  { type: 'VARBINARY(200) COMPRESSED', only: 'mariadb', values: ["''", "x'00'", "REPEAT(x'00', 200)"] },
  { type: 'TEXT COMPRESSED', only: 'mariadb', values: ["''", "'short'", "REPEAT('long ', 10000)"] },
  {
    type: 'LONGBLOB COMPRESSED',
    only: 'mariadb',
    values: ["''", "x'80'", "REPEAT(x'0102', 100000)", "REPEAT(x'03', 200)"],
  },
  {
    type: 'JSON',
    only: 'mysql',
    values: [`'{"b":1, "a":[true,null,"é"]}'`, "'null'", "'18446744073709551615'"],
  },
  {
    type: 'JSON NOT NULL',
    only: 'mysql',
    values: ["'{}'", 'JSON_ARRAY(-32769)'],
  },
  {
    type: 'VECTOR(3)',
    only: 'mysql',
    isUnknownToZongji: true,
    values: [
      "TO_VECTOR('[1,-2.5,3e38]')",
      "TO_VECTOR('[0,-0,1.2e-38]')",
      "x'010000000000008000007F7F'",
      "TO_VECTOR('[7]')",
    ],
  },
  {
    type: 'VECTOR(16383)',
    only: 'mysql',
    isUnknownToZongji: true,
    values: ["TO_VECTOR(CONCAT('[', REPEAT('1.5,', 16382), '2]'))"],
  },
  {
    type: 'VARCHAR(50) CHARACTER SET gb18030',
    only: 'mysql',
    values: ["''", "'漢字 aé😀'", "x'8431A439'", "x'E3329A35'", "x'8130813081308131'"],
  },
  {
    type: "ENUM('漢','😀') CHARACTER SET gb18030",
    only: 'mysql',
    isUnknownToZongji: true,
    values: ['1', '2'],
  },
  ...(
    [
      'POINT',
      'LINESTRING',
      'POLYGON',
      'MULTIPOINT',
      'MULTILINESTRING',
      'MULTIPOLYGON',
      'GEOMETRYCOLLECTION',
    ] as const
  ).flatMap((type): ColumnCase[] => [
    {
      type,
      values: [`ST_GeomFromText('${geometries[type]}')`, `ST_GeomFromText('${geometries[type]}', 4326)`],
    },
    {
      type: `${type} NOT NULL SRID 4326`,
      only: 'mysql',
      values: [`ST_GeomFromText('${geometries[type]}', 4326)`],
    },
    {
      type: `${type} REF_SYSTEM_ID=101`,
      only: 'mariadb',
      values: [`ST_GeomFromText('${geometries[type]}', 101)`],
    },
  ]),
];
