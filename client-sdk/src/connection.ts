import {
  clientTlsOptions,
  connectionFault,
  DrcError,
  encodeMessage,
  isErrorCode,
  maxFrameBytes,
  mustBePrivateWay,
  tlsFault,
  type ClientMessage,
  type Transport,
} from '@drc/protocol';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';

/** Called from the socket; `ended` is called once and last. */
export interface ConnectionListener {
  opened(): void;
  /** One binary message, as it came. */
  frame(bytes: Buffer): void;
  ended(error: DrcError): void;
}

export interface ConnectionOptions {
  /** Silence after which the store counts as gone, in ms. The store pings more often. Default 45 s. */
  readonly silenceMs?: number;
  /** How long the socket and the upgrade request may take, in ms. Default 10 s. */
  readonly openMs?: number;
  /** Default: the system's authorities, and no ticket without TLS off loopback. */
  readonly transport?: Transport;
}

/** A way to one store. */
export interface StoreConnection {
  /** Does nothing once the connection has ended. */
  send(message: ClientMessage): void;
  /** Ends the connection; the listener hears nothing more. */
  close(): Promise<void>;
}

/** Opens a way to the store at an address; the listener hears nothing before this has returned. */
export type ConnectToStore = (
  address: string,
  ticket: string,
  listener: ConnectionListener,
  options: ConnectionOptions,
) => StoreConnection;

/** The silence is measured in so many ticks: a process that was stopped itself then counts one tick, not an hour. */
const ticksOfSilence = 9;

/**
 * One WebSocket to one store. Decides nothing but this: what the bytes below a frame do wrong (a flipped bit in
 * WebSocket's own header, say) is `FRAME_CORRUPT`, and any other end is `CONNECTION_LOST`; both can be retried.
 */
export class Connection implements StoreConnection {
  readonly #socket: WebSocket;
  readonly #listener: ConnectionListener;
  readonly #watchdog: NodeJS.Timeout;
  readonly #closed: Promise<void>;
  #silentTicks = 0;
  #over = false;

  /**
   * @param address `ws://host:port` or `wss://host:port`
   * @throws DrcError `PLAINTEXT_REFUSED` where the ticket could be read on the way.
   */
  constructor(
    address: string,
    ticket: string,
    listener: ConnectionListener,
    options: ConnectionOptions = {},
  ) {
    const { tls, plaintext } = options.transport ?? {};
    mustBePrivateWay(address, plaintext);
    this.#listener = listener;
    // Deflating is off: a small frame could inflate beyond any limit, and rows would be compressed twice over TLS.
    const socket = new WebSocket(address, {
      headers: { authorization: `Bearer ${ticket}` },
      handshakeTimeout: options.openMs ?? 10_000,
      maxPayload: maxFrameBytes,
      perMessageDeflate: false,
      followRedirects: false,
      ...clientTlsOptions(tls),
    });
    this.#socket = socket;
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    this.#watchdog = setInterval(() => this.#tick(), (options.silenceMs ?? 45_000) / ticksOfSilence);
    socket.on('open', () => {
      if (!this.#over) listener.opened();
    });
    socket.on('message', (data, isBinary) => this.#received(data, isBinary));
    socket.on('ping', (data) => this.#pinged(data));
    // We send no pings. One flipped bit makes a binary message a pong, and it must not vanish as such.
    socket.on('pong', () => this.#end(corrupt('An unasked-for pong arrived.')));
    socket.on('unexpected-response', (_request, response) => this.#end(refusal(response)));
    socket.on('error', (error) => this.#end(lossOf(error, address)));
    socket.on('close', (code, reason) =>
      this.#end(
        new DrcError(
          'CONNECTION_LOST',
          `The store ended the connection (${code} ${reason.toString('utf8')}).`,
          {
            closeCode: code,
          },
        ),
      ),
    );
  }

  /** Does nothing once the connection has ended. */
  send(message: ClientMessage): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(encodeMessage(message));
  }

  /** Ends the connection; the listener hears nothing more. Resolves when the socket is closed. */
  async close(): Promise<void> {
    this.#silence();
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.close(1000);
      // Waiting for the peer's close frame would make closing as slow as the peer: one second for it.
      const timer = setTimeout(() => this.#socket.terminate(), 1_000);
      await this.#closed;
      clearTimeout(timer);
    } else {
      this.#socket.terminate();
      await this.#closed;
    }
  }

  #received(data: WebSocket.RawData, isBinary: boolean): void {
    if (this.#over) return;
    this.#silentTicks = 0;
    if (isBinary && Buffer.isBuffer(data)) this.#listener.frame(data);
    else this.#end(corrupt('A text message arrived.'));
  }

  #pinged(data: Buffer): void {
    this.#silentTicks = 0;
    // The store's pings are empty; one with content was a data frame before its first byte was damaged.
    if (data.length > 0) this.#end(corrupt('A ping with content arrived.'));
  }

  #tick(): void {
    if (++this.#silentTicks <= ticksOfSilence) return;
    this.#end(new DrcError('CONNECTION_LOST', 'The store has been silent for too long.'));
  }

  #end(error: DrcError): void {
    if (this.#over) return;
    this.#silence();
    this.#socket.terminate();
    this.#listener.ended(error);
  }

  #silence(): void {
    this.#over = true;
    clearInterval(this.#watchdog);
  }
}

/** The way that services take. @throws as the constructor of `Connection`. */
export const connectOverWebSocket: ConnectToStore = (address, ticket, listener, options) =>
  new Connection(address, ticket, listener, options);

/**
 * A refused upgrade: the code stands in the header `drc-error`, and there is no body.
 *
 * A store that does not take the ticket (401) may not have heard of a new key yet, or the ticket has run out on the
 * way: the cluster manager decides whether the client is still welcome, when it is asked for the next one.
 */
function refusal({ statusCode: status = 0, headers }: IncomingMessage): DrcError {
  const code = headers['drc-error'];
  const message = `The store refused the connection with status ${status}.`;
  if (status === 401) return new DrcError('TICKET_EXPIRED', message, { status });
  if (isErrorCode(code)) return new DrcError(code, message, { status });
  if (status === 403) return new DrcError('FORBIDDEN', message, { status });
  if (status === 404 || status === 421) return new DrcError('WRONG_STORE', message, { status });
  return new DrcError('CONNECTION_LOST', message, { status });
}

/** `ws` marks its own complaints about bytes with codes `WS_ERR_…`. */
function lossOf(error: Error & { code?: string }, address: string): DrcError {
  if (error.code?.startsWith('WS_ERR_')) return corrupt(error.message, { cause: error });
  return (
    tlsFault(error, new URL(address).origin) ??
    new DrcError('CONNECTION_LOST', `The connection failed: ${connectionFault(error)}.`, {}, { cause: error })
  );
}

const corrupt = (message: string, options?: ErrorOptions): DrcError =>
  new DrcError('FRAME_CORRUPT', message, {}, options);
