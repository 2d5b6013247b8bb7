import { imageMarker, type Column } from '@drc/protocol';
import { ByteWriter } from '../source/byte-writer.js';
import { charsetNameOf, charsetOf, type Losses } from '../source/charset.js';
import { ColumnCode } from '../source/column-code.js';
import type { ColumnPlan } from '../source/column-plan.js';
import * as direct from '../source/direct-write.js';
import { malformedEvent } from '../source/event-bytes.js';
import {
  copyBytes,
  maxHeaderBytes,
  maxIntegerBytes,
  nilByte,
  writeDigits,
  writeInteger,
  writeTextHeader,
} from '../source/message-bytes.js';
import {
  datetimeMessageBytes,
  textHeaderOf,
  timeMessageBytes,
  writeClock,
  writeDay,
  writeDuration,
} from '../source/temporal.js';
import { BytesWriter, TextWriter } from '../source/text.js';

/*
 * A row of a binary result set, and how it becomes a row image (protocol/chunk.ts):
 *
 *   row        = 0x00 | bitmap of NULLs, whose first column is bit 2 | the values that are not NULL
 *   value      = fixed: 1, 2, 4 or 8 bytes, little-endian · temporal: length u8, fields · all else: length packed, bytes
 *   DATE, DATETIME, TIMESTAMP = length 0 | 4 | 7 | 11: year u16, month u8, day u8, hour, minute, second u8, micros u32
 *   TIME       = length 0 | 8 | 12: negative u8, days u32, hour, minute, second u8, micros u32
 *
 * Integers, floats, bytes and text stand here as they stand in the binlog, and the functions that write these from there
 * write them from here. Of the others (decimals, temporals, labels, JSON) the server has made the text already, or its parts.
 */

/** Which bytes a value has: so many, or as its first bytes say. */
export type Extent = 1 | 2 | 4 | 8 | 'temporal' | 'packed';

/** Writes the value in [from, end) behind what `out` holds. */
type WriteValue = (bytes: Buffer, from: number, end: number, out: ByteWriter) => void;

/** How one column of the result is read. */
export interface ResultColumn {
  readonly extent: Extent;
  readonly write: WriteValue;
  /** Grows with each character that has no place in UTF-8: such messages may be the same for different values. */
  readonly losses?: Losses;
}

/** The bytes of a value by the type that the result set declares. */
export function extentOfType(code: number): Extent {
  switch (code) {
    case ColumnCode.tiny:
      return 1;
    case ColumnCode.short:
    case ColumnCode.year:
      return 2;
    case ColumnCode.int24:
    case ColumnCode.long:
    case ColumnCode.float:
      return 4;
    case ColumnCode.longlong:
    case ColumnCode.double:
      return 8;
    case ColumnCode.date:
    case ColumnCode.newDate:
    case ColumnCode.timestampOld:
    case ColumnCode.datetimeOld:
    case ColumnCode.timeOld:
      return 'temporal';
    default:
      return 'packed';
  }
}

/**
 * @param plan what capture makes of the column
 * @param extent of its values in the result
 */
export function resultColumn(column: Column, plan: ColumnPlan, extent: Extent): ResultColumn {
  const losses: Losses = { count: 0 };
  return { extent, write: writerOf(column, plan, losses), losses };
}

function writerOf(column: Column, plan: ColumnPlan, losses: Losses): WriteValue {
  const { scale = 0 } = column;
  switch (column.type) {
    case 'decimal':
      return writeDecimal;
    case 'year':
      return writeYear;
    case 'date':
      return writeDate;
    case 'datetime':
    case 'timestamp':
      return datetimeWriter(scale);
    case 'time':
      return timeWriter(scale);
    case 'enum':
    case 'set':
      return textWriter(column.collation, losses);
    case 'uuid':
    case 'inet4':
    case 'inet6':
      return writeUtf8;
    case 'json':
      return column.collation === undefined ? writeUtf8 : textWriter(column.collation, losses);
    case 'text':
      return textWriter(column.collation, losses);
    case 'bytes':
      return writeBytes;
    default: {
      const { direct: write, maxBytes } = plan;
      if (write === undefined) throw new TypeError(`No way to write ${column.type}.`);
      return (bytes, from, end, out) => {
        out.ensure(maxBytes + end - from);
        out.length = write(bytes, from, end, out.buffer, out.length);
      };
    }
  }
}

const writeUtf8: WriteValue = (bytes, from, end, out) => {
  out.ensure(maxHeaderBytes + end - from);
  out.length = direct.utf8(bytes, from, end, out.buffer, out.length);
};

const bytesWriter = new BytesWriter();
const writeBytes: WriteValue = (bytes, from, end, out) => bytesWriter.write(bytes, from, end, out);

/** @param collation of the stored bytes, which come as they are */
function textWriter(collation: number | undefined, losses: Losses): WriteValue {
  const charset = charsetOf(charsetNameOf(collation ?? 0) ?? '');
  if (charset === undefined) throw new TypeError(`No charset for collation ${collation}.`);
  if (charset.isUtf8) return writeUtf8;
  const writer = new TextWriter(charset, losses);
  return (bytes, from, end, out) => writer.write(bytes, from, end, out);
}

const zero = 48;
const point = 46;
const dash = 45;
const space = 32;

/** The digits as the server prints them, without the zeros that ZEROFILL puts in front. */
const writeDecimal: WriteValue = (bytes, from, end, out) => {
  let start = from;
  const isNegative = bytes[from] === dash;
  if (isNegative) start++;
  while (start + 1 < end && bytes[start] === zero && bytes[start + 1] !== point) start++;
  const length = end - start + (isNegative ? 1 : 0);
  out.ensure(maxHeaderBytes + length);
  let at = writeTextHeader(out.buffer, out.length, length);
  if (isNegative) out.buffer[at++] = dash;
  out.length = copyBytes(bytes, start, end, out.buffer, at);
};

const writeYear: WriteValue = (bytes, from, _end, out) => {
  out.ensure(maxIntegerBytes);
  out.length = writeInteger(out.buffer, out.length, bytes.readUInt16LE(from));
};

/** Nothing stands for zero. */
const dayOf = (bytes: Buffer, from: number, end: number, out: Buffer, at: number): number =>
  end - from < 4
    ? writeDay(out, at, 0, 0, 0)
    : writeDay(out, at, bytes.readUInt16LE(from), bytes[from + 2]!, bytes[from + 3]!);

const writeDate: WriteValue = (bytes, from, end, out) => {
  out.ensure(datetimeMessageBytes);
  out.buffer[out.length] = textHeaderOf(0, 10);
  out.length = dayOf(bytes, from, end, out.buffer, out.length + 1);
};

const datetimeWriter =
  (scale: number): WriteValue =>
  (bytes, from, end, out) => {
    out.ensure(datetimeMessageBytes);
    const { buffer, length: at } = out;
    const hasClock = end - from >= 7;
    buffer[at] = textHeaderOf(scale, 19);
    const dayEnd = dayOf(bytes, from, end, buffer, at + 1);
    buffer[dayEnd] = space;
    const clockEnd = hasClock
      ? writeClock(buffer, dayEnd + 1, bytes[from + 4]!, bytes[from + 5]!, bytes[from + 6]!)
      : writeClock(buffer, dayEnd + 1, 0, 0, 0);
    const micros = end - from >= 11 ? bytes.readUInt32LE(from + 7) : 0;
    out.length = writeFraction(buffer, clockEnd, micros, scale);
  };

const timeWriter =
  (scale: number): WriteValue =>
  (bytes, from, end, out) => {
    out.ensure(timeMessageBytes);
    const { buffer, length: at } = out;
    const isThere = end - from >= 8;
    const hours = isThere ? bytes.readUInt32LE(from + 1) * 24 + bytes[from + 5]! : 0;
    const [minutes, seconds] = isThere ? [bytes[from + 6]!, bytes[from + 7]!] : [0, 0];
    const clockEnd = writeDuration(buffer, at + 1, isThere && bytes[from] === 1, hours, minutes, seconds);
    const micros = end - from >= 12 ? bytes.readUInt32LE(from + 8) : 0;
    out.length = writeFraction(buffer, clockEnd, micros, scale);
    buffer[at] = textHeaderOf(0, out.length - at - 1);
  };

function writeFraction(buffer: Buffer, at: number, micros: number, scale: number): number {
  if (scale === 0) return at;
  buffer[at] = point;
  return writeDigits(buffer, at + 1, Math.floor(micros / 10 ** (6 - scale)), scale);
}

/** Reads rows of one result set: where each value stands, and the image that they make. */
export class BinaryRow {
  readonly #columns: readonly ResultColumn[];
  readonly #imageColumns: number;
  /** Where each value of the row that was read last begins and ends; both -1 for NULL. */
  readonly #from: Int32Array;
  readonly #end: Int32Array;
  #bytes: Buffer = Buffer.alloc(0);

  /** @param imageColumns how many of the columns, from the first, are of the image; those behind are only for `value` */
  constructor(columns: readonly ResultColumn[], imageColumns: number) {
    this.#columns = columns;
    this.#imageColumns = imageColumns;
    this.#from = new Int32Array(columns.length);
    this.#end = new Int32Array(columns.length);
  }

  /**
   * Finds the values of the row in [at, end).
   * @throws DrcError `EVENT_MALFORMED`
   */
  scan(bytes: Buffer, at: number, end: number): void {
    const columns = this.#columns;
    this.#bytes = bytes;
    const nulls = at + 1;
    let read = nulls + ((columns.length + 9) >> 3);
    for (let index = 0; index < columns.length; index++) {
      if (((bytes[nulls + ((index + 2) >> 3)]! >> ((index + 2) & 7)) & 1) === 1) {
        this.#from[index] = this.#end[index] = -1;
        continue;
      }
      const { extent } = columns[index]!;
      let length: number;
      if (typeof extent === 'number') length = extent;
      else if (extent === 'temporal') length = bytes[read++]!;
      else {
        const first = bytes[read]!;
        const width = first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : 9;
        if (read + width > end) throw malformedEvent('row of a result');
        length =
          width === 1
            ? first
            : width === 9
              ? Number(bytes.readBigUInt64LE(read + 1))
              : bytes.readUIntLE(read + 1, width - 1);
        read += width;
      }
      this.#from[index] = read;
      read += length;
      if (!(read <= end)) throw malformedEvent('row of a result');
      this.#end[index] = read;
    }
    if (read !== end) throw malformedEvent('row of a result');
  }

  /** Writes the image of the row that was scanned last. */
  write(out: ByteWriter): void {
    out.ensure(1);
    out.buffer[out.length++] = imageMarker;
    for (let index = 0; index < this.#imageColumns; index++) {
      const from = this.#from[index]!;
      if (from < 0) {
        out.ensure(1);
        out.buffer[out.length++] = nilByte;
      } else this.#columns[index]!.write(this.#bytes, from, this.#end[index]!, out);
    }
  }

  /** The bytes of one value of that row, a slice; none for NULL. */
  bytes(column: number): Buffer {
    return this.#bytes.subarray(Math.max(this.#from[column]!, 0), Math.max(this.#end[column]!, 0));
  }

  /** What the image has for it. */
  message(column: number): Buffer {
    const out = new ByteWriter();
    this.#columns[column]!.write(this.#bytes, this.#from[column]!, this.#end[column]!, out);
    return out.take();
  }
}
