import { crc32 } from 'node:zlib';
import { DrcError, parseChunkHeader, type ParsedChunk } from '@drc/protocol';

/*
 * Every value of the log carries a checksum, and is bound to its key, since LevelDB can return wrong bytes, or a right
 * value under a wrong key, without an error. The checksum of a chunk also covers that of the chunk before it in its
 * transaction: a transaction that was abandoned and came again has other chunks under the same keys, and where damage
 * lost some of the second, no mixture of the two is ever taken for a transaction.
 *
 *   stored = crc u32, little-endian | value
 *   crc    = chunk: CRC-32 of the value, going on from the checksum of the chunk before it (0 at the first);
 *            its key stands in its header
 *          | any other value: CRC-32 of key and value
 */
export const sealBytes = 4;

/** A chunk as the log gives it. */
export interface StoredChunk extends ParsedChunk {
  /** The chunk as in the protocol's chunk.ts, without the stored checksum. */
  readonly bytes: Buffer;
}

/**
 * Fills in the checksum of a chunk that stands in `stored` from offset 4 on, and returns it.
 * @param before checksum of the chunk before it in its transaction; 0 where there is none
 */
export function sealChunk(stored: Buffer, before: number): number {
  const checksum = crc32(stored.subarray(sealBytes), before);
  stored.writeUInt32LE(checksum, 0);
  return checksum;
}

/** The checksum that a stored value carries, right or wrong. */
export const checksumOf = (stored: Buffer): number => stored.readUInt32LE(0);

/** The stored form of a value that is no chunk. */
export function seal(key: Buffer, value: Buffer | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  const stored = Buffer.allocUnsafe(sealBytes + bytes.length);
  bytes.copy(stored, sealBytes);
  stored.writeUInt32LE(crc32(bytes, crc32(key)), 0);
  return stored;
}

/** @throws DrcError `LOG_CORRUPT` where the checksum is wrong. */
export function unseal(key: Buffer, stored: Buffer, what: string): Buffer {
  const value = stored.subarray(sealBytes);
  if (stored.length < sealBytes || checksumOf(stored) !== crc32(value, crc32(key))) {
    throw new DrcError('LOG_CORRUPT', `The checksum of ${what} in the log is wrong.`, { what });
  }
  return value;
}

/** What was found where chunk (lsn, chunk) was wanted. */
export type ChunkCheck =
  | { readonly kind: 'good'; readonly chunk: StoredChunk }
  /** A sound first chunk, but of another transaction: the wanted one is missing. */
  | { readonly kind: 'other'; readonly lsn: number }
  | { readonly kind: 'damaged' };

/**
 * Proves that stored bytes are the chunk that is wanted.
 * @param before checksum of the chunk before it in its transaction; 0 where there is none
 */
export function checkChunk(stored: Buffer, lsn: number, chunk: number, before: number): ChunkCheck {
  const found = openChunk(stored, before);
  if (found?.lsn === lsn && found.chunk === chunk) return { kind: 'good', chunk: found };
  // Only a first chunk can be proven without the one before it; that is enough, as it only words a message.
  const other = before === 0 ? found : openChunk(stored, 0);
  return other?.chunk === 0 ? { kind: 'other', lsn: other.lsn } : { kind: 'damaged' };
}

function openChunk(stored: Buffer, before: number): StoredChunk | undefined {
  if (stored.length < sealBytes) return undefined;
  const bytes = stored.subarray(sealBytes);
  if (checksumOf(stored) !== crc32(bytes, before)) return undefined;
  const header = headerOf(bytes);
  if (header === undefined) return undefined;
  // Written out: a spread here costs as much as the checksum.
  const { lsn, chunk, last, logTime, commitTime, id, origin, partsAt } = header;
  return { lsn, chunk, last, logTime, commitTime, id, origin, partsAt, bytes };
}

function headerOf(bytes: Buffer): ParsedChunk | undefined {
  try {
    return parseChunkHeader(bytes);
  } catch {
    return undefined;
  }
}
