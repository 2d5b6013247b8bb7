import { setTimeout as sleep } from 'node:timers/promises';

/** What waking sessions may take of the thread's time; the rest is for capture, and for those who read history. */
const share = 0.25;
/** The longest that a session is kept from what is new. */
const longestMs = 20;
/** What telling one session takes at most, ms: what is measured beyond it was other work, which came in between. */
const longestTurnMs = 0.1;
/** Timers are no finer. A pause that is due but shorter is kept for the next time. */
const timerMs = 1;

/**
 * How often the sessions at the head look for what is new. Each is told at once, as long as telling all of them takes no more than
 * its share of the thread's time; beyond that they are told together, less often.
 */
export class HeadPace {
  readonly #now: () => number;
  /** The next round may begin at this time. */
  #due = 0;
  #isRound = false;
  /** Sessions of this round. */
  #turns = 0;
  #pause: Promise<void> | undefined;
  /** Sessions that wait for the next round. */
  #late = 0;

  /** @param now ms, monotonic, finer than a millisecond */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** For a session that was told of a new head: undefined where it may go on at once. */
  turn(): Promise<void> | undefined {
    const left = this.#due - this.#now();
    if (this.#isRound || left < timerMs) {
      this.#turns += 1;
      this.#begin();
      return undefined;
    }
    this.#late += 1;
    return (this.#pause ??= sleep(left).then(() => {
      this.#pause = undefined;
      this.#turns += this.#late;
      this.#late = 0;
      this.#begin();
    }));
  }

  /** The sessions of a round run before the event loop comes to its immediates. */
  #begin(): void {
    if (this.#isRound) return;
    this.#isRound = true;
    const begun = this.#now();
    setImmediate(() => {
      this.#isRound = false;
      const now = this.#now();
      const cost = Math.min(now - begun, this.#turns * longestTurnMs);
      this.#turns = 0;
      const pause = Math.min(cost * (1 / share - 1), longestMs);
      this.#due = Math.min(Math.max(this.#due, now) + pause, now + longestMs);
    });
  }
}
