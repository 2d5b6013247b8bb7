import {
  Checkpoint,
  DrcError,
  isDrcError,
  SnapshotProgress,
  TransactionSet,
  type StartFrom,
} from '@drc/protocol';
import { defaultBackoff, pause, pauseBefore, type BackoffLimits } from './backoff.js';
import type { AnyTables } from './change.js';
import type { CheckpointKeeper } from './checkpoint-keeper.js';
import { CheckpointWriter } from './checkpoint-writer.js';
import type { SessionSource } from './session-source.js';
import { checkpointOf, startOf, type SubscribeOptions } from './subscribe-options.js';
import {
  next,
  type SubscriptionEvent,
  type SubscriptionState,
  type SubscriptionStatus,
} from './subscription-state.js';
import type { Mark } from './trail.js';
import { StreamedTransaction, type Transaction } from './transaction.js';
import { TransactionStream } from './transaction-stream.js';

/**
 * A topic's transactions, in the source's order, each at least once and none left out. What can be retried is
 * retried out of sight of the loop (see `status`); anything else is thrown from it as a `DrcError`.
 *
 * Iterated once: `break` closes it, and a second iterator throws `SUBSCRIPTION_BUSY`.
 */
export interface Subscription<S = AnyTables> extends AsyncIterable<Transaction<S>>, AsyncDisposable {
  readonly topic: string;
  /**
   * Done up to and including this transaction: with `checkpoints` set, resolves once that is saved (of `hubCheckpoints`:
   * see there). An older transaction than one already committed changes nothing. Works after `close()` too.
   * @throws DrcError `CHECKPOINT_STORE`; `CHECKPOINT_FENCED`, `CHECKPOINT_MOVED`.
   */
  commit(transaction: Transaction<S>): Promise<void>;
  /**
   * What the loop is done with: all transactions before the one in its hands, that one too once it is committed,
   * and what held nothing for this reader. Undefined until the place where the stream begins is known.
   */
  readonly checkpoint: Checkpoint | undefined;
  status(): SubscriptionStatus;
  /** Ends the loop quietly. Closing twice is fine. @throws DrcError `CHECKPOINT_STORE` where `hubCheckpoints` could not save the last one. */
  close(): Promise<void>;
}

/** What a subscription takes from outside, beside its options. */
export interface SubscriptionParts {
  readonly source: SessionSource;
  /** Default: a first pause of up to 200 ms, none beyond 30 s. */
  readonly backoff?: BackoffLimits;
  readonly random?: () => number;
  readonly onClosed?: () => void;
  /** Keeps the place. Default: what the options say; without `checkpoints` nothing does. */
  readonly keeper?: ((failed: (error: unknown) => void) => CheckpointKeeper) | undefined;
}

/** How often, at most, progress without transactions is saved, in ms. */
const progressSaveMs = 1_000;
/** How often, at most, the store is told what is committed, in ms. */
const committedMs = 1_000;

/** Why a subscription is over: `error` is what the loop is rejected with, absent where it ends quietly. */
interface End {
  readonly error?: unknown;
}

export class TopicSubscription implements Subscription {
  readonly #parts: SubscriptionParts;
  readonly #options: SubscribeOptions;
  readonly #from: StartFrom;
  readonly #keeper: CheckpointKeeper | undefined;
  /** Aborted when the subscription is over, for whatever reason. */
  readonly #lifecycle = new AbortController();
  #state: SubscriptionState = { kind: 'connecting', attempt: 0, since: Date.now() };
  #stream: TransactionStream | undefined;
  /** Set while the stream is being made. */
  #starting: Promise<TransactionStream> | undefined;
  #committed: Mark | undefined;
  /** What the checkpoint store held. */
  #loaded: Checkpoint | undefined;
  #iterated = false;
  #waiting: Promise<unknown> | undefined;
  #progressTimer: NodeJS.Timeout | undefined;
  #committedTimer: NodeJS.Timeout | undefined;
  #end: End | undefined;
  #closing: Promise<void> | undefined;
  /** Whether somebody was told what went wrong at the end. */
  #isReported = false;

  /** The options were checked. @throws DrcError `CHECKPOINT_INVALID`. */
  constructor(parts: SubscriptionParts, options: SubscribeOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#from = startOf(options.from ?? 'latest', parts.source.topic);
    this.#keeper =
      parts.keeper?.((error) => this.abort(error)) ??
      (options.checkpoints && new CheckpointWriter(options.checkpoints));
    const { signal } = options;
    if (signal?.aborted === true) this.abort(signal.reason);
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get topic(): string {
    return this.#parts.source.topic;
  }

  get checkpoint(): Checkpoint | undefined {
    const stream = this.#stream;
    const done = stream?.doneBefore;
    if (stream === undefined || done === undefined) return this.#loaded;
    const committed = this.#committed;
    return stream.checkpointAt(committed !== undefined && committed.step > done.step ? committed : done);
  }

  status(): SubscriptionStatus {
    // A reader that holds up the stream has not caught up, whatever it was told when it last had.
    const state =
      this.#stream?.isHeldUp === true
        ? next(this.#state, { kind: 'fellBehind', at: Date.now() })
        : this.#state;
    const checkpointBehindSince = this.#keeper?.behindSince;
    const fallsOffInMs = state.kind === 'closed' ? undefined : this.#stream?.fallsOffInMs;
    const unmatched = state.kind === 'closed' ? [] : (this.#stream?.unmatched ?? []);
    const snapshot = this.#stream?.snapshot;
    return {
      ...state,
      ...(checkpointBehindSince === undefined ? {} : { checkpointBehindSince }),
      ...(fallsOffInMs === undefined ? {} : { fallsOffInMs }),
      ...(unmatched.length === 0 ? {} : { unmatched }),
      ...(snapshot === undefined ? {} : { snapshot }),
    };
  }

  [Symbol.asyncIterator](): AsyncIterator<Transaction> {
    if (this.#iterated)
      throw new DrcError(
        'SUBSCRIPTION_BUSY',
        `The subscription of ${this.topic} is, or was, read by another loop.`,
      );
    this.#iterated = true;
    return {
      next: () => this.#next(),
      return: async () => {
        await this.close();
        return { value: undefined, done: true };
      },
    };
  }

  async commit(transaction: Transaction): Promise<void> {
    const stream = this.#stream;
    if (
      !(transaction instanceof StreamedTransaction) ||
      stream === undefined ||
      !transaction.belongsTo(stream)
    )
      throw new TypeError('commit: the transaction is not of this subscription.');
    const { mark } = transaction;
    if (this.#committed === undefined || mark.step > this.#committed.step) this.#committed = mark;
    this.#includeProgress(stream);
    await this.#save(stream);
  }

  async close(): Promise<void> {
    try {
      await this.#over({});
    } catch (error) {
      // Once is enough: a loop that ends by `break` and an `await using` both close.
      if (this.#isReported) return;
      this.#isReported = true;
      throw error;
    }
  }

  /** Ends the subscription; the loop is rejected with the reason. */
  abort(reason: unknown): void {
    // Whoever closes it is told what could not be saved.
    this.#over({ error: reason }).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // --- The loop -------------------------------------------------------------------------------------------------

  #next(): Promise<IteratorResult<Transaction>> {
    if (this.#waiting !== undefined) return this.#waiting.then(() => this.#next());
    if (this.#end === undefined && this.#stream !== undefined) {
      // What has arrived already is handed out without an async function's detours.
      try {
        const transaction = this.#stream.next();
        if (transaction !== undefined) return Promise.resolve({ value: transaction, done: false });
      } catch (error) {
        return this.#failed(error);
      }
    }
    const slow = this.#nextSlowly();
    this.#waiting = slow.then(
      () => (this.#waiting = undefined),
      () => (this.#waiting = undefined),
    );
    return slow;
  }

  async #nextSlowly(): Promise<IteratorResult<Transaction>> {
    try {
      if (this.#end === undefined) {
        const stream = (this.#stream ??= await (this.#starting ??= this.#start()));
        while (this.#end === undefined) {
          const transaction = stream.next();
          if (transaction !== undefined) return { value: transaction, done: false };
          await stream.arrival();
        }
      }
    } catch (error) {
      return this.#failed(error);
    }
    return this.#ended();
  }

  async #start(): Promise<TransactionStream> {
    const from = (await this.#load()) ?? this.#from;
    const checkpoint = from.kind === 'checkpoint' ? Checkpoint.parse(from.checkpoint) : undefined;
    return new TransactionStream({
      source: this.#parts.source,
      from,
      known: checkpoint?.set ?? new TransactionSet(),
      snapshot:
        checkpoint?.snapshot ?? (this.#parts.source.copiesFrom(from) ? SnapshotProgress.wanted() : undefined),
      signal: this.#lifecycle.signal,
      backoff: this.#parts.backoff ?? defaultBackoff,
      random: this.#parts.random ?? Math.random,
      now: Date.now,
      onEvent: (event) => this.#move(event),
      onProgress: () => this.#progressed(),
    });
  }

  /** Where the keeper says that it begins. Waits for one that cannot say at the moment. */
  async #load(): Promise<StartFrom | undefined> {
    const { signal } = this.#lifecycle;
    const { backoff = defaultBackoff, random = Math.random } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      try {
        const from = await this.#keeper?.load(signal);
        if (from?.kind === 'checkpoint') this.#loaded = checkpointOf(from.checkpoint, this.topic);
        return from;
      } catch (error) {
        if (!isDrcError(error) || !error.retryable) throw error;
        const wait = pauseBefore(attempt, random(), backoff);
        this.#move({ kind: 'lost', at: Date.now(), error, retryAt: Date.now() + wait });
        await pause(wait, signal);
        this.#move({ kind: 'connect', at: Date.now() });
      }
    }
  }

  // --- Progress -------------------------------------------------------------------------------------------------

  /** Where all that was handed out is committed, what held nothing is done with too. */
  #includeProgress(stream: TransactionStream): void {
    const { end, lastHandedOut } = stream;
    const committed = this.#committed?.step ?? -1;
    if (end !== undefined && committed >= (lastHandedOut?.step ?? -1) && end.step > committed)
      this.#committed = end;
  }

  #progressed(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#keeper === undefined) return;
    const before = this.#committed;
    this.#includeProgress(stream);
    if (this.#committed === before) return;
    // The very first place is saved at once: whoever starts at 'latest' and stops again has begun there.
    if (before === undefined && this.#loaded === undefined) this.#saveProgress();
    else this.#progressTimer ??= setTimeout(() => this.#saveProgress(), progressSaveMs);
  }

  #saveProgress(): void {
    clearTimeout(this.#progressTimer);
    this.#progressTimer = undefined;
    // Nobody waits for this one: a failure ends the loop.
    if (this.#stream !== undefined) this.#save(this.#stream).catch((error: unknown) => this.abort(error));
  }

  /** Resolves once the newest place committed, which covers all older ones, is saved. */
  async #save(stream: TransactionStream): Promise<void> {
    const mark = this.#committed;
    if (mark === undefined) return;
    const { step, time } = mark;
    await this.#keeper?.save({ step, time, checkpoint: () => stream.checkpointAt(mark) });
    this.#committedTimer ??= setTimeout(() => this.#tellCommitted(stream), committedMs).unref();
  }

  /** What is committed is shown to operators; what could not be saved is not, and is told with a later one. */
  #tellCommitted(stream: TransactionStream): void {
    this.#committedTimer = undefined;
    const isSaved = this.#keeper?.behindSince === undefined;
    if (isSaved && this.#committed !== undefined) stream.tellCommitted(this.#committed);
  }

  // --- The end --------------------------------------------------------------------------------------------------

  readonly #onAbort = (): void => this.abort(this.#options.signal?.reason);

  #move(event: SubscriptionEvent): void {
    this.#state = next(this.#state, event);
  }

  /** What came first stays: an error after `close()` is only the end of what was closed. */
  async #failed(error: unknown): Promise<IteratorResult<Transaction>> {
    // It comes before what its end brings: that a checkpoint could not be saved, say.
    await this.#over({ error }).catch(() => undefined);
    return this.#ended();
  }

  #ended(): IteratorResult<Transaction> {
    if (this.#end !== undefined && 'error' in this.#end) throw this.#end.error;
    return { value: undefined, done: true };
  }

  #over(end: End): Promise<void> {
    if (this.#end === undefined) {
      this.#end = end;
      const error = 'error' in end ? { error: asError(end.error) } : {};
      this.#move({ kind: 'close', at: Date.now(), ...error });
      this.#options.signal?.removeEventListener('abort', this.#onAbort);
      if (this.#progressTimer !== undefined) this.#saveProgress();
      clearTimeout(this.#committedTimer);
      this.#lifecycle.abort(
        'error' in end ? end.error : new DrcError('CLOSED', 'The subscription was closed.'),
      );
      this.#parts.onClosed?.();
    }
    return (this.#closing ??= this.#cleanUp());
  }

  async #cleanUp(): Promise<void> {
    await this.#stream?.close();
    await this.#keeper?.settled();
  }
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));
