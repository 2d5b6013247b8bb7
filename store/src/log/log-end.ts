import { DrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import type { Head } from './head.js';
import { isCorruption } from './level-database.js';

/** Whether a log is open and, where it is not, why: it was closed, or a write failed. Only the first reason counts. */
export class LogEnd {
  /**
   * Resolves when a failed write has closed the log: with `LOG_WRITE_FAILED`, what it holds another `open` tells, or with
   * `LOG_CORRUPT`, which no other `open` mends.
   */
  readonly failed: Promise<DrcError>;
  readonly #head: Head;
  readonly #logger: Logger;
  readonly #close: () => Promise<void>;
  readonly #stop = new AbortController();
  #reason: DrcError | undefined;

  /** @param close closes the log; called when a write has failed */
  constructor(head: Head, logger: Logger, close: () => Promise<void>) {
    this.#head = head;
    this.#logger = logger;
    this.#close = close;
    this.failed = new Promise((resolve) => {
      this.#stop.signal.addEventListener('abort', () => {
        if (this.#reason !== undefined && this.#reason.code !== 'CLOSED') resolve(this.#reason);
      });
    });
  }

  /** Aborted with the reason. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Undefined while the log is open. */
  get reason(): DrcError | undefined {
    return this.#reason;
  }

  assertOpen(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  /** Nothing is read or written any more; all who wait at the head are told why. */
  end(reason: DrcError): void {
    this.#reason ??= reason;
    this.#stop.abort(this.#reason);
    this.#head.end(this.#reason);
  }

  /** A write failed: nobody may rely on what the database says from now on. @returns the error to throw */
  fail(cause: unknown): DrcError {
    if (this.#reason !== undefined) return this.#reason;
    const error = isCorruption(cause)
      ? new DrcError('LOG_CORRUPT', 'LevelDB met damage while it wrote; the log is closed.', {}, { cause })
      : new DrcError('LOG_WRITE_FAILED', 'Writing the log failed; it is closed.', {}, { cause });
    this.#logger.error({ err: error }, 'writing the log failed; it is closed');
    this.end(error);
    // Whoever opens the log anew calls `close` and meets this very closing; nobody has to.
    this.#close().catch((reason: unknown) =>
      this.#logger.error({ err: reason }, 'closing the failed log failed'),
    );
    return error;
  }

  /** Runs what writes: what is no error of ours is a failed write. @throws DrcError */
  async writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof DrcError ? error : this.fail(error);
    }
  }
}
