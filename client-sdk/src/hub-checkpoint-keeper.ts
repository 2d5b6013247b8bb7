import { DrcError, isDrcError, type StartFrom } from '@drc/protocol';
import { pause, pauseBefore, unlessAborted, type BackoffLimits } from './backoff.js';
import type { CheckpointKeeper, Unsaved } from './checkpoint-keeper.js';

/** A question to the cluster managers: the content of a good answer. @throws DrcError. */
export type AskManagers = (
  method: 'POST' | 'PUT',
  path: string,
  body: object,
  signal: AbortSignal,
) => Promise<Readonly<Record<string, unknown>>>;

export interface HubKeeperOptions {
  readonly ask: AskManagers;
  readonly topic: string;
  readonly name: string;
  /** Name of the client, for operators. */
  readonly client: string;
  /** Told of what ends the subscription: somebody else has it, or it may not be kept. */
  readonly failed: (error: unknown) => void;
  readonly times?: Partial<HubKeeperTimes>;
}

/** In ms. */
export interface HubKeeperTimes {
  /** Between two saves. Default 1 s. */
  readonly saveMs: number;
  /** How long a commit waits for its save. Default 2 s. */
  readonly commitMs: number;
  /** Without anything to save, whether the subscription is still ours is asked as often. Default 15 s. */
  readonly watchMs: number;
  /** How long the last save is tried. Default 5 s. */
  readonly closeMs: number;
  /** Between attempts. Default: up to 200 ms at first, never more than 5 s. */
  readonly backoff: BackoffLimits;
}

const defaultTimes: HubKeeperTimes = {
  saveMs: 1_000,
  commitMs: 2_000,
  watchMs: 15_000,
  closeMs: 5_000,
  backoff: { baseMs: 200, capMs: 5_000 },
};

/** What was saved last, to be told again. */
interface Saved {
  readonly checkpoint: string;
  readonly time?: number | undefined;
}

/**
 * Keeps a subscription's checkpoint at the cluster managers. One save is under way at a time, and of those that wait only
 * the newest is kept. What cannot be saved because no manager answers waits here; what is refused ends the subscription.
 */
export class HubCheckpointKeeper implements CheckpointKeeper {
  readonly #options: HubKeeperOptions;
  readonly #times: HubKeeperTimes;
  readonly #path: string;
  /** Given by `load`: who has the newest one has the subscription. */
  #epoch: number | undefined;
  #newest: Unsaved | undefined;
  /** When `#newest`, or the first of those that it took the place of, was handed over; ms since 1970. */
  #unsavedSince: number | undefined;
  #savedStep = -1;
  #saved: Saved | undefined;
  /** When the last save began, on the monotonic clock. */
  #begunAt = -Infinity;
  /** Attempts in vain since the last save. */
  #failures = 0;
  #lastFailure: DrcError | undefined;
  /** The subscription is not ours any more. */
  #refusal: Error | undefined;
  #working: Promise<void> | undefined;
  #isClosing = false;
  /** Ends the pauses of the work; with `#deadline` the requests, too. */
  #hurry = new AbortController();
  #deadline = new AbortController();
  #watch: NodeJS.Timeout | undefined;

  constructor(options: HubKeeperOptions) {
    this.#options = options;
    this.#times = { ...defaultTimes, ...options.times };
    const { topic, name } = options;
    this.#path = `/v1/checkpoints/${encodeURIComponent(topic)}/${encodeURIComponent(name)}`;
  }

  get behindSince(): number | undefined {
    const since = this.#unsavedSince;
    const isSlow = since !== undefined && Date.now() - since > saveLimitMs(this.#times);
    return this.#failures > 0 || isSlow ? since : undefined;
  }

  /** Takes the subscription over. @throws DrcError: one that can be retried while no manager answers. */
  async load(signal: AbortSignal): Promise<StartFrom | undefined> {
    const { ask, client } = this.#options;
    const taken = await ask('POST', `${this.#path}/take`, { client }, signal).catch((error: unknown) => {
      throw isDrcError(error, 'REQUEST_INVALID') ? tooOld(error) : error;
    });
    const { epoch, checkpoint, from } = taken;
    if (typeof epoch !== 'number') throw malformed();
    this.#epoch = epoch;
    if (typeof from === 'string') return startOf(from);
    if (checkpoint === undefined) return undefined;
    if (typeof checkpoint !== 'string') throw malformed();
    this.#saved = { checkpoint };
    this.#armWatch();
    return { kind: 'checkpoint', checkpoint };
  }

  /**
   * Resolves once it is saved; at once where the last save is less than a second ago, and after two seconds while no
   * manager answers: it is kept then, and saved when that can be.
   * @throws DrcError `CHECKPOINT_FENCED`, `CHECKPOINT_MOVED`; after the subscription's end `CHECKPOINT_STORE`.
   */
  async save(unsaved: Unsaved): Promise<void> {
    this.#mustBeOurs();
    if (unsaved.step <= this.#savedStep) return;
    if (unsaved.step > (this.#newest?.step ?? -1)) {
      this.#newest = unsaved;
      this.#unsavedSince ??= Date.now();
    }
    if (this.#isClosing) return this.settled();
    const isDue = this.#dueInMs() === 0 && this.#failures === 0;
    const work = this.#work();
    if (isDue) await withinMs(this.#times.commitMs, work);
    this.#mustBeOurs();
  }

  async settled(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#watch);
    this.#hurry.abort();
    if (this.#newest === undefined && this.#working === undefined) return;
    const timer = setTimeout(() => this.#deadline.abort(tooLate()), this.#times.closeMs);
    try {
      await this.#work();
    } finally {
      clearTimeout(timer);
      this.#deadline = new AbortController();
    }
    if (this.#newest === undefined || this.#refusal !== undefined) return;
    throw new DrcError(
      'CHECKPOINT_STORE',
      'No cluster manager took the last checkpoint: the next start repeats what came behind the one before it.',
      { behindSince: new Date(this.#unsavedSince ?? Date.now()).toISOString() },
      { cause: this.#lastFailure },
    );
  }

  #mustBeOurs(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  /** Saves until nothing waits. Never throws. */
  #work(): Promise<void> {
    return (this.#working ??= this.#saveAll().finally(() => {
      this.#working = undefined;
      this.#armWatch();
    }));
  }

  async #saveAll(): Promise<void> {
    while (this.#newest !== undefined && this.#refusal === undefined && !this.#deadline.signal.aborted) {
      await this.#pause();
      const unsaved = this.#newest;
      this.#begunAt = performance.now();
      try {
        const saved = { checkpoint: unsaved.checkpoint().toString(), time: unsaved.time };
        await this.#put(saved);
        this.#saved = saved;
        this.#savedStep = unsaved.step;
        this.#failures = 0;
        const isNewest = this.#newest === unsaved;
        if (isNewest) this.#newest = undefined;
        this.#unsavedSince = isNewest ? undefined : Date.now();
      } catch (error) {
        this.#hasFailed(error);
      }
    }
  }

  /** Until the next save is due. */
  async #pause(): Promise<void> {
    const ms = this.#dueInMs();
    const { signal } = this.#isClosing ? this.#deadline : this.#hurry;
    if (ms > 0) await pause(ms, signal).catch(() => undefined);
  }

  #dueInMs(): number {
    return Math.max(0, this.#pauseMs() - (performance.now() - this.#begunAt));
  }

  /** Between the beginnings of two saves. When the subscription is over, only what failed waits, and not for long. */
  #pauseMs(): number {
    const { saveMs, backoff } = this.#times;
    if (this.#failures === 0) return this.#isClosing ? 0 : saveMs;
    if (this.#isClosing) return Math.min(closingPauseMs, backoff.capMs);
    const asked = this.#lastFailure?.details['retryAfterMs'];
    const wait = pauseBefore(this.#failures, Math.random(), backoff);
    return Math.min(maxPauseMs, typeof asked === 'number' ? Math.max(wait, asked) : wait);
  }

  async #put(saved: Saved): Promise<void> {
    const { signal } = this.#deadline;
    signal.throwIfAborted();
    const body = { epoch: this.#epoch, ...saved };
    await unlessAborted(this.#options.ask('PUT', this.#path, body, signal), signal);
  }

  #hasFailed(error: unknown): void {
    if (this.#deadline.signal.aborted) return;
    if (isDrcError(error) && error.retryable) {
      this.#failures++;
      this.#lastFailure = error;
      return;
    }
    this.#refusal = error as Error;
    clearTimeout(this.#watch);
    this.#options.failed(error);
  }

  /** A reader of a quiet topic has nothing to save, and is to learn all the same that somebody else has its place. */
  #armWatch(): void {
    clearTimeout(this.#watch);
    if (this.#isClosing || this.#refusal !== undefined || this.#saved === undefined) return;
    this.#watch = setTimeout(() => void this.#look(), this.#times.watchMs);
    this.#watch.unref();
  }

  async #look(): Promise<void> {
    if (this.#working !== undefined || this.#saved === undefined) return;
    try {
      await this.#put(this.#saved);
    } catch (error) {
      // Nothing waits to be saved: who does not answer is asked again.
      if (!isDrcError(error) || !error.retryable) this.#hasFailed(error);
    }
    this.#armWatch();
  }
}

/** What waits longer is behind, whether the managers refuse or keep silent: a second for its turn, and what a commit waits. */
const saveLimitMs = ({ saveMs, commitMs }: HubKeeperTimes): number => saveMs + commitMs;

/** Between the last attempts. */
const closingPauseMs = 200;
const maxPauseMs = 30_000;

/** What an operator moved the subscription to, as a manager writes it. */
function startOf(from: string): StartFrom {
  if (from === 'earliest' || from === 'latest') return { kind: from };
  const time = /^timestamp:(\d+)$/.exec(from)?.[1];
  if (time !== undefined) return { kind: 'timestamp', time: Number(time) };
  const id = /^transaction:(.+)$/.exec(from)?.[1];
  if (id !== undefined) return { kind: 'transaction', id };
  throw malformed();
}

async function withinMs(ms: number, work: Promise<void>): Promise<void> {
  const done = new AbortController();
  await Promise.race([work, pause(ms, done.signal).catch(() => undefined)]);
  done.abort();
}

const tooLate = (): DrcError =>
  new DrcError('CHECKPOINT_STORE', 'The last checkpoint was tried for too long.');

/** The names were checked: what it does not understand is the question itself. */
const tooOld = (cause: DrcError): DrcError =>
  new DrcError(
    'CHECKPOINT_STORE',
    'The cluster manager keeps no checkpoints: it is of an older version.',
    {},
    { cause },
  );

const malformed = (): DrcError =>
  new DrcError('PROTOCOL_VIOLATION', 'The cluster manager sent a checkpoint, malformed.');
