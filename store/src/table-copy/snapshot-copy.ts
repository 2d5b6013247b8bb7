import { setTimeout as sleep } from 'node:timers/promises';
import { isDrcError, SnapshotProgress, type TableVersion, type TransactionSet } from '@drc/protocol';
import type { Logger } from 'pino';
import type { SnapshotChunk, TableReader } from '../snapshot/snapshot-chunk.js';
import type { SnapshotPlace } from './snapshots.js';
import { type FindTable, type PassedChunk, TouchedRows } from './touched-rows.js';

/** Rows of a table, as they go out between two transactions. */
export interface CopiedRows {
  readonly kind: 'rows';
  readonly table: string;
  /** Undefined where the table is not there any more: no rows then. */
  readonly version: TableVersion | undefined;
  /** Of the rows that the reader has not got as changes. */
  readonly images: readonly Buffer[];
  /** The place behind them. */
  readonly key: Buffer;
  /** Copied so far, these too. */
  readonly rows: number;
  /** When they were read, ms since 1970. */
  readonly time: number;
  readonly estimatedRows: number;
  readonly done: boolean;
}

/** What goes out between two transactions. */
export type SnapshotPiece = { readonly kind: 'plan'; readonly tables: readonly string[] } | CopiedRows;

export interface SnapshotCopyOptions {
  /** This reader's turn at the source. */
  readonly place: (signal: AbortSignal) => Promise<SnapshotPlace>;
  /** What the reader has already. */
  readonly progress: SnapshotProgress | undefined;
  /** The tables that join, out of those that the source has now. */
  readonly plan: (tables: readonly string[]) => readonly string[];
  /** What the reader has got of the log; it may change behind the call. */
  readonly executed: () => TransactionSet;
  /** There is something to take. */
  readonly roused: () => void;
  readonly logger: Logger;
  /** ms since 1970 */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** A chunk that waits until the stream has come to its moment. */
interface Waiting {
  readonly chunk: SnapshotChunk;
  readonly piece: CopiedRows;
  readonly touched: TouchedRows;
  readonly judged: (verdict: Verdict) => void;
}

/** `again`: nobody can tell which of its rows are the newest. `early`: it is from before this reader began to look. */
type Verdict = 'sent' | 'again' | 'early';

const firstPauseMs = 200;
const longestPauseMs = 15_000;
/** How long to wait for a later moment. */
const momentPauseMs = 100;
/** Bytes of rows read at a time, about. */
const chunkBytes = 256 * 1024;
/** Rows of the first chunk of a table, and at most. */
const firstRows = 1_000;
const maxRows = 20_000;

/**
 * The copy of tables for one reader, one table after the other. A chunk is read while the stream goes on, and goes out between two transactions once
 * the stream has come to the moment at which it was read, without the rows that the reader has got as changes which may be newer. So at every
 * place of the stream the reader has, of the rows copied so far, what the source had there.
 *
 * The stream drives it: `pass` each chunk of the log, `take` between two transactions and whenever `roused`.
 */
export class SnapshotCopy {
  readonly #options: SnapshotCopyOptions;
  #progress: SnapshotProgress;
  /** Of the table that is copied. */
  #touched: TouchedRows | undefined;
  /** The transaction that the stream is in the middle of. */
  #open: string | undefined;
  #waiting: Waiting | undefined;
  /** What is to be sent, whatever the stream has come to. */
  readonly #ready: SnapshotPiece[] = [];
  #isOver = false;
  #failure: Error | undefined;

  constructor(options: SnapshotCopyOptions) {
    this.#options = options;
    this.#progress = options.progress ?? new SnapshotProgress();
    void this.#run();
  }

  /** Whether nothing is left to be copied, and all of it was taken. */
  get isOver(): boolean {
    return this.#isOver && this.#ready.length === 0;
  }

  /** Whether `take` has something to say now. */
  get isReady(): boolean {
    if (this.#ready.length > 0 || this.#failure !== undefined || this.#isOver) return true;
    if (this.#waiting === undefined) return false;
    const { chunk, touched } = this.#waiting;
    return touched.isFull || chunk.high.isSubsetOf(this.#options.executed());
  }

  /** The stream passes a chunk of the log. @param isSent whether the reader gets what it wants of it */
  pass(chunk: PassedChunk, tableOf: FindTable, isSent = true): void {
    this.#open = chunk.last ? undefined : chunk.id;
    this.#touched?.pass(chunk, tableOf, isSent);
  }

  /** Between two transactions: what is to be sent now. @throws what ended the copy */
  take(): SnapshotPiece | undefined {
    const ready = this.#ready.shift();
    if (ready !== undefined) return ready;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#waiting === undefined || !this.isReady) return undefined;
    const { chunk, piece, touched, judged } = this.#waiting;
    const { low } = chunk;
    this.#waiting = undefined;
    const keys = touched.isFull ? 'unknown' : touched.since(low, chunk.keys);
    if (typeof keys === 'string') {
      judged(keys === 'early' ? 'early' : 'again');
      return undefined;
    }
    touched.forget(low);
    judged('sent');
    if (keys.size === 0) return piece;
    return { ...piece, images: piece.images.filter((_, row) => !keys.has(chunk.keys[row]!)) };
  }

  /** Never rejects: `take` throws what ended it. */
  async #run(): Promise<void> {
    const { signal, plan, roused } = this.#options;
    try {
      using place = await this.#options.place(signal);
      const tables = await this.#insistently(() => place.tables(signal));
      const joining = plan(tables);
      this.#progress = this.#progress.plan(joining);
      if (joining.length > 0 || this.#options.progress?.isPlanned !== true)
        this.#send({ kind: 'plan', tables: joining });
      for (const table of this.#progress.tables.keys()) {
        while (this.#progress.isCopying(table)) await this.#insistently(() => this.#table(table, place));
      }
      this.#isOver = true;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#touched = undefined;
      roused();
    }
  }

  /** Tries again what can be, for as long as the session lasts. */
  async #insistently<T>(work: () => Promise<T>): Promise<T> {
    const { signal, logger } = this.#options;
    for (let failures = 0; ; failures += 1) {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        if (!isDrcError(error) || !error.retryable) throw error;
        const pauseMs = Math.random() * Math.min(longestPauseMs, firstPauseMs * 2 ** failures);
        logger.info({ code: error.code, reason: error.message, pauseMs }, 'The copy of tables waits');
        await sleep(pauseMs, undefined, { signal });
      }
    }
  }

  async #table(table: string, place: SnapshotPlace): Promise<void> {
    const { signal, now } = this.#options;
    let reader: TableReader;
    try {
      reader = await place.open(table, signal);
    } catch (error) {
      if (!isDrcError(error, 'TABLE_UNKNOWN')) throw error;
      // It was dropped, or renamed: its rows came as changes, or are another table's.
      this.#progress = this.#progress.with(table, 'done');
      const rows = { table, version: undefined, images: [], key: Buffer.alloc(0), rows: 0, estimatedRows: 0 };
      this.#send({ kind: 'rows', ...rows, time: now(), done: true });
      return;
    }
    try {
      await this.#chunks(table, reader, place);
    } catch (error) {
      if (!isDrcError(error, 'SNAPSHOT_KEY_INVALID')) throw error;
      // Its key was altered: what has come of it comes once more.
      this.#progress = this.#progress.with(table, 'pending');
    } finally {
      await reader[Symbol.asyncDispose]();
    }
  }

  /** The table's chunks, from where it has come to. */
  async #chunks(table: string, reader: TableReader, place: SnapshotPlace): Promise<void> {
    const { signal, executed } = this.#options;
    const { version, keyColumns } = reader;
    const names = keyColumns.map((index) => version.columns[index]!.name);
    const look = (): TouchedRows => new TouchedRows(table, names, executed(), this.#open);
    this.#touched = look();
    let rows = firstRows;
    while (this.#progress.isCopying(table)) {
      const progress = this.#progress.of(table);
      const at = typeof progress === 'object' ? progress : undefined;
      const after = at && Buffer.from(at.key, 'base64url');
      const chunk = await reader.read(after, { rows, bytes: chunkBytes }, signal);
      const bytes = chunk.images.reduce((sum, image) => sum + image.length, 0);
      await place.took(bytes, signal);
      const count = (at?.rows ?? 0) + chunk.images.length;
      const verdict = await this.#offer(chunk, this.#pieceOf(table, reader, chunk, count), this.#touched);
      if (verdict === 'early') await sleep(momentPauseMs, undefined, { signal });
      if (verdict === 'again') this.#touched = look();
      if (verdict !== 'sent') continue;
      const key = chunk.lastKey.toString('base64url');
      this.#progress = this.#progress.with(table, chunk.done ? 'done' : { key, rows: count });
      rows = rowsIn(chunkBytes, chunk.images.length, bytes);
    }
  }

  #pieceOf(table: string, { estimatedRows }: TableReader, chunk: SnapshotChunk, rows: number): CopiedRows {
    const { version, images, lastKey: key, done } = chunk;
    return {
      kind: 'rows',
      table,
      version,
      images,
      key,
      rows,
      time: this.#options.now(),
      estimatedRows,
      done,
    };
  }

  /** Resolves when the stream has come to the chunk's moment. @throws the signal's reason */
  async #offer(chunk: SnapshotChunk, piece: CopiedRows, touched: TouchedRows): Promise<Verdict> {
    const { signal, roused } = this.#options;
    signal.throwIfAborted();
    let leave = (): void => undefined;
    try {
      return await new Promise<Verdict>((judged, reject) => {
        leave = () => reject(signal.reason as Error);
        signal.addEventListener('abort', leave, { once: true });
        this.#waiting = { chunk, piece, touched, judged };
        roused();
      });
    } finally {
      signal.removeEventListener('abort', leave);
      this.#waiting = undefined;
    }
  }

  #send(piece: SnapshotPiece): void {
    this.#ready.push(piece);
    this.#options.roused();
  }
}

/** How many rows to ask for, after some that took so many bytes. */
const rowsIn = (limit: number, rows: number, bytes: number): number =>
  rows === 0 ? firstRows : Math.max(1, Math.min(maxRows, Math.ceil((limit * rows) / Math.max(1, bytes))));
