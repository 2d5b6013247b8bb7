import { expect, test } from 'vitest';
import { startHub, until } from '../support/hub.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { onServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';

// Of MySQL's transactions nobody can say that they were committed hours ago.
onServer('mariadb', 'a reader that retention overtakes', (flavour) => {
  test('is told so, and never has half a transaction', async () => {
    await using hub = await startHub({ flavour, stores: [] });
    // Written before the store comes, which takes its time from it: too old. Retention passes are a minute apart but for
    // the test's own.
    await using ledger = await Ledger.open(hub.source, 1, Date.now() - 2 * 3_600_000);
    // Of a megabyte each: the slow reader's window holds a part of one.
    for (let i = 0; i < 12; i++) await ledger.transact(1_200);
    await hub.startStore({ log: { retention: '1h' } });
    await hub.caughtUp();
    const sdk = await hub.connect();
    await using slow = new Reading(sdk.subscribe('shop', { from: 'earliest', windowBytes: 64 * 1024 }));
    await using quick = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    expect(rowTransactions(await quick.until(ledger.lastId))).toEqual(ledger.transactions);

    let transaction = await slow.next();
    while (transaction.id !== ledger.transactions[0]!.id) transaction = await slow.next();
    const changes = transaction.changes[Symbol.asyncIterator]();
    expect((await changes.next()).done).toBe(false);
    const { log } = hub.store.store;
    const passed = 8;
    await until(async () => {
      await log.trim();
      return log.extent().oldest.lsn > passed;
    }, 'the tail moves');

    const read: unknown[] = [];
    const readOn = async (): Promise<void> => {
      for (let rows = 1; ; rows++) {
        if ((await changes.next()).done !== true) continue;
        read.push(rows);
        break;
      }
      for (;;) read.push(rowTransactions([await slow.take()]));
    };
    await expect(readOn()).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });
    // Whole or not at all.
    const [first, ...others] = read;
    if (first !== undefined) expect(first).toBe(1_200);
    expect(others).toEqual(ledger.transactions.slice(1, 1 + others.length).map((one) => [one]));
    expect(others.length).toBeLessThan(passed);

    // Who is in time goes on undisturbed.
    await ledger.write(10);
    expect(rowTransactions(await quick.until(ledger.lastId))).toEqual(ledger.transactions.slice(12));
  });
});
