import { allKeys, chunkKey } from './keys.js';
import type { LevelDatabase } from './level-database.js';

/**
 * How much of the disk the log's transactions take: what their chunks take in LevelDB's tables, compressed and to a
 * block, and the write-ahead logs as a whole. Left out is what cannot be trimmed (prepared XA transactions, table versions) or is small
 * (points, times), and what was trimmed and waits for LevelDB's next compaction.
 */
export class LogSize {
  readonly #db: LevelDatabase;
  #bytes: number | undefined;

  constructor(db: LevelDatabase) {
    this.#db = db;
  }

  /** As it was last measured, bytes; undefined before that. */
  get bytes(): number | undefined {
    return this.#bytes;
  }

  /** Of the transactions from the tail on. */
  async measure(tailLsn: number): Promise<number> {
    const [tables, writeAhead] = await Promise.all([this.#tablesFrom(tailLsn), this.#db.writeAheadBytes()]);
    this.#bytes = tables + writeAhead;
    return this.#bytes;
  }

  /**
   * The first transaction so that the log takes no more than `limit` from there on. What is in no table yet stays
   * whatever the limit says: how much of it belongs to which transaction is not known.
   */
  async firstWithin(limit: number, tailLsn: number, headLsn: number): Promise<number> {
    const forTables = Math.max(0, limit - (await this.#db.writeAheadBytes()));
    let low = tailLsn;
    let high = headLsn + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((await this.#tablesFrom(middle)) > forTables) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async #tablesFrom(lsn: number): Promise<number> {
    return await this.#db.tableBytes({ gte: chunkKey(lsn, 0), lt: allKeys.chunks.lt });
  }
}
