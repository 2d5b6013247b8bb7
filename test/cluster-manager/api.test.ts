import { createPublicKey, verify } from 'node:crypto';
import { addUser, createMachineKey } from '@drc/cluster-manager';
import { Checkpoint, TransactionSet } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { cheapPasswords, extent, managerFolder, type Answer } from './fixture.js';

const codeOf = (answer: Answer): unknown => (answer.body as { error?: { code: unknown } }).error?.code;

/** A running manager with a store key for the topic shop. */
async function shop(config?: Record<string, unknown>) {
  const folder = await managerFolder();
  const { key } = await createMachineKey(folder.directory, { kind: 'store', topics: ['shop'] });
  const manager = await folder.start(config);
  return {
    folder,
    manager,
    key,
    clock: folder.clock,
    async [Symbol.asyncDispose]() {
      await manager[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe('login', () => {
  it('gives a token for the right password', async () => {
    await using hub = await shop();
    const answer = await hub.manager.login();
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ expiresAt: hub.clock.now() + 3_600_000 });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { token } = answer.body as { token: string };
    expect((await hub.manager.request('GET', '/v1/topics', { token })).status).toBe(200);
  });

  it('gives the same answer for a wrong password and for an unknown name', async () => {
    await using hub = await shop();
    const { name } = hub.folder.administrator;
    const wrong = await hub.manager.login({ name, password: 'wrong' });
    expect(wrong.status).toBe(401);
    expect(codeOf(wrong)).toBe('UNAUTHENTICATED');
    expect((await hub.manager.login({ name: 'nobody', password: 'wrong' })).body).toEqual(wrong.body);
    expect((await hub.manager.login({ name: '__proto__', password: 'wrong' })).body).toEqual(wrong.body);
  });

  it('limits wrong passwords for a name, and lets it try again later', async () => {
    await using hub = await shop();
    const { name, password } = hub.folder.administrator;
    for (let i = 0; i < 10; i++)
      expect((await hub.manager.login({ name, password: `${i}` })).status).toBe(401);
    const limited = await hub.manager.login({ name, password });
    expect(limited.status).toBe(429);
    expect(codeOf(limited)).toBe('RATE_LIMITED');
    expect(limited.headers.get('retry-after')).toBe('6');
    expect((await hub.manager.login({ name: 'another', password })).status).toBe(401);
    hub.clock.advance(6_000);
    expect((await hub.manager.login({ name, password })).status).toBe(200);
  });

  it('limits wrong passwords from an address, whatever the names', async () => {
    await using hub = await shop();
    for (let i = 0; i < 40; i++) await hub.manager.login({ name: `user-${i}`, password: 'x' });
    expect((await hub.manager.login()).status).toBe(429);
    hub.clock.advance(1_000);
    expect((await hub.manager.login()).status).toBe(200);
  });

  it('does not limit right passwords', async () => {
    await using hub = await shop();
    for (let i = 0; i < 60; i++) expect((await hub.manager.login()).status).toBe(200);
  });

  it('ends when the token runs out', async () => {
    await using hub = await shop();
    const token = await hub.manager.token();
    hub.clock.advance(3_700_000);
    const answer = await hub.manager.request('GET', '/v1/topics', { token });
    expect([answer.status, codeOf(answer)]).toEqual([401, 'UNAUTHENTICATED']);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('writes an audit line for each login and refusal, and no secret', async () => {
    await using hub = await shop();
    const { name, password } = hub.folder.administrator;
    const token = await hub.manager.token();
    await hub.manager.login({ name, password: 'guess-1' });
    await hub.manager.login({ name: 'my pass/word typed here', password: 'guess-2' });
    await hub.manager.stores(hub.key);
    expect(hub.manager.audited('login')).toMatchObject([{ principal: name, address: '127.0.0.1' }]);
    expect(hub.manager.audited('loginRefused')).toMatchObject([
      { principal: name, code: 'UNAUTHENTICATED' },
      { code: 'UNAUTHENTICATED' },
    ]);
    expect(hub.manager.audited('refused')).toMatchObject([
      { code: 'FORBIDDEN', path: '/v1/topics/shop/stores' },
    ]);
    const text = hub.manager.lines.join('');
    for (const secret of [password, token, hub.key, 'guess-', 'typed here'])
      expect(text.includes(secret)).toBe(false);
  });
});

describe('stores', () => {
  it('announce themselves and are found with a ticket that their key set verifies', async () => {
    await using hub = await shop();
    const announced = await hub.manager.announce(hub.key);
    expect(announced.body).toMatchObject({ leaseMs: 15_000, cluster: 'test' });
    const found = await hub.manager.stores(await hub.manager.token());
    const { lineage, head, oldest, coversFrom } = extent();
    expect(found.body).toMatchObject({
      stores: [{ id: 'store-1', address: 'ws://127.0.0.1:7380', lineage, head, oldest, coversFrom }],
      ticketExpiresAt: hub.clock.now() + 300_000,
    });
    const [head64 = '', body64 = '', signature = ''] = (found.body as { ticket: string }).ticket.split('.');
    const { keys } = announced.body as { keys: { kid: string }[] };
    const { kid } = JSON.parse(Buffer.from(head64, 'base64url').toString()) as { kid: string };
    const jwk = keys.find((candidate) => candidate.kid === kid) ?? {};
    const key = { key: createPublicKey({ format: 'jwk', key: jwk }), dsaEncoding: 'ieee-p1363' } as const;
    const signed = Buffer.from(`${head64}.${body64}`);
    expect(verify('sha256', signed, key, Buffer.from(signature, 'base64url'))).toBe(true);
    expect(JSON.parse(Buffer.from(body64, 'base64url').toString())).toMatchObject({
      aud: 'drc-store:test/shop',
      sub: 'admin',
      grant: { rules: [{ tables: ['**'] }] },
    });
    expect((await hub.manager.request('GET', '/v1/keys')).body).toEqual({ cluster: 'test', keys });
    expect(hub.manager.audited('ticket')).toMatchObject([
      { principal: 'admin', topic: 'shop', from: 'latest' },
    ]);
  });

  it('are gone when their lease is over, and their topic is not', async () => {
    await using hub = await shop();
    await hub.manager.announce(hub.key);
    const token = await hub.manager.token();
    hub.clock.advance(15_000);
    const answer = await hub.manager.stores(token);
    expect([answer.status, codeOf(answer)]).toEqual([503, 'STORE_UNAVAILABLE']);
    expect((await hub.manager.request('GET', '/v1/topics', { token })).body).toEqual({
      topics: [{ topic: 'shop', stores: 0 }],
    });
    await hub.manager.announce(hub.key);
    expect((await hub.manager.stores(token)).status).toBe(200);
    expect(hub.manager.audited('ticket')).toHaveLength(1);
  });

  it('can withdraw', async () => {
    await using hub = await shop();
    await hub.manager.announce(hub.key);
    const withdraw = () => hub.manager.request('DELETE', '/v1/stores/shop/store-1', { token: hub.key });
    expect((await withdraw()).status).toBe(200);
    expect((await withdraw()).status).toBe(200);
    expect(codeOf(await hub.manager.stores(await hub.manager.token()))).toBe('STORE_UNAVAILABLE');
  });

  it('are named only for moments that they have', async () => {
    await using hub = await shop();
    const older = extent({ coversFrom: 1_000, setBeforeOldest: '0-1-10' });
    const younger = extent({ coversFrom: 5_000, setBeforeOldest: '0-1-50', lineage: 'f'.repeat(32) });
    await hub.manager.announce(hub.key, { id: 'younger', extent: younger });
    // Until a lease is over, one that was just started cannot know that no store goes back further.
    const early = await hub.manager.stores(await hub.manager.token(), 'timestamp:4999');
    expect(codeOf(early)).toBe('STORE_UNAVAILABLE');
    hub.clock.advance(15_000);
    await hub.manager.announce(hub.key, { id: 'older', extent: older });
    await hub.manager.announce(hub.key, { id: 'younger', extent: younger });
    const token = await hub.manager.token();
    const at = async (from: string): Promise<unknown> => {
      const { body, status } = await hub.manager.stores(token, from);
      return status === 200
        ? (body as { stores: { id: string }[] }).stores.map(({ id }) => id).toSorted()
        : body;
    };
    const checkpoint = (set: string): string =>
      `checkpoint:${new Checkpoint({ topic: 'shop', set: TransactionSet.parse(set) }).toString()}`;
    expect(await at('latest')).toEqual(['older', 'younger']);
    expect(await at('earliest')).toEqual(['older']);
    expect(await at('timestamp:4999')).toEqual(['older']);
    expect(await at('timestamp:5000')).toEqual(['older', 'younger']);
    expect(await at(checkpoint('0-1-49'))).toEqual(['older']);
    expect(await at(checkpoint('0-1-50'))).toEqual(['older', 'younger']);
    const gone = { error: { code: 'RETENTION_EXPIRED', details: { oldest: '1970-01-01T00:00:01.000Z' } } };
    expect(await at('timestamp:999')).toMatchObject(gone);
    expect(await at(checkpoint('0-1-9'))).toMatchObject(gone);
    expect(await at('checkpoint:junk')).toMatchObject({ error: { code: 'CHECKPOINT_INVALID' } });
    expect(await at('yesterday')).toMatchObject({ error: { code: 'REQUEST_INVALID' } });
    expect(hub.manager.audited('ticket')).toHaveLength(6);
  });

  it('are found by POST with a checkpoint too long for an address', async () => {
    await using hub = await shop();
    await hub.manager.announce(hub.key);
    const set = TransactionSet.parse(Array.from({ length: 1500 }, (_, i) => `${i}-1-1000000`).join(','));
    const from = `checkpoint:${new Checkpoint({ topic: 'shop', set }).toString()}`;
    expect(from.length).toBeGreaterThan(10_000);
    const token = await hub.manager.token();
    const found = await hub.manager.request('POST', '/v1/topics/shop/stores', { token, body: { from } });
    expect(found.status).toBe(200);
    expect((found.body as { stores: unknown[] }).stores).toHaveLength(1);
  });

  it('must say something that can be', async () => {
    await using hub = await shop();
    const faults = [
      { address: 'ws://user:secret@127.0.0.1:1' },
      { address: 'http://127.0.0.1:1' },
      { address: 'https://store-1.internal:1' },
      { address: 'nonsense' },
      { id: '../x' },
      { extent: { ...extent(), coversFrom: -1 } },
      { extent: { ...extent(), coversFrom: Date.UTC(2026, 0, 1) * 1000 } },
      { extent: { ...extent(), lineage: 'x' } },
      { extent: { ...extent(), setBeforeOldest: 'junk' } },
      { extent: null },
      { captureState: 7 },
    ];
    for (const fault of faults) {
      const answer = await hub.manager.announce(hub.key, fault);
      expect([JSON.stringify(fault), answer.status, codeOf(answer)]).toEqual([
        JSON.stringify(fault),
        400,
        'REQUEST_INVALID',
      ]);
    }
    expect(codeOf(await hub.manager.stores(await hub.manager.token()))).toBe('STORE_UNAVAILABLE');
  });

  it('of a newer version may say more', async () => {
    await using hub = await shop();
    expect((await hub.manager.announce(hub.key, { temperature: 0.5 })).status).toBe(200);
  });
});

describe('machine keys', () => {
  it('let a store announce its topics and no other', async () => {
    await using hub = await shop();
    const rogue = await hub.manager.announce(hub.key, { topic: 'mail' });
    expect([rogue.status, codeOf(rogue)]).toEqual([403, 'FORBIDDEN']);
    const withdrawal = await hub.manager.request('DELETE', '/v1/stores/mail/store-1', { token: hub.key });
    expect(withdrawal.status).toBe(403);
    expect(hub.manager.audited('refused')).toMatchObject([{ code: 'FORBIDDEN' }, { code: 'FORBIDDEN' }]);
  });

  it('do not let a store take the place of a living one', async () => {
    await using hub = await shop();
    await hub.manager.announce(hub.key);
    const rogue = await hub.manager.machineKey('store', ['shop']);
    expect((await hub.manager.announce(rogue, { address: 'ws://127.0.0.1:9999' })).status).toBe(403);
    expect((await hub.manager.request('DELETE', '/v1/stores/shop/store-1', { token: rogue })).status).toBe(
      403,
    );
    const { body } = await hub.manager.stores(await hub.manager.token());
    expect(body).toMatchObject({ stores: [{ address: 'ws://127.0.0.1:7380' }] });
  });

  it('let a client read its topics and no other, without a login', async () => {
    await using hub = await shop();
    await hub.manager.announce(hub.key);
    const client = await hub.manager.machineKey('client', ['shop']);
    const stranger = await hub.manager.machineKey('client', ['mail']);
    expect((await hub.manager.stores(client)).status).toBe(200);
    expect(hub.manager.audited('ticket')).toMatchObject([{ principal: `machine:${client.split('_')[1]}` }]);
    expect((await hub.manager.announce(client)).status).toBe(403);
    const hidden = await hub.manager.stores(stranger);
    expect([hidden.status, codeOf(hidden)]).toEqual([404, 'TOPIC_UNKNOWN']);
    const unknown = await hub.manager.stores(client, 'latest', 'ghost');
    expect(JSON.stringify(unknown.body)).toBe(JSON.stringify(hidden.body).replaceAll('shop', 'ghost'));
    expect((await hub.manager.request('GET', '/v1/topics', { token: stranger })).body).toEqual({
      topics: [],
    });
  });

  it('of stores read nothing', async () => {
    await using hub = await shop();
    await hub.manager.announce(hub.key);
    expect((await hub.manager.stores(hub.key)).status).toBe(403);
  });

  it('are made by administrators only, and last', async () => {
    await using folder = await managerFolder();
    const ann = await addUser(folder.directory, { name: 'ann' }, { passwordCost: cheapPasswords });
    let key: string;
    {
      await using manager = await folder.start();
      const body = { kind: 'store', topics: ['shop'] };
      const make = (token: string) => manager.request('POST', '/v1/machine-keys', { token, body });
      const refused = await make(await manager.token(ann));
      expect([refused.status, codeOf(refused)]).toEqual([403, 'FORBIDDEN']);
      key = await manager.machineKey('store', ['shop']);
      expect((await make(key)).status).toBe(403);
      expect(manager.audited('machineKey.add')).toMatchObject([
        { principal: 'admin', after: { kind: 'store', topics: ['shop'] } },
      ]);
      const glob = { kind: 'store', topics: ['*'] };
      const globbed = await manager.request('POST', '/v1/machine-keys', {
        token: await manager.token(),
        body: glob,
      });
      expect(globbed.status).toBe(400);
    }
    await using manager = await folder.start();
    expect((await manager.announce(key)).status).toBe(200);
  });

  it('are refused when any character is wrong', async () => {
    await using hub = await shop();
    const other = hub.key.endsWith('A') ? 'B' : 'A';
    const id = hub.key.split('_')[1] ?? '';
    for (const key of [
      `${hub.key.slice(0, -1)}${other}`,
      hub.key.replace(id, '0'.repeat(16)),
      hub.key.slice(0, -1),
      `${hub.key}A`,
      'drcmk_',
      `drcmk_${id}_`,
    ]) {
      const answer = await hub.manager.announce(key);
      expect([key, answer.status, codeOf(answer)]).toEqual([key, 401, 'UNAUTHENTICATED']);
    }
  });
});

describe('users and keys', () => {
  it('are for administrators alone', async () => {
    await using folder = await managerFolder();
    const ann = await addUser(folder.directory, { name: 'ann' }, { passwordCost: cheapPasswords });
    await using manager = await folder.start();
    const key = await manager.machineKey('client', ['shop']);
    for (const token of [await manager.token(ann), key]) {
      for (const [method, path, body] of [
        ['GET', '/v1/users', undefined],
        ['POST', '/v1/users', { name: 'eve', administrator: true }],
        ['DELETE', '/v1/users/admin', undefined],
        ['GET', '/v1/machine-keys', undefined],
        ['DELETE', '/v1/machine-keys/0123456789abcdef', undefined],
      ] as const) {
        const answer = await manager.request(method, path, { token, body });
        expect([method, path, answer.status, codeOf(answer)]).toEqual([method, path, 403, 'FORBIDDEN']);
      }
    }
  });

  it('are shown without a hash, and end at once where they are removed', async () => {
    await using folder = await managerFolder();
    await using manager = await folder.start();
    const token = await manager.token();
    const made = await manager.request('POST', '/v1/users', {
      token,
      body: { name: 'ann', topics: ['shop'], tables: ['shop.*'] },
    });
    const ann = made.body as { name: string; password: string };
    const annsToken = await manager.token(ann);
    const key = await manager.machineKey('client', ['shop']);
    const shown = [
      await manager.request('GET', '/v1/users', { token }),
      await manager.request('GET', '/v1/machine-keys', { token }),
    ].map(({ body }) => body);
    expect(shown).toMatchObject([
      {
        users: [
          { name: 'admin' },
          { name: 'ann', administrator: false, grants: [{ topics: ['shop'], tables: ['shop.*'] }] },
        ],
      },
      { machineKeys: [{ kind: 'client', topics: ['shop'], tables: ['**'] }] },
    ]);
    expect(JSON.stringify(shown)).not.toMatch(/hash|salt|credential|secret/i);

    const [, id] = key.split('_');
    expect((await manager.request('DELETE', `/v1/machine-keys/${id}`, { token })).status).toBe(200);
    expect((await manager.request('DELETE', `/v1/machine-keys/${id}`, { token })).status).toBe(400);
    expect((await manager.request('GET', '/v1/topics', { token: key })).status).toBe(401);
    expect((await manager.request('DELETE', '/v1/users/ann', { token })).status).toBe(200);
    expect((await manager.request('GET', '/v1/topics', { token: annsToken })).status).toBe(401);
    expect(manager.audited('user.remove')).toMatchObject([
      { principal: 'admin', subject: 'ann', before: { name: 'ann' } },
    ]);
    expect(manager.audited('machineKey.remove')).toMatchObject([
      { principal: 'admin', subject: `machine:${id}` },
    ]);
  });

  it('leave one administrator', async () => {
    await using folder = await managerFolder();
    await using manager = await folder.start();
    const token = await manager.token();
    const removed = await manager.request('DELETE', '/v1/users/admin', { token });
    expect([removed.status, codeOf(removed)]).toEqual([400, 'REQUEST_INVALID']);
    const demoted = await manager.request('POST', '/v1/users', {
      token,
      body: { name: 'admin', replace: true },
    });
    expect(demoted.status).toBe(400);
    await manager.request('POST', '/v1/users', { token, body: { name: 'root', administrator: true } });
    expect((await manager.request('DELETE', '/v1/users/admin', { token })).status).toBe(200);
  });
});

describe('the HTTP API', () => {
  it('asks for a token wherever one is needed', async () => {
    await using hub = await shop();
    for (const [method, path, body] of [
      ['GET', '/v1/topics', undefined],
      ['GET', '/v1/topics/shop/stores', undefined],
      ['POST', '/v1/topics/shop/stores', { from: 'latest' }],
      ['DELETE', '/v1/stores/shop/a', undefined],
      ['POST', '/v1/machine-keys', { kind: 'store', topics: ['shop'] }],
      ['GET', '/v1/machine-keys', undefined],
      ['DELETE', '/v1/machine-keys/0123456789abcdef', undefined],
      ['GET', '/v1/users', undefined],
      ['POST', '/v1/users', { name: 'eve', administrator: true }],
      ['DELETE', '/v1/users/admin', undefined],
    ] as const) {
      const answer = await hub.manager.request(method, path, { body });
      expect([path, answer.status, codeOf(answer)]).toEqual([path, 401, 'UNAUTHENTICATED']);
    }
    for (const header of ['Basic YTpi', 'Bearer', 'Bearer a b', `Bearer ${'x'.repeat(5000)}`, 'bearer x']) {
      const response = await fetch(`${hub.manager.url}/v1/topics`, { headers: { Authorization: header } });
      expect([header, response.status]).toEqual([header, 401]);
    }
  });

  it('answers unknown addresses and methods as JSON', async () => {
    await using hub = await shop();
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/v2/login'],
      ['GET', '/v1/login'],
      ['PUT', '/v1/topics'],
      ['GET', '/v1/topics/../../etc/passwd'],
      ['GET', '/metrics'],
    ] as const) {
      const answer = await hub.manager.request(method, path);
      expect([path, answer.status, codeOf(answer)]).toEqual([path, 404, 'REQUEST_INVALID']);
    }
  });

  it('refuses bodies that are no JSON, of another shape, or nested as deep as they can be', async () => {
    await using hub = await shop();
    const deep = `{"name":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
    for (const body of ['{"name":', '', '[]', 'null', '{"name":"ann"}', '{"name":1,"password":2}', deep]) {
      const answer = await hub.manager.request('POST', '/v1/login', { body });
      expect([body.slice(0, 40), answer.status, codeOf(answer)]).toEqual([
        body.slice(0, 40),
        400,
        'REQUEST_INVALID',
      ]);
      expect(JSON.stringify(answer.body)).not.toMatch(/\.[jt]s:\d|node_modules/);
    }
    const text = await fetch(`${hub.manager.url}/v1/login`, { method: 'POST', body: 'name=ann' });
    expect(text.status).toBe(400);
  });

  it('refuses bodies over 64 KiB, and those that do not say how long they are', async () => {
    await using hub = await shop();
    const large = JSON.stringify({ name: 'ann', password: 'x'.repeat(70_000) });
    const answer = await hub.manager.request('POST', '/v1/login', { body: large });
    expect([answer.status, codeOf(answer)]).toEqual([413, 'REQUEST_INVALID']);
    const chunked = await fetch(`${hub.manager.url}/v1/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: new Blob([large]).stream(),
      duplex: 'half',
    });
    expect(chunked.status).toBe(411);
    expect((await hub.manager.login()).status).toBe(200);
  });

  it('describes all of its routes', async () => {
    await using hub = await shop();
    const { body } = await hub.manager.request('GET', '/openapi.json');
    expect(Object.keys((body as { paths: object }).paths).sort()).toEqual([
      '/v1/checkpoints/{topic}/{name}',
      '/v1/checkpoints/{topic}/{name}/take',
      '/v1/grants',
      '/v1/grants/revoke',
      '/v1/keys',
      '/v1/keys/rotate',
      '/v1/login',
      '/v1/machine-keys',
      '/v1/machine-keys/{id}',
      '/v1/principals/{name}/disable',
      '/v1/principals/{name}/enable',
      '/v1/readers',
      '/v1/readers/seek',
      '/v1/readers/{principal}/{topic}/{name}',
      '/v1/roles',
      '/v1/roles/{name}',
      '/v1/roles/{name}/members/{principal}',
      '/v1/stores/announce',
      '/v1/stores/readers',
      '/v1/stores/{topic}/{id}',
      '/v1/tokens',
      '/v1/tokens/inspect',
      '/v1/tokens/{id}',
      '/v1/topics',
      '/v1/topics/{topic}/sisters',
      '/v1/topics/{topic}/stores',
      '/v1/users',
      '/v1/users/{name}',
      '/v1/users/{name}/rotate',
    ]);
  });
});
