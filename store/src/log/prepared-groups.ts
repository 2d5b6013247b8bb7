import { DrcError, parseChunkHeader } from '@drc/protocol';
import {
  checkChunk,
  checksumOf,
  seal,
  sealBytes,
  unseal,
  type ChunkCheck,
  type StoredChunk,
} from './chunk-record.js';
import { allKeys, preparedKey, preparedRange, readPreparedKey } from './keys.js';
import type { LevelDatabase, WriteBatch } from './level-database.js';

/*
 * Groups that ended in an XA PREPARE and wait for their decision, by XID. Their chunks are what they would be in the
 * log, under the LSN of the prepare's own group, which is empty: so each is proven by the one before it, and one whose
 * LSN lies beyond the head is of a group that never came to its end. Retention leaves them alone.
 *
 * A commit copies them to its own place, and writes its LSN beside them in the batch that moves the head. They are
 * deleted when that is durable: where the end of the log is torn, and cut, the commit is read again and finds them.
 *
 *   value of a chunk key = chunk-record.ts      value of the decision's key, chunk 2^32 - 1 = LSN, decimal text
 */
export const decisionChunk = 0xffff_ffff;

/** One prepared group. */
interface Prepared {
  readonly xid: string;
  /** Of the group in which it was prepared; 0 where its first chunk is damaged, which shows when it is decided. */
  readonly lsn: number;
  chunks: number;
}

const burstBytes = 1024 * 1024;

export class PreparedGroups {
  readonly #db: LevelDatabase;
  readonly #groups = new Map<string, Prepared>();
  /** Committed, and still there; `decided` is the LSN of the commit. */
  #decided: (Prepared & { readonly decided: number })[] = [];

  private constructor(db: LevelDatabase) {
    this.#db = db;
  }

  /** Deletes what is left of groups beyond the head, which will be read again, and what the log has in its place. */
  static async open(db: LevelDatabase, headLsn: number): Promise<PreparedGroups> {
    const prepared = new PreparedGroups(db);
    for (let { gte } = allKeys.prepared; ; ) {
      const [first] = await db.scan({ gte, lt: allKeys.prepared.lt }, { maxEntries: 1, complete: true });
      if (first === undefined) return prepared;
      const { xid } = readPreparedKey(first[0]);
      const range = preparedRange(xid);
      gte = range.lt;
      const lsn = preparedLsnOf(first[1]);
      const decided = await decidedAt(db, xid);
      if (lsn > headLsn || (decided !== undefined && decided <= headLsn)) {
        await db.clear(range);
        continue;
      }
      // A decision beyond the head was cut off with the log's end.
      if (decided !== undefined) await db.clear({ gte: preparedKey(xid, decisionChunk), lt: range.lt });
      const [last] = await db.scan(range, { maxEntries: 1, reverse: true, complete: true });
      if (last !== undefined)
        prepared.#groups.set(xid, { xid, lsn, chunks: readPreparedKey(last[0]).chunk + 1 });
    }
  }

  /** The table versions of transactions from here on are in use. */
  get oldestLsn(): number {
    let oldest = Infinity;
    for (const { lsn } of [...this.#groups.values(), ...this.#decided]) oldest = Math.min(oldest, lsn);
    return oldest;
  }

  has(xid: string): boolean {
    return this.#groups.has(xid);
  }

  /** A group under this XID begins. One that is there was undone by the source without a word, and goes. */
  begin(xid: string, lsn: number, batch: () => WriteBatch): void {
    this.delete(xid, batch);
    this.#deleteDecided((group) => group.xid === xid, batch);
    this.#groups.set(xid, { xid, lsn, chunks: 0 });
  }

  put(xid: string, chunk: number, stored: Buffer, batch: WriteBatch): void {
    const group = this.#groups.get(xid);
    if (group === undefined) throw new DrcError('INTERNAL', `${xid} is not being prepared.`);
    batch.put(preparedKey(xid, chunk), stored);
    group.chunks = chunk + 1;
  }

  /** Deletes the chunks from this one on; the group stays. */
  truncate(xid: string, from: number, batch: () => WriteBatch): void {
    const group = this.#groups.get(xid);
    if (group === undefined || from >= group.chunks) return;
    const writes = batch();
    for (let chunk = from; chunk < group.chunks; chunk++) writes.del(preparedKey(xid, chunk));
    group.chunks = from;
  }

  /** Does nothing where there is none. */
  delete(xid: string, batch: () => WriteBatch): void {
    this.truncate(xid, 0, batch);
    this.#groups.delete(xid);
  }

  /** Its chunks are in the place of the commit with this LSN. */
  commit(xid: string, lsn: number, batch: WriteBatch): void {
    const group = this.#groups.get(xid);
    if (group === undefined) throw new DrcError('INTERNAL', `${xid} is not prepared.`);
    const key = preparedKey(xid, decisionChunk);
    batch.put(key, seal(key, String(lsn)));
    this.#groups.delete(xid);
    this.#decided.push({ ...group, decided: lsn });
  }

  /** All up to `lsn` is durable. */
  passed(lsn: number, batch: () => WriteBatch): void {
    if (this.#decided.length > 0) this.#deleteDecided(({ decided }) => decided <= lsn, batch);
  }

  /**
   * Its chunks in order, each proven; all of them must have been written.
   * @throws DrcError `LOG_CORRUPT`
   */
  async *chunks(xid: string): AsyncGenerator<StoredChunk, void, undefined> {
    const group = this.#groups.get(xid);
    if (group === undefined) throw new DrcError('INTERNAL', `${xid} is not prepared.`);
    const lt = preparedKey(xid, decisionChunk);
    let next = 0;
    let before = 0;
    for (let isLast = false; !isLast; ) {
      const found = await this.#db.scanValues({ gte: preparedKey(xid, next), lt }, { maxBytes: burstBytes });
      if (found.length === 0) throw damaged(xid, next, 'it is missing');
      for (const stored of found) {
        const check: ChunkCheck | undefined = isLast
          ? undefined
          : checkChunk(stored, group.lsn, next, before);
        if (check?.kind !== 'good') throw damaged(xid, next, check?.kind ?? 'it is one too many');
        before = checksumOf(stored);
        isLast = check.chunk.last;
        next++;
        yield check.chunk;
      }
    }
  }

  #deleteDecided(
    goes: (group: Prepared & { readonly decided: number }) => boolean,
    batch: () => WriteBatch,
  ): void {
    const going = this.#decided.filter(goes);
    if (going.length === 0) return;
    const writes = batch();
    for (const { xid, chunks } of going) {
      for (let chunk = 0; chunk < chunks; chunk++) writes.del(preparedKey(xid, chunk));
      writes.del(preparedKey(xid, decisionChunk));
    }
    this.#decided = this.#decided.filter((group) => !going.includes(group));
  }
}

/** The LSN of the decision to commit it; undefined where there is none. */
export async function decidedAt(db: LevelDatabase, xid: string): Promise<number | undefined> {
  const key = preparedKey(xid, decisionChunk);
  const stored = await db.get(key);
  return stored && Number(unseal(key, stored, `the decision over prepared transaction ${xid}`).toString());
}

/**
 * The LSN of the prepare's own group, from the first chunk, and only where that is sound: damage must not look like a group
 * that never came to its end.
 */
export function preparedLsnOf(stored: Buffer): number {
  try {
    const { lsn } = parseChunkHeader(stored.subarray(sealBytes));
    return checkChunk(stored, lsn, 0, 0).kind === 'good' ? lsn : 0;
  } catch {
    return 0;
  }
}

const damaged = (xid: string, chunk: number, found: string): DrcError =>
  new DrcError('LOG_CORRUPT', `Chunk ${chunk} of prepared transaction ${xid} cannot be read: ${found}.`, {
    xid,
    chunk,
    found,
  });
