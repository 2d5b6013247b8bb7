import { DrcError, type LogMoment } from '@drc/protocol';

interface Waiter {
  readonly lsn: number;
  readonly resolve: (moment: LogMoment) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The newest visible place of a log, and those who wait for a newer one. A slow waiter is not told of every step:
 * it gets the newest value when it asks again, so the head keeps no queue.
 */
export class Head {
  #value: LogMoment;
  readonly #waiters = new Set<Waiter>();
  #ended: DrcError | undefined;

  constructor(value: LogMoment) {
    this.#value = value;
  }

  get value(): LogMoment {
    return this.#value;
  }

  /**
   * Resolves once the head is beyond `lsn`, at once where it is already.
   * @throws the signal's reason; DrcError `CLOSED` or `LOG_WRITE_FAILED` when the log ends.
   */
  after(lsn: number, signal: AbortSignal): Promise<LogMoment> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.#value.lsn > lsn) return Promise.resolve(this.#value);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        reject(signal.reason as Error);
      };
      const settle = <T>(how: (value: T) => void) => {
        return (value: T): void => {
          signal.removeEventListener('abort', onAbort);
          how(value);
        };
      };
      const waiter: Waiter = { lsn, resolve: settle(resolve), reject: settle(reject) };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** Moves the head and wakes whom it concerns. It never goes back. */
  advance(moment: LogMoment): void {
    if (moment.lsn < this.#value.lsn) throw new DrcError('INTERNAL', 'The head of a log went back.');
    this.#value = moment;
    for (const waiter of this.#waiters) {
      if (moment.lsn <= waiter.lsn) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(moment);
    }
  }

  /** No newer value will come: all who wait are told why. Only the first reason counts. */
  end(reason: DrcError): void {
    this.#ended ??= reason;
    for (const waiter of this.#waiters) waiter.reject(reason);
    this.#waiters.clear();
  }
}
