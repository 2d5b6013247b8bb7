import { isDrcError, maxFramePayloadBytes, PartKind, type TransactionSet } from '@drc/protocol';
import type { FilterView } from './filter-view.js';
import type { ReadableLog, StoredChunk } from './readable-log.js';
import { BurstComposer, type SharedBurst } from './shared-burst.js';

/** So many are kept: readers at the head are not many steps apart. Each holds a frame at most, 64 KiB. */
const keptBursts = 4;

/**
 * For readers at the head who have one filter: what each of them would read, filter and pack is read, filtered and packed once, and
 * the same bytes go to all of them. Made for whoever comes first.
 */
export class SharedBursts {
  readonly #view: FilterView;
  readonly #log: ReadableLog;
  /** By first transaction, in the order in which they were made. */
  readonly #bursts = new Map<number, Promise<SharedBurst | undefined>>();
  /** The executed set behind the newest transaction that was in a burst. */
  #executed: { lsn: number; readonly set: TransactionSet } | undefined;

  constructor(view: FilterView, log: ReadableLog) {
    this.#view = view;
    this.#log = log;
  }

  /**
   * What stands in the log from this transaction on, as far as it fits a frame. Undefined where a reader must go on by
   * itself: its transaction does not fit, is a GAP, or cannot be read or filtered.
   */
  from(lsn: number): Promise<SharedBurst | undefined> {
    const made = this.#bursts.get(lsn);
    if (made !== undefined) return made;
    const burst = this.#make(lsn);
    this.#bursts.set(lsn, burst);
    const [oldest] = this.#bursts.keys();
    if (this.#bursts.size > keptBursts && oldest !== undefined) this.#bursts.delete(oldest);
    return burst;
  }

  /** The executed set behind this transaction, a copy. @throws what the log throws. */
  async executedBehind(lsn: number): Promise<TransactionSet> {
    if (this.#executed?.lsn === lsn) return this.#executed.set.clone();
    return await this.#log.executedBefore(lsn + 1);
  }

  async #make(lsn: number): Promise<SharedBurst | undefined> {
    // Of no reader: the others wait for it too.
    const { signal } = new AbortController();
    const composer = new BurstComposer();
    try {
      const { chunks } = await this.#log.read({ lsn, chunk: 0 }, { maxBytes: maxFramePayloadBytes, signal });
      for (const chunk of chunks) {
        if (
          isGap(chunk) ||
          !composer.add(chunk, this.#view.select(chunk) ?? (await this.#view.selectLearning(chunk)))
        )
          break;
      }
      const burst = composer.take();
      if (burst !== undefined) await this.#follow(chunks, burst.nextLsn);
      return burst;
    } catch (error) {
      // What is wrong is found, and told, by each reader where it meets it.
      if (isDrcError(error)) return undefined;
      throw error;
    }
  }

  async #follow(chunks: readonly StoredChunk[], nextLsn: number): Promise<void> {
    const executed = this.#executed;
    if (executed !== undefined)
      for (const { last, lsn, id } of chunks)
        if (last && lsn < nextLsn && lsn === executed.lsn + 1) {
          executed.set.add(id);
          executed.lsn = lsn;
        }
    if (executed !== undefined && executed.lsn >= nextLsn - 1) return;
    this.#executed = { lsn: nextLsn - 1, set: await this.#log.executedBefore(nextLsn) };
  }
}

const isGap = (chunk: StoredChunk): boolean => chunk.bytes[chunk.partsAt] === PartKind.gap;
