import { DrcError } from '@drc/protocol';
import type { Clock } from '../clock.js';
import { RawEvents } from './raw-events.js';
import { ReplicaConnection, type DumpStart } from './replica-connection.js';
import type { SourceOptions } from './source-options.js';

export interface BinlogReaderOptions {
  readonly source: SourceOptions;
  /** Must be unlike that of the source and of each of its replicas. */
  readonly serverId: number;
  readonly start: DumpStart;
  readonly clock: Clock;
  /** Above so many bytes not yet asked for, the source is made to wait. Default 4 MiB. */
  readonly bufferBytes?: number;
  /** Default 5,000. Three missed are a lost connection. */
  readonly heartbeatMs?: number;
  /**
   * A source that has to wait longer than this is let go, before it cuts the connection itself
   * (`net_write_timeout`). Default 20,000.
   */
  readonly longestPauseMs?: number;
  /** Aborting ends the reading with the signal's reason. */
  readonly signal?: AbortSignal;
}

const missedHeartbeats = 3;
const lookEveryMs = 500;
/** A look that comes so late means that this process did not run: what has arrived meanwhile was not seen yet. */
const lateLookMs = 2_000;

/**
 * One connection to the source, read by pulling: `for await` gives batches of raw events, each all that has arrived
 * since the last. It ends by an error only (a binlog has no end), or quietly by `close()`.
 */
export class BinlogReader implements AsyncDisposable {
  readonly #connection: ReplicaConnection;
  readonly #clock: Clock;
  readonly #bufferBytes: number;
  readonly #longestSilenceMs: number;
  readonly #longestPauseMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #watch: NodeJS.Timeout;
  readonly #onAbort: () => void;
  #events = new RawEvents();
  #wake: (() => void) | undefined = undefined;
  #paused = false;
  /** When bytes were last seen to have arrived, or when the pause began: whichever the watch is about. Monotonic ms. */
  #since: number;
  #lookedAt: number;
  #seenBytes = 0;
  #failure: { readonly error: unknown } | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;
  #isRead = false;

  constructor(options: BinlogReaderOptions) {
    const heartbeatMs = options.heartbeatMs ?? 5_000;
    this.#clock = options.clock;
    this.#bufferBytes = options.bufferBytes ?? 4 * 1024 * 1024;
    this.#longestSilenceMs = heartbeatMs * missedHeartbeats;
    this.#longestPauseMs = options.longestPauseMs ?? 20_000;
    this.#signal = options.signal;
    this.#since = options.clock.monotonic();
    this.#lookedAt = this.#since;
    options.signal?.throwIfAborted();
    this.#onAbort = () => this.#fail(options.signal?.reason);
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#watch = setInterval(() => this.#look(), lookEveryMs);
    this.#connection = new ReplicaConnection({
      source: options.source,
      serverId: options.serverId,
      start: options.start,
      heartbeatMs,
      onEvent: (bytes, start, end) => this.#onEvent(bytes, start, end),
      onEnd: (error) => this.#fail(error),
    });
  }

  /** Whether events have arrived that were not asked for yet. */
  get hasMore(): boolean {
    return this.#events.length > 0;
  }

  /**
   * Batches in order. What arrived before an error comes before it.
   * @throws DrcError of the source (`SOURCE_LOST`, `BINLOG_PURGED`, …), or the signal's reason
   */
  async *batches(): AsyncGenerator<RawEvents, void, void> {
    if (this.#isRead) throw new TypeError('A binlog reader is read by one loop.');
    this.#isRead = true;
    for (;;) {
      if (this.#closed !== undefined) return;
      if (this.#events.length > 0) {
        yield this.#takeBatch();
      } else if (this.#failure !== undefined) {
        throw this.#failure.error;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }

  /** Ends the loop quietly and both connections. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #end(): Promise<void> {
    clearInterval(this.#watch);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#events = new RawEvents();
    this.#wakeUp();
    await this.#connection.close();
  }

  #onEvent(bytes: Buffer, start: number, end: number): void {
    this.#events.push(bytes, start, end);
    if (this.#events.bytes > this.#bufferBytes && !this.#paused) {
      this.#paused = true;
      this.#connection.pause();
    }
    this.#wakeUp();
  }

  #takeBatch(): RawEvents {
    const batch = this.#events;
    this.#events = new RawEvents();
    if (this.#paused) {
      this.#paused = false;
      this.#since = this.#clock.monotonic();
      this.#connection.resume();
    }
    return batch;
  }

  #look(): void {
    const now = this.#clock.monotonic();
    const isLate = now - this.#lookedAt > lateLookMs;
    this.#lookedAt = now;
    // Bytes, not events: one large event can take minutes to arrive.
    const bytes = this.#connection.bytesRead;
    if (isLate || bytes !== this.#seenBytes) {
      this.#seenBytes = bytes;
      if (!this.#paused || isLate) this.#since = now;
    }
    const silence = now - this.#since;
    if (this.#paused && silence > this.#longestPauseMs)
      this.#fail(
        new DrcError('SOURCE_LOST', 'Events were not taken for too long; the source was let go meanwhile.'),
      );
    if (!this.#paused && silence > this.#longestSilenceMs)
      this.#fail(new DrcError('SOURCE_LOST', `The source was silent for ${Math.round(silence / 1000)} s.`));
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
