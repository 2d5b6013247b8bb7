import { DrcError } from '@drc/protocol';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { isIPv4, type AddressInfo } from 'node:net';
import type { CongoMetrics, TaskView } from './congo-metrics.js';

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));

/** `/livez`, `/readyz` (all tasks apply), `/metrics` on a loopback port. @throws DrcError `PORT_IN_USE`, `ADDRESS_NOT_LOOPBACK`. */
export async function startCongoAdmin(
  listen: { host: string; port: number },
  tasks: readonly TaskView[],
  metrics: CongoMetrics,
): Promise<CongoAdmin> {
  if (!isLoopback(listen.host)) {
    throw new DrcError('ADDRESS_NOT_LOOPBACK', `${listen.host} is not a loopback address.`, {
      host: listen.host,
    });
  }
  const server = createServer((request, response) => {
    void answer(request.url ?? '/', tasks, metrics).then(({ status, type, body }) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    });
  });
  server.listen(listen.port, listen.host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const busy = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (busy)
      throw new DrcError('PORT_IN_USE', `${listen.host}:${listen.port} is in use.`, { ...listen }, { cause });
    throw cause;
  }
  return new CongoAdmin(server);
}

export class CongoAdmin implements AsyncDisposable {
  readonly #server: Server;
  /** `/livez`, `/readyz`, `/metrics`. */
  readonly url: string;

  constructor(server: Server) {
    this.#server = server;
    const { address, port, family } = server.address() as AddressInfo;
    this.url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

async function answer(
  path: string,
  tasks: readonly TaskView[],
  { registry }: CongoMetrics,
): Promise<{ status: number; type: string; body: string }> {
  const json = 'application/json';
  switch (path.split('?')[0]) {
    case '/livez':
      return { status: 200, type: json, body: '{"live":true}\n' };
    case '/readyz': {
      const states = tasks.map(readiness);
      const ready = states.every((state) => state.ready);
      return { status: ready ? 200 : 503, type: json, body: `${JSON.stringify({ ready, tasks: states })}\n` };
    }
    case '/metrics':
      return { status: 200, type: registry.contentType, body: await registry.metrics() };
    default:
      return { status: 404, type: json, body: '{"error":"not found"}\n' };
  }
}

interface Readiness {
  readonly task: string;
  readonly ready: boolean;
  readonly state: string;
  readonly code?: string;
  readonly message?: string;
}

function readiness({ task, status }: TaskView): Readiness {
  const error = 'error' in status ? status.error : undefined;
  return {
    task,
    ready: status.kind === 'applying',
    state: status.kind,
    ...(error === undefined ? {} : { code: error.code, message: error.message }),
  };
}
