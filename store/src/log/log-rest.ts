import { allKeys, chunkKey } from './keys.js';
import type { LevelDatabase } from './level-database.js';
import type { LogReader } from './log-reader.js';

/** What the log holds from a transaction on. */
export interface LogRest {
  /** Log time of the first of it, ms. */
  readonly since: number;
  /** About how much of the disk it takes; what LevelDB has in no table yet counts as nothing. */
  readonly bytes: number;
}

/** @throws DrcError `RETENTION_EXPIRED`, `LOG_CORRUPT`. */
export async function restFrom(db: LevelDatabase, reader: LogReader, lsn: number): Promise<LogRest> {
  const { logTime: since } = await reader.firstChunk(lsn);
  return { since, bytes: await db.tableBytes({ gte: chunkKey(lsn, 0), lt: allKeys.chunks.lt }) };
}
