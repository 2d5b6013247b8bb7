import { eventHeaderBytes } from './binlog-events.js';
import { advanced, advanceTables, registerAfter } from './event-checksum.js';

const crcBytes = 4;

/**
 * The body of a TABLE_MAP event that was read before. Each statement repeats its table maps, so half of the events of a
 * busy source are copies: comparing one with what was seen tells what its body adds to its checksum, and only the
 * header is left to sum up.
 */
export class SeenTableMap {
  readonly #body: Buffer;
  /** Made when the first copy comes. */
  #sum: { readonly advance: Int32Array; readonly register: number } | undefined = undefined;

  /** @param bodyEnd behind the body, before a checksum */
  constructor(event: Buffer, start: number, bodyEnd: number) {
    this.#body = Buffer.from(event.subarray(start + eventHeaderBytes, bodyEnd));
  }

  /** Whether the body is the same. */
  isIn(event: Buffer, start: number, bodyEnd: number): boolean {
    const body = this.#body;
    const bodyAt = start + eventHeaderBytes;
    if (bodyEnd - bodyAt !== body.length) return false;
    // A call of Buffer.compare costs more than this loop over a table of ten columns.
    let difference = 0;
    for (let at = 0; at < body.length; at += 1) difference |= body[at]! ^ event[bodyAt + at]!;
    return difference === 0;
  }

  /** Whether the four bytes behind such an event are its CRC-32. */
  checksumFits(event: Buffer, start: number, end: number): boolean {
    const body = this.#body;
    this.#sum ??= {
      advance: advanceTables(body.length),
      register: registerAfter(body, 0, body.length, 0),
    };
    const header = registerAfter(event, start, start + eventHeaderBytes, -1);
    const crc = ~(advanced(header, this.#sum.advance) ^ this.#sum.register) >>> 0;
    return crc === event.readUInt32LE(end - crcBytes);
  }
}
