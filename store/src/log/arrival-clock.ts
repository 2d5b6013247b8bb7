import type { Clock } from '../clock.js';

/** A source's clock may be ahead of the store's by this much before the store's own is believed, ms. */
const toleranceMs = 1000;

/**
 * The time at which something arrives, ms since 1970: the wall clock, which is not followed backwards. What was committed at a
 * true time must not be placed before it because this machine's clock was set back since: whoever begins at a time would
 * begin behind it. One that is set forward is believed.
 */
export class ArrivalClock {
  readonly #clock: Clock;
  #seen: number;
  #seenAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#seen = clock.now();
    this.#seenAt = clock.monotonic();
  }

  /** The latest time, whole ms since 1970, at which something can have been committed that arrives now. */
  latestCommit(): number {
    const monotonic = this.#clock.monotonic();
    this.#seen = Math.max(this.#clock.now(), this.#seen + monotonic - this.#seenAt);
    this.#seenAt = monotonic;
    return Math.floor(this.#seen) + toleranceMs;
  }
}
