import { setTimeout as pause } from 'node:timers/promises';
import {
  DrcError,
  isErrorCode,
  jsonRequest,
  type JsonAnswer,
  type LogExtent,
  type Transport,
} from '@drc/protocol';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../clock.js';
import type { OtherStore } from '../drain.js';
import type { ManagerContact } from './manager-contact.js';
import type { Revocations } from './revocations.js';
import type { TicketKeys } from './ticket-keys.js';

/** What a manager is told beside topic and address. */
export interface StoreStatus {
  readonly extent: LogExtent;
  readonly captureState: string;
  /** Whether readers are moved away. */
  readonly draining?: boolean;
  readonly load?: { readonly sessions: number; readonly maxSessions: number; readonly cpu: number };
}

export interface AnnouncerOptions {
  /** Base addresses, such as `https://cm.internal:7370`; the store is announced to each of them. */
  readonly clusterManagers: readonly string[];
  readonly machineKey: string;
  /** Asked for each request, so that new certificates need no restart. Default: the system's authorities. */
  readonly transport?: () => Promise<Transport>;
  readonly topic: string;
  readonly storeId: string;
  /** Where clients reach this store: `wss://store-1.internal:7380`. */
  readonly address: string;
  /** What to tell, asked each time. Undefined while the log has not begun: there is nothing to be found yet. */
  readonly status: () => StoreStatus | undefined;
  /** Of what is captured: the same for all stores of the topic. */
  readonly captureDigest?: string;
  /** Told, while `status` says that the store drains, which others readers can go to. */
  readonly others?: (others: readonly OtherStore[]) => void;
  readonly keys: TicketKeys;
  /** Told what the managers took back. */
  readonly revocations?: Revocations;
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
  /** `manager`: the first of those that know of it. `until`: when the lease ends, ms since 1970. */
  | { readonly kind: 'announced'; readonly manager: string; readonly until: number }
  /** `since`: the first failure in a row. */
  | { readonly kind: 'failing'; readonly error: DrcError; readonly since: number }
  | { readonly kind: 'closed' };

const answerShape = z.object({
  leaseMs: z.int().positive(),
  cluster: z.string(),
  keys: z.array(z.unknown()),
  revocations: z.array(z.unknown()).default([]),
  others: z.array(z.object({ id: z.string(), setBeforeOldest: z.string() })).optional(),
});
const errorShape = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

const firstPauseMs = 500;
/** Between two looks at a log that has not begun. */
const lookAgainMs = 100;
const withdrawMs = 2000;
const keyHint =
  'the cluster manager does not take its machine key (machineKeyFile, DRC_MACHINE_KEY); `drc cm machine-key` makes one';
/** An answer holds a few keys, and what was taken back within a day. */
const maxAnswerBytes = 8 * 1024 * 1024;
/** What was heard of a manager less than this ago need not be asked again, ms. */
const freshMs = 500;

/**
 * Tells each cluster manager of this store, every third of the lease, and takes their public keys from the answers.
 * A manager that does not answer is no reason to stop serving: it goes on trying for as long as it takes.
 */
export class Announcer implements AsyncDisposable, ManagerContact {
  readonly #options: AnnouncerOptions;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>;
  #state: AnnouncerState = { kind: 'starting' };
  /** Requests that have no answer yet. */
  readonly #asked = new Map<string, Promise<number>>();
  /** The managers that know of this store, and the public keys that each of them told. */
  readonly #reached = new Map<string, readonly unknown[]>();
  #failures = 0;
  /** Ends the pause between two rounds. */
  #hurry = new AbortController();
  /** Whether another round is to follow at once. */
  #isHurried = false;
  /** Called at the end of a round. */
  readonly #waiting = new Set<() => void>();
  /** On the monotonic clock: when a manager last answered, and when one did for the first time after none had. */
  #answeredAt = -Infinity;
  #backSince: number | undefined;
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

  /** False only where each manager was asked in vain; one that refuses the store is there all the same. */
  async answers(): Promise<boolean> {
    const { clock } = this.#options;
    const isFresh = (): boolean => clock.monotonic() - this.#answeredAt < freshMs;
    if (this.#state.kind === 'announced' && !isFresh() && !this.#stop.signal.aborted) {
      const round = new Promise<void>((resolve) => this.#waiting.add(resolve));
      this.#hurry.abort();
      await round;
    }
    return !this.#isAway;
  }

  /** Something has changed that managers should know at once. */
  hurry(): void {
    this.#isHurried = true;
    this.#hurry.abort();
  }

  get backSince(): number | undefined {
    return this.#backSince;
  }

  get #isAway(): boolean {
    return this.#state.kind === 'failing' && this.#state.error.retryable;
  }

  /** Withdraws the store from all managers that know of it and answer within two seconds. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#work;
    await Promise.allSettled(this.#asked.values());
    await Promise.all([...this.#reached.keys()].map((manager) => this.#withdraw(manager)));
    this.#state = { kind: 'closed' };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const wake = (): void => this.#hurry.abort();
    signal.addEventListener('abort', wake, { once: true });
    while (!signal.aborted) {
      this.#isHurried = false;
      const pauseMs = await this.#round();
      this.#tellWaiting();
      if (signal.aborted) break;
      // Who was being asked meanwhile hears of it in the next round.
      if (this.#isHurried) await Promise.allSettled(this.#asked.values());
      this.#hurry = new AbortController();
      const wait = this.#isHurried ? 0 : pauseMs;
      await pause(wait, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
    }
    this.#tellWaiting();
  }

  #tellWaiting(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /**
   * Announces to every manager, for any of them must know all stores, and waits for the first good answer; one that takes
   * its time does not cost the others their leases. Returns the pause in ms until the next round.
   */
  async #round(): Promise<number> {
    const { clusterManagers, clock, status } = this.#options;
    const { signal } = this.#stop;
    const now = status();
    if (now === undefined) return lookAgainMs;
    for (const manager of clusterManagers) {
      if (this.#asked.has(manager)) continue;
      const answer = this.#ask(manager, now).finally(() => this.#asked.delete(manager));
      this.#asked.set(manager, answer);
    }
    try {
      const leaseMs = await Promise.any(this.#asked.values());
      const manager = clusterManagers.find((one) => this.#reached.has(one));
      if (manager !== undefined) this.#announced(manager, clock.now() + leaseMs);
      return leaseMs / 3;
    } catch (error) {
      if (!(error instanceof AggregateError)) throw error;
      // What a manager says of the store tells more than that another one does not answer.
      const errors: readonly unknown[] = error.errors;
      const failure = errors.find((one) => one instanceof DrcError && !one.retryable) ?? errors[0];
      if (!signal.aborted) this.#failed(failure);
      return this.#pauseMs();
    }
  }

  /** For how long a manager knows of this store. @throws what `#announce` does. */
  async #ask(manager: string, status: StoreStatus): Promise<number> {
    const { logger } = this.#options;
    try {
      const wasReached = this.#reached.has(manager);
      const { leaseMs } = await this.#announce(manager, status);
      if (!wasReached) logger.info({ manager }, 'Announced to the cluster manager');
      return leaseMs;
    } catch (error) {
      if (this.#stop.signal.aborted) throw error;
      // Where it was the last one, `#failed` says more.
      if (this.#reached.delete(manager) && this.#reached.size > 0)
        logger.warn({ manager, err: error }, 'A cluster manager no longer knows of the store; others do');
      throw error;
    }
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
    this.#failures = 0;
    this.#answeredAt = this.#options.clock.monotonic();
    if (this.#isAway) this.#backSince = this.#answeredAt;
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
      // What is FORBIDDEN is not always the key's fault: a copied folder is refused as well, and the manager's words say it.
      const hints: Readonly<Record<string, string>> = { UNAUTHENTICATED: keyHint, FORBIDDEN: error.message };
      const hint = hints[error.code] === undefined ? '' : `: ${hints[error.code]}`;
      this.#options.logger.warn(
        { code: error.code, reason: error.message },
        `The store is not announced${hint}`,
      );
    }
    this.#failures++;
    this.#state = { kind: 'failing', error, since };
  }

  async #announce(manager: string, status: StoreStatus): Promise<{ leaseMs: number }> {
    const { topic, storeId, address, captureDigest, keys, revocations, others } = this.#options;
    const body = { topic, id: storeId, address, ...status, captureDigest };
    const answer = await this.#request(manager, 'POST', '/v1/stores/announce', body, this.#stop.signal);
    const parsed = answerShape.safeParse(answer);
    if (!parsed.success) {
      throw new DrcError('MANAGER_UNREACHABLE', `${manager} does not answer like a cluster manager.`, {
        manager,
      });
    }
    const { cluster } = parsed.data;
    // One that is cut off from the others may know fewer keys, or older ones: all that anybody names are good. Of those who
    // answer at the same time the first do not know of the later ones: so once more when it is one of them.
    const told = new Map(this.#reached).set(manager, parsed.data.keys);
    await keys.replace({ cluster, keys: unionOf(told) });
    this.#reached.set(manager, parsed.data.keys);
    await keys.replace({ cluster, keys: unionOf(this.#reached) });
    await revocations?.include(parsed.data.revocations);
    if (status.draining === true && parsed.data.others !== undefined) others?.(parsed.data.others);
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

  /** The JSON of a good answer. @throws DrcError what the manager says, or why there is no answer. */
  async #request(
    manager: string,
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { machineKey, timeoutMs = 5000, transport } = this.#options;
    const answer = await jsonRequest(manager, {
      ...(await transport?.()),
      method,
      path,
      token: machineKey,
      ...(body === undefined ? {} : { body }),
      signal,
      timeoutMs,
      maxAnswerBytes,
    });
    const value = valueOf(answer);
    if (answer.status < 200 || answer.status > 299) throw refusal(answer.status, value);
    return value;
  }
}

function valueOf({ text }: JsonAnswer): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Each key once. What is no key stays, to be refused. */
function unionOf(told: ReadonlyMap<string, readonly unknown[]>): readonly unknown[] {
  const keys = [...told.values()].flat();
  return [...new Map(keys.map((key) => [JSON.stringify(key), key])).values()];
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
