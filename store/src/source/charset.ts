import { inflateRawSync } from 'node:zlib';
import { charsetBases, charsetTables, collationRanges } from './charset-tables.js';

/**
 * How text of one charset becomes UTF-8: exactly as the server converts it for a client that asks for utf8mb4.
 * Where the server has no character it shows '?'; each of these is counted.
 */
export interface Charset {
  readonly name: string;
  /** UTF-8 bytes for one byte of the source, at most. */
  readonly growth: number;
  /** True where the bytes are UTF-8 already, so that they can be copied. */
  readonly isUtf8: boolean;
  /**
   * Writes UTF-8 at `at`, for which the caller has made room, and returns the offset behind it.
   * @param losses its `count` grows by the characters that became '?'
   */
  convert(bytes: Buffer, from: number, end: number, out: Buffer, at: number, losses: Losses): number;
}

export interface Losses {
  count: number;
}

const questionMark = 0x3f;
const unmapped = 0;
const illFormed = 0xffff;

/** The charset's name for a collation id of either server; undefined where we do not know it. */
export const charsetNameOf = (collation: number): string | undefined => charsetsByCollation.get(collation);

const charsetsByCollation: ReadonlyMap<number, string> = new Map(
  Object.entries(collationRanges).flatMap(([name, ranges]) =>
    ranges.split(',').flatMap((range) => {
      const [first, last] = range.split('-').map(Number);
      return Array.from({ length: (last ?? first!) - first! + 1 }, (_, index): [number, string] => [
        first! + index,
        name,
      ]);
    }),
  ),
);

/** The charset of this name; undefined where there is no conversion for it. */
export function charsetOf(name: string): Charset | undefined {
  switch (name) {
    case 'utf8mb3':
    case 'utf8mb4':
      return { name, growth: 1, isUtf8: true, convert: copy };
    case 'ucs2':
      return { name, growth: 2, isUtf8: false, convert: convertUcs2 };
    case 'utf16':
      return { name, growth: 2, isUtf8: false, convert: utf16(0) };
    case 'utf16le':
      return { name, growth: 2, isUtf8: false, convert: utf16(1) };
    case 'utf32':
      return { name, growth: 1, isUtf8: false, convert: convertUtf32 };
    default:
      return tableCharset(name);
  }
}

type Convert = Charset['convert'];

const copy: Convert = (bytes, from, end, out, at) => {
  bytes.copy(out, at, from, end);
  return at + end - from;
};

function writePoint(out: Buffer, at: number, point: number): number {
  if (point < 0x80) {
    out[at] = point;
    return at + 1;
  }
  if (point < 0x800) {
    out[at] = 0xc0 | (point >> 6);
    out[at + 1] = 0x80 | (point & 63);
    return at + 2;
  }
  if (point < 0x1_0000) {
    out[at] = 0xe0 | (point >> 12);
    out[at + 1] = 0x80 | ((point >> 6) & 63);
    out[at + 2] = 0x80 | (point & 63);
    return at + 3;
  }
  out[at] = 0xf0 | (point >> 18);
  out[at + 1] = 0x80 | ((point >> 12) & 63);
  out[at + 2] = 0x80 | ((point >> 6) & 63);
  out[at + 3] = 0x80 | (point & 63);
  return at + 4;
}

/** One '?' for the character at hand. */
function lose(out: Buffer, at: number, losses: Losses): number {
  losses.count++;
  out[at] = questionMark;
  return at + 1;
}

/** Surrogates stand alone here, and both become three bytes each, as the server has it. */
const convertUcs2: Convert = (bytes, from, end, out, at, losses) => {
  let to = at;
  let read = from;
  for (; read + 1 < end; read += 2) to = writePoint(out, to, (bytes[read]! << 8) | bytes[read + 1]!);
  return read < end ? lose(out, to, losses) : to;
};

/** @param low where the low byte of a unit stands: 1 byte off in big-endian order, so XOR with this index. */
function utf16(low: 0 | 1): Convert {
  return (bytes, from, end, out, at, losses) => {
    let to = at;
    let read = from;
    while (read + 1 < end) {
      const unit = (bytes[read + low]! << 8) | bytes[read + 1 - low]!;
      read += 2;
      if ((unit & 0xf800) !== 0xd800) {
        to = writePoint(out, to, unit);
        continue;
      }
      const next = unit < 0xdc00 && read + 1 < end ? (bytes[read + low]! << 8) | bytes[read + 1 - low]! : 0;
      if ((next & 0xfc00) === 0xdc00) {
        to = writePoint(out, to, 0x1_0000 + ((unit & 0x3ff) << 10) + (next & 0x3ff));
        read += 2;
      } else to = lose(out, to, losses);
    }
    return read < end ? lose(out, to, losses) : to;
  };
}

const convertUtf32: Convert = (bytes, from, end, out, at, losses) => {
  let to = at;
  let read = from;
  for (; read + 3 < end; read += 4) {
    const point = bytes.readUInt32BE(read);
    to = point > 0x10_ffff ? lose(out, to, losses) : writePoint(out, to, point);
  }
  return read < end ? lose(out, to, losses) : to;
};

const singles = 256;
const doubles = 0x8000;
const threeByteLead = 0x8f;

/** Tables once unpacked: constants, of up to 130 KiB each, that the columns of all tables share. */
const unpacked = new Map<string, Charset>();

function tableCharset(name: string): Charset | undefined {
  const known = unpacked.get(name);
  if (known !== undefined) return known;
  const packed = Object.hasOwn(charsetTables, name) ? charsetTables[name] : undefined;
  if (packed === undefined) return undefined;
  const table = unpack(name, packed);
  const convert =
    table.length === singles ? single(table) : name === 'gb18030' ? gb18030(table) : multiple(table);
  const charset = { name, growth: 3, isUtf8: false, convert };
  unpacked.set(name, charset);
  return charset;
}

function unpack(name: string, packed: string): Uint16Array {
  const bytes = inflateRawSync(Buffer.from(packed, 'base64'));
  const table = new Uint16Array(bytes.length >> 1);
  const baseName = charsetBases[name];
  const base = baseName === undefined ? undefined : unpack(baseName, charsetTables[baseName]!);
  let point = 0;
  for (let index = 0; index < table.length; index++) {
    point = (point + bytes.readUInt16LE(index * 2)) & 0xffff;
    table[index] = point + (base?.[index] ?? 0);
  }
  return table;
}

function single(table: Uint16Array): Convert {
  return (bytes, from, end, out, at, losses) => {
    let to = at;
    for (let read = from; read < end; read++) {
      const byte = bytes[read]!;
      const point = table[byte]!;
      to = point === unmapped && byte !== 0 ? lose(out, to, losses) : writePoint(out, to, point);
    }
    return to;
  };
}

function multiple(table: Uint16Array): Convert {
  const hasTriples = table.length > singles + doubles;
  return (bytes, from, end, out, at, losses) => {
    let to = at;
    let read = from;
    while (read < end) {
      const byte = bytes[read]!;
      let point = table[byte]!;
      let width = 1;
      if (point === illFormed && byte >= 0x80) {
        if (hasTriples && byte === threeByteLead && read + 2 < end && bytes[read + 1]! >= 0x80) {
          point = table[singles + doubles + ((bytes[read + 1]! & 0x7f) << 8) + bytes[read + 2]!]!;
          width = 3;
        } else if (read + 1 < end) {
          point = table[singles + ((byte & 0x7f) << 8) + bytes[read + 1]!]!;
          width = 2;
        }
        // Not a character: the server gives up one byte and goes on behind it.
        if (point === illFormed) width = 1;
      }
      read += width;
      to =
        point === illFormed || (point === unmapped && byte !== 0)
          ? lose(out, to, losses)
          : writePoint(out, to, point);
    }
    return to;
  };
}

/** Codes of four bytes: all of the Unicode planes behind the first, in order, begin here. */
const firstSupplementary = 189_000;
const supplementaryPoints = 0x10_0000;

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isLead = (byte: number): boolean => byte >= 0x81 && byte <= 0xfe;

/** GB 18030: of four bytes where a digit is the second, which no character of two bytes has. */
function gb18030(table: Uint16Array): Convert {
  const fourBytes = table.subarray(singles + doubles);
  return (bytes, from, end, out, at, losses) => {
    let to = at;
    let read = from;
    while (read < end) {
      const byte = bytes[read]!;
      if (byte < 0x80) {
        out[to++] = byte;
        read++;
        continue;
      }
      let point = unmapped;
      let width = 1;
      const second = read + 1 < end ? bytes[read + 1]! : 0;
      if (isDigit(second)) {
        if (isLead(byte) && read + 3 < end && isLead(bytes[read + 2]!) && isDigit(bytes[read + 3]!)) {
          const code =
            ((byte - 0x81) * 10 + second - 0x30) * 1260 +
            (bytes[read + 2]! - 0x81) * 10 +
            (bytes[read + 3]! - 0x30);
          const beyond = code - firstSupplementary;
          width = 4;
          point =
            beyond >= 0 && beyond < supplementaryPoints ? 0x1_0000 + beyond : (fourBytes[code] ?? unmapped);
        }
      } else {
        const found = table[singles + ((byte & 0x7f) << 8) + second]!;
        if (found !== illFormed) {
          point = found;
          width = 2;
        }
      }
      read += width;
      to = point === unmapped ? lose(out, to, losses) : writePoint(out, to, point);
    }
    return to;
  };
}
