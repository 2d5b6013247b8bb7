import { malformedEvent } from './event-bytes.js';
import { writeDigits, writeTwoDigits } from './message-bytes.js';

/*
 * Temporal values as MySQL 5.6 and MariaDB 10 store them, written as msgpack text the way both servers print them.
 * All texts are shorter than 32 bytes, so the header is one byte. Zero and partial dates pass as they are.
 *
 *   DATE       3 bytes little-endian: day 5 bits | month 4 | year 15
 *   DATETIME2  5 bytes big-endian: 1 | year * 13 + month 17 bits | day 5 | hour 5 | minute 6 | second 6, then the fraction
 *   TIMESTAMP2 4 bytes big-endian: seconds since 1970, then the fraction
 *   TIME2      3 bytes big-endian: 0x800000 + (hour 10 bits | minute 6 | second 6), then the fraction;
 *              fraction included, the whole is one integer, so that a negative time borrows from it
 *   fraction   big-endian: hundredths in 1 byte (1-2 digits), ten-thousandths in 2 (3-4), millionths in 3 (5-6)
 */
export const fractionBytes = (scale: number): number => (scale + 1) >> 1;

export const dateMessageBytes = 11;
export const datetimeMessageBytes = 27;
export const timeMessageBytes = 18;

const dash = 45;
const colon = 58;
const space = 32;
const point = 46;

export function writeDate(bytes: Buffer, from: number, out: Buffer, at: number): number {
  const value = bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16);
  out[at] = 0xaa;
  return writeDay(out, at + 1, value >> 9, (value >> 5) & 15, value & 31);
}

/** `YYYY-MM-DD`. */
export function writeDay(out: Buffer, at: number, year: number, month: number, day: number): number {
  if (year > 9999 || month > 12 || day > 31) throw malformedEvent('date');
  const century = (year / 100) | 0;
  writeTwoDigits(out, at, century);
  writeTwoDigits(out, at + 2, year - century * 100);
  out[at + 4] = dash;
  writeTwoDigits(out, at + 5, month);
  out[at + 7] = dash;
  return writeTwoDigits(out, at + 8, day);
}

/** `HH:MM:SS`. */
export function writeClock(out: Buffer, at: number, hour: number, minute: number, second: number): number {
  if (hour > 23 || minute > 59 || second > 59) throw malformedEvent('time of day');
  writeTwoDigits(out, at, hour);
  out[at + 2] = colon;
  writeTwoDigits(out, at + 3, minute);
  out[at + 5] = colon;
  return writeTwoDigits(out, at + 6, second);
}

/** The point and `scale` digits, or nothing. `value`: in hundredths, ten-thousandths or millionths, as stored. */
function writeFraction(out: Buffer, at: number, value: number, scale: number): number {
  if (scale === 0) return at;
  const digits = (scale + 1) & ~1;
  if (value >= (digits === 2 ? 100 : digits === 4 ? 10_000 : 1_000_000)) throw malformedEvent('fraction');
  out[at] = point;
  return writeDigits(out, at + 1, digits === scale ? value : (value / 10) | 0, scale);
}

function readFraction(bytes: Buffer, from: number, scale: number): number {
  switch (fractionBytes(scale)) {
    case 0:
      return 0;
    case 1:
      return bytes[from]!;
    case 2:
      return (bytes[from]! << 8) | bytes[from + 1]!;
    default:
      return (bytes[from]! << 16) | (bytes[from + 1]! << 8) | bytes[from + 2]!;
  }
}

export const textHeaderOf = (scale: number, bare: number): number =>
  0xa0 | (scale === 0 ? bare : bare + 1 + scale);

export function writeDatetime(bytes: Buffer, from: number, scale: number, out: Buffer, at: number): number {
  const first = bytes[from]!;
  const third = bytes[from + 2]!;
  const fourth = bytes[from + 3]!;
  const fifth = bytes[from + 4]!;
  if (first < 0x80) throw malformedEvent('DATETIME');
  const yearMonth = ((first & 0x7f) << 10) | (bytes[from + 1]! << 2) | (third >> 6);
  const year = (yearMonth / 13) | 0;
  out[at] = textHeaderOf(scale, 19);
  writeDay(out, at + 1, year, yearMonth - year * 13, (third >> 1) & 31);
  out[at + 11] = space;
  writeClock(
    out,
    at + 12,
    ((third & 1) << 4) | (fourth >> 4),
    ((fourth & 15) << 2) | (fifth >> 6),
    fifth & 63,
  );
  return writeFraction(out, at + 20, readFraction(bytes, from + 5, scale), scale);
}

export function writeTimestamp(bytes: Buffer, from: number, scale: number, out: Buffer, at: number): number {
  const seconds =
    bytes[from]! * 0x100_0000 + ((bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!);
  const fraction = readFraction(bytes, from + 4, scale);
  out[at] = textHeaderOf(scale, 19);
  writeMoment(out, at + 1, seconds, fraction === 0);
  return writeFraction(out, at + 20, fraction, scale);
}

/**
 * `YYYY-MM-DD HH:MM:SS` in UTC, by the proleptic Gregorian calendar counted from 1 March, so that the leap day ends
 * its year.
 * @param whole the fraction is zero: 0 is then the zero timestamp, not 1970.
 */
export function writeMoment(out: Buffer, at: number, seconds: number, whole: boolean): number {
  const days = (seconds / 86_400) | 0;
  const clock = (seconds - days * 86_400) | 0;
  let year = 0;
  let month = 0;
  let day = 0;
  if (seconds !== 0 || !whole) {
    const shifted = days + 719_468;
    const era = (shifted / 146_097) | 0;
    const dayOfEra = shifted - era * 146_097;
    const yearOfEra =
      ((dayOfEra - ((dayOfEra / 1_460) | 0) + ((dayOfEra / 36_524) | 0) - ((dayOfEra / 146_096) | 0)) / 365) |
      0;
    const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0));
    const marchMonth = ((5 * dayOfYear + 2) / 153) | 0;
    day = dayOfYear - (((153 * marchMonth + 2) / 5) | 0) + 1;
    month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  }
  writeDay(out, at, year, month, day);
  out[at + 10] = space;
  const hour = (clock / 3_600) | 0;
  const minute = ((clock - hour * 3_600) / 60) | 0;
  return writeClock(out, at + 11, hour, minute, clock - hour * 3_600 - minute * 60);
}

export function writeTime(bytes: Buffer, from: number, scale: number, out: Buffer, at: number): number {
  const size = fractionBytes(scale);
  const unit = size === 0 ? 1 : size === 1 ? 0x100 : size === 2 ? 0x1_0000 : 0x100_0000;
  const high = (bytes[from]! << 16) | (bytes[from + 1]! << 8) | bytes[from + 2]!;
  const value = (high - 0x80_0000) * unit + readFraction(bytes, from + 3, scale);
  const magnitude = value < 0 ? -value : value;
  const clock = Math.floor(magnitude / unit);
  const to = writeDuration(out, at + 1, value < 0, (clock >> 12) & 0x3ff, (clock >> 6) & 63, clock & 63);
  const end = writeFraction(out, to, magnitude - clock * unit, scale);
  out[at] = 0xa0 | (end - at - 1);
  return end;
}

/** `[-]HH:MM:SS`, with three digits of hours from 100 on. */
export function writeDuration(
  out: Buffer,
  at: number,
  negative: boolean,
  hours: number,
  minutes: number,
  seconds: number,
): number {
  if (hours > 838 || minutes > 59 || seconds > 59) throw malformedEvent('TIME');
  let to = at;
  if (negative) out[to++] = dash;
  to = hours > 99 ? writeDigits(out, to, hours, 3) : writeTwoDigits(out, to, hours);
  out[to] = colon;
  writeTwoDigits(out, to + 1, minutes);
  out[to + 3] = colon;
  return writeTwoDigits(out, to + 4, seconds);
}
