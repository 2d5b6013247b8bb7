import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AddressLimit,
  answerMalformed,
  createPortServer,
  DrcError,
  type Plaintext,
  ServerTls,
  type ServerTlsFiles,
} from '@drc/protocol';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { Logger } from 'pino';
import { mustBeLoopback, type ListenAddress } from './config.js';

type Fetch = (request: Request, bindings: HttpBindings) => Response | Promise<Response>;

/** Bounds on what a peer that nobody knows yet can use up. Requests here are small and answered at once. */
const limits = {
  headerBytes: 8 * 1024,
  headers: 100,
  connections: 1024,
  /** Of one address: what is left is for the others. */
  connectionsPerAddress: 256,
  handshakeMs: 5_000,
  headersMs: 5_000,
  requestMs: 10_000,
  idleMs: 5_000,
  /** How often node looks for connections past these times. */
  checkMs: 1_000,
};

/** How long requests under way may take once the server closes. */
const drainMs = 5_000;

export interface HttpServerOptions {
  readonly listen: ListenAddress;
  readonly fetch: Fetch;
  readonly logger: Logger;
  /** Absent: no TLS. */
  readonly tls?: ServerTlsFiles | undefined;
  /** Without TLS another address than loopback is refused, unless this allows it. */
  readonly plaintext?: Plaintext | undefined;
  /** Told of each connection that came to no request: `tls`, `addressLimit`, `connections`, `request`. */
  readonly refused?: (reason: string) => void;
}

/** An HTTP server on one port. */
export class HttpServer implements AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly #server: Server;
  readonly #limit: AddressLimit;
  readonly #tls: ServerTls | undefined;
  #closed: Promise<void> | undefined;

  private constructor(server: Server, limit: AddressLimit, tls: ServerTls | undefined) {
    this.#server = server;
    this.#limit = limit;
    this.#tls = tls;
    const { address, port, family } = server.address() as AddressInfo;
    const scheme = tls === undefined ? 'http' : 'https';
    this.url = `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** `ADDRESS_NOT_LOOPBACK`, `PORT_IN_USE`, `CONFIG_INVALID` (the certificate). */
  static async listen(given: HttpServerOptions): Promise<HttpServer> {
    const { fetch, logger, plaintext, refused = () => undefined } = given;
    const { host, port } = given.listen;
    const isOpen = given.tls !== undefined || plaintext === 'allow';
    if (!isOpen) mustBeLoopback(host);
    const tls =
      given.tls &&
      (await ServerTls.open(given.tls, tlsEvents(logger, refused), { handshakeMs: limits.handshakeMs }));
    const options = {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.checkMs,
    };
    const listener = getRequestListener((request, bindings) => fetch(request, bindings as HttpBindings), {
      // The process's own Request and Response stay as they are.
      overrideGlobalObjects: false,
    });
    const server = createPortServer(tls, options, (request, response) => void listener(request, response));
    const limit = new AddressLimit(server, limits.connectionsPerAddress, () => refused('addressLimit'));
    server.on('drop', () => refused('connections'));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      refused('request');
      answerMalformed(error, socket);
    });
    server.maxHeadersCount = limits.headers;
    server.maxConnections = limits.connections;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: host.replaceAll(/[[\]]/g, ''), port }, () => {
        server.off('error', reject);
        // A connection that could not be accepted, for want of file descriptors: the others go on.
        server.on('error', (error) => logger.error({ err: error }, 'accepting a connection failed'));
        resolve();
      });
    }).catch((cause: unknown) => {
      tls?.[Symbol.dispose]();
      if ((cause as NodeJS.ErrnoException).code === 'EADDRINUSE') {
        throw new DrcError('PORT_IN_USE', `${host}:${port} is in use.`, { host, port }, { cause });
      }
      throw new DrcError('CONFIG_INVALID', `${host}:${port} cannot be opened.`, { host, port }, { cause });
    });
    const opened = new HttpServer(server, limit, tls);
    try {
      // What `localhost` means is the machine's business.
      if (!isOpen) mustBeLoopback((server.address() as AddressInfo).address);
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  }

  /** Takes no more requests, answers those under way, and then ends what is left. Closing twice is fine. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#tls?.[Symbol.dispose]();
    const ended = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = new AbortController();
    const late = delay(drainMs, undefined, { signal: timer.signal }).then(
      () => this.#limit.closeAll(),
      () => undefined,
    );
    await Promise.race([ended, late]);
    timer.abort();
    await ended;
  }
}

const tlsEvents = (logger: Logger, refused: (reason: string) => void) => ({
  reloaded: (certificate: object) => logger.info(certificate, 'The certificate was read anew'),
  failed: ({ message }: DrcError) =>
    logger.warn({ reason: message }, 'The new certificate cannot be used; the one before stays in force'),
  refused: () => refused('tls'),
});
