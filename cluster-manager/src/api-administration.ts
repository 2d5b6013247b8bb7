import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Administration, AdministrationCalls } from './administration.js';
import { accessRoutes as routes } from './api-access-routes.js';
import type { ApiEnv } from './api-env.js';
import type { Audit } from './audit.js';
import { mustAdminister, type Principal } from './grants.js';

type CallsOf = (c: Context<ApiEnv>) => Promise<AdministrationCalls>;

/** The calls of whoever asks, who must be an administrator; each change that is made by them has its line in the audit log. */
export const administratorCalls =
  (
    principalOf: (c: Context<ApiEnv>) => Promise<Principal>,
    administration: Administration,
    audit: Audit,
  ): CallsOf =>
  async (c) => {
    const principal = await principalOf(c);
    mustAdminister(principal);
    return administration.calls((change) => audit.changed(principal.name, change));
  };

/** The part of the API that is for administrators: users, machine keys, roles, grants, tokens and signing keys. */
export function addAdministration(app: OpenAPIHono<ApiEnv>, callsOf: CallsOf): void {
  const removal = (query: { dryRun?: 'true' | 'false' | undefined }) => ({ dryRun: query.dryRun === 'true' });

  app.openapi(routes.users, async (c) => {
    const { users } = await callsOf(c);
    return c.json({ users: mutable(await users.list()) }, 200);
  });
  app.openapi(routes.addUser, async (c) => {
    const { users } = await callsOf(c);
    return c.json({ ...(await users.add(c.req.valid('json'))) }, 200);
  });
  app.openapi(routes.rotateUser, async (c) => {
    const { users } = await callsOf(c);
    return c.json({ ...(await users.rotate(c.req.valid('param').name)) }, 200);
  });
  app.openapi(routes.removeUser, async (c) => {
    const { users } = await callsOf(c);
    return c.json(mutable(await users.remove(c.req.valid('param').name, removal(c.req.valid('query')))), 200);
  });
  app.openapi(routes.disable, async (c) => {
    const { users } = await callsOf(c);
    return c.json(
      mutable(await users.disable(c.req.valid('param').name, removal(c.req.valid('query')))),
      200,
    );
  });
  app.openapi(routes.enable, async (c) => {
    const { users } = await callsOf(c);
    return c.json(mutable(await users.enable(c.req.valid('param').name)), 200);
  });

  app.openapi(routes.machineKeys, async (c) => {
    const { machineKeys } = await callsOf(c);
    return c.json({ machineKeys: mutable(await machineKeys.list()) }, 200);
  });
  app.openapi(routes.makeMachineKey, async (c) => {
    const { machineKeys } = await callsOf(c);
    return c.json({ ...(await machineKeys.make(c.req.valid('json'))) }, 200);
  });
  app.openapi(routes.removeMachineKey, async (c) => {
    const { machineKeys } = await callsOf(c);
    const { id } = c.req.valid('param');
    return c.json(mutable(await machineKeys.remove(id, removal(c.req.valid('query')))), 200);
  });

  app.openapi(routes.roles, async (c) => {
    const { roles } = await callsOf(c);
    return c.json({ roles: mutable(await roles.list()) }, 200);
  });
  app.openapi(routes.addRole, async (c) => {
    const { roles } = await callsOf(c);
    return c.json(mutable(await roles.add(c.req.valid('json').name)), 200);
  });
  app.openapi(routes.removeRole, async (c) => {
    const { roles } = await callsOf(c);
    return c.json(mutable(await roles.remove(c.req.valid('param').name, removal(c.req.valid('query')))), 200);
  });
  app.openapi(routes.assignRole, async (c) => {
    const { roles } = await callsOf(c);
    const { name, principal } = c.req.valid('param');
    return c.json(mutable(await roles.assign(name, principal)), 200);
  });
  app.openapi(routes.unassignRole, async (c) => {
    const { roles } = await callsOf(c);
    const { name, principal } = c.req.valid('param');
    return c.json(mutable(await roles.unassign(name, principal, removal(c.req.valid('query')))), 200);
  });

  app.openapi(routes.grants, async (c) => {
    const { grants } = await callsOf(c);
    return c.json({ grants: mutable(await grants.list(c.req.valid('query').to)) }, 200);
  });
  app.openapi(routes.addGrant, async (c) => {
    const { grants } = await callsOf(c);
    const { to, ...grant } = c.req.valid('json');
    return c.json(mutable(await grants.add(to, grant)), 200);
  });
  app.openapi(routes.revokeGrants, async (c) => {
    const { grants } = await callsOf(c);
    const { from, ...options } = c.req.valid('json');
    return c.json(mutable(await grants.revoke(from, options)), 200);
  });

  app.openapi(routes.tokens, async (c) => {
    const { tokens } = await callsOf(c);
    return c.json({ tokens: mutable(await tokens.list()) }, 200);
  });
  app.openapi(routes.issueToken, async (c) => {
    const { tokens } = await callsOf(c);
    return c.json({ ...(await tokens.issue(c.req.valid('json'))) }, 200);
  });
  app.openapi(routes.inspectToken, async (c) => {
    const { tokens } = await callsOf(c);
    return c.json({ ...(await tokens.inspect(c.req.valid('json').token)) }, 200);
  });
  app.openapi(routes.revokeToken, async (c) => {
    const { tokens } = await callsOf(c);
    return c.json(mutable(await tokens.revoke(c.req.valid('param').id, removal(c.req.valid('query')))), 200);
  });

  app.openapi(routes.rotateKeys, async (c) => {
    const { keys } = await callsOf(c);
    return c.json({ ...(await keys.rotate()) }, 200);
  });
}

type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T;

/** The routes' types know no `readonly`; what they get is written as JSON and not kept. */
const mutable = <T>(value: T): Mutable<T> => value as Mutable<T>;
