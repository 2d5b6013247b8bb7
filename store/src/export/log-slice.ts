import {
  DrcError,
  type LogExtent,
  type LogMoment,
  type TableVersion,
  type TransactionSet,
} from '@drc/protocol';
import { LogReader } from '../log/log-reader.js';
import { tableVersionOf } from '../log/log-proof.js';
import { coversFrom } from '../log/retention.js';
import { LogSeek } from '../log/seek.js';
import { newestPoint } from '../log/set-index.js';
import type { StoppedLog } from '../log/stopped-log.js';
import type { Burst, Cursor, ReadableLog } from '../serve/readable-log.js';

/** Where a slice begins, or ends. */
export type SliceEnd =
  /** The oldest, or the newest, that the log has. */
  | { readonly kind: 'earliest' | 'latest' }
  /** Log time, ms since 1970. The slice begins at or after it, or ends before it. */
  | { readonly kind: 'timestamp'; readonly time: number }
  /** This transaction, which is part of the slice. */
  | { readonly kind: 'transaction'; readonly id: string }
  | { readonly kind: 'lsn'; readonly lsn: number };

export interface SliceRequest {
  readonly from: SliceEnd;
  readonly to: SliceEnd;
}

/** Some transactions of a stopped log, as if the log ended behind them. */
export class LogSlice implements ReadableLog {
  readonly lineage: string;
  readonly fromLsn: number;
  /** The executed set in front of it. */
  readonly set: TransactionSet;
  readonly head: ReadableLog['head'];
  readonly #log: StoppedLog;
  readonly #reader: LogReader;
  readonly #seek: LogSeek;
  readonly #oldest: LogMoment;

  private constructor(parts: SliceParts, fromLsn: number, set: TransactionSet, last: LogMoment) {
    this.#log = parts.log;
    this.#reader = parts.reader;
    this.#seek = parts.seek;
    this.#oldest = parts.oldest;
    this.lineage = parts.log.meta.identity.lineage;
    this.fromLsn = fromLsn;
    this.set = set;
    this.head = { value: last, after: neverMoves };
  }

  /** @throws DrcError `RETENTION_EXPIRED` where it begins before the log; `LOG_CORRUPT`; `CONFIG_INVALID` where it has no transaction */
  static async of(log: StoppedLog, { from, to }: SliceRequest): Promise<LogSlice> {
    const parts = await partsOf(log);
    const first = await firstOf(from, parts);
    const last = await lastOf(to, parts);
    if (first > last)
      throw new DrcError(
        'CONFIG_INVALID',
        `The log has no transaction from ${textOf(from)} to ${textOf(to)}.`,
      );
    const set = await parts.seek.executedBefore(first);
    const { logTime } = await parts.reader.firstChunk(last);
    return new LogSlice(parts, first, set, { lsn: last, time: logTime });
  }

  get toLsn(): number {
    return this.head.value.lsn;
  }

  extent(): LogExtent {
    return {
      lineage: this.lineage,
      head: this.head.value,
      oldest: this.#oldest,
      coversFrom: this.#oldest.time,
      setBeforeOldest: this.#log.meta.tail.setBefore,
    };
  }

  async executedBefore(lsn: number): Promise<TransactionSet> {
    return await this.#seek.executedBefore(lsn);
  }

  /** A slice is read from its beginning. */
  seek(): Promise<{ readonly lsn: number; readonly set: TransactionSet }> {
    return Promise.resolve({ lsn: this.fromLsn, set: this.set.clone() });
  }

  async read(
    cursor: Cursor,
    { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<Burst> {
    signal.throwIfAborted();
    if (cursor.lsn > this.toLsn) return { chunks: [], next: cursor };
    return await this.#reader.read(cursor, this.toLsn, maxBytes);
  }

  async table(id: Buffer): Promise<TableVersion> {
    return await tableVersionOf(this.#log.db, id);
  }
}

interface SliceParts {
  readonly log: StoppedLog;
  readonly reader: LogReader;
  readonly seek: LogSeek;
  readonly oldest: LogMoment;
  readonly head: LogMoment;
}

async function partsOf(log: StoppedLog): Promise<SliceParts> {
  const { db, meta } = log;
  const { tail, identity, beginning } = meta;
  const head = await newestPoint(db);
  if (head === undefined || head.lsn < tail.lsn)
    throw new DrcError('CONFIG_INVALID', 'The log has no transactions.');
  const reader = new LogReader(db, () => ({ headLsn: head.lsn, tailLsn: tail.lsn }));
  const { logTime } = await reader.firstChunk(tail.lsn);
  const oldest = { lsn: tail.lsn, time: logTime };
  const view = {
    topic: identity.topic,
    lineage: identity.lineage,
    tail,
    oldest,
    head,
    coversFrom: coversFrom(beginning, tail, logTime),
  };
  const seek = new LogSeek(db, reader, () => view);
  return { log, reader, seek, oldest, head: { lsn: head.lsn, time: head.time } };
}

async function firstOf(end: SliceEnd, { log, seek, oldest, head }: SliceParts): Promise<number> {
  switch (end.kind) {
    case 'earliest':
      return oldest.lsn;
    case 'latest':
      return head.lsn;
    case 'lsn':
      return inLog(end.lsn, oldest, head);
    case 'timestamp':
      return (await seek.seek(end, resolutionMs(log))).lsn;
    case 'transaction':
      return (await seek.seek(end, 0)).lsn;
  }
}

async function lastOf(end: SliceEnd, { seek, oldest, head }: SliceParts): Promise<number> {
  switch (end.kind) {
    case 'earliest':
      return oldest.lsn;
    case 'latest':
      return head.lsn;
    case 'lsn':
      return inLog(end.lsn, oldest, head);
    case 'timestamp':
      return (await seek.firstAtOrAfter(end.time)) - 1;
    case 'transaction':
      return (await seek.seek(end, 0)).lsn;
  }
}

/** The source's clock may tell whole seconds only. */
const resolutionMs = ({ meta }: StoppedLog): number =>
  meta.beginning?.identity.flavour === 'mariadb' ? 1000 : 0;

function inLog(lsn: number, oldest: LogMoment, head: LogMoment): number {
  if (lsn >= oldest.lsn && lsn <= head.lsn) return lsn;
  throw new DrcError(
    'CONFIG_INVALID',
    `The log has the transactions ${oldest.lsn} to ${head.lsn}, not ${lsn}.`,
  );
}

function textOf(end: SliceEnd): string {
  switch (end.kind) {
    case 'earliest':
    case 'latest':
      return end.kind;
    case 'lsn':
      return String(end.lsn);
    case 'timestamp':
      return new Date(end.time).toISOString();
    case 'transaction':
      return end.id;
  }
}

/** Resolves never: the slice ends where it ends. */
function neverMoves(_lsn: number, signal: AbortSignal): Promise<LogMoment> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
