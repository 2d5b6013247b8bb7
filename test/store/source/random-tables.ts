import type { Flavour } from '../../support/database-server.js';
import type { LearnedColumn } from '../../../store/src/source/row-transcoder.js';
import { randomDocument } from './json-cases.js';

/** A generator of numbers from a seed (mulberry32): the same seed gives the same tables and rows. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 ≤ n < 1 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** low ≤ n ≤ high */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  one<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)]!;
  }

  digits(count: number): string {
    return Array.from({ length: count }, () => String(this.integer(0, 9))).join('');
  }

  hex(bytes: number): string {
    return Array.from({ length: bytes }, () => this.integer(0, 255).toString(16).padStart(2, '0')).join('');
  }
}

/** A column type, and a random literal of it. */
interface RandomColumn {
  readonly type: string;
  readonly literal: (random: Random) => string;
  /** Literals that are tried more often: the least, the greatest, the empty. */
  readonly edges?: readonly string[];
  /** What only INFORMATION_SCHEMA tells of the type. */
  readonly dataType?: string;
}

/** What a column may be. */
interface Limits {
  readonly flavour: Flavour;
  /** Characters or bytes of a CHAR, VARCHAR, BINARY or VARBINARY column, so that a row stays below 64 KiB. */
  readonly longest: number;
}

type Family = (random: Random, limits: Limits) => RandomColumn;

const charsets = [
  'utf8mb4',
  'utf8mb3',
  'latin1',
  'latin2',
  'ascii',
  'cp1251',
  'koi8r',
  'gbk',
  'big5',
  'sjis',
  'ujis',
  'euckr',
  'ucs2',
  'utf16',
  'utf16le',
  'utf32',
  'swe7',
  'tis620',
] as const;
const charset = (random: Random, { flavour }: Limits): string =>
  random.one(flavour === 'mysql' ? [...charsets, 'gb18030'] : charsets);
const alphabet = ['a', 'Z', ' ', '~', 'é', 'ß', 'Ж', 'ｱ', '漢', '字', '한', '€', '😀', '\\\\', "''"];
const text = (random: Random, length: number): string =>
  `'${Array.from({ length: random.integer(0, length) }, () => random.one(alphabet)).join('')}'`;
const longestText = (length: number): string[] => ["''", `REPEAT('z', ${length})`, `REPEAT('é', ${length})`];
const two = (value: number): string => String(value).padStart(2, '0');
const fraction = (random: Random, scale: number): string => (scale === 0 ? '' : `.${random.digits(scale)}`);
const clock = (random: Random): string =>
  `${two(random.integer(0, 23))}:${two(random.integer(0, 59))}:${two(random.integer(0, 59))}`;
const nines = (scale: number): string => (scale === 0 ? '' : `.${'9'.repeat(scale)}`);

/** Those of both servers, one for each kind of type; the first argument of each draws the variant. */
const families: readonly Family[] = [
  (random) => {
    const [name, bits] = random.one([
      ['TINYINT', 8],
      ['SMALLINT', 16],
      ['MEDIUMINT', 24],
      ['INT', 32],
      ['BIGINT', 64],
    ] as const);
    const unsigned = random.next() < 0.5;
    const span = 1n << BigInt(bits);
    return {
      type: `${name}${unsigned ? ' UNSIGNED' : ''}`,
      literal: (values) => {
        const raw = BigInt(`0x${values.hex(8)}`) >> BigInt(values.integer(0, 63));
        return (unsigned ? BigInt.asUintN(bits, raw) : BigInt.asIntN(bits, raw)).toString();
      },
      edges: ['0', ...(unsigned ? [span - 1n] : [span / 2n - 1n, -span / 2n, -1n]).map(String)],
    };
  },
  (random) => {
    const type = random.one(['FLOAT', 'DOUBLE']);
    return {
      type,
      literal: (values) => `${values.integer(-1e6, 1e6)}.${values.digits(5)}e${values.integer(-20, 20)}`,
      edges: [
        '0',
        '-0e0',
        ...(type === 'FLOAT'
          ? ['3.4028234e38', '-3.4028234e38', '1.17549435e-38']
          : ['1.7976931348623157e308', '-1.7976931348623157e308', '5e-324']),
      ],
    };
  },
  (random) => {
    const scale = random.integer(0, 30);
    const precision = random.integer(Math.max(scale, 1), 65);
    const greatest = `${'9'.repeat(precision - scale) || '0'}${nines(scale)}`;
    return {
      type: `DECIMAL(${precision},${scale})`,
      literal: (values) =>
        `${values.one(['', '-'])}${values.digits(values.integer(0, precision - scale)) || '0'}.${values.digits(scale) || '0'}`,
      edges: ['0', greatest, `-${greatest}`],
    };
  },
  () => ({
    type: 'YEAR',
    literal: (values) => String(values.integer(1901, 2155)),
    edges: ['0', '1901', '2155'],
  }),
  () => ({
    type: 'DATE',
    literal: (values) => `'${values.digits(4)}-${two(values.integer(0, 12))}-${two(values.integer(0, 28))}'`,
    edges: ["'0000-00-00'", "'9999-12-31'", "'2024-00-00'"],
  }),
  (random) => {
    const scale = random.integer(0, 6);
    return {
      type: `DATETIME(${scale})`,
      literal: (values) =>
        `'${values.digits(4)}-${two(values.integer(0, 12))}-${two(values.integer(0, 28))} ${clock(values)}${fraction(values, scale)}'`,
      edges: ["'0000-00-00'", `'9999-12-31 23:59:59${nines(scale)}'`, "'0000-01-01'"],
    };
  },
  (random) => {
    const scale = random.integer(0, 6);
    return {
      type: `TIMESTAMP(${scale}) NULL`,
      literal: (values) =>
        `'${values.integer(1971, 2037)}-${two(values.integer(1, 12))}-${two(values.integer(1, 28))} ${clock(values)}${fraction(values, scale)}'`,
      edges: ["'0000-00-00'", "'1970-01-01 00:00:01'", `'2038-01-19 03:14:07${nines(scale)}'`],
    };
  },
  (random) => {
    const scale = random.integer(0, 6);
    return {
      type: `TIME(${scale})`,
      literal: (values) =>
        `'${values.one(['', '-'])}${values.integer(0, 838)}:${two(values.integer(0, 59))}:${two(values.integer(0, 59))}${values.one(['', fraction(values, scale)])}'`,
      edges: ["'00:00:00'", "'-838:59:59'", "'838:59:59'", `'-00:00:00${nines(scale)}'`],
    };
  },
  (random) => {
    const bits = random.integer(1, 64);
    return {
      type: `BIT(${bits})`,
      literal: (values) => BigInt.asUintN(bits, BigInt(`0x${values.hex(8)}`)).toString(),
      edges: ['0', ((1n << BigInt(bits)) - 1n).toString()],
    };
  },
  (random, limits) => {
    const length = random.integer(0, Math.min(255, limits.longest));
    return {
      type: `CHAR(${length}) CHARACTER SET ${charset(random, limits)}`,
      literal: (values) => text(values, length),
      edges: longestText(length),
    };
  },
  (random, limits) => {
    const length = random.integer(1, limits.longest);
    return {
      type: `VARCHAR(${length}) CHARACTER SET ${charset(random, limits)}`,
      literal: (values) => text(values, length),
      edges: longestText(length),
    };
  },
  (random, limits) => ({
    type: `${random.one(['TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT'])} CHARACTER SET ${charset(random, limits)}`,
    literal: (values) => text(values, 60),
    edges: longestText(63),
  }),
  (random, limits) => {
    const length = random.integer(1, Math.min(255, limits.longest));
    return {
      type: `BINARY(${length})`,
      literal: (values) => `x'${values.hex(values.integer(0, length))}'`,
      edges: ["''", `REPEAT(x'00', ${length})`, `REPEAT(x'FF', ${length})`],
    };
  },
  (random, limits) => {
    const length = random.integer(1, limits.longest);
    return {
      type: `VARBINARY(${length})`,
      literal: (values) => `x'${values.hex(values.integer(0, length))}'`,
      edges: ["''", `REPEAT(x'00', ${length})`],
    };
  },
  (random) => ({
    type: random.one(['TINYBLOB', 'BLOB', 'MEDIUMBLOB', 'LONGBLOB']),
    literal: (values) => `x'${values.hex(values.integer(0, 255))}'`,
    edges: ["''", "REPEAT(x'00', 255)"],
  }),
  (random) => {
    const labels = random.integer(1, 300);
    return {
      type: `ENUM(${Array.from({ length: labels }, (_, index) => `'${random.one(['é', 'x,', "''"])}${index}'`).join(',')})`,
      literal: (values) => String(values.integer(1, labels)),
      edges: ["'none of them'", '1', String(labels)],
    };
  },
  (random) => {
    const labels = random.integer(1, 64);
    return {
      type: `SET(${Array.from({ length: labels }, (_, index) => `'${random.one(['é', "''"])}${index}'`).join(',')})`,
      literal: (values) => BigInt.asUintN(labels, BigInt(`0x${values.hex(8)}`)).toString(),
      edges: ['0', ((1n << BigInt(labels)) - 1n).toString()],
    };
  },
  (random) => ({
    type: random.one(['POINT', 'GEOMETRY']),
    literal: (values) =>
      `ST_GeomFromText('POINT(${values.integer(-90, 90)} ${values.next()})', ${values.one([0, 4326])})`,
  }),
];

const mysqlFamilies: readonly Family[] = [
  () => ({
    type: 'JSON',
    literal: (values) => randomDocument(values, values.integer(1, 3)),
    edges: ["'null'", "'{}'", "'[]'", '\'""\''],
  }),
  (random) => {
    const dimensions = random.integer(1, 100);
    return {
      type: `VECTOR(${dimensions})`,
      literal: (values) =>
        `TO_VECTOR('[${Array.from({ length: values.integer(1, dimensions) }, () => values.integer(-1e6, 1e6) / 64).join(',')}]')`,
    };
  },
];

const mariadbFamilies: readonly Family[] = [
  () => ({
    type: 'JSON',
    literal: (values) => `'{"k": [${values.integer(-1000, 1000)}, "é", null]}'`,
    edges: ["'null'", "'{}'"],
    dataType: 'json',
  }),
  (random, limits) => ({
    type: `TEXT COMPRESSED CHARACTER SET ${charset(random, limits)}`,
    literal: (values) => text(values, 300),
    edges: longestText(300),
  }),
  () => ({
    type: 'BLOB COMPRESSED',
    literal: (values) => `REPEAT(x'${values.hex(3)}', ${values.integer(0, 300)})`,
    edges: ["''"],
  }),
  () => ({
    type: 'UUID',
    literal: (values) => `x'${values.hex(16)}'`,
    edges: ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
    dataType: 'uuid',
  }),
  () => ({
    type: 'INET4',
    literal: (values) => `x'${values.hex(4)}'`,
    edges: ["'0.0.0.0'", "'255.255.255.255'"],
    dataType: 'inet4',
  }),
  () => ({
    type: 'INET6',
    literal: (values) =>
      `x'${values.one(['00000000', values.hex(4)])}${values.one(['0000000000000000', values.hex(8)])}${values.hex(4)}'`,
    edges: ["'::'", "'::ffff:1.2.3.4'"],
    dataType: 'inet6',
  }),
];

const familiesOf: Readonly<Record<Flavour, readonly Family[]>> = {
  mariadb: [...families, ...mariadbFamilies],
  mysql: [...families, ...mysqlFamilies],
};
/** Engines that take wide rows: InnoDB wants what is not BLOB or TEXT in half a page. */
const engines: Readonly<Record<Flavour, string>> = {
  mariadb: 'ENGINE=Aria ROW_FORMAT=PAGE',
  mysql: 'ENGINE=MyISAM',
};

export interface RandomTable {
  readonly create: string;
  /** For the transcoder. */
  readonly learned: ReadonlyMap<string, LearnedColumn>;
  /** A row as `(id, …)`. */
  readonly row: (id: number) => string;
  /** Assignments of an UPDATE. */
  readonly assignments: () => string;
}

/** A table with an `id` and random columns, some NOT NULL. */
export function randomTable(
  random: Random,
  name: string,
  columnCount: number,
  flavour: Flavour = 'mariadb',
): RandomTable {
  const limits = { flavour, longest: columnCount > 40 ? 40 : 400 };
  const columns = Array.from({ length: columnCount }, (_, index) => {
    const { type, literal, edges = [], dataType } = random.one(familiesOf[flavour])(random, limits);
    const nullable = !/^(?:POINT|GEOMETRY)/.test(type) && random.next() < 0.7;
    const nullRate = random.one([0, 0.1, 0.9]);
    return {
      name: `c ${index}`,
      definition: `${type}${nullable || type.endsWith('NULL') ? '' : ' NOT NULL'}`,
      learned: dataType && { dataType, columnType: dataType },
      value: () =>
        nullable && random.next() < nullRate
          ? 'NULL'
          : edges.length > 0 && random.next() < 0.2
            ? random.one(edges)
            : literal(random),
    };
  });
  const definitions = columns.map((column) => `\`${column.name}\` ${column.definition}`);
  return {
    create: `CREATE TABLE ${name} (${['id INT PRIMARY KEY', ...definitions].join(', ')}) ${engines[flavour]}`,
    learned: new Map(columns.flatMap((column) => (column.learned ? [[column.name, column.learned]] : []))),
    row: (id) => `(${[id, ...columns.map(({ value }) => value())].join(', ')})`,
    assignments: () =>
      columns
        .filter(() => random.next() < 0.5)
        .map((column) => `\`${column.name}\` = ${column.value()}`)
        .join(', '),
  };
}
