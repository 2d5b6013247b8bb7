/** The two clocks of a process, passed in so that tests can move them. */
export interface Clock {
  /** ms since 1970, as the machine believes; may jump. */
  now(): number;
  /** ms from an arbitrary moment; never jumps, never goes back. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
