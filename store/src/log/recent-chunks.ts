import type { StoredChunk } from './chunk-record.js';

/** What a chunk takes beside its bytes: objects, and memory of its own. Uncounted, small transactions took many times the limit. */
const chunkOverheadBytes = 512;

/** The next chunk wanted. */
export interface Cursor {
  readonly lsn: number;
  readonly chunk: number;
}

export interface ReadLimits {
  /** The burst ends with the chunk that reaches it; at least one chunk comes. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** What one read gives. */
export interface Burst {
  readonly chunks: readonly StoredChunk[];
  readonly next: Cursor;
}

export const cursorAfter = (chunk: StoredChunk): Cursor =>
  chunk.last ? { lsn: chunk.lsn + 1, chunk: 0 } : { lsn: chunk.lsn, chunk: chunk.chunk + 1 };

const defaultBytes = 16 * 1024 * 1024;

/**
 * The newest chunks, shared by all who read at the head, so that they do not go to LevelDB each for itself.
 * Bounded in bytes; what it holds is in order and without holes, so that a cursor is found by search. It also has
 * chunks that are not visible yet: whoever reads says how far.
 *
 * A transaction that grows beyond a quarter of it is not held, nor is what came before: readers get it from LevelDB,
 * since its beginning would be gone from here before its end lets them read it, and keeping its rest would take memory
 * just when a large transaction fills all other buffers.
 */
export class RecentChunks {
  readonly #maxBytes: number;
  readonly #overheadBytes: number;
  #chunks: (StoredChunk | undefined)[] = [];
  /** Those before are gone; the array is shortened now and then. */
  #first = 0;
  #bytes = 0;
  /** Of the newest transaction, as far as it has come. */
  #transactionBytes = 0;

  /** @param maxBytes default 16 MiB */
  constructor(maxBytes = defaultBytes, overheadBytes = chunkOverheadBytes) {
    this.#maxBytes = maxBytes;
    this.#overheadBytes = overheadBytes;
  }

  /** Bytes held, what the chunks take beside their own included. */
  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: StoredChunk): void {
    if (chunk.chunk === 0) this.#transactionBytes = 0;
    this.#transactionBytes += chunk.bytes.length;
    if (this.#transactionBytes > this.#maxBytes / 4) return this.#clear();
    this.#chunks.push(chunk);
    this.#bytes += this.#takenBy(chunk);
    while (this.#bytes > this.#maxBytes && this.#first < this.#chunks.length) {
      this.#bytes -= this.#takenBy(this.#chunks[this.#first]!);
      this.#chunks[this.#first] = undefined;
      this.#first++;
    }
    if (this.#first > 1024 && this.#first * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Forgets this chunk and all behind it. */
  dropFrom({ lsn, chunk }: Cursor): void {
    while (this.#chunks.length > this.#first) {
      const last = this.#chunks.at(-1)!;
      if (last.lsn < lsn || (last.lsn === lsn && last.chunk < chunk)) return;
      this.#bytes -= this.#takenBy(last);
      this.#chunks.pop();
    }
  }

  #clear(): void {
    this.#chunks = [];
    this.#first = 0;
    this.#bytes = 0;
  }

  /** @returns undefined where the cursor's chunk is not here. */
  read(cursor: Cursor, headLsn: number, maxBytes: number): Burst | undefined {
    let low = this.#first;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { lsn, chunk } = this.#chunks[middle]!;
      if (lsn < cursor.lsn || (lsn === cursor.lsn && chunk < cursor.chunk)) low = middle + 1;
      else high = middle;
    }
    const found = this.#chunks[low];
    if (found === undefined || found.lsn !== cursor.lsn || found.chunk !== cursor.chunk) return undefined;
    const chunks: StoredChunk[] = [];
    let next = cursor;
    for (let at = low, bytes = 0; at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at]!;
      // At least one comes, however little is asked for.
      if (chunk.lsn > headLsn || (bytes >= maxBytes && chunks.length > 0)) break;
      chunks.push(chunk);
      bytes += chunk.bytes.length;
      next = cursorAfter(chunk);
    }
    return { chunks, next };
  }

  #takenBy(chunk: StoredChunk): number {
    return chunk.bytes.length + this.#overheadBytes;
  }
}
