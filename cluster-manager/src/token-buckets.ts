import type { Clock } from './clock.js';

export interface TokenBucketOptions {
  /** How many may come at once. */
  readonly capacity: number;
  /** One more each so many ms. */
  readonly refillMs: number;
  readonly clock: Clock;
  /** How many keys are remembered. Default 10,000: some 1 MiB. */
  readonly maxKeys?: number;
}

interface Bucket {
  readonly tokens: number;
  /** On the monotonic clock. */
  readonly at: number;
}

/** A token bucket for each key: a name, an address. A key that is not remembered has a full one. */
export class TokenBuckets {
  readonly #options: Required<TokenBucketOptions>;
  /** The one that was used longest ago comes first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: TokenBucketOptions) {
    this.#options = { maxKeys: 10_000, ...options };
  }

  /** 0 while there is a token; else the ms until there is one. Takes none. */
  wait(key: string): number {
    return Math.max(0, Math.ceil((1 - this.#level(key)) * this.#options.refillMs));
  }

  /** Takes a token, also one that is not there: what went on at the same time is paid for afterwards. */
  take(key: string): void {
    this.#set(key, this.#level(key) - 1);
  }

  #level(key: string): number {
    const { capacity, refillMs, clock } = this.#options;
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return capacity;
    return Math.min(capacity, bucket.tokens + (clock.monotonic() - bucket.at) / refillMs);
  }

  #set(key: string, tokens: number): void {
    this.#buckets.delete(key);
    if (tokens >= this.#options.capacity) return;
    this.#buckets.set(key, { tokens, at: this.#options.clock.monotonic() });
    if (this.#buckets.size <= this.#options.maxKeys) return;
    const oldest = this.#buckets.keys().next();
    if (oldest.done !== true) this.#buckets.delete(oldest.value);
  }
}
