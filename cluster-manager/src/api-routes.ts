import { createRoute, z } from '@hono/zod-openapi';
import { DrcError, TransactionSet } from '@drc/protocol';
import { body, count, failureOtherwise as otherwise, json, security, time } from './api-shapes.js';
import { plainName, signingKeySchema } from './registry/records.js';

/*
 * The shapes of the HTTP API; /openapi.json is made from them. Members of a body that are not named here are ignored,
 * so that newer stores and clients can talk to this version.
 */
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
    !['ws:', 'wss:'].includes(url.protocol) ||
    url.username !== '' ||
    url.password !== '' ||
    url.search !== ''
  ) {
    throw new DrcError('REQUEST_INVALID', 'must be like wss://store-1.internal:7380');
  }
}

const address = z
  .string()
  .max(200)
  .superRefine(parsedBy(mustBeSocketAddress))
  .openapi({ example: 'wss://store-1.internal:7380' });

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
  captureDigest: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')
    .optional(),
  draining: z.boolean().optional(),
  load: z.object({ sessions: count, maxSessions: count, cpu: z.number().min(0).max(10_000) }).optional(),
});

/** Stores to which the readers of one that drains can go, with what their logs no longer have. */
const others = z.array(z.object({ id: z.string(), setBeforeOldest: z.string() }));

const publicKeys = z.object({ cluster: z.string(), keys: z.array(signingKeySchema.omit({ until: true })) });

/** `Revocation` of the protocol. */
const revocation = z.object({
  principal: z.string(),
  tokenId: z.string().optional(),
  before: z.number(),
});

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

/** What is no plain name is no topic either: it is looked up and not found. */
const topicParam = z.object({ topic: z.string().max(200) });
const fromText = z.string().max(60_000).openapi({
  description: 'earliest, latest, timestamp:<ms since 1970>, transaction:<id> or checkpoint:<text>',
  example: 'timestamp:1767225600000',
});
const reader = z.string().max(200).openapi({
  description: 'The name of the subscription, or of the client: readers of one name keep to one store.',
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
    request: {
      params: topicParam,
      query: z.object({ from: fromText.default('latest'), reader: reader.optional() }),
    },
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
    request: { params: topicParam, ...body(z.object({ from: fromText, reader: reader.optional() })) },
    responses: { 200: json(storesAnswer, 'As with GET.'), ...otherwise },
  }),
  announce: createRoute({
    method: 'post',
    path: '/v1/stores/announce',
    security,
    request: body(announcement),
    responses: {
      200: json(
        publicKeys.extend({
          leaseMs: z.number(),
          revocations: z.array(revocation),
          others: others.optional(),
        }),
        'Known for leaseMs; announce again within a third of it. Tickets that the revocations name are void. others: for a store that drains.',
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
} as const;
