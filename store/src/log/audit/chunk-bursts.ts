import { isDrcError } from '@drc/protocol';
import { allKeys, chunkKey, readChunkKey } from '../keys.js';
import type { LevelDatabase } from '../level-database.js';

/** Stored chunks as they stand in the database, proven by nothing; or a stretch that LevelDB cannot read. */
export type ChunkBurst =
  | { readonly kind: 'entries'; readonly entries: readonly (readonly [key: Buffer, stored: Buffer])[] }
  | { readonly kind: 'unreadable'; readonly from: number; readonly to: number; readonly why: string };

const maxBytes = 4 * 1024 * 1024;
const mostEntries = 1024;
const one = { maxEntries: 1 } as const;

/**
 * All chunks of the transactions `from` to `to`, in the order of their keys. Behind what LevelDB cannot read it goes on with
 * the next transaction that it can.
 */
export async function* chunkBursts(
  db: LevelDatabase,
  from: number,
  to: number,
  signal: AbortSignal,
): AsyncGenerator<ChunkBurst> {
  const lt = chunkKey(to + 1, 0);
  let gte = chunkKey(from, 0);
  // Damage may lie far behind: what stands before it is still read, in ever smaller pieces.
  let maxEntries = mostEntries;
  while (Buffer.compare(gte, lt) < 0) {
    signal.throwIfAborted();
    try {
      const entries = await db.scan({ gte, lt }, { maxBytes, maxEntries });
      if (entries.length === 0) return;
      yield { kind: 'entries', entries };
      gte = Buffer.concat([entries.at(-1)![0], Buffer.of(0)]);
      maxEntries = Math.min(mostEntries, maxEntries * 2);
    } catch (error) {
      if (!isDrcError(error, 'LOG_CORRUPT')) throw error;
      if (maxEntries > 1) {
        maxEntries = Math.ceil(maxEntries / 8);
        continue;
      }
      const { lsn } = readChunkKey(gte);
      const next = await nextReadable(db, lsn, to);
      yield { kind: 'unreadable', from: lsn, to: next - 1, why: error.message };
      gte = chunkKey(next, 0);
    }
  }
}

/** The first transaction behind `lsn` that can be read, to within what lies between two tries; `to` + 1 where none can. */
async function nextReadable(db: LevelDatabase, lsn: number, to: number): Promise<number> {
  let low = lsn;
  let high = lsn + 1;
  for (let step = 1; !(await isReadable(db, high)); step *= 2) {
    if (high > to) return to + 1;
    low = high;
    high = Math.min(high + step, to + 1);
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await isReadable(db, middle)) high = middle;
    else low = middle;
  }
  return high;
}

async function isReadable(db: LevelDatabase, lsn: number): Promise<boolean> {
  try {
    await db.scan({ gte: chunkKey(lsn, 0), lt: allKeys.chunks.lt }, one);
    return true;
  } catch (error) {
    if (!isDrcError(error, 'LOG_CORRUPT')) throw error;
    return false;
  }
}
