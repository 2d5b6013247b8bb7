import { DrcError, isDrcError } from '@drc/protocol';
import { hostname } from 'node:os';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Hub, SubscribeOptions, Subscription, Transaction } from '../index.js';
import { Applier, type ApplierCounters, type CongoHooks, type DdlPolicy } from './applier.js';
import type { ProgressTable } from './progress-table.js';
import { noRows } from './row-writer.js';
import { Rules } from './rules/rules.js';
import type { RuleMatch, TableRule } from './rules/table-rule.js';
import type { TriggerPolicy } from './target-table.js';
import type { TargetOptions } from './target.js';

export interface CongoOptions {
  readonly hub: Hub;
  /** 1-128 ASCII characters: the name under which progress is kept on the target. */
  readonly task: string;
  readonly topic: string;
  readonly tables: readonly TableRule[];
  /** Which rules count for a table that several name. Default `first`. */
  readonly match?: RuleMatch;
  readonly target: TargetOptions;
  /** Where reading begins on the first start; later the record on the target decides. Default `earliest`. */
  readonly from?: SubscribeOptions['from'];
  /** Transactions that were left out of the log and that the task is to pass; any other ends it with `GAP`. */
  readonly acknowledgeGaps?: readonly string[];
  /** Default `stop`. */
  readonly ddl?: DdlPolicy;
  /** Default `refuse`. */
  readonly triggers?: TriggerPolicy;
  /** Schema of congo's own tables on the target. Default `drc`. */
  readonly progressSchema?: string;
  /** A target transaction takes source transactions until it has this many rows. Default 2,000. */
  readonly maxBatchRows?: number;
  /** How often an idle task looks whether it was taken over, ms. Default 5,000. */
  readonly claimCheckMs?: number;
  /** Told of each state; for logs. */
  readonly onStatus?: (status: CongoStatus) => void;
  readonly hooks?: CongoHooks;
}

/** `lastCommitTime`: when the source committed what was applied last, ms since 1970. */
export type CongoStatus =
  | { readonly kind: 'starting' }
  | { readonly kind: 'applying'; readonly lastCommitTime: number | undefined }
  | { readonly kind: 'waiting'; readonly error: DrcError; readonly retryAt: number }
  | { readonly kind: 'stopped'; readonly error?: DrcError };

const firstPauseMs = 200;
const longestPauseMs = 15_000;
const defaultClaimCheckMs = 5_000;
/** How long an open target transaction may take to end once the task is to stop. */
const stopGraceMs = 10_000;

/**
 * Keeps tables on a target equal to tables of a topic: exactly once in effect, in the source's order. What can be
 * tried again (a lost connection, a deadlock) is tried again, as whole transactions and for as long as it takes;
 * everything else ends `run` with a typed error, and the target as it was after the last whole transaction before it.
 */
export class Congo {
  readonly #options: CongoOptions;
  readonly #rules: Rules;
  readonly counters: ApplierCounters = {
    rows: noRows(),
    transactions: 0,
    targetTransactions: 0,
    ddlIgnored: 0,
    sequencesIgnored: 0,
  };
  #status: CongoStatus = { kind: 'starting' };
  #subscription: Subscription | undefined;
  /** This process's claim on the task: made once, so that a process that was taken over never takes the task back. */
  #claim: ProgressTable | undefined;
  /** Attempts since something was last applied. */
  #failures = 0;
  /** Source transactions in the target transaction that is open. */
  #together = 0;
  /** So many source transactions get a target transaction each, since one of them was refused. */
  #alone = 0;
  /** Faults of the target's tables, as far as they were met by the transactions that are being tried one by one. */
  readonly #faults = new Set<string>();
  /** Rows of the one source transaction that is refused from which on each is written by itself, to name the row. */
  #singlyFrom: number | undefined;
  /** Rows of the target transaction that failed before the statement of several rows that failed it. */
  #failedAt: number | undefined;
  /** When the source committed what was applied last, and what is being applied; ms since 1970. */
  #lastCommitTime: number | undefined;
  #underWay: number | undefined;
  /** When nothing was left to apply, as seen last, ms since 1970. */
  #caughtUpAt: number | undefined;

  /** @throws DrcError `CONFIG_INVALID` for faulty rules. */
  constructor(options: CongoOptions) {
    this.#options = options;
    this.#rules = new Rules(options.tables, options.match);
    if (!/^[\x21-\x7e]{1,128}$/.test(options.task)) {
      throw new DrcError('CONFIG_INVALID', 'A task name has 1-128 ASCII characters without spaces.', {
        task: options.task,
      });
    }
  }

  get status(): CongoStatus {
    return this.#status;
  }

  /**
   * How far the target is behind the source, ms; 0 while all that was committed is applied, undefined until the first
   * is. Counted from the source's commit times by this host's clock.
   */
  get lagMs(): number | undefined {
    if (this.#underWay !== undefined) return Math.max(0, Date.now() - this.#underWay);
    if (this.#hasCaughtUp()) return 0;
    const known = Math.max(this.#lastCommitTime ?? 0, this.#caughtUpAt ?? 0);
    return known === 0 ? undefined : Math.max(0, Date.now() - known);
  }

  /** The state of the stream that the task reads. */
  get subscription(): Subscription | undefined {
    return this.#subscription;
  }

  /**
   * Applies until `signal` is aborted or an error ends it. Aborting returns once the open target transaction is
   * committed or, where it still waits for the source or for the target, rolled back.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#status = { kind: 'starting' };
    while (!signal.aborted) {
      this.#together = 0;
      try {
        await this.#attempt(signal);
        // Not this task's doing: whoever made the hub has closed it.
        if (!signal.aborted) throw new DrcError('CLOSED', 'The hub was closed while the task ran.');
      } catch (error) {
        if (signal.aborted) break;
        const known = isDrcError(error)
          ? error
          : new DrcError('INTERNAL', String(error), {}, { cause: error });
        if (known.retryable) await this.#pause(known, signal);
        else if (known.code === 'TASK_FENCED' || !this.#canNarrow()) {
          this.#become({ kind: 'stopped', error: known });
          throw known;
        }
      }
    }
    this.#become({ kind: 'stopped' });
  }

  /** Whether trying again in smaller parts tells more exactly what is refused: which transaction, then which row. */
  #canNarrow(): boolean {
    if (this.#together > 1) {
      this.#alone = this.#together;
      return true;
    }
    const failedAt = this.#failedAt;
    if (failedAt === undefined || failedAt >= (this.#singlyFrom ?? Number.POSITIVE_INFINITY)) return false;
    this.#singlyFrom = failedAt;
    return true;
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const options = this.#options;
    if (this.#alone === 0) this.#faults.clear();
    await using applier = await Applier.open(
      {
        target: options.target,
        progress: {
          schema: options.progressSchema ?? 'drc',
          task: options.task,
          topic: options.topic,
          owner: `${hostname()}:${process.pid}`,
        },
        rules: this.#rules,
        ddl: options.ddl ?? 'stop',
        triggers: options.triggers ?? 'refuse',
        counters: this.counters,
        faults: this.#faults,
        singlyFrom: this.#singlyFrom,
        hooks: options.hooks,
      },
      this.#claim,
    );
    this.#claim = applier.claim;
    await using subscription = options.hub.subscribe(options.topic, {
      from: options.from ?? 'earliest',
      tables: this.#rules.sourceTables,
      acknowledgeGaps: options.acknowledgeGaps ?? [],
      checkpoints: applier.checkpoints,
    });
    this.#subscription = subscription;
    this.#underWay = undefined;
    this.#become({ kind: 'applying', lastCommitTime: this.#lastCommitTime });
    let grace: NodeJS.Timeout | undefined;
    const stop = (): void => {
      grace = setTimeout(() => applier.abort(), stopGraceMs);
      void subscription.close();
    };
    signal.addEventListener('abort', stop, { once: true });
    const idle = new AbortController();
    let lost: unknown;
    const watched = this.#watch(applier, idle.signal).catch((error: unknown) => {
      lost = error;
      this.#noteFence(error);
      void subscription.close();
    });
    try {
      if (!signal.aborted) await this.#apply(subscription, applier);
      if (lost !== undefined) throw lost as Error;
    } catch (error) {
      this.#failedAt = applier.failedAt;
      // What was lost closed the subscription, and that is all the loop may have noticed.
      const reason = lost ?? error;
      this.#noteFence(reason);
      throw reason;
    } finally {
      idle.abort();
      await watched;
      clearTimeout(grace);
      signal.removeEventListener('abort', stop);
    }
  }

  /** Fills each target transaction with what has arrived already: waiting would only add lag. */
  async #apply(subscription: Subscription, applier: Applier): Promise<void> {
    const transactions = subscription[Symbol.asyncIterator]();
    let next = pull(transactions);
    for (let item = await next.item; !item.done; item = await next.item) {
      // Where reading began must outlive a failure of the very first transaction: `latest` would be later then.
      if (!applier.isRecorded && subscription.checkpoint) await applier.record(subscription.checkpoint);
      let last = item.value;
      const isSuspect = this.#alone > 0 || this.#singlyFrom !== undefined;
      const maxRows = isSuspect ? 0 : (this.#options.maxBatchRows ?? 2_000);
      await applier.transaction(async (apply) => {
        this.#together = 1;
        this.#underWay = last.commitTime.getTime();
        let rows = await apply(last);
        next = pull(transactions);
        while (rows < maxRows && (await isThere(next))) {
          const following = await next.item;
          if (following.done) break;
          last = following.value;
          this.#together += 1;
          rows += await apply(last);
          next = pull(transactions);
        }
      });
      this.#alone = Math.max(0, this.#alone - this.#together);
      this.#together = 0;
      this.#failures = 0;
      this.#singlyFrom = undefined;
      this.#underWay = undefined;
      this.#lastCommitTime = last.commitTime.getTime();
      this.#become({ kind: 'applying', lastCommitTime: this.#lastCommitTime });
      // The record tells already what was applied. This adds what held nothing for the task: worth it when idle only.
      if (!(await isThere(next))) await subscription.commit(last);
    }
  }

  /**
   * An idle task writes nothing, and so would not notice that it was taken over, or that its target has gone. Returns
   * after `signal`. @throws what the look met.
   */
  async #watch(applier: Applier, signal: AbortSignal): Promise<void> {
    let before = this.counters.targetTransactions;
    for (;;) {
      const isOver = sleep(this.#options.claimCheckMs ?? defaultClaimCheckMs, false, { signal });
      if (await isOver.catch(() => true)) return;
      if (this.#hasCaughtUp()) this.#caughtUpAt = Date.now();
      const now = this.counters.targetTransactions;
      // Each target transaction looks for itself.
      if (now === before) await applier.confirm();
      before = now;
    }
  }

  #hasCaughtUp(): boolean {
    return (
      this.#status.kind === 'applying' &&
      this.#underWay === undefined &&
      this.#subscription?.status().kind === 'caughtUp'
    );
  }

  /** At once: until the sessions are closed a fenced task would count as ready. */
  #noteFence(error: unknown): void {
    if (isDrcError(error, 'TASK_FENCED')) this.#become({ kind: 'stopped', error });
  }

  async #pause(error: DrcError, signal: AbortSignal): Promise<void> {
    const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#failures);
    this.#failures += 1;
    const pauseMs = Math.random() * longest;
    this.#become({ kind: 'waiting', error, retryAt: Date.now() + pauseMs });
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }

  #become(status: CongoStatus): void {
    // It is told once, by whoever learns it first.
    if (this.#status.kind === 'stopped') return;
    this.#status = status;
    this.#options.onStatus?.(status);
  }
}

/** A transaction that was asked for. */
interface Pull {
  readonly item: Promise<IteratorResult<Transaction>>;
  hasArrived: boolean;
}

/** A failure is reported where `item` is awaited, and nowhere else. */
function pull(transactions: AsyncIterator<Transaction>): Pull {
  const item = transactions.next();
  const asked: Pull = { item, hasArrived: false };
  item.then(
    () => (asked.hasArrived = true),
    () => undefined,
  );
  return asked;
}

/** Whether it has arrived. A failure counts as not: what was read before it is committed first. */
async function isThere(asked: Pull): Promise<boolean> {
  // What the subscription has in its buffer comes at once, without a turn of the event loop.
  await Promise.resolve();
  if (!asked.hasArrived) await turn();
  return asked.hasArrived;
}
