import { performance } from 'node:perf_hooks';

/** Time comes in as an argument, so that tests can move it. */
export interface Clock {
  /** ms since 1970 */
  now(): number;
  /** ms from any origin; never goes back */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
