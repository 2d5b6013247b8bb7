import { cp, rename } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { idsByLsn } from '../crash/log-contents.js';
import { startHub } from '../support/hub.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';

onEachServer('a store whose folder was restored from an older backup', (flavour) => {
  test('captures on from there, and gives a reader that was further on what it lacks, once it is there', async () => {
    await using hub = await startHub({ flavour });
    await using ledger = await Ledger.open(hub.source);
    const sdk = await hub.connect();
    const folder = hub.folder.file('store-1');
    await ledger.write(20);
    await hub.caughtUp();
    await hub.store.stop();
    await cp(folder, hub.folder.file('backup'), { recursive: true });
    await hub.store.start();
    await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    await ledger.write(20);
    const read = rowTransactions(await reading.until(ledger.lastId));

    await hub.store.stop();
    await rename(folder, hub.folder.file('lost'));
    await rename(hub.folder.file('backup'), folder);
    await hub.store.start();
    await ledger.write(5);
    read.push(...rowTransactions(await reading.until(ledger.lastId)));
    expect(read).toEqual(ledger.transactions);
    await hub.store.stop();
    const ids = await idsByLsn(folder);
    expect([...ids.values()].slice(-45)).toEqual(ledger.transactions.map(({ id }) => id));
  });
});
