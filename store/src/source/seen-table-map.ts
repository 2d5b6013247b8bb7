import { eventHeaderBytes } from './binlog-events.js';
import { advanced, advanceTables, registerAfter } from './event-checksum.js';

const crcBytes = 4;

/**
 * The body of a TABLE_MAP event that was read before. Each statement repeats its table maps, so half of the events of a
 * busy source are copies: comparing one with what was seen tells what its body adds to its checksum, and only the
 * header is left to sum up.
 */
export class SeenTableMap {
  readonly #body: DataView;
  /** Made when the first copy comes. */
  #sum: { readonly advance: Int32Array; readonly register: number } | undefined = undefined;

  /** @param bodyEnd behind the body, before a checksum */
  constructor(bytes: DataView, start: number, bodyEnd: number) {
    const from = bytes.byteOffset + start + eventHeaderBytes;
    this.#body = new DataView(bytes.buffer.slice(from, bytes.byteOffset + bodyEnd));
  }

  /** Whether the event has the same body. */
  isIn(bytes: DataView, start: number, bodyEnd: number): boolean {
    const body = this.#body;
    const bodyAt = start + eventHeaderBytes;
    const length = body.byteLength;
    if (bodyEnd - bodyAt !== length) return false;
    // Four bytes at a time: a call of Buffer.compare costs more than this loop over a table of ten columns.
    let difference = 0;
    let at = 0;
    for (; at + 4 <= length; at += 4)
      difference |= body.getInt32(at, true) ^ bytes.getInt32(bodyAt + at, true);
    for (; at < length; at += 1) difference |= body.getUint8(at) ^ bytes.getUint8(bodyAt + at);
    return difference === 0;
  }

  /** Whether the four bytes behind such an event are its CRC-32. */
  checksumFits(bytes: DataView, start: number, end: number): boolean {
    const body = this.#body;
    this.#sum ??= {
      advance: advanceTables(body.byteLength),
      register: registerAfter(body, 0, body.byteLength, 0),
    };
    const header = registerAfter(bytes, start, start + eventHeaderBytes, -1);
    return (
      ~(advanced(header, this.#sum.advance) ^ this.#sum.register) === bytes.getInt32(end - crcBytes, true)
    );
  }
}
