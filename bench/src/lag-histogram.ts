const bucketsPerMs = 20;
const longestMs = 60_000;

/** How lags are spread, in steps of 50 µs; what is below 0 counts as 0, what is above a minute as a minute. */
export class LagHistogram {
  readonly counts: Uint32Array;

  constructor(counts = new Uint32Array(longestMs * bucketsPerMs + 1)) {
    this.counts = counts;
  }

  add(ms: number): void {
    const bucket = Math.ceil(Math.min(Math.max(ms, 0), longestMs) * bucketsPerMs);
    this.counts[bucket]! += 1;
  }

  addAll(counts: Uint32Array): void {
    for (let bucket = 0; bucket < counts.length; bucket += 1) this.counts[bucket]! += counts[bucket]!;
  }

  /** ms below which the share `q` of the lags lies. */
  quantile(q: number): number {
    const wanted = q * this.counts.reduce((sum, count) => sum + count, 0);
    let seen = 0;
    const bucket = this.counts.findIndex((count) => (seen += count) >= wanted);
    return bucket / bucketsPerMs;
  }
}
