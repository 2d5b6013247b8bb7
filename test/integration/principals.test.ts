import { connect } from '@drc/client-sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHub, until, type TestHub } from '../support/hub.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { Reading } from '../support/reading.js';

let hub: TestHub;
let ledger: Ledger;

beforeAll(async () => {
  hub = await startHub({ leaseMs: 1_000, ticketLifeMs: 2_000 });
  ledger = await Ledger.open(hub.source);
});
afterAll(async () => {
  await ledger?.[Symbol.asyncDispose]();
  await hub?.[Symbol.asyncDispose]();
});

async function ask(method: string, path: string, body?: object, token?: string): Promise<unknown> {
  const response = await fetch(`${hub.managerUrl}${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect([path, response.status]).toEqual([path, 200]);
  return response.json();
}

/** By the administrator. */
async function administer(method: string, path: string, body?: object): Promise<unknown> {
  const { token } = (await ask('POST', '/v1/login', hub.administrator)) as { token: string };
  return ask(method, path, body, token);
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  if (line === undefined) throw new Error(`There is no metric ${name}.`);
  return Number(line.slice(name.length + 1));
}

const ticketsIssued = (): Promise<number> =>
  metric(hub.manager.adminUrl, 'drc_manager_tickets_total{topic="shop"}');
const sessionsOpened = (): Promise<number> =>
  metric(hub.store.store.adminUrl, 'drc_store_sessions_total{topic="shop"}');

/** The id of the key that signs. */
async function signingKid(): Promise<string> {
  const { token } = (await ask('POST', '/v1/login', hub.administrator)) as { token: string };
  return (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid;
}

test('A reader notices nothing of a rotation of the signing key', async () => {
  const sdk = await hub.connect();
  await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
  const read = await reading.until(await ledger.write(5));
  expect(await sessionsOpened()).toBe(1);
  const { kid } = (await administer('POST', '/v1/keys/rotate')) as { kid: string };
  await until(async () => (await signingKid()) === kid, 'the new key signs');
  // Three renewals: at least two were asked for after the change.
  const issued = await ticketsIssued();
  await until(async () => (await ticketsIssued()) >= issued + 3, 'the reader renews its ticket');
  read.push(...(await reading.until(await ledger.write(5))));
  expect(rowTransactions(read)).toEqual(ledger.transactions);
  expect(await sessionsOpened()).toBe(1);
});

test('Whoever is disabled, or has its token revoked, reads no further, and others do', async () => {
  const { name } = (await administer('POST', '/v1/users', { name: 'ann', topics: ['shop'] })) as {
    name: string;
  };
  const token = async (): Promise<{ id: string; token: string }> =>
    (await administer('POST', '/v1/tokens', { principal: name, label: 'test' })) as {
      id: string;
      token: string;
    };
  const [one, other] = [await token(), await token()];
  const subscribe = async (credential: string) => {
    const sdk = await connect({ clusterManager: hub.managerUrl, credentials: { token: credential } });
    const reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    await reading.until(ledger.lastId);
    return {
      reading,
      [Symbol.asyncDispose]: () => sdk[Symbol.asyncDispose](),
    };
  };
  await using first = await subscribe(one.token);
  await using second = await subscribe(other.token);
  const refused = { code: 'UNAUTHENTICATED' };

  const ended = first.reading.next().catch((error: unknown) => error);
  await administer('DELETE', `/v1/tokens/${one.id}`);
  expect(await ended).toMatchObject(refused);
  await second.reading.until(await ledger.write(2));

  const endedToo = second.reading.next().catch((error: unknown) => error);
  await administer('POST', '/v1/principals/ann/disable');
  expect(await endedToo).toMatchObject(refused);
  await hub.readAll(await ledger.write(1));
});

test('Whose grant is changed while it has no session is told when it is back; whom the change does not concern reads on', async () => {
  const { name } = (await administer('POST', '/v1/users', {
    name: 'bob',
    topics: ['shop'],
    tables: ['shop.*'],
  })) as { name: string };
  const { token } = (await administer('POST', '/v1/tokens', { principal: name, label: 'test' })) as {
    token: string;
  };
  await using sdk = await connect({ clusterManager: hub.managerUrl, credentials: { token } });
  await using all = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
  const tables = ['shop.orders', 'shop.buyers'];
  await using named = new Reading(sdk.subscribe('shop', { from: 'earliest', tables }));
  for (const reading of [all, named]) await reading.until(ledger.lastId);
  await hub.store.stop();
  await administer('POST', '/v1/grants', { to: name, topics: ['shop'], tables: ['hr.wages'] });
  await hub.store.start();
  const last = await ledger.write(2);
  await expect(all.until(last)).rejects.toMatchObject({ code: 'GRANT_CHANGED' });
  await named.until(last);
});
