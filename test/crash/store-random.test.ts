import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startHub } from '../support/hub.js';
import { HubProcess } from '../support/hub-process.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { onEachServer } from '../support/on-each-server.js';
import { Random } from '../support/random.js';
import { Reading } from '../support/reading.js';
import { rounds } from '../support/rounds.js';
import { testSeed } from '../support/test-seed.js';
import { idsByLsn } from './log-contents.js';

const folder = 'store';

onEachServer('a store that is killed while a reader runs', (flavour) => {
  test('at random times goes on with what comes next', async () => {
    const random = new Random(testSeed());
    await using hub = await startHub({ flavour, stores: [] });
    await using ledger = await Ledger.open(hub.source);
    const settings = hub.storeSettings({ folder, log: { syncInterval: '50ms' } });
    await using reading = new Reading((await hub.connect()).subscribe('shop', { from: 'earliest' }));
    for (let round = 0; round < rounds(3, 20); round++) {
      await using store = await HubProcess.store(hub, settings);
      const writing = ledger.write(20 + random.below(60));
      await sleep(random.below(400));
      store.kill();
      await writing;
    }
    {
      await using _last = await hub.startStore({ folder });
      expect(rowTransactions(await reading.until(ledger.lastId))).toEqual(ledger.transactions);
      expect(rowTransactions(await hub.readAll(ledger.lastId))).toEqual(ledger.transactions);
    }
    const ids = await idsByLsn(hub.folder.file(folder));
    expect([...ids.keys()]).toEqual(Array.from({ length: ids.size }, (_, index) => index + 1));
    // The ledger's three definitions come first; of rolled back transactions the source writes nothing.
    expect([...ids.values()].slice(3)).toEqual(ledger.transactions.map(({ id }) => id));
  });
});
