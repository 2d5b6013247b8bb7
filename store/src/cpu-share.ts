/** So long ago counts a third as much as now, ms: readers are not placed elsewhere because of a moment's work. */
const memoryMs = 60_000;

/** How much of one core this process takes, over about the last minute: more than 1 where its threads work side by side. */
export class CpuShare {
  #usage = process.cpuUsage();
  #at = performance.now();
  #share = 0;

  take(): number {
    const now = performance.now();
    const { user, system } = process.cpuUsage(this.#usage);
    const elapsed = now - this.#at;
    if (elapsed <= 0) return this.#share;
    this.#share = smoothed(this.#share, (user + system) / 1000 / elapsed, elapsed);
    this.#usage = process.cpuUsage();
    this.#at = now;
    return this.#share;
  }
}

/** The average after another piece of `elapsed` ms with this share. */
export function smoothed(before: number, share: number, elapsed: number): number {
  const weight = 1 - Math.exp(-elapsed / memoryMs);
  return before + (share - before) * weight;
}
