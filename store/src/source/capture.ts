import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { DrcError, type TransactionSet } from '@drc/protocol';
import type { Clock } from '../clock.js';
import type { SourceIdentity, SourcePosition } from '../log/transaction-log.js';
import { BinlogReader, type BinlogReaderOptions } from './binlog-reader.js';
import { CaptureCounters } from './capture-counters.js';
import {
  backoffMs,
  initialCaptureState,
  next,
  type CaptureEvent,
  type CaptureState,
} from './capture-state.js';
import { EventParser } from './event-parser.js';
import { checkCovered } from './covered-history.js';
import {
  binlogFiles,
  executedAt,
  firstEventOffset,
  firstPosition,
  readFileStart,
  type CaptureStart,
} from './first-position.js';
import { FlushQueue } from './flush-queue.js';
import type { GroupLog } from './group-log.js';
import { checkHistory, identityFault } from './history-check.js';
import { HistoryWatch } from './history-watch.js';
import { LearnedTypes } from './learned-types.js';
import { Preflight } from './preflight.js';
import type { RawEvents } from './raw-events.js';
import type { DumpStart } from './replica-connection.js';
import { SourceControl } from './source-control.js';
import { SourceMoments } from './source-moments.js';
import { SourceHosts } from './source-hosts.js';
import type { SourceOptions } from './source-options.js';
import { checkStoredTransaction, type CheckedLog } from './stored-transaction-check.js';
import type { TableFilter } from './table-filter.js';
import { TransactionAssembler, type CaptureHooks } from './transaction-assembler.js';
import { loadZstd, type Zstd } from './zstd.js';

/** The writing side of the transaction log. */
export interface CaptureLog extends GroupLog, CheckedLog {
  /** A random number that no other replica of the source has. */
  readonly replicaServerId: number;
  readonly capture: {
    readonly identity?: SourceIdentity | undefined;
    readonly position?: SourcePosition | undefined;
    readonly executed: TransactionSet;
  };
  readonly pendingBytes: number;
  begin(
    identity: SourceIdentity,
    position: SourcePosition,
    executed: TransactionSet,
    complete: boolean,
  ): Promise<void>;
  flush(): Promise<void>;
}

export interface CaptureOptions {
  readonly log: CaptureLog;
  readonly source: SourceOptions;
  readonly filter: TableFilter;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: new ones. */
  readonly counters?: CaptureCounters;
  /** Where an empty log begins. Default `retention`. */
  readonly start?: CaptureStart;
  /** How far back an empty log reaches by itself. Default 24 h. */
  readonly retentionMs?: number;
  /** Default 5,000. Three missed are a lost connection. */
  readonly heartbeatMs?: number;
  /** 0 ≤ value < 1, for the jitter of pauses. Default `Math.random`. */
  readonly random?: () => number;
  readonly hooks?: CaptureHooks;
}

/** COM_BINLOG_DUMP has 32 bits for the position. */
const largestDumpPosition = 0xffff_ffff;
const dayMs = 86_400_000;
const defaultHeartbeatMs = 5_000;

/**
 * Reads the source into the log for as long as it takes. What can pass (a lost connection, a source that restarts) is
 * waited for; what cannot stops capture with an error that `state` shows, while the log goes on being read.
 */
export class Capture implements AsyncDisposable {
  readonly counters: CaptureCounters;
  readonly #options: CaptureOptions;
  readonly #closing = new AbortController();
  readonly #preflight: Preflight;
  readonly #running: Promise<DrcError | undefined>;
  #state: CaptureState = initialCaptureState;
  #decompressor: Promise<Zstd> | undefined = undefined;
  readonly #hosts: SourceHosts;

  /** Starts at once. */
  constructor(options: CaptureOptions) {
    this.#options = options;
    const { filter, logger, retentionMs = dayMs } = options;
    this.#preflight = new Preflight({ filter, logger, retentionMs });
    this.counters = options.counters ?? new CaptureCounters();
    this.#hosts = new SourceHosts(options.source);
    this.#running = this.#run();
  }

  get state(): CaptureState {
    return this.#state;
  }

  /** Resolves when capture has ended: with the error that stopped it, or with nothing after `close()`. */
  get ended(): Promise<DrcError | undefined> {
    return this.#running;
  }

  /** Ends reading; what is complete is written before. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(): Promise<DrcError | undefined> {
    const { clock, random = Math.random } = this.#options;
    const { signal } = this.#closing;
    for (;;) {
      const error = await this.#stream();
      if (signal.aborted) {
        this.#move({ kind: 'stop' });
        return undefined;
      }
      const ends = error.code === 'LOG_WRITE_FAILED' || !this.#hosts.failed(error);
      if (ends) {
        this.#move({ kind: 'stop', error });
        return error;
      }
      if (this.#state.kind === 'streaming') this.counters.disconnected();
      const attempt = this.#state.kind === 'connecting' ? this.#state.attempt : 0;
      const pauseMs =
        error.code === 'SOURCE_BEHIND' ? 1_000 + 2_000 * random() : backoffMs(attempt, random());
      this.#move({ kind: 'failed', error, retryAt: clock.now() + pauseMs });
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      this.#move({ kind: 'retry' });
    }
  }

  /** One connection, from its beginning to its end: the reason why it ended. */
  async #stream(): Promise<DrcError> {
    const { signal } = this.#closing;
    try {
      // What is queued since a disk was full goes first; it counts as captured.
      await this.#options.log.flush();
      await using control = await SourceControl.connect(this.#hosts.current, signal);
      const { identity } = await this.#preflight.check(control);
      const beginning = await this.#beginning(control, identity);
      signal.throwIfAborted();
      await this.#read(control, identity, beginning);
      return new DrcError('SOURCE_LOST', 'The stream of events ended.');
    } catch (error) {
      if (error instanceof DrcError) return error;
      return new DrcError('INTERNAL', `Capture failed: ${String(error)}`, {}, { cause: error });
    }
  }

  /** Where to go on: checked against the source, or chosen where the log is empty. */
  async #beginning(control: SourceControl, identity: SourceIdentity): Promise<Beginning> {
    const { log, start = { kind: 'retention' }, retentionMs = dayMs, logger, filter } = this.#options;
    const { position, identity: known, executed } = log.capture;
    const { flavour } = identity;
    if (position === undefined || known === undefined) {
      const first = await firstPosition(control, flavour, start, retentionMs, (file) =>
        readFileStart(this.#readerOptions(), file),
      );
      if (this.#hosts.areSeveral)
        await checkCovered(control, identity, { identity, executed: first.executed });
      await log.begin(identity, first.position, first.executed, first.complete);
      logger.info({ ...first.position, complete: first.complete }, 'capture begins');
      return { position: first.position, start: dumpStart(first.position, log, flavour) };
    }
    const captured = { identity: known, position, executed: executed.clone() };
    if (!this.#hosts.areSeveral) await checkHistory(control, identity, captured);
    else await checkCovered(control, identity, captured);
    await checkStoredTransaction({
      log,
      control,
      filter,
      flavour,
      reader: this.#sideReaderOptions(),
      zstd: () => this.#zstd(),
      isSameServer: identityFault(identity, known) === undefined,
      skipped: (why) => logger.info({ why }, 'the last stored transaction was not compared with the source'),
      signal: this.#closing.signal,
    });
    if (!this.#hosts.areSeveral) return { position, start: dumpStart(position, log, flavour) };
    return await beginningByGtid(control, identity, log);
  }

  #readerOptions(): Omit<BinlogReaderOptions, 'start'> {
    const { clock, heartbeatMs, log } = this.#options;
    return {
      source: this.#hosts.current,
      clock,
      serverId: log.replicaServerId,
      signal: this.#closing.signal,
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    };
  }

  /** For a second connection: under our server id it would end the first. */
  #sideReaderOptions(): Omit<BinlogReaderOptions, 'start'> {
    return { ...this.#readerOptions(), serverId: (this.#options.log.replicaServerId ^ 1) >>> 0 };
  }

  async #read(
    control: SourceControl,
    identity: SourceIdentity,
    { position, start }: Beginning,
  ): Promise<void> {
    const { log, filter, logger, hooks, clock, heartbeatMs = defaultHeartbeatMs } = this.#options;
    const { flavour } = identity;
    const parser = new EventParser({ flavour, ...position });
    const assembler = new TransactionAssembler({
      log,
      flavour,
      filter,
      position,
      learned: new LearnedTypes((schema, table) => control.columnTypes(schema, table)),
      counters: this.counters,
      warn: (message, details) => logger.warn(details, message),
      ...(hooks === undefined ? {} : { hooks }),
    });
    const watch = new HistoryWatch(
      control,
      identity,
      () => log.capture,
      (file) => readFileStart(this.#sideReaderOptions(), file),
      this.#hosts.areSeveral,
    );
    const moments = new SourceMoments(control);
    await moments.look();
    let lookedAt = clock.monotonic();
    const queue = new FlushQueue(log, () => {
      this.counters.written(clock.now());
      return hooks?.at?.('flushed');
    });
    await using reader = new BinlogReader({
      ...this.#readerOptions(),
      start,
    });
    let { file } = position;
    try {
      for await (const batch of reader.batches()) {
        if (this.#state.kind === 'connecting') {
          this.#move({ kind: 'connected', at: clock.now() });
          this.#hosts.connected();
          logger.info({ ...position, host: this.#hosts.current.host }, 'source connected');
        }
        for (let index = 0; index < batch.length; index++) {
          const size = batch.end(index) - batch.start(index);
          const parsed = parser.parse(batch.buffer(index), batch.start(index), batch.end(index));
          if (parsed.kind === 'rotate') file = parsed.file;
          if (parsed.kind === 'gtid') {
            const time = moments.passed({ file, offset: parsed.offset - size });
            if (time !== undefined) log.raiseTime(time);
          }
          const done = assembler.push(parsed, size);
          if (done !== undefined) await done;
          if (queue.isFull) await queue.room();
          if (parsed.kind === 'payload')
            await pushUnpacked(parser.unpack(await this.#zstd(), parsed), parser, assembler, queue);
          if (parsed.kind === 'heartbeat') await watch.look(await moments.look());
        }
        queue.start();
        // A busy source sends no heartbeats.
        if (clock.monotonic() - lookedAt >= heartbeatMs) {
          lookedAt = clock.monotonic();
          moments.lookMeanwhile();
        }
      }
    } finally {
      // What is complete stays; a flush that failed on the way is the error that counts.
      assembler.abandon();
      await queue.drain();
    }
  }

  /** Loaded when the first compressed transaction comes. */
  #zstd(): Promise<Zstd> {
    return (this.#decompressor ??= loadZstd());
  }

  #move(event: CaptureEvent): void {
    this.#state = next(this.#state, event);
    const { logger } = this.#options;
    if (event.kind === 'failed')
      logger.warn(
        { code: event.error.code, retryAt: event.retryAt },
        `capture waits: ${event.error.message}`,
      );
    if (event.kind === 'stop' && event.error !== undefined)
      logger.error(
        { code: event.error.code, ...event.error.details },
        `capture stopped: ${event.error.message}`,
      );
  }
}

/** What a compressed transaction holds goes the way of all events. It counts as read once, as it was sent. */
async function pushUnpacked(
  batches: Iterable<RawEvents>,
  parser: EventParser,
  assembler: TransactionAssembler,
  queue: FlushQueue,
): Promise<void> {
  for (const batch of batches) {
    for (let index = 0; index < batch.length; index++) {
      const event = parser.parseUnpacked(batch.buffer(index), batch.start(index), batch.end(index));
      const done = assembler.push(event, 0);
      if (done !== undefined) await done;
      if (queue.isFull) await queue.room();
    }
    // A small event can hold minutes of work: whoever waits for an answer meanwhile gets one.
    await setImmediate();
  }
}

/** Where one connection begins. */
interface Beginning {
  readonly position: SourcePosition;
  readonly start: DumpStart;
}

/** Behind all that the log has, in whichever file of this server that is. */
async function beginningByGtid(
  control: SourceControl,
  { flavour }: SourceIdentity,
  log: CaptureLog,
): Promise<Beginning> {
  const files = await binlogFiles(control);
  const [oldest, newest] = [files[0], files.at(-1)];
  if (oldest === undefined || newest === undefined)
    throw new DrcError('SOURCE_CONFIG', 'The source has no binlog files.');
  const executed = log.capture.executed.toString();
  if (executed !== '') {
    // The place that the log has may be of another server.
    const position = { file: newest.file, offset: firstEventOffset };
    log.movePosition(position);
    return { position, start: { executed } };
  }
  const position = { file: oldest.file, offset: firstEventOffset };
  if ((await executedAt(control, flavour, position))?.isEmpty !== true)
    throw new DrcError('GTID_PURGED', `The source has purged what it wrote before ${oldest.file}.`);
  log.movePosition(position);
  return { position, start: { file: position.file, position: position.offset } };
}

/** By file and position; by GTID where 32 bits do not suffice. */
function dumpStart(
  { file, offset }: SourcePosition,
  log: CaptureLog,
  flavour: SourceIdentity['flavour'],
): DumpStart {
  if (offset <= largestDumpPosition) return { file, position: offset };
  const executed = log.capture.executed.toString();
  if (flavour === 'mariadb' || !executed.includes('/')) return { executed };
  throw new DrcError(
    'UNSUPPORTED_EVENT',
    `Capture cannot go on at ${file}:${offset} without GTIDs: the position has more than 32 bits.`,
  );
}
