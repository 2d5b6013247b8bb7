import { expect, test } from 'vitest';
import { startHub, until } from '../support/hub.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { Reading } from '../support/reading.js';

test('streams go on while the cluster manager is away, and everything finds together when it is back', async () => {
  await using hub = await startHub();
  await using ledger = await Ledger.open(hub.source);
  const sdk = await hub.connect();
  await using running = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
  const read = await running.until(await ledger.write(20));

  await hub.stopManager();
  const { announcer } = hub.store.store;
  await until(() => announcer.state.kind === 'failing', 'the store misses the manager');
  read.push(...(await running.until(await ledger.write(20))));
  // One that begins now waits for it.
  await using waiting = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
  const later = waiting.until(await ledger.write(20));
  await until(() => waiting.subscription.status().kind === 'disconnected', 'the reader misses the manager');

  await hub.startManager();
  expect(rowTransactions(await later)).toEqual(ledger.transactions);
  read.push(...(await running.until(ledger.lastId)));
  expect(rowTransactions(read)).toEqual(ledger.transactions);
  expect(announcer.state.kind).toBe('announced');
});

test('a store that restarts while the manager is away lets readers with a ticket in', async () => {
  await using hub = await startHub({ stores: [{}] });
  await using ledger = await Ledger.open(hub.source);
  const sdk = await hub.connect();
  await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
  const read = await reading.until(await ledger.write(20));
  await hub.stopManager();
  await hub.store.stop();
  const restarted = hub.store.start();
  await ledger.write(20);
  await hub.startManager();
  await restarted;
  read.push(...(await reading.until(ledger.lastId)));
  expect(rowTransactions(read)).toEqual(ledger.transactions);
});
