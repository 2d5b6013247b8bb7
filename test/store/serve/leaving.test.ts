import { expect, test } from 'vitest';
import { insertInto, tableVersion, type FakeLog } from './fake-log.js';
import type { RawClient } from './raw-client.js';
import { eventually, StoreHarness } from './store-harness.js';

const orders = tableVersion('shop.orders');
const always = (): Promise<boolean> => Promise.resolve(true);

async function startStore(leaveMs?: number): Promise<StoreHarness<FakeLog>> {
  const limits = { burstBytes: 1_000, ...(leaveMs === undefined ? {} : { leaveMs }) };
  const store = await StoreHarness.start({ limits });
  store.log.register(orders);
  return store;
}

const failureOf = async (client: RawClient): Promise<string> => (await client.message('error')).code;
const lastOf = (client: RawClient) => client.chunks.at(-1)!.chunk;

test('a session at the head that another store can take over ends at once', async () => {
  await using store = await startStore();
  store.log.append([insertInto(orders, 'one')]);
  const client = await store.client();
  await client.start();
  await client.message('caughtUp');
  expect(await store.server.moveSessions((lsn) => Promise.resolve(lsn === 2))).toBe(0);
  expect(await failureOf(client)).toBe('STORE_DRAINING');
  expect(lastOf(client)).toMatchObject({ lsn: 1, last: true });
  expect((await client.closed()).code).toBe(1001);
});

test('a session in the middle of a transaction gives it to its end, and nothing of the next', async () => {
  await using store = await startStore();
  // Larger than all windows together, so that the session stands in it.
  const chunks = Array.from({ length: 60 }, (_, index) => insertInto(orders, `${index}`.padEnd(50_000, 'x')));
  store.log.append(chunks);
  store.log.append([insertInto(orders, 'next')]);
  const client = await store.client();
  client.acknowledges = false;
  await client.start({ credit: 300_000 });
  await client.until(() => client.chunks.length > 1);
  expect(await store.server.moveSessions(always)).toBe(0);
  expect(store.server.sessions).toMatchObject([{ state: 'draining', lsn: 1 }]);
  client.acknowledges = true;
  client.send({ type: 'credit', bytes: client.dataBytes });
  expect(await failureOf(client)).toBe('STORE_DRAINING');
  expect(client.chunks.length).toBe(60);
  expect(lastOf(client)).toMatchObject({ lsn: 1, last: true });
});

test('a session that does not come to the end of its transaction in time ends where it stands', async () => {
  await using store = await startStore(50);
  store.log.append(Array.from({ length: 20 }, () => insertInto(orders, 'x'.repeat(50_000))));
  const client = await store.client();
  client.acknowledges = false;
  await client.start({ credit: 200_000 });
  await client.until(() => client.chunks.length > 1);
  await store.server.moveSessions(always);
  expect(await failureOf(client)).toBe('STORE_DRAINING');
  expect(client.chunks.length).toBeLessThan(20);
});

test('sessions stay that no other store can take over, that have not subscribed, and where that cannot be told', async () => {
  await using store = await startStore();
  store.log.append([insertInto(orders, 'one')]);
  const streaming = await store.client();
  await streaming.start();
  await streaming.message('caughtUp');
  const greeted = await store.client();
  greeted.hello();
  await greeted.message('welcome');
  expect(await store.server.moveSessions(() => Promise.resolve(false))).toBe(2);
  expect(await store.server.moveSessions(() => Promise.reject(new Error('trimmed')))).toBe(2);
  store.log.append([insertInto(orders, 'two')]);
  await streaming.transaction(2);
  expect(await store.server.moveSessions(always)).toBe(1);
  await eventually(() => expect(store.server.sessions).toMatchObject([{ state: 'agreed' }]));
});

test('a store that stops does not wait longer for sessions that are leaving', async () => {
  await using store = await startStore();
  store.log.append(Array.from({ length: 20 }, () => insertInto(orders, 'x'.repeat(50_000))));
  const client = await store.client();
  client.acknowledges = false;
  await client.start({ credit: 200_000 });
  await client.until(() => client.chunks.length > 1);
  await store.server.moveSessions(always);
  await store.server.close();
  expect((await client.closed()).code).toBe(1001);
});
