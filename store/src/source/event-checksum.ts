import { crc32 } from 'node:zlib';

/** CRC-32 of any bytes followed by their own CRC-32 in little-endian order. */
const residue = 0x2144df1c;

/**
 * Up to here the loop below is faster than a call of zlib, which costs 300 ns whatever the length. Measured, ns an event
 * of 60, 100, 150, 250 bytes: loop 80, 113, 195, 235; zlib 295, 293, 401, 313.
 */
const shortEventBytes = 200;

/** Eight tables of 256: entry `256 s + i` is the CRC of byte i followed by s zero bytes ("slicing by 8"). */
const tables = makeTables();

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    made[byte] = crc;
  }
  for (let at = 256; at < made.length; at += 1) {
    const shorter = made[at - 256]!;
    made[at] = (shorter >>> 8) ^ made[shorter & 0xff]!;
  }
  return made;
}

/** Whether the last four bytes of an event are the CRC-32 of those before. Binlogs are full of short events. */
export function checksumFits(event: Buffer): boolean {
  return event.length > shortEventBytes ? crc32(event) === residue : shortCrc(event) === residue;
}

function shortCrc(bytes: Buffer): number {
  const t = tables;
  const end = bytes.length;
  let crc = -1;
  let at = 0;
  for (const lastBlock = end - 8; at <= lastBlock; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      t[1792 | (low & 0xff)]! ^
      t[1536 | ((low >>> 8) & 0xff)]! ^
      t[1280 | ((low >>> 16) & 0xff)]! ^
      t[1024 | (low >>> 24)]! ^
      t[768 | bytes[at + 4]!]! ^
      t[512 | bytes[at + 5]!]! ^
      t[256 | bytes[at + 6]!]! ^
      t[bytes[at + 7]!]!;
  }
  for (; at < end; at += 1) crc = t[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
