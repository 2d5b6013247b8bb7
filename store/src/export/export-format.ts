import { exportVersion, type ExportHeader } from '@drc/protocol';
import { crc32 } from 'node:zlib';

/*
 * A slice of a log as a file:
 *
 *   file   = header LF | framed* | 00 00 00 00
 *   header = one line of JSON, `ExportHeader`; white space may stand behind it
 *   framed = length u32, little-endian, of the frame | frame (protocol's frame.ts, kind data)
 *
 * What the frames hold, joined, is the record stream (record.ts) as a session sends it that begins behind `set`.
 * The frames carry checksums of their own; that of the header is its last member: "crc", the CRC-32 of all that
 * stands before `,"crc"`, eight hexadecimal digits.
 */

/** The header's line with its LF. */
export function encodeExportHeader(header: ExportHeader, minBytes = 0): Buffer {
  const { topic, lineage, fromLsn, toLsn, set, transactions, rows } = header;
  const fields = { drc: 'log-export', version: exportVersion, topic, lineage, fromLsn, toLsn, set };
  const text = JSON.stringify({ ...fields, transactions, rows }).slice(0, -1);
  const crc = crc32(text).toString(16).padStart(8, '0');
  const line = Buffer.from(`${text},"crc":"${crc}"}`);
  const padding = Buffer.alloc(Math.max(0, minBytes - line.length - 1), ' ');
  return Buffer.concat([line, padding, Buffer.of(0x0a)]);
}

export const endOfExport = Buffer.alloc(4);
