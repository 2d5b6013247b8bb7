import { createRoute, z } from '@hono/zod-openapi';
import { DrcError, TransactionSet } from '@drc/protocol';
import { mustBeLoopback } from './config.js';
import { glob, plainName, signingKeySchema } from './registry/records.js';

/*
 * The shapes of the HTTP API; /openapi.json is made from them. Members of a body that are not named here are ignored,
 * so that newer stores and clients can talk to this version.
 */
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** ms since 1970, below the year 10000: a moment in microseconds is a mistake. */
const time = z.number().min(0).max(253_402_300_799_999);
const moment = z.object({ lsn: count, time });

/** The text parses as what `parse` takes, or is a fault. */
const parsedBy = (parse: (text: string) => unknown) => (text: string, context: z.RefinementCtx<string>) => {
  try {
    parse(text);
  } catch (error) {
    context.addIssue({
      code: 'custom',
      message: error instanceof DrcError ? error.message : 'cannot be read',
    });
  }
};

function mustBeSocketAddress(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    url.protocol !== 'ws:' ||
    url.username !== '' ||
    url.password !== '' ||
    url.search !== ''
  ) {
    throw new DrcError('REQUEST_INVALID', 'must be like ws://127.0.0.1:7380');
  }
  mustBeLoopback(url.hostname);
}

const address = z
  .string()
  .max(200)
  .superRefine(parsedBy(mustBeSocketAddress))
  .openapi({ example: 'ws://127.0.0.1:7380' });

const extent = z.object({
  lineage: z.string().regex(/^[0-9a-f]{32}$/, 'must be 32 hex digits'),
  head: moment,
  oldest: moment,
  coversFrom: time,
  setBeforeOldest: z
    .string()
    .max(60_000)
    .superRefine(parsedBy((text) => TransactionSet.parse(text))),
});

const announcement = z.object({
  topic: plainName,
  id: plainName,
  address,
  extent,
  captureState: z.string().min(1).max(100),
});

const publicKeys = z.object({ cluster: z.string(), keys: z.array(signingKeySchema) });

const storesAnswer = z.object({
  stores: z.array(
    z.object({
      id: z.string(),
      address: z.string(),
      lineage: z.string(),
      head: moment,
      oldest: moment,
      coversFrom: z.number(),
    }),
  ),
  ticket: z.string(),
  ticketExpiresAt: z.number(),
});

const globs = z.array(z.string());
const user = z.object({
  name: z.string(),
  administrator: z.boolean(),
  reads: z.object({ topics: globs, tables: globs }),
  createdAt: z.number(),
});
const machineKeySummary = z.object({
  id: z.string(),
  kind: z.enum(['store', 'client']),
  topics: globs,
  tables: globs.optional(),
  createdAt: z.number(),
});

const failure = z.object({
  error: z.object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) }),
});

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  content: { 'application/json': { schema } },
  description,
});
const body = <T extends z.ZodType>(schema: T) => ({
  body: { content: { 'application/json': { schema } }, required: true },
});
const otherwise = { default: json(failure, 'A refusal; see the table of errors.') };
const security = [{ bearer: [] }];
/** What is no plain name is no topic either: it is looked up and not found. */
const topicParam = z.object({ topic: z.string().max(200) });
const fromText = z.string().max(60_000).openapi({
  description: 'earliest, latest, timestamp:<ms since 1970> or checkpoint:<text>',
  example: 'timestamp:1767225600000',
});

export const routes = {
  login: createRoute({
    method: 'post',
    path: '/v1/login',
    request: body(z.object({ name: z.string().min(1).max(100), password: z.string().min(1).max(1000) })),
    responses: {
      200: json(
        z.object({ token: z.string(), expiresAt: z.number() }),
        'Logged in; expiresAt in ms since 1970.',
      ),
      ...otherwise,
    },
  }),
  topics: createRoute({
    method: 'get',
    path: '/v1/topics',
    security,
    responses: {
      200: json(
        z.object({ topics: z.array(z.object({ topic: z.string(), stores: z.number() })) }),
        'What the principal may see, and how many stores of each are alive.',
      ),
      ...otherwise,
    },
  }),
  stores: createRoute({
    method: 'get',
    path: '/v1/topics/{topic}/stores',
    security,
    request: { params: topicParam, query: z.object({ from: fromText.default('latest') }) },
    responses: {
      200: json(storesAnswer, 'The stores that have the moment, best first, and a ticket.'),
      ...otherwise,
    },
  }),
  /** The same for checkpoints that are longer than the 8 KiB of a request's head. */
  storesByPost: createRoute({
    method: 'post',
    path: '/v1/topics/{topic}/stores',
    security,
    request: { params: topicParam, ...body(z.object({ from: fromText })) },
    responses: { 200: json(storesAnswer, 'As with GET.'), ...otherwise },
  }),
  announce: createRoute({
    method: 'post',
    path: '/v1/stores/announce',
    security,
    request: body(announcement),
    responses: {
      200: json(
        publicKeys.extend({ leaseMs: z.number() }),
        'Known for leaseMs; announce again within a third of it.',
      ),
      ...otherwise,
    },
  }),
  withdraw: createRoute({
    method: 'delete',
    path: '/v1/stores/{topic}/{id}',
    security,
    request: { params: topicParam.extend({ id: z.string().max(200) }) },
    responses: { 200: json(z.object({}), 'The store is no longer named.'), ...otherwise },
  }),
  keys: createRoute({
    method: 'get',
    path: '/v1/keys',
    responses: { 200: json(publicKeys, 'The public keys that tickets are checked with.'), ...otherwise },
  }),
  users: createRoute({
    method: 'get',
    path: '/v1/users',
    security,
    responses: { 200: json(z.object({ users: z.array(user) }), 'For administrators.'), ...otherwise },
  }),
  addUser: createRoute({
    method: 'post',
    path: '/v1/users',
    security,
    request: body(
      z.object({
        name: z.string().min(1).max(100),
        administrator: z.boolean().optional(),
        topics: z.array(glob).min(1).max(100).optional(),
        tables: z.array(glob).min(1).max(100).optional(),
        replace: z.boolean().optional(),
      }),
    ),
    responses: {
      200: json(
        z.object({ name: z.string(), password: z.string() }),
        'For administrators. The password is shown this once.',
      ),
      ...otherwise,
    },
  }),
  removeUser: createRoute({
    method: 'delete',
    path: '/v1/users/{name}',
    security,
    request: { params: z.object({ name: z.string().max(200) }) },
    responses: { 200: json(z.object({}), 'For administrators. Its logins have ended.'), ...otherwise },
  }),
  machineKeys: createRoute({
    method: 'get',
    path: '/v1/machine-keys',
    security,
    responses: {
      200: json(z.object({ machineKeys: z.array(machineKeySummary) }), 'For administrators.'),
      ...otherwise,
    },
  }),
  removeMachineKey: createRoute({
    method: 'delete',
    path: '/v1/machine-keys/{id}',
    security,
    request: { params: z.object({ id: z.string().max(200) }) },
    responses: { 200: json(z.object({}), 'For administrators. It is no longer taken.'), ...otherwise },
  }),
  makeMachineKey: createRoute({
    method: 'post',
    path: '/v1/machine-keys',
    security,
    request: body(
      z.object({
        kind: z.enum(['store', 'client']),
        topics: z.array(glob).min(1).max(100),
        tables: z.array(glob).min(1).max(100).optional(),
      }),
    ),
    responses: {
      200: json(
        z.object({ id: z.string(), key: z.string() }),
        'For administrators. The key is shown this once.',
      ),
      ...otherwise,
    },
  }),
} as const;
