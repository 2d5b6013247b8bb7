import type { ChunkHeader, Gap } from '@drc/protocol';
import { checkChunk, checksumOf, type StoredChunk } from '../chunk-record.js';
import { chunkKeyBytes, readChunkKey } from '../keys.js';
import type { CatalogAudit } from './catalog-audit.js';
import { textOf, transactionsText, type FaultList } from './fault-list.js';
import type { IndexAudit } from './index-audit.js';
import { auditParts } from './parts-audit.js';

/** A transaction that an operator left out. */
export interface AuditedGap extends Gap {
  readonly lsn: number;
}

/** What was counted so far. */
export interface AuditCounts {
  readonly transactions: number;
  readonly chunks: number;
  readonly rows: number;
  /** Of the chunks, as they are before LevelDB compresses them. */
  readonly bytes: number;
}

type Counts = { -readonly [Name in keyof AuditCounts]: AuditCounts[Name] };

/** So many gaps are kept; all are counted. */
const keptGaps = 10_000;

/**
 * The transactions of a log, chunk by chunk: their numbers have no holes; the chunks of each are 0, 1, 2 … up to the one that
 * says it is the last, agree in their header, and are proven by checksums that go on from chunk to chunk; log times do
 * not decrease; what the parts hold is what it says it is. What is not so becomes a fault, and the audit goes on behind it.
 */
export class TransactionAudit {
  readonly #catalog: CatalogAudit;
  readonly #index: IndexAudit;
  readonly #faults: FaultList;
  /** The next chunk wanted. */
  #lsn: number;
  #chunk = 0;
  /** Stored checksum of the chunk before it. */
  #before = 0;
  /** The first chunk of the transaction that is being passed; undefined between two. */
  #first: StoredChunk | undefined;
  /** The rest of this transaction is proven by nothing: it is passed over. */
  #isLost = false;
  #logTime = 0;
  readonly #counts: Counts = { transactions: 0, chunks: 0, rows: 0, bytes: 0 };
  #oldestTime: number | undefined;
  readonly #gaps: AuditedGap[] = [];
  #gapCount = 0;

  constructor(tailLsn: number, catalog: CatalogAudit, index: IndexAudit, faults: FaultList) {
    this.#lsn = tailLsn;
    this.#catalog = catalog;
    this.#index = index;
    this.#faults = faults;
  }

  /** The transaction that comes next, or is being passed. */
  get lsn(): number {
    return this.#lsn;
  }

  get counts(): AuditCounts {
    return this.#counts;
  }

  /** Log times of the first and of the last sound transaction; undefined where there is none. */
  get times(): { readonly oldest: number; readonly newest: number } | undefined {
    return this.#oldestTime === undefined ? undefined : { oldest: this.#oldestTime, newest: this.#logTime };
  }

  get gaps(): { readonly count: number; readonly first: readonly AuditedGap[] } {
    return { count: this.#gapCount, first: this.#gaps };
  }

  /** The next entry of the database. A promise only where an index is to be compared. */
  take(key: Buffer, stored: Buffer): Promise<void> | undefined {
    if (key.length !== chunkKeyBytes) {
      this.#faults.add('record', `key ${key.toString('hex')}`, 'It is no key of a chunk.');
      return undefined;
    }
    const { lsn, chunk } = readChunkKey(key);
    if (lsn === this.#lsn) return this.#isLost ? undefined : this.#pass(chunk, stored);
    return this.#goOnAt(lsn, chunk, stored);
  }

  /** Transactions that cannot be read at all; the next entry lies behind them. */
  async unreadable(from: number, to: number, why: string): Promise<void> {
    const first = Math.max(from, this.#lsn);
    if (to < first) return;
    if (first > this.#lsn) await this.#leave(first);
    this.#faults.add('database', transactionsText(first, to), why, first);
    await this.#goTo(to + 1);
  }

  /** No entry follows: all up to `headLsn` should have been there. */
  async finish(headLsn: number): Promise<void> {
    if (this.#lsn <= headLsn) await this.#leave(headLsn + 1);
  }

  async #goOnAt(lsn: number, chunk: number, stored: Buffer): Promise<void> {
    await this.#leave(lsn);
    await this.#pass(chunk, stored);
  }

  /** Goes on at this transaction although an earlier one was wanted: tells what is missing before it. */
  async #leave(lsn: number): Promise<void> {
    const isBegun = this.#isLost || this.#first !== undefined;
    if (isBegun && !this.#isLost) this.#lacksChunk();
    const from = isBegun ? this.#lsn + 1 : this.#lsn;
    if (from < lsn) {
      const found = from === lsn - 1 ? 'It is missing.' : 'They are missing.';
      this.#faults.add('transaction', transactionsText(from, lsn - 1), found, from);
    }
    await this.#goTo(lsn);
  }

  async #goTo(lsn: number): Promise<void> {
    await this.#index.lost(lsn - 1);
    this.#lsn = lsn;
    this.#startTransaction();
  }

  #startTransaction(): void {
    this.#chunk = 0;
    this.#before = 0;
    this.#first = undefined;
    this.#isLost = false;
  }

  #lacksChunk(): void {
    this.#faults.add('chunk', `chunk ${this.#lsn}/${this.#chunk}`, 'It is missing.', this.#lsn);
    this.#isLost = true;
  }

  #pass(number: number, stored: Buffer): Promise<void> | undefined {
    if (number !== this.#chunk) {
      this.#lacksChunk();
      return undefined;
    }
    const place = `chunk ${this.#lsn}/${this.#chunk}`;
    const check = checkChunk(stored, this.#lsn, this.#chunk, this.#before);
    if (check.kind !== 'good') {
      const found =
        check.kind === 'other' ? `Transaction ${check.lsn} stands there.` : 'Its checksum is wrong.';
      this.#faults.add('chunk', place, found, this.#lsn);
      this.#isLost = true;
      return undefined;
    }
    const { chunk } = check;
    if (this.#first === undefined) this.#begin(chunk);
    else if (!agree(chunk, this.#first))
      this.#faults.add('chunk', place, 'Its header is not that of the chunk before it.', this.#lsn);
    this.#auditParts(chunk, place);
    this.#before = checksumOf(stored);
    this.#chunk++;
    return chunk.last ? this.#end(chunk) : undefined;
  }

  #begin(chunk: StoredChunk): void {
    this.#first = chunk;
    const { logTime, lsn } = chunk;
    if (logTime < this.#logTime) {
      const found = `Its log time ${logTime} lies before ${this.#logTime} of an earlier one.`;
      this.#faults.add('transaction', `transaction ${lsn}`, found, lsn);
    }
    this.#oldestTime ??= logTime;
    this.#logTime = Math.max(this.#logTime, logTime);
  }

  #auditParts(chunk: StoredChunk, place: string): void {
    let rows = 0;
    try {
      const parts = auditParts(chunk, this.#catalog);
      rows = parts.rows;
      if (parts.gap !== undefined) this.#gap(parts.gap, chunk, place);
    } catch (error) {
      this.#faults.add('chunk', place, textOf(error), chunk.lsn);
    }
    this.#counts.chunks++;
    this.#counts.rows += rows;
    this.#counts.bytes += chunk.bytes.length;
  }

  #gap(gap: Gap, { lsn, chunk, last }: StoredChunk, place: string): void {
    if (chunk > 0 || !last)
      this.#faults.add('chunk', place, 'A gap is not the only part of its transaction.', lsn);
    this.#gapCount++;
    if (this.#gaps.length < keptGaps) this.#gaps.push({ ...gap, lsn });
  }

  #end({ lsn, id, logTime }: StoredChunk): Promise<void> | undefined {
    this.#counts.transactions++;
    this.#startTransaction();
    this.#lsn = lsn + 1;
    return this.#index.passed({ lsn, id, logTime });
  }
}

const agree = (one: ChunkHeader, other: ChunkHeader): boolean =>
  one.id === other.id &&
  one.logTime === other.logTime &&
  one.commitTime === other.commitTime &&
  one.origin === other.origin;
