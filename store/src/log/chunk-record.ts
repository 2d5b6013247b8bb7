import { crc32 } from 'node:zlib';
import { DrcError, parseChunkHeader, type ParsedChunk } from '@drc/protocol';
import { chunkKey, chunkKeyBytes } from './keys.js';

/*
 * Every value of the log carries a checksum that covers its key too, since LevelDB can return wrong bytes, or a
 * right value under a wrong key, without an error. The checksum of a chunk also covers that of the chunk before it in
 * its transaction: a transaction that was abandoned and came again has other chunks under the same keys, and where
 * damage lost some of the second, no mixture of the two is ever taken for a transaction.
 *
 *   stored = crc u32, little-endian | value
 *   crc    = CRC-32 of key and value; for a chunk that is not its transaction's first, going on from the one before
 */
export const sealBytes = 4;

/** A chunk as the log gives it. */
export interface StoredChunk extends ParsedChunk {
  /** The chunk as in the protocol's chunk.ts, without the stored checksum. */
  readonly bytes: Buffer;
}

/**
 * Fills in the checksum of a value that stands in `stored` from offset 4 on, and returns it.
 * @param before checksum of the chunk before it in its transaction; 0 where there is none
 */
export function sealInPlace(key: Buffer, stored: Buffer, before = 0): number {
  const checksum = crc32(stored.subarray(sealBytes), crc32(key, before));
  stored.writeUInt32LE(checksum, 0);
  return checksum;
}

/** The checksum that a stored value carries, right or wrong. */
export const checksumOf = (stored: Buffer): number => stored.readUInt32LE(0);

export function seal(key: Buffer, value: Buffer | string, before = 0): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  const stored = Buffer.allocUnsafe(sealBytes + bytes.length);
  bytes.copy(stored, sealBytes);
  sealInPlace(key, stored, before);
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

/** Verifies stored chunks. Holds one scratch key, so that checking costs no allocation. */
export class ChunkVerifier {
  readonly #key = Buffer.allocUnsafe(chunkKeyBytes);

  /** @param before checksum of the chunk before it in its transaction; 0 where there is none */
  check(stored: Buffer, lsn: number, chunk: number, before: number): ChunkCheck {
    const found = this.#open(stored, lsn, chunk, before);
    if (found !== undefined) return { kind: 'good', chunk: found };
    // Only a first chunk can be proven without the one before it; that is enough, as it only words a message.
    const claimed = headerOf(stored);
    if (claimed?.chunk !== 0 || this.#open(stored, claimed.lsn, 0, 0) === undefined)
      return { kind: 'damaged' };
    return { kind: 'other', lsn: claimed.lsn };
  }

  #open(stored: Buffer, lsn: number, chunk: number, before: number): StoredChunk | undefined {
    if (stored.length < sealBytes) return undefined;
    const bytes = stored.subarray(sealBytes);
    if (checksumOf(stored) !== crc32(bytes, crc32(chunkKey(lsn, chunk, this.#key), before))) return undefined;
    const header = parseChunkHeader(bytes);
    if (header.lsn !== lsn || header.chunk !== chunk) return undefined;
    // Written out: a spread here costs as much as the checksum.
    return {
      lsn,
      chunk,
      last: header.last,
      logTime: header.logTime,
      commitTime: header.commitTime,
      id: header.id,
      origin: header.origin,
      partsAt: header.partsAt,
      bytes,
    };
  }
}

function headerOf(stored: Buffer): ParsedChunk | undefined {
  try {
    return parseChunkHeader(stored.subarray(sealBytes));
  } catch {
    return undefined;
  }
}
