import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from './clock.js';

/** So much may come at once after a pause, ms of the rate. */
const burstMs = 1_000;

/** Keeps what is taken within a rate: whoever takes waits, and the other end of the connection with it. */
export class BytePace {
  readonly #bytesPerMs: number | undefined;
  readonly #clock: Clock;
  /** When all that was taken so far will have been due, on the monotonic clock. */
  #due = -Infinity;

  /** @param bytesPerSecond undefined: no limit */
  constructor(bytesPerSecond: number | undefined, clock: Clock) {
    this.#bytesPerMs = bytesPerSecond === undefined ? undefined : bytesPerSecond / 1000;
    this.#clock = clock;
  }

  /** Waits where these bytes come too early. @throws the signal's reason */
  async took(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerMs === undefined) return;
    const now = this.#clock.monotonic();
    this.#due = Math.max(this.#due, now - burstMs) + bytes / this.#bytesPerMs;
    if (this.#due > now) await sleep(this.#due - now, undefined, { signal });
  }
}
