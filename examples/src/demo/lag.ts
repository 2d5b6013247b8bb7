/** Lags in ms; keeps all of them, for exact percentiles. */
export class Lag {
  readonly #values: number[] = [];

  add(ms: number): void {
    this.#values.push(ms);
  }

  get count(): number {
    return this.#values.length;
  }

  /** @param share 0.5 for the median. Of the last `latest` values only, where given. NaN while there are none. */
  percentile(share: number, latest = this.#values.length): number {
    const sorted = this.#values.slice(-latest).sort((left, right) => left - right);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  }
}
