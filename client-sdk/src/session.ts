import {
  DrcError,
  FrameKind,
  RecordReader,
  decodeStoreMessage,
  frameHeaderBytes,
  isDrcError,
  openFrame,
  protocolVersions,
  type Frame,
  type OriginWish,
  type Partition,
  type RowOperation,
  type RowRule,
  type StartFrom,
  type StoreMessage,
  type StreamRecord,
  type Subscribed,
} from '@drc/protocol';
import {
  connectOverWebSocket,
  type ConnectionOptions,
  type ConnectToStore,
  type StoreConnection,
} from './connection.js';
import { next, type ConnectionEvent, type ConnectionState } from './connection-state.js';
import { ReadWindow } from './read-window.js';

/** What a reader wants of a store. */
export interface SessionRequest {
  readonly topic: string;
  /** Name of the client, for the store's log. */
  readonly client: string;
  readonly from: StartFrom;
  readonly tables: readonly string[];
  readonly operations: readonly RowOperation[];
  readonly acknowledgeGaps: readonly string[];
  /** Conditions and projections; empty: all rows and columns. */
  readonly rules: readonly RowRule[];
  readonly partition?: Partition | undefined;
  /** Default: all. */
  readonly origins?: OriginWish | undefined;
  readonly windowBytes: number;
  /** What its service calls the subscription. */
  readonly name?: string | undefined;
  /** Whether a moment before the log may be read from the source. Default false. */
  readonly backfill?: boolean | undefined;
  /** Tables that are to be copied, beside those that the checkpoint has begun; undefined: none, and it has none. */
  readonly snapshot?: readonly string[] | undefined;
}

export interface SessionOptions extends ConnectionOptions {
  /** How long the greeting and the store's seek may take, in ms. Default 30 s. */
  readonly greetingMs?: number;
  /** How stores are reached. Default: over WebSockets. */
  readonly connect?: ConnectToStore;
}

/** What comes out of a session, in the order in which the store sent it. */
export type SessionItem = StreamRecord | { readonly kind: 'caughtUp' };

/** How long a store may take to find a moment before its log in the source's binlogs. */
const backfillMs = 900_000;

/** A store warns each ten seconds; where it has not for so long, the danger is over. */
const fallingMs = 30_000;

const caughtUp: SessionItem = { kind: 'caughtUp' };

/**
 * One session with one store, from the greeting to its end. What has arrived waits here, within the window, until it
 * is polled; what arrived whole before the session ended can still be polled afterwards.
 */
export class Session implements AsyncDisposable {
  readonly #connection: StoreConnection;
  readonly #request: SessionRequest;
  readonly #window: ReadWindow;
  readonly #reader = new RecordReader();
  /** Payloads of data frames, and `caughtUp` where it came between them. `#inbox` is filled, `#outbox` emptied. */
  #inbox: (Buffer | SessionItem)[] = [];
  #outbox: (Buffer | SessionItem)[] = [];
  #outboxAt = 0;
  /** The records that ended within the payload taken last. */
  #records: StreamRecord[] = [];
  #recordsAt = 0;
  #state: ConnectionState = { kind: 'opening' };
  #store = '';
  #subscribed: Subscribed | undefined;
  #committed = -1;
  /** What the store warned of last, and when. */
  #falling: { readonly inMs: number; readonly at: number } | undefined;
  /** Set while somebody waits for an item, or for the end of the greeting. */
  #wake: (() => void) | undefined;

  private constructor(address: string, ticket: string, request: SessionRequest, options: SessionOptions) {
    this.#request = request;
    this.#window = new ReadWindow(request.windowBytes);
    const connect = options.connect ?? connectOverWebSocket;
    this.#connection = connect(
      `${address.replace(/\/+$/, '')}/v1/stream/${encodeURIComponent(request.topic)}`,
      ticket,
      {
        opened: () => this.#opened(),
        frame: (bytes) => this.#frame(bytes),
        ended: (error) => this.#end(error),
      },
      options,
    );
  }

  /**
   * Opens a session that is ready to be polled.
   * @param address `ws://host:port`, as the cluster manager names it
   * @throws the signal's reason, or the DrcError that the store or the connection gave.
   */
  static async open(
    address: string,
    ticket: string,
    request: SessionRequest,
    signal: AbortSignal,
    options: SessionOptions = {},
  ): Promise<Session> {
    signal.throwIfAborted();
    const session = new Session(address, ticket, request, options);
    const onAbort = (): void => session.#rouse();
    const timer = setTimeout(
      () => session.#end(new DrcError('CONNECTION_LOST', 'The store did not greet in time.')),
      options.greetingMs ?? (request.backfill === true ? backfillMs : 30_000),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      // A session that has ended right behind its greeting is given out too: what it had sent can be polled.
      while (session.#subscribed === undefined) {
        signal.throwIfAborted();
        if (session.#state.kind === 'ended') throw session.#state.error;
        await session.#roused();
      }
      return session;
    } catch (error) {
      await session.close();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Where the stream begins, and what is in force. */
  get subscribed(): Subscribed {
    if (this.#subscribed === undefined) throw new TypeError('The session is not open.');
    return this.#subscribed;
  }

  /** The store's own name. */
  get store(): string {
    return this.#store;
  }

  /** True while it is the reader that the stream waits for. */
  get isHeldUp(): boolean {
    return this.#window.isHeldUp;
  }

  /** Globs of the request that matched no table. */
  get unmatched(): readonly string[] {
    return this.#subscribed?.unmatched ?? [];
  }

  /** How long what the reader needs next is still kept, in ms, where the store says that this is not long. */
  get fallsOffInMs(): number | undefined {
    if (this.#falling === undefined) return undefined;
    const sinceMs = performance.now() - this.#falling.at;
    return sinceMs > fallingMs ? undefined : Math.max(0, Math.round(this.#falling.inMs - sinceMs));
  }

  /** The next item; undefined while there is none. @throws DrcError `PROTOCOL_VIOLATION`. */
  poll(): SessionItem | undefined {
    for (;;) {
      if (this.#recordsAt < this.#records.length) return this.#records[this.#recordsAt++];
      if (this.#outboxAt === this.#outbox.length) {
        if (this.#inbox.length === 0) return undefined;
        this.#outbox = this.#inbox;
        this.#outboxAt = 0;
        this.#inbox = [];
      }
      const entry = this.#outbox[this.#outboxAt]!;
      // The queue must not keep alive what has been taken from it.
      this.#outbox[this.#outboxAt++] = caughtUp;
      if (!Buffer.isBuffer(entry)) return entry;
      this.#records = this.#reader.push(entry);
      this.#recordsAt = 0;
      const acknowledged = this.#window.taken(entry.length + frameHeaderBytes);
      if (acknowledged > 0) this.#connection.send({ type: 'credit', bytes: acknowledged });
    }
  }

  /** Resolves when there may be something to poll. @throws DrcError why the session ended, once all is polled. */
  async arrival(): Promise<void> {
    if (this.#inbox.length > 0) return;
    if (this.#state.kind === 'ended') throw this.#state.error;
    await this.#roused();
  }

  /** All up to this place of the store's log is done with. A store of a version that shows it nowhere is not told. */
  committed(lsn: number): void {
    if (this.#state.kind === 'ended' || this.subscribed.principal === undefined || lsn <= this.#committed)
      return;
    this.#committed = lsn;
    this.#connection.send({ type: 'committed', lsn });
  }

  /** Puts a new ticket in force. A store that does not take it ends the session with an error. */
  renew(ticket: string): void {
    this.#connection.send({ type: 'renew', ticket });
  }

  /** Closing twice is fine. */
  async close(): Promise<void> {
    this.#end(new DrcError('CLOSED', 'The session was closed.'));
    await this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #opened(): void {
    this.#move({ kind: 'opened' });
    const { client, topic } = this.#request;
    this.#connection.send({ type: 'hello', versions: [...protocolVersions], client, topic });
  }

  #frame(bytes: Buffer): void {
    if (this.#state.kind === 'ended') return;
    try {
      const { kind, payload } = opened(bytes);
      if (kind === FrameKind.control) this.#message(decodeStoreMessage(payload));
      else this.#data(payload, bytes.length);
    } catch (error) {
      this.#end(error as DrcError);
      void this.#connection.close();
    }
  }

  #data(payload: Buffer, frameBytes: number): void {
    this.#move({ kind: 'data' });
    this.#window.received(frameBytes);
    this.#inbox.push(payload);
    this.#rouse();
  }

  #message(message: StoreMessage): void {
    this.#move({ kind: 'message', message });
    if (message.type === 'welcome') {
      this.#store = message.store;
      if (this.#request.snapshot !== undefined && message.snapshots !== true)
        throw new DrcError('SNAPSHOT_UNAVAILABLE', `The store ${message.store} copies no tables.`);
      // It would send everything: what came from a target would go back there.
      if (this.#request.origins !== undefined && message.origins !== true)
        throw new DrcError(
          'PROTOCOL_VERSION',
          `The store ${message.store} is older than origins: update it.`,
        );
      const {
        from,
        tables,
        operations,
        acknowledgeGaps,
        rules,
        partition,
        origins,
        name,
        backfill,
        snapshot,
        windowBytes: credit,
      } = this.#request;
      const gaps = acknowledgeGaps.length === 0 ? {} : { acknowledgeGaps };
      const rows = {
        ...(rules.length === 0 ? {} : { rules }),
        ...(partition === undefined ? {} : { partition }),
        ...(origins === undefined ? {} : { origins }),
        ...(name === undefined ? {} : { name }),
        ...(backfill === true ? { backfill } : {}),
        ...(snapshot === undefined ? {} : { snapshot: { tables: snapshot } }),
      };
      this.#connection.send({ type: 'subscribe', from, tables, operations, credit, ...gaps, ...rows });
    } else if (message.type === 'subscribed') {
      this.#mustFilter(message);
      this.#subscribed = message;
      this.#rouse();
    } else if (message.type === 'falling') {
      this.#falling = { inMs: message.inMs, at: performance.now() };
    } else if (message.type === 'caughtUp') {
      this.#inbox.push(caughtUp);
      this.#rouse();
    }
  }

  /** A store that does not know of conditions would send everything. @throws DrcError `PROTOCOL_VERSION`. */
  #mustFilter({ grant }: Subscribed): void {
    const { rules, partition } = this.#request;
    const hasRules = rules.length === (grant.rules ?? []).length;
    const hasShare = partition?.of === grant.partition?.of && partition?.index === grant.partition?.index;
    if (hasRules && hasShare) return;
    throw new DrcError(
      'PROTOCOL_VERSION',
      'The store is older than conditions, projections and partitions: update it.',
    );
  }

  /** @throws DrcError where the event does not belong into the session's state, or ends it. */
  #move(event: ConnectionEvent): void {
    this.#state = next(this.#state, event, this.#request.topic);
    if (this.#state.kind === 'ended') throw this.#state.error;
  }

  #end(error: DrcError): void {
    this.#state = next(this.#state, { kind: 'ended', error }, this.#request.topic);
    this.#rouse();
  }

  #rouse(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #roused(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

/** Until its CRC has proved true, whatever is wrong with a frame is damage, not intent: it can be retried. */
function opened(bytes: Buffer): Frame {
  try {
    return openFrame(bytes);
  } catch (error) {
    if (isDrcError(error, 'FRAME_CORRUPT')) throw error;
    throw new DrcError('FRAME_CORRUPT', 'A frame is damaged.', {}, { cause: error });
  }
}
