import { createRoute, z } from '@hono/zod-openapi';
import { maxCheckpointLength } from '@drc/protocol';
import { change, changed, dryRun } from './api-access-routes.js';
import { body, count, failureOtherwise as otherwise, json, security, time } from './api-shapes.js';
import { plainName, subscriptionName } from './registry/records.js';

/*
 * The shapes of the part of the HTTP API that keeps readers' places: for readers, for stores that tell of theirs, and for
 * administrators.
 */
const subscription = z.object({ topic: z.string().max(200), name: subscriptionName });

const text = z.string().min(1).max(200);
const durationMs = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

/** `ReaderReport` of the protocol. */
const report = z.object({
  principal: text,
  name: subscriptionName.optional(),
  client: z.string().max(100),
  state: z.string().min(1).max(100),
  sentLsn: count,
  committedLsn: count.optional(),
  lagMs: durationMs,
  lagBytes: durationMs,
  trimsInMs: durationMs.optional(),
});

/** With a store's part of a thousand readers a request stays below what a body may have. */
export const maxReportsOfPart = 100;
export const maxReportParts = 10;

const saved = z.object({
  epoch: z.number(),
  client: z.string(),
  takenAt: z.number(),
  savedAt: z.number().optional(),
  time: z.number().optional(),
  set: z.string().optional(),
  from: z.string().optional(),
  movedAt: z.number().optional(),
});

const reader = z.object({
  principal: z.string(),
  topic: z.string(),
  name: z.string().optional(),
  client: z.string(),
  state: z.string(),
  store: z.string().optional(),
  sentLsn: z.number().optional(),
  committedLsn: z.number().optional(),
  lagMs: z.number().optional(),
  lagBytes: z.number().optional(),
  trimsInMs: z.number().optional(),
  saved: saved.optional(),
});

export const readerRoutes = {
  take: createRoute({
    method: 'post',
    path: '/v1/checkpoints/{topic}/{name}/take',
    security,
    request: { params: subscription, ...body(z.object({ client: z.string().max(100).default('') })) },
    responses: {
      200: json(
        z.object({ epoch: z.number(), checkpoint: z.string().optional(), from: z.string().optional() }),
        'The subscription is the caller’s from here on. It begins at `from` where that is there, else behind `checkpoint`.',
      ),
      ...otherwise,
    },
  }),
  save: createRoute({
    method: 'put',
    path: '/v1/checkpoints/{topic}/{name}',
    security,
    request: {
      params: subscription,
      ...body(
        z.object({
          epoch: count,
          checkpoint: z.string().min(1).max(maxCheckpointLength),
          /** Log time of the newest transaction that it has, ms since 1970. */
          time: time.optional(),
        }),
      ),
    },
    responses: { 204: { description: 'Saved, or covered by what is saved.' }, ...otherwise },
  }),
  report: createRoute({
    method: 'post',
    path: '/v1/stores/readers',
    security,
    request: body(
      z.object({
        topic: plainName,
        id: plainName,
        part: z
          .number()
          .int()
          .min(0)
          .max(maxReportParts - 1),
        parts: z.number().int().min(1).max(maxReportParts),
        retentionMs: durationMs,
        readers: z.array(report).max(maxReportsOfPart),
      }),
    ),
    responses: {
      200: json(z.object({}), 'For stores. Believed for 15 seconds; tell again before.'),
      ...otherwise,
    },
  }),
  list: createRoute({
    method: 'get',
    path: '/v1/readers',
    security,
    request: { query: z.object({ topic: z.string().max(200).optional() }) },
    responses: {
      200: json(
        z.object({ readers: z.array(reader) }),
        'For administrators. Sessions of the stores, and subscriptions whose place is kept; times in ms.',
      ),
      ...otherwise,
    },
  }),
  seek: createRoute({
    method: 'post',
    path: '/v1/readers/seek',
    security,
    request: body(
      z.object({
        principal: text,
        topic: plainName,
        name: subscriptionName,
        to: z.string().min(1).max(60_000).openapi({
          description: 'earliest, latest, timestamp:<ms since 1970>, transaction:<id> or checkpoint:<text>',
        }),
        dryRun: z.boolean().optional(),
      }),
    ),
    responses: {
      200: json(
        change.extend({ fromTime: z.number().optional(), toTime: z.number().optional() }),
        'For administrators. What changed, or with dryRun would; with log times where they are known.',
      ),
      ...otherwise,
    },
  }),
  remove: createRoute({
    method: 'delete',
    path: '/v1/readers/{principal}/{topic}/{name}',
    security,
    request: { params: subscription.extend({ principal: text }), query: dryRun },
    responses: changed,
  }),
} as const;
