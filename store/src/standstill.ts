import type { CaptureState } from './source/capture-state.js';

/** A source that restarts, or a network that is mended, is back before this, ms. */
const toleratedMs = 10_000;

/** Whether the log gets nothing more for now: capture was stopped, or has had no connection to the source for a while. */
export class Standstill {
  readonly #capture: () => CaptureState['kind'];
  readonly #now: () => number;
  /** When it was first seen without a connection, on the monotonic clock. */
  #since: number | undefined;

  /** @param now default: the monotonic clock, ms */
  constructor(capture: () => CaptureState['kind'], now: () => number = () => performance.now()) {
    this.#capture = capture;
    this.#now = now;
  }

  /** To be asked again and again: it knows only what it has seen. */
  look(): boolean {
    const kind = this.#capture();
    if (kind === 'streaming') {
      this.#since = undefined;
      return false;
    }
    this.#since ??= this.#now();
    return kind === 'stopped' || this.#now() - this.#since >= toleratedMs;
  }
}
