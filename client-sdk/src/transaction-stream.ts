import {
  type Checkpoint,
  DrcError,
  RecordKind,
  TransactionSet,
  decodeProgress,
  decodeSnapshotHead,
  isDrcError,
  parseChunkHeader,
  type ParsedChunk,
  SnapshotProgress,
  type StartFrom,
  type StreamRecord,
} from '@drc/protocol';
import { pause, pauseBefore, type BackoffLimits } from './backoff.js';
import { ChangeCursor, type ChunkSource, type StreamChunk } from './change-cursor.js';
import { RowReader } from './row-reader.js';
import type { Session } from './session.js';
import type { SessionSource } from './session-source.js';
import type { SnapshotStatus, SubscriptionEvent } from './subscription-state.js';
import { Trail, type Mark } from './trail.js';
import { StreamedTransaction, type CopiedRows, type TransactionOwner } from './transaction.js';

/** A transaction whose last chunk has not been taken from the stream. */
interface Unfinished {
  readonly id: string;
  /** The mark in front of it: where to resume while it is being read. */
  readonly before: Mark;
  /** Changes that the reader has been given, or holds in the chunk in its hands. */
  given: number;
  /** Of the changes that a new session sends again, how many are still to be left out. */
  repeated: number;
  /** True once the loop has gone on: what comes of it is thrown away. */
  isAbandoned: boolean;
}

/** The place in the present session's log. */
interface Place {
  lsn: number;
  chunk: number;
  /** Whether `lsn` is the unfinished transaction's, so that only its next chunk may follow. */
  isInside: boolean;
}

export interface TransactionStreamOptions {
  readonly source: SessionSource;
  readonly from: StartFrom;
  /** What the reader has already, where it begins at a checkpoint. */
  readonly known: TransactionSet;
  /** What it has of rows from before the stream, where it begins at a checkpoint. */
  readonly snapshot?: SnapshotProgress | undefined;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
  readonly backoff: BackoffLimits;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** ms since 1970 */
  readonly now: () => number;
  readonly onEvent: (event: SubscriptionEvent) => void;
  /** The trail has moved without a transaction: at the beginning, and where nothing was left of what the log had. */
  readonly onProgress: () => void;
}

/**
 * The transactions of a topic, over as many sessions as it takes. What is polled is in the log's order; the position
 * moves when a transaction is handed out, and after the loss of a session the next one begins exactly there. If that
 * was in the middle of a transaction, it is read again and the changes already given are left out: one identity
 * means the same changes in the same order on every store, though not in the same chunks.
 */
export class TransactionStream implements ChunkSource, TransactionOwner {
  readonly reader = new RowReader();
  readonly #options: TransactionStreamOptions;
  #from: StartFrom;
  #session: Session | undefined;
  #arriving: Promise<void> | undefined;
  #place: Place = { lsn: 0, chunk: 0, isInside: false };
  #trail: Trail | undefined;
  #unfinished: Unfinished | undefined;
  #inHands: StreamedTransaction | undefined;
  #lastHandedOut: Mark | undefined;
  /** The newest rows of a table that is copied. */
  #copying: CopiedRows | undefined;
  /** In front of the transaction in hands. */
  #beforeInHands: Mark | undefined;
  /** Sessions and attempts that ended since something was last received. */
  #failures = 0;
  /** What cannot be retried: the stream is over, and says so to whoever asks. */
  #fault: Error | undefined;

  constructor(options: TransactionStreamOptions) {
    this.#options = options;
    this.#from = options.from;
  }

  get topic(): string {
    return this.#options.source.topic;
  }

  /** True while the stream waits for the loop. */
  get isHeldUp(): boolean {
    return this.#session?.isHeldUp === true;
  }

  /** How long what comes next is still kept, in ms, where that is not long. */
  get fallsOffInMs(): number | undefined {
    return this.#session?.fallsOffInMs;
  }

  /** Globs that matched no table when the session began. */
  get unmatched(): readonly string[] {
    return this.#session?.unmatched ?? [];
  }

  /** Which tables are copied, and how far; undefined where none are, or were. */
  get snapshot(): SnapshotStatus | undefined {
    const progress = this.#trail?.end.snapshot;
    return progress && { progress, copying: progress.isComplete ? undefined : this.#copying };
  }

  /** Behind all that has been handed out, and all that held nothing. */
  get end(): Mark | undefined {
    return this.#trail?.end;
  }

  /** The newest transaction handed out. */
  get lastHandedOut(): Mark | undefined {
    return this.#lastHandedOut;
  }

  /** What the loop is done with for certain: all but the transaction in its hands. */
  get doneBefore(): Mark | undefined {
    return this.#beforeInHands ?? this.end;
  }

  holds(transaction: StreamedTransaction): boolean {
    return this.#inHands === transaction;
  }

  checkpointAt(mark: Mark): Checkpoint {
    return this.#trail!.checkpoint(mark);
  }

  /** Lets the store know that all before the mark is done with, where that is a place in its log. */
  tellCommitted(mark: Mark): void {
    const session = this.#session;
    const lsn = session && this.#trail?.lsnAt(mark, session.subscribed.lineage);
    if (lsn !== undefined) session!.committed(lsn);
  }

  /** The next transaction; undefined while it has not arrived. The one before is out of the loop's hands. */
  next(): StreamedTransaction | undefined {
    return this.#guarded(() => {
      this.#letGo();
      const item = this.#poll();
      if (item === undefined) return undefined;
      return 'copied' in item ? this.#handOutRows(item) : this.#handOut(item);
    });
  }

  /** The next chunk of the transaction in hands; undefined while it has not arrived. */
  nextChunk(): StreamChunk | undefined {
    return this.#guarded(() => {
      const item = this.#poll();
      if (item !== undefined && 'copied' in item) throw violation('rows of a snapshot within a transaction');
      return item;
    });
  }

  /** Resolves when there may be something to poll; connects where there is no session. */
  arrival(): Promise<void> {
    // A loop may ask for the next transaction while something still reads the last one: they wait for the same.
    return (this.#arriving ??= this.#arrive().finally(() => (this.#arriving = undefined)));
  }

  async #arrive(): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault;
    const { signal } = this.#options;
    try {
      signal.throwIfAborted();
      if (this.#session === undefined) return await this.#connect();
      await this.#session.arrival();
      signal.throwIfAborted();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      await this.#lost(error);
    }
  }

  async close(): Promise<void> {
    this.#options.source.close();
    await this.#session?.close();
  }

  // --- Reading --------------------------------------------------------------------------------------------------

  #letGo(): void {
    if (this.#unfinished !== undefined) this.#unfinished.isAbandoned = true;
    this.#inHands = undefined;
    this.#beforeInHands = undefined;
  }

  #handOut(chunk: ParsedBody): StreamedTransaction {
    const trail = this.#trail!;
    const before = trail.end;
    const mark = trail.add(chunk.header.id, chunk.header.lsn, chunk.header.logTime);
    this.#beforeInHands = before;
    this.#lastHandedOut = mark;
    if (!chunk.last) {
      const given = this.reader.count(chunk);
      this.#unfinished = { id: chunk.header.id, before, given, repeated: 0, isAbandoned: false };
    }
    return (this.#inHands = new StreamedTransaction(chunk.header, mark, this, new ChangeCursor(this, chunk)));
  }

  #handOutRows({ copied, progress, time, chunk }: CopiedPiece): StreamedTransaction {
    const trail = this.#trail!;
    this.#beforeInHands = trail.end;
    const mark = trail.copied(progress);
    this.#lastHandedOut = mark;
    const id = `snapshot/${copied.table}/${copied.rows}`;
    const facts = { id, commitTime: time * 1000, origin: '', snapshot: copied };
    return (this.#inHands = new StreamedTransaction(facts, mark, this, new ChangeCursor(this, chunk)));
  }

  /** The next chunk, or rows of a snapshot, that the reader has not had. */
  #poll(): ParsedBody | CopiedPiece | undefined {
    const session = this.#session;
    if (session === undefined) return undefined;
    for (;;) {
      const item = session.poll();
      if (item === undefined) return undefined;
      if (item.kind === RecordKind.chunk) {
        const chunk = this.#placed(item);
        const left = this.#unfinished === undefined ? chunk : this.#continued(this.#unfinished, chunk);
        if (left !== undefined) return left;
      } else if (item.kind === RecordKind.schema) this.reader.learn(item.body);
      else if (item.kind === RecordKind.progress) this.#progressed(item.body);
      else if (item.kind === RecordKind.snapshot) {
        const piece = this.#copied(item);
        if (piece !== undefined) return piece;
      } else this.#options.onEvent({ kind: 'caughtUp', at: this.#options.now() });
    }
  }

  /** @throws DrcError `PROTOCOL_VIOLATION` where the chunk does not follow the one before. */
  #placed({ bytes, at, end }: StreamRecord): ParsedBody {
    this.#failures = 0;
    const header = parseChunkHeader(bytes, at, end);
    const place = this.#place;
    const follows = place.isInside
      ? header.lsn === place.lsn && header.chunk > place.chunk
      : header.lsn > place.lsn;
    if (!follows)
      throw violation(`chunk ${header.chunk} of ${header.lsn} behind chunk ${place.chunk} of ${place.lsn}`);
    place.lsn = header.lsn;
    place.chunk = header.chunk;
    place.isInside = !header.last;
    return { header, bytes, partsAt: header.partsAt, end, last: header.last, skip: 0 };
  }

  /** A further chunk of a transaction that was begun; undefined where the reader wants nothing of it. */
  #continued(unfinished: Unfinished, chunk: ParsedBody): ParsedBody | undefined {
    if (chunk.header.id !== unfinished.id) throw diverged(unfinished.id, `goes on with ${chunk.header.id}`);
    if (chunk.last) this.#unfinished = undefined;
    if (unfinished.isAbandoned) return undefined;
    if (chunk.last && unfinished.repeated === 0) return chunk;
    const changes = this.reader.count(chunk);
    const skip = Math.min(changes, unfinished.repeated);
    unfinished.repeated -= skip;
    unfinished.given += changes - skip;
    if (chunk.last && unfinished.repeated > 0) throw diverged(unfinished.id, 'has fewer changes now');
    return skip === changes && !chunk.last ? undefined : { ...chunk, skip };
  }

  #progressed(body: Buffer): void {
    this.#failures = 0;
    const { lsn, set, logTime } = decodeProgress(body);
    if (this.#place.isInside || lsn < this.#place.lsn) throw violation(`progress to ${lsn} out of order`);
    this.#place.lsn = lsn;
    this.#trail!.progress(lsn, TransactionSet.parse(set), logTime);
    this.#options.onProgress();
  }

  /** Undefined where the loop need not be asked: nothing is left of the rows, or there are none yet. */
  #copied({ bytes, at, end }: StreamRecord): CopiedPiece | undefined {
    this.#failures = 0;
    if (this.#place.isInside || this.#unfinished !== undefined)
      throw violation('rows of a snapshot within a transaction');
    const { head, partsAt } = decodeSnapshotHead(bytes, at, end);
    const before = this.#trail!.end.snapshot ?? new SnapshotProgress();
    if (head.kind === 'plan') {
      this.#trail!.copied(before.plan(head.tables));
      this.#options.onProgress();
      return undefined;
    }
    const { table, rows, estimatedRows, done, time } = head;
    if (!before.isCopying(table)) throw violation(`rows of ${table}, which is not to be copied`);
    const progress = before.with(table, done ? 'done' : { key: head.key.toString('base64url'), rows });
    this.#copying = { table, rows, estimatedRows, done };
    if (partsAt === end) {
      this.#trail!.copied(progress);
      this.#options.onProgress();
      return undefined;
    }
    return { copied: this.#copying, progress, time, chunk: { bytes, partsAt, end, last: true, skip: 0 } };
  }

  #guarded<T>(read: () => T): T {
    if (this.#fault !== undefined) throw this.#fault;
    try {
      return read();
    } catch (error) {
      this.#fault = error as Error;
      throw error;
    }
  }

  // --- Sessions -------------------------------------------------------------------------------------------------

  async #connect(): Promise<void> {
    const { source, signal } = this.#options;
    const session = await source.open(this.#resumption(), signal);
    // Closing before this line found no session to close; behind it, it finds this one.
    this.#session = session;
    if (signal.aborted) {
      await session.close();
      throw signal.reason;
    }
    const { lineage, lsn, set, ahead = false } = session.subscribed;
    const begin = TransactionSet.parse(set);
    // `lsn` is the first that may come.
    this.#place = { lsn: lsn - 1, chunk: 0, isInside: false };
    if (this.#unfinished !== undefined) this.#unfinished.repeated = this.#unfinished.given;
    this.#options.onEvent({ kind: 'subscribed', at: this.#options.now(), store: session.store, ahead });
    if (this.#trail !== undefined) {
      this.#trail.session(lineage, begin, this.#unfinished === undefined ? lsn - 1 : undefined);
    } else {
      const { known, snapshot } = this.#options;
      this.#trail = new Trail(source.topic, lineage, known.union(begin), lsn - 1, snapshot);
      this.#options.onProgress();
    }
  }

  /** From the first session on, the exact place: 'latest' would by then be another moment. */
  #resumption(): StartFrom {
    if (this.#trail === undefined) return this.#from;
    // Of a transaction that the loop has gone on from, nothing more is wanted.
    if (this.#unfinished?.isAbandoned === true) this.#unfinished = undefined;
    const mark = this.#unfinished?.before ?? this.#trail.end;
    return { kind: 'checkpoint', checkpoint: this.#trail.checkpoint(mark).toString() };
  }

  /** Waits as long as it should before the next attempt. @throws what cannot be retried. */
  async #lost(error: unknown): Promise<void> {
    const { source, signal, now, random, backoff, onEvent } = this.#options;
    // What is wrong with one store may be right with another: the next attempt finds out.
    const wasOpen = this.#session !== undefined;
    const canRetry = isDrcError(error) && (error.retryable || (wasOpen && source.canMoveOn(error)));
    const isAtOnce = wasOpen && source.ended(error) && this.#failures === 0;
    await this.#session?.close();
    this.#session = undefined;
    if (!canRetry) {
      this.#fault = error as Error;
      throw error;
    }
    this.#failures++;
    const asked = error.details['retryAfterMs'];
    const wait = Math.max(
      isAtOnce ? 0 : pauseBefore(this.#failures, random(), backoff),
      typeof asked === 'number' ? Math.min(asked, backoff.capMs) : 0,
    );
    onEvent({ kind: 'lost', at: now(), error, retryAt: now() + wait });
    if (!isAtOnce) await pause(wait, signal);
    onEvent({ kind: 'connect', at: now() });
  }
}

interface ParsedBody extends StreamChunk {
  readonly header: ParsedChunk;
}

/** Rows of a table that is copied, and what the reader has of it behind them. */
interface CopiedPiece {
  readonly copied: CopiedRows;
  readonly progress: SnapshotProgress;
  /** ms since 1970 */
  readonly time: number;
  readonly chunk: StreamChunk;
}

const violation = (what: string): DrcError => new DrcError('PROTOCOL_VIOLATION', `The store sent ${what}.`);

const diverged = (transaction: string, what: string): DrcError =>
  new DrcError(
    'CHECKPOINT_DIVERGED',
    `Transaction ${transaction} was being read when its store was lost, and the next store ${what}.`,
    { transaction },
  );
