import type { ByteWriter } from './byte-writer.js';
import { malformedEvent } from './event-bytes.js';
import { writeClock, writeDay, writeDuration, writeMoment, textHeaderOf } from './temporal.js';
import { writeDigits } from './message-bytes.js';
import type { ValueWriter } from './value-writer.js';

/*
 * Temporals of before MySQL 5.6, which MariaDB still writes with mysql56_temporal_format=OFF. Without a fraction:
 *   TIMESTAMP 4 bytes little-endian: seconds since 1970
 *   TIME      3 bytes little-endian, signed: HHMMSS as a decimal number
 *   DATETIME  8 bytes little-endian: YYYYMMDDHHMMSS as a decimal number
 * With one (MariaDB 5.3), big-endian, counting units of the last digit:
 *   TIMESTAMP 4 bytes: seconds, then 1-3 bytes: the fraction
 *   TIME      4-6 bytes: units since -838:59:59 and one second less
 *   DATETIME  6-8 bytes: ((((year * 13 + month) * 32 + day) * 24 + hour) * 60 + minute) * 60 + second, in units
 */
const maxTextBytes = 32;
const timeOffsetSeconds = 839 * 3600;
const space = 32;
const point = 46;

/** A way of writing, and the bytes that each value has in the row. */
export interface OldTemporal {
  readonly bytes: number;
  readonly writer: ValueWriter;
}

const fractionBytes = [0, 1, 1, 2, 2, 3, 3] as const;
const timeBytes = [3, 4, 4, 5, 5, 5, 6] as const;
const datetimeBytes = [8, 6, 6, 7, 7, 7, 8] as const;

const writerOf = (
  write: (bytes: Buffer, from: number, buffer: Buffer, at: number) => number,
): ValueWriter => ({
  write(bytes: Buffer, from: number, _end: number, out: ByteWriter): void {
    out.ensure(maxTextBytes);
    out.length = write(bytes, from, out.buffer, out.length);
  },
});

function writeFraction(buffer: Buffer, at: number, value: number, scale: number): number {
  if (scale === 0) return at;
  if (value >= 10 ** scale) throw malformedEvent('fraction');
  buffer[at] = point;
  return writeDigits(buffer, at + 1, value, scale);
}

/** @param scale fractional digits, 0-6 */
export const oldTimestamp = (scale: number): OldTemporal => ({
  bytes: 4 + fractionBytes[scale]!,
  writer: writerOf((bytes, from, buffer, at) => {
    const seconds = scale === 0 ? bytes.readUInt32LE(from) : bytes.readUInt32BE(from);
    const fraction = scale === 0 ? 0 : bytes.readUIntBE(from + 4, fractionBytes[scale]!);
    buffer[at] = textHeaderOf(scale, 19);
    return writeFraction(buffer, writeMoment(buffer, at + 1, seconds, fraction === 0), fraction, scale);
  }),
});

export const oldTime = (scale: number): OldTemporal => ({
  bytes: timeBytes[scale]!,
  writer: writerOf((bytes, from, buffer, at) => {
    const unit = 10 ** scale;
    const value =
      scale === 0
        ? bytes.readIntLE(from, 3)
        : bytes.readUIntBE(from, timeBytes[scale]!) - timeOffsetSeconds * unit;
    const magnitude = Math.abs(value);
    const whole = Math.floor(magnitude / unit);
    const minutes = Math.floor(whole / (scale === 0 ? 100 : 60));
    const end = writeFraction(
      buffer,
      writeDuration(
        buffer,
        at + 1,
        value < 0,
        Math.floor(minutes / (scale === 0 ? 100 : 60)),
        minutes % (scale === 0 ? 100 : 60),
        whole % (scale === 0 ? 100 : 60),
      ),
      magnitude - whole * unit,
      scale,
    );
    buffer[at] = 0xa0 | (end - at - 1);
    return end;
  }),
});

export const oldDatetime = (scale: number): OldTemporal => ({
  bytes: datetimeBytes[scale]!,
  writer: writerOf((bytes, from, buffer, at) => {
    buffer[at] = textHeaderOf(scale, 19);
    // Beyond 2^53, so exact only as BigInt; rare enough.
    const value = scale === 0 ? bytes.readBigUInt64LE(from) : bigEndian(bytes, from, datetimeBytes[scale]!);
    const unit = 10n ** BigInt(scale);
    const fields = scale === 0 ? decimalFields(Number(value)) : packedFields(Number(value / unit));
    if (fields.year > 9999) throw malformedEvent('DATETIME');
    writeDay(buffer, at + 1, fields.year, fields.month, fields.day);
    buffer[at + 11] = space;
    const end = writeClock(buffer, at + 12, fields.hour, fields.minute, fields.second);
    return writeFraction(buffer, end, scale === 0 ? 0 : Number(value % unit), scale);
  }),
});

function bigEndian(bytes: Buffer, from: number, count: number): bigint {
  let value = 0n;
  for (let index = 0; index < count; index++) value = (value << 8n) | BigInt(bytes[from + index]!);
  return value;
}

interface DatetimeFields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const decimalFields = (value: number): DatetimeFields => ({
  year: Math.floor(value / 1e10),
  month: Math.floor(value / 1e8) % 100,
  day: Math.floor(value / 1e6) % 100,
  hour: Math.floor(value / 1e4) % 100,
  minute: Math.floor(value / 100) % 100,
  second: value % 100,
});

function packedFields(value: number): DatetimeFields {
  const days = Math.floor(value / 86_400);
  const yearMonth = Math.floor(days / 32);
  return {
    year: Math.floor(yearMonth / 13),
    month: yearMonth % 13,
    day: days % 32,
    hour: Math.floor(value / 3600) % 24,
    minute: Math.floor(value / 60) % 60,
    second: value % 60,
  };
}
