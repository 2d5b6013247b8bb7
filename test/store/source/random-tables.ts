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
}

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
const alphabet = ['a', 'Z', ' ', '~', 'é', 'ß', 'Ж', 'ｱ', '漢', '字', '한', '€', '😀', '\\\\', "''"];
const text = (random: Random, length: number): string =>
  `'${Array.from({ length: random.integer(0, length) }, () => random.one(alphabet)).join('')}'`;
const two = (value: number): string => String(value).padStart(2, '0');
const fraction = (random: Random, scale: number): string => (scale === 0 ? '' : `.${random.digits(scale)}`);
const clock = (random: Random): string =>
  `${two(random.integer(0, 23))}:${two(random.integer(0, 59))}:${two(random.integer(0, 59))}`;

/** One for each family; the first argument of each draws the variant. */
const families: readonly ((random: Random) => RandomColumn)[] = [
  (random) => {
    const [name, bits] = random.one([
      ['TINYINT', 8],
      ['SMALLINT', 16],
      ['MEDIUMINT', 24],
      ['INT', 32],
      ['BIGINT', 64],
    ] as const);
    const unsigned = random.next() < 0.5;
    return {
      type: `${name}${unsigned ? ' UNSIGNED' : ''}`,
      literal: (values) => {
        const raw = BigInt(`0x${values.hex(8)}`) >> BigInt(values.integer(0, 63));
        return (unsigned ? BigInt.asUintN(bits, raw) : BigInt.asIntN(bits, raw)).toString();
      },
    };
  },
  (random) => ({
    type: random.one(['FLOAT', 'DOUBLE']),
    literal: (values) => `${values.integer(-1e6, 1e6)}.${values.digits(5)}e${values.integer(-20, 20)}`,
  }),
  (random) => {
    const scale = random.integer(0, 30);
    const precision = random.integer(Math.max(scale, 1), 65);
    return {
      type: `DECIMAL(${precision},${scale})`,
      literal: (values) =>
        `${values.one(['', '-'])}${values.digits(values.integer(0, precision - scale)) || '0'}.${values.digits(scale) || '0'}`,
    };
  },
  () => ({ type: 'YEAR', literal: (values) => values.one(['0', String(values.integer(1901, 2155))]) }),
  () => ({
    type: 'DATE',
    literal: (values) => `'${values.digits(4)}-${two(values.integer(0, 12))}-${two(values.integer(0, 28))}'`,
  }),
  (random) => {
    const scale = random.integer(0, 6);
    return {
      type: `DATETIME(${scale})`,
      literal: (values) =>
        `'${values.digits(4)}-${two(values.integer(0, 12))}-${two(values.integer(0, 28))} ${clock(values)}${fraction(values, scale)}'`,
    };
  },
  (random) => {
    const scale = random.integer(0, 6);
    return {
      type: `TIMESTAMP(${scale}) NULL`,
      literal: (values) =>
        `'${values.integer(1971, 2037)}-${two(values.integer(1, 12))}-${two(values.integer(1, 28))} ${clock(values)}${fraction(values, scale)}'`,
    };
  },
  (random) => {
    const scale = random.integer(0, 6);
    return {
      type: `TIME(${scale})`,
      literal: (values) =>
        `'${values.one(['', '-'])}${values.integer(0, 838)}:${two(values.integer(0, 59))}:${two(values.integer(0, 59))}${values.one(['', fraction(values, scale)])}'`,
    };
  },
  (random) => {
    const bits = random.integer(1, 64);
    return {
      type: `BIT(${bits})`,
      literal: (values) => BigInt.asUintN(bits, BigInt(`0x${values.hex(8)}`)).toString(),
    };
  },
  (random) => {
    const length = random.integer(0, 255);
    return {
      type: `CHAR(${length}) CHARACTER SET ${random.one(charsets)}`,
      literal: (values) => text(values, length),
    };
  },
  (random) => {
    const length = random.integer(1, 400);
    return {
      type: `VARCHAR(${length}) CHARACTER SET ${random.one(charsets)}`,
      literal: (values) => text(values, length),
    };
  },
  (random) => ({
    type: `${random.one(['TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT'])} CHARACTER SET ${random.one(charsets)}`,
    literal: (values) => text(values, 60),
  }),
  (random) => {
    const length = random.integer(1, 255);
    return { type: `BINARY(${length})`, literal: (values) => `x'${values.hex(values.integer(0, length))}'` };
  },
  (random) => {
    const length = random.integer(1, 600);
    return {
      type: `VARBINARY(${length})`,
      literal: (values) => `x'${values.hex(values.integer(0, length))}'`,
    };
  },
  (random) => ({
    type: random.one(['TINYBLOB', 'BLOB', 'MEDIUMBLOB', 'LONGBLOB']),
    literal: (values) => `x'${values.hex(values.integer(0, 255))}'`,
  }),
  (random) => {
    const labels = random.integer(1, 300);
    return {
      type: `ENUM(${Array.from({ length: labels }, (_, index) => `'${random.one(['é', 'x,', "''"])}${index}'`).join(',')})`,
      literal: (values) => values.one(["'none of them'", String(values.integer(1, labels))]),
    };
  },
  (random) => {
    const labels = random.integer(1, 64);
    return {
      type: `SET(${Array.from({ length: labels }, (_, index) => `'${random.one(['é', "''"])}${index}'`).join(',')})`,
      literal: (values) => BigInt.asUintN(labels, BigInt(`0x${values.hex(8)}`)).toString(),
    };
  },
  () => ({ type: 'JSON', literal: (values) => `'{"k": [${values.integer(-1000, 1000)}, "é", null]}'` }),
  () => ({ type: 'POINT', literal: (values) => `POINT(${values.integer(-180, 180)}, ${values.next()})` }),
  (random) => ({
    type: `TEXT COMPRESSED CHARACTER SET ${random.one(charsets)}`,
    literal: (values) => text(values, 300),
  }),
  () => ({
    type: 'BLOB COMPRESSED',
    literal: (values) => `REPEAT(x'${values.hex(3)}', ${values.integer(0, 300)})`,
  }),
];

export interface RandomTable {
  readonly create: string;
  /** A row as `(id, …)`. */
  readonly row: (id: number) => string;
  /** Assignments of an UPDATE. */
  readonly assignments: () => string;
}

/** A table with an `id` and random columns, some NOT NULL. */
export function randomTable(random: Random, name: string, columnCount: number): RandomTable {
  const columns = Array.from({ length: columnCount }, (_, index) => {
    const { type, literal } = random.one(families)(random);
    const nullable = !type.startsWith('POINT') && random.next() < 0.7;
    const nullRate = random.one([0, 0.1, 0.9]);
    return {
      name: `\`c ${index}\``,
      definition: `${type}${nullable || type.endsWith('NULL') ? '' : ' NOT NULL'}`,
      value: () => (nullable && random.next() < nullRate ? 'NULL' : literal(random)),
    };
  });
  return {
    create: `CREATE TABLE ${name} (${['id INT PRIMARY KEY', ...columns.map((column) => `${column.name} ${column.definition}`)].join(', ')}) ENGINE=Aria ROW_FORMAT=PAGE`,
    row: (id) => `(${[id, ...columns.map(({ value }) => value())].join(', ')})`,
    assignments: () =>
      columns
        .filter(() => random.next() < 0.5)
        .map((column) => `${column.name} = ${column.value()}`)
        .join(', '),
  };
}
