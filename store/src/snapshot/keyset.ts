import { createHash } from 'node:crypto';
import { DrcError, type Column, type TableVersion } from '@drc/protocol';
import { charsetNameOf } from '../source/charset.js';
import { decodeKey, encodeKey, type KeyValue } from './key-message.js';

/*
 * Reading a table by keyset: in the order of a unique key, each chunk behind the last row of the one before,
 *
 *   WHERE a >= ? AND (a > ? OR (a = ? AND b > ?)) ORDER BY a, b
 *
 * The server compares and the server orders, by the column's own collation: nothing here knows what comes behind what. So a value
 * goes back to it exactly as it is stored. Text goes as its bytes in its charset; ENUM and SET, which are ordered by index
 * but compared with a text as text, by their numbers.
 */

/** One column of a key. */
export interface KeyPart {
  /** Index into the version's columns. */
  readonly column: number;
  readonly isDescending: boolean;
}

/** A key of a table: as many rows as values. */
export interface TableKey {
  /** Its name on the source: `PRIMARY`, … */
  readonly index: string;
  readonly parts: readonly KeyPart[];
}

/** What a value of a key is compared as. */
type Form = 'number' | 'float' | 'double' | 'text' | 'bytes' | 'moment' | 'address' | 'label' | 'bits';

const forms: Readonly<Partial<Record<Column['type'], Form>>> = {
  int: 'number',
  bigint: 'number',
  year: 'number',
  decimal: 'number',
  float: 'float',
  double: 'double',
  text: 'text',
  bytes: 'bytes',
  date: 'moment',
  datetime: 'moment',
  timestamp: 'moment',
  time: 'moment',
  uuid: 'address',
  inet4: 'address',
  inet6: 'address',
  enum: 'label',
  set: 'label',
  bit: 'bits',
};

/** Whether a column of this type can be part of a key that a table is read by. */
export const canOrder = ({ type }: Column): boolean => forms[type] !== undefined;

/** Whether the column's number has to be selected besides its label. */
export const needsNumber = (column: Column): boolean => forms[column.type] === 'label';

/** What the values of key columns may look like in a checkpoint, which comes from outside; anything else gets into no statement. */
const shapes: Readonly<Partial<Record<Form, RegExp>>> = {
  number: /^-?\d{1,82}(?:\.\d{1,40})?$/,
  label: /^\d{1,20}$/,
  bits: /^\d{1,20}$/,
  float: /^-?\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?$/,
  double: /^-?\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?$/,
  moment: /^-?[\d:. -]{8,26}$/,
  address: /^[\da-fA-F:.-]{2,45}$/,
};

/** Statements and places of one table read by one key. */
export class Keyset {
  readonly #version: TableVersion;
  readonly #key: TableKey;
  readonly #columns: readonly Column[];
  /** Of the key's columns, their order and what they are compared by. */
  readonly #identity: string;

  constructor(version: TableVersion, key: TableKey) {
    this.#version = version;
    this.#key = key;
    this.#columns = key.parts.map(({ column }) => version.columns[column]!);
    const described = this.#columns.map(({ name, type, collation, labels }, index) => [
      name,
      type,
      collation ?? 0,
      labels ?? [],
      key.parts[index]!.isDescending,
    ]);
    this.#identity = createHash('sha256').update(JSON.stringify(described)).digest('base64url').slice(0, 12);
  }

  /** What is selected behind the version's columns: the numbers of labels in the key. */
  get numbered(): readonly Column[] {
    return this.#columns.filter(needsNumber);
  }

  /** @param after a place that `place` made, as it came back. @throws DrcError `SNAPSHOT_KEY_INVALID` */
  select(after: Buffer | undefined, rows: number): string {
    const { schema, table, columns } = this.#version;
    const names = columns.map(selected);
    const numbers = this.numbered.map(({ name }) => `CAST(${quoted(name)} AS UNSIGNED)`);
    const order = this.#columns.map(
      ({ name }, index) => `${quoted(name)}${this.#key.parts[index]!.isDescending ? ' DESC' : ''}`,
    );
    const where = after === undefined ? '' : ` WHERE ${this.#behind(after)}`;
    return (
      `SELECT ${[...names, ...numbers].join(', ')} FROM ${quoted(schema)}.${quoted(table)} ` +
      `FORCE INDEX (${quoted(this.#key.index)})${where} ORDER BY ${order.join(', ')} LIMIT ${rows}`
    );
  }

  #behind(after: Buffer): string {
    const values = this.#values(after);
    const compare = (index: number, operator: Operator): string =>
      comparison(this.#columns[index]!, operator, values[index]!);
    const beyond = (index: number): '<' | '>' => (this.#key.parts[index]!.isDescending ? '<' : '>');
    const cases = values.map((_, last) =>
      [
        ...values.slice(0, last).map((_value, index) => compare(index, '=')),
        compare(last, beyond(last)),
      ].join(' AND '),
    );
    if (cases.length === 1) return cases[0]!;
    return `${compare(0, `${beyond(0)}=`)} AND (${cases.map((one) => `(${one})`).join(' OR ')})`;
  }

  #values(after: Buffer): readonly KeyValue[] {
    const [identity, ...values] = decodeKey(after) ?? [];
    const isOurs =
      identity === this.#identity &&
      values.length === this.#columns.length &&
      values.every((value, index) => {
        const form = forms[this.#columns[index]!.type]!;
        const shape = shapes[form];
        return shape === undefined ? Buffer.isBuffer(value) : typeof value === 'string' && shape.test(value);
      });
    if (isOurs) return values;
    const { schema, table } = this.#version;
    throw new DrcError(
      'SNAPSHOT_KEY_INVALID',
      `The copying of ${schema}.${table} cannot go on at a place of another key.`,
      { table: `${schema}.${table}` },
    );
  }

  /**
   * Whether another row may have the same key as an image has it: what is not one of an ENUM's labels reads as the empty text, which
   * may be a label, too.
   */
  isAmbiguous(row: RowValues): boolean {
    let number = this.#version.columns.length;
    return this.numbered.some(({ type, labels }) => {
      const value = integerOf(row.bytes(number++), true);
      return type === 'enum' && value === 0n && labels?.includes('') === true;
    });
  }

  /** The place of a row: what `select` takes as `after`. @param row of what `select` asks for */
  place(row: RowValues): Buffer {
    let number = this.#version.columns.length;
    const values = this.#columns.map((column, index) =>
      needsNumber(column)
        ? String(integerOf(row.bytes(number++), true))
        : valueOf(column, row, this.#key.parts[index]!.column),
    );
    return encodeKey([this.#identity, ...values]);
  }
}

/** The values of one row of a result, by their places in it; none of those asked for is NULL. */
export interface RowValues {
  /** As the binary protocol has it, without a length. */
  bytes(column: number): Buffer;
  /** As the image has it. */
  message(column: number): Buffer;
}

function valueOf(column: Column, row: RowValues, at: number): KeyValue {
  const bytes = row.bytes(at);
  switch (forms[column.type]!) {
    case 'number':
      if (column.type === 'decimal') return bytes.toString('latin1');
      return String(integerOf(bytes, column.unsigned === true || column.type === 'year'));
    case 'bits':
      return String(BigInt(`0x${bytes.toString('hex')}`));
    case 'float':
      return String(bytes.readFloatLE());
    case 'double':
      return String(bytes.readDoubleLE());
    case 'moment':
      // Shorter than 32 bytes, so with a header of one.
      return row.message(at).toString('latin1', 1);
    case 'address':
    case 'label':
      return bytes.toString('latin1');
    case 'text':
    case 'bytes':
      return Buffer.from(bytes);
  }
}

function integerOf(bytes: Buffer, unsigned: boolean): bigint {
  const { length } = bytes;
  if (length === 8) return unsigned ? bytes.readBigUInt64LE() : bytes.readBigInt64LE();
  return BigInt(unsigned ? bytes.readUIntLE(0, length) : bytes.readIntLE(0, length));
}

type Operator = '=' | '>' | '>=' | '<' | '<=';

/** In SQL. */
function comparison(column: Column, operator: Operator, value: KeyValue): string {
  const labels = column.type === 'enum' ? labelsWith(column, operator, Number(value)) : undefined;
  if (labels === undefined) return `${quoted(column.name)} ${operator} ${literalOf(column, value)}`;
  if (labels.length === 0) return 'FALSE';
  const list = labels.map((label) => `_utf8mb4 X'${Buffer.from(label).toString('hex')}'`);
  return `${quoted(column.name)} IN (${list.join(', ')})`;
}

/** More labels than that are not spelled out. */
const spelledLabels = 200;

/**
 * The labels that compare so with the one of this number. An index serves comparisons of an ENUM with its labels, and none with its
 * numbers: each chunk would go through all rows before it. Undefined where labels will not do: the error value has none, and
 * neither server shows letters beyond the first Unicode plane in a definition; there they are question marks.
 */
function labelsWith(
  { labels = [] }: Column,
  operator: Operator,
  number: number,
): readonly string[] | undefined {
  if (number === 0 || labels.length > spelledLabels || labels.some((label) => /\?|^$/.test(label)))
    return undefined;
  if (operator === '=') return labels.slice(number - 1, number);
  if (operator === '>') return labels.slice(number);
  return operator === '>=' ? labels.slice(number - 1) : undefined;
}

/** In SQL, of the value's exact type; its characters are known to be harmless. */
function literalOf(column: Column, value: KeyValue): string {
  if (Buffer.isBuffer(value)) {
    if (value.length === 0) return "''";
    const hex = `X'${value.toString('hex')}'`;
    return column.type === 'text' ? `_${charsetNameOf(column.collation ?? 0) ?? 'binary'} ${hex}` : hex;
  }
  switch (forms[column.type]!) {
    case 'float':
    case 'double':
      // Without an exponent it would be a DECIMAL.
      return value.includes('e') ? value : `${value}e0`;
    case 'moment':
    case 'address':
      return `'${value}'`;
    default:
      return value;
  }
}

/** Charsets in which the driver can read a column's name: it takes it for text of the column's. */
const namedCharsets: ReadonlySet<string> = new Set(['utf8mb4', 'utf8mb3', 'latin1', 'ascii', 'binary']);

/** A column in the list of what is selected; its bytes are the same in any case. */
function selected({ name, collation }: Column): string {
  const charset = collation === undefined ? 'binary' : charsetNameOf(collation);
  return namedCharsets.has(charset ?? '') ? quoted(name) : `CAST(${quoted(name)} AS BINARY)`;
}

/** A name in SQL, whatever its characters. */
export const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
