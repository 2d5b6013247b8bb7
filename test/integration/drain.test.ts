import { memoryCheckpoints, type Subscription } from '@drc/client-sdk';
import { jsonRequest } from '@drc/protocol';
import { expect, test } from 'vitest';
import { newestId } from '../support/gtid.js';
import { startHub, until, type TestHub } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const create = 'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)';
const names = Array.from({ length: 20 }, (_, number) => `service-${number}`);

/** Which of the hub's stores a subscription reads from; undefined while it has no session. */
function storeOf(hub: TestHub, subscription: Subscription): number | undefined {
  const status = subscription.status();
  if (!('store' in status)) return undefined;
  return hub.stores.findIndex(({ store }) => store.log.lineage === status.store);
}

/** The store that the manager names first for a reader of this name, as the index in the hub. */
async function firstFor(hub: TestHub, name: string): Promise<number> {
  const path = `/v1/topics/shop/stores?from=earliest&reader=${name}`;
  const answer = await jsonRequest(hub.managerUrl, {
    method: 'GET',
    path,
    token: hub.clientKey,
    timeoutMs: 30_000,
    maxAnswerBytes: 100_000,
  });
  const { stores } = JSON.parse(answer.text) as { stores?: { id: string }[] };
  return hub.stores.findIndex(({ store }) => store.log.lineage === stores?.[0]?.id);
}

const firstForEach = (hub: TestHub, readers: readonly string[] = names): Promise<number[]> =>
  Promise.all(readers.map((name) => firstFor(hub, name)));

/** So many that one of three stores without any of them is no matter of chance. */
const many = Array.from({ length: 80 }, (_, number) => `many-${number}`);

onEachServer('draining a store', (flavour) => {
  test('moves its readers to the others behind whole transactions, without a gap or a repeat', async () => {
    await using hub = await startHub({ flavour, stores: [{}, {}, {}] });
    await hub.source.query(create);
    const sdk = await hub.connect();
    const readings = names.map((name) => new Reading(sdk.subscribe('shop', { from: 'earliest', name })));
    const idsOf = readings.map((): unknown[] => []);
    const read = async (last: number): Promise<void> => {
      await Promise.all(
        readings.map(async (reading, index) => {
          while (idsOf[index]!.at(-1) !== last)
            for (const change of (await reading.take()).changes)
              if (change.kind === 'insert') idsOf[index]!.push(change.after['id']);
        }),
      );
    };
    let written = 0;
    const write = async (): Promise<number> => {
      await hub.source.query(`INSERT INTO shop.t VALUES (${++written})`);
      return written;
    };
    // Until all have begun to capture, and have said so, those that have are named first.
    await until(
      async () => new Set(await firstForEach(hub, many)).size === 3,
      'The readers are not spread over the stores.',
      200,
    );
    const placed = await firstForEach(hub);
    await read(await write());
    const places = readings.map(({ subscription }) => storeOf(hub, subscription));
    const drained = places[0]!;
    const { store } = hub.stores[drained]!;

    store.drain.begin(true);
    const writing = (async () => {
      while (store.drain.status.readers > 0) await write();
      for (let more = 0; more < 5; more++) await write();
    })();
    await store.drain.emptied;
    await writing;
    await read(written);
    for (const ids of idsOf) expect(ids).toEqual(Array.from({ length: written }, (_, index) => index + 1));
    const after = readings.map(({ subscription }) => storeOf(hub, subscription));
    expect(after).not.toContain(drained);
    // Who was elsewhere has stayed there.
    places.forEach((place, index) => {
      if (place !== drained) expect(after[index]).toBe(place);
    });

    await using late = new Reading(sdk.subscribe('shop', { from: 'earliest', name: names[0]! }));
    await late.take();
    expect(storeOf(hub, late.subscription)).not.toBe(drained);
    store.drain.undo();
    // Readers that have gone do not come back by themselves; who comes anew is placed as before.
    await until(async () => {
      const now = await firstForEach(hub);
      return now.every((place, index) => place === placed[index]);
    }, 'The readers are not placed as before.');
    expect(store.drain.status).toMatchObject({ draining: false, readers: 0 });
    for (const reading of readings) await reading[Symbol.asyncDispose]();
  });

  test('leaves a reader where no other store has its place, until one has', async () => {
    await using hub = await startHub({ flavour });
    await hub.source.query(create);
    const sdk = await hub.connect();
    await using reading = new Reading(
      sdk.subscribe('shop', { from: 'earliest', checkpoints: memoryCheckpoints() }),
    );
    await reading.until(await newestId(hub.source));
    const { store } = hub.store;
    store.drain.begin(false);
    await until(() => store.drain.status.otherStores === 0, 'No manager has answered.');
    await hub.source.query('INSERT INTO shop.t VALUES (1)');
    await reading.until(await newestId(hub.source));
    expect(store.drain.status).toMatchObject({ draining: true, readers: 1, staying: 1 });
    expect(storeOf(hub, reading.subscription)).toBe(0);

    await hub.startStore();
    await until(() => store.drain.status.readers === 0, 'The reader does not go to the new store.');
    await hub.source.query('INSERT INTO shop.t VALUES (2)');
    const [next] = await reading.until(await newestId(hub.source));
    expect(next!.changes).toMatchObject([{ kind: 'insert', after: { id: 2 } }]);
    expect(storeOf(hub, reading.subscription)).toBe(1);
  });

  test('happens by itself where capture has stopped, and another store goes on', async () => {
    await using hub = await startHub({ flavour, stores: [] });
    await using proxy = await startTcpProxy(hub.source);
    await hub.source.query(create);
    const alone = await hub.startStore({ source: proxy });
    const sdk = await hub.connect();
    await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    await reading.until(await newestId(hub.source));
    // What comes from the source from here on is damaged, somewhere in the rows.
    proxy.set({ kind: 'flip', offset: 100_000, direction: 'toClient' });
    proxy.cut();
    await hub.source.query('CREATE TABLE shop.large (id INT PRIMARY KEY, text LONGTEXT)');
    await hub.source.query("INSERT INTO shop.large VALUES (1, REPEAT('x', 300000))");
    await until(() => alone.store.capture.state.kind === 'stopped', 'Capture does not stop.');
    expect(alone.store.capture.state).toMatchObject({ error: { code: 'CHECKSUM_MISMATCH' } });
    expect(storeOf(hub, reading.subscription)).toBe(0);
    await hub.startStore();
    const seen = await reading.until(await newestId(hub.source));
    expect(seen.at(-1)!.changes).toMatchObject([{ kind: 'insert', after: { id: 1 } }]);
    expect(storeOf(hub, reading.subscription)).toBe(1);
  });
});
