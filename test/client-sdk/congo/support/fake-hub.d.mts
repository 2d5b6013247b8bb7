import type { Change, Checkpoint, Hub } from '@drc/client-sdk';

/** Changes of one transaction; a function makes them anew for each reading, for what is too large to hold. */
export type Changes = readonly Change[] | (() => AsyncIterable<Change> | Iterable<Change>);

export interface FakeTopicOptions {
  /** default `shop` */
  readonly topic?: string;
  /** How often progress without transactions is saved, ms. Default: never. */
  readonly progressMs?: number;
}

/** A topic in memory: transactions `0-1-1`, `0-1-2`, … that any number of subscriptions read. */
export class FakeTopic {
  constructor(options?: FakeTopicOptions);
  /** @returns the transaction's id. */
  append(changes: Changes, origin?: string): string;
  /** A transaction of another domain `1-1-n`. */
  appendElsewhere(changes: Changes): string;
  /** A transaction that holds nothing for the reader: it is never handed out. */
  appendEmpty(): string;
  readonly size: number;
  /** How often a subscription was made. */
  readonly subscriptions: number;
  /** `from` and `tables` of the last subscription, and the checkpoint that it loaded. */
  readonly last: { from: unknown; tables: readonly string[] | undefined; loaded: Checkpoint | undefined };
  hub(): Hub;
}
