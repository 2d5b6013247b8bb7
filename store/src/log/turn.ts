/** Lets one piece of work run at a time, in the order of the calls. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  /** @throws what the work throws; the next one starts all the same. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when all work taken so far has ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
