import { DrcError, isDrcError } from '@drc/protocol';
import { checkChunk, checksumOf, sealBytes, type StoredChunk } from './chunk-record.js';
import { chunkKey } from './keys.js';
import type { LevelDatabase } from './level-database.js';
import { cursorAfter, type Burst, type Cursor } from './recent-chunks.js';

/**
 * Most chunks that one burst holds: JavaScript has to look at each of them before anybody else gets a turn, and LevelDB's
 * iterator makes room for so many at once.
 */
const burstChunks = 1024;

/** How much is read at once where only first chunks are wanted: of large transactions one each, of small ones many. */
const lookup = { maxBytes: 128 * 1024, maxEntries: 256 } as const;

/** For how many places within transactions the reader need not look up the chunk before. */
const rememberedPlaces = 256;

/** What the reader needs to know of the log's ends, as they are at the moment of asking. */
export interface LogEnds {
  readonly headLsn: number;
  readonly tailLsn: number;
}

/**
 * Reads chunks and proves each: its checksum, and that it is the one that must come next. What is not is
 * `RETENTION_EXPIRED` where the log was trimmed meanwhile, and damage otherwise.
 */
export class LogReader {
  readonly #db: Pick<LevelDatabase, 'get' | 'scanValues'>;
  readonly #ends: () => LogEnds;
  /** By place, the checksum of the chunk before it: where bursts ended, and so where the next ones begin. */
  readonly #checksums = new Map<string, number>();

  constructor(db: Pick<LevelDatabase, 'get' | 'scanValues'>, ends: () => LogEnds) {
    this.#db = db;
    this.#ends = ends;
  }

  /**
   * Whole chunks from the cursor on, about `maxBytes` of them and at least one, up to the transaction `upTo`.
   * Damage behind sound chunks is reported by the read that begins there.
   * @throws DrcError `RETENTION_EXPIRED`, `LOG_CORRUPT`.
   */
  async read(cursor: Cursor, upTo: number, maxBytes: number): Promise<Burst> {
    const chunks: StoredChunk[] = [];
    let next = cursor;
    let before = cursor.chunk === 0 ? 0 : await this.#checksumBefore(cursor);
    for (const stored of await this.#stored(cursor, upTo, { maxBytes, maxEntries: burstChunks })) {
      const check = checkChunk(stored, next.lsn, next.chunk, before);
      if (check.kind !== 'good') {
        if (chunks.length > 0) break;
        throw await this.#fault(
          next,
          check.kind === 'other' ? `transaction ${check.lsn} stands there` : check.kind,
        );
      }
      chunks.push(check.chunk);
      next = cursorAfter(check.chunk);
      before = next.chunk === 0 ? 0 : checksumOf(stored);
    }
    if (chunks.length === 0) throw await this.#fault(next, 'it is missing');
    if (next.chunk > 0) this.#remember(next, before);
    return { chunks, next };
  }

  /** The first chunk of one transaction. @throws as `read`. */
  async firstChunk(lsn: number): Promise<StoredChunk> {
    const chunk = proven(await this.#db.get(chunkKey(lsn, 0)), lsn);
    if (typeof chunk === 'string') throw await this.#fault({ lsn, chunk: 0 }, chunk);
    return chunk;
  }

  /** The first chunks of the transactions from `from` up to, but not including, `end`. @throws as `read`. */
  async *firstChunks(from: number, end: number): AsyncGenerator<StoredChunk> {
    for (let lsn = from; lsn < end; ) {
      const stored = await this.#stored({ lsn, chunk: 0 }, end - 1, lookup);
      // What is not the next transaction's is the rest of the one before; the next look begins behind that.
      for (const [index, bytes] of stored.entries()) {
        if (index > 0 && chunkNumberOf(bytes) !== 0) continue;
        const chunk = proven(bytes, lsn);
        if (typeof chunk === 'string') throw await this.#fault({ lsn, chunk: 0 }, chunk);
        yield chunk;
        lsn++;
      }
      if (stored.length === 0) throw await this.#fault({ lsn, chunk: 0 }, 'it is missing');
    }
  }

  /** Within a transaction each chunk is proven by the one before it. */
  async #checksumBefore({ lsn, chunk }: Cursor): Promise<number> {
    const remembered = this.#checksums.get(placeOf({ lsn, chunk }));
    if (remembered !== undefined) return remembered;
    const stored = await this.#db.get(chunkKey(lsn, chunk - 1));
    if (stored === undefined) throw await this.#fault({ lsn, chunk: chunk - 1 }, 'it is missing');
    return checksumOf(stored);
  }

  #remember(cursor: Cursor, checksum: number): void {
    const [oldest] = this.#checksums.keys();
    if (this.#checksums.size >= rememberedPlaces && oldest !== undefined) this.#checksums.delete(oldest);
    this.#checksums.set(placeOf(cursor), checksum);
  }

  async #stored(
    cursor: Cursor,
    upTo: number,
    limits: { readonly maxBytes: number; readonly maxEntries: number },
  ): Promise<readonly Buffer[]> {
    const range = { gte: chunkKey(cursor.lsn, cursor.chunk), lt: chunkKey(upTo + 1, 0) };
    try {
      return await this.#db.scanValues(range, limits);
    } catch (error) {
      if (!(error instanceof DrcError) || error.code !== 'LOG_CORRUPT') throw error;
      // LevelDB met damage somewhere in the range: what stands before it is still good.
      return await this.#db.scanValues(range, { maxEntries: 1 });
    }
  }

  /** @throws DrcError `STORE_UNAVAILABLE` where the system refuses LevelDB the table: scans pass over it, a key does not */
  async #fault({ lsn, chunk }: Cursor, found: string): Promise<DrcError> {
    const { tailLsn, headLsn } = this.#ends();
    if (lsn < tailLsn) return expired(lsn, tailLsn);
    try {
      await this.#db.get(chunkKey(lsn, chunk));
    } catch (error) {
      if (!isDrcError(error, 'LOG_CORRUPT')) throw error;
    }
    return new DrcError('LOG_CORRUPT', `Chunk ${lsn}/${chunk} of the log cannot be read: ${found}.`, {
      lsn,
      chunk,
      found,
      head: headLsn,
    });
  }
}

/** @returns the transaction's first chunk, or what stands in its place */
function proven(stored: Buffer | undefined, lsn: number): StoredChunk | string {
  if (stored === undefined) return 'it is missing';
  const check = checkChunk(stored, lsn, 0, 0);
  return check.kind === 'good' ? check.chunk : check.kind;
}

/** Of a stored chunk, proven or not: where it stands in its transaction. */
const chunkNumberOf = (stored: Buffer): number =>
  stored.length < sealBytes + 14 ? 0 : stored.readUInt32LE(sealBytes + 10);

export const expired = (lsn: number, tailLsn: number): DrcError =>
  new DrcError(
    'RETENTION_EXPIRED',
    `Transaction ${lsn} is no longer in the log, which begins at ${tailLsn}.`,
    {
      lsn,
      oldestLsn: tailLsn,
    },
  );

const placeOf = ({ lsn, chunk }: Cursor): string => `${lsn}/${chunk}`;
