import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { DrcError } from '@drc/protocol';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { Logger } from 'pino';
import { mustBeLoopback, type ListenAddress } from './config.js';

type Fetch = (request: Request, bindings: HttpBindings) => Response | Promise<Response>;

/** Bounds on what a peer that nobody knows yet can use up. Requests here are small and answered at once. */
const limits = {
  headerBytes: 8 * 1024,
  headers: 100,
  connections: 1024,
  headersMs: 5_000,
  requestMs: 10_000,
  idleMs: 5_000,
  /** How often node looks for connections past these times. */
  checkMs: 1_000,
};

/** How long requests under way may take once the server closes. */
const drainMs = 5_000;

/** An HTTP server on one loopback port. */
export class HttpServer implements AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly #server: Server;
  #closed: Promise<void> | undefined;

  private constructor(server: Server) {
    this.#server = server;
    const { address, port, family } = server.address() as AddressInfo;
    this.url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** `ADDRESS_NOT_LOOPBACK`, `PORT_IN_USE`. */
  static async listen({ host, port }: ListenAddress, fetch: Fetch, logger: Logger): Promise<HttpServer> {
    mustBeLoopback(host);
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
    const server = createServer(options, (request, response) => void listener(request, response));
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
      if ((cause as NodeJS.ErrnoException).code === 'EADDRINUSE') {
        throw new DrcError('PORT_IN_USE', `${host}:${port} is in use.`, { host, port }, { cause });
      }
      throw new DrcError('CONFIG_INVALID', `${host}:${port} cannot be opened.`, { host, port }, { cause });
    });
    const opened = new HttpServer(server);
    try {
      // What `localhost` means is the machine's business.
      mustBeLoopback((server.address() as AddressInfo).address);
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
    const ended = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = new AbortController();
    const late = delay(drainMs, undefined, { signal: timer.signal }).then(
      () => this.#server.closeAllConnections(),
      () => undefined,
    );
    await Promise.race([ended, late]);
    timer.abort();
    await ended;
  }
}
