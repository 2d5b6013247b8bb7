import type { ByteWriter } from './byte-writer.js';

/**
 * Writes one value of a column as msgpack. For the types that are not worth a place in the transcoder's loop, or
 * whose size cannot be told beforehand.
 */
export interface ValueWriter {
  /**
   * @param from where the value begins, behind its length if it has one; @param end behind its last byte
   * @throws DrcError `EVENT_MALFORMED`
   */
  write(bytes: Buffer, from: number, end: number, out: ByteWriter): void;
}
