/*
 * msgpack as protocol/chunk.ts wants it, written straight into the output: each function writes at `at` and returns
 * the offset behind. The caller has made room.
 */
export const nilByte = 0xc0;
/** Most bytes that a string or binary header takes. */
export const maxHeaderBytes = 5;

const byteLoopLimit = 64;

/** Copies; a loop for short values, where a call into the runtime would cost more than the bytes. */
export function copyBytes(from: Buffer, start: number, end: number, out: Buffer, at: number): number {
  const length = end - start;
  if (length > byteLoopLimit) {
    from.copy(out, at, start, end);
    return at + length;
  }
  for (let index = 0; index < length; index++) out[at + index] = from[start + index]!;
  return at + length;
}

export const textHeaderBytes = (length: number): number =>
  length < 32 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5;

export function writeTextHeader(out: Buffer, at: number, length: number): number {
  if (length < 32) {
    out[at] = 0xa0 | length;
    return at + 1;
  }
  return writeSized(out, at, length, 0xd9);
}

export const writeBytesHeader = (out: Buffer, at: number, length: number): number =>
  writeSized(out, at, length, 0xc4);

/** `code`: of the form with one length byte; the forms with two and four follow it. */
function writeSized(out: Buffer, at: number, length: number, code: number): number {
  if (length < 0x100) {
    out[at] = code;
    out[at + 1] = length;
    return at + 2;
  }
  if (length < 0x1_0000) {
    out[at] = code + 1;
    out[at + 1] = length >>> 8;
    out[at + 2] = length;
    return at + 3;
  }
  out[at] = code + 2;
  out[at + 1] = length >>> 24;
  out[at + 2] = length >>> 16;
  out[at + 3] = length >>> 8;
  out[at + 4] = length;
  return at + 5;
}

/** An integer from -2^31 to 2^32 - 1. 64 to 127 are uint8: as fixint they would read as record markers. */
export function writeInteger(out: Buffer, at: number, value: number): number {
  if (value >= 0) {
    if (value < 0x40) {
      out[at] = value;
      return at + 1;
    }
    if (value < 0x100) {
      out[at] = 0xcc;
      out[at + 1] = value;
      return at + 2;
    }
    if (value < 0x1_0000) {
      out[at] = 0xcd;
      out[at + 1] = value >>> 8;
      out[at + 2] = value;
      return at + 3;
    }
    out[at] = 0xce;
  } else {
    if (value >= -0x20) {
      out[at] = value;
      return at + 1;
    }
    if (value >= -0x80) {
      out[at] = 0xd0;
      out[at + 1] = value;
      return at + 2;
    }
    if (value >= -0x8000) {
      out[at] = 0xd1;
      out[at + 1] = value >> 8;
      out[at + 2] = value;
      return at + 3;
    }
    out[at] = 0xd2;
  }
  out[at + 1] = value >>> 24;
  out[at + 2] = value >>> 16;
  out[at + 3] = value >>> 8;
  out[at + 4] = value;
  return at + 5;
}
export const maxIntegerBytes = 5;

const zero = 48;

/** Decimal digits of 0-99, always two. */
export function writeTwoDigits(out: Buffer, at: number, value: number): number {
  const tens = (value / 10) | 0;
  out[at] = zero + tens;
  out[at + 1] = zero + value - tens * 10;
  return at + 2;
}

/** Decimal digits of a value below 2^31, padded with zeros to `count`. */
export function writeDigits(out: Buffer, at: number, value: number, count: number): number {
  let rest = value;
  for (let index = at + count - 1; index >= at; index--) {
    const quotient = (rest / 10) | 0;
    out[index] = zero + rest - quotient * 10;
    rest = quotient;
  }
  return at + count;
}

/** Decimal digits of a value below 2^31, without leading zeros. */
export function writeNumber(out: Buffer, at: number, value: number): number {
  let count = 1;
  for (let limit = 10; count < 10 && value >= limit; limit *= 10) count++;
  return writeDigits(out, at, value, count);
}
