import { type Column, type ColumnType, imageMarker, type TableVersion, type Value } from '@drc/protocol';
import fc from 'fast-check';

export const column = (name: string, type: ColumnType): Column => ({ name, type, nullable: true });

export const tableOf = (...columns: readonly Column[]): TableVersion => ({
  schema: 'shop',
  table: 'orders',
  columns,
  primaryKey: [],
});

/** One value as chunk.ts says; written from the grammar, not from the reader. */
export function encodeValue(type: ColumnType, value: Value): Buffer {
  if (value === null) return Buffer.of(0xc0);
  switch (type) {
    case 'int':
    case 'year':
      return encodeInt(value as number);
    case 'bigint': {
      const bytes = Buffer.alloc(9);
      if ((value as bigint) < 0n) {
        bytes[0] = 0xd3;
        bytes.writeBigInt64BE(value as bigint, 1);
      } else {
        bytes[0] = 0xcf;
        bytes.writeBigUInt64BE(value as bigint, 1);
      }
      return bytes;
    }
    case 'float': {
      const bytes = Buffer.of(0xca, 0, 0, 0, 0);
      bytes.writeFloatBE(value as number, 1);
      return bytes;
    }
    case 'double': {
      const bytes = Buffer.of(0xcb, 0, 0, 0, 0, 0, 0, 0, 0);
      bytes.writeDoubleBE(value as number, 1);
      return bytes;
    }
    case 'bytes':
    case 'bit':
    case 'geometry':
      return withLength(value as Buffer, undefined, 0xc4);
    case 'vector': {
      const bytes = Buffer.alloc((value as Float32Array).length * 4);
      for (const [index, item] of (value as Float32Array).entries()) bytes.writeFloatLE(item, index * 4);
      return withLength(bytes, undefined, 0xc4);
    }
    default:
      return withLength(Buffer.from(value as string, 'utf8'), 0xa0, 0xd9);
  }
}

function encodeInt(value: number): Buffer {
  if (value >= 0 && value < 64) return Buffer.of(value);
  if (value >= -32 && value < 0) return Buffer.of(value + 256);
  const widths = value >= 0 ? [0x100, 0x1_0000] : [0x80, 0x8000];
  const size = value >= 0 ? value : -value - 1;
  const step = size < widths[0]! ? 0 : size < widths[1]! ? 1 : 2;
  const width = 1 << step;
  const bytes = Buffer.alloc(1 + width);
  bytes[0] = (value >= 0 ? 0xcc : 0xd0) + step;
  if (value >= 0) bytes.writeUIntBE(value, 1, width);
  else bytes.writeIntBE(value, 1, width);
  return bytes;
}

function withLength(bytes: Buffer, fixed: number | undefined, token: number): Buffer {
  const { length } = bytes;
  if (fixed !== undefined && length < 32) return Buffer.concat([Buffer.of(fixed + length), bytes]);
  const width = length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 4;
  const head = Buffer.alloc(1 + width);
  head[0] = token + (width === 1 ? 0 : width === 2 ? 1 : 2);
  head.writeUIntBE(length, 1, width);
  return Buffer.concat([head, bytes]);
}

export const encodeImage = (columns: readonly Column[], values: readonly Value[]): Buffer =>
  Buffer.concat([
    Buffer.of(imageMarker),
    ...columns.map((item, index) => encodeValue(item.type, values[index] ?? null)),
  ]);

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom('', '\ufeffmark', `\ufeff${'é'.repeat(100)}`, 'a'.repeat(256), `${'x'.repeat(70_000)}é`),
);
const bytes = fc.uint8Array({ maxLength: 70 }).map((array) => Buffer.from(array));

const valueOf: Readonly<Record<ColumnType, fc.Arbitrary<Value>>> = {
  int: fc.oneof(
    fc.integer({ min: -300, max: 300 }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }),
    fc.constantFrom(-32, -33, 63, 64, 127, 128, -129, 65_535, 65_536),
  ),
  year: fc.constantFrom(0, 1901, 2026, 2155),
  bigint: fc.oneof(
    fc.bigInt({ min: -5n, max: 5n }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.constantFrom(2n ** 53n + 1n, 2n ** 64n - 1n, -(2n ** 63n)),
  ),
  decimal: fc.constantFrom('0.00', '-12345678901234567890.123456789'),
  float: fc.float({ noNaN: true }),
  double: fc.double({ noNaN: true }),
  date: fc.constantFrom('0000-00-00', '2026-11-22'),
  datetime: fc.constant('2026-11-22 08:00:00.123'),
  time: fc.constantFrom('-838:59:59.000000', '12:00:00'),
  timestamp: fc.constant('2026-11-22 08:00:00.123456'),
  text,
  json: text,
  enum: fc.constantFrom('', 'b,c', 'ß'),
  set: fc.constantFrom('', 'a,b'),
  uuid: fc.uuid(),
  inet4: fc.ipV4(),
  inet6: fc.ipV6(),
  bytes,
  bit: bytes,
  geometry: bytes,
  vector: fc.array(fc.float({ noNaN: true }), { maxLength: 20 }).map((items) => Float32Array.from(items)),
};
const types = Object.keys(valueOf) as ColumnType[];

const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 10 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '7',
    'a"b',
    "it's",
    '\u2028',
    'größe',
    '`',
    '}){',
    'then',
  ),
);

/** A table of any columns, and rows for it. */
export const tableWithRows = fc
  .uniqueArray(fc.tuple(name, fc.constantFrom(...types)), { selector: ([key]) => key, maxLength: 12 })
  .map((list) => list.map(([key, type]) => column(key, type)))
  .chain((columns) =>
    fc.tuple(
      fc.constant(columns),
      fc.array(fc.tuple(...columns.map(({ type }) => fc.option(valueOf[type], { freq: 8 }))), {
        maxLength: 12,
      }),
    ),
  );
