import { connect, memoryCheckpoints } from '@drc/client-sdk';
import { describe, expect, it } from 'vitest';
import type { FakeLog } from '../store/serve/fake-log.js';
import { StoreHarness, type HarnessOptions } from '../store/serve/store-harness.js';
import { FakeManager } from './support/fake-manager.js';
import { credentials, orderIds, read, transaction, until, type Shop } from './support/hub.js';
import { insertPart, order, orders } from './support/rows.js';

/** The store's own server, over a log in memory, and a hub that gets tickets which it takes. */
async function start(options: HarnessOptions<FakeLog> = {}) {
  const store = await StoreHarness.start<FakeLog>(options);
  store.log.register(orders);
  const address = `ws://127.0.0.1:${store.server.address.port}`;
  const manager = await FakeManager.start({ stores: [address], sign: () => store.signer.sign() });
  const hub = await connect({ clusterManager: manager.address, credentials });
  return {
    store,
    manager,
    hub,
    async [Symbol.asyncDispose]() {
      await hub.close();
      await manager[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

describe('the SDK and the store’s server', () => {
  it('agree about history, the tail and its end', async () => {
    await using pair = await start();
    for (let i = 1; i <= 300; i++) pair.store.log.append(transaction(i, 5, (i % 4) + 1).chunks);
    const subscription = pair.hub.subscribe<Shop>('shop', { from: 'earliest', windowBytes: 10_000 });
    const reading = read(subscription, 301);
    await until(() => subscription.status().kind === 'caughtUp');
    pair.store.log.append(transaction(301).chunks);
    const seen = await reading;
    expect(seen.map(({ id }) => id)).toEqual(Array.from({ length: 301 }, (_, index) => `0-1-${index + 1}`));
    expect(seen[6]!.rows).toEqual(Array.from({ length: 20 }, (_, row) => BigInt(70_000 + row)));
  });

  it('agree about checkpoints, large records and small windows', async () => {
    await using pair = await start();
    for (let i = 1; i <= 20; i++)
      pair.store.log.append([insertPart([order(i, 'x'.repeat(i * 20_000))]), ...transaction(i, 3, 2).chunks]);
    const checkpoints = memoryCheckpoints();
    for (let i = 1; i <= 20; i++) {
      const options = { from: 'earliest', checkpoints, windowBytes: i * 1000 } as const;
      const subscription = pair.hub.subscribe<Shop>('shop', options);
      for await (const tx of subscription) {
        expect(tx.id).toBe(`0-1-${i}`);
        expect((await orderIds(tx)).length).toBe(7);
        await subscription.commit(tx);
        break;
      }
    }
  });

  it('agree that a reader is about to fall off the log, until the store says so no more', async () => {
    await using pair = await start();
    pair.store.log.append(transaction(1).chunks);
    const subscription = pair.hub.subscribe<Shop>('shop', { from: 'earliest' });
    const reading = read(subscription, 2);
    await until(() => subscription.status().kind === 'caughtUp');
    expect(subscription.status()).not.toHaveProperty('fallsOffInMs');
    for (const reader of pair.store.server.readers) reader.tellFalling(1_800_000.5);
    await until(() => subscription.status().fallsOffInMs !== undefined);
    expect(subscription.status().fallsOffInMs).toBeLessThanOrEqual(1_800_001);
    // Not again so soon.
    for (const reader of pair.store.server.readers) reader.tellFalling(0);
    pair.store.log.append(transaction(2).chunks);
    await reading;
    expect(subscription.status()).not.toHaveProperty('fallsOffInMs');
  });

  it('keep a filtered reader’s checkpoint fresh', async () => {
    await using pair = await start();
    for (let i = 1; i <= 50; i++) pair.store.log.append(transaction(i).chunks);
    const checkpoints = memoryCheckpoints();
    const subscription = pair.hub.subscribe<Shop>('shop', {
      from: 'earliest',
      tables: ['depot.*'],
      checkpoints,
    });
    const reading = read(subscription, 1);
    await until(() => subscription.checkpoint?.covers('0-1-50') === true);
    await subscription.close();
    expect(await reading).toEqual([]);
    const next = pair.hub.subscribe<Shop>('shop', { from: 'earliest', checkpoints });
    const rest = read(next, 1);
    await until(() => next.status().kind === 'caughtUp');
    pair.store.log.append(transaction(51).chunks);
    expect((await rest).map(({ id }) => id)).toEqual(['0-1-51']);
  });

  it('agree that a ticket has run out, and go on with the next', async () => {
    let tickets = 0;
    await using pair = await start({ clockToleranceMs: 0 });
    const { signer } = pair.store;
    const sign = (): string =>
      signer.sign({ exp: Math.floor(Date.now() / 1000) + (++tickets === 1 ? 2 : 300) });
    await using manager = await FakeManager.start({ stores: pair.manager.stores, sign });
    await using hub = await connect({ clusterManager: manager.address, credentials });
    const subscription = hub.subscribe<Shop>('shop', { from: 'latest' });
    const reading = read(subscription, 1);
    await until(() => manager.tickets.length === 2 && subscription.status().kind === 'caughtUp');
    pair.store.log.append(transaction(1).chunks);
    expect((await reading).map(({ id }) => id)).toEqual(['0-1-1']);
  });

  it('tell a table that is not there, and one that may not be read', async () => {
    await using pair = await start({ hasTable: () => false });
    const named = pair.hub.subscribe<Shop>('shop', { tables: ['shop.nothing'] });
    await expect(read(named, 1)).rejects.toMatchObject({ code: 'TABLE_UNKNOWN' });
    const sign = (): string => pair.store.signer.sign({ grant: { tables: ['shop.buyers'] } });
    await using manager = await FakeManager.start({ stores: pair.manager.stores, sign });
    await using hub = await connect({ clusterManager: manager.address, credentials });
    const hidden = hub.subscribe<Shop>('shop', { tables: ['shop.orders'] });
    await expect(read(hidden, 1)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});
