import { DrcError, type Transport } from '@drc/protocol';
import { type BackoffLimits, defaultBackoff, unlessAborted } from './backoff.js';
import type { AnyTables } from './change.js';
import type { CheckpointKeeper } from './checkpoint-keeper.js';
import { placeOf } from './checkpoint-store.js';
import type { ConnectOptions } from './connect-options.js';
import { describeTopic, type DescribeOptions, type TopicDescription } from './describe.js';
import { Directory, type StoreDirectory, type TopicInfo } from './directory.js';
import { HubCheckpointKeeper } from './hub-checkpoint-keeper.js';
import { HubCheckpoints } from './hub-checkpoints.js';
import { checkConnectOptions, checkDescribeOptions, checkSubscribeOptions } from './option-check.js';
import { checkedWindowBytes, defaultWindowBytes } from './read-window.js';
import { checkRowOptions, rowRulesOf } from './row-options.js';
import { SessionSource } from './session-source.js';
import { snapshotWishOf } from './snapshot-wish.js';
import { fromOf, type SubscribeOptions } from './subscribe-options.js';
import { TopicSubscription, type Subscription } from './subscription.js';
import { MergedSubscription } from './topics/merged-subscription.js';
import type { TopicsSubscription } from './topics/topics-subscription.js';
import { TopicsWriter } from './topics/topics-writer.js';

/** A connection to the cluster managers: subscriptions are made here. */
export interface Hub extends AsyncDisposable {
  /** The topics that these credentials may read. @throws DrcError `CLOSED` after `close()`. */
  topics(): Promise<readonly TopicInfo[]>;
  /**
   * What the rows of a topic's tables look like now, for this principal: for tools; a loop finds it in each change (`tableVersion`).
   * @throws TypeError on options that cannot be meant; DrcError `TOPIC_UNKNOWN`, `TABLE_UNKNOWN`, `FORBIDDEN`,
   *   `STORE_UNAVAILABLE`, `PROTOCOL_VERSION` where the stores are older than this; `CLOSED`.
   */
  describe(topic: string, options?: DescribeOptions): Promise<TopicDescription>;
  /**
   * Nothing is asked for until the subscription is iterated. `S` maps `schema.table` to the type of its rows.
   * @throws TypeError, RangeError or DrcError (`TABLE_UNKNOWN`, `CHECKPOINT_INVALID`) on options that cannot be meant; `CLOSED`.
   */
  subscribe<S = AnyTables>(topic: string, options?: SubscribeOptions): Subscription<S>;
  /**
   * Several topics in one loop, with one checkpoint: a logical database over several sources. The options hold for each of
   * them: each must have the tables that are named without a glob, and has a window of its own. A topic that is new to
   * `checkpoints` begins at `from`.
   * @throws also TypeError where the list is empty or names one twice, and on `from: { transaction }`.
   */
  subscribe<S = AnyTables>(topics: readonly string[], options?: SubscribeOptions): TopicsSubscription<S>;
  /** Ends all subscriptions, their loops quietly. Closing twice is fine. @throws DrcError `CHECKPOINT_STORE`, as a subscription's `close()`. */
  close(): Promise<void>;
}

/**
 * Logs in at a cluster manager.
 * @throws TypeError or RangeError on options that cannot be meant; DrcError `UNAUTHENTICATED`,
 * `MANAGER_UNREACHABLE` where none of them answers, `TLS_…` where their certificates are not believed, `PLAINTEXT_REFUSED`;
 * `CONFIG_INVALID` for a `tls` that is no PEM. Later on, a manager that is away is waited for.
 */
export async function connect(options: ConnectOptions): Promise<Hub> {
  checkConnectOptions(options);
  const { clusterManager, credentials, signal } = options;
  const addresses = typeof clusterManager === 'string' ? [clusterManager] : clusterManager;
  const transport = transportOf(options);
  const hub = new ManagedHub(new Directory({ addresses, credentials, transport }), options);
  try {
    signal?.throwIfAborted();
    await hub.topics();
    return hub;
  } catch (error) {
    await hub.close();
    throw error;
  }
}

const transportOf = ({ tls, plaintext }: ConnectOptions): Transport => ({
  ...(tls === undefined ? {} : { tls }),
  ...(plaintext === undefined ? {} : { plaintext }),
});

/** A hub over whatever knows its topics and stores. */
export class ManagedHub implements Hub {
  readonly #directory: StoreDirectory;
  readonly #backoff: BackoffLimits;
  readonly #client: string;
  readonly #signal: AbortSignal | undefined;
  readonly #lifecycle = new AbortController();
  readonly #subscriptions = new Set<TopicSubscription>();
  /** Where the open ones keep their checkpoints: `<topic>/<name>` at the managers, a file's path, or a store itself. */
  readonly #places = new Set<unknown>();

  /** @param backoff between attempts of a subscription */
  constructor(
    directory: StoreDirectory,
    { client, signal }: Pick<ConnectOptions, 'client' | 'signal'>,
    backoff: BackoffLimits = defaultBackoff,
  ) {
    this.#directory = directory;
    this.#backoff = backoff;
    this.#client = client ?? 'drc-sdk';
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  async topics(): Promise<readonly TopicInfo[]> {
    const { signal } = this.#lifecycle;
    signal.throwIfAborted();
    return unlessAborted(this.#directory.topics(signal), signal);
  }

  async describe(topic: string, options: DescribeOptions = {}): Promise<TopicDescription> {
    const closed = this.#lifecycle.signal;
    closed.throwIfAborted();
    checkDescribeOptions(topic, options);
    const { tables = [], signal } = options;
    const ends = signal === undefined ? closed : AbortSignal.any([closed, signal]);
    return await describeTopic(this.#directory, { topic, client: this.#client, tables }, ends);
  }

  subscribe<S = AnyTables>(topic: string, options?: SubscribeOptions): Subscription<S>;
  subscribe<S = AnyTables>(topics: readonly string[], options?: SubscribeOptions): TopicsSubscription<S>;
  subscribe<S>(
    topics: string | readonly string[],
    options: SubscribeOptions = {},
  ): Subscription<S> | TopicsSubscription<S> {
    this.#lifecycle.signal.throwIfAborted();
    checkSubscribeOptions(topics, options);
    checkRowOptions(options);
    const made = typeof topics === 'string' ? this.#one(topics, options) : this.#merged(topics, options);
    // The row types are the caller's word; nothing at run time knows of them.
    return made as unknown as Subscription<S> | TopicsSubscription<S>;
  }

  #merged(topics: readonly string[], { signal, ...options }: SubscribeOptions): MergedSubscription {
    const { checkpoints, from } = options;
    const isOurs = checkpoints !== undefined && !(checkpoints instanceof HubCheckpoints);
    const writer = isOurs ? new TopicsWriter(checkpoints) : undefined;
    if (isOurs) this.#mustBeFree(placeOf(checkpoints));
    const subscriptions: TopicSubscription[] = [];
    try {
      for (const topic of topics) {
        const own = from === undefined ? options : { ...options, from: fromOf(from, topic)! };
        subscriptions.push(this.#one(topic, own, writer?.keeper(topic)));
      }
    } catch (error) {
      // Nothing was begun.
      for (const subscription of subscriptions) void subscription.close();
      throw error;
    }
    return new MergedSubscription(subscriptions, signal);
  }

  /** @param shared keeps the place of this topic with those of others. Default: what the options say. */
  #one(topic: string, options: SubscribeOptions, shared?: CheckpointKeeper): TopicSubscription {
    const { checkpoints } = options;
    const keptByHub = checkpoints instanceof HubCheckpoints ? checkpoints : undefined;
    const name = keptByHub === undefined ? options.name : (keptByHub.name ?? options.name ?? 'default');
    const place = keptByHub ? `${topic}/${name}` : checkpoints && placeOf(checkpoints);
    if (keptByHub !== undefined && this.#places.has(place))
      throw new TypeError(
        `hubCheckpoints: a subscription of ${topic} under the name ${name} is open already; give one of them another: hubCheckpoints({ name }).`,
      );
    if (shared === undefined) this.#mustBeFree(place);
    const request = {
      topic,
      client: this.#client,
      tables: options.tables ?? [],
      operations: options.operations ?? [],
      acknowledgeGaps: options.acknowledgeGaps ?? [],
      rules: rowRulesOf(options),
      partition: options.partition,
      origins: options.origins,
      name,
      backfill: options.backfill ?? false,
      snapshot: snapshotWishOf(options),
      windowBytes: checkedWindowBytes(options.windowBytes ?? defaultWindowBytes),
    };
    const { transport } = this.#directory;
    const source = new SessionSource(this.#directory, request, { transport });
    let opened: TopicSubscription | undefined;
    const subscription = new TopicSubscription(
      {
        source,
        backoff: this.#backoff,
        onClosed: () => {
          if (opened !== undefined) this.#subscriptions.delete(opened);
          this.#places.delete(place);
        },
        keeper: keptByHub ? (failed) => this.#keeper(topic, name!, failed) : shared && (() => shared),
      },
      options,
    );
    // With a signal that was aborted before it is over already.
    if (subscription.status().kind !== 'closed') {
      opened = subscription;
      this.#subscriptions.add(subscription);
      if (place !== undefined) this.#places.add(place);
    }
    return subscription;
  }

  /** Two would overwrite each other's checkpoints, and the slower one would go on from the faster one's. */
  #mustBeFree(place: unknown): void {
    if (place === undefined || !this.#places.has(place)) return;
    throw new TypeError(
      'checkpoints: a subscription that is open keeps its place there already; each needs a store, or a file, of its own.',
    );
  }

  #keeper(topic: string, name: string, failed: (error: unknown) => void): HubCheckpointKeeper {
    const directory = this.#directory;
    return new HubCheckpointKeeper({
      ask: (method, path, body, signal) => directory.ask(method, path, body, signal),
      topic,
      name,
      client: this.#client,
      failed,
    });
  }

  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#lifecycle.abort(new DrcError('CLOSED', 'The hub was closed.'));
    const closings = [...this.#subscriptions].map((subscription) => subscription.close());
    const failed = (await Promise.allSettled(closings)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #onAbort = (): void => {
    const reason: unknown = this.#signal?.reason;
    this.#lifecycle.abort(reason);
    for (const subscription of this.#subscriptions) subscription.abort(reason);
  };
}
