import {
  canonicalTransactionId,
  Checkpoint,
  DrcError,
  TransactionSet,
  type Partition,
  type RowOperation,
  type StartFrom,
} from '@drc/protocol';
import { defaultBackoff, type BackoffLimits } from './backoff.js';
import type { AnyTables } from './change.js';
import type { CheckpointStore } from './checkpoint-store.js';
import { CheckpointWriter } from './checkpoint-writer.js';
import type { SessionSource } from './session-source.js';
import { next, type SubscriptionEvent, type SubscriptionStatus } from './subscription-state.js';
import type { Mark } from './trail.js';
import { StreamedTransaction, type Transaction } from './transaction.js';
import { TransactionStream } from './transaction-stream.js';

export interface SubscribeOptions {
  /**
   * Where to begin: only while `checkpoints` holds none. Default `latest`. A number or Date is a moment of the
   * source's history (ms since 1970); the stream then begins a little earlier rather than later. With `transaction`, the
   * id of one (`Transaction.id`), it begins with that.
   */
  readonly from?:
    | 'earliest'
    | 'latest'
    | { readonly timestamp: Date | number }
    | { readonly transaction: string }
    | { readonly checkpoint: string | Checkpoint };
  /** Globs over `schema.table`, e.g. `shop.*`; at least one. Default: all that the principal may read. */
  readonly tables?: readonly string[];
  /** Row operations wanted; at least one. Default: all. */
  readonly operations?: readonly RowOperation[];
  /**
   * Ids of transactions that an operator left out of a log, and whose changes you no longer expect: the loop goes on
   * over them. Any other that concerns a wanted table is thrown as `GAP`, with its id in `details.transaction`. At most
   * 100; one that has been passed need not stay. Default: none.
   */
  readonly acknowledgeGaps?: readonly string[];
  /**
   * Rows wanted, by table or glob: conditions in SQL, e.g. `{ 'shop.orders': "region = 'eu' AND total > 100" }`. A row that
   * an update moves into or out of the condition arrives as an insert or a delete. Default: all rows.
   */
  readonly where?: Readonly<Record<string, string>>;
  /** Columns wanted, by table or glob; each must exist. Default: all. */
  readonly columns?: Readonly<Record<string, readonly string[]>>;
  /**
   * Divides the rows by primary key among `of` subscriptions (at most 1024); this one gets the share `index`, from 0. All
   * versions of a row are of one share; tables without a key are of one share as a whole. Default: all rows.
   */
  readonly partition?: Partition;
  /** Where the checkpoint is kept. Default: nowhere; it lives as long as the subscription. */
  readonly checkpoints?: CheckpointStore;
  /** How many bytes may be under way to this reader. Default 4 MiB. */
  readonly windowBytes?: number;
  /** Aborting ends the subscription: the loop is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * A topic's transactions, in the source's order, each at least once and none left out. What can be retried is
 * retried out of sight of the loop (see `status`); anything else is thrown from it as a `DrcError`.
 *
 * Iterated once: `break` closes it, and a second iterator throws `SUBSCRIPTION_BUSY`.
 */
export interface Subscription<S = AnyTables> extends AsyncIterable<Transaction<S>>, AsyncDisposable {
  readonly topic: string;
  /**
   * Done up to and including this transaction: with `checkpoints` set, resolves once that is saved. An older
   * transaction than one already committed changes nothing. Works after `close()` too.
   * @throws DrcError `CHECKPOINT_STORE`.
   */
  commit(transaction: Transaction<S>): Promise<void>;
  /**
   * What the loop is done with: all transactions before the one in its hands, that one too once it is committed,
   * and what held nothing for this reader. Undefined until the place where the stream begins is known.
   */
  readonly checkpoint: Checkpoint | undefined;
  status(): SubscriptionStatus;
  /** Ends the loop quietly. Closing twice is fine. */
  close(): Promise<void>;
}

/** What a subscription takes from outside, beside its options. */
export interface SubscriptionParts {
  readonly source: SessionSource;
  /** Default: a first pause of up to 200 ms, none beyond 30 s. */
  readonly backoff?: BackoffLimits;
  readonly random?: () => number;
  readonly onClosed?: () => void;
}

/** How often, at most, progress without transactions is saved, in ms. */
const progressSaveMs = 1_000;

/** Why a subscription is over: `error` is what the loop is rejected with, absent where it ends quietly. */
interface End {
  readonly error?: unknown;
}

export class TopicSubscription implements Subscription {
  readonly #parts: SubscriptionParts;
  readonly #options: SubscribeOptions;
  readonly #from: StartFrom;
  readonly #writer: CheckpointWriter | undefined;
  /** Aborted when the subscription is over, for whatever reason. */
  readonly #lifecycle = new AbortController();
  #state: SubscriptionStatus = { kind: 'connecting', attempt: 0, since: Date.now() };
  #stream: TransactionStream | undefined;
  /** Set while the stream is being made. */
  #starting: Promise<TransactionStream> | undefined;
  #committed: Mark | undefined;
  /** What the checkpoint store held. */
  #loaded: Checkpoint | undefined;
  #iterated = false;
  #waiting: Promise<unknown> | undefined;
  #progressTimer: NodeJS.Timeout | undefined;
  #end: End | undefined;
  #closing: Promise<void> | undefined;

  /** The options were checked. @throws DrcError `CHECKPOINT_INVALID`. */
  constructor(parts: SubscriptionParts, options: SubscribeOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#from = startOf(options.from ?? 'latest', parts.source.topic);
    this.#writer = options.checkpoints && new CheckpointWriter(options.checkpoints);
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
    if (this.#stream?.isHeldUp === true) return next(this.#state, { kind: 'fellBehind', at: Date.now() });
    return this.#state;
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

  close(): Promise<void> {
    return this.#over({});
  }

  /** Ends the subscription; the loop is rejected with the reason. */
  abort(reason: unknown): void {
    void this.#over({ error: reason });
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
    this.#loaded = await this.#load();
    const from: StartFrom =
      this.#loaded === undefined ? this.#from : { kind: 'checkpoint', checkpoint: this.#loaded.toString() };
    return new TransactionStream({
      source: this.#parts.source,
      from,
      known: from.kind === 'checkpoint' ? Checkpoint.parse(from.checkpoint).set : new TransactionSet(),
      signal: this.#lifecycle.signal,
      backoff: this.#parts.backoff ?? defaultBackoff,
      random: this.#parts.random ?? Math.random,
      now: Date.now,
      onEvent: (event) => this.#move(event),
      onProgress: () => this.#progressed(),
    });
  }

  async #load(): Promise<Checkpoint | undefined> {
    let text: string | undefined;
    try {
      text = await this.#options.checkpoints?.load();
    } catch (cause) {
      if (cause instanceof DrcError) throw cause;
      throw new DrcError('CHECKPOINT_STORE', 'The checkpoint could not be loaded.', {}, { cause });
    }
    return text === undefined ? undefined : checkpointOf(text, this.topic);
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
    if (stream === undefined || this.#writer === undefined) return;
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
    if (mark !== undefined)
      await this.#writer?.save({ step: mark.step, checkpoint: () => stream.checkpointAt(mark) });
  }

  // --- The end --------------------------------------------------------------------------------------------------

  readonly #onAbort = (): void => this.abort(this.#options.signal?.reason);

  #move(event: SubscriptionEvent): void {
    this.#state = next(this.#state, event);
  }

  /** What came first stays: an error after `close()` is only the end of what was closed. */
  async #failed(error: unknown): Promise<IteratorResult<Transaction>> {
    await this.#over({ error });
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
      this.#lifecycle.abort(
        'error' in end ? end.error : new DrcError('CLOSED', 'The subscription was closed.'),
      );
      this.#parts.onClosed?.();
    }
    return (this.#closing ??= this.#cleanUp());
  }

  async #cleanUp(): Promise<void> {
    await this.#stream?.close();
    await this.#writer?.settled();
  }
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

function startOf(from: NonNullable<SubscribeOptions['from']>, topic: string): StartFrom {
  if (from === 'earliest' || from === 'latest') return { kind: from };
  if ('checkpoint' in from) {
    const checkpoint = checkpointOf(from.checkpoint.toString(), topic);
    return { kind: 'checkpoint', checkpoint: checkpoint.toString() };
  }
  if ('transaction' in from) return { kind: 'transaction', id: canonicalTransactionId(from.transaction) };
  return { kind: 'timestamp', time: Math.floor(Number(from.timestamp)) };
}

/** @throws DrcError `CHECKPOINT_INVALID`. */
function checkpointOf(text: string, topic: string): Checkpoint {
  const checkpoint = Checkpoint.parse(text);
  if (checkpoint.topic !== topic)
    throw new DrcError(
      'CHECKPOINT_INVALID',
      `The checkpoint is of topic ${checkpoint.topic}, not ${topic}.`,
      {
        topic,
      },
    );
  return checkpoint;
}
