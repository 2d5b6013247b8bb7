import type { ByteWriter } from './byte-writer.js';
import { ColumnCode } from './column-code.js';
import { decimalLayout, writeDecimalText, type DecimalLayout } from './decimal.js';
import { malformedEvent } from './event-bytes.js';
import { writeAscii, writeQuoted } from './json-text.js';
import { writeDigits } from './message-bytes.js';
import { writeClock, writeDay, writeDuration } from './temporal.js';

/*
 * Values of SQL types that JSON does not have, inside MySQL's binary JSON (sql-common/json_dom.cc: Json_decimal,
 * Json_datetime, wrapper_to_string). `type` is the column type's number, see `ColumnCode`.
 *   DECIMAL              precision u8 | scale u8 | as in a row                       → a number
 *   DATE, DATETIME, TIMESTAMP
 *                        i64 little-endian: (year * 13 + month) | day 5 bits | hour 5 | minute 6 | second 6 | fraction 24
 *   TIME                 i64 little-endian, negative as a whole: hour 10 bits | minute 6 | second 6 | fraction 24
 *   text (VAR_STRING)    UTF-8                                                       → a string
 *   all else             bytes                                       → "base64:typeNNN:…", a line break each 76 letters
 */
const temporalBytes = 8;
/** The longest, a negative TIME of three digits or a DATETIME, with quotes. */
const maxTemporalBytes = 32;
const base64LineBytes = (76 / 4) * 3;

const quote = 34;
const space = 32;
const point = 46;

/** Writes opaque values; knows the layouts of the DECIMALs seen, of which there are few. */
export class OpaqueWriter {
  readonly #layouts = new Map<number, DecimalLayout>();

  /** @throws DrcError `EVENT_MALFORMED` */
  write(type: number, bytes: Buffer, from: number, end: number, out: ByteWriter): void {
    switch (type) {
      case ColumnCode.newDecimal:
        return this.#decimal(bytes, from, end, out);
      case ColumnCode.date:
      case ColumnCode.datetimeOld:
      case ColumnCode.timestampOld:
      case ColumnCode.timeOld:
        return temporal(type, bytes, from, end, out);
      case ColumnCode.varString:
        return writeQuoted(bytes, from, end, out);
      default:
        return base64(type, bytes, from, end, out);
    }
  }

  #decimal(bytes: Buffer, from: number, end: number, out: ByteWriter): void {
    if (end - from < 2) throw malformedEvent('JSON decimal');
    const layout = this.#layout(bytes[from]!, bytes[from + 1]!);
    if (end - from - 2 !== layout.bytes) throw malformedEvent('JSON decimal');
    out.ensure(layout.maxBytes);
    out.length = writeDecimalText(layout, bytes, from + 2, out.buffer, out.length);
  }

  #layout(precision: number, scale: number): DecimalLayout {
    if (precision < 1 || precision > 81 || scale > precision) throw malformedEvent('JSON decimal');
    const key = precision * 256 + scale;
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    const layout = decimalLayout(precision, scale);
    this.#layouts.set(key, layout);
    return layout;
  }
}

/** Always six digits of the second. */
function temporal(type: number, bytes: Buffer, from: number, end: number, out: ByteWriter): void {
  if (end - from !== temporalBytes) throw malformedEvent('JSON temporal');
  const packed = bytes.readBigInt64LE(from);
  const magnitude = packed < 0n ? -packed : packed;
  const fraction = Number(magnitude & 0xff_ffffn);
  const whole = Number(magnitude >> 24n);
  if (fraction >= 1_000_000) throw malformedEvent('JSON temporal');
  out.ensure(maxTemporalBytes);
  const { buffer } = out;
  let at = out.length;
  buffer[at++] = quote;
  const seconds = whole % 64;
  const minutes = Math.floor(whole / 64) % 64;
  if (type === ColumnCode.timeOld) {
    at = writeDuration(buffer, at, packed < 0n, Math.floor(whole / 4096), minutes, seconds);
    at = writeFraction(buffer, at, fraction);
  } else {
    if (packed < 0n) throw malformedEvent('JSON temporal');
    const days = Math.floor(whole / 0x2_0000);
    const yearMonth = Math.floor(days / 32);
    at = writeDay(buffer, at, Math.floor(yearMonth / 13), yearMonth % 13, days % 32);
    if (type !== ColumnCode.date) {
      buffer[at++] = space;
      at = writeClock(buffer, at, Math.floor(whole / 4096) % 32, minutes, seconds);
      at = writeFraction(buffer, at, fraction);
    }
  }
  buffer[at] = quote;
  out.length = at + 1;
}

function writeFraction(buffer: Buffer, at: number, fraction: number): number {
  buffer[at] = point;
  return writeDigits(buffer, at + 1, fraction, 6);
}

function base64(type: number, bytes: Buffer, from: number, end: number, out: ByteWriter): void {
  writeAscii(out, `"base64:type${type}:`);
  for (let line = from; line < end; line += base64LineBytes) {
    // The line break is text inside a string, so it is escaped.
    if (line > from) writeAscii(out, '\\n');
    writeAscii(out, bytes.toString('base64', line, Math.min(line + base64LineBytes, end)));
  }
  writeAscii(out, '"');
}
