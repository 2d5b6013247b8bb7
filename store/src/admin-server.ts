import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Drain } from './drain.js';
import { answerDrain } from './drain-requests.js';
import { listenOnLoopback, type ListenAddress } from './listen.js';
import type { StoreMetrics } from './metrics.js';

/** Whether the store serves, and what keeps it from that. Empty reasons and `ready` go together. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** More for a person to look at: the capture state, the announcement. */
  readonly details?: Readonly<Record<string, string | number | boolean | undefined>>;
}

export interface AdminServerOptions {
  readonly listen: ListenAddress;
  readonly metrics: StoreMetrics;
  readonly readiness: () => Readiness;
  /** Absent: there are no readers that could be moved. */
  readonly drain?: Drain;
  readonly logger: Logger;
}

/** `/livez`: the process runs. `/readyz`: it serves, or why not. `/metrics`. `/drain`. On loopback, without a login. */
export class AdminServer implements AsyncDisposable {
  readonly #http: Server;
  readonly address: ListenAddress;

  private constructor(http: Server, address: ListenAddress) {
    this.#http = http;
    this.address = address;
  }

  /** @throws DrcError `ADDRESS_NOT_LOOPBACK`, `PORT_IN_USE`, `CONFIG_INVALID`. */
  static async start(options: AdminServerOptions): Promise<AdminServer> {
    const limits = { maxHeaderSize: 8 * 1024, headersTimeout: 5000, requestTimeout: 5000 };
    const http = createServer(limits, (request, response) => {
      answer(options, request, response).catch((error: unknown) => {
        options.logger.error({ err: error, path: request.url }, 'An admin request failed');
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
    });
    http.maxConnections = 100;
    return new AdminServer(http, await listenOnLoopback(http, options.listen));
  }

  async close(): Promise<void> {
    if (!this.#http.listening) return;
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function answer(
  { metrics, readiness, drain }: AdminServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (drain !== undefined && /^\/drain(\?|$)/.test(request.url ?? '')) {
    const { status, body } = answerDrain(request, drain);
    return send(response, status, 'application/json', `${JSON.stringify(body)}\n`);
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain', '');
  switch (request.url) {
    case '/livez':
      return send(response, 200, 'text/plain', 'ok\n');
    case '/readyz': {
      const now = readiness();
      return send(response, now.ready ? 200 : 503, 'application/json', `${JSON.stringify(now)}\n`);
    }
    case '/metrics':
      return send(response, 200, metrics.contentType, await metrics.text());
    default:
      return send(response, 404, 'text/plain', '');
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}
