import { DrcError, isDrcError } from '@drc/protocol';
import { hostname } from 'node:os';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Hub, SubscribeOptions, Subscription, Transaction } from '../index.js';
import { Applier, type ApplierCounters, type CongoHooks, type DdlPolicy } from './applier.js';
import type { ProgressTable } from './progress-table.js';
import { Rules, type TableRule } from './rules.js';
import type { TriggerPolicy } from './target-table.js';
import type { TargetOptions } from './target.js';

export interface CongoOptions {
  readonly hub: Hub;
  /** 1-128 ASCII characters: the name under which progress is kept on the target. */
  readonly task: string;
  readonly topic: string;
  readonly tables: readonly TableRule[];
  readonly target: TargetOptions;
  /** Where reading begins on the first start; later the record on the target decides. Default `earliest`. */
  readonly from?: SubscribeOptions['from'];
  /** Default `stop`. */
  readonly ddl?: DdlPolicy;
  /** Default `refuse`. */
  readonly triggers?: TriggerPolicy;
  /** Schema of congo's own tables on the target. Default `drc`. */
  readonly progressSchema?: string;
  /** A target transaction takes source transactions until it has this many rows. Default 2,000. */
  readonly maxBatchRows?: number;
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
    rows: { insert: 0, update: 0, delete: 0 },
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

  /** @throws DrcError `CONFIG_INVALID` for faulty rules. */
  constructor(options: CongoOptions) {
    this.#options = options;
    this.#rules = new Rules(options.tables);
    if (!/^[\x21-\x7e]{1,128}$/.test(options.task)) {
      throw new DrcError('CONFIG_INVALID', 'A task name has 1-128 ASCII characters without spaces.', {
        task: options.task,
      });
    }
  }

  get status(): CongoStatus {
    return this.#status;
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
        else if (this.#together > 1 && known.code !== 'TASK_FENCED') this.#alone = this.#together;
        else {
          this.#become({ kind: 'stopped', error: known });
          throw known;
        }
      }
    }
    this.#become({ kind: 'stopped' });
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const options = this.#options;
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
        hooks: options.hooks,
      },
      this.#claim,
    );
    this.#claim = applier.claim;
    await using subscription = options.hub.subscribe(options.topic, {
      from: options.from ?? 'earliest',
      tables: this.#rules.sourceTables,
      checkpoints: applier.checkpoints,
    });
    this.#subscription = subscription;
    this.#become({ kind: 'applying', lastCommitTime: undefined });
    let grace: NodeJS.Timeout | undefined;
    const stop = (): void => {
      grace = setTimeout(() => applier.abort(), stopGraceMs);
      void subscription.close();
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (!signal.aborted) await this.#apply(subscription, applier);
    } finally {
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
      const maxRows = this.#alone > 0 ? 0 : (this.#options.maxBatchRows ?? 2_000);
      await applier.transaction(async (apply) => {
        this.#together = 1;
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
      this.#become({ kind: 'applying', lastCommitTime: last.commitTime.getTime() });
      // The record tells already what was applied. This adds what held nothing for the task: worth it when idle only.
      if (!(await isThere(next))) await subscription.commit(last);
    }
  }

  async #pause(error: DrcError, signal: AbortSignal): Promise<void> {
    const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#failures);
    this.#failures += 1;
    const pauseMs = Math.random() * longest;
    this.#become({ kind: 'waiting', error, retryAt: Date.now() + pauseMs });
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }

  #become(status: CongoStatus): void {
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
