import { Checkpoint } from '@drc/client-sdk';
import { expect, test } from 'vitest';
import { startHub, until, type TestHub } from '../support/hub.js';
import { Ledger, rowTransactions } from '../support/ledger.js';
import { onEachServer, onServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';

/** MariaDB's commit times are whole seconds; the store goes back this much further than asked. */
const seekMarginMs = 10_000;

/** MySQL commits at its own time, whatever a session claims. */
onServer('mariadb', 'a timestamp', () => {
  test('gives everything from then on and little before it, whatever the source’s clock did', async () => {
    // History that was there before the store: what it reads as it is written, it knows the true time of.
    await using hub = await startHub({ stores: [] });
    const start = Math.floor(Date.now() / 1000) * 1000 - 3_600_000;
    await using ledger = await Ledger.open(hub.source, 1, start);
    const moments: number[] = [];
    for (let i = 0; i < 60; i++) {
      // An hour in steps of a minute, and in between the clock is set back for a while.
      moments.push(start + i * 60_000 - (i >= 30 && i < 35 ? 900_000 : 0));
      await ledger.transact(3, moments[i]);
    }
    await hub.startStore();
    await hub.caughtUp();
    const sdk = await hub.connect();
    for (const moment of [
      start,
      start + 90_000,
      start + 18 * 60_000,
      start + 40 * 60_000 + 1,
      start + 59 * 60_000,
    ]) {
      await using reading = new Reading(sdk.subscribe('shop', { from: { timestamp: moment } }));
      const read = rowTransactions(await reading.until(ledger.lastId));
      const first = ledger.transactions.findIndex(({ id }) => id === read[0]!.id);
      // No omission: all behind the first, and nothing before it is as young as the moment.
      expect(read).toEqual(ledger.transactions.slice(first));
      expect(moments.slice(0, first).every((time) => time < moment)).toBe(true);
      // Nor much more than that: the transactions are a minute apart.
      const newestBefore = Math.max(...moments.slice(0, first + 1));
      expect(newestBefore).toBeGreaterThanOrEqual(moment - seekMarginMs - 60_000);
    }
  });
});

onEachServer('a timestamp', (flavour) => {
  test('older than the log is an error that names the oldest moment', async () => {
    await using hub = await startHub({ flavour, stores: [] });
    await using ledger = await Ledger.open(hub.source);
    await ledger.write(5);
    const store = await hub.startStore({ capture: { start: 'now' } });
    await until(() => store.store.capture.state.kind === 'streaming', 'streaming');
    await ledger.write(5);
    await store.reaches(ledger.lastId);
    const sdk = await hub.connect();
    await using reading = new Reading(sdk.subscribe('shop', { from: { timestamp: Date.now() - 3_600_000 } }));
    await expect(reading.take()).rejects.toMatchObject({
      code: 'RETENTION_EXPIRED',
      details: { oldest: expect.any(String) as string },
    });
  });
});

onEachServer('a checkpoint', (flavour) => {
  test('goes on behind its transaction, on the same store or on another of the topic', async () => {
    await using hub = await startHub({ flavour, stores: [{}, {}] });
    await using ledger = await Ledger.open(hub.source);
    await ledger.write(60);
    await hub.caughtUp();
    const sdk = await hub.connect();
    const taken: Checkpoint[] = [];
    {
      await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
      taken.push(...(await reading.until(ledger.lastId)).slice(3).map(({ checkpoint }) => checkpoint));
    }
    expect(taken).toHaveLength(60);
    const [first, second] = hub.stores;
    for (const stopped of [undefined, first!, second!]) {
      await stopped?.stop();
      for (const at of [0, 7, 29, 58]) {
        const from = { checkpoint: taken[at]!.toString() };
        await using reading = new Reading(sdk.subscribe('shop', { from }));
        expect(rowTransactions(await reading.until(ledger.lastId))).toEqual(
          ledger.transactions.slice(at + 1),
        );
      }
      await stopped?.start();
    }
  });

  test('moves a running reader to the other store when its own stops', async () => {
    await using hub = await startHub({ flavour, stores: [{}, {}] });
    await using ledger = await Ledger.open(hub.source);
    const sdk = await hub.connect();
    await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    const read = [];
    for (let round = 0; round < 4; round++) {
      read.push(...(await reading.until(await ledger.write(20))));
      const status = reading.subscription.status();
      const own = 'store' in status ? status.store : undefined;
      const store = hub.stores.find(({ store }) => store.log.lineage === own)!;
      expect(store).toBeDefined();
      await store.stop();
      read.push(...(await reading.until(await ledger.write(10))));
      await store.start();
    }
    expect(rowTransactions(read)).toEqual(ledger.transactions);
  });
});

/** MySQL's GTIDs of other servers may come yet: whoever has them waits. */
onServer('mariadb', 'a checkpoint', () => {
  test('of a transaction that the source never had does not go on silently', async () => {
    await using hub = await startHub();
    await using ledger = await Ledger.open(hub.source);
    await ledger.write(5);
    await hub.caughtUp();
    const sdk = await hub.connect();
    const [domain, , sequence] = ledger.lastId.split('-');
    const set = Checkpoint.parse(await someCheckpoint(hub)).set;
    set.add(`${domain}-99-${sequence}`);
    const checkpoint = new Checkpoint({ topic: 'shop', set });
    await using reading = new Reading(sdk.subscribe('shop', { from: { checkpoint } }));
    await ledger.write(2);
    await expect(reading.take()).rejects.toMatchObject({ code: 'CHECKPOINT_DIVERGED' });
  });
});

/** By times that a session claims, which MySQL does not take. */
onServer('mariadb', 'two stores of one topic, one of them younger', () => {
  test('the younger is never named for a moment that it lacks', async () => {
    await using hub = await startHub({ stores: [{}] });
    await using ledger = await Ledger.open(hub.source);
    const hour = Math.floor(Date.now() / 1000) * 1000 - 3_600_000;
    for (let i = 0; i < 20; i++) await ledger.transact(2, hour + i * 60_000);
    await hub.caughtUp();
    const older = hub.store.store.log.lineage;
    const sdk = await hub.connect();
    const checkpoints: string[] = [];
    await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    for (const { checkpoint } of await reading.until(ledger.lastId)) checkpoints.push(checkpoint.toString());
    const young = await hub.startStore({ capture: { start: 'now' } });
    await until(() => young.store.capture.state.kind === 'streaming', 'streaming');
    const younger = young.store.log.lineage;
    for (let i = 0; i < 5; i++) await ledger.transact(2, Date.now());
    await hub.caughtUp();
    for (const { checkpoint } of await reading.until(ledger.lastId)) checkpoints.push(checkpoint.toString());
    // Until the younger has told the manager of its extent.
    await until(async () => (await storesFor(hub, 'latest')).length === 2, 'both announced');
    await until(
      async () => (await storesFor(hub, `checkpoint:${checkpoints.at(-1)}`)).length === 2,
      'both cover the end',
    );

    expect(await storesFor(hub, 'earliest')).toEqual([older]);
    const { coversFrom } = young.store.log.extent();
    for (const moment of [0, hour, hour + 600_000, coversFrom - 1])
      expect(await storesFor(hub, `timestamp:${moment}`)).toEqual([older]);
    expect(await storesFor(hub, `timestamp:${coversFrom}`)).toEqual([older, younger].sort());
    // The DDL of the ledger is 3 transactions; the younger has what came behind transaction 23.
    expect(checkpoints).toHaveLength(28);
    for (const [at, checkpoint] of checkpoints.entries())
      expect([at, await storesFor(hub, `checkpoint:${checkpoint}`)]).toEqual([
        at,
        at < 22 ? [older] : [older, younger].sort(),
      ]);

    // Without the older there is nobody who has them.
    await hub.store.stop();
    for (const from of [{ timestamp: hour }, { checkpoint: checkpoints[10]! }]) {
      await using late = new Reading(sdk.subscribe('shop', { from }));
      await expect(late.take()).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });
    }
    await using resumed = new Reading(sdk.subscribe('shop', { from: { checkpoint: checkpoints[24]! } }));
    expect(rowTransactions(await resumed.until(ledger.lastId))).toEqual(ledger.transactions.slice(22));
  });
});

async function someCheckpoint(hub: TestHub): Promise<string> {
  const sdk = await hub.connect();
  await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
  return (await reading.take()).checkpoint.toString();
}

/** Ids of the stores that the manager names for a moment, sorted. */
async function storesFor(hub: TestHub, from: string): Promise<string[]> {
  const response = await fetch(`${hub.manager.url}/v1/topics/shop/stores?from=${from}`, {
    headers: { authorization: `Bearer ${hub.clientKey}` },
  });
  const body = (await response.json()) as { stores?: { id: string }[] };
  return (body.stores ?? []).map(({ id }) => id).sort();
}
