import { DrcError, isDrcError, TransactionSet } from '@drc/protocol';
import { setTimeout as sleep } from 'node:timers/promises';
import { appliedBy } from '../progress-table.js';
import { Target, type TargetOptions } from '../target.js';
import type { TaskName } from './control-table.js';
import { foreignTo } from './foreign-history.js';
import { askOf, readRecords, unknownTask } from './task-record.js';

export interface TargetProgressOptions {
  readonly target: TargetOptions;
  readonly task: string;
  /** Schema of congo's own tables on the target. Default `drc`. */
  readonly progressSchema?: string;
}

export interface WaitOptions {
  /** Default 30,000; at most 24 days, which more stands for. */
  readonly timeoutMs?: number;
  /** Aborting it rejects with its reason. */
  readonly signal?: AbortSignal;
}

const defaultTimeoutMs = 30_000;
/** Timers take no more. */
const longestMs = 2 ** 31 - 1;
/** A target that cannot be reached is tried again so often, ms. */
const reconnectPauseMs = 250;

/**
 * What a task has brought to a target, seen from any program: whoever has written to the source waits here for that
 * transaction, and then reads the target without seeing an older state. However many wait, the target is asked once
 * for all of them; where nobody waits, never.
 */
export class TargetProgress implements AsyncDisposable {
  readonly #options: TargetProgressOptions;
  readonly #task: TaskName;
  #target: Target | undefined;
  /** The question under way, shared by all who wait. */
  #asking: Promise<TransactionSet> | undefined;
  /** The next question, shared by all who can wait for it; `at` in ms since 1970. */
  #next: { readonly at: number; readonly answer: Promise<TransactionSet> } | undefined;
  /** What was read last, and the texts that it was read from: large sets are not parsed again. */
  #known: { readonly texts: string; readonly set: TransactionSet } | undefined;
  readonly #closed = new AbortController();

  private constructor(options: TargetProgressOptions) {
    this.#options = options;
    this.#task = { schema: options.progressSchema ?? 'drc', task: options.task };
  }

  /** @throws DrcError `TASK_UNKNOWN`, `TARGET_UNREACHABLE`, `TARGET_AUTH`, `TARGET_CONFIG` without SELECT on congo's tables. */
  static async open(options: TargetProgressOptions): Promise<TargetProgress> {
    const progress = new TargetProgress(options);
    try {
      await progress.applied();
    } catch (error) {
      await progress[Symbol.asyncDispose]();
      throw error;
    }
    return progress;
  }

  /** What the target has now. @throws DrcError as `open`. */
  async applied(): Promise<TransactionSet> {
    return (await this.#ask()).clone();
  }

  /**
   * Resolves once the target has all of this. What holds nothing for the task's tables counts when the task has passed it,
   * which an idle task does within seconds.
   * @param transactions id of a transaction, or a set of them, as the source prints it: `@@last_gtid`, `@@gtid_binlog_pos`,
   * `@@gtid_executed`.
   * @throws DrcError `WAIT_TIMEOUT`; `CHECKPOINT_INVALID` where it is no set; `CHECKPOINT_DIVERGED` where it is of another
   * history than what the target has; `TASK_UNKNOWN`, `TARGET_AUTH`, `TARGET_CONFIG`; `CLOSED`.
   */
  async waitFor(
    transactions: string,
    { timeoutMs = defaultTimeoutMs, signal }: WaitOptions = {},
  ): Promise<void> {
    const wanted = TransactionSet.parse(transactions);
    const came = Date.now();
    const limitMs = Math.min(timeoutMs, longestMs);
    const over = AbortSignal.any([this.#closed.signal, ...(signal === undefined ? [] : [signal])]);
    // What was seen before is there still: often that is enough.
    let applied = this.#known?.set;
    let lost: DrcError | undefined;
    for (let pauseMs = 0; ; pauseMs = lost === undefined ? pauseAfter(Date.now() - came) : reconnectPauseMs) {
      over.throwIfAborted();
      const foreign = applied && foreignTo(applied, wanted);
      if (foreign !== undefined) throw diverged(this.#task, foreign);
      if (applied !== undefined && wanted.isSubsetOf(applied)) return;
      const leftMs = came + limitMs - Date.now();
      try {
        const answer = await within(Math.max(0, leftMs), over, this.#after(pauseMs));
        over.throwIfAborted();
        if (answer === undefined) throw timedOut(this.#task, transactions, timeoutMs, applied, lost);
        applied = answer;
        lost = undefined;
      } catch (error) {
        if (!isDrcError(error, 'TARGET_UNREACHABLE')) throw error;
        lost = error;
      }
    }
  }

  /** Ends the session; whoever waits gets `CLOSED`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new DrcError('CLOSED', 'It was closed while it was waited for.'));
    const target = this.#target;
    this.#target = undefined;
    // A silent server would never answer it.
    if (this.#asking !== undefined) target?.abort();
    await target?.[Symbol.asyncDispose]();
  }

  async close(): Promise<void> {
    await this[Symbol.asyncDispose]();
  }

  /** What the target has, asked after so long at the latest. */
  #after(pauseMs: number): Promise<TransactionSet> {
    if (pauseMs === 0) return this.#ask();
    const at = Date.now() + pauseMs;
    if (this.#next !== undefined && this.#next.at <= at) return this.#next.answer;
    const next = { at, answer: sleep(pauseMs).then(() => this.#ask()) };
    const done = (): void => {
      if (this.#next === next) this.#next = undefined;
    };
    next.answer.then(done, done);
    this.#next = next;
    return next.answer;
  }

  #ask(): Promise<TransactionSet> {
    this.#asking ??= this.#read().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #read(): Promise<TransactionSet> {
    this.#closed.signal.throwIfAborted();
    try {
      const target = this.#target ?? (await this.#open());
      this.#target = target;
      // Closed while it was opened: the answer is the same, and the session ends below.
      this.#closed.signal.throwIfAborted();
      const records = await askOf(this.#task, () => readRecords(target, this.#task));
      if (records === undefined) throw unknownTask(this.#task);
      const texts = records.map(({ applied }) => applied).join('\n');
      if (this.#known?.texts !== texts) this.#known = { texts, set: appliedBy(records) };
      return this.#known.set;
    } catch (error) {
      const target = this.#target;
      this.#target = undefined;
      await target?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #open(): Promise<Target> {
    const target = await Target.open(this.#options.target);
    // No transaction stays open behind a question: the one after it must see what is new, and nobody is to wait for this one.
    await target.query('SET SESSION autocommit = 1');
    return target;
  }
}

/** Short for who has just come, since most wait for milliseconds. */
const pauseAfter = (waitedMs: number): number => Math.min(50, Math.max(1, waitedMs / 8));

/** Undefined where it takes longer, or `signal` is aborted. */
async function within<Answer>(
  ms: number,
  signal: AbortSignal,
  answer: Promise<Answer>,
): Promise<Answer | undefined> {
  const timer = new AbortController();
  const limit = sleep(ms, undefined, { signal: AbortSignal.any([signal, timer.signal]) }).catch(
    () => undefined,
  );
  try {
    return await Promise.race([answer, limit.then(() => undefined)]);
  } finally {
    timer.abort();
  }
}

const diverged = ({ task }: TaskName, foreign: string): DrcError =>
  new DrcError('CHECKPOINT_DIVERGED', `The target of task '${task}' will never have this: ${foreign}.`, {
    task,
  });

function timedOut(
  { task }: TaskName,
  transactions: string,
  timeoutMs: number,
  applied: TransactionSet | undefined,
  lost: DrcError | undefined,
): DrcError {
  const has = applied === undefined || applied.isEmpty ? 'nothing yet' : shortened(applied.toString());
  const why = lost === undefined ? `It has ${has}.` : lost.message;
  return new DrcError(
    'WAIT_TIMEOUT',
    `After ${timeoutMs} ms the target of task '${task}' does not have ${shortened(transactions)}. ${why}`,
    { task, applied: applied?.toString() },
    lost === undefined ? {} : { cause: lost },
  );
}

const shortened = (text: string): string => (text.length <= 200 ? text : `${text.slice(0, 200)}…`);
