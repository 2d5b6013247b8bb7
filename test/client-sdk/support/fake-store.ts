import {
  Checkpoint,
  FrameKind,
  RecordKind,
  TransactionSet,
  canonicalTableVersion,
  decodeClientMessage,
  encodeChunk,
  encodeMessage,
  encodeProgress,
  frameHeaderBytes,
  openFrame,
  recordHeader,
  schemaIdOf,
  sealFrame,
  type EffectiveFilter,
  type ErrorCode,
  type RecordKindCode,
  type StartFrom,
  type StoreMessage,
  type Subscribe,
} from '@drc/protocol';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { orders } from './rows.js';

/** A transaction of the fake store's log: one buffer of parts for each chunk. */
export interface LoggedTransaction {
  readonly id: string;
  readonly chunks: readonly Buffer[];
  readonly commitTime?: number;
  readonly origin?: string;
  /** Number of the first chunk: above 0 where a filter has dropped those before. */
  readonly firstChunk?: number;
  /** Filtered out: nothing is sent of it but, where asked for, progress. */
  readonly hidden?: boolean;
}

/** What goes wrong in one session; the n-th session takes the n-th of `FakeStore.faults`, later ones none. */
export interface Fault {
  /** Cut the connection when this many records have been sent in full, and half of the next. */
  readonly cutAfterRecords?: number;
  /** Flip a bit in the n-th data frame. */
  readonly corruptFrame?: number;
  /** Refuse the subscription, or end the stream after `cutAfterRecords`, with this error. */
  readonly error?: { readonly code: ErrorCode; readonly details?: Record<string, string> };
  /** Answer the upgrade with this. */
  readonly refuse?: { readonly status: number; readonly code?: ErrorCode };
  /** The store's log from this session on: the same transactions in other chunks, or other ones. */
  readonly log?: readonly LoggedTransaction[];
  /** What this session says is in force. Default: all tables. */
  readonly grant?: EffectiveFilter;
  /** Send without credit. */
  readonly isGreedy?: boolean;
  /** Send lsns from here on instead of the right ones. */
  readonly lsnFrom?: number;
}

export interface FakeStoreOptions {
  readonly topic?: string;
  readonly frameBytes?: number;
  readonly id?: string;
  readonly lineage?: string;
  /** Send a progress record after each hidden transaction. Default true. */
  readonly progress?: boolean;
  readonly log?: readonly LoggedTransaction[];
  readonly isTicket?: (ticket: string) => boolean;
}

/** Speaks the store's side of the protocol over a list of transactions. Credit is checked to the byte. */
export class FakeStore implements AsyncDisposable {
  readonly log: LoggedTransaction[];
  readonly faults: Fault[] = [];
  readonly sessions: FakeSession[] = [];
  readonly options: Required<FakeStoreOptions>;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;

  private constructor(options: FakeStoreOptions) {
    this.options = {
      topic: 'shop',
      frameBytes: 4096,
      id: 'store-1',
      lineage: '0'.repeat(32),
      progress: true,
      log: [],
      isTicket: () => true,
      ...options,
    };
    this.log = [...this.options.log];
    this.#http = createServer();
    this.#sockets = new WebSocketServer({ noServer: true });
    this.#http.on('upgrade', (request, socket, head) => {
      const fault = this.faults.shift() ?? {};
      const ticket = (request.headers.authorization ?? '').replace('Bearer ', '');
      const refuse =
        fault.refuse ??
        (request.url !== `/v1/stream/${this.options.topic}`
          ? ({ status: 421, code: 'WRONG_STORE' } as const)
          : this.options.isTicket(ticket)
            ? undefined
            : ({ status: 401, code: 'TICKET_EXPIRED' } as const));
      if (refuse !== undefined) {
        const header = refuse.code === undefined ? '' : `drc-error: ${refuse.code}\r\n`;
        socket.end(
          `HTTP/1.1 ${refuse.status} Refused\r\n${header}connection: close\r\ncontent-length: 0\r\n\r\n`,
        );
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        if (fault.log !== undefined) this.log.splice(0, Infinity, ...fault.log);
        this.sessions.push(new FakeSession(this, webSocket, fault, ticket));
      });
    });
  }

  static async start(options: FakeStoreOptions = {}): Promise<FakeStore> {
    const store = new FakeStore(options);
    await new Promise<void>((resolve) => store.#http.listen(0, '127.0.0.1', resolve));
    return store;
  }

  get address(): string {
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** Adds to the log and wakes the sessions. */
  append(...transactions: LoggedTransaction[]): void {
    this.log.push(...transactions);
    for (const session of this.sessions) session.pump();
  }

  /** Cuts all connections. */
  cut(): void {
    for (const session of this.sessions) session.cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#http.close(resolve));
  }
}

export class FakeSession {
  readonly subscribes: Subscribe[] = [];
  readonly renewals: string[] = [];
  readonly ticket: string;
  /** The most that was ever unacknowledged. */
  maxOutstanding = 0;
  outstanding = 0;
  sentBytes = 0;
  acknowledgedBytes = 0;
  isOver = false;
  /** While true nothing is sent. */
  isHeld = false;
  readonly #store: FakeStore;
  readonly #socket: WebSocket;
  readonly #fault: Fault;
  #window = 0;
  #nextLsn = 0;
  #from: TransactionSet = new TransactionSet();
  #passed = new TransactionSet();
  #knowsOrders = false;
  #toldCaughtUp = false;
  #records = 0;
  #frames = 0;
  /** Bytes of the record stream that are not sent yet. */
  #pending: Buffer = Buffer.alloc(0);
  /** Cut as soon as `#pending` is empty. */
  #isLast = false;

  constructor(store: FakeStore, socket: WebSocket, fault: Fault, ticket: string) {
    this.#store = store;
    this.#socket = socket;
    this.#fault = fault;
    this.ticket = ticket;
    socket.on('message', (data) => this.#received(openFrame(data as Buffer).payload));
    socket.on('close', () => (this.isOver = true));
    socket.on('error', () => undefined);
  }

  cut(): void {
    this.isOver = true;
    this.#socket.terminate();
  }

  send(message: StoreMessage): void {
    this.#socket.send(encodeMessage(message));
  }

  ping(data?: Buffer): void {
    this.#socket.ping(data);
  }

  fail(code: ErrorCode, details: Record<string, string> = {}): void {
    this.send({ type: 'error', code, message: `fake ${code}`, details });
    this.#socket.close(1008, code);
    this.isOver = true;
  }

  #received(payload: Buffer): void {
    const message = decodeClientMessage(payload);
    const { topic, id, lineage } = this.#store.options;
    if (message.type === 'hello') {
      const moment = { lsn: this.#store.log.length, time: 0 };
      const log = { lineage, head: moment, oldest: { lsn: 1, time: 0 }, coversFrom: 0, setBeforeOldest: '' };
      this.send({ type: 'welcome', version: 1, store: id, topic, log });
    } else if (message.type === 'subscribe') {
      this.subscribes.push(message);
      const { error, cutAfterRecords } = this.#fault;
      if (error !== undefined && cutAfterRecords === undefined) return this.fail(error.code, error.details);
      this.#subscribe(message);
    } else if (message.type === 'credit') {
      this.outstanding -= message.bytes;
      this.acknowledgedBytes += message.bytes;
      if (this.outstanding < 0) throw new Error('More was acknowledged than was sent.');
      this.pump();
    } else if (message.type === 'renew') {
      this.renewals.push(message.ticket);
      this.send({ type: 'renewed', expiresAt: Date.now() + 60_000 });
    }
  }

  #subscribe(message: Subscribe): void {
    this.#window = message.credit;
    this.#nextLsn = this.#firstLsn(message.from);
    const set = new TransactionSet();
    for (const { id } of this.#store.log.slice(0, this.#nextLsn - 1)) set.add(id);
    this.#passed = this.#from.union(set);
    this.send({
      type: 'subscribed',
      lineage: this.#store.options.lineage,
      lsn: this.#nextLsn,
      set: this.#passed.toString(),
      grant: this.#fault.grant ?? { tables: ['**'] },
    });
    this.pump();
  }

  #firstLsn(from: StartFrom): number {
    const { log } = this.#store;
    if (from.kind === 'latest') return log.length + 1;
    if (from.kind === 'checkpoint') {
      this.#from = Checkpoint.parse(from.checkpoint).set;
      const index = log.findIndex(({ id }) => !this.#from.covers(id));
      return index < 0 ? log.length + 1 : index + 1;
    }
    return 1;
  }

  /** Sends what there is and what the credit allows. */
  pump(): void {
    while (!this.isOver && !this.isHeld && this.#window > 0) {
      if (this.#pending.length === 0) {
        if (this.#isLast) return this.#endByFault();
        if (!this.#fill()) {
          if (!this.#toldCaughtUp) this.send({ type: 'caughtUp', lsn: this.#nextLsn - 1 });
          this.#toldCaughtUp = true;
          return;
        }
        continue;
      }
      const payload = this.#pending.subarray(0, this.#store.options.frameBytes - frameHeaderBytes);
      const frame = sealFrame(Buffer.concat([Buffer.alloc(frameHeaderBytes), payload]), FrameKind.data);
      const fits = this.outstanding === 0 || this.outstanding + frame.length <= this.#window;
      if (!fits && this.#fault.isGreedy !== true) return;
      this.#pending = this.#pending.subarray(payload.length);
      this.outstanding += frame.length;
      this.sentBytes += frame.length;
      this.maxOutstanding = Math.max(this.maxOutstanding, this.outstanding);
      if (++this.#frames === this.#fault.corruptFrame) frame[frame.length - 1]! ^= 0x10;
      this.#socket.send(frame);
    }
  }

  #endByFault(): void {
    const { error } = this.#fault;
    if (error === undefined) {
      // What was sent must arrive before the cut, so that each boundary is really met.
      this.isOver = true;
      this.#socket.close(1001);
    } else this.fail(error.code, error.details);
  }

  /** Puts the records of the next transaction into `#pending`. False at the head. */
  #fill(): boolean {
    const { log, options } = this.#store;
    const transaction = log[this.#nextLsn - 1];
    if (transaction === undefined) return false;
    const lsn = this.#nextLsn++;
    if (this.#from.covers(transaction.id)) return true;
    this.#passed.add(transaction.id);
    if (transaction.hidden === true) {
      if (options.progress)
        this.#record(RecordKind.progress, encodeProgress({ lsn, logTime: 0, set: this.#passed.toString() }));
      return true;
    }
    if (!this.#knowsOrders) {
      const text = Buffer.from(canonicalTableVersion(orders), 'utf8');
      this.#record(RecordKind.schema, Buffer.concat([schemaIdOf(orders), text]));
      this.#knowsOrders = true;
    }
    const { id, chunks, commitTime = 1_000_000, origin = '', firstChunk = 0 } = transaction;
    for (const [index, parts] of chunks.entries()) {
      const last = index === chunks.length - 1;
      const sentLsn = this.#fault.lsnFrom === undefined ? lsn : this.#fault.lsnFrom;
      const header = { lsn: sentLsn, chunk: firstChunk + index, last, logTime: 0, commitTime, id, origin };
      this.#record(RecordKind.chunk, encodeChunk(header, parts));
    }
    return true;
  }

  #record(kind: RecordKindCode, body: Buffer): void {
    if (this.#isLast) return;
    const bytes = Buffer.concat([recordHeader(kind, body.length), body]);
    if (this.#records++ === this.#fault.cutAfterRecords) {
      this.#isLast = true;
      this.#pending = Buffer.concat([this.#pending, bytes.subarray(0, bytes.length >> 1)]);
    } else this.#pending = Buffer.concat([this.#pending, bytes]);
  }
}
