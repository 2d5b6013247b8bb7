import { DrcError } from '@drc/protocol';

/** @param what what was being read when the bytes ended or made no sense. */
export const malformedEvent = (what: string, options?: ErrorOptions): DrcError =>
  new DrcError('EVENT_MALFORMED', `Malformed event: ${what}.`, {}, options);

/** For reads at known places, where it is faster than a Buffer's methods. */
export const dataViewOf = (bytes: Buffer): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads the fields of an event one after the other. Every method throws `EVENT_MALFORMED` rather than pass `end`. */
export class EventBytes {
  at: number;
  readonly bytes: Buffer;
  readonly end: number;
  readonly #what: string;

  constructor(bytes: Buffer, at: number, end: number, what: string) {
    if (end > bytes.length || at > end || at < 0) throw malformedEvent(what);
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    this.#what = what;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** Steps over so many bytes and returns where they begin. */
  skip(count: number): number {
    const start = this.at;
    if (count > this.end - start) throw malformedEvent(this.#what);
    this.at = start + count;
    return start;
  }

  slice(count: number): Buffer {
    const start = this.skip(count);
    return this.bytes.subarray(start, start + count);
  }

  u8(): number {
    return this.bytes[this.skip(1)]!;
  }

  u16(): number {
    return this.bytes.readUInt16LE(this.skip(2));
  }

  u48(): number {
    return this.bytes.readUIntLE(this.skip(6), 6);
  }

  /** A length-encoded integer (protocol::PackedInteger). */
  packed(): number {
    const first = this.u8();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.u16();
    if (first === 0xfd) return this.bytes.readUIntLE(this.skip(3), 3);
    if (first !== 0xfe) throw malformedEvent(this.#what);
    const at = this.skip(8);
    const value = this.bytes.readUInt32LE(at) + this.bytes.readUInt32LE(at + 4) * 0x1_0000_0000;
    if (!Number.isSafeInteger(value)) throw malformedEvent(this.#what);
    return value;
  }
}
