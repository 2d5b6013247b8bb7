/** The tests of order-mail.ts. `node --test examples/dist/order-mail-test.js`: nothing else needs to run. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCheckpoints } from '@drc/client-sdk';
import { sliceOf, testHub, type TestTransaction } from '@drc/client-sdk/testing';
import { confirmOrders, type Mail, type Shop } from './order-mail.js';

const tables = {
  'shop.orders': {
    columns: {
      id: { type: 'bigint', unsigned: true },
      customer: 'text',
      total: { type: 'decimal', precision: 12, scale: 2 },
    },
    primaryKey: ['id'],
  },
} as const;

/** A transaction with one order. */
const order = (id: bigint): TestTransaction<Shop> => ({
  changes: [
    { kind: 'insert', table: 'shop.orders', after: { id, customer: `c${id}@example.org`, total: '9.90' } },
  ],
});

/** What the mail server has sent, by key. */
class Outbox {
  readonly sent = new Map<string, Mail>();
  handedOver = 0;

  readonly send = (mail: Mail): Promise<void> => {
    this.handedOver += 1;
    this.sent.set(mail.key, mail);
    return Promise.resolve();
  };
}

await test('each order is confirmed once, whatever goes wrong on the way', async () => {
  await using hub = testHub({
    topics: { shop: sliceOf([order(1n), order(2n), order(3n), order(4n)], tables) },
  });
  const faults = [
    hub.faults.cut('shop', { after: 1 }),
    hub.faults.repeat('shop', { after: 2, transactions: 2 }),
    hub.faults.failover('shop', { after: 3 }),
  ];
  const outbox = new Outbox();
  const service = confirmOrders(hub, outbox.send, memoryCheckpoints());
  await hub.done('shop');
  await hub.close();
  await service;
  deepEqual([...outbox.sent.keys()], ['order-1', 'order-2', 'order-3', 'order-4']);
  equal(outbox.handedOver, 6);
  ok(faults.every(({ happened }) => happened));
});

await test('a service that is started again goes on where it was', async () => {
  const checkpoints = memoryCheckpoints();
  const slice = sliceOf([order(1n), order(2n)], tables);
  for (const expected of [['order-1', 'order-2'], ['order-3']]) {
    await using hub = testHub({ topics: { shop: slice } });
    hub.append('shop', ...(expected.length === 1 ? [order(3n)] : []));
    const outbox = new Outbox();
    const service = confirmOrders(hub, outbox.send, checkpoints);
    await hub.done('shop');
    await hub.close();
    await service;
    deepEqual([...outbox.sent.keys()], expected);
  }
});

await test('what cannot be had any more ends the service in front of it', async () => {
  await using hub = testHub({ topics: { shop: sliceOf([order(1n), order(2n), order(3n)], tables) } });
  hub.faults.gap('shop', { after: 1 });
  const outbox = new Outbox();
  await rejects(confirmOrders(hub, outbox.send, memoryCheckpoints()), { code: 'GAP' });
  deepEqual([...outbox.sent.keys()], ['order-1']);
});
