import { malformedEvent } from './event-bytes.js';
import { writeDigits, writeNumber } from './message-bytes.js';

/*
 * DECIMAL in a row: the digits before the point, then those after it, in groups of nine, four bytes big-endian each;
 * the odd digits, which need fewer bytes, stand at the outer ends. The first bit is inverted, so that values sort as
 * bytes; a negative value has all its bytes inverted.
 */
const digitsPerGroup = 9;
const bytesOfDigits = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;
const powersOfTen = [1, 10, 100, 1000, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9] as const;

/** How the values of one DECIMAL column are laid out. */
export interface DecimalLayout {
  /** Bytes in the row. */
  readonly bytes: number;
  /** Groups before the point. */
  readonly wholeGroups: number;
  /** Digits of each group, in order. */
  readonly digits: readonly number[];
  /** Bytes written at most, header included. */
  readonly maxBytes: number;
}

export function decimalLayout(precision: number, scale: number): DecimalLayout {
  const whole = precision - scale;
  const wholeDigits = groupsOf(whole).reverse();
  const digits = [...wholeDigits, ...groupsOf(scale)];
  return {
    bytes: digits.reduce((sum, count) => sum + bytesOfDigits[count]!, 0),
    wholeGroups: wholeDigits.length,
    digits,
    maxBytes: precision + 5,
  };
}

function groupsOf(digits: number): number[] {
  const groups = Array.from({ length: Math.floor(digits / digitsPerGroup) }, () => digitsPerGroup);
  return digits % digitsPerGroup === 0 ? groups : [...groups, digits % digitsPerGroup];
}

/** Writes the value at `from` as msgpack text. @throws DrcError `EVENT_MALFORMED` where the bytes are not digits. */
export function writeDecimal(
  layout: DecimalLayout,
  bytes: Buffer,
  from: number,
  out: Buffer,
  at: number,
): number {
  const start = at + 1;
  const to = writeDecimalText(layout, bytes, from, out, start);
  const length = to - start;
  if (length < 32) {
    out[at] = 0xa0 | length;
    return to;
  }
  out.copyWithin(start + 1, start, to);
  out[at] = 0xd9;
  out[start] = length;
  return to + 1;
}

/** Writes the value at `from` as digits alone. @throws DrcError `EVENT_MALFORMED` where the bytes are not digits. */
export function writeDecimalText(
  layout: DecimalLayout,
  bytes: Buffer,
  from: number,
  out: Buffer,
  at: number,
): number {
  const { digits, wholeGroups } = layout;
  const mask = (bytes[from]! & 0x80) === 0 ? 0xff : 0;
  let read = from;
  let signBit = 0x80;
  let to = at;
  if (mask !== 0) out[to++] = 45;
  let significant = false;
  for (let group = 0; group < digits.length; group++) {
    const count = digits[group]!;
    let value = 0;
    for (let left = bytesOfDigits[count]!; left > 0; left--) {
      value = value * 256 + (bytes[read++]! ^ mask ^ signBit);
      signBit = 0;
    }
    if (value >= powersOfTen[count]!) throw malformedEvent('DECIMAL');
    if (group < wholeGroups) {
      if (significant) to = writeDigits(out, to, value, count);
      else if (value > 0) {
        to = writeNumber(out, to, value);
        significant = true;
      }
      if (group === wholeGroups - 1 && !significant) out[to++] = 48;
    } else {
      if (group === wholeGroups) {
        if (wholeGroups === 0) out[to++] = 48;
        out[to++] = 46;
      }
      to = writeDigits(out, to, value, count);
    }
  }
  return to;
}
