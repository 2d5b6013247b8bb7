import { DrcError } from '@drc/protocol';
import { malformedEvent } from './event-bytes.js';

/*
 * The form in which newer MySQL servers write events (libs/mysql/serialization/readme.md):
 *
 *   message  = version | size (of all of it) | last field that must be known | field *
 *   field    = number, rising | value, whose form only the number tells
 *   unsigned = 1 … 9 bytes: the first has n - 1 ones at its low end and then a zero; the value stands above them,
 *              little-endian. Nine bytes: the first is 0xff, the value is the other eight.
 *   signed   = unsigned, of value × 2, or of -1 - value × 2 for a negative one
 *   text     = unsigned length | bytes
 *   fixed    = that many unsigned, one for each byte
 *
 * Version, size and field numbers are unsigned, too.
 */

const knownVersion = 1;

/** Reads a message field by field. Every method throws `EVENT_MALFORMED` rather than pass the end. */
export class SerializedFields {
  /** No reader may go on that does not know this field and those before it. */
  readonly lastNeeded: number;
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  #field = -1;

  /** @throws DrcError `EVENT_MALFORMED`; `UNSUPPORTED_EVENT` for another version of the form. */
  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
    const version = this.unsigned();
    if (version !== knownVersion)
      throw new DrcError('UNSUPPORTED_EVENT', `An event has version ${version} of MySQL's serialization.`);
    if (this.unsigned() !== end - at) throw malformed();
    this.lastNeeded = this.#small();
  }

  /** The number of the next field, whose value must be read then; undefined at the end. */
  next(): number | undefined {
    if (this.#at === this.#end) return undefined;
    const field = this.#small();
    if (field <= this.#field) throw malformed();
    this.#field = field;
    return field;
  }

  /** A number while that is exact. */
  unsigned(): number | bigint {
    if (this.#at >= this.#end) throw malformed();
    const at = this.#at;
    const first = this.#bytes[at]!;
    // The trailing ones are the leading zeros of the complement, looked at from the other end.
    const size = first === 0xff ? 9 : 32 - Math.clz32(~first & (first + 1));
    if (at + size > this.#end) throw malformed();
    this.#at = at + size;
    if (size === 1) return first >> 1;
    if (size < 8) return (first >> size) + this.#bytes.readUIntLE(at + 1, size - 1) * 2 ** (8 - size);
    const low = this.#bytes.readUInt32LE(at + 1);
    const high = size === 9 ? this.#bytes.readUInt32LE(at + 5) : this.#bytes.readUIntLE(at + 5, 3);
    return high < 0x20_0000 ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low);
  }

  /** A number while that is exact. */
  signed(): number | bigint {
    const value = this.unsigned();
    if (typeof value === 'number') return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    const half = (value & 1n) === 0n ? value >> 1n : -1n - (value >> 1n);
    return half >= Number.MIN_SAFE_INTEGER && half <= Number.MAX_SAFE_INTEGER ? Number(half) : half;
  }

  /** An array of so many bytes; its length is part of its type. */
  fixedBytes(count: number): Buffer {
    const result = Buffer.alloc(count);
    for (let index = 0; index < count; index++) {
      const byte = this.#small();
      if (byte > 0xff) throw malformed();
      result[index] = byte;
    }
    return result;
  }

  text(): string {
    const length = this.#small();
    const at = this.#at;
    if (length > this.#end - at) throw malformed();
    this.#at = at + length;
    return this.#bytes.toString('latin1', at, this.#at);
  }

  #small(): number {
    const value = this.unsigned();
    if (typeof value !== 'number') throw malformed();
    return value;
  }
}

const malformed = (): DrcError => malformedEvent('fields in MySQL’s serialization');
