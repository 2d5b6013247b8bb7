import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Administration } from './administration.js';
import type { ApiEnv } from './api-env.js';
import { routes } from './api-routes.js';
import type { Audit } from './audit.js';
import { mustAdminister, type Principal } from './grants.js';

/** The part of the API that is for administrators: users and machine keys. */
export function addAdministration(
  app: OpenAPIHono<ApiEnv>,
  principalOf: (c: Context<ApiEnv>) => Promise<Principal>,
  administration: Administration,
  audit: Audit,
): void {
  const administratorOf = async (c: Context<ApiEnv>): Promise<string> => {
    const principal = await principalOf(c);
    mustAdminister(principal);
    return principal.name;
  };

  app.openapi(routes.users, async (c) => {
    await administratorOf(c);
    return c.json({ users: [...(await administration.users())] }, 200);
  });

  app.openapi(routes.addUser, async (c) => {
    const administrator = await administratorOf(c);
    const made = await administration.addUser(c.req.valid('json'));
    audit.userMade(administrator, made.name);
    return c.json({ ...made }, 200);
  });

  app.openapi(routes.removeUser, async (c) => {
    const administrator = await administratorOf(c);
    const { name } = c.req.valid('param');
    await administration.removeUser(name);
    audit.userRemoved(administrator, name);
    return c.json({}, 200);
  });

  app.openapi(routes.machineKeys, async (c) => {
    await administratorOf(c);
    const keys = await administration.machineKeys();
    return c.json(
      {
        machineKeys: keys.map((key) => ({
          ...key,
          topics: [...key.topics],
          tables: key.tables && [...key.tables],
        })),
      },
      200,
    );
  });

  app.openapi(routes.makeMachineKey, async (c) => {
    const administrator = await administratorOf(c);
    const request = c.req.valid('json');
    const { id, key } = await administration.makeMachineKey(request);
    audit.machineKeyMade(administrator, id, request.kind, request.topics);
    return c.json({ id, key }, 200);
  });

  app.openapi(routes.removeMachineKey, async (c) => {
    const administrator = await administratorOf(c);
    const { id } = c.req.valid('param');
    await administration.removeMachineKey(id);
    audit.machineKeyRemoved(administrator, id);
    return c.json({}, 200);
  });
}
