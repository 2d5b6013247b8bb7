/*
 * Unsigned little-endian integers, read byte by byte: for what is read of each chunk and each part. Buffer's own
 * methods ask each time whether the offset is a number within the bytes; here that is the caller's matter. Bytes that
 * are not there count as zero.
 */
export const readU16 = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);

export const readU32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

/** Exact up to 2^53: what is larger is not a safe integer. */
export const readU64 = (bytes: Uint8Array, at: number): number =>
  readU32(bytes, at) + readU32(bytes, at + 4) * 0x1_0000_0000;
