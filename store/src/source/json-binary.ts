import type { ByteWriter } from './byte-writer.js';
import { malformedEvent } from './event-bytes.js';
import { OpaqueWriter } from './json-opaque.js';
import { writeAscii, writeDouble, writeInt64, writeQuoted, writeUint64, writeWhole } from './json-text.js';
import { maxHeaderBytes, textHeaderBytes, writeTextHeader } from './message-bytes.js';
import type { ValueWriter } from './value-writer.js';

/*
 * A value of MySQL's JSON column (sql-common/json_binary.h):
 *   document  = type u8 | value, or nothing: what IGNORE and a lenient sql_mode make of NULL, read as `null`
 *   object    = count | size | key entry * count | value entry * count | keys | values
 *   array     = count | size | value entry * count | values
 *   key entry = offset | length u16              value entry = type u8 | offset, or the value itself where it fits in one
 *   literal   = 0 null, 1 true, 2 false          string = length packed | UTF-8
 *   opaque    = column type u8 | length packed | bytes, see json-opaque.ts
 * Numbers are little-endian. Counts, sizes and offsets are u16, or u32 in the large forms; offsets count from the
 * container's `count`, sizes too. A packed length has seven bits a byte, the lowest first, the high bit where more
 * follow. Keys stand in the order in which they are printed.
 */
const Type = {
  smallObject: 0,
  largeObject: 1,
  smallArray: 2,
  largeArray: 3,
  literal: 4,
  int16: 5,
  uint16: 6,
  int32: 7,
  uint32: 8,
  int64: 9,
  uint64: 10,
  double: 11,
  string: 12,
  opaque: 15,
} as const;

const literals = ['null', 'true', 'false'] as const;

/** Containers within one another: MySQL takes no more. */
const maxDepth = 100;
const maxLengthBytes = 5;

/** MySQL's binary JSON as the text that the server prints for it. */
export class JsonWriter implements ValueWriter {
  readonly #opaque = new OpaqueWriter();

  write(bytes: Buffer, from: number, end: number, out: ByteWriter): void {
    // Written behind the header that a text of this length would need, and moved where it turned out to need another.
    const start = out.length;
    const guess = textHeaderBytes(end - from);
    out.ensure(maxHeaderBytes);
    out.length = start + guess;
    if (from === end) writeAscii(out, literals[0]);
    else new Document(bytes, end - from, this.#opaque, out).value(bytes[from]!, from + 1, end, 0);
    const written = out.length - start - guess;
    const header = textHeaderBytes(written);
    out.ensure(maxHeaderBytes);
    if (header !== guess) out.buffer.copyWithin(start + header, start + guess, out.length);
    writeTextHeader(out.buffer, start, written);
    out.length = start + header + written;
  }
}

/** One document on its way into `out`. */
class Document {
  readonly #bytes: Buffer;
  readonly #opaque: OpaqueWriter;
  readonly #out: ByteWriter;
  /**
   * Bytes of the document not yet accounted for. In a document of the server's no two values share bytes, so this
   * bounds what offsets that point to one place can cost.
   */
  #unread: number;

  constructor(bytes: Buffer, size: number, opaque: OpaqueWriter, out: ByteWriter) {
    this.#bytes = bytes;
    this.#unread = size;
    this.#opaque = opaque;
    this.#out = out;
  }

  /** Writes the value at `at`; nothing at or beyond `end` is read. @param depth containers around it */
  value(type: number, at: number, end: number, depth: number): void {
    const bytes = this.#bytes;
    const out = this.#out;
    switch (type) {
      case Type.smallObject:
      case Type.smallArray:
        return this.#container(at, end, type === Type.smallObject, false, depth);
      case Type.largeObject:
      case Type.largeArray:
        return this.#container(at, end, type === Type.largeObject, true, depth);
      case Type.literal:
      case Type.int16:
      case Type.uint16:
      case Type.int32:
      case Type.uint32:
        this.#spend(at, smallBytes(type), end);
        return this.#small(type, at);
      case Type.int64:
        this.#spend(at, 8, end);
        return writeInt64(bytes, at, out);
      case Type.uint64:
        this.#spend(at, 8, end);
        return writeUint64(bytes, at, out);
      case Type.double:
        this.#spend(at, 8, end);
        return writeDouble(out, bytes.readDoubleLE(at));
      case Type.string: {
        const { from, behind } = this.#counted(at, end);
        return writeQuoted(bytes, from, behind, out);
      }
      case Type.opaque: {
        this.#spend(at, 1, end);
        const { from, behind } = this.#counted(at + 1, end);
        return this.#opaque.write(bytes[at]!, bytes, from, behind, out);
      }
      default:
        throw malformedEvent('JSON type');
    }
  }

  /** Writes a value of a type that may stand in its entry; its bytes are there and accounted for. */
  #small(type: number, at: number): void {
    const bytes = this.#bytes;
    const out = this.#out;
    switch (type) {
      case Type.int16:
        return writeWhole(out, bytes.readInt16LE(at));
      case Type.uint16:
        return writeWhole(out, bytes.readUInt16LE(at));
      case Type.int32:
        return writeWhole(out, bytes.readInt32LE(at));
      case Type.uint32:
        return writeWhole(out, bytes.readUInt32LE(at));
      default: {
        const literal = literals[bytes[at]!];
        if (literal === undefined) throw malformedEvent('JSON literal');
        return writeAscii(out, literal);
      }
    }
  }

  #container(at: number, end: number, isObject: boolean, isLarge: boolean, depth: number): void {
    if (depth === maxDepth) throw malformedEvent('JSON depth');
    const bytes = this.#bytes;
    const out = this.#out;
    const width = isLarge ? 4 : 2;
    this.#spend(at, width * 2, end);
    const count = sizeAt(bytes, at, isLarge);
    const size = sizeAt(bytes, at + width, isLarge);
    const keys = at + width * 2;
    const entries = isObject ? keys + count * (width + 2) : keys;
    const data = entries + count * (width + 1);
    const behind = at + size;
    if (behind > end || data > behind) throw malformedEvent('JSON size');
    this.#spend(keys, data - keys, behind);
    writeAscii(out, isObject ? '{' : '[');
    for (let index = 0; index < count; index++) {
      if (index > 0) writeAscii(out, ', ');
      if (isObject) {
        const entry = keys + index * (width + 2);
        const key = at + sizeAt(bytes, entry, isLarge);
        const length = bytes.readUInt16LE(entry + width);
        if (key < data) throw malformedEvent('JSON key');
        this.#spend(key, length, behind);
        writeQuoted(bytes, key, key + length, out);
        writeAscii(out, ': ');
      }
      const entry = entries + index * (width + 1);
      const type = bytes[entry]!;
      if (isInline(type, isLarge)) {
        this.#small(type, entry + 1);
      } else {
        const from = at + sizeAt(bytes, entry + 1, isLarge);
        if (from < data || from > behind) throw malformedEvent('JSON offset');
        this.value(type, from, behind, depth + 1);
      }
    }
    writeAscii(out, isObject ? '}' : ']');
  }

  /** The bytes behind a packed length. */
  #counted(at: number, end: number): { from: number; behind: number } {
    const bytes = this.#bytes;
    let length = 0;
    for (let index = 0; index < maxLengthBytes && at + index < end; index++) {
      const byte = bytes[at + index]!;
      length += (byte & 0x7f) * 128 ** index;
      if (byte >= 0x80) continue;
      const from = at + index + 1;
      this.#spend(at, index + 1 + length, end);
      return { from, behind: from + length };
    }
    throw malformedEvent('JSON length');
  }

  /** Accounts for bytes that are there, and not yet read. */
  #spend(at: number, count: number, end: number): void {
    this.#unread -= count;
    if (count > end - at || this.#unread < 0) throw malformedEvent('JSON value');
  }
}

const sizeAt = (bytes: Buffer, at: number, isLarge: boolean): number =>
  isLarge ? bytes.readUInt32LE(at) : bytes.readUInt16LE(at);

const smallBytes = (type: number): number =>
  type === Type.literal ? 1 : type === Type.int16 || type === Type.uint16 ? 2 : 4;

/** Whether a value stands in its entry. */
function isInline(type: number, isLarge: boolean): boolean {
  switch (type) {
    case Type.literal:
    case Type.int16:
    case Type.uint16:
      return true;
    case Type.int32:
    case Type.uint32:
      return isLarge;
    default:
      return false;
  }
}
