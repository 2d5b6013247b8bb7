import { DrcError, type Transport } from '@drc/protocol';
import { unlessAborted } from './backoff.js';
import type { AnyTables } from './change.js';
import type { ConnectOptions } from './connect-options.js';
import { Directory, type TopicInfo } from './directory.js';
import { checkConnectOptions, checkSubscribeOptions } from './option-check.js';
import { checkedWindowBytes, defaultWindowBytes } from './read-window.js';
import { checkRowOptions, rowRulesOf } from './row-options.js';
import { SessionSource } from './session-source.js';
import { TopicSubscription, type SubscribeOptions, type Subscription } from './subscription.js';

/** A connection to the cluster managers: subscriptions are made here. */
export interface Hub extends AsyncDisposable {
  /** The topics that these credentials may read. @throws DrcError `CLOSED` after `close()`. */
  topics(): Promise<readonly TopicInfo[]>;
  /**
   * Nothing is asked for until the subscription is iterated. `S` maps `schema.table` to the type of its rows.
   * @throws TypeError, RangeError or DrcError (`TABLE_UNKNOWN`, `CHECKPOINT_INVALID`) on options that cannot be meant; `CLOSED`.
   */
  subscribe<S = AnyTables>(topic: string, options?: SubscribeOptions): Subscription<S>;
  /** Ends all subscriptions, their loops quietly. Closing twice is fine. */
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

class ManagedHub implements Hub {
  readonly #directory: Directory;
  readonly #client: string;
  readonly #signal: AbortSignal | undefined;
  readonly #lifecycle = new AbortController();
  readonly #subscriptions = new Set<TopicSubscription>();

  constructor(directory: Directory, { client, signal }: ConnectOptions) {
    this.#directory = directory;
    this.#client = client ?? 'drc-sdk';
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  async topics(): Promise<readonly TopicInfo[]> {
    const { signal } = this.#lifecycle;
    signal.throwIfAborted();
    return unlessAborted(this.#directory.topics(signal), signal);
  }

  subscribe<S = AnyTables>(topic: string, options: SubscribeOptions = {}): Subscription<S> {
    this.#lifecycle.signal.throwIfAborted();
    checkSubscribeOptions(topic, options);
    checkRowOptions(options);
    const request = {
      topic,
      client: this.#client,
      tables: options.tables ?? [],
      operations: options.operations ?? [],
      acknowledgeGaps: options.acknowledgeGaps ?? [],
      rules: rowRulesOf(options),
      partition: options.partition,
      windowBytes: checkedWindowBytes(options.windowBytes ?? defaultWindowBytes),
    };
    const { transport } = this.#directory;
    const source = new SessionSource(this.#directory, request, { transport });
    const subscription = new TopicSubscription(
      { source, onClosed: () => this.#subscriptions.delete(subscription) },
      options,
    );
    this.#subscriptions.add(subscription);
    // The row types are the caller's word; nothing at run time knows of them.
    return subscription as unknown as Subscription<S>;
  }

  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#lifecycle.abort(new DrcError('CLOSED', 'The hub was closed.'));
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
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
