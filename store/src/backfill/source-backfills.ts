import { randomInt } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError, TransactionSet, type ErrorCode } from '@drc/protocol';
import type { Logger } from 'pino';
import { BytePace } from '../byte-pace.js';
import type { Clock } from '../clock.js';
import type { BackfillConfig } from '../config.js';
import { TransactionLog, type SourceIdentity } from '../log/transaction-log.js';
import type { Backfill, BackfillRequest, Backfills } from '../serve/backfills.js';
import { Capture } from '../source/capture.js';
import { mariadbMissing, mysqlMissing } from '../source/covered-history.js';
import { readFileStart, type CaptureStart } from '../source/first-position.js';
import { SourceControl } from '../source/source-control.js';
import type { SourceOptions } from '../source/source-options.js';
import type { TableFilter } from '../source/table-filter.js';
import { BackfillLog } from './backfill-log.js';
import { backfillStart, unavailable } from './backfill-start.js';

export interface SourceBackfillsOptions {
  readonly config: BackfillConfig;
  /** The store's data folder. */
  readonly directory: string;
  readonly topic: string;
  /** The store's own log. */
  readonly log: TransactionLog;
  /** The server that is captured from. */
  readonly source: () => SourceOptions;
  readonly filter: TableFilter;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly diskReserveBytes?: number | undefined;
}

/** What was captured and not read by its reader, bytes. */
const unreadBytes = 64 * 1024 * 1024;
/** What was read goes beyond this. */
const keptBytes = 64 * 1024 * 1024;
/** Nothing is too old: what it holds is old. */
const forEverMs = 100 * 366 * 86_400_000;

/** Reads stretches before the log from the source: each has a replica connection and a small log of its own. */
export class SourceBackfills implements Backfills, AsyncDisposable {
  readonly #options: SourceBackfillsOptions;
  readonly #directory: string;
  readonly #open = new Set<SourceBackfill>();
  #active = 0;
  #count = 0;

  private constructor(options: SourceBackfillsOptions) {
    this.#options = options;
    this.#directory = join(options.directory, 'backfill');
  }

  /** What a store that was killed has left goes. */
  static async create(options: SourceBackfillsOptions): Promise<SourceBackfills> {
    const backfills = new SourceBackfills(options);
    await rm(backfills.#directory, { recursive: true, force: true });
    return backfills;
  }

  /** How many readers have one, or wait for one. */
  get active(): number {
    return this.#active;
  }

  async open(request: BackfillRequest): Promise<Backfill> {
    const { maxReaders } = this.#options.config;
    if (this.#active >= maxReaders)
      throw new DrcError('RATE_LIMITED', `${maxReaders} readers read from before the log already.`);
    this.#active++;
    const directory = join(this.#directory, String(++this.#count));
    const backfill = new SourceBackfill(this.#options, request, directory, () => {
      this.#active--;
      this.#open.delete(backfill);
    });
    this.#open.add(backfill);
    try {
      await backfill.begin();
      return backfill;
    } catch (error) {
      await backfill[Symbol.asyncDispose]();
      request.signal.throwIfAborted();
      throw error instanceof DrcError ? faultOf(error) : error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open].map((one) => one[Symbol.asyncDispose]()));
  }
}

/** One reader's stretch. */
class SourceBackfill implements Backfill {
  readonly failed: Promise<DrcError>;
  readonly #options: SourceBackfillsOptions;
  readonly #request: BackfillRequest;
  readonly #directory: string;
  readonly #over: () => void;
  readonly #closing = new AbortController();
  #fail: (error: DrcError) => void = () => undefined;
  #own: TransactionLog | undefined;
  #log: BackfillLog | undefined;
  #capture: Capture | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    options: SourceBackfillsOptions,
    request: BackfillRequest,
    directory: string,
    over: () => void,
  ) {
    this.#options = options;
    this.#request = request;
    this.#directory = directory;
    this.#over = over;
    this.failed = new Promise((resolve) => (this.#fail = resolve));
  }

  get log(): BackfillLog {
    if (this.#log === undefined) throw new DrcError('INTERNAL', 'The backfill has not begun.');
    return this.#log;
  }

  get end(): number | undefined {
    return this.#log?.end;
  }

  /** Resolves when the moment has been read. */
  async begin(): Promise<void> {
    const { topic, log, filter, clock, logger, config, diskReserveBytes } = this.#options;
    const { from, signal } = this.#request;
    const source = onlyOne(this.#options.source());
    const start = await this.#start(source);
    this.#own = await TransactionLog.open({
      directory: this.#directory,
      topic,
      retentionMs: forEverMs,
      retentionBytes: keptBytes,
      neededFrom: () => this.#log?.neededFrom ?? Infinity,
      clock,
      logger,
      ...(diskReserveBytes === undefined ? {} : { diskReserveBytes }),
    });
    const own = new BackfillLog({
      log: this.#own,
      from,
      boundary: () => log.extent().setBeforeOldest,
      ended: () => void this.#capture?.close(),
      pace: new BytePace(config.rateBytesPerSecond, clock),
      unreadBytes,
      signal: this.#closing.signal,
    });
    this.#log = own;
    const child = logger.child({ backfill: this.#directory });
    child.info({ from: from.kind, start }, 'a reader reads from before the log');
    const capture = new Capture({ log: own, source, filter, clock, logger: child, start });
    this.#capture = capture;
    void capture.ended.then((error) => {
      if (error !== undefined) this.#fail(faultOf(error));
    });
    await Promise.race([own.found, this.failed.then((error) => Promise.reject(error)), aborted(signal)]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  /** @throws DrcError `BACKFILL_UNAVAILABLE` */
  async #start(source: SourceOptions): Promise<CaptureStart> {
    const { log, clock } = this.#options;
    const { from, seekMarginMs, signal } = this.#request;
    const { identity } = log.capture;
    if (identity === undefined) throw unavailable('The log has not begun.');
    await using control = await SourceControl.connect(source, signal);
    await mustHave(control, identity.flavour, log.extent().setBeforeOldest);
    const serverId = randomInt(2 ** 31, 2 ** 32 - 1);
    return await backfillStart({
      control,
      flavour: identity.flavour,
      fileStart: (file) => readFileStart({ source, serverId, clock, signal }, file),
      from,
      seekMarginMs,
    });
  }

  async #close(): Promise<void> {
    this.#closing.abort(new DrcError('CLOSED', 'The backfill was closed.'));
    try {
      await this.#capture?.close();
      await this.#own?.close();
      await rm(this.#directory, { recursive: true, force: true });
    } finally {
      this.#over();
    }
  }
}

/** Its stretch ends where the store's log begins: with another past it never would. */
async function mustHave(
  control: SourceControl,
  flavour: SourceIdentity['flavour'],
  executed: string,
): Promise<void> {
  const lost =
    flavour === 'mysql'
      ? await mysqlMissing(control, TransactionSet.parse(executed))
      : mariadbMissing(executed, (await control.value('SELECT @@GLOBAL.gtid_binlog_state')) ?? '');
  if (lost !== undefined) throw unavailable(`The source does not have ${lost.missing}.`);
}

/** A place in its files is one of this server. */
function onlyOne(source: SourceOptions): SourceOptions {
  const { others: _, ...one } = source;
  return one;
}

/** The reader is told no more of the source than whether it may try again. */
function faultOf(error: DrcError): DrcError {
  if (passing.includes(error.code)) return error;
  if (error.retryable || error.code === 'LOG_WRITE_FAILED' || error.code === 'CLOSED')
    return new DrcError(
      'STORE_UNAVAILABLE',
      'What lies before the log cannot be read now.',
      {},
      { cause: error },
    );
  return unavailable(`${error.code}.`, {}, { cause: error });
}

const passing: readonly ErrorCode[] = ['BACKFILL_UNAVAILABLE', 'STORE_UNAVAILABLE', 'RATE_LIMITED'];

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
