import { seal } from './chunk-record.js';
import { allKeys, readTimeKey, timeKey } from './keys.js';
import type { LevelDatabase, WriteBatch } from './level-database.js';

/*
 * Some transactions by their log time: an entry stands for each point that stays (set-index.ts). It has no content
 * but its key; a lost or damaged entry costs time, never correctness, since the place is searched within the bracket.
 */
const nothing = Buffer.alloc(0);

export function putTime(batch: WriteBatch, time: number, lsn: number): void {
  const key = timeKey(time, lsn);
  batch.put(key, seal(key, nothing));
}

/** Between which LSNs the first transaction at or after `time` is: `from` may be it, `upTo` is not before it. */
export async function bracketOf(
  db: LevelDatabase,
  time: number,
): Promise<{ readonly from: number; readonly upTo: number }> {
  const pivot = timeKey(time, 0);
  const [before] = await db.scan({ gte: allKeys.times.gte, lt: pivot }, { reverse: true, maxEntries: 1 });
  const [after] = await db.scan({ gte: pivot, lt: allKeys.times.lt }, { maxEntries: 1 });
  return {
    from: before === undefined || !isSound(before) ? 0 : readTimeKey(before[0]).lsn + 1,
    upTo: after === undefined || !isSound(after) ? Number.MAX_SAFE_INTEGER : readTimeKey(after[0]).lsn,
  };
}

/** LevelDB can give an entry that is none: it bounds nothing. */
function isSound([key, stored]: readonly [Buffer, Buffer]): boolean {
  return seal(key, nothing).equals(stored);
}

/** Deletes the entries of transactions beyond `lsn`, which a cut has removed. */
export async function cutTimes(db: LevelDatabase, batch: WriteBatch, lsn: number): Promise<void> {
  for (let lt = allKeys.times.lt; ; ) {
    const entries = await db.scan({ gte: allKeys.times.gte, lt }, { reverse: true });
    for (const [key] of entries) {
      if (readTimeKey(key).lsn <= lsn) return;
      batch.del(key);
    }
    const last = entries.at(-1);
    if (last === undefined) return;
    lt = last[0];
  }
}
