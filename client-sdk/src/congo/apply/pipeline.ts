import { setTimeout as sleep } from 'node:timers/promises';
import type { SnapshotProgress, TransactionSet } from '@drc/protocol';
import type { WrittenRows } from '../row-writer.js';
import type { Batch } from './batch.js';
import type { Lane, LaneRecord } from './lane.js';

/** How long a batch that is done waits for those before it before it lets go of what they may be waiting for, ms. */
const patienceMs = 1_000;

/** A batch was committed. */
export interface Committed extends LaneRecord {
  readonly batch: Batch;
  readonly written: WrittenRows;
}

interface Underway {
  readonly batch: Batch;
  /** Resolves when it is committed. */
  readonly done: Promise<void>;
}

/**
 * Batches on their way into the target: several at a time, each on a lane of its own, while commits keep the order of the source. So what
 * the target shows is at each moment what the source once was, and its record has no gaps.
 *
 * Two batches that touch a row in common are never under way at a time. Where the servers' locks bind two batches nevertheless, the later
 * one lets go, and is written again after the earlier one.
 */
export class Pipeline {
  readonly #free: Lane[];
  readonly #apart: ReadonlySet<string>;
  readonly #onCommit: (committed: Committed) => void;
  /** In the order of the source. */
  readonly #underway: Underway[] = [];
  /** Behind the last batch: what the target has then. */
  #applied: TransactionSet;
  #snapshot: SnapshotProgress | undefined;

  /**
   * @param lanes at least one
   * @param applied what the target has
   * @param apart names of tables of which each change is written by itself
   */
  constructor(
    lanes: readonly Lane[],
    state: { readonly applied: TransactionSet; readonly snapshot: SnapshotProgress | undefined },
    apart: ReadonlySet<string>,
    onCommit: (committed: Committed) => void,
  ) {
    this.#free = lanes.toReversed();
    this.#applied = state.applied;
    this.#snapshot = state.snapshot;
    this.#apart = apart;
    this.#onCommit = onCommit;
  }

  /** When the source committed the first of what is under way, ms since 1970; undefined: nothing is. */
  get oldest(): number | undefined {
    return this.#underway[0]?.batch.commitTimes[0];
  }

  get isIdle(): boolean {
    return this.#underway.length === 0;
  }

  /** Resolves when a batch that is under way now is committed. @throws what failed it */
  async next(): Promise<void> {
    await this.#underway[0]?.done;
  }

  /** Resolves when all is committed. @throws what failed first */
  async drain(): Promise<void> {
    while (!this.isIdle) await this.next();
  }

  /** Resolves when nothing is under way any more, however it ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underway.map(({ done }) => done));
  }

  /** Resolves when the batch is under way. @throws what failed an earlier one */
  async put(batch: Batch): Promise<void> {
    const content = batch.content(this.#apart);
    while (this.#free.length === 0 || this.#underway.some((other) => other.batch.touches(batch)))
      await this.next();
    const lane = this.#free.pop()!;
    const record = this.#recordBehind(batch);
    const turn = this.#underway.at(-1)?.done ?? Promise.resolve();
    this.#enter(
      batch,
      (async () => {
        await lane.begin(batch.site);
        await lane.write(content);
        if (await isLate(turn)) {
          await lane.rollback();
          await turn;
          await lane.begin(batch.site);
          await lane.write(content);
        }
        this.#onCommit({ batch, ...record, written: await lane.commit(record, turn) });
        this.#free.push(lane);
      })(),
    );
  }

  /**
   * A transaction that is larger than a batch goes alone, piece by piece, in one target transaction.
   * @param pieces in their order; only the last one has an end. The first and the last may have other transactions, too.
   */
  async putLong(pieces: AsyncIterable<Batch>): Promise<void> {
    await this.drain();
    const lane = this.#free.pop()!;
    let writing: Promise<void> | undefined;
    let last: Batch | undefined;
    for await (const piece of pieces) {
      if (last === undefined) await lane.begin(piece.site);
      await writing;
      writing = lane.write(piece.content(this.#apart));
      writing.catch(() => undefined);
      last = piece;
    }
    await writing;
    if (last === undefined) return;
    const record = this.#recordBehind(last);
    this.#onCommit({ batch: last, ...record, written: await lane.commit(record, Promise.resolve()) });
    this.#free.push(lane);
  }

  #enter(batch: Batch, work: Promise<void>): void {
    const entry: Underway = {
      batch,
      done: work.then(() => {
        this.#underway.shift();
      }),
    };
    entry.done.catch(() => undefined);
    this.#underway.push(entry);
  }

  /** What the target has once this one is committed. */
  #recordBehind(batch: Batch): LaneRecord {
    const { last } = batch;
    if (last !== undefined) this.#applied = this.#applied.union(last.checkpoint.set);
    const { copied } = last ?? {};
    // The same object for as long as nothing was copied.
    const isNew = copied !== undefined && copied !== this.#snapshot;
    if (isNew) this.#snapshot = copied;
    return { applied: this.#applied, snapshot: isNew ? copied : undefined };
  }
}

/** Whether what comes before is still not committed after a while. @throws what failed it */
async function isLate(turn: Promise<void>): Promise<boolean> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      turn.then(() => false),
      sleep(patienceMs, true, { signal: timer.signal }).catch(() => false),
    ]);
  } finally {
    timer.abort();
  }
}
