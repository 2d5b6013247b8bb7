import { writeDecimal, type DecimalLayout } from './decimal.js';
import { malformedEvent } from './event-bytes.js';
import { copyBytes, writeBytesHeader, writeInteger, writeTextHeader } from './message-bytes.js';
import * as temporal from './temporal.js';

/**
 * Writes the value in [from, end) as msgpack at `at`, where there is room for the column's `maxBytes` and, for a
 * variable column, the value's own length; returns the offset behind.
 */
export type DirectWrite = (bytes: Buffer, from: number, end: number, out: Buffer, at: number) => number;

export const int8: DirectWrite = (bytes, from, _end, out, at) =>
  writeInteger(out, at, (bytes[from]! << 24) >> 24);

export const uint8: DirectWrite = (bytes, from, _end, out, at) => writeInteger(out, at, bytes[from]!);

export const int16: DirectWrite = (bytes, from, _end, out, at) =>
  writeInteger(out, at, ((bytes[from]! << 16) | (bytes[from + 1]! << 24)) >> 16);

export const uint16: DirectWrite = (bytes, from, _end, out, at) =>
  writeInteger(out, at, bytes[from]! | (bytes[from + 1]! << 8));

export const int24: DirectWrite = (bytes, from, _end, out, at) =>
  writeInteger(out, at, ((bytes[from]! << 8) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 24)) >> 8);

export const uint24: DirectWrite = (bytes, from, _end, out, at) =>
  writeInteger(out, at, bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16));

const fourBytes = (bytes: Buffer, from: number): number =>
  bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 24);

export const int32: DirectWrite = (bytes, from, _end, out, at) =>
  writeInteger(out, at, fourBytes(bytes, from));

export const uint32: DirectWrite = (bytes, from, _end, out, at) =>
  writeInteger(out, at, fourBytes(bytes, from) >>> 0);

/** Eight little-endian bytes behind their msgpack code. */
const eightBytes =
  (code: number): DirectWrite =>
  (bytes, from, _end, out, at) => {
    out[at] = code;
    out[at + 1] = bytes[from + 7]!;
    out[at + 2] = bytes[from + 6]!;
    out[at + 3] = bytes[from + 5]!;
    out[at + 4] = bytes[from + 4]!;
    out[at + 5] = bytes[from + 3]!;
    out[at + 6] = bytes[from + 2]!;
    out[at + 7] = bytes[from + 1]!;
    out[at + 8] = bytes[from]!;
    return at + 9;
  };

/** Always of nine bytes: a BIGINT's type does not depend on its value. */
export const int64 = eightBytes(0xd3);
export const uint64 = eightBytes(0xcf);
export const double = eightBytes(0xcb);

export const float: DirectWrite = (bytes, from, _end, out, at) => {
  out[at] = 0xca;
  out[at + 1] = bytes[from + 3]!;
  out[at + 2] = bytes[from + 2]!;
  out[at + 3] = bytes[from + 1]!;
  out[at + 4] = bytes[from]!;
  return at + 5;
};

/** Years since 1900; 0 is the year 0000. */
export const year: DirectWrite = (bytes, from, _end, out, at) =>
  writeInteger(out, at, bytes[from] === 0 ? 0 : bytes[from]! + 1900);

export const decimal =
  (layout: DecimalLayout): DirectWrite =>
  (bytes, from, _end, out, at) =>
    writeDecimal(layout, bytes, from, out, at);

export const date: DirectWrite = (bytes, from, _end, out, at) => temporal.writeDate(bytes, from, out, at);

export const datetime =
  (scale: number): DirectWrite =>
  (bytes, from, _end, out, at) =>
    temporal.writeDatetime(bytes, from, scale, out, at);

export const timestamp =
  (scale: number): DirectWrite =>
  (bytes, from, _end, out, at) =>
    temporal.writeTimestamp(bytes, from, scale, out, at);

export const time =
  (scale: number): DirectWrite =>
  (bytes, from, _end, out, at) =>
    temporal.writeTime(bytes, from, scale, out, at);

/** Text that is UTF-8 already. */
export const utf8: DirectWrite = (bytes, from, end, out, at) =>
  copyBytes(bytes, from, end, out, writeTextHeader(out, at, end - from));

export const binary: DirectWrite = (bytes, from, end, out, at) =>
  copyBytes(bytes, from, end, out, writeBytesHeader(out, at, end - from));

/** BINARY(n): the zero bytes at the end that the binlog leaves out are put back. */
export const paddedBinary =
  (length: number): DirectWrite =>
  (bytes, from, end, out, at) => {
    if (end - from >= length) return binary(bytes, from, end, out, at);
    const start = writeBytesHeader(out, at, length);
    const behind = start + length;
    out.fill(0, copyBytes(bytes, from, end, out, start), behind);
    return behind;
  };

/** ENUM. @param messages of each index */
export const label =
  (messages: readonly Buffer[]): DirectWrite =>
  (bytes, from, end, out, at) => {
    const index = end - from === 1 ? bytes[from]! : bytes[from]! | (bytes[from + 1]! << 8);
    const message = messages[index];
    if (message === undefined) throw malformedEvent('ENUM value without a label');
    return copyBytes(message, 0, message.length, out, at);
  };
