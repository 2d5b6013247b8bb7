import type { ByteWriter } from './byte-writer.js';
import { malformedEvent } from './event-bytes.js';
import { copyBytes, writeNumber } from './message-bytes.js';

/*
 * The scalars of a JSON document as MySQL prints them (sql-common/json_dom.cc, wrapper_to_string). Each function makes
 * its own room in `out`.
 */
const quote = 34;
const backslash = 92;
const dash = 45;
const firstPlain = 0x20;

const shortEscapes: Readonly<Record<number, number>> = {
  8: 98,
  9: 116,
  10: 110,
  12: 102,
  13: 114,
  [quote]: quote,
  [backslash]: backslash,
};

/** `\u00XX`. */
const longEscapeBytes = 6;

export function writeAscii(out: ByteWriter, text: string): void {
  const { length } = text;
  out.ensure(length);
  const { buffer, length: at } = out;
  for (let index = 0; index < length; index++) buffer[at + index] = text.charCodeAt(index);
  out.length = at + length;
}

/** Text in quotes; all but quotes, backslashes and control characters as it is. */
export function writeQuoted(bytes: Buffer, from: number, end: number, out: ByteWriter): void {
  out.ensure(end - from + 2);
  let { buffer, length: at } = out;
  buffer[at++] = quote;
  let read = from;
  for (let index = from; index < end; index++) {
    const byte = bytes[index]!;
    if (byte >= firstPlain && byte !== quote && byte !== backslash) continue;
    at = copyBytes(bytes, read, index, buffer, at);
    out.length = at;
    out.ensure(longEscapeBytes + end - index);
    buffer = out.buffer;
    at = writeEscaped(buffer, at, byte);
    read = index + 1;
  }
  at = copyBytes(bytes, read, end, buffer, at);
  buffer[at] = quote;
  out.length = at + 1;
}

function writeEscaped(buffer: Buffer, at: number, byte: number): number {
  const letter = shortEscapes[byte];
  buffer[at] = backslash;
  if (letter !== undefined) {
    buffer[at + 1] = letter;
    return at + 2;
  }
  buffer.write(`u00${byte.toString(16).padStart(2, '0')}`, at + 1, 'latin1');
  return at + longEscapeBytes;
}

/** A safe integer. */
export function writeWhole(out: ByteWriter, value: number): void {
  const magnitude = Math.abs(value);
  if (magnitude >= 2 ** 31) return writeAscii(out, String(value));
  out.ensure(11);
  let at = out.length;
  if (value < 0) out.buffer[at++] = dash;
  out.length = writeNumber(out.buffer, at, magnitude);
}

/** Eight little-endian bytes. */
export function writeInt64(bytes: Buffer, from: number, out: ByteWriter): void {
  const value = bytes.readUInt32LE(from) + bytes.readInt32LE(from + 4) * 0x1_0000_0000;
  if (Number.isSafeInteger(value)) writeWhole(out, value);
  else writeAscii(out, String(bytes.readBigInt64LE(from)));
}

/** Eight little-endian bytes. */
export function writeUint64(bytes: Buffer, from: number, out: ByteWriter): void {
  const value = bytes.readUInt32LE(from) + bytes.readUInt32LE(from + 4) * 0x1_0000_0000;
  if (Number.isSafeInteger(value)) writeWhole(out, value);
  else writeAscii(out, String(bytes.readBigUInt64LE(from)));
}

/** Most digits before the point, and zeros behind it, without an exponent (MAX_DECPT_FOR_F_FORMAT of strings/dtoa.cc). */
const plainDigits = 15;

/** The shortest decimal that reads back as the same number, and a fraction even where it is none. */
export function writeDouble(out: ByteWriter, value: number): void {
  if (!Number.isFinite(value)) throw malformedEvent('JSON number');
  const magnitude = Math.abs(value);
  // Where ECMAScript prints no exponent either.
  if (magnitude >= 1e-6 && magnitude < 1e15)
    return writeAscii(out, Number.isInteger(value) ? `${value}.0` : String(value));
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  writeAscii(out, sign + (magnitude === 0 ? '0.0' : digitsOf(magnitude)));
}

/**
 * strings/dtoa.cc, my_gcvt, with room for all digits; the digits themselves are those of ECMAScript.
 * @param value below 1e-6, or 1e15 and more
 */
function digitsOf(value: number): string {
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
  const digits = mantissa.replace('.', '');
  const point = Number(exponent) + 1;
  if (point <= -plainDigits || (point > plainDigits && digits.length <= point))
    return `${mantissa}e${point - 1}`;
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}
