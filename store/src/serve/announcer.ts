import { setTimeout as pause } from 'node:timers/promises';
import { DrcError, isDrcError, isErrorCode, type LogExtent } from '@drc/protocol';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../clock.js';
import type { TicketKeys } from './ticket-keys.js';

/** What a manager is told beside topic and address. */
export interface StoreStatus {
  readonly extent: LogExtent;
  readonly captureState: string;
}

export interface AnnouncerOptions {
  /** Base addresses, such as `http://127.0.0.1:7370`; tried in turn, beginning with the one that answered last. */
  readonly clusterManagers: readonly string[];
  readonly machineKey: string;
  readonly topic: string;
  readonly storeId: string;
  /** Where clients reach this store: `ws://127.0.0.1:7371`. */
  readonly address: string;
  /** What to tell, asked each time. Undefined while the log has not begun: there is nothing to be found yet. */
  readonly status: () => StoreStatus | undefined;
  readonly keys: TicketKeys;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For one request; default 5 s. */
  readonly timeoutMs?: number;
  /** Longest pause after failures; default 30 s. */
  readonly maxPauseMs?: number;
}

/** Whether the managers know of this store. */
export type AnnouncerState =
  /** Not yet announced: the first answer is under way, or the log has not begun. */
  | { readonly kind: 'starting' }
  /** `until`: when the lease ends, ms since 1970. */
  | { readonly kind: 'announced'; readonly manager: string; readonly until: number }
  /** `since`: the first failure in a row. */
  | { readonly kind: 'failing'; readonly error: DrcError; readonly since: number }
  | { readonly kind: 'closed' };

const answerShape = z.object({
  leaseMs: z.int().positive(),
  cluster: z.string(),
  keys: z.array(z.unknown()),
});
const errorShape = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

const firstPauseMs = 500;
/** Between two looks at a log that has not begun. */
const lookAgainMs = 100;
const withdrawMs = 2000;
const keyHint =
  'the cluster manager does not take its machine key (machineKeyFile, DRC_MACHINE_KEY); `drc cm machine-key` makes one';
/** An answer holds a few keys. */
const maxAnswerBytes = 256 * 1024;

/**
 * Tells the cluster managers of this store, every third of the lease, and takes their public keys from the answers.
 * A manager that does not answer is no reason to stop serving: it goes on trying for as long as it takes.
 */
export class Announcer implements AsyncDisposable {
  readonly #options: AnnouncerOptions;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>;
  #state: AnnouncerState = { kind: 'starting' };
  /** The index of the manager that answered last. */
  #preferred = 0;
  #failures = 0;
  #closing: Promise<void> | undefined;

  private constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#work = this.#run();
  }

  static start(options: AnnouncerOptions): Announcer {
    return new Announcer(options);
  }

  get state(): AnnouncerState {
    return this.#state;
  }

  /** Withdraws the store, as far as a manager answers within two seconds. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#work;
    if (this.#state.kind === 'announced') await this.#withdraw(this.#state.manager);
    this.#state = { kind: 'closed' };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const pauseMs = await this.#round();
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Tries each manager once, until one answers; returns the pause in ms until the next round. */
  async #round(): Promise<number> {
    const { clusterManagers, clock, status } = this.#options;
    const now = status();
    if (now === undefined) return lookAgainMs;
    let failure: unknown;
    for (let attempt = 0; attempt < clusterManagers.length && !this.#stop.signal.aborted; attempt++) {
      const index = (this.#preferred + attempt) % clusterManagers.length;
      const manager = clusterManagers[index]!;
      try {
        const { leaseMs } = await this.#announce(manager, now);
        this.#preferred = index;
        this.#announced(manager, clock.now() + leaseMs);
        return leaseMs / 3;
      } catch (error) {
        failure = error;
      }
    }
    if (!this.#stop.signal.aborted) this.#failed(failure);
    return this.#pauseMs();
  }

  /** Grows from 0.5 s to the limit; full jitter above half of it, so that stores do not come back in step. */
  #pauseMs(): number {
    const longest = Math.min(
      this.#options.maxPauseMs ?? 30_000,
      firstPauseMs * 2 ** Math.min(this.#failures, 20),
    );
    return longest / 2 + (Math.random() * longest) / 2;
  }

  #announced(manager: string, until: number): void {
    if (this.#state.kind !== 'announced' || this.#state.manager !== manager) {
      this.#options.logger.info({ manager }, 'Announced to the cluster manager');
    }
    this.#failures = 0;
    this.#state = { kind: 'announced', manager, until };
  }

  #failed(cause: unknown): void {
    const error =
      cause instanceof DrcError
        ? cause
        : new DrcError('MANAGER_UNREACHABLE', 'No cluster manager answers.', {}, { cause });
    const since = this.#state.kind === 'failing' ? this.#state.since : this.#options.clock.now();
    // Once for each new reason: an outage of a day is not a line every 30 seconds.
    if (this.#state.kind !== 'failing' || this.#state.error.code !== error.code) {
      const hint =
        isDrcError(error, 'UNAUTHENTICATED') || isDrcError(error, 'FORBIDDEN') ? `: ${keyHint}` : '';
      this.#options.logger.warn(
        { code: error.code, reason: error.message },
        `The store is not announced${hint}`,
      );
    }
    this.#failures++;
    this.#state = { kind: 'failing', error, since };
  }

  async #announce(manager: string, status: StoreStatus): Promise<{ leaseMs: number }> {
    const { topic, storeId, address, keys } = this.#options;
    const body = JSON.stringify({ topic, id: storeId, address, ...status });
    const answer = await this.#request(manager, 'POST', '/v1/stores/announce', body, this.#stop.signal);
    const parsed = answerShape.safeParse(answer);
    if (!parsed.success) {
      throw new DrcError('MANAGER_UNREACHABLE', `${manager} does not answer like a cluster manager.`, {
        manager,
      });
    }
    await keys.replace(parsed.data);
    return parsed.data;
  }

  async #withdraw(manager: string): Promise<void> {
    const { topic, storeId, logger } = this.#options;
    const path = `/v1/stores/${encodeURIComponent(topic)}/${encodeURIComponent(storeId)}`;
    try {
      await this.#request(manager, 'DELETE', path, undefined, AbortSignal.timeout(withdrawMs));
    } catch (error) {
      logger.info({ manager, err: error }, 'Could not withdraw from the cluster manager; the lease will end');
    }
  }

  /** The JSON of a good answer. @throws DrcError what the manager says, or `MANAGER_UNREACHABLE`. */
  async #request(
    manager: string,
    method: string,
    path: string,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { machineKey, timeoutMs } = this.#options;
    const bounded = boundedSignal(signal, timeoutMs ?? 5000);
    try {
      const response = await fetch(new URL(path, manager), {
        method,
        headers: { authorization: `Bearer ${machineKey}`, 'content-type': 'application/json' },
        body: body ?? null,
        redirect: 'error',
        signal: bounded.signal,
      });
      const answer = await readJson(response);
      if (!response.ok) throw refusal(response.status, answer);
      return answer;
    } catch (cause) {
      if (cause instanceof DrcError) throw cause;
      throw new DrcError('MANAGER_UNREACHABLE', `${manager} does not answer.`, { manager }, { cause });
    } finally {
      bounded.release();
    }
  }
}

/** `signal` with a time limit. By hand: Node 20's AbortSignal.any keeps memory for as long as the long-lived signal. */
function boundedSignal(signal: AbortSignal, timeoutMs: number): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  const timer = setTimeout(() => controller.abort(new Error(`No answer within ${timeoutMs} ms`)), timeoutMs);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    release: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}

async function readJson(response: Response): Promise<unknown> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += piece.length;
    if (length > maxAnswerBytes) throw new RangeError(`The answer is longer than ${maxAnswerBytes} bytes`);
    pieces.push(piece);
  }
  return length === 0 ? undefined : JSON.parse(Buffer.concat(pieces).toString('utf8'));
}

function refusal(status: number, answer: unknown): DrcError {
  const parsed = errorShape.safeParse(answer);
  if (parsed.success && isErrorCode(parsed.data.error.code)) {
    return new DrcError(parsed.data.error.code, parsed.data.error.message, { status });
  }
  return new DrcError('MANAGER_UNREACHABLE', `The cluster manager answered with status ${status}.`, {
    status,
  });
}
