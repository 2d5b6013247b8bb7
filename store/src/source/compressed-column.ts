import { inflateRawSync, inflateSync } from 'node:zlib';
import type { ByteWriter } from './byte-writer.js';
import { malformedEvent } from './event-bytes.js';
import type { ValueWriter } from './value-writer.js';

/*
 * A value of a MariaDB COMPRESSED column:
 *   ''                                                                the empty value
 *   0x00 | bytes                                                      not compressed
 *   0x80 + 8 where there is no zlib header + n | length, n bytes BE | zlib stream
 */
const zlibMethod = 8;

/** Unpacks, and hands on to what writes the column's real type. */
export class CompressedWriter implements ValueWriter {
  readonly #inner: ValueWriter;
  /** The column's length: no value unpacks to more. */
  readonly #maxBytes: number;

  constructor(inner: ValueWriter, maxBytes: number) {
    this.#inner = inner;
    this.#maxBytes = maxBytes;
  }

  write(bytes: Buffer, from: number, end: number, out: ByteWriter): void {
    if (from === end) return this.#inner.write(bytes, from, end, out);
    const header = bytes[from]!;
    if (header === 0) return this.#inner.write(bytes, from + 1, end, out);
    const lengthBytes = header & 7;
    const streamAt = from + 1 + lengthBytes;
    if (header >> 4 !== zlibMethod || lengthBytes < 1 || lengthBytes > 4 || streamAt >= end)
      throw malformedEvent('compressed column');
    const length = bytes.readUIntBE(from + 1, lengthBytes);
    if (length > this.#maxBytes) throw malformedEvent('compressed column, length');
    const value = inflated(bytes.subarray(streamAt, end), (header & 8) !== 0, length);
    this.#inner.write(value, 0, value.length, out);
  }
}

function inflated(stream: Buffer, raw: boolean, length: number): Buffer {
  let value: Buffer;
  try {
    value = (raw ? inflateRawSync : inflateSync)(stream, { maxOutputLength: Math.max(length, 1) });
  } catch (cause) {
    throw malformedEvent('compressed column', { cause });
  }
  if (value.length !== length) throw malformedEvent('compressed column, length');
  return value;
}
