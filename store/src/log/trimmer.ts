import { setImmediate } from 'node:timers/promises';
import type { TransactionSet } from '@drc/protocol';
import { allKeys, chunkKey, pointKey, timeKey, type KeyRange } from './keys.js';
import type { LevelDatabase } from './level-database.js';
import type { LogHooks } from './log-hooks.js';
import { putTail, type LogTail } from './meta.js';
import type { LogSize } from './log-size.js';
import type { RetentionClock } from './retention.js';
import { tailAfterPass } from './retention.js';
import type { TableCatalog } from './table-catalog.js';
import type { Turn } from './turn.js';

/** How many transactions are deleted in one step; other writes come between two. */
const stepTransactions = 1000;

/** After so many deleted transactions, or bytes of them, LevelDB is asked to give their space back. */
const compactAfterTransactions = 100_000;
const compactAfterBytes = 64 * 1024 * 1024;

export interface TrimmerParts {
  readonly db: LevelDatabase;
  readonly catalog: TableCatalog;
  /** The table versions of transactions from here on are in use. */
  readonly oldestPrepared: () => number;
  readonly turn: Turn;
  readonly clock: RetentionClock;
  readonly retentionMs: number;
  readonly size: LogSize;
  /** What the log may take, bytes; undefined: as much as it likes. */
  readonly retentionBytes: number | undefined;
  /** The oldest transaction that stays in any case. */
  readonly neededFrom: (() => number) | undefined;
  readonly hooks: LogHooks;
  readonly ends: () => { readonly tail: LogTail; readonly headLsn: number; readonly headTime: number };
  readonly firstAtOrAfter: (time: number) => Promise<number>;
  readonly executedBefore: (lsn: number) => Promise<TransactionSet>;
  readonly logTimeOf: (lsn: number) => Promise<number>;
  /** Makes all writes so far last. */
  readonly sync: () => Promise<void>;
  /** Called once the new tail is durable and before anything is deleted. */
  readonly moved: (tail: LogTail, oldestTime: number) => void;
  /** Called when all before the tail has been deleted. */
  readonly deleted: (tail: LogTail) => void;
}

/** What a pass looks at. Passes by size may come often: no error of a clock can make them delete too much. */
export type TrimReason = 'age' | 'size';

/**
 * Deletes what is older than the retention, and what the log has no room for. The tail moves first, and lasts, before
 * anything is deleted: a crash or a power loss in between leaves transactions before the tail, which nobody reads and
 * the next pass deletes.
 */
export class Trimmer {
  readonly #parts: TrimmerParts;
  #uncompacted = 0;
  #uncompactedBytes = 0;

  constructor(parts: TrimmerParts) {
    this.#parts = parts;
  }

  /** One pass. @returns how many transactions it took out of the log. */
  async pass(signal: AbortSignal, reasons: readonly TrimReason[]): Promise<number> {
    const { ends } = this.#parts;
    const { tail, headLsn } = ends();
    const wanted = await Promise.all(reasons.map((reason) => this.#firstToKeep(reason)));
    const needed = Math.max(tail.lsn, this.#parts.neededFrom?.() ?? Infinity);
    const lsn = tailAfterPass(tail.lsn, headLsn, Math.min(needed, Math.max(tail.lsn, ...wanted)));
    if (lsn > tail.lsn) await this.#moveTail(tail, lsn);
    await this.#deleteBefore(lsn, tail, signal);
    return lsn - tail.lsn;
  }

  async #firstToKeep(reason: TrimReason): Promise<number> {
    const { ends, clock, retentionMs, retentionBytes, firstAtOrAfter, size } = this.#parts;
    const { tail, headLsn, headTime } = ends();
    if (reason === 'age') return await firstAtOrAfter(clock.now(headTime) - retentionMs);
    const bytes = await size.measure(tail.lsn);
    if (retentionBytes === undefined || bytes <= retentionBytes) return tail.lsn;
    return await size.firstWithin(retentionBytes, tail.lsn, headLsn);
  }

  async #moveTail(from: LogTail, lsn: number): Promise<void> {
    const { db, turn, executedBefore, logTimeOf, sync, moved, hooks } = this.#parts;
    const setBefore = (await executedBefore(lsn)).toString();
    const trimmedTime = await logTimeOf(lsn - 1);
    const oldestTime = await logTimeOf(lsn);
    const tail: LogTail = { lsn, setBefore, trimmedTime, deletedBefore: from.deletedBefore };
    await turn.take(async () => {
      const batch = db.batch();
      putTail(batch, tail);
      await batch.write();
    });
    await sync();
    moved(tail, oldestTime);
    await hooks.at?.('trim.tail');
  }

  async #deleteBefore(lsn: number, before: LogTail, signal: AbortSignal): Promise<void> {
    const { db, turn, catalog, oldestPrepared, hooks, ends, deleted } = this.#parts;
    if (before.deletedBefore >= lsn) return;
    const range = { gte: chunkKey(0, 0), lt: chunkKey(lsn, 0) };
    const bytes = await db.tableBytes({ gte: chunkKey(before.deletedBefore, 0), lt: range.lt });
    for (let from = before.deletedBefore; from < lsn && !signal.aborted; from += stepTransactions) {
      await db.clear({ gte: chunkKey(from, 0), lt: chunkKey(Math.min(from + stepTransactions, lsn), 0) });
      await hooks.at?.('trim.step');
      await setImmediate();
    }
    if (signal.aborted) return;
    const { tail } = ends();
    await db.clear({ gte: allKeys.points.gte, lt: pointKey(lsn) });
    await db.clear({ gte: allKeys.times.gte, lt: timeKey(tail.trimmedTime ?? 0, lsn) });
    await turn.take(async () => {
      const batch = db.batch();
      catalog.expire(Math.min(lsn, oldestPrepared()), batch);
      const done: LogTail = { ...tail, deletedBefore: lsn };
      putTail(batch, done);
      await batch.write();
      deleted(done);
    });
    await hooks.at?.('trim.done');
    await this.#compact(range, lsn - before.deletedBefore, bytes);
  }

  async #compact(range: KeyRange, deleted: number, bytes: number): Promise<void> {
    this.#uncompacted += deleted;
    this.#uncompactedBytes += bytes;
    if (this.#uncompacted < compactAfterTransactions && this.#uncompactedBytes < compactAfterBytes) return;
    this.#uncompacted = 0;
    this.#uncompactedBytes = 0;
    await this.#parts.db.compact(range);
  }
}
