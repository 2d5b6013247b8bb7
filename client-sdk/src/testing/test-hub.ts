import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalTransactionId, type TransactionSet } from '@drc/protocol';
import type { AnyTables } from '../change.js';
import { ManagedHub, type Hub } from '../client.js';
import type { SubscribeOptions } from '../subscribe-options.js';
import type { Subscription } from '../subscription.js';
import type { SubscriptionStatus } from '../subscription-state.js';
import type { TopicsSubscription } from '../topics/topics-subscription.js';
import type { DescribeOptions, TopicDescription } from '../describe.js';
import type { TopicInfo } from '../directory.js';
import { FaultPlan, faultsOf, type Faults } from './faults.js';
import { sliceOf, type TestTransaction } from './made-slice.js';
import type { Slice } from './slice.js';
import { TestDirectory, type TestTopic } from './test-directory.js';
import { TopicLog } from './topic-log.js';

export interface TestHubOptions {
  /** What each topic has: one slice, or several, one behind the other. */
  readonly topics: Readonly<Record<string, Slice | readonly Slice[]>>;
}

export interface DoneOptions {
  /** How long it may take, in ms. Default 30 s. */
  readonly withinMs?: number;
}

/**
 * A hub within the process: `Hub` as a service knows it, with the SDK's own code from the frames of the protocol upwards.
 * There is no network, no database and no account: whoever has the hub may read everything.
 */
export interface TestHub extends Hub {
  /** What goes wrong. */
  readonly faults: Faults;
  /**
   * Adds transactions behind all others; subscriptions get them at once.
   * @returns their ids
   * @throws TypeError where a change does not fit its table, as `sliceOf`; DrcError `TOPIC_UNKNOWN`
   */
  append<S = AnyTables>(topic: string, ...transactions: readonly TestTransaction<S>[]): readonly string[];
  /**
   * Resolves once each subscription of the topic is done with all that the topic has: it was committed, or the loop
   * has asked for what comes behind it. One that was closed counts as done; where there has been none since the last time, one
   * is waited for.
   * @throws what a subscription has ended with, unless another one was made behind it; Error where it takes too long
   */
  done(topic: string, options?: DoneOptions): Promise<void>;
}

/** What `done` asks of a subscription. */
interface Watched {
  /** What its loop is done with; undefined while it has no place. */
  readonly set: () => TransactionSet | undefined;
  readonly status: () => SubscriptionStatus;
}

/** Attempts follow each other at once: a test waits for nobody's store. In ms. */
const backoff = { baseMs: 2, capMs: 50 };
const lookMs = 2;

/**
 * Makes a hub for a service's own tests.
 * @throws TypeError for slices that do not fit each other
 */
export function testHub({ topics }: TestHubOptions): TestHub {
  const known = new Map(
    Object.entries(topics).map(([topic, slices]): [string, TestTopic] => {
      const list = Array.isArray(slices) ? (slices as readonly Slice[]) : [slices as Slice];
      return [topic, { log: new TopicLog(topic, list), plan: new FaultPlan() }];
    }),
  );
  return new InProcessHub(new TestDirectory(known));
}

class InProcessHub implements TestHub {
  readonly faults: Faults;
  readonly #directory: TestDirectory;
  readonly #hub: ManagedHub;
  readonly #watched = new Map<string, Watched[]>();

  constructor(directory: TestDirectory) {
    this.#directory = directory;
    this.#hub = new ManagedHub(directory, { client: 'test-hub' }, backoff);
    this.faults = faultsOf((name) => {
      const { log, plan } = directory.topic(name);
      return {
        plan,
        leaveOut: (id, leftOut) => log.leaveOut(canonicalTransactionId(id), leftOut),
        wake: () => log.touch(),
      };
    });
  }

  async topics(): Promise<readonly TopicInfo[]> {
    return await this.#hub.topics();
  }

  async describe(topic: string, options?: DescribeOptions): Promise<TopicDescription> {
    return await this.#hub.describe(topic, options);
  }

  subscribe<S = AnyTables>(topic: string, options?: SubscribeOptions): Subscription<S>;
  subscribe<S = AnyTables>(topics: readonly string[], options?: SubscribeOptions): TopicsSubscription<S>;
  subscribe<S>(
    topics: string | readonly string[],
    options?: SubscribeOptions,
  ): Subscription<S> | TopicsSubscription<S> {
    if (typeof topics === 'string') {
      const subscription = this.#hub.subscribe<S>(topics, options);
      this.#watch(topics, {
        set: () => subscription.checkpoint?.set,
        status: () => subscription.status(),
      });
      return subscription;
    }
    const subscription = this.#hub.subscribe<S>(topics, options);
    for (const topic of topics)
      this.#watch(topic, {
        set: () => subscription.checkpoint?.of(topic)?.set,
        status: () => subscription.status().topics.get(topic)!,
      });
    return subscription;
  }

  #watch(topic: string, watched: Watched): void {
    // Those that are over by now have a successor.
    this.#keep(topic, isOpen);
    this.#watched.set(topic, [...(this.#watched.get(topic) ?? []), watched]);
  }

  append<S = AnyTables>(topic: string, ...transactions: readonly TestTransaction<S>[]): readonly string[] {
    const { log } = this.#directory.topic(topic);
    return log.append(sliceOf(transactions, Object.fromEntries(log.tables)));
  }

  async done(topic: string, { withinMs = 30_000 }: DoneOptions = {}): Promise<void> {
    const { log } = this.#directory.topic(topic);
    const deadline = performance.now() + withinMs;
    // A subscription tells nobody when its loop asks for more: it is looked at, and a test's loops are short.
    for (;;) {
      const all = this.#watched.get(topic) ?? [];
      const failed = all.find((one) => errorOf(one) !== undefined);
      // It is told once.
      if (failed !== undefined) this.#keep(topic, (one) => one !== failed);
      if (failed !== undefined) throw errorOf(failed)!;
      const open = all.filter(isOpen);
      if (all.length > 0 && open.every(({ set }) => hasAll(set(), log.executed)))
        return this.#keep(topic, isOpen);
      if (performance.now() > deadline)
        throw new Error(
          `${topic}: not done within ${withinMs} ms; ${
            all.length === 0 ? 'nothing has subscribed' : open.map((one) => one.status().kind).join(', ')
          }.`,
        );
      await sleep(lookMs);
    }
  }

  #keep(topic: string, isKept: (watched: Watched) => boolean): void {
    this.#watched.set(topic, (this.#watched.get(topic) ?? []).filter(isKept));
  }

  async close(): Promise<void> {
    await this.#hub.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const isOpen = (watched: Watched): boolean => watched.status().kind !== 'closed';

function errorOf(watched: Watched): Error | undefined {
  const status = watched.status();
  return status.kind === 'closed' ? status.error : undefined;
}

const hasAll = (set: TransactionSet | undefined, executed: TransactionSet): boolean =>
  set !== undefined && executed.isSubsetOf(set);
