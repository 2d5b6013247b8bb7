import { setTimeout as sleep } from 'node:timers/promises';
import type { ReadableLog } from './readable-log.js';

/** What waking sessions may take of the thread's time; the rest is for capture, and for those who read history. */
const share = 0.25;
/** The longest that a session is kept from what is new. */
const longestMs = 20;
/** What telling one session takes at most, ms: what is measured beyond it was other work, which came in between. */
const longestTurnMs = 0.1;
/** Timers are no finer. A pause that is due but shorter is kept for the next time. */
const timerMs = 1;

interface Waiter {
  readonly lsn: number;
  readonly wake: (error?: Error) => void;
}

/**
 * Tells the sessions at the head of what is new: at once, as long as telling all of them takes no more than its share of the
 * thread's time; beyond that less often. One wait for the log's head serves them all, and they are told together.
 */
export class HeadPace {
  readonly #head: ReadableLog['head'];
  readonly #now: () => number;
  readonly #waiting = new Set<Waiter>();
  /** Ends the wait for the head; undefined while nobody waits. */
  #watching: AbortController | undefined;
  /** The next round may begin at this time. */
  #due = 0;

  /** @param now ms, monotonic, finer than a millisecond */
  constructor(head: ReadableLog['head'], now: () => number) {
    this.#head = head;
    this.#now = now;
  }

  /**
   * Calls `wake` once, later, when the head is beyond `lsn`; or with the reason why no newer head will come.
   * @returns takes the call back
   */
  wait(lsn: number, wake: (error?: Error) => void): () => void {
    const waiter = { lsn, wake };
    this.#waiting.add(waiter);
    if (this.#watching === undefined) void this.#watch((this.#watching = new AbortController()));
    return () => {
      if (this.#waiting.delete(waiter) && this.#waiting.size === 0) this.#watching?.abort();
    };
  }

  async #watch(watching: AbortController): Promise<void> {
    while (this.#waiting.size > 0) {
      const lsn = Math.min(...[...this.#waiting].map((waiter) => waiter.lsn));
      try {
        await this.#head.after(lsn, watching.signal);
      } catch (error) {
        if (!watching.signal.aborted) this.#wake(Infinity, error as Error);
        break;
      }
      const left = this.#due - this.#now();
      if (left >= timerMs) await sleep(left);
      await this.#round();
    }
    this.#watching = undefined;
    // Somebody may have come while the wait was being ended.
    if (this.#waiting.size > 0) void this.#watch((this.#watching = new AbortController()));
  }

  /** The sessions that are told run before the event loop comes to its immediates. */
  async #round(): Promise<void> {
    const begun = this.#now();
    const told = this.#wake(this.#head.value.lsn);
    await new Promise((resolve) => setImmediate(resolve));
    const now = this.#now();
    const cost = Math.min(now - begun, told * longestTurnMs);
    const pause = Math.min(cost * (1 / share - 1), longestMs);
    this.#due = Math.min(Math.max(this.#due, now) + pause, now + longestMs);
  }

  #wake(headLsn: number, error?: Error): number {
    let told = 0;
    for (const waiter of this.#waiting) {
      if (waiter.lsn >= headLsn) continue;
      this.#waiting.delete(waiter);
      waiter.wake(error);
      told += 1;
    }
    return told;
  }
}
