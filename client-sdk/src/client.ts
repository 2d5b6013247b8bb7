import { DrcError } from '@drc/protocol';
import type { AnyTables } from './change.js';
import { Directory, type Credentials, type TopicInfo } from './directory.js';
import { checkedWindowBytes, defaultWindowBytes } from './read-window.js';
import { SessionSource } from './session-source.js';
import { TopicSubscription, type SubscribeOptions, type Subscription } from './subscription.js';

export interface ConnectOptions {
  /** Base address of the cluster manager, e.g. `http://127.0.0.1:7370`, or of each of several. */
  readonly clusterManager: string | readonly string[];
  readonly credentials: Credentials;
  /** Name of this client in the stores' logs, at most 100 characters. Default `drc-sdk`. */
  readonly client?: string;
  /** Aborting ends the hub and rejects the loops of all its subscriptions. */
  readonly signal?: AbortSignal;
}

const maxClientLength = 100;

/** A connection to the cluster managers: subscriptions are made here. */
export interface Hub extends AsyncDisposable {
  /** The topics that these credentials may read. */
  topics(): Promise<readonly TopicInfo[]>;
  /**
   * Nothing is asked for until the subscription is iterated. `S` maps `schema.table` to the type of its rows.
   * @throws TypeError, RangeError or DrcError `CHECKPOINT_INVALID` on options that cannot be meant; `CLOSED`.
   */
  subscribe<S = AnyTables>(topic: string, options?: SubscribeOptions): Subscription<S>;
  /** Ends all subscriptions, their loops quietly. Closing twice is fine. */
  close(): Promise<void>;
}

/**
 * Logs in at a cluster manager.
 * @throws DrcError `UNAUTHENTICATED`, or `MANAGER_UNREACHABLE` where none of them answers; later on, a manager that
 * is away is waited for.
 */
export async function connect(options: ConnectOptions): Promise<Hub> {
  const { clusterManager, credentials, client, signal } = options;
  const addresses = typeof clusterManager === 'string' ? [clusterManager] : clusterManager;
  if (client !== undefined && client.length > maxClientLength)
    throw new RangeError(`client: at most ${maxClientLength} characters.`);
  const hub = new ManagedHub(new Directory({ addresses, credentials }), options);
  try {
    signal?.throwIfAborted();
    await hub.topics();
    return hub;
  } catch (error) {
    await hub.close();
    throw error;
  }
}

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

  topics(): Promise<readonly TopicInfo[]> {
    return this.#directory.topics(this.#lifecycle.signal);
  }

  subscribe<S = AnyTables>(topic: string, options: SubscribeOptions = {}): Subscription<S> {
    this.#lifecycle.signal.throwIfAborted();
    const source = new SessionSource(this.#directory, {
      topic,
      client: this.#client,
      tables: options.tables ?? [],
      operations: options.operations ?? [],
      windowBytes: checkedWindowBytes(options.windowBytes ?? defaultWindowBytes),
    });
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
