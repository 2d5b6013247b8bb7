import { DrcError, type Transport } from '@drc/protocol';
import { unlessAborted } from './backoff.js';
import type { AnyTables } from './change.js';
import type { ConnectOptions } from './connect-options.js';
import { Directory, type TopicInfo } from './directory.js';
import { HubCheckpointKeeper } from './hub-checkpoint-keeper.js';
import { HubCheckpoints } from './hub-checkpoints.js';
import { checkConnectOptions, checkSubscribeOptions } from './option-check.js';
import { checkedWindowBytes, defaultWindowBytes } from './read-window.js';
import { checkRowOptions, rowRulesOf } from './row-options.js';
import { SessionSource } from './session-source.js';
import type { SubscribeOptions } from './subscribe-options.js';
import { TopicSubscription, type Subscription } from './subscription.js';

/** A connection to the cluster managers: subscriptions are made here. */
export interface Hub extends AsyncDisposable {
  /** The topics that these credentials may read. @throws DrcError `CLOSED` after `close()`. */
  topics(): Promise<readonly TopicInfo[]>;
  /**
   * Nothing is asked for until the subscription is iterated. `S` maps `schema.table` to the type of its rows.
   * @throws TypeError, RangeError or DrcError (`TABLE_UNKNOWN`, `CHECKPOINT_INVALID`) on options that cannot be meant; `CLOSED`.
   */
  subscribe<S = AnyTables>(topic: string, options?: SubscribeOptions): Subscription<S>;
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

class ManagedHub implements Hub {
  readonly #directory: Directory;
  readonly #client: string;
  readonly #signal: AbortSignal | undefined;
  readonly #lifecycle = new AbortController();
  readonly #subscriptions = new Set<TopicSubscription>();
  /** `<topic>/<name>` of the open ones whose checkpoints the managers keep. */
  readonly #kept = new Set<string>();

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
    const keptByHub = options.checkpoints instanceof HubCheckpoints ? options.checkpoints : undefined;
    const name = keptByHub === undefined ? options.name : (keptByHub.name ?? options.name ?? 'default');
    if (keptByHub !== undefined && this.#kept.has(`${topic}/${name}`))
      throw new TypeError(
        `hubCheckpoints: a subscription of ${topic} under the name ${name} is open already; give one of them another: hubCheckpoints({ name }).`,
      );
    const request = {
      topic,
      client: this.#client,
      tables: options.tables ?? [],
      operations: options.operations ?? [],
      acknowledgeGaps: options.acknowledgeGaps ?? [],
      rules: rowRulesOf(options),
      partition: options.partition,
      name,
      backfill: options.backfill ?? false,
      windowBytes: checkedWindowBytes(options.windowBytes ?? defaultWindowBytes),
    };
    const { transport } = this.#directory;
    const source = new SessionSource(this.#directory, request, { transport });
    const keptAs = keptByHub && `${topic}/${name}`;
    let opened: TopicSubscription | undefined;
    const subscription = new TopicSubscription(
      {
        source,
        onClosed: () => {
          if (opened !== undefined) this.#subscriptions.delete(opened);
          if (keptAs !== undefined) this.#kept.delete(keptAs);
        },
        ...(keptByHub ? { keeper: (failed) => this.#keeper(topic, name!, failed) } : {}),
      },
      options,
    );
    // With a signal that was aborted before it is over already.
    if (subscription.status().kind !== 'closed') {
      opened = subscription;
      this.#subscriptions.add(subscription);
      if (keptAs !== undefined) this.#kept.add(keptAs);
    }
    // The row types are the caller's word; nothing at run time knows of them.
    return subscription as unknown as Subscription<S>;
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
