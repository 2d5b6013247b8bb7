/**
 * What serving has done since the process began. Plain numbers, written on the hot path and read by whoever shows
 * them; they only grow.
 */
export class ServeCounters {
  /** Data frames and their bytes, headers included. */
  frames = 0;
  bytes = 0;
  /** Transactions and rows given to readers, each reader counted. */
  transactions = 0;
  rows = 0;
  /** Transactions of which nothing was left for a reader. */
  transactionsSkipped = 0;
  sessionsOpened = 0;
  readonly #refusals = new Map<string, number>();

  /** A request, a connection or a session was refused or ended for this reason: an error code, or a name below. */
  refuse(reason: string): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
  }

  get refusals(): ReadonlyMap<string, number> {
    return this.#refusals;
  }
}
