import { inflateSync } from 'node:zlib';
import { DrcError } from '@drc/protocol';

/*
 * MariaDB's log_bin_compress: the text of a QUERY event, or the row images behind the bitmaps of a rows event, stand
 * in this form (MariaDB sql/log_event.cc, binlog_buf_compress):
 *
 *   compressed = header u8 | length (1-4 bytes, big-endian: of the inflated bytes) | zlib stream
 *   header     = 0x80 | algorithm << 4 (0: zlib) | bytes of `length`
 */

/** An event cannot be larger than max_allowed_packet, whose upper limit is 1 GiB. */
const maxInflatedBytes = 1024 * 1024 * 1024;

/** @throws DrcError `EVENT_MALFORMED`; `UNSUPPORTED_EVENT` for another algorithm than zlib. */
export function inflateCompressed(bytes: Buffer): Buffer {
  const header = bytes[0] ?? 0;
  const lengthBytes = header & 0x07;
  if ((header & 0x80) === 0 || lengthBytes < 1 || lengthBytes > 4 || bytes.length < 1 + lengthBytes)
    throw malformed('its header is not one of compressed data');
  const algorithm = (header & 0x70) >> 4;
  if (algorithm !== 0)
    throw new DrcError('UNSUPPORTED_EVENT', `An event is compressed by the unknown algorithm ${algorithm}.`);
  const length = bytes.readUIntBE(1, lengthBytes);
  if (length > maxInflatedBytes) throw malformed(`it claims ${length} bytes`);
  if (length === 0) return Buffer.alloc(0);
  let inflated: Buffer;
  try {
    inflated = inflateSync(bytes.subarray(1 + lengthBytes), { maxOutputLength: length });
  } catch (cause) {
    throw malformed('its data do not inflate', cause);
  }
  if (inflated.length !== length) throw malformed(`it holds ${inflated.length} bytes instead of ${length}`);
  return inflated;
}

/**
 * The body of a compressed rows event as it would be uncompressed, from the number of columns on.
 * @param bitmaps 1, or 2 for an update
 */
export function inflateRows(event: Buffer, columnsAt: number, end: number, bitmaps: 1 | 2): Buffer {
  const { value: columns, next } = readPackedInteger(event, columnsAt);
  const imagesAt = next + bitmaps * Math.ceil(columns / 8);
  if (imagesAt > end) throw malformed('its bitmaps overrun it');
  return Buffer.concat([
    event.subarray(columnsAt, imagesAt),
    inflateCompressed(event.subarray(imagesAt, end)),
  ]);
}

/** MySQL's length-encoded integer of up to three bytes, which is enough for 4,096 columns. */
function readPackedInteger(bytes: Buffer, at: number): { value: number; next: number } {
  const first = bytes[at];
  if (first !== undefined && first < 251) return { value: first, next: at + 1 };
  if (first === 252 && at + 3 <= bytes.length) return { value: bytes.readUInt16LE(at + 1), next: at + 3 };
  throw malformed('its number of columns cannot be read');
}

const malformed = (why: string, cause?: unknown): DrcError =>
  new DrcError('EVENT_MALFORMED', `A compressed event cannot be read: ${why}.`, {}, { cause });
