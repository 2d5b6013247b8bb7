import { DrcError, isDrcError } from '@drc/protocol';
import type { TopicSubscription } from '../subscription.js';
import type { SubscriptionStatus } from '../subscription-state.js';
import type { Transaction } from '../transaction.js';
import { TopicsCheckpoint } from './topics-checkpoint.js';
import type { TopicsStatus, TopicsSubscription } from './topics-subscription.js';

/** From what is furthest from having all to what has all. */
const kinds: readonly SubscriptionStatus['kind'][] = [
  'closed',
  'disconnected',
  'connecting',
  'streaming',
  'caughtUp',
];

/** One topic on its way to the loop. */
interface Lane {
  readonly subscription: TopicSubscription;
  readonly iterator: AsyncIterator<Transaction>;
  /** Its next transaction was asked for, and has not arrived. */
  isAsked: boolean;
  /** Arrived, and not yet given to the loop. */
  arrived: Transaction | undefined;
}

/** Why it is over: `error` is what the loop is rejected with, absent where it ends quietly. */
interface End {
  readonly error?: unknown;
}

/**
 * Merges subscriptions of one topic each. A topic is asked for its next transaction when the loop asks for one, and not while
 * the loop has that topic's last one in its hands: asking takes it out of them.
 */
export class MergedSubscription implements TopicsSubscription {
  readonly #lanes: readonly Lane[];
  readonly #signal: AbortSignal | undefined;
  /** Index of the lane that was served last. */
  #served = -1;
  #iterated = false;
  /** A call of `next` that has not been answered. */
  #waiting: Promise<unknown> | undefined;
  #wake: (() => void) | undefined;
  #end: End | undefined;
  #closing: Promise<void> | undefined;
  /** Whether somebody was told what went wrong at the end. */
  #isReported = false;

  /** Takes the subscriptions over: they have no signal of their own, and nobody else reads or closes them. */
  constructor(subscriptions: readonly TopicSubscription[], signal?: AbortSignal) {
    this.#lanes = subscriptions.map((subscription) => ({
      subscription,
      iterator: subscription[Symbol.asyncIterator](),
      isAsked: false,
      arrived: undefined,
    }));
    this.#signal = signal;
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get topics(): readonly string[] {
    return this.#lanes.map(({ subscription }) => subscription.topic);
  }

  get checkpoint(): TopicsCheckpoint | undefined {
    const parts = this.#lanes.flatMap(({ subscription }) => subscription.checkpoint ?? []);
    return parts.length === 0 ? undefined : new TopicsCheckpoint(parts);
  }

  status(): TopicsStatus {
    const topics = new Map(
      this.#lanes.map(({ subscription }) => [subscription.topic, subscription.status()] as const),
    );
    const found = new Set(Array.from(topics.values(), ({ kind }) => kind));
    const kind = this.#end === undefined ? kinds.find((each) => found.has(each))! : 'closed';
    return { kind, topics };
  }

  [Symbol.asyncIterator](): AsyncIterator<Transaction> {
    if (this.#iterated)
      throw new DrcError(
        'SUBSCRIPTION_BUSY',
        `The subscription of ${this.topics.join(', ')} is, or was, read by another loop.`,
      );
    this.#iterated = true;
    return {
      next: () => this.#next(),
      return: async () => {
        await this.close();
        return { value: undefined, done: true };
      },
    };
  }

  async commit(transaction: Transaction): Promise<void> {
    const lane = this.#lanes.find(({ subscription }) => subscription.topic === transaction.topic);
    if (lane === undefined) throw new TypeError('commit: the transaction is not of this subscription.');
    await lane.subscription.commit(transaction);
  }

  async close(): Promise<void> {
    try {
      await this.#over({});
    } catch (error) {
      // Once is enough: a loop that ends by `break` and an `await using` both close.
      if (this.#isReported) return;
      this.#isReported = true;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // --- The loop -------------------------------------------------------------------------------------------------

  #next(): Promise<IteratorResult<Transaction>> {
    if (this.#waiting !== undefined) return this.#waiting.then(() => this.#next());
    const answer = this.#nextInTurn();
    this.#waiting = answer.then(
      () => (this.#waiting = undefined),
      () => (this.#waiting = undefined),
    );
    return answer;
  }

  async #nextInTurn(): Promise<IteratorResult<Transaction>> {
    for (const lane of this.#lanes) if (!lane.isAsked && lane.arrived === undefined) this.#ask(lane);
    while (this.#end === undefined) {
      const transaction = this.#take();
      if (transaction !== undefined) return { value: transaction, done: false };
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    // What its end brings, that a checkpoint could not be saved, say, comes behind what ended it.
    await this.#over(this.#end).catch(() => undefined);
    if ('error' in this.#end) throw this.#end.error;
    return { value: undefined, done: true };
  }

  /** What has arrived, of the first behind the one served last that has something. */
  #take(): Transaction | undefined {
    const { length } = this.#lanes;
    for (let step = 1; step <= length; step++) {
      const index = (this.#served + step) % length;
      const lane = this.#lanes[index]!;
      const { arrived } = lane;
      if (arrived === undefined) continue;
      lane.arrived = undefined;
      this.#served = index;
      return arrived;
    }
    return undefined;
  }

  #ask(lane: Lane): void {
    lane.isAsked = true;
    lane.iterator.next().then(
      ({ value, done }) => {
        lane.isAsked = false;
        // Only who closes the hub closes one of them.
        if (done === true) this.#endBy({});
        else lane.arrived = value;
        this.#wake?.();
      },
      (error: unknown) => this.#endBy({ error: named(error, lane.subscription.topic) }),
    );
  }

  // --- The end --------------------------------------------------------------------------------------------------

  readonly #onAbort = (): void => this.#endBy({ error: this.#signal?.reason });

  /** Whoever closes it is told what could not be saved. */
  #endBy(end: End): void {
    this.#over(end).catch(() => undefined);
  }

  /** What came first stays. */
  #over(end: End): Promise<void> {
    if (this.#end === undefined) {
      this.#end = end;
      this.#signal?.removeEventListener('abort', this.#onAbort);
      this.#wake?.();
    }
    return (this.#closing ??= this.#closeAll());
  }

  async #closeAll(): Promise<void> {
    const closings = this.#lanes.map(({ subscription }) => subscription.close());
    const failed = (await Promise.allSettled(closings)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }
}

/** The error of one topic as that of all. */
function named(error: unknown, topic: string): unknown {
  if (!isDrcError(error)) return error;
  return new DrcError(
    error.code,
    `${topic}: ${error.message}`,
    { ...error.details, topic },
    { cause: error },
  );
}
