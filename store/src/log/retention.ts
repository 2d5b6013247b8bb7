import type { Clock } from '../clock.js';
import type { SourceIdentity, LogBeginning, LogTail } from './meta.js';

/** At most this share of the log goes in one pass, so that no error of a clock can empty it at once. */
const shareOfOnePass = 0.05;

/** The latest moment that a date can name: where nothing is covered yet. */
export const never = 8_640_000_000_000_000;

/**
 * The time by which transactions grow old: the wall clock, but it advances by no more than monotonic time since it
 * was last seen, so that a clock set forward by a day deletes nothing. What transactions themselves prove (a log time
 * is never later than the source's commit) counts as seen.
 */
export class RetentionClock {
  readonly #clock: Clock;
  #seen: number;
  #seenAt: number;

  /** @param proven log time of the newest transaction; 0 where there is none: then the wall clock is believed. */
  constructor(clock: Clock, proven: number) {
    this.#clock = clock;
    this.#seen = proven === 0 ? clock.now() : Math.min(proven, clock.now());
    this.#seenAt = clock.monotonic();
  }

  now(proven: number): number {
    const monotonic = this.#clock.monotonic();
    const advanced = Math.max(this.#seen + monotonic - this.#seenAt, proven);
    this.#seen = Math.min(this.#clock.now(), advanced);
    this.#seenAt = monotonic;
    return this.#seen;
  }
}

/**
 * The oldest transaction to keep after one pass, when `firstWanted` is the oldest that is young enough. The newest
 * transaction stays however old it is: by it capture recognises its source again.
 */
export function tailAfterPass(tailLsn: number, headLsn: number, firstWanted: number): number {
  const most = Math.max(1, Math.ceil((headLsn + 1 - tailLsn) * shareOfOnePass));
  return Math.max(tailLsn, Math.min(firstWanted, tailLsn + most, headLsn));
}

/** How long between two passes, so that the log shrinks as fast as it can grow, ms. */
export const passIntervalMs = (retentionMs: number): number =>
  Math.min(60_000, Math.max(250, retentionMs / 40));

/**
 * The earliest moment (ms) from which the log has everything. Behind a transaction that is missing that is the next
 * moment that the source's clock can tell from its own: MariaDB stamps whole seconds.
 * @param oldestTime log time of the oldest transaction in the log; undefined where there is none
 */
export function coversFrom(
  beginning: LogBeginning | undefined,
  tail: LogTail,
  oldestTime: number | undefined,
): number {
  if (beginning === undefined) return never;
  if (tail.trimmedTime !== undefined) return momentAfter(tail.trimmedTime, beginning.identity);
  if (beginning.complete) return 0;
  // Capture may have begun in the past: what came before the first transaction is no younger than it.
  if (oldestTime === undefined) return beginning.moment;
  return Math.min(beginning.moment, momentAfter(oldestTime, beginning.identity));
}

function momentAfter(time: number, { flavour }: SourceIdentity): number {
  const resolutionMs = flavour === 'mariadb' ? 1000 : 1;
  return Math.floor(time / resolutionMs) * resolutionMs + resolutionMs;
}
