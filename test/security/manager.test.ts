import { createMachineKey } from '@drc/cluster-manager';
import { createPublicKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  extent,
  managerFolder,
  type Answer,
  type ManagerFolder,
  type TestManager,
} from '../cluster-manager/fixture.js';
import { talk } from './attacker.js';

/*
 * Attacks on the API of one cluster manager. Each ends in a refusal with a code, and in a counter of /metrics; after each
 * of them a store is still found.
 */

let folder: ManagerFolder;
let manager: TestManager;
let shopKey: string;
let crmKey: string;
let clientKey: string;

beforeAll(async () => {
  folder = await managerFolder();
  const { directory } = folder;
  ({ key: shopKey } = await createMachineKey(directory, { kind: 'store', topics: ['shop'] }));
  ({ key: crmKey } = await createMachineKey(directory, { kind: 'store', topics: ['crm'] }));
  ({ key: clientKey } = await createMachineKey(directory, { kind: 'client', topics: ['shop'] }));
  manager = await folder.start();
  await manager.announce(shopKey, { captureDigest: 'a'.repeat(64) });
});

afterAll(async () => {
  await manager[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function refusals(): Promise<Map<string, number>> {
  const text = await (await fetch(`${manager.manager.adminUrl}/metrics`)).text();
  const lines = text.matchAll(/^drc_manager_refusals_total\{code="([^"]+)"\} (\d+)$/gm);
  return new Map([...lines].map(([, code, count]) => [code!, Number(count)]));
}

async function isRefused(code: string, attack: () => Promise<unknown>): Promise<void> {
  const before = (await refusals()).get(code) ?? 0;
  await attack();
  expect((await refusals()).get(code) ?? 0).toBeGreaterThan(before);
  const { status, body } = await manager.stores(clientKey);
  expect([status, (body as { stores: { address: string }[] }).stores.map(({ address }) => address)]).toEqual([
    200,
    ['ws://127.0.0.1:7380'],
  ]);
}

const refusal = ({ status, body }: Answer): string =>
  `${status} ${String((body as { error?: { code?: unknown } }).error?.code)}`;

test.each<[string, () => Promise<Answer>, string]>([
  [
    'a topic that it is not bound to',
    () => manager.announce(crmKey, { address: 'ws://127.0.0.1:666' }),
    '403 FORBIDDEN',
  ],
  [
    'with a reader’s key',
    () => manager.announce(clientKey, { address: 'ws://127.0.0.1:666' }),
    '403 FORBIDDEN',
  ],
  [
    'with a key that nobody made',
    () => manager.announce(`${shopKey.slice(0, -4)}AAAA`),
    '401 UNAUTHENTICATED',
  ],
  ['without a key', () => manager.announce(''), '401 UNAUTHENTICATED'],
  [
    'over a living store, with other tables',
    () => manager.announce(shopKey, { id: 'rogue', captureDigest: 'b'.repeat(64) }),
    '409 TOPIC_CONFIG_MISMATCH',
  ],
  [
    'an address that leads out of the protocol',
    () => manager.announce(shopKey, { address: 'file:///etc/passwd' }),
    '400 REQUEST_INVALID',
  ],
  [
    'a topic that leads out of the folder',
    () => manager.announce(shopKey, { topic: '../shop' }),
    '400 REQUEST_INVALID',
  ],
  [
    'with a log in the year 50000',
    () => manager.announce(shopKey, { extent: extent({ coversFrom: 1_500_000_000_000_000 }) }),
    '400 REQUEST_INVALID',
  ],
])('a rogue store that announces %s is refused', async (_, announce, expected) => {
  await isRefused(expected.split(' ')[1]!, async () => expect(refusal(await announce())).toBe(expected));
});

test('a rogue store cannot take a living one off the list', async () => {
  await isRefused('FORBIDDEN', async () => {
    const path = '/v1/stores/shop/store-1';
    expect(refusal(await manager.request('DELETE', path, { token: crmKey }))).toBe('403 FORBIDDEN');
  });
});

test('neither a ticket, nor a token signed by somebody else, opens the API', async () => {
  const { ticket } = (await manager.stores(clientKey)).body as { ticket: string };
  const [key] = ((await manager.request('GET', '/v1/keys')).body as { keys: { kid: string }[] }).keys;
  const secret = createPublicKey({ key: key!, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString();
  const claims = { iss: 'drc:test', aud: 'drc-manager:test', sub: 'admin', jti: 'j' };
  const forged = jwt.sign(claims, secret, { algorithm: 'HS256', keyid: key!.kid, expiresIn: 300 });
  const unsigned = jwt.sign(claims, '', { algorithm: 'none', keyid: key!.kid, expiresIn: 300 });
  for (const token of [ticket, forged, unsigned, 'x', 'x.y.z'])
    await isRefused('UNAUTHENTICATED', async () => {
      expect(refusal(await manager.request('GET', '/v1/users', { token }))).toBe('401 UNAUTHENTICATED');
    });
});

test('names that objects have are names like others', async () => {
  const token = await manager.token();
  for (const name of ['__proto__', 'constructor', 'toString'])
    expect(refusal(await manager.stores(token, 'latest', name))).toBe('404 TOPIC_UNKNOWN');
  await isRefused('UNAUTHENTICATED', async () => {
    const login = await manager.login({ name: '__proto__', password: 'x' });
    expect(refusal(login)).toBe('401 UNAUTHENTICATED');
  });
  const polluting = '{"__proto__":{"administrator":true},"constructor":{"prototype":{"administrator":true}}}';
  await manager.request('POST', '/v1/stores/announce', { token: shopKey, body: polluting });
  expect(({} as Record<string, unknown>)['administrator']).toBeUndefined();
});

test('what is too large, too deep, or no request is refused before it is looked at', async () => {
  const port = Number(new URL(manager.url).port);
  const head = 'POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  await isRefused('request', async () => {
    const flood = Array.from({ length: 2000 }, (_, n) => `x-${n}: ${'y'.repeat(20)}\r\n`).join('');
    expect(await talk(port, `${head}${flood}\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });
  await isRefused('request', async () => {
    expect(await talk(port, Buffer.alloc(100, 0xff))).toMatch(/^HTTP\/1\.1 400 /);
  });
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
  await isRefused('REQUEST_INVALID', async () => {
    expect(refusal(await manager.request('POST', '/v1/login', { body: deep }))).toBe('400 REQUEST_INVALID');
  });
  const large = await manager.request('POST', '/v1/login', { body: 'x'.repeat(100_000) });
  expect(refusal(large)).toBe('413 REQUEST_INVALID');
});
