import { canonicalTransactionId, type ExportHeader } from '@drc/protocol';
import { systemClock } from '../clock.js';
import { StoppedLog, type StoppedLogOptions } from '../log/stopped-log.js';
import { Credit } from '../serve/credit.js';
import { Delivery } from '../serve/delivery.js';
import { Filter } from '../serve/filter.js';
import { FilterViews } from '../serve/filter-views.js';
import { FramePool } from '../serve/frame-pool.js';
import { HistoryReads } from '../serve/history-reads.js';
import { FrameWriter, type FrameSink } from '../serve/frame-writer.js';
import { ServeCounters } from '../serve/serve-counters.js';
import { ExportFile } from './export-file.js';
import { LogSlice, type SliceRequest } from './log-slice.js';

export interface ExportRequest extends SliceRequest {
  /** The file to make; it must not exist. */
  readonly path: string;
  /** Globs over `schema.table`; default: all tables. */
  readonly tables?: readonly string[];
  /** Ids of transactions that an operator left out and the slice may pass, as a reader would acknowledge them. */
  readonly acknowledgeGaps?: readonly string[];
}

export interface ExportOptions {
  readonly signal: AbortSignal;
  /** Called now and then. */
  readonly progress?: (progress: ExportProgress) => void;
}

export interface ExportProgress {
  readonly transactions: number;
  readonly ofTransactions: number;
  readonly rows: number;
}

/** What was written. */
export interface LogExport extends ExportHeader {
  readonly path: string;
  /** Of the file. */
  readonly bytes: number;
}

const burstBytes = 1024 * 1024;
const maxUnsentBytes = 4 * 1024 * 1024;
const progressMs = 250;

/**
 * Writes a slice of a stopped store's log into a file (export-format.ts): what a session that begins there is sent, up to the
 * slice's end.
 * @throws DrcError `LOG_LOCKED` while the store runs; `RETENTION_EXPIRED`, `TRANSACTION_UNKNOWN`, `CONFIG_INVALID` for a slice that the
 * log does not have; `GAP` in front of a transaction that was left out and is not acknowledged; `DATA_FOLDER` where the file exists;
 * `LOG_MISSING`, `LOG_CORRUPT`, `LOG_FORMAT`; the signal's reason
 */
export async function exportLog(
  folder: StoppedLogOptions,
  request: ExportRequest,
  options: ExportOptions,
): Promise<LogExport> {
  await using log = await StoppedLog.open(folder);
  const slice = await LogSlice.of(log, request);
  const { topic, lineage } = log.meta.identity;
  const header = {
    topic,
    lineage,
    fromLsn: slice.fromLsn,
    toLsn: slice.toLsn,
    set: slice.set.toString(),
  };
  const most = Number.MAX_SAFE_INTEGER;
  const failure = new AbortController();
  await using file = await ExportFile.create(
    request.path,
    { ...header, transactions: most, rows: most },
    (error) => failure.abort(error),
  );
  const end = AbortSignal.any([options.signal, failure.signal]);
  const { transactions, rows } = await deliver(slice, file, request, end, options.progress);
  end.throwIfAborted();
  const whole = { ...header, transactions, rows };
  return { ...whole, path: request.path, bytes: await file.finish(whole) };
}

/** A session without a client: the very stream that one is sent. */
async function deliver(
  slice: LogSlice,
  sink: FrameSink,
  { tables = [], acknowledgeGaps = [] }: ExportRequest,
  end: AbortSignal,
  progress: ExportOptions['progress'],
): Promise<ServeCounters> {
  const counters = new ServeCounters();
  const isAtEnd = new AbortController();
  // Who may read the folder may read everything.
  using share = new FilterViews(slice).take(
    new Filter({ tables, operations: [] }, { rules: [{ tables: ['**'] }] }),
  );
  const writer = new FrameWriter({
    sink,
    counters,
    credit: new Credit(Infinity),
    pool: new FramePool(),
    signal: end,
    maxUnsentBytes,
  });
  const delivery = new Delivery({
    log: slice,
    share,
    writer,
    counters,
    clock: systemClock,
    historyReads: new HistoryReads(),
    start: { lsn: slice.fromLsn, set: slice.set },
    checkpoint: undefined,
    acknowledgedGaps: new Set(acknowledgeGaps.map(canonicalTransactionId)),
    burstBytes,
    stop: isAtEnd.signal,
    end,
    observer: {
      caughtUp: () => isAtEnd.abort(),
      behind: () => undefined,
      passed: () => undefined,
    },
  });
  const tell = (): void =>
    progress?.({
      transactions: delivery.nextLsn - slice.fromLsn,
      ofTransactions: slice.toLsn + 1 - slice.fromLsn,
      rows: counters.rows,
    });
  const timer = setInterval(tell, progressMs);
  try {
    await delivery.run();
  } finally {
    clearInterval(timer);
    writer.discard();
  }
  return counters;
}
