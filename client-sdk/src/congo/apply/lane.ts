import type { SnapshotProgress, TransactionSet } from '@drc/protocol';
import type { ApplierOptions, KillPoint } from '../applier.js';
import type { ProgressTable } from '../progress-table.js';
import { noRows, type WrittenRows } from '../row-writer.js';
import { Target } from '../target.js';
import type { BatchContent } from './batch.js';
import { BatchWriter } from './batch-writer.js';

/** What a lane needs of the task. */
export type LaneOptions = Pick<ApplierOptions, 'target' | 'origin' | 'hooks'>;

/** What the target has once a batch is committed. */
export interface LaneRecord {
  readonly applied: TransactionSet;
  /** Undefined where it has not changed. */
  readonly snapshot: SnapshotProgress | undefined;
}

/** One session that writes batches, one at a time, each in a target transaction under the task's claim. */
export class Lane implements AsyncDisposable {
  readonly #target: Target;
  readonly #progress: ProgressTable;
  readonly #options: LaneOptions;
  readonly #worker: number;
  readonly #writer: BatchWriter;
  /** Since the transaction began. */
  readonly #written: WrittenRows = noRows();

  private constructor(target: Target, progress: ProgressTable, options: LaneOptions, worker: number) {
    this.#target = target;
    this.#progress = progress;
    this.#options = options;
    this.#worker = worker;
    this.#writer = new BatchWriter(target, this.#written, () => this.#at('row'));
  }

  /** @param worker from 1 @throws DrcError `TASK_FENCED`, `TARGET_UNREACHABLE`, `TARGET_AUTH` */
  static async open(options: LaneOptions, claim: ProgressTable, worker: number): Promise<Lane> {
    const target = await Target.open(options.target);
    try {
      return new Lane(target, await claim.onSession(target, worker), options, worker);
    } catch (error) {
      await target[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @throws DrcError `TASK_FENCED` */
  async begin(site: string | undefined): Promise<void> {
    const { origin } = this.#options;
    const begin = (): Promise<void> => this.#progress.begin();
    await (origin && site !== undefined ? origin.begin(this.#target, site, begin, this.#worker) : begin());
    await this.#at('begun');
  }

  /** @throws DrcError as `BatchWriter` */
  write(content: BatchContent): Promise<void> {
    return this.#writer.write(content);
  }

  /**
   * @param turn resolves when all that is before it is committed; rejects where that failed
   * @returns the rows that were written
   */
  async commit({ applied, snapshot }: LaneRecord, turn: Promise<void>): Promise<WrittenRows> {
    await this.#at('recording');
    // Counts only once all before it counts: until then nothing of this transaction does.
    await this.#progress.record(applied);
    await turn;
    if (snapshot !== undefined) await this.#progress.recordSnapshot(snapshot);
    await this.#at('committing');
    await this.#target.execute('COMMIT');
    await this.#at('committed');
    const written = { ...this.#written };
    this.#forget();
    return written;
  }

  /** So that what it holds is free for others. */
  async rollback(): Promise<void> {
    await this.#target.query('ROLLBACK');
    this.#forget();
  }

  abort(): void {
    this.#target.abort();
  }

  /** Closing the session rolls back what was not committed. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#target[Symbol.asyncDispose]();
  }

  #forget(): void {
    Object.assign(this.#written, noRows());
  }

  async #at(point: KillPoint): Promise<void> {
    if (this.#options.hooks) await this.#options.hooks.at(point);
  }
}
