import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ApiEnv } from './api-env.js';
import { body, failureOtherwise as otherwise, json, security } from './api-shapes.js';
import type { Audit } from './audit.js';
import { mustAnnounce, type Principal } from './grants.js';
import { sistersFor } from './sisters.js';
import type { StoreDirectory } from './store-directory.js';
import type { Tickets } from './tickets.js';

export interface SisterApiParts {
  readonly stores: StoreDirectory;
  readonly tickets: Tickets;
  readonly audit: Audit;
  readonly principalOf: (c: Context<ApiEnv>) => Promise<Principal>;
}

const route = createRoute({
  method: 'post',
  path: '/v1/topics/{topic}/sisters',
  security,
  request: {
    params: z.object({ topic: z.string().max(200) }),
    ...body(
      z.object({
        captureDigest: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .optional(),
      }),
    ),
  },
  responses: {
    200: json(
      z.object({
        stores: z.array(z.object({ id: z.string(), address: z.string(), lineage: z.string() })),
        complete: z.boolean(),
        ticket: z.string(),
        ticketExpiresAt: z.number(),
      }),
      'For a store with an empty log: the stores of the topic that it may copy, best first, and the ticket for that. complete: no other one is alive.',
    ),
    ...otherwise,
  },
});

/** The part of the API by which an empty store finds another one to copy the log of. */
export function addSisters(app: OpenAPIHono<ApiEnv>, parts: SisterApiParts): void {
  const { stores, tickets, audit, principalOf } = parts;
  app.openapi(route, async (c) => {
    const principal = await principalOf(c);
    const { topic } = c.req.valid('param');
    mustAnnounce(principal, topic);
    const found = sistersFor(topic, stores.storesOf(topic), c.req.valid('json').captureDigest);
    const ticket = tickets.sisterTicket(principal.name, topic);
    audit.ticketIssued(principal.name, topic, 'sister', ticket, undefined);
    return c.json(
      {
        stores: found.map(({ id, address, extent: { lineage } }) => ({ id, address, lineage })),
        complete: stores.hasHeardOfAll,
        ticket: ticket.token,
        ticketExpiresAt: ticket.expiresAt,
      },
      200,
    );
  });
}
