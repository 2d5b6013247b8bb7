import { expect, test } from 'vitest';
import { startHub } from '../support/hub.js';
import { HubProcess } from '../support/hub-process.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { Reading } from '../support/reading.js';

test('readers that stall for the whole run cost neither memory nor time of anybody else', async () => {
  await using hub = await startHub({ stores: [] });
  await using ledger = await Ledger.open(hub.source);
  await using store = await HubProcess.store(hub, hub.storeSettings());
  const sdk = await hub.connect();
  await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
  await reading.until(await ledger.write(1));
  const stalled = Array.from({ length: 20 }, () => new Reading(sdk.subscribe('shop', { from: 'earliest' })));
  for (const one of stalled) await one.take();
  const write = async (): Promise<void> => {
    const done = ledger.transactions.length;
    // Some 4 MB; with what is unread, far more than any window.
    for (let i = 0; i < 6; i++) await ledger.transact(1_500);
    expect(rowTransactions(await reading.until(ledger.lastId))).toEqual(ledger.transactions.slice(done));
  };
  await write();
  const before = await store.memoryMiB();
  for (let round = 0; round < 3; round++) await write();
  const after = await store.memoryMiB();
  console.log(`store: ${before.toFixed(0)} MiB, then ${after.toFixed(0)} MiB`);
  // 12 MB went by 20 readers that read none of it.
  expect(after - before).toBeLessThan(80);
  // One of them wakes up, and lacks nothing.
  const woken = rowTransactions(await stalled[7]!.until(ledger.lastId));
  expect(woken).toEqual(ledger.transactions);
});
