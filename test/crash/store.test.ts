import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHub, type TestHub } from '../support/hub.js';
import { HubProcess } from '../support/hub-process.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import type { Flavour } from '../support/database-server.js';
import { onEachServer, onServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';

const folder = 'store';
const log = { syncInterval: '50ms' };

type KillPoint = readonly [point: string, times: number];

/** A store of a source with these arguments that is killed at each of the points. */
function goesOn(flavour: Flavour, args: readonly string[], points: readonly KillPoint[]): void {
  let hub: TestHub;
  let ledger: Ledger;
  let reading: Reading;
  let settings: Record<string, unknown>;
  /** How many of the ledger's transactions have been read and compared. */
  let done = 0;
  beforeAll(async () => {
    hub = await startHub({ flavour, server: { args }, stores: [] });
    ledger = await Ledger.open(hub.source);
    settings = hub.storeSettings({ folder, log });
    reading = new Reading((await hub.connect()).subscribe('shop', { from: 'earliest' }));
  });
  afterAll(async () => {
    await ledger[Symbol.asyncDispose]();
    await hub[Symbol.asyncDispose]();
  });

  test.each(points)('at %s, time %i, goes on with what comes next', async (point, times) => {
    await using store = await HubProcess.store(hub, settings, { point, times });
    for (let round = 0; !store.hasEnded; round++) {
      await ledger.write(4);
      await sleep(15);
      // Of many chunks.
      if (round % 5 === 2) await ledger.transact(700);
      if (round === 200) throw new Error(`The store never comes by ${point}.`);
    }
    expect(await store.ended()).toBe('SIGKILL');
    expect(store.point).toBe(point);
    await ledger.write(2);
    await using _restarted = await hub.startStore({ folder, log });
    await ledger.write(2);
    // Every transaction once, as it was committed, in order.
    const read = rowTransactions(await reading.until(ledger.lastId));
    expect(read).toEqual(ledger.transactions.slice(done));
    done += read.length;
  });
}

onEachServer('a store that is killed while a reader runs', (flavour) => {
  goesOn(
    flavour,
    [],
    [
      ['group-begin', 1],
      ['group-begin', 30],
      ['chunk', 1],
      ['chunk', 7],
      ['group-end', 1],
      ['group-end', 30],
      ['flush.begin', 12],
      ['flush.written', 1],
      ['flush.written', 12],
      ['flush.done', 12],
      ['flushed', 12],
      ['sync.begin', 3],
      ['sync.files', 3],
      ['sync.mark', 3],
    ],
  );
});

/** The log knows these transactions, and where capture goes on, by nothing but their place. */
onServer('mysql', 'a store that is killed while a reader runs, of a source without GTIDs,', (flavour) => {
  goesOn(
    flavour,
    ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF'],
    [
      ['chunk', 7],
      ['group-end', 30],
      ['flush.begin', 12],
      ['flush.written', 12],
      ['sync.files', 3],
    ],
  );
});
