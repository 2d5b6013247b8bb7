interface Flushable {
  readonly pendingBytes: number;
  flush(): Promise<void>;
}

/** A flush begins at the latest when so much is queued. */
const flushBytes = 512 * 1024;
/** Nothing more is added while so much is queued. */
const fullBytes = 4 * 1024 * 1024;

/**
 * Group commit: one flush at a time, and what comes meanwhile waits for the next. So a quiet source's transaction is
 * written at once, and a busy one's by the batch. Holds at most 4 MiB beside what one event adds.
 */
export class FlushQueue {
  readonly #log: Flushable;
  readonly #onWritten: () => void | Promise<void>;
  #flight: Promise<void> | undefined = undefined;
  #failure: { readonly error: unknown } | undefined = undefined;

  /** @param onWritten after each flush */
  constructor(log: Flushable, onWritten: () => void | Promise<void>) {
    this.#log = log;
    this.#onWritten = onWritten;
  }

  /** Whether to wait for `room()` before adding more. Starts a flush where enough is queued. */
  get isFull(): boolean {
    const pending = this.#log.pendingBytes;
    if (pending >= flushBytes && this.#flight === undefined) this.start();
    return pending >= fullBytes || this.#failure !== undefined;
  }

  /** Writes what is queued, unless a flush is on its way: then that one is followed by another. */
  start(): void {
    if (this.#flight !== undefined || this.#failure !== undefined) return;
    this.#flight = this.#flush();
  }

  /** Resolves when there is room again. @throws what a flush threw. */
  async room(): Promise<void> {
    this.start();
    await this.#flight;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Resolves when nothing is queued any more. @throws what a flush threw. */
  async drain(): Promise<void> {
    do await this.room();
    while (this.#log.pendingBytes > 0);
  }

  async #flush(): Promise<void> {
    try {
      // Until nothing is left: what came while a flush was on its way must not wait for the next event. A position
      // that moved without data is written too: the file before it may be purged.
      do {
        await this.#log.flush();
        await this.#onWritten();
      } while (this.#log.pendingBytes > 0);
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#flight = undefined;
    }
  }
}
