import { createRoute, z } from '@hono/zod-openapi';
import { body, failureOtherwise as otherwise, json, security } from './api-shapes.js';
import { newGrantSchema } from './grant-record.js';
import { glob, grantSchema } from './registry/records.js';

/*
 * The shapes of the part of the HTTP API that is for administrators. What takes something away takes `dryRun`, and
 * answers with the change.
 */
const text = z.string().min(1).max(200);
const texts = z.array(z.string());
const globs = z.array(glob).min(1).max(100);

export const dryRun = z.object({ dryRun: z.enum(['true', 'false']).optional() });
export const change = z.object({
  event: z.string(),
  subject: z.string(),
  before: z.record(z.string(), z.unknown()).optional(),
  after: z.record(z.string(), z.unknown()).optional(),
});
export const changed = {
  200: json(change, 'For administrators. What changed, or with dryRun would.'),
  ...otherwise,
};

const user = z.object({
  name: z.string(),
  administrator: z.boolean(),
  disabled: z.boolean(),
  roles: texts,
  grants: z.array(grantSchema),
  createdAt: z.number(),
});
const machineKey = z.object({
  id: z.string(),
  kind: z.enum(['store', 'client']),
  disabled: z.boolean(),
  topics: texts,
  tables: texts.optional(),
  roles: texts,
  grants: z.array(grantSchema),
  createdAt: z.number(),
});
const role = z.object({
  name: z.string(),
  members: texts,
  grants: z.array(grantSchema),
  createdAt: z.number(),
});
const grant = grantSchema.extend({ to: z.string() });
const token = z.object({
  id: z.string(),
  label: z.string(),
  principal: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
  state: z.enum(['good', 'expired', 'disabled']),
});
const credentials = json(
  z.object({ name: z.string(), password: z.string() }),
  'For administrators. The password is shown this once.',
);
const newGrants = z.array(newGrantSchema).max(100);
const named = z.object({ name: text });
const identified = z.object({ id: text });
const member = z.object({ name: text, principal: text });

export const accessRoutes = {
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
        roles: z.array(text).max(100).optional(),
        grants: newGrants.optional(),
        topics: globs.optional(),
        tables: globs.optional(),
        replace: z.boolean().optional(),
      }),
    ),
    responses: { 200: credentials, ...otherwise },
  }),
  rotateUser: createRoute({
    method: 'post',
    path: '/v1/users/{name}/rotate',
    security,
    request: { params: named },
    responses: { 200: credentials, ...otherwise },
  }),
  removeUser: createRoute({
    method: 'delete',
    path: '/v1/users/{name}',
    security,
    request: { params: named, query: dryRun },
    responses: changed,
  }),
  /** Users, and machine keys as `machine:<id>`. */
  disable: createRoute({
    method: 'post',
    path: '/v1/principals/{name}/disable',
    security,
    request: { params: named, query: dryRun },
    responses: changed,
  }),
  enable: createRoute({
    method: 'post',
    path: '/v1/principals/{name}/enable',
    security,
    request: { params: named },
    responses: changed,
  }),
  machineKeys: createRoute({
    method: 'get',
    path: '/v1/machine-keys',
    security,
    responses: {
      200: json(z.object({ machineKeys: z.array(machineKey) }), 'For administrators.'),
      ...otherwise,
    },
  }),
  makeMachineKey: createRoute({
    method: 'post',
    path: '/v1/machine-keys',
    security,
    request: body(
      z.object({
        kind: z.enum(['store', 'client']),
        topics: globs.optional(),
        tables: globs.optional(),
        grants: newGrants.optional(),
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
  removeMachineKey: createRoute({
    method: 'delete',
    path: '/v1/machine-keys/{id}',
    security,
    request: { params: identified, query: dryRun },
    responses: changed,
  }),
  roles: createRoute({
    method: 'get',
    path: '/v1/roles',
    security,
    responses: { 200: json(z.object({ roles: z.array(role) }), 'For administrators.'), ...otherwise },
  }),
  addRole: createRoute({
    method: 'post',
    path: '/v1/roles',
    security,
    request: body(z.object({ name: text })),
    responses: changed,
  }),
  removeRole: createRoute({
    method: 'delete',
    path: '/v1/roles/{name}',
    security,
    request: { params: named, query: dryRun },
    responses: changed,
  }),
  assignRole: createRoute({
    method: 'put',
    path: '/v1/roles/{name}/members/{principal}',
    security,
    request: { params: member },
    responses: changed,
  }),
  unassignRole: createRoute({
    method: 'delete',
    path: '/v1/roles/{name}/members/{principal}',
    security,
    request: { params: member, query: dryRun },
    responses: changed,
  }),
  grants: createRoute({
    method: 'get',
    path: '/v1/grants',
    security,
    request: { query: z.object({ to: text.optional() }) },
    responses: {
      200: json(
        z.object({ grants: z.array(grant) }),
        'For administrators. Of everybody, or of one, with its roles.',
      ),
      ...otherwise,
    },
  }),
  addGrant: createRoute({
    method: 'post',
    path: '/v1/grants',
    security,
    request: body(newGrantSchema.extend({ to: text })),
    responses: { 200: json(grant, 'For administrators.'), ...otherwise },
  }),
  revokeGrants: createRoute({
    method: 'post',
    path: '/v1/grants/revoke',
    security,
    request: body(
      z.object({
        from: text,
        ids: z.array(text).min(1).max(1000).optional(),
        dryRun: z.boolean().optional(),
        now: z.boolean().optional(),
      }),
    ),
    responses: changed,
  }),
  tokens: createRoute({
    method: 'get',
    path: '/v1/tokens',
    security,
    responses: { 200: json(z.object({ tokens: z.array(token) }), 'For administrators.'), ...otherwise },
  }),
  issueToken: createRoute({
    method: 'post',
    path: '/v1/tokens',
    security,
    request: body(z.object({ principal: text, label: text, lifeMs: z.number().optional() })),
    responses: {
      200: json(
        z.object({ id: z.string(), token: z.string(), expiresAt: z.number() }),
        'For administrators. The token is shown this once.',
      ),
      ...otherwise,
    },
  }),
  inspectToken: createRoute({
    method: 'post',
    path: '/v1/tokens/inspect',
    security,
    request: body(z.object({ token: text })),
    responses: { 200: json(token, 'For administrators.'), ...otherwise },
  }),
  revokeToken: createRoute({
    method: 'delete',
    path: '/v1/tokens/{id}',
    security,
    request: { params: identified, query: dryRun },
    responses: changed,
  }),
  rotateKeys: createRoute({
    method: 'post',
    path: '/v1/keys/rotate',
    security,
    responses: {
      200: json(
        z.object({ kid: z.string(), before: z.string() }),
        'For administrators. The key that this manager will sign with once the stores know it.',
      ),
      ...otherwise,
    },
  }),
} as const;
