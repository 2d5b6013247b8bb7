import { Hono } from 'hono';
import type { HttpBindings } from '@hono/node-server';
import type { Logger } from 'pino';
import type { ListenAddress } from './config.js';
import { HttpServer } from './http-server.js';
import type { ManagerMetrics } from './metrics.js';

export interface AdminServerOptions {
  readonly listen: ListenAddress;
  readonly metrics: ManagerMetrics;
  readonly logger: Logger;
  /** Whether requests can be answered, and a line about it. */
  readonly readiness: () => { readonly isReady: boolean; readonly text: string };
}

/** `/livez`: the process runs. `/readyz`: it can answer. `/metrics`. On loopback, without a login. */
export function startAdminServer({
  listen,
  metrics,
  logger,
  readiness,
}: AdminServerOptions): Promise<HttpServer> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.get('/livez', (c) => c.text('ok\n'));
  app.get('/readyz', (c) => {
    const { isReady, text } = readiness();
    return c.text(`${text}\n`, isReady ? 200 : 503);
  });
  app.get('/metrics', async (c) =>
    c.body(await metrics.text(), 200, { 'Content-Type': metrics.contentType }),
  );
  app.onError((error, c) => {
    logger.error({ err: error, path: c.req.path }, 'request failed');
    return c.text('error\n', 500);
  });
  return HttpServer.listen({ listen, fetch: app.fetch, logger });
}
