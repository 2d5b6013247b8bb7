import { endianness } from 'node:os';
import { compileFunction } from 'node:vm';
import { imageMarker } from './chunk.js';
import { DrcError } from './errors.js';
import {
  countWidth,
  readCount,
  TokenClass,
  type TokenClassCode,
  tokenBytes,
  tokenClass,
} from './msgpack-token.js';
import type { Column, ColumnType } from './table-version.js';

/** What a column delivers; which of them, the column's type says (`ColumnType`). */
export type Value = number | bigint | string | Buffer | Float32Array | null;

/** Own enumerable properties in column order, but for names such as `7`, which JavaScript puts first. */
export type Row = Record<string, Value>;

/**
 * Appends the rows of the images in [at, end) to `rows` until that holds `most`; returns the offset behind the last
 * image read. Throws a DrcError, or any error at all where the bytes end too early.
 */
export type ImageProgram = (bytes: Buffer, at: number, end: number, most: number, rows: Row[]) => number;

/** The one msgpack class of a column's values; nil may stand anywhere. */
export const classOfType: Readonly<Record<ColumnType, TokenClassCode>> = {
  int: TokenClass.int,
  bigint: TokenClass.int64,
  year: TokenClass.int,
  decimal: TokenClass.text,
  float: TokenClass.float32,
  double: TokenClass.float64,
  date: TokenClass.text,
  datetime: TokenClass.text,
  time: TokenClass.text,
  timestamp: TokenClass.text,
  text: TokenClass.text,
  bytes: TokenClass.bytes,
  bit: TokenClass.bytes,
  enum: TokenClass.text,
  set: TokenClass.text,
  json: TokenClass.text,
  geometry: TokenClass.bytes,
  vector: TokenClass.bytes,
  uuid: TokenClass.text,
  inet4: TokenClass.text,
  inet6: TokenClass.text,
};

/** Texts without any other letters, whatever the column's character set: read without asking for the encoding. */
const asciiTypes: ReadonlySet<ColumnType> = new Set([
  'decimal',
  'date',
  'datetime',
  'time',
  'timestamp',
  'uuid',
  'inet4',
  'inet6',
]);

// --- Interpreted ----------------------------------------------------------------------------------------------

/** Reads images of any columns; what the compiled program must be equal to. */
export function interpretedProgram(columns: readonly Column[]): ImageProgram {
  const names = columns.map((column) => column.name);
  return (bytes, start, end, most, rows) => {
    let at = start;
    while (at < end && rows.length < most) {
      if (bytes[at++] !== imageMarker) throw noImage(at - 1);
      const values = columns.map((column) => {
        const value = readValue(bytes, at, column);
        at += sizeOf(bytes, at);
        return value;
      });
      if (!(at <= end)) throw beyondPart();
      // fromEntries defines properties instead of assigning them: the one way in for `__proto__`.
      rows.push(Object.fromEntries(names.map((name, index) => [name, values[index]!])));
    }
    return at;
  };
}

/** The value of a column that stands at `at`. @throws DrcError `PROTOCOL_VIOLATION` where it is of another class. */
export function readValue(bytes: Buffer, at: number, column: Column): Value {
  const token = bytes[at]!;
  if (token === nil) return null;
  const expected = classOfType[column.type];
  if (tokenClass[token] !== expected) throw unexpected(column, token);
  switch (expected) {
    case TokenClass.int:
      return readInt(bytes, at, column);
    case TokenClass.int64:
      return token === 0xcf ? bytes.readBigUInt64BE(at + 1) : bytes.readBigInt64BE(at + 1);
    case TokenClass.float32:
      return bytes.readFloatBE(at + 1);
    case TokenClass.float64:
      return bytes.readDoubleBE(at + 1);
    case TokenClass.text:
      return textOf(bytes, at + headOf(token), at + sizeOf(bytes, at), column);
    default:
      return readBlob(bytes, at, column);
  }
}

const nil = 0xc0;

function readInt(bytes: Buffer, at: number, column: Column): number | null {
  const token = bytes[at]!;
  if (token === nil) return null;
  // chunk.ts forbids 0x40-0x7f: for a reader that knows records they are records.
  if (tokenClass[token] !== TokenClass.int || (token >= 0x40 && token < 0x80))
    throw unexpected(column, token);
  const width = tokenBytes[token]! - 1;
  if (width === 0) return token < 0x40 ? token : token - 0x100;
  return token < 0xd0 ? bytes.readUIntBE(at + 1, width) : bytes.readIntBE(at + 1, width);
}

function readBlob(bytes: Buffer, at: number, column: Column): Buffer | Float32Array | null {
  const token = bytes[at]!;
  if (token === nil) return null;
  if (tokenClass[token] !== TokenClass.bytes) throw unexpected(column, token);
  const start = at + headOf(token);
  const end = at + sizeOf(bytes, at);
  if (!(end <= bytes.length)) throw beyondPart();
  const value = bytes.subarray(start, end);
  if (column.type === 'vector') return floatsOf(value, column);
  return value.length * 2 >= value.buffer.byteLength ? value : Buffer.from(value);
}

function floatsOf(value: Buffer, column: Column): Float32Array {
  if (value.length % 4 !== 0)
    throw violation(`column ${JSON.stringify(column.name)} has a vector of ${value.length} bytes`);
  const copy = new Uint8Array(value);
  if (endianness() === 'BE') Buffer.from(copy.buffer).swap32();
  return new Float32Array(copy.buffer);
}

/** Never more than there is: what a length claims is not allocated. */
function textOf(bytes: Buffer, start: number, end: number, { type }: Column): string {
  if (!(end <= bytes.length)) throw beyondPart();
  return bytes.toString(asciiTypes.has(type) ? 'latin1' : 'utf8', start, end);
}

/** Bytes of a text's or blob's head: the token and, where one follows, the length. */
const headOf = (token: number): number => (tokenBytes[token] === 0 ? 1 + countWidth(token) : 1);

/** Bytes of the whole value; NaN where its length lies beyond the bytes. */
export function sizeOf(bytes: Buffer, at: number): number {
  const token = bytes[at]!;
  const size = tokenBytes[token]!;
  if (size !== 0) return size;
  const width = countWidth(token);
  return 1 + width + readCount(bytes, at + 1, width);
}

const noImage = (at: number): DrcError => violation(`no row image at byte ${at}`);
const beyondPart = (): DrcError => violation('a row image goes beyond its part');
const unexpected = (column: Column, token: number | undefined): DrcError =>
  violation(
    token === undefined
      ? `a row image ends before column ${JSON.stringify(column.name)}`
      : `column ${JSON.stringify(column.name)} is ${column.type}, its value begins with 0x${token.toString(16)}`,
  );
const violation = (what: string): DrcError => new DrcError('PROTOCOL_VIOLATION', `Malformed rows: ${what}.`);

// --- Compiled -------------------------------------------------------------------------------------------------

/*
 * One JavaScript function for one list of columns: an object literal a row, values in local variables. Measured on
 * rows of eight columns, one to a part, ten, 2,400: 3.3, 5 and 4 M rows/s; msgpackr's record reader 1.0, 3 and 3.3.
 *
 * Text is cut out of a string of up to 4 KiB that is made of the bytes around it at once, where it is ASCII; so a
 * short text that is kept keeps at most 4 KiB alive. Whether it is ASCII is asked four bytes at a time: byte by byte
 * it took as long as all the rest. All offsets only grow, reading beyond the bytes gives undefined or NaN or throws,
 * and a row is handed on only after its end was found to lie within `end`.
 *
 * Variables: b bytes · d the same, read as big-endian numbers · t token · f where a text begins · p, m the offset and
 * the bits of the search for what is not ASCII · s, o, e the string, and where it begins and ends in b ·
 * v0, v1 … the values · x the functions and scratch memory below
 */
const blockBytes = 4096;
/** Where only one row is wanted. */
const smallBlockBytes = 512;
const longTextBytes = 256;

/** Equal to `interpretedProgram`, faster. Nothing of a peer gets into the code but column names, as JSON text. */
export function compiledProgram(columns: readonly Column[]): ImageProgram {
  const readers = columns.map((column, index) => readerOf(column, index)).join('\n');
  const properties = columns.map((column, index) => `${keyOf(column.name)}: v${index}`).join(', ');
  const body = `
    const { u32, u64, i64 } = x;
    return function (b, at, end, most, rows) {
      const d = new DataView(b.buffer, b.byteOffset, b.length);
      let t, f, p, m, s = '', o = 0, e = 0;
      while (at < end && rows.length < most) {
        if (b[at] !== ${imageMarker}) x.refuseStart(at);
        at += 1;
        if (e - at < ${longTextBytes} && e < end) {
          o = at; e = Math.min(at + (most === 1 ? ${smallBlockBytes} : ${blockBytes}), end); s = b.latin1Slice(o, e);
        }
        ${readers}
        if (!(at <= end)) x.refuseEnd();
        rows.push({ ${properties} });
      }
      return at;
    };`;
  return (compileFunction(body, ['x']) as (runtime: object) => ImageProgram)(runtimeOf(columns));
}

/** A quoted `"__proto__"` in a literal would set the prototype; a computed one is a property. */
const keyOf = (name: string): string => (name === '__proto__' ? '["__proto__"]' : JSON.stringify(name));

/** Code that reads the value at `at` into a variable, and moves `at` behind it. */
function readerOf(column: Column, index: number): string {
  const v = `v${index}`;
  const [low, high] = endianness() === 'LE' ? [0, 1] : [1, 0];
  const nilOr = (read: string): string => `else if (t === ${nil}) { ${v} = null; at += 1; } else ${read}`;
  // Not getBigUint64: V8 11 calls it, and takes twice the time.
  const load64 = `u32[${high}] = d.getInt32(at + 1); u32[${low}] = d.getInt32(at + 5)`;
  const begin = `let ${v}; t = b[at];`;
  const refuse = `x.refuse(${index}, t);`;
  switch (classOfType[column.type]) {
    case TokenClass.int:
      return `${begin}
        if (t < 0x40) { ${v} = t; at += 1; }
        else if (t === 0xcc) { ${v} = b[at + 1]; at += 2; }
        else { ${v} = x.int(${index}, b, at); at += x.size(b, at); }`;
    case TokenClass.int64:
      return `${begin}
        if (t === 0xcf) { ${load64}; ${v} = u64[0]; at += 9; }
        else if (t === 0xd3) { ${load64}; ${v} = i64[0]; at += 9; }
        ${nilOr(refuse)}`;
    case TokenClass.float32:
      return `${begin}
        if (t === 0xca) { ${v} = d.getFloat32(at + 1); at += 5; }
        ${nilOr(refuse)}`;
    case TokenClass.float64:
      return `${begin}
        if (t === 0xcb) { ${v} = d.getFloat64(at + 1); at += 9; }
        ${nilOr(refuse)}`;
    case TokenClass.text:
      return `${begin}
        if (t === ${nil}) { ${v} = null; at += 1; }
        else {
          if (t >= 0xa0 && t < 0xc0) { f = at + 1; at = f + t - 0xa0; }
          else if (t === 0xd9) { f = at + 2; at = f + b[at + 1]; }
          else { f = at + x.textHead(${index}, t); at += x.size(b, at); }
          ${
            asciiTypes.has(column.type)
              ? `${v} = at <= e ? s.slice(f - o, at - o) : x.text(${index}, b, f, at);`
              : `m = 0x80;
                if (at <= e && at - f < ${longTextBytes}) {
                  for (m = 0, p = f; p + 4 <= at; p += 4) m |= d.getInt32(p);
                  for (; p < at; p += 1) m |= b[p];
                }
                ${v} = (m & 0x80808080) === 0 ? s.slice(f - o, at - o) : x.text(${index}, b, f, at);`
          }
        }`;
    default:
      return `${begin} ${v} = x.blob(${index}, b, at); at += x.size(b, at);`;
  }
}

/** What compiled code calls for all that is rare, and its scratch memory: the same eight bytes under three types. */
function runtimeOf(columns: readonly Column[]): Readonly<Record<string, unknown>> {
  const scratch = new ArrayBuffer(8);
  return {
    u32: new Uint32Array(scratch),
    u64: new BigUint64Array(scratch),
    i64: new BigInt64Array(scratch),
    int: (index: number, bytes: Buffer, at: number) => readInt(bytes, at, columns[index]!),
    blob: (index: number, bytes: Buffer, at: number) => readBlob(bytes, at, columns[index]!),
    text: (index: number, bytes: Buffer, start: number, end: number) =>
      textOf(bytes, start, end, columns[index]!),
    size: sizeOf,
    textHead: (index: number, token: number) => {
      if (tokenClass[token] !== TokenClass.text) throw unexpected(columns[index]!, token);
      return headOf(token);
    },
    refuse: (index: number, token: number) => {
      throw unexpected(columns[index]!, token);
    },
    refuseStart: (at: number) => {
      throw noImage(at);
    },
    refuseEnd: () => {
      throw beyondPart();
    },
  };
}
