import type { DrcError, LogExtent, LogMoment, StartFrom, TableVersion, TransactionSet } from '@drc/protocol';
import type { Burst, Cursor, ReadableLog } from './readable-log.js';

/** Where a log parts from the history of its source. */
export interface HistoryEnd {
  /** The first transaction that the source no longer has; behind the log's head where it is not known which these are. */
  readonly lsn: number;
  /** What readers are told who have come there. */
  readonly error: DrcError;
}

/**
 * A log as far as its source still has the same history: all of it, until `endAt` says otherwise. From there on nothing
 * is given out, and whoever waits for what follows is refused: it would never come, and what stands there never was.
 */
export class CommonHistory implements ReadableLog {
  readonly #log: ReadableLog;
  #end: HistoryEnd | undefined;
  readonly head: ReadableLog['head'];

  constructor(log: ReadableLog) {
    this.#log = log;
    this.head = new CommonHead(log.head, () => this.#end);
  }

  /** Whoever waits for the head at this moment waits on: to be ended by who calls this. */
  endAt(end: HistoryEnd): void {
    this.#end = end;
  }

  get lineage(): string {
    return this.#log.lineage;
  }

  extent(): LogExtent {
    return this.#log.extent();
  }

  executedBefore(lsn: number): Promise<TransactionSet> {
    return this.#log.executedBefore(lsn);
  }

  table(id: Buffer): Promise<TableVersion> {
    return this.#log.table(id);
  }

  async seek(
    from: StartFrom,
    seekMarginMs: number,
  ): Promise<{ readonly lsn: number; readonly set: TransactionSet }> {
    const found = await this.#log.seek(from, seekMarginMs);
    if (this.#end !== undefined && found.lsn >= this.#end.lsn) throw this.#end.error;
    return found;
  }

  async read(
    cursor: Cursor,
    limits: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<Burst> {
    const burst = await this.#log.read(cursor, limits);
    const end = this.#end;
    if (end === undefined || burst.next.lsn <= end.lsn) return burst;
    if (cursor.lsn >= end.lsn) throw end.error;
    const chunks = burst.chunks.filter(({ lsn }) => lsn < end.lsn);
    return { chunks, next: { lsn: end.lsn, chunk: 0 } };
  }
}

class CommonHead {
  readonly #head: ReadableLog['head'];
  readonly #end: () => HistoryEnd | undefined;

  constructor(head: ReadableLog['head'], end: () => HistoryEnd | undefined) {
    this.#head = head;
    this.#end = end;
  }

  get value(): LogMoment {
    const { value } = this.#head;
    const end = this.#end();
    return end === undefined || value.lsn < end.lsn ? value : { lsn: end.lsn - 1, time: value.time };
  }

  after(lsn: number, signal: AbortSignal): Promise<LogMoment> {
    const end = this.#end();
    if (end !== undefined && lsn + 1 >= end.lsn) return Promise.reject(end.error);
    return this.#head.after(lsn, signal);
  }
}
