import { setTimeout as pause } from 'node:timers/promises';
import { jsonRequest, type ReaderReport, type Transport } from '@drc/protocol';
import type { Logger } from 'pino';

export interface ReaderReporterOptions {
  /** Base addresses: each of them is told. */
  readonly clusterManagers: readonly string[];
  readonly machineKey: string;
  readonly transport: () => Promise<Transport>;
  readonly topic: string;
  readonly storeId: string;
  /** For how long the log keeps what comes in, ms; asked each time. */
  readonly retentionMs: () => number;
  /** Asked each time; the furthest behind first. */
  readonly readers: () => Promise<readonly ReaderReport[]>;
  readonly logger: Logger;
  /** Default 3 s: a manager believes it for 15 s. */
  readonly everyMs?: number;
  /** Of one request. Default 5 s. */
  readonly timeoutMs?: number;
}

/** So many fit the body of a request, whatever their names. */
const partLength = 100;
const maxAnswerBytes = 64 * 1024;

/**
 * Tells the managers where this store's readers are, for operators. Nothing depends on it: a manager that does not answer,
 * or of a version that does not know of readers, is told again the next time.
 */
export class ReaderReporter implements AsyncDisposable {
  readonly #options: ReaderReporterOptions;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>;
  /** Whether they know of sessions: that none is left they are told, too. */
  #wereTold = false;

  private constructor(options: ReaderReporterOptions) {
    this.#options = options;
    this.#work = this.#run();
  }

  static start(options: ReaderReporterOptions): ReaderReporter {
    return new ReaderReporter(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #run(): Promise<void> {
    const { everyMs = 3_000, readers, logger } = this.#options;
    const { signal } = this.#stop;
    for (;;) {
      try {
        await pause(everyMs, undefined, { signal });
        const reports = await readers();
        if (reports.length > 0 || this.#wereTold) await this.#tell(reports);
        this.#wereTold = reports.length > 0;
      } catch (error) {
        if (signal.aborted) return;
        logger.debug({ err: error }, 'The cluster managers were not told of the readers');
      }
    }
  }

  async #tell(reports: readonly ReaderReport[]): Promise<void> {
    const { clusterManagers, topic, storeId: id } = this.#options;
    const retentionMs = this.#options.retentionMs();
    const parts = Math.max(1, Math.ceil(reports.length / partLength));
    const bodies = Array.from({ length: parts }, (_, part) => {
      const readers = reports.slice(part * partLength, (part + 1) * partLength);
      return { topic, id, part, parts, retentionMs, readers };
    });
    const told = clusterManagers.map(async (manager) => {
      for (const body of bodies) await this.#post(manager, body);
    });
    for (const outcome of await Promise.allSettled(told))
      if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #post(manager: string, body: object): Promise<void> {
    const { machineKey, transport, timeoutMs = 5_000 } = this.#options;
    await jsonRequest(manager, {
      ...(await transport()),
      method: 'POST',
      path: '/v1/stores/readers',
      token: machineKey,
      body,
      signal: this.#stop.signal,
      timeoutMs,
      maxAnswerBytes,
    });
  }
}
