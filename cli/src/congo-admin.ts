import { noRows, type ApplierCounters, type Congo, type CongoStatus } from '@drc/client-sdk/congo';
import { DrcError } from '@drc/protocol';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { isIPv4, type AddressInfo } from 'node:net';
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';

type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

/** What the admin port tells of a task. */
export interface TaskView {
  readonly status: CongoStatus;
  readonly counters: ApplierCounters;
  readonly lagMs: number | undefined;
}

/** A task from the start of its process on: before it is made, it waits for a cluster manager. */
export class StartingTask implements TaskView {
  /** Set once there is a manager. */
  congo: Congo | undefined;
  /** Why it is not there yet. */
  waiting: CongoStatus = { kind: 'starting' };

  get status(): CongoStatus {
    return this.congo?.status ?? this.waiting;
  }

  get counters(): ApplierCounters {
    return this.congo?.counters ?? nothingYet;
  }

  get lagMs(): number | undefined {
    return this.congo?.lagMs;
  }
}

const nothingYet: ApplierCounters = {
  rows: noRows(),
  transactions: 0,
  targetTransactions: 0,
  ddlIgnored: 0,
  sequencesIgnored: 0,
};

/** What Prometheus reads of a congo process: congo counts for itself, each scrape reads it. */
export function congoMetrics(congo: TaskView): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counter = (
    name: string,
    help: string,
    read: () => readonly Sample[],
    labelNames: string[] = [],
  ): void => {
    const made: Counter = new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        made.reset();
        for (const [value, labels] of read()) made.inc(labels ?? {}, value);
      },
    });
  };
  const gauge = (name: string, help: string, read: () => number | undefined): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const value = read();
        // no figure is not the figure zero
        if (value === undefined) made.remove();
        else made.set(value);
      },
    });
  };
  counter(
    'congo_rows_applied_total',
    'Rows that came for the target, by what became of them: insert, update, delete; overwritten, kept, restored, ignored by policy.',
    () => Object.entries(congo.counters.rows).map(([op, rows]): Sample => [rows, { op }]),
    ['op'],
  );
  counter('congo_transactions_applied_total', 'Source transactions applied.', () => [
    [congo.counters.transactions],
  ]);
  counter('congo_target_transactions_total', 'Transactions committed on the target.', () => [
    [congo.counters.targetTransactions],
  ]);
  counter('congo_ddl_ignored_total', 'DDL statements left out by the policy `ignore`.', () => [
    [congo.counters.ddlIgnored],
  ]);
  counter('congo_sequences_ignored_total', 'Changes of sequences left out.', () => [
    [congo.counters.sequencesIgnored],
  ]);
  gauge('congo_applying', '1 while the task applies, 0 while it waits or has stopped.', () =>
    congo.status.kind === 'applying' ? 1 : 0,
  );
  gauge(
    'congo_lag_seconds',
    'How far the target is behind the source; 0 while all that was committed is applied.',
    () => (congo.lagMs === undefined ? undefined : congo.lagMs / 1000),
  );
  gauge('congo_last_commit_timestamp_seconds', 'When the source committed what was applied last.', () => {
    const { status } = congo;
    const time = status.kind === 'applying' ? status.lastCommitTime : undefined;
    return time === undefined ? undefined : time / 1000;
  });
  return registry;
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));

/** `/livez`, `/readyz` (the task applies), `/metrics` on a loopback port. @throws DrcError `PORT_IN_USE`, `ADDRESS_NOT_LOOPBACK`. */
export async function startCongoAdmin(
  listen: { host: string; port: number },
  congo: TaskView,
): Promise<CongoAdmin> {
  if (!isLoopback(listen.host)) {
    throw new DrcError('ADDRESS_NOT_LOOPBACK', `${listen.host} is not a loopback address.`, {
      host: listen.host,
    });
  }
  const metrics = congoMetrics(congo);
  const server = createServer((request, response) => {
    void answer(request.url ?? '/', congo, metrics).then(({ status, type, body }) => {
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
  congo: TaskView,
  metrics: Registry,
): Promise<{ status: number; type: string; body: string }> {
  const json = 'application/json';
  switch (path.split('?')[0]) {
    case '/livez':
      return { status: 200, type: json, body: '{"live":true}\n' };
    case '/readyz': {
      const { status } = congo;
      const ready = status.kind === 'applying';
      const reason =
        'error' in status && status.error ? { code: status.error.code, message: status.error.message } : {};
      return {
        status: ready ? 200 : 503,
        type: json,
        body: `${JSON.stringify({ ready, state: status.kind, ...reason })}\n`,
      };
    }
    case '/metrics':
      return { status: 200, type: metrics.contentType, body: await metrics.metrics() };
    default:
      return { status: 404, type: json, body: '{"error":"not found"}\n' };
  }
}
