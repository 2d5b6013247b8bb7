import {
  imageMarker,
  type Column,
  type ColumnType,
  type Row,
  type TableVersion,
  type Value,
} from '@drc/protocol';

/*
 * The other direction of protocol's image-decoder: rows as a test writes them, in the SDK's own types, become row images
 * (protocol/chunk.ts), as a store makes them of the binlog.
 */

/** What to write for a column, in words. */
const written: Readonly<Record<ColumnType, string>> = {
  int: 'an integer',
  year: 'an integer',
  bigint: 'a bigint (1n)',
  float: 'a number',
  double: 'a number',
  decimal: "a text with all digits of its scale ('10.50')",
  date: "a text ('2026-01-31')",
  datetime: "a text ('2026-01-31 12:00:00')",
  time: "a text ('12:00:00')",
  timestamp: "a text in UTC ('2026-01-31 12:00:00')",
  text: 'a text',
  enum: 'one of its labels',
  set: 'labels, joined by commas',
  json: 'a text that is JSON',
  uuid: 'a text',
  inet4: 'a text',
  inet6: 'a text',
  bytes: 'a Buffer',
  bit: 'a Buffer',
  geometry: 'a Buffer',
  vector: 'a Float32Array',
};

/** @throws TypeError, naming the column, for a row that the table cannot hold. */
export function encodeImage(version: TableVersion, row: Readonly<Row>): Buffer {
  const table = `${version.schema}.${version.table}`;
  for (const name of Object.keys(row))
    if (!version.columns.some((column) => column.name === name))
      throw new TypeError(`${table} has no column ${name}.`);
  const values = version.columns.map((column) => {
    const value = Object.hasOwn(row, column.name) ? row[column.name] : undefined;
    if (value === undefined)
      throw new TypeError(`${table}: the row has no ${column.name}; write null where it is NULL.`);
    return encodeValue(column, value, table);
  });
  return Buffer.concat([Buffer.of(imageMarker), ...values]);
}

function encodeValue(column: Column, value: Value, table: string): Buffer {
  if (value === null) {
    if (column.nullable) return Buffer.of(0xc0);
    throw new TypeError(`${table}: ${column.name} cannot be NULL.`);
  }
  const bytes = bytesOf(column, value);
  if (bytes !== undefined) return bytes;
  const given = typeof value === 'object' ? 'an object' : `${typeof value} ${String(value)}`;
  throw new TypeError(
    `${table}: ${column.name} is ${column.type}; write ${written[column.type]}, not ${given}.`,
  );
}

/** Undefined where the value is of another type. */
function bytesOf(column: Column, value: Exclude<Value, null>): Buffer | undefined {
  switch (column.type) {
    case 'int':
    case 'year':
      return typeof value === 'number' && Number.isInteger(value) ? intBytes(value) : undefined;
    case 'bigint':
      return typeof value === 'bigint' ? bigintBytes(value, column.unsigned === true) : undefined;
    case 'float':
    case 'double':
      return typeof value === 'number' ? floatBytes(value, column.type) : undefined;
    case 'bytes':
    case 'bit':
    case 'geometry':
      return Buffer.isBuffer(value) ? headed(value, 0xc4) : undefined;
    case 'vector':
      return value instanceof Float32Array ? headed(littleEndian(value), 0xc4) : undefined;
    case 'enum':
      return typeof value === 'string' && isLabel(column, value) ? textBytes(value) : undefined;
    case 'set':
      return typeof value === 'string' &&
        (value === '' || value.split(',').every((label) => isLabel(column, label)))
        ? textBytes(value)
        : undefined;
    case 'decimal':
      return typeof value === 'string' && isDecimal(column, value) ? textBytes(value) : undefined;
    default:
      return typeof value === 'string' ? textBytes(value) : undefined;
  }
}

/** Where the labels were not given any will do; the empty text is ENUM's error value. */
const isLabel = ({ labels }: Column, label: string): boolean =>
  labels === undefined || label === '' || labels.includes(label);

/** As the server prints it: with all digits behind the point. */
const isDecimal = ({ scale = 0 }: Column, text: string): boolean =>
  /^-?\d+(\.\d+)?$/.test(text) && (text.split('.')[1] ?? '').length === scale;

/** The shortest form, without 0x40 … 0x7f. */
function intBytes(value: number): Buffer | undefined {
  if (value >= 0) {
    if (value < 0x40) return Buffer.of(value);
    if (value < 0x100) return Buffer.of(0xcc, value);
    if (value < 0x1_0000) return sized(0xcd, 2, (bytes) => bytes.writeUInt16BE(value, 1));
    return value < 0x1_0000_0000 ? sized(0xce, 4, (bytes) => bytes.writeUInt32BE(value, 1)) : undefined;
  }
  if (value >= -0x20) return Buffer.of(value + 0x100);
  if (value >= -0x80) return sized(0xd0, 1, (bytes) => bytes.writeInt8(value, 1));
  if (value >= -0x8000) return sized(0xd1, 2, (bytes) => bytes.writeInt16BE(value, 1));
  return value >= -0x8000_0000 ? sized(0xd2, 4, (bytes) => bytes.writeInt32BE(value, 1)) : undefined;
}

function bigintBytes(value: bigint, isUnsigned: boolean): Buffer | undefined {
  const fits = isUnsigned ? BigInt.asUintN(64, value) === value : BigInt.asIntN(64, value) === value;
  if (!fits) return undefined;
  return isUnsigned
    ? sized(0xcf, 8, (bytes) => bytes.writeBigUInt64BE(value, 1))
    : sized(0xd3, 8, (bytes) => bytes.writeBigInt64BE(value, 1));
}

const floatBytes = (value: number, type: 'float' | 'double'): Buffer =>
  type === 'float'
    ? sized(0xca, 4, (bytes) => bytes.writeFloatBE(value, 1))
    : sized(0xcb, 8, (bytes) => bytes.writeDoubleBE(value, 1));

function littleEndian(vector: Float32Array): Buffer {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes;
}

function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.length < 0x20 ? Buffer.concat([Buffer.of(0xa0 | bytes.length), bytes]) : headed(bytes, 0xd9);
}

/** @param token of the form whose length takes one byte; those of two and four follow it */
function headed(bytes: Buffer, token: number): Buffer {
  const { length } = bytes;
  if (length < 0x100) return Buffer.concat([Buffer.of(token, length), bytes]);
  if (length < 0x1_0000)
    return Buffer.concat([sized(token + 1, 2, (head) => head.writeUInt16BE(length, 1)), bytes]);
  return Buffer.concat([sized(token + 2, 4, (head) => head.writeUInt32BE(length, 1)), bytes]);
}

function sized(token: number, width: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(1 + width);
  bytes[0] = token;
  write(bytes);
  return bytes;
}
