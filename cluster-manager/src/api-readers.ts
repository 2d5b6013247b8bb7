import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { AdministrationCalls } from './administration.js';
import type { ApiEnv } from './api-env.js';
import { readerRoutes as routes } from './api-reader-routes.js';
import type { Audit } from './audit.js';
import type { Checkpoints } from './checkpoints.js';
import { mustAnnounce, mustRead, type Principal } from './grants.js';
import type { LiveReaders } from './live-readers.js';
import type { StoreDirectory } from './store-directory.js';
import type { Topics } from './topics.js';

export interface ReaderApiParts {
  readonly checkpoints: Checkpoints;
  readonly readers: LiveReaders;
  readonly stores: StoreDirectory;
  readonly topics: Topics;
  readonly audit: Audit;
  readonly principalOf: (c: Context<ApiEnv>) => Promise<Principal>;
  /** The calls of an administrator, with an audit line for each change. */
  readonly callsOf: (c: Context<ApiEnv>) => Promise<AdministrationCalls>;
}

/** The part of the API that keeps readers' places. */
export function addReaders(app: OpenAPIHono<ApiEnv>, parts: ReaderApiParts): void {
  const { checkpoints, readers, stores, topics, audit, principalOf, callsOf } = parts;

  /** Whose subscription it is: nobody names another principal's. */
  const keyOf = async (c: Context<ApiEnv>, { topic, name }: { topic: string; name: string }) => {
    const principal = await principalOf(c);
    mustRead(principal, topic, await topics.has(topic));
    return { principal: principal.name, topic, name };
  };

  app.openapi(routes.take, async (c) => {
    const key = await keyOf(c, c.req.valid('param'));
    const { client } = c.req.valid('json');
    const taken = await checkpoints.take(key, client);
    audit.checkpointTaken(key, client, taken.epoch);
    return c.json({ ...taken }, 200);
  });

  app.openapi(routes.save, async (c) => {
    const key = await keyOf(c, c.req.valid('param'));
    const { epoch, checkpoint, time } = c.req.valid('json');
    await checkpoints.save(key, epoch, checkpoint, time);
    return c.body(null, 204);
  });

  app.openapi(routes.report, async (c) => {
    const principal = await principalOf(c);
    const { topic, id, ...reports } = c.req.valid('json');
    mustAnnounce(principal, topic);
    // One whose lease is over, or that has not announced itself yet, will tell again.
    if (stores.storesOf(topic).some((store) => store.id === id)) readers.report(topic, id, reports);
    return c.json({}, 200);
  });

  app.openapi(routes.list, async (c) => {
    const calls = await callsOf(c);
    return c.json({ readers: [...(await calls.readers.list(c.req.valid('query').topic))] }, 200);
  });

  app.openapi(routes.seek, async (c) => {
    const calls = await callsOf(c);
    const { to, dryRun, ...key } = c.req.valid('json');
    return c.json({ ...(await calls.readers.seek(key, to, { dryRun })) }, 200);
  });

  app.openapi(routes.remove, async (c) => {
    const calls = await callsOf(c);
    const dryRun = c.req.valid('query').dryRun === 'true';
    return c.json({ ...(await calls.readers.remove(c.req.valid('param'), { dryRun })) }, 200);
  });
}
