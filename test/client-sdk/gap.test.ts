import { connect } from '@drc/client-sdk';
import { expect, it } from 'vitest';
import { FakeManager } from './support/fake-manager.js';
import { FakeStore } from './support/fake-store.js';
import { credentials, read, rowsOf, transactions, type Shop } from './support/hub.js';

it('a gap ends the loop behind what came before it, is not tried again, and no other store is asked', async () => {
  const log = transactions(3);
  await using first = await FakeStore.start({ log });
  await using second = await FakeStore.start({ log, id: 'store-2', lineage: '1'.repeat(32) });
  await using manager = await FakeManager.start({ stores: [first.address, second.address] });
  await using hub = await connect({ clusterManager: manager.address, credentials });
  const error = { code: 'GAP', details: { transaction: '0-1-3', reason: 'batch job' } } as const;
  // The table version and two transactions.
  first.faults.push({ cutAfterRecords: 3, error });
  const seen: string[] = [];
  const subscription = hub.subscribe<Shop>('shop', { from: 'earliest' });
  await expect(
    (async () => {
      for await (const { id } of subscription) seen.push(id);
    })(),
  ).rejects.toMatchObject({ code: 'GAP', retryable: false, details: error.details });
  expect(seen).toEqual(['0-1-1', '0-1-2']);
  expect(subscription.status()).toMatchObject({ kind: 'closed', error: { code: 'GAP' } });
  expect([first.sessions.length, second.sessions.length]).toEqual([1, 0]);

  // Whoever knows of none says nothing: a store of an older version reads the same message as ever.
  const from = { checkpoint: subscription.checkpoint! };
  const acknowledgeGaps = ['0-1-3', '0-1-77'];
  const onward = hub.subscribe<Shop>('shop', { from, acknowledgeGaps });
  expect(await read(onward, 1)).toEqual(rowsOf(log.slice(2)));
  const asked = first.sessions.flatMap(({ subscribes }) => subscribes);
  expect(asked.map((message) => message.acknowledgeGaps)).toEqual([undefined, acknowledgeGaps]);
});
