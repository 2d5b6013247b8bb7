import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  AddressLimit,
  answerAndEnd,
  answerMalformed,
  createPortServer,
  maxFrameBytes,
  type ServerTls,
} from '@drc/protocol';
import type { Logger } from 'pino';
import { WebSocket, WebSocketServer, type ServerOptions } from 'ws';
import { systemClock, type Clock } from '../clock.js';
import { listenAnywhere, listenOnLoopback, type ListenAddress } from '../listen.js';
import { admit } from './admission.js';
import type { Ticket, TicketVerifier } from './authorize.js';
import { CommonHistory, type HistoryEnd } from './common-history.js';
import type { Backfills } from './backfills.js';
import { FilterViews } from './filter-views.js';
import { FramePool } from './frame-pool.js';
import { HistoryReads } from './history-reads.js';
import { LogCopies, type CopyableLog } from './log-copies.js';
import { inContact, type ManagerContact } from './manager-contact.js';
import type { ReadableLog } from './readable-log.js';
import type { Revocations } from './revocations.js';
import { ServeCounters } from './serve-counters.js';
import { defaultStreamServerLimits, type StreamServerLimits } from './server-limits.js';
import type { SessionEnvironment } from './session-environment.js';
import { Session } from './session.js';
import type { SessionStatus } from './session-status.js';
import type { Snapshots } from '../table-copy/snapshots.js';
import type { TopicTables } from './topic-tables.js';
import { remoteOf, type Refusal } from './upgrade.js';

export interface StreamServerOptions {
  readonly listen: ListenAddress;
  /** Absent: no TLS, and loopback only. Belongs to the server from here on. */
  readonly tls?: ServerTls | undefined;
  /** Takes another address than loopback without TLS. Default false. */
  readonly allowsPlaintext?: boolean;
  readonly topic: string;
  readonly storeId: string;
  readonly log: ReadableLog;
  /** Absent: nothing is read from before the log. */
  readonly backfills?: Backfills | undefined;
  /** Absent: no tables are copied. */
  readonly snapshots?: Snapshots | undefined;
  /** The log as sister stores may copy it. Absent: none may. */
  readonly copyable?: CopyableLog;
  readonly verifier: TicketVerifier;
  /** Default: managers always answer. */
  readonly contact?: ManagerContact;
  /** What managers took back ends its sessions. Default: nothing is. */
  readonly revocations?: Revocations;
  /** Whether the topic has, or ever had, this table (`schema.table`): a subscription that names another is refused. */
  readonly hasTable: (table: string) => boolean | Promise<boolean>;
  /** The same of any table that matches. Default: nobody is told that a glob matches none. */
  readonly someTable?: (matches: (table: string) => boolean) => boolean | Promise<boolean>;
  /** What readers may ask of tables. Absent: nothing. */
  readonly topicTables?: TopicTables;
  /** The key of hashed columns. Absent: grants that hash are refused. */
  readonly columnHashKey?: Buffer | undefined;
  readonly logger: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly counters?: ServeCounters;
  readonly limits?: Partial<StreamServerLimits>;
}

const maxHeaderBytes = 8 * 1024;
const connectionsOnTheirWay = 64;
const missedPings = 2;

/** A session with its connection. */
interface Connection {
  readonly session: Session;
  readonly webSocket: WebSocket;
  readonly principal: string;
  unansweredPings: number;
}

/**
 * Serves the topic's stream: one HTTP server whose only purpose is the upgrade of `/v1/stream/<topic>`. Who has no
 * ticket gets an answer of a few bytes, with the error's code in the header `drc-error`, and nothing that they sent
 * beyond the request's headers is looked at.
 */
export class StreamServer implements AsyncDisposable {
  readonly #options: StreamServerOptions;
  readonly #limits: StreamServerLimits;
  readonly #environment: SessionEnvironment;
  readonly #history: CommonHistory;
  readonly #http: Server;
  readonly #addressLimit: AddressLimit;
  readonly #webSockets: WebSocketServer;
  readonly #connections = new Set<Connection>();
  readonly #counters: ServeCounters;
  readonly #copies: LogCopies | undefined;
  #pings: NodeJS.Timeout | undefined;
  #address: ListenAddress;
  #closing: Promise<void> | undefined;

  private constructor(options: StreamServerOptions) {
    this.#options = options;
    this.#limits = { ...defaultStreamServerLimits, ...options.limits };
    this.#address = options.listen;
    this.#counters = options.counters ?? new ServeCounters();
    this.#history = new CommonHistory(options.log);
    this.#environment = {
      ...options,
      log: this.#history,
      views: new FilterViews(this.#history),
      contact: options.contact ?? inContact,
      revocations: options.revocations,
      someTable: options.someTable ?? (() => true),
      pool: new FramePool(),
      historyReads: new HistoryReads(),
      counters: this.#counters,
      clock: options.clock ?? systemClock,
      limits: this.#limits,
    };
    const { copyable: log } = options;
    this.#copies = log && new LogCopies({ ...options, ...this.#environment, log });
    // The types of ws do not know closeTimeout yet.
    const webSocketOptions: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: maxFrameBytes,
      // A ping is answered by us, and counted: answers would pile up for a client that pings and does not read.
      autoPong: false,
      closeTimeout: this.#limits.closeMs,
    };
    this.#webSockets = new WebSocketServer(webSocketOptions);
    this.#http = this.#createServer();
    this.#addressLimit = new AddressLimit(this.#http, this.#limits.maxPendingPerAddress, () =>
      this.#counters.refuse('addressLimit'),
    );
  }

  /** @throws DrcError `ADDRESS_NOT_LOOPBACK`, `PORT_IN_USE`, `CONFIG_INVALID`. */
  static async start(options: StreamServerOptions): Promise<StreamServer> {
    const server = new StreamServer(options);
    const { tls, listen, allowsPlaintext = false } = options;
    try {
      const isOpen = tls !== undefined || allowsPlaintext;
      server.#address = await (isOpen ? listenAnywhere : listenOnLoopback)(server.#http, listen);
    } catch (error) {
      tls?.[Symbol.dispose]();
      throw error;
    }
    server.#pings = setInterval(() => server.#ping(), server.#limits.pingMs);
    return server;
  }

  /** Where it listens, the real port included. */
  get address(): ListenAddress {
    return this.#address;
  }

  /** `ws://…` or `wss://…`, by the address on which it listens. */
  get url(): string {
    const { host, port } = this.#address;
    const scheme = this.#options.tls === undefined ? 'ws' : 'wss';
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  get counters(): ServeCounters {
    return this.#counters;
  }

  get sessions(): readonly SessionStatus[] {
    return this.readers.map(({ status }) => status);
  }

  get readers(): readonly Session[] {
    return [...this.#connections].map(({ session }) => session);
  }

  /** The log's history is no longer the source's: readers are served up to there, and refused what follows. */
  endHistory(end: HistoryEnd): void {
    this.#history.endAt(end);
    for (const { session } of this.#connections) session.historyEnded(end);
  }

  /** Ends each session that can go on at another store from its next transaction, `lsn`. @returns how many stay. */
  async moveSessions(canGo: (lsn: number) => Promise<boolean>): Promise<number> {
    let staying = 0;
    for (const { session } of this.#connections) {
      const { lsn } = session.status;
      // What it needs may be trimmed by now: it will find out.
      const goes = lsn > 0 && (await canGo(lsn).catch(() => false)) && session.leave();
      if (!goes) staying++;
    }
    return staying;
  }

  /** Takes no new sessions, lets each finish its burst, and ends it with close code 1001. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#pings);
    this.#options.tls?.[Symbol.dispose]();
    const closed = new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
    });
    this.#http.closeIdleConnections();
    const connections = [...this.#connections];
    const gone = connections.map(({ webSocket }) => whenClosed(webSocket));
    for (const { session } of connections) session.drain();
    await Promise.all(gone);
    await Promise.all(connections.map(({ session }) => session.finished));
    // What has not come to an upgrade by now will not.
    this.#addressLimit.closeAll();
    await closed;
  }

  #createServer(): Server {
    const server = createPortServer(
      this.#options.tls,
      {
        maxHeaderSize: maxHeaderBytes,
        headersTimeout: this.#limits.headersMs,
        requestTimeout: this.#limits.headersMs,
        connectionsCheckingInterval: Math.min(1000, this.#limits.headersMs),
        keepAliveTimeout: 1000,
        noDelay: true,
      },
      (request, response) => {
        if (this.#copies?.take(request, response) === true) return;
        response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-length': 0 }).end();
      },
    );
    server.maxConnections = this.#limits.maxSessions + connectionsOnTheirWay;
    server.on('drop', () => this.#counters.refuse('connections'));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#refuseRequest(error, socket));
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    return server;
  }

  #refuseRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
    this.#counters.refuse('request');
    answerMalformed(error, socket);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // From here on the socket is ours: an error that nobody listens to would end the process.
    socket.on('error', () => socket.destroy());
    const admitted = this.#admit(request);
    if ('code' in admitted) {
      this.#counters.refuse(admitted.code);
      const { code, status } = admitted;
      this.#options.logger.info({ code, status, remote: remoteOf(socket) }, 'A connection was refused');
      answerAndEnd(socket, status, { 'drc-error': code });
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      // From here on the limits of sessions and of principals count it.
      const { remoteAddress, remotePort } = request.socket;
      if (remoteAddress !== undefined && remotePort !== undefined)
        this.#addressLimit.release(remoteAddress, remotePort);
      this.#open(webSocket, admitted);
    });
  }

  #admit(request: IncomingMessage): Ticket | Refusal {
    if (this.#closing !== undefined) return { status: 503, code: 'STORE_UNAVAILABLE' };
    const ticket = admit(request, { ...this.#options, origins: this.#limits.origins });
    return 'code' in ticket ? ticket : (this.#overCapacity(ticket) ?? ticket);
  }

  #overCapacity({ principal }: Ticket): Refusal | undefined {
    if (this.#connections.size >= this.#limits.maxSessions) return { status: 503, code: 'STORE_UNAVAILABLE' };
    let own = 0;
    for (const connection of this.#connections) if (connection.principal === principal) own++;
    return own >= this.#limits.maxSessionsPerPrincipal ? { status: 429, code: 'RATE_LIMITED' } : undefined;
  }

  #open(webSocket: WebSocket, ticket: Ticket): void {
    this.#counters.sessionsOpened++;
    const logger = this.#options.logger.child({
      session: this.#counters.sessionsOpened,
      principal: ticket.principal,
    });
    const session = new Session(this.#environment, socketOf(webSocket), ticket, logger);
    const connection: Connection = { session, webSocket, principal: ticket.principal, unansweredPings: 0 };
    this.#connections.add(connection);
    logger.info({ ticket: ticket.id }, 'Session opened');
    webSocket.on('message', (data, isBinary) => {
      connection.unansweredPings = 0;
      session.receive(data as Buffer, isBinary);
    });
    webSocket.on('pong', () => {
      connection.unansweredPings = 0;
    });
    webSocket.on('ping', (data) => answerPing(connection, data));
    // ws closes by itself what it cannot parse (1002, 1007, 1009); here it is only counted.
    webSocket.on('error', (error: NodeJS.ErrnoException) =>
      this.#counters.refuse(error.code ?? 'connection'),
    );
    webSocket.on('close', (code) => {
      this.#connections.delete(connection);
      session.closed();
      // The principal is in each line of the session's logger.
      const { principal: _, ...status } = session.status;
      logger.info({ code, ...status }, 'Session closed');
    });
    if (this.#closing !== undefined) session.drain();
  }

  #ping(): void {
    for (const connection of this.#connections) {
      if (connection.unansweredPings >= missedPings) {
        this.#counters.refuse('CONNECTION_LOST');
        connection.webSocket.terminate();
        continue;
      }
      connection.unansweredPings++;
      if (connection.webSocket.readyState === WebSocket.OPEN) connection.webSocket.ping();
    }
  }
}

function answerPing({ session, webSocket }: Connection, data: Buffer): void {
  try {
    session.takeAllowance();
    if (webSocket.readyState === WebSocket.OPEN) webSocket.pong(data);
  } catch (error) {
    session.fail(error);
  }
}

const socketOf = (webSocket: WebSocket): ConstructorParameters<typeof Session>[1] => ({
  send: (frame, done) => webSocket.send(frame, { binary: true, fin: true, compress: false }, () => done()),
  get unsentBytes() {
    return webSocket.bufferedAmount;
  },
  close: (code, reason) => webSocket.close(code, reason),
});

const whenClosed = (webSocket: WebSocket): Promise<void> =>
  new Promise((resolve) => {
    webSocket.once('close', () => resolve());
  });
