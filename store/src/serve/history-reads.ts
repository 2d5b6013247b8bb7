/** Enough to read one burst while another is passed on. */
const slots = 2;

/**
 * Sessions that read history read in turn, few at a time: the threads that read are the ones through which capture writes, and
 * between two bursts capture and the sessions at the head have the main thread.
 */
export class HistoryReads {
  #free = slots;
  readonly #waiting: (() => void)[] = [];

  /** Runs the read when it is its turn. */
  async take<T>(read: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await read();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
