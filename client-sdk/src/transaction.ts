import { DrcError, type Checkpoint, type SnapshotProgress } from '@drc/protocol';
import type { AnyTables, Change } from './change.js';
import type { ChangeCursor } from './change-cursor.js';
import type { Mark } from './trail.js';

/** Some rows of a table that is copied. */
export interface CopiedRows {
  /** `schema.table` */
  readonly table: string;
  /** Rows of the table that have been copied with these, those that a filter left out too. */
  readonly rows: number;
  /** How many there are in all, as the source estimates: it may be wrong by half. */
  readonly estimatedRows: number;
  /** Whether these were the last. */
  readonly done: boolean;
}

export interface AllOptions {
  /** How many bytes of the transaction, as sent, may be read into memory. Default 64 MiB. */
  readonly maxBytes?: number;
}

/**
 * One transaction of the source, in the source's order. It is in the loop's hands until the loop asks for the next
 * one: what has not been read of it by then is skipped, and reading it later throws `CLOSED`.
 */
export interface Transaction<S = AnyTables> {
  /** `domain-server-sequence` (MariaDB), `uuid[:tag]:number` (MySQL), or `server/file:offset` (no GTID). */
  readonly id: string;
  readonly topic: string;
  /** When the source committed it, as the source says (MariaDB: whole seconds). */
  readonly commitTime: Date;
  /** The same in µs since 1970. */
  readonly commitTimeMicros: number;
  /** Who wrote it, where a mark says so. */
  readonly origin: string | undefined;
  /**
   * Set where these are no changes but rows of a table that is copied (`from: 'snapshot'`), which stand between two transactions. `id`
   * is then no transaction's, and `commitTime` is when they were read.
   */
  readonly snapshot: CopiedRows | undefined;
  /** How far tables have been copied once this one is done; undefined where none are, or were, to be. */
  readonly copied: SnapshotProgress | undefined;
  /** The exact set of transactions that one has once this one is done. Made when it is read. */
  readonly checkpoint: Checkpoint;
  /**
   * The changes in order, of any number: they are read through the subscription's window while one iterates. To be
   * iterated once; a second time is a `TypeError`.
   */
  readonly changes: AsyncIterable<Change<S>>;
  /**
   * All changes in an array: the fastest way to read small transactions. Instead of `changes`, once.
   * @throws DrcError `TRANSACTION_TOO_LARGE` beyond `maxBytes`; `changes` can then be iterated, from the first.
   */
  all(options?: AllOptions): Promise<Change<S>[]>;
}

/** 64 MiB */
const defaultMaxBytes = 64 * 1024 * 1024;

/** What a transaction needs of the stream that it comes from. */
export interface TransactionOwner {
  readonly topic: string;
  /** Whether the loop still has this transaction in its hands. */
  holds(transaction: StreamedTransaction): boolean;
  checkpointAt(mark: Mark): Checkpoint;
}

export interface TransactionFacts {
  readonly id: string;
  /** µs since 1970 */
  readonly commitTime: number;
  readonly origin: string;
  readonly snapshot?: CopiedRows | undefined;
}

/** A transaction as it comes out of the stream: its first chunk is here, the others are read when they are wanted. */
export class StreamedTransaction implements Transaction {
  readonly id: string;
  readonly commitTimeMicros: number;
  readonly origin: string | undefined;
  readonly snapshot: CopiedRows | undefined;
  readonly copied: SnapshotProgress | undefined;
  /** Behind this transaction. */
  readonly mark: Mark;
  readonly #owner: TransactionOwner;
  readonly #cursor: ChangeCursor;
  #checkpoint: Checkpoint | undefined;
  #isRead = false;
  /** What `all` had read when it had to wait or met its limit. */
  #collected: Change[] = [];

  constructor(facts: TransactionFacts, mark: Mark, owner: TransactionOwner, cursor: ChangeCursor) {
    this.id = facts.id;
    this.commitTimeMicros = facts.commitTime;
    this.origin = facts.origin === '' ? undefined : facts.origin;
    this.snapshot = facts.snapshot;
    this.copied = mark.snapshot;
    this.mark = mark;
    this.#owner = owner;
    this.#cursor = cursor;
  }

  get topic(): string {
    return this.#owner.topic;
  }

  /** Whether it came out of this stream. */
  belongsTo(owner: TransactionOwner): boolean {
    return this.#owner === owner;
  }

  get commitTime(): Date {
    return new Date(this.commitTimeMicros / 1000);
  }

  get checkpoint(): Checkpoint {
    return (this.#checkpoint ??= this.#owner.checkpointAt(this.mark));
  }

  get changes(): AsyncIterable<Change> {
    return { [Symbol.asyncIterator]: () => this.#iterate() };
  }

  all({ maxBytes = defaultMaxBytes }: AllOptions = {}): Promise<Change[]> {
    // No async function: a transaction that has arrived whole, as most have, costs one settled promise.
    try {
      this.#claim();
      const changes = this.#collect(this.#collected, maxBytes);
      return changes === undefined ? this.#collectSlowly(maxBytes) : Promise.resolve(changes);
    } catch (error) {
      return rejected(error);
    }
  }

  async #collectSlowly(maxBytes: number): Promise<Change[]> {
    for (;;) {
      await this.#cursor.arrival();
      this.#assertHeld();
      const changes = this.#collect(this.#collected, maxBytes);
      if (changes !== undefined) return changes;
    }
  }

  /** All changes behind those given; undefined where it must wait for more, with what it has in `#collected`. */
  #collect(given: Change[], maxBytes: number): Change[] | undefined {
    let changes = given;
    for (;;) {
      const step = this.#cursor.step(maxBytes);
      if (step === 'end') return changes;
      if (step === 'wait' || step === 'limit') {
        this.#collected = changes;
        if (step === 'wait') return undefined;
        this.#isRead = false;
        throw new DrcError(
          'TRANSACTION_TOO_LARGE',
          `Transaction ${this.id} has more than ${maxBytes} bytes.`,
          { transaction: this.id, maxBytes },
        );
      }
      // Most transactions are one part: its array is the answer.
      if (changes.length === 0) changes = step;
      else for (let i = 0; i < step.length; i++) changes.push(step[i]!);
    }
  }

  #iterate(): AsyncIterator<Change> {
    this.#claim();
    let batch: readonly Change[] = this.#collected;
    let at = 0;
    this.#collected = [];
    let isDone = false;
    /** Set while a call waits: one that comes meanwhile goes behind it. */
    let waiting: Promise<unknown> | undefined;

    const finished = (): IteratorResult<Change> => {
      isDone = true;
      batch = [];
      return { value: undefined, done: true };
    };
    const polled = (): IteratorResult<Change> | undefined => {
      if (isDone) return finished();
      this.#assertHeld();
      while (at >= batch.length) {
        const step = this.#cursor.step();
        if (step === 'wait') return undefined;
        if (typeof step === 'string') return finished();
        batch = step;
        at = 0;
      }
      return { value: batch[at++]!, done: false };
    };
    const slowly = async (): Promise<IteratorResult<Change>> => {
      for (;;) {
        await this.#cursor.arrival();
        const result = polled();
        if (result !== undefined) return result;
      }
    };
    const next = (): Promise<IteratorResult<Change>> => {
      if (waiting !== undefined) return waiting.then(next, next);
      try {
        const result = polled();
        if (result !== undefined) return Promise.resolve(result);
      } catch (error) {
        return rejected(error);
      }
      const slow = slowly().finally(() => (waiting = undefined));
      waiting = slow;
      return slow;
    };
    return { next, return: () => Promise.resolve(finished()) };
  }

  #claim(): void {
    if (this.#isRead) throw new TypeError(`The changes of transaction ${this.id} have been read before.`);
    this.#assertHeld();
    this.#isRead = true;
  }

  #assertHeld(): void {
    if (!this.#owner.holds(this))
      throw new DrcError('CLOSED', `Transaction ${this.id} is over: the loop has gone on.`, {
        transaction: this.id,
      });
  }
}

const rejected = (error: unknown): Promise<never> =>
  Promise.reject(error instanceof Error ? error : new Error(String(error)));
