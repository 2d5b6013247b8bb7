import { OpenAPIHono } from '@hono/zod-openapi';
import { DrcError } from '@drc/protocol';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Logger } from 'pino';
import type { Administration } from './administration.js';
import { addAdministration, administratorCalls } from './api-administration.js';
import type { ApiEnv } from './api-env.js';
import { answerOf, bodyTooLarge, lengthRequired, unknownRoute, type ErrorAnswer } from './api-errors.js';
import { addReaders } from './api-readers.js';
import { routes } from './api-routes.js';
import { addSisters } from './api-sisters.js';
import type { Audit } from './audit.js';
import type { Authenticator } from './authenticate.js';
import type { Checkpoints } from './checkpoints.js';
import type { Clock } from './clock.js';
import { grantFor, maySee, mustAnnounce, type Principal } from './grants.js';
import type { LiveReaders } from './live-readers.js';
import type { ManagerMetrics } from './metrics.js';
import { parseFrom, place, successorsOf } from './placement.js';
import type { Revocations } from './revocations.js';
import type { PublicKey } from './signing-keys.js';
import type { StoreDirectory } from './store-directory.js';
import type { Tickets } from './tickets.js';
import type { Topics } from './topics.js';

export interface ApiOptions {
  readonly cluster: string;
  /** Those of all managers of the cluster. */
  readonly publicKeys: () => Promise<readonly PublicKey[]>;
  readonly leaseMs: number;
  readonly administration: Administration;
  readonly revocations: Revocations;
  readonly topics: Topics;
  readonly stores: StoreDirectory;
  readonly checkpoints: Checkpoints;
  readonly readers: LiveReaders;
  readonly authenticator: Authenticator;
  readonly tickets: Tickets;
  readonly audit: Audit;
  readonly metrics: ManagerMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

const maxBodyBytes = 64 * 1024;

/** The HTTP API: what a request means, in terms of the parts that decide it. */
export function createApi(options: ApiOptions): OpenAPIHono<ApiEnv> {
  const {
    cluster,
    leaseMs,
    administration,
    revocations,
    topics,
    stores,
    checkpoints,
    readers,
    authenticator,
    tickets,
    audit,
    metrics,
    clock,
    logger,
  } = options;
  const publicKeys = async () => ({ cluster, keys: [...(await options.publicKeys())] });

  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      const faults = result.error.issues.map(
        (issue) => `${issue.path.join('.') || result.target}: ${issue.message}`,
      );
      throw new DrcError('REQUEST_INVALID', `The request is not as it must be: ${faults.join('; ')}.`, {
        faults,
      });
    },
  });

  const principalOf = async (c: Context<ApiEnv>): Promise<Principal> => {
    const principal = await authenticator.principal(c.req.header('Authorization'));
    c.set('principal', principal.name);
    return principal;
  };

  const storesFor = async (principal: Principal, topic: string, fromText: string, reader: string = '') => {
    const grant = grantFor(principal, topic, await topics.has(topic));
    const who = `${principal.name}\n${reader}`;
    const placement = place(stores.storesOf(topic), parseFrom(fromText, topic), who);
    if (placement.kind === 'unavailable') {
      throw new DrcError('STORE_UNAVAILABLE', `No store of the topic ${topic} is alive.`, { topic });
    }
    // Just started, it knows some of the stores: another one may go back further.
    if (placement.kind === 'expired' && !stores.hasHeardOfAll) {
      throw new DrcError(
        'STORE_UNAVAILABLE',
        `No store of the topic ${topic} that is known yet goes back that far.`,
        {
          topic,
        },
      );
    }
    if (placement.kind === 'expired') {
      const oldest = new Date(placement.oldest).toISOString();
      throw new DrcError(
        'RETENTION_EXPIRED',
        `No store of the topic ${topic} goes back that far; the oldest moment is ${oldest}.`,
        { topic, oldest },
      );
    }
    const via = principal.kind === 'store' ? undefined : principal.token;
    const ticket = tickets.ticket(principal.name, topic, grant, via);
    audit.ticketIssued(principal.name, topic, fromText.slice(0, 100), ticket, via?.id);
    return {
      stores: placement.stores.map(({ id, address, extent: { lineage, head, oldest, coversFrom } }) => ({
        id,
        address,
        lineage,
        head,
        oldest,
        coversFrom,
      })),
      ticket: ticket.token,
      ticketExpiresAt: ticket.expiresAt,
    };
  };

  app.use('*', observed(metrics, clock));
  app.use('*', boundedBody);

  app.openapi(routes.login, async (c) => {
    const { name, password } = c.req.valid('json');
    const address = addressOf(c);
    try {
      const token = await authenticator.login(name, password, address);
      audit.loggedIn(name, address, token);
      return c.json({ token: token.token, expiresAt: token.expiresAt }, 200);
    } catch (error) {
      if (error instanceof DrcError) audit.loginRefused(name, address, error.code);
      c.set('audited', true);
      throw error;
    }
  });

  app.openapi(routes.topics, async (c) => {
    const principal = await principalOf(c);
    const seen = (await topics.list()).filter((topic) => maySee(principal, topic));
    return c.json({ topics: seen.map((topic) => ({ topic, stores: stores.storesOf(topic).length })) }, 200);
  });

  app.openapi(routes.stores, async (c) => {
    const principal = await principalOf(c);
    const { from, reader } = c.req.valid('query');
    return c.json(await storesFor(principal, c.req.valid('param').topic, from, reader), 200);
  });

  app.openapi(routes.storesByPost, async (c) => {
    const principal = await principalOf(c);
    const { from, reader } = c.req.valid('json');
    return c.json(await storesFor(principal, c.req.valid('param').topic, from, reader), 200);
  });

  app.openapi(routes.announce, async (c) => {
    const principal = await principalOf(c);
    const { topic, ...announcement } = c.req.valid('json');
    mustAnnounce(principal, topic);
    stores.announce(topic, principal.name, announcement);
    audit.announced(principal.name, topic, announcement.id);
    const others = successorsOf(stores.storesOf(topic), announcement.id).map(
      ({ id, extent: { setBeforeOldest } }) => ({ id, setBeforeOldest }),
    );
    const answer = { ...(await publicKeys()), leaseMs, revocations: [...(await revocations.list())] };
    return c.json(announcement.draining === true ? { ...answer, others } : answer, 200);
  });

  app.openapi(routes.withdraw, async (c) => {
    const principal = await principalOf(c);
    const { topic, id } = c.req.valid('param');
    mustAnnounce(principal, topic);
    stores.withdraw(topic, id, principal.name);
    readers.forget(topic, id);
    audit.withdrawn(principal.name, topic, id);
    return c.json({}, 200);
  });

  app.openapi(routes.keys, async (c) => c.json(await publicKeys(), 200));

  const callsOf = administratorCalls(principalOf, administration, audit);
  addAdministration(app, callsOf);
  addReaders(app, { checkpoints, readers, stores, topics, audit, principalOf, callsOf });
  addSisters(app, { stores, tickets, audit, principalOf });

  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  app.doc31('/openapi.json', { openapi: '3.1.0', info: { title: 'DRC cluster manager', version: '1' } });

  app.notFound((c) => send(c, unknownRoute()));
  app.onError((error, c) => {
    const answer = answerOf(error);
    const { method, path } = c.req;
    // What is no refusal is said in full in the log, and not at all in the answer.
    if (answer.status >= 500) {
      if (answer.code === 'INTERNAL' && !isGone(c))
        logger.error({ err: error, method, path }, 'request failed');
    } else if (c.get('audited') !== true) {
      audit.refused({ method, path, principal: c.get('principal'), address: addressOf(c) }, answer.code);
    }
    return send(c, answer);
  });
  return app;
}

/** Looks at the head only: node's parser sees to it that a body is no longer than its head says. */
const boundedBody: MiddlewareHandler = async (c, next) => {
  if (c.req.header('Transfer-Encoding') !== undefined) return send(c, lengthRequired());
  if (Number(c.req.header('Content-Length') ?? 0) > maxBodyBytes) return send(c, bodyTooLarge(maxBodyBytes));
  return next();
};

/** Counts each answer; none of them may be kept by a cache on the way. */
const observed = (metrics: ManagerMetrics, clock: Clock): MiddlewareHandler => {
  return async (c, next) => {
    const start = clock.monotonic();
    await next();
    c.header('Cache-Control', 'no-store');
    c.header('X-Content-Type-Options', 'nosniff');
    metrics.answered(matchedRoutes(c).at(-1)?.path ?? '', c.res.status, (clock.monotonic() - start) / 1000);
  };
};

/** The client hung up, or was cut off, before its body was whole: there is nobody to answer, and nothing wrong here. */
const isGone = (c: Context<ApiEnv>): boolean => c.env.incoming.destroyed && !c.env.incoming.complete;

const send = (c: Context, { body, status, headers }: ErrorAnswer): Response => c.json(body, status, headers);

const addressOf = (c: Context<ApiEnv>): string => c.env.incoming.socket.remoteAddress ?? 'unknown';
