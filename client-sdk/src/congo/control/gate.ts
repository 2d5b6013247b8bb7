import { setTimeout as sleep } from 'node:timers/promises';
import { noOrders, type TaskOrders } from './control-table.js';

/**
 * Where a task waits before each target transaction: while it is paused, and as long as it is ahead of its throttle.
 * What was applied counts when it is done, so that a source transaction of any size passes, and is waited for after it.
 */
export class Gate {
  #orders: TaskOrders = noOrders;
  /** When what has passed is paid for, ms since 1970. */
  #paidAt = 0;
  #changed = new AbortController();

  get orders(): TaskOrders {
    return this.#orders;
  }

  /** Rows that a target transaction is to have at most: those of a second. */
  get maxRows(): number {
    return this.#orders.rowsPerSecond ?? Number.POSITIVE_INFINITY;
  }

  /** Whoever waits looks again. */
  set orders(orders: TaskOrders) {
    const isPaceNew = orders.rowsPerSecond !== this.#orders.rowsPerSecond;
    const isNew = isPaceNew || orders.pausedAt !== this.#orders.pausedAt;
    this.#orders = orders;
    if (!isNew) return;
    // What was due at the old pace says nothing of the new one.
    if (isPaceNew) this.#paidAt = 0;
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** Resolves when a target transaction may begin, and once `signal` is aborted. */
  async open(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { pausedAt } = this.#orders;
      const waitMs = pausedAt === undefined ? this.#paidAt - Date.now() : longestWaitMs;
      if (waitMs <= 0) return;
      const either = AbortSignal.any([signal, this.#changed.signal]);
      await sleep(Math.min(waitMs, longestWaitMs), undefined, { signal: either }).catch(() => undefined);
    }
  }

  /** So many rows were applied. */
  passed(rows: number, now = Date.now()): void {
    const { rowsPerSecond } = this.#orders;
    if (rowsPerSecond === undefined) return;
    this.#paidAt = Math.max(this.#paidAt, now) + (rows / rowsPerSecond) * 1000;
  }
}

/** Timers take no more than 2^31 ms. */
const longestWaitMs = 86_400_000;
