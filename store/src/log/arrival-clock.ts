import type { Clock } from '../clock.js';

/** A commit may claim to be so much later than its arrival before that is believed, ms. */
const toleranceMs = 1000;
/** A source's clock that is further ahead is wrong: what it showed would stand in the log for good. More than any time zone. */
const mostAheadMs = 86_400_000;

/**
 * The time at which something arrives, ms since 1970: the wall clock, which is not followed backwards, or the source's own
 * where that is ahead. What was committed at a time of the source must not be placed before it because this machine's clock
 * is behind, or was set back since: whoever begins at a time would begin behind it. One that is set forward is believed.
 */
export class ArrivalClock {
  readonly #clock: Clock;
  #seen: number;
  #seenAt: number;
  #aheadMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#seen = clock.now();
    this.#seenAt = clock.monotonic();
  }

  /** Whole ms since 1970. */
  now(): number {
    return Math.floor(this.#own() + this.#aheadMs);
  }

  /** @param ask what the source's own clock shows now, ms since 1970. @returns its answer */
  async sourceTime(ask: () => Promise<number>): Promise<number> {
    const asked = this.#own();
    const time = await ask();
    // It looked somewhen between question and answer, by clocks of whole ms. An answer may be late: what was known before stays
    // where it agrees with both.
    const ahead = Math.min(time - asked, Math.max(time - this.#own() - 1, this.#aheadMs));
    this.#aheadMs = Math.min(mostAheadMs, Math.max(0, ahead));
    return time;
  }

  /** The latest time, whole ms since 1970, at which something can have been committed that arrives now. */
  latestCommit(): number {
    return this.now() + toleranceMs;
  }

  #own(): number {
    const monotonic = this.#clock.monotonic();
    this.#seen = Math.max(this.#clock.now(), this.#seen + monotonic - this.#seenAt);
    this.#seenAt = monotonic;
    return this.#seen;
  }
}
