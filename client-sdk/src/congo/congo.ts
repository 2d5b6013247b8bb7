import { DrcError, isDrcError } from '@drc/protocol';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Subscription, Transaction } from '../index.js';
import { Applier, type ApplierCounters } from './applier.js';
import { Batch } from './apply/batch.js';
import { addWhole, maxBatchBytes, piecesOf } from './apply/gathering.js';
import { Lane } from './apply/lane.js';
import { type Committed, Pipeline } from './apply/pipeline.js';
import type { CongoOptions, CongoStatus } from './congo-options.js';
import type { TaskOrders } from './control/control-table.js';
import { Gate } from './control/gate.js';
import { OperatorLink } from './control/operator-link.js';
import { TargetProgress } from './control/target-progress.js';
import type { ProgressTable } from './progress-table.js';
import { isThere, type Pull, pull } from './pull.js';
import { noRows } from './row-writer.js';
import { Rules } from './rules/rules.js';
import { TaskOrigin, type TaskMarks } from './task-origin.js';

const firstPauseMs = 200;
const longestPauseMs = 15_000;
const defaultClaimCheckMs = 1_000;
const defaultWorkers = 4;
/** A batch of fewer rows waits while others are under way: more may come meanwhile. */
const smallBatchRows = 500;
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
  /** How what is written is marked; undefined: it is not. */
  readonly #origin: TaskOrigin | undefined;
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
  /** Source transactions that were taken up and are not committed. */
  #together = 0;
  /** Sessions that write batches, and what is under way on them. */
  #lanes: readonly Lane[] = [];
  #pipeline: Pipeline | undefined;
  /** Tables whose changes were refused when they were taken together: from then on each is written by itself. */
  readonly #apart = new Set<string>();
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
  /** What the operator wants, as seen last. */
  readonly #gate = new Gate();
  readonly #operator: OperatorLink;
  /** When the state began, ms since 1970. */
  #stateSince = Date.now();

  /** @throws DrcError `CONFIG_INVALID` for faulty rules. */
  constructor(options: CongoOptions) {
    this.#options = options;
    this.#rules = new Rules(options.tables, options.match);
    if (!/^[\x21-\x7e]{1,128}$/.test(options.task)) {
      throw new DrcError('CONFIG_INVALID', 'A task name has 1-128 ASCII characters without spaces.', {
        task: options.task,
      });
    }
    const { origin, task, progressSchema: schema = 'drc' } = options;
    this.#origin = origin && new TaskOrigin({ ...origin, task, schema });
    this.#operator = new OperatorLink(
      { schema: options.progressSchema ?? 'drc', task: options.task },
      this.#gate,
    );
  }

  get status(): CongoStatus {
    return this.#status;
  }

  /**
   * How far the target is behind the source, ms; 0 while all that was committed is applied, undefined until the first
   * is. Counted from the source's commit times by this host's clock.
   */
  get lagMs(): number | undefined {
    const underWay = this.#pipeline?.oldest ?? this.#underWay;
    if (underWay !== undefined) return Math.max(0, Date.now() - underWay);
    if (this.#hasCaughtUp()) return 0;
    const known = Math.max(this.#lastCommitTime ?? 0, this.#caughtUpAt ?? 0);
    return known === 0 ? undefined : Math.max(0, Date.now() - known);
  }

  /** What the operator wants of the task, as seen last. */
  get orders(): TaskOrders {
    return this.#gate.orders;
  }

  /** A look at what the target has, from outside: to wait there for a transaction. Has a session of its own. */
  progress(): Promise<TargetProgress> {
    return TargetProgress.open(this.#options);
  }

  /** How the target's transactions are marked; undefined: they are not, or not yet. */
  get marks(): TaskMarks | undefined {
    return this.#origin?.marks;
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
      let wasTogether = false;
      try {
        await this.#attempt(signal).finally(() => {
          wasTogether = this.#pipeline !== undefined;
          this.#pipeline = undefined;
        });
        // Not this task's doing: whoever made the hub has closed it.
        if (!signal.aborted) throw new DrcError('CLOSED', 'The hub was closed while the task ran.');
      } catch (error) {
        if (signal.aborted) break;
        const known = isDrcError(error)
          ? error
          : new DrcError('INTERNAL', String(error), {}, { cause: error });
        if (known.retryable) await this.#pause(known, signal);
        else if (known.code === 'TASK_FENCED' || !this.#canNarrow(wasTogether, known)) {
          this.#become({ kind: 'stopped', error: known });
          throw known;
        }
      }
    }
    this.#become({ kind: 'stopped' });
  }

  /** Whether trying again in smaller parts tells more exactly what is refused: which transaction, then which row. */
  #canNarrow(wasTogether: boolean, error: DrcError): boolean {
    if (wasTogether && this.#together > 0) {
      this.#alone = this.#together;
      const { table } = error.details;
      if (typeof table === 'string') this.#apart.add(table);
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
        added: new Set(options.snapshot?.tables),
        ddl: options.ddl ?? 'stop',
        triggers: options.triggers ?? 'refuse',
        counters: this.counters,
        faults: this.#faults,
        singlyFrom: this.#singlyFrom,
        origin: this.#origin,
        hooks: options.hooks,
      },
      this.#claim,
    );
    this.#claim = applier.claim;
    await using subscription = options.hub.subscribe(options.topic, {
      from: options.from ?? 'earliest',
      ...(options.snapshot && { snapshot: options.snapshot }),
      tables: this.#rules.sourceTables,
      acknowledgeGaps: options.acknowledgeGaps ?? [],
      ...(this.#origin && { origins: this.#origin.wish }),
      checkpoints: applier.checkpoints,
    });
    this.#subscription = subscription;
    this.#underWay = undefined;
    let grace: NodeJS.Timeout | undefined;
    const idle = new AbortController();
    const over = new AbortController();
    const stop = (): void => {
      grace = setTimeout(() => {
        applier.abort();
        for (const lane of this.#lanes) lane.abort();
      }, stopGraceMs);
      over.abort();
      void subscription.close();
    };
    signal.addEventListener('abort', stop, { once: true });
    let lost: unknown;
    const watched = this.#watch(applier, idle.signal).catch((error: unknown) => {
      lost = error;
      this.#noteFence(error);
      over.abort();
      void subscription.close();
    });
    try {
      await this.#look(applier, false);
      await this.#origin?.prove(options.hub, (work) => applier.confirm(work), over.signal);
      if (this.marks !== undefined) options.onMarks?.(this.marks);
      if (!signal.aborted) await this.#apply(subscription, applier, over.signal);
      if (lost !== undefined) throw lost as Error;
    } catch (error) {
      this.#failedAt = applier.failedAt;
      // What was lost closed the subscription, and that is all the loop may have noticed.
      const reason = lost ?? error;
      this.#noteFence(reason);
      throw reason;
    } finally {
      await this.#pipeline?.settled();
      idle.abort();
      await watched;
      for (const lane of this.#lanes) await lane[Symbol.asyncDispose]();
      this.#lanes = [];
      clearTimeout(grace);
      signal.removeEventListener('abort', stop);
    }
  }

  async #apply(subscription: Subscription, applier: Applier, over: AbortSignal): Promise<void> {
    const transactions = subscription[Symbol.asyncIterator]();
    let next = pull(transactions);
    for (let item = await next.item; !item.done; item = await next.item) {
      // Where reading began must outlive a failure of the very first transaction: `latest` would be later then.
      if (!applier.isRecorded && subscription.checkpoint) await applier.record(subscription.checkpoint);
      this.#underWay = item.value.commitTime.getTime();
      const isSuspect = this.#alone > 0 || this.#singlyFrom !== undefined;
      const done = isSuspect
        ? await this.#applyAlone(item.value, transactions, applier, over)
        : await this.#applyTogether(item.value, transactions, applier, over);
      if (done === undefined) return;
      next = done.next;
      this.#underWay = undefined;
      while (this.#pipeline?.isIdle === false && !(await isThere(next)))
        // What was read before the stream failed is committed first.
        await (next.hasFailed ? this.#pipeline.drain() : Promise.race([this.#pipeline.next(), next.settled]));
      // The record tells already what was applied. This adds what held nothing for the task: worth it when idle only.
      if (!(await isThere(next))) await subscription.commit(done.last);
    }
    await this.#pipeline?.drain();
  }

  /** One source transaction by itself, change by change. @returns undefined where the task is over */
  async #applyAlone(
    tx: Transaction,
    transactions: AsyncIterator<Transaction>,
    applier: Applier,
    over: AbortSignal,
  ): Promise<Applied | undefined> {
    await this.#gate.open(over);
    if (over.aborted) return undefined;
    const site = this.#origin?.siteOf(tx);
    this.#together = 1;
    const { rows, next } = await applier.transaction(
      async (apply) => ({ rows: await apply(tx), next: pull(transactions) }),
      site,
    );
    this.#together = 0;
    this.#alone = Math.max(0, this.#alone - 1);
    this.#singlyFrom = undefined;
    this.#gate.passed(rows);
    this.#passed(tx, tx.snapshot === undefined ? [tx.commitTime.getTime()] : []);
    return { last: tx, next };
  }

  /** Fills a batch with what has arrived already: waiting would only add lag. */
  async #applyTogether(
    first: Transaction,
    transactions: AsyncIterator<Transaction>,
    applier: Applier,
    over: AbortSignal,
  ): Promise<Applied | undefined> {
    const pipeline = (this.#pipeline ??= await this.#openPipeline(applier));
    const maxRows = Math.min(this.#options.maxBatchRows ?? 2_000, this.#gate.maxRows);
    const batch = new Batch(this.#origin?.siteOf(first), this.#options.atomic ?? 'transaction');
    this.#together += 1;
    let last = first;
    let next: Pull | undefined;
    let isWhole = await addWhole(batch, first, applier);
    while (isWhole) {
      next ??= pull(transactions);
      if (batch.rows >= maxRows || batch.bytes >= maxBatchBytes) break;
      if (!(await isThere(next))) {
        if (pipeline.isIdle || batch.rows >= smallBatchRows || over.aborted) break;
        await Promise.race([pipeline.next(), next.settled]);
        if (next.hasFailed) break;
        continue;
      }
      const following = await next.item;
      // Of different origins they must not share a mark.
      if (following.done || this.#origin?.siteOf(following.value) !== batch.site) break;
      last = following.value;
      next = undefined;
      this.#together += 1;
      isWhole = await addWhole(batch, last, applier);
    }
    applier.assertAllMatched();
    await this.#gate.open(over);
    if (over.aborted) return undefined;
    this.#gate.passed(batch.rows);
    await (isWhole ? pipeline.put(batch) : pipeline.putLong(piecesOf(batch, last, applier)));
    return { last, next: next ?? pull(transactions) };
  }

  async #openPipeline(applier: Applier): Promise<Pipeline> {
    const { target, hooks } = this.#options;
    const count = this.#options.workers ?? defaultWorkers;
    const opening = Array.from({ length: count }, (_, index) =>
      Lane.open({ target, hooks, origin: this.#origin }, applier.claim, index + 1),
    );
    const opened = await Promise.allSettled(opening);
    this.#lanes = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    for (const each of opened) if (each.status === 'rejected') throw each.reason;
    return new Pipeline(this.#lanes, applier.state, this.#apart, (committed) =>
      this.#committed(applier, committed),
    );
  }

  #committed(applier: Applier, { batch, applied, snapshot, written }: Committed): void {
    applier.committed(applied, snapshot, written);
    this.#together -= batch.transactions;
    this.counters.transactions += batch.transactions;
    if (batch.last !== undefined) this.#passed(batch.last, batch.commitTimes);
  }

  /** So much more is on the target. */
  #passed(last: Transaction, commitTimes: readonly number[]): void {
    this.#failures = 0;
    this.#lastCommitTime = last.commitTime.getTime();
    this.#becomeRunning();
    this.#options.onApplied?.(commitTimes);
  }

  /**
   * An idle task writes nothing, and so would not notice that it was taken over, or that its target has gone. Returns
   * after `signal`. @throws what the look met.
   */
  async #watch(applier: Applier, signal: AbortSignal): Promise<void> {
    for (;;) {
      const isOver = sleep(this.#options.claimCheckMs ?? defaultClaimCheckMs, false, { signal });
      if (await isOver.catch(() => true)) return;
      if (this.#hasCaughtUp()) this.#caughtUpAt = Date.now();
      await this.#look(applier, true);
    }
  }

  /** At the claim and at the operator's orders; and tells the operator how it does. */
  async #look(applier: Applier, tells: boolean): Promise<void> {
    await applier.confirm(async (target) => {
      await this.#operator.look(target);
      this.#becomeRunning();
      const report = { state: this.#status.kind, since: this.#stateSince, lagMs: this.lagMs };
      if (tells) await this.#operator.tell(target, report, this.counters.transactions);
    });
  }

  #hasCaughtUp(): boolean {
    return (
      (this.#status.kind === 'applying' || this.#status.kind === 'paused') &&
      this.#underWay === undefined &&
      this.#pipeline?.isIdle !== false &&
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

  /** It has a session on the target, and a stream to read. */
  #becomeRunning(): void {
    const { pausedAt: since, pausedBy: by } = this.#gate.orders;
    if (since === undefined) this.#become({ kind: 'applying', lastCommitTime: this.#lastCommitTime });
    else this.#become({ kind: 'paused', since, by });
  }

  #become(status: CongoStatus): void {
    // It is told once, by whoever learns it first.
    if (this.#status.kind === 'stopped') return;
    if (this.#status.kind !== status.kind) this.#stateSince = Date.now();
    this.#status = status;
    this.#options.onStatus?.(status);
  }
}

/** What was taken up, and what comes after it. */
interface Applied {
  readonly last: Transaction;
  readonly next: Pull;
}
