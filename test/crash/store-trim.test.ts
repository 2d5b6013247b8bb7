import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startHub } from '../support/hub.js';
import { HubProcess } from '../support/hub-process.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading, type ReadTransaction } from '../support/reading.js';
import { idsByLsn } from './log-contents.js';

const folder = 'store';

onEachServer('a store that is killed while it deletes what is too old', (flavour) => {
  test.each([
    ['trim.tail', 2],
    ['trim.step', 3],
    ['trim.done', 2],
  ] as const)(
    'at %s, time %i, has a log without a hole, and its reader lacks nothing',
    async (point, times) => {
      await using hub = await startHub({ flavour, stores: [] });
      // Too old when they are written: each pass, four in a second, deletes a twentieth.
      await using ledger = await Ledger.open(hub.source, 1, Date.now() - 3_600_000);
      const short = hub.storeSettings({ folder, log: { retention: '1s' } });
      await using reading = new Reading((await hub.connect()).subscribe('shop', { from: 'earliest' }));
      const read: ReadTransaction[] = [];
      {
        await using _store = await hub.startStore({ folder });
        read.push(...(await reading.until(await ledger.write(100))));
      }
      await using store = await HubProcess.store(hub, short, { point, times });
      // Slowly: what the reader has yet to fetch must not grow old before it comes back.
      while (!store.hasEnded) {
        await ledger.write(1);
        await sleep(25);
      }
      expect(await store.ended()).toBe('SIGKILL');
      expect(store.point).toBe(point);
      {
        await using _restarted = await hub.startStore({ folder });
        await ledger.write(5);
        read.push(...(await reading.until(ledger.lastId)));
        expect(rowTransactions(read)).toEqual(ledger.transactions);
        const left = rowTransactions(await hub.readAll(ledger.lastId));
        expect(left.length).toBeLessThan(ledger.transactions.length);
        expect(left).toEqual(ledger.transactions.slice(-left.length));
      }
      const ids = await idsByLsn(hub.folder.file(folder));
      const [oldest] = ids.keys();
      expect(oldest).toBeGreaterThan(1);
      expect([...ids.keys()]).toEqual(Array.from(ids.keys(), (_, index) => oldest! + index));
    },
  );
});
