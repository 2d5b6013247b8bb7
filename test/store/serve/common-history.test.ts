import { Checkpoint, DrcError, TransactionSet } from '@drc/protocol';
import { expect, test } from 'vitest';
import { insertInto, tableVersion, type FakeLog } from './fake-log.js';
import type { RawClient } from './raw-client.js';
import { StoreHarness } from './store-harness.js';

const orders = tableVersion('shop.orders');
const changed = new DrcError('SOURCE_HISTORY_CHANGED', 'It is another one.', { lsn: '4' });

/** A store with five transactions, three chunks each, of which the source has the first three. */
async function startStore(): Promise<StoreHarness<FakeLog>> {
  const store = await StoreHarness.start();
  store.log.register(orders);
  for (let lsn = 1; lsn <= 5; lsn++)
    store.log.append(['a', 'b', 'c'].map((part) => insertInto(orders, `${lsn}${part}`)));
  return store;
}

const endHistory = (store: StoreHarness<FakeLog>): void =>
  store.server.endHistory({ lsn: 4, error: changed });

const failureOf = (client: RawClient) => client.message('error');
const lsnsOf = (client: RawClient): number[] => [...new Set(client.chunks.map(({ chunk }) => chunk.lsn))];

const checkpointAt = (sequence: number) => {
  const set = TransactionSet.parse(`0-1-${sequence}`);
  return { kind: 'checkpoint', checkpoint: new Checkpoint({ topic: 'shop', set }).toString() } as const;
};

test('a reader from before a changed history gets all that the source still has, then the code', async () => {
  await using store = await startStore();
  endHistory(store);
  const client = await store.client();
  await client.start({ from: checkpointAt(1) });
  expect(await failureOf(client)).toMatchObject({ code: 'SOURCE_HISTORY_CHANGED', details: { lsn: '4' } });
  expect(lsnsOf(client)).toEqual([2, 3]);
  expect(client.chunks.length).toBe(6);
});

test('a reader that has, or waits for, what the source no longer has is refused', async () => {
  await using store = await startStore();
  endHistory(store);
  for (const from of [checkpointAt(3), checkpointAt(4), checkpointAt(5), { kind: 'latest' } as const]) {
    const client = await store.client();
    client.hello();
    client.subscribe({ from });
    expect(await failureOf(client)).toMatchObject({ code: 'SOURCE_HISTORY_CHANGED' });
    expect(client.chunks).toEqual([]);
  }
});

test('a reader at the head gets the code when the history changes', async () => {
  await using store = await startStore();
  const atHead = await store.client();
  await atHead.start();
  await atHead.message('caughtUp');
  endHistory(store);
  expect(await failureOf(atHead)).toMatchObject({ code: 'SOURCE_HISTORY_CHANGED' });
  expect(lsnsOf(atHead)).toEqual([1, 2, 3, 4, 5]);
});
