import { setImmediate as turn } from 'node:timers/promises';
import type { Transaction } from '../index.js';

/** A transaction that was asked for. */
export interface Pull {
  readonly item: Promise<IteratorResult<Transaction>>;
  readonly hasArrived: boolean;
  readonly hasFailed: boolean;
  /** Resolves when it has arrived, or failed. */
  readonly settled: Promise<void>;
}

/** A failure is reported where `item` is awaited, and nowhere else. */
export function pull(transactions: AsyncIterator<Transaction>): Pull {
  const item = transactions.next();
  const asked: { -readonly [Key in keyof Pull]: Pull[Key] } = {
    item,
    hasArrived: false,
    hasFailed: false,
    settled: item.then(
      () => void (asked.hasArrived = true),
      () => void (asked.hasFailed = true),
    ),
  };
  return asked;
}

/** Whether it has arrived. A failure counts as not: what was read before it is committed first. */
export async function isThere(asked: Pull): Promise<boolean> {
  // What the subscription has in its buffer comes at once, without a turn of the event loop.
  await Promise.resolve();
  if (!asked.hasArrived) await turn();
  return asked.hasArrived;
}
