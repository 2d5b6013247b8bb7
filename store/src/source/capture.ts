import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { DrcError, type ErrorCode } from '@drc/protocol';
import type { Clock } from '../clock.js';
import type { SourceIdentity } from '../log/transaction-log.js';
import { BinlogReader, type BinlogReaderOptions } from './binlog-reader.js';
import { findBeginning, type Beginning } from './capture-beginning.js';
import { CaptureCounters } from './capture-counters.js';
import type { CaptureLog } from './capture-log.js';
import {
  backoffMs,
  initialCaptureState,
  next,
  type CaptureEvent,
  type CaptureState,
} from './capture-state.js';
import { EventParser } from './event-parser.js';
import { readFileStart, type CaptureStart } from './first-position.js';
import { FlushQueue } from './flush-queue.js';
import { HistoryWatch } from './history-watch.js';
import { LearnedTypes } from './learned-types.js';
import { Preflight } from './preflight.js';
import type { RawEvents } from './raw-events.js';
import { SourceControl } from './source-control.js';
import { SourceMoments } from './source-moments.js';
import { SourceHosts } from './source-hosts.js';
import type { SourceOptions } from './source-options.js';
import { StoredPrefix } from './stored-prefix.js';
import type { TableFilter } from './table-filter.js';
import { TransactionAssembler, type CaptureHooks } from './transaction-assembler.js';
import { loadZstd, type Zstd } from './zstd.js';

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

const dayMs = 86_400_000;
const defaultHeartbeatMs = 5_000;
/** These end by what somebody does on the source. */
const looksAgain: ReadonlySet<ErrorCode> = new Set(['SOURCE_BEHIND', 'SOURCE_GTID_MODE']);

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
    this.#preflight = new Preflight({
      filter,
      logger,
      retentionMs,
      severalHosts: options.source.others !== undefined,
    });
    this.counters = options.counters ?? new CaptureCounters();
    this.#hosts = new SourceHosts(options.source);
    this.#running = this.#run();
  }

  get state(): CaptureState {
    return this.#state;
  }

  /** The server that is captured from, or tried, at the moment. */
  get source(): SourceOptions {
    return this.#hosts.current;
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
      const { lsn } = this.#options.log.head.value;
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
      const hasCaptured = this.#options.log.head.value.lsn > lsn;
      const attempt = hasCaptured || !('attempt' in this.#state) ? 0 : this.#state.attempt;
      const pauseMs = looksAgain.has(error.code) ? 1_000 + 2_000 * random() : backoffMs(attempt, random());
      this.#move({ kind: 'failed', error, retryAt: clock.now() + pauseMs, hasCaptured });
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
      const { identity } = await this.#preflight.check(
        control,
        this.#options.log.capture.position === undefined,
      );
      const beginning = await findBeginning({
        ...this.#options,
        start: this.#options.start ?? { kind: 'retention' },
        retentionMs: this.#options.retentionMs ?? dayMs,
        control,
        identity,
        hosts: this.#hosts,
        readerOptions: this.#readerOptions(),
        sideReaderOptions: this.#sideReaderOptions(),
        zstd: () => this.#zstd(),
        signal,
      });
      signal.throwIfAborted();
      await this.#read(control, identity, beginning);
      return new DrcError('SOURCE_LOST', 'The stream of events ended.');
    } catch (error) {
      if (error instanceof DrcError) return error;
      return new DrcError('INTERNAL', `Capture failed: ${String(error)}`, {}, { cause: error });
    }
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
    const stored = new StoredPrefix(position, start);
    const parser = new EventParser({ flavour, file: position.file, offset: stored.startOffset });
    const assembler = new TransactionAssembler({
      log,
      flavour,
      filter,
      position,
      nativeForeignKeys: await control.hasNativeForeignKeys(flavour),
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
    const moments = new SourceMoments(control, log);
    await moments.look();
    let lookedAt = clock.monotonic();
    const queue = new FlushQueue(log, () => {
      this.counters.written(clock.now());
      return hooks?.at?.('flushed');
    });
    await using reader = new BinlogReader({ ...this.#readerOptions(), start });
    try {
      for await (const batch of reader.batches()) {
        if (this.#state.kind === 'connecting') {
          this.#move({ kind: 'connected', at: clock.now() });
          this.#hosts.connected();
          logger.info({ ...position, host: this.#hosts.current.host }, 'source connected');
        }
        for (let index = 0; index < batch.length; index++) {
          const bytes = batch.buffer(index);
          const begin = batch.start(index);
          const end = batch.end(index);
          const size = end - begin;
          const parsed = stored.hasPassed
            ? parser.parse(bytes, begin, end)
            : stored.next(parser, bytes, begin, end);
          if (parsed === undefined) {
            this.counters.leaveOut(bytes[begin + 4]!, size, 'already-stored');
            continue;
          }
          if (parsed.kind === 'gtid') {
            const time = moments.passed({ file: parser.file, offset: parsed.offset - size });
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
