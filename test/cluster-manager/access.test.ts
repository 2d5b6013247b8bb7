import { addUser, createMachineKey, type Credentials } from '@drc/cluster-manager';
import { describe, expect, it } from 'vitest';
import { cheapPasswords, managerFolder, type Answer, type TestManager } from './fixture.js';

const codeOf = (answer: Answer): unknown => (answer.body as { error?: { code: unknown } }).error?.code;
const outcomeOf = (answer: Answer): unknown[] => [answer.status, codeOf(answer)];

/** A manager with a store of the topic shop, its administrator logged in, and the user ann without any grants. */
async function hub(config?: Record<string, unknown>) {
  const folder = await managerFolder();
  const { key } = await createMachineKey(folder.directory, { kind: 'store', topics: ['shop'] });
  const cheap = { passwordCost: cheapPasswords };
  const ann = await addUser(folder.directory, { name: 'ann', grants: [] }, cheap);
  const manager = await folder.start(config);
  await manager.announce(key);
  const token = await manager.token();
  return {
    folder,
    clock: folder.clock,
    manager,
    key,
    ann,
    annsToken: await manager.token(ann),
    /** By the administrator. */
    ask: (method: string, path: string, body?: unknown) => manager.request(method, path, { token, body }),
    async [Symbol.asyncDispose]() {
      await manager[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const shopGrant = { topics: ['shop'], tables: ['shop.*'] };

const ticketOf = (answer: Answer): Record<string, unknown> => {
  const [, claims = ''] = (answer.body as { ticket: string }).ticket.split('.');
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
};

const revocationsOf = async (manager: TestManager, key: string): Promise<Record<string, unknown>[]> =>
  ((await manager.announce(key)).body as { revocations: Record<string, unknown>[] }).revocations;

describe('grants', () => {
  it('let somebody read, from the next ticket on, and are taken away again', async () => {
    await using drc = await hub();
    const { manager, ask, annsToken } = drc;
    expect(outcomeOf(await manager.stores(annsToken))).toEqual([404, 'TOPIC_UNKNOWN']);
    const wanted = { ...shopGrant, where: "region = 'eu' AND total > 100", drop: ['card'], hash: ['email'] };
    const made = await ask('POST', '/v1/grants', { to: 'ann', ...wanted, snapshot: true });
    expect(made).toMatchObject({ status: 200, body: { to: 'ann', ...wanted } });
    const { topics: _topics, ...rule } = wanted;
    expect(ticketOf(await manager.stores(annsToken))).toMatchObject({
      sub: 'ann',
      grant: { rules: [{ ...rule, snapshot: true }] },
    });
    expect(ticketOf(await manager.stores(annsToken))).not.toHaveProperty('via');

    const { id } = made.body as { id: string };
    const revoke = (body: object) => ask('POST', '/v1/grants/revoke', { from: 'ann', ...body });
    expect(outcomeOf(await revoke({ ids: [id, 'ffffffff'] }))).toEqual([400, 'REQUEST_INVALID']);
    const planned = await revoke({ ids: [id], dryRun: true });
    expect(planned.body).toMatchObject({ before: { grants: [{ id }] }, after: { grants: [] } });
    expect((await manager.stores(annsToken)).status).toBe(200);
    expect((await revoke({ ids: [id] })).body).toEqual(planned.body);
    expect(outcomeOf(await manager.stores(annsToken))).toEqual([404, 'TOPIC_UNKNOWN']);

    const line = { principal: 'admin', subject: 'ann' };
    expect(manager.audited('grant.add')).toMatchObject([
      { ...line, before: { grants: [] }, after: { grants: [{ id, where: wanted.where }] } },
    ]);
    expect(manager.audited('grant.revoke')).toMatchObject([
      { ...line, before: { grants: [{ id }] }, after: { grants: [] } },
    ]);
  });

  it('end what is read under them at once where that is asked for', async () => {
    await using drc = await hub();
    await drc.ask('POST', '/v1/grants', { to: 'ann', ...shopGrant });
    await drc.ask('POST', '/v1/grants/revoke', { from: 'ann' });
    expect(await revocationsOf(drc.manager, drc.key)).toEqual([]);
    await drc.ask('POST', '/v1/roles', { name: 'all' });
    await drc.ask('PUT', '/v1/roles/all/members/ann');
    await drc.ask('POST', '/v1/grants', { to: 'role:all', ...shopGrant });
    await drc.ask('POST', '/v1/grants/revoke', { from: 'role:all', now: true });
    expect(await revocationsOf(drc.manager, drc.key)).toEqual([
      { principal: 'ann', before: drc.clock.now() + 1 },
    ]);
  });

  it('are refused where a condition is none, with the place', async () => {
    await using drc = await hub();
    const answer = await drc.ask('POST', '/v1/grants', { to: 'ann', ...shopGrant, where: 'total > > 1' });
    expect(outcomeOf(answer)).toEqual([400, 'CONDITION_INVALID']);
    expect((answer.body as { error: { message: string } }).error.message).toMatch(/^At character 9 /);
  });

  it.each([
    ['no tables', { ...shopGrant, tables: [] }],
    ['a table without its schema', { ...shopGrant, tables: ['orders'] }],
    ['a glob that could run for long', { ...shopGrant, tables: ['*a*a*a*a*b.x'] }],
    ['a column that is a pattern', { ...shopGrant, drop: ['(a|b)'] }],
    ['an empty list of columns', { ...shopGrant, hash: [] }],
    ['nobody of that name', { ...shopGrant, to: 'nobody' }],
    ['no key of that id', { ...shopGrant, to: 'machine:0000000000000000' }],
    ['no role of that name', { ...shopGrant, to: 'role:nothing' }],
  ])('are refused with %s', async (_what, grant) => {
    await using drc = await hub();
    expect(outcomeOf(await drc.ask('POST', '/v1/grants', { to: 'ann', ...grant }))).toEqual([
      400,
      'REQUEST_INVALID',
    ]);
  });

  it('that no ticket could hold are refused when they are made, also by way of a role', async () => {
    await using drc = await hub();
    const tables = (from: number) =>
      Array.from({ length: 90 }, (_, i) => `schema.a_long_name_of_table_${from + i}`);
    const large = (from: number) => ({ topics: ['s*'], tables: tables(from) });
    const tooLarge = {
      status: 400,
      body: { error: { details: { reason: 'grantTooLarge', topic: 'shop' } } },
    };
    expect((await drc.ask('POST', '/v1/grants', { to: 'ann', ...large(0) })).status).toBe(200);
    expect(await drc.ask('POST', '/v1/grants', { to: 'ann', ...large(100) })).toMatchObject(tooLarge);
    await drc.ask('POST', '/v1/roles', { name: 'more' });
    await drc.ask('PUT', '/v1/roles/more/members/ann');
    expect(await drc.ask('POST', '/v1/grants', { to: 'role:more', ...large(100) })).toMatchObject(tooLarge);
    await drc.ask('DELETE', '/v1/roles/more/members/ann');
    expect((await drc.ask('POST', '/v1/grants', { to: 'role:more', ...large(100) })).status).toBe(200);
    expect(await drc.ask('PUT', '/v1/roles/more/members/ann')).toMatchObject(tooLarge);
    const bea = { name: 'bea', roles: ['more'], grants: [large(0)] };
    expect(await drc.ask('POST', '/v1/users', bea)).toMatchObject(tooLarge);
    expect((await drc.manager.stores(drc.annsToken)).status).toBe(200);
  });

  it('are made for the keys of clients, not for those of stores', async () => {
    await using drc = await hub();
    const client = await drc.ask('POST', '/v1/machine-keys', { kind: 'client', grants: [] });
    const { id, key } = client.body as { id: string; key: string };
    expect(outcomeOf(await drc.manager.stores(key))).toEqual([404, 'TOPIC_UNKNOWN']);
    await drc.ask('POST', '/v1/grants', { to: `machine:${id}`, ...shopGrant });
    expect((await drc.manager.stores(key)).status).toBe(200);
    const store = `machine:${drc.key.split('_')[1]}`;
    expect(outcomeOf(await drc.ask('POST', '/v1/grants', { to: store, ...shopGrant }))).toEqual([
      400,
      'REQUEST_INVALID',
    ]);
  });
});

describe('roles', () => {
  it('give their grants to those that have them, and are shown with them', async () => {
    await using drc = await hub();
    const { manager, ask, annsToken } = drc;
    expect((await ask('POST', '/v1/roles', { name: 'reporting' })).status).toBe(200);
    expect((await ask('POST', '/v1/roles', { name: 'reporting' })).status).toBe(400);
    await ask('POST', '/v1/grants', { to: 'role:reporting', ...shopGrant });
    expect((await manager.stores(annsToken)).status).toBe(404);
    expect((await ask('PUT', '/v1/roles/nothing/members/ann')).status).toBe(400);
    expect((await ask('PUT', '/v1/roles/reporting/members/ann')).body).toMatchObject({
      before: { roles: [] },
      after: { roles: ['reporting'] },
    });
    await ask('POST', '/v1/grants', { to: 'ann', topics: ['shop'], tables: ['crm.*'] });
    expect(ticketOf(await manager.stores(annsToken))).toMatchObject({
      grant: { rules: [{ tables: ['crm.*', 'shop.*'] }] },
    });
    expect((await ask('GET', '/v1/roles')).body).toMatchObject({
      roles: [{ name: 'reporting', members: ['ann'], grants: [{ tables: ['shop.*'] }] }],
    });
    expect((await ask('GET', '/v1/grants?to=ann')).body).toMatchObject({
      grants: [
        { to: 'ann', tables: ['crm.*'] },
        { to: 'role:reporting', tables: ['shop.*'] },
      ],
    });
    const planned = await ask('DELETE', '/v1/roles/reporting?dryRun=true');
    expect(planned.body).toMatchObject({ before: { members: ['ann'] } });
    expect((await ask('DELETE', '/v1/roles/reporting')).body).toEqual(planned.body);
    expect(ticketOf(await manager.stores(annsToken))).toMatchObject({
      grant: { rules: [{ tables: ['crm.*'] }] },
    });
    expect((await ask('GET', '/v1/users')).body).toMatchObject({ users: [{}, { name: 'ann', roles: [] }] });
    for (const event of ['role.add', 'role.assign', 'role.remove'])
      expect(manager.audited(event)).toMatchObject([{ principal: 'admin' }]);
  });
});

describe('whoever is disabled', () => {
  it('is refused at once by password and login token, and told to the stores, until it is enabled', async () => {
    await using drc = await hub();
    const { manager, ask, ann, annsToken, clock } = drc;
    await ask('POST', '/v1/grants', { to: 'ann', ...shopGrant });
    const planned = await ask('POST', '/v1/principals/ann/disable?dryRun=true');
    expect(planned.body).toMatchObject({ before: { disabled: false }, after: { disabled: true } });
    expect((await manager.stores(annsToken)).status).toBe(200);
    expect((await ask('POST', '/v1/principals/ann/disable')).body).toEqual(planned.body);
    expect(outcomeOf(await manager.stores(annsToken))).toEqual([401, 'UNAUTHENTICATED']);
    const refused = await manager.login(ann);
    expect(refused.body).toEqual((await manager.login({ ...ann, password: 'wrong' })).body);
    // A manager whose clock is ahead may have issued tickets of a time to come.
    expect(await revocationsOf(manager, drc.key)).toEqual([
      { principal: 'ann', before: clock.now() + 10_001 },
    ]);
    await ask('POST', '/v1/principals/ann/enable');
    expect((await manager.login(ann)).status).toBe(200);
    expect(await revocationsOf(manager, drc.key)).toEqual([{ principal: 'ann', before: clock.now() + 1 }]);
    expect(manager.audited('user.disable')).toMatchObject([{ principal: 'admin', subject: 'ann' }]);
    expect(manager.audited('user.enable')).toMatchObject([{ principal: 'admin', subject: 'ann' }]);
  });

  it('may be a machine key', async () => {
    await using drc = await hub();
    const store = `machine:${drc.key.split('_')[1]}`;
    expect((await drc.ask('POST', `/v1/principals/${store}/disable`)).status).toBe(200);
    expect(outcomeOf(await drc.manager.announce(drc.key))).toEqual([401, 'UNAUTHENTICATED']);
    expect((await drc.ask('POST', `/v1/principals/${store}/enable`)).status).toBe(200);
    expect((await drc.manager.announce(drc.key)).status).toBe(200);
  });

  it('is never the last administrator', async () => {
    await using drc = await hub();
    expect(outcomeOf(await drc.ask('POST', '/v1/principals/admin/disable'))).toEqual([
      400,
      'REQUEST_INVALID',
    ]);
    await drc.ask('POST', '/v1/users', { name: 'root', administrator: true, grants: [] });
    await drc.ask('POST', '/v1/principals/root/disable');
    expect((await drc.ask('DELETE', '/v1/users/admin')).status).toBe(400);
    expect((await drc.ask('POST', '/v1/principals/role:x/disable')).status).toBe(400);
  });
});

describe('a password that is rotated', () => {
  it('ends logins and tickets of the old one, and keeps rights and tokens', async () => {
    await using drc = await hub();
    const { manager, ask, annsToken } = drc;
    await ask('POST', '/v1/grants', { to: 'ann', ...shopGrant });
    const issued = await ask('POST', '/v1/tokens', { principal: 'ann', label: 'report' });
    const { body } = await ask('POST', '/v1/users/ann/rotate');
    expect((await manager.stores(annsToken)).status).toBe(401);
    expect((await manager.login(drc.ann)).status).toBe(401);
    expect((await manager.stores(await manager.token(body as Credentials))).status).toBe(200);
    expect((await manager.stores((issued.body as { token: string }).token)).status).toBe(200);
    expect(await revocationsOf(manager, drc.key)).toMatchObject([{ principal: 'ann' }]);
    expect(outcomeOf(await ask('POST', '/v1/users/nobody/rotate'))).toEqual([400, 'REQUEST_INVALID']);
    const lines = manager.lines.join('');
    expect(manager.audited('user.rotate')).toMatchObject([{ principal: 'admin', subject: 'ann' }]);
    expect(lines).not.toContain((body as Credentials).password);
  });
});

describe('revocations', () => {
  it('are told to the stores while a ticket could be in use, also over a restart, and then forgotten', async () => {
    await using folder = await managerFolder();
    const { key } = await createMachineKey(folder.directory, { kind: 'store', topics: ['shop'] });
    const client = await createMachineKey(folder.directory, { kind: 'client', topics: ['shop'] });
    const before = folder.clock.now() + 10_001;
    {
      await using manager = await folder.start();
      await manager.request('DELETE', `/v1/machine-keys/${client.id}`, { token: await manager.token() });
      expect(await revocationsOf(manager, key)).toEqual([{ principal: `machine:${client.id}`, before }]);
    }
    folder.clock.advance(86_400_000);
    await using manager = await folder.start();
    expect(await revocationsOf(manager, key)).toEqual([{ principal: `machine:${client.id}`, before }]);
    folder.clock.advance(3_700_000);
    expect(await revocationsOf(manager, key)).toEqual([]);
  });
});

describe('tokens', () => {
  async function issue(drc: Awaited<ReturnType<typeof hub>>, fields: Record<string, unknown> = {}) {
    const answer = await drc.ask('POST', '/v1/tokens', { principal: 'ann', label: 'report', ...fields });
    return answer.body as { id: string; token: string; expiresAt: number };
  }

  it('read what their principal may, with tickets that name them and do not outlive them', async () => {
    await using drc = await hub();
    const { manager, ask, clock } = drc;
    await ask('POST', '/v1/grants', { to: 'ann', ...shopGrant });
    const { id, token, expiresAt } = await issue(drc, { lifeMs: 60_000 });
    expect(token).toMatch(/^drctk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
    expect(expiresAt).toBe(clock.now() + 60_000);
    const found = await manager.stores(token);
    expect(found.body).toMatchObject({ ticketExpiresAt: clock.now() + 60_000 });
    expect(ticketOf(found)).toMatchObject({ sub: 'ann', via: id });
    expect(manager.audited('ticket')).toMatchObject([{ principal: 'ann', via: id }]);
    clock.advance(60_000);
    await manager.announce(drc.key);
    expect(outcomeOf(await manager.stores(token))).toEqual([401, 'UNAUTHENTICATED']);
  });

  it('are listed and inspected without their secret', async () => {
    await using drc = await hub();
    const { id, token } = await issue(drc);
    const summary = { id, principal: 'ann', label: 'report', state: 'good' };
    const listed = await drc.ask('GET', '/v1/tokens');
    expect(listed.body).toMatchObject({ tokens: [summary] });
    expect(JSON.stringify(listed.body)).not.toMatch(/hash|secret/i);
    const inspect = (text: string) => drc.ask('POST', '/v1/tokens/inspect', { token: text });
    expect((await inspect(token)).body).toMatchObject(summary);
    expect((await inspect(id)).body).toMatchObject(summary);
    expect((await inspect(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)).status).toBe(400);
    await drc.ask('POST', '/v1/principals/ann/disable');
    expect((await inspect(id)).body).toMatchObject({ state: 'disabled' });
    await drc.ask('POST', '/v1/principals/ann/enable');
    drc.clock.advance(91 * 86_400_000);
    // The administrator's login is over, too.
    const again = await drc.manager.request('GET', '/v1/tokens', { token: await drc.manager.token() });
    expect(again.body).toMatchObject({ tokens: [{ id, state: 'expired' }] });
    expect(drc.manager.lines.join('')).not.toContain(token.slice(24));
  });

  it('end at once where they are revoked, or their principal is disabled or removed', async () => {
    await using drc = await hub();
    const { manager, ask, clock, key } = drc;
    const [one, other] = [await issue(drc), await issue(drc, { label: 'other' })];
    const topics = (token: string) => manager.request('GET', '/v1/topics', { token });
    const planned = await ask('DELETE', `/v1/tokens/${one.id}?dryRun=true`);
    expect((await topics(one.token)).status).toBe(200);
    expect((await ask('DELETE', `/v1/tokens/${one.id}`)).body).toEqual(planned.body);
    expect(outcomeOf(await topics(one.token))).toEqual([401, 'UNAUTHENTICATED']);
    expect(await revocationsOf(manager, key)).toEqual([
      { principal: 'ann', tokenId: one.id, before: clock.now() + 10_001 },
    ]);
    expect((await topics(other.token)).status).toBe(200);
    await ask('POST', '/v1/principals/ann/disable');
    expect((await topics(other.token)).status).toBe(401);
    await ask('POST', '/v1/principals/ann/enable');
    expect((await topics(other.token)).status).toBe(200);
    await ask('DELETE', '/v1/users/ann');
    expect((await topics(other.token)).status).toBe(401);
    expect((await ask('GET', '/v1/tokens')).body).toEqual({ tokens: [] });
    expect(manager.audited('token.revoke')).toMatchObject([{ subject: one.id, before: { label: 'report' } }]);
  });

  it('neither administer nor announce, and are not made for the keys of stores', async () => {
    await using drc = await hub();
    const { token } = await issue(drc, { principal: 'admin' });
    const users = await drc.manager.request('GET', '/v1/users', { token });
    expect(outcomeOf(users)).toEqual([403, 'FORBIDDEN']);
    expect(outcomeOf(await drc.manager.announce(token))).toEqual([403, 'FORBIDDEN']);
    const store = `machine:${drc.key.split('_')[1]}`;
    for (const principal of [store, 'nobody', 'role:x']) {
      const refused = await drc.ask('POST', '/v1/tokens', { principal, label: 'x' });
      expect(outcomeOf(refused)).toEqual([400, 'REQUEST_INVALID']);
    }
    for (const fields of [{ label: '' }, { lifeMs: 0 }, { lifeMs: 1e15 }, { label: 'x'.repeat(101) }])
      expect((await drc.ask('POST', '/v1/tokens', { principal: 'ann', label: 'x', ...fields })).status).toBe(
        400,
      );
  });
});

describe('everything that administers', () => {
  it('is for administrators, and says nothing to others', async () => {
    await using drc = await hub();
    const calls: [string, string, unknown?][] = [
      ['GET', '/v1/users'],
      ['POST', '/v1/users', { name: 'eve', administrator: true }],
      ['POST', '/v1/users/admin/rotate'],
      ['DELETE', '/v1/users/admin'],
      ['POST', '/v1/principals/admin/disable'],
      ['POST', '/v1/principals/ann/enable'],
      ['GET', '/v1/machine-keys'],
      ['GET', '/v1/roles'],
      ['POST', '/v1/roles', { name: 'x' }],
      ['DELETE', '/v1/roles/x'],
      ['PUT', '/v1/roles/x/members/ann'],
      ['DELETE', '/v1/roles/x/members/ann'],
      ['GET', '/v1/grants'],
      ['POST', '/v1/grants', { to: 'ann', ...shopGrant }],
      ['POST', '/v1/grants/revoke', { from: 'ann' }],
      ['GET', '/v1/tokens'],
      ['POST', '/v1/tokens', { principal: 'ann', label: 'x' }],
      ['POST', '/v1/tokens/inspect', { token: 'x' }],
      ['DELETE', '/v1/tokens/x'],
      ['POST', '/v1/keys/rotate'],
    ];
    for (const [method, path, body] of calls) {
      const refused = await drc.manager.request(method, path, { token: drc.annsToken, body });
      expect([method, path, ...outcomeOf(refused)]).toEqual([method, path, 403, 'FORBIDDEN']);
      const unknown = await drc.manager.request(method, path, { body });
      expect([method, path, unknown.status]).toEqual([method, path, 401]);
    }
  });
});
