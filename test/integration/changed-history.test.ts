import { expect, test } from 'vitest';
import { newestId } from '../support/gtid.js';
import { startHub, until } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';
import { promote, replicated, startReplica } from '../support/replication.js';
import { startServer } from '../support/database-server.js';

onEachServer('readers of a source whose history has changed', (flavour) => {
  test('get what the source still has, and the code where they would have waited for ever', async () => {
    await using primary = await startServer(flavour);
    await using replica = await startReplica(primary);
    await primary.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
    await primary.query('INSERT INTO shop.t VALUES (1)');
    const common = await newestId(primary);
    await replicated(primary, replica);
    await promote(replica);
    for (const id of [2, 3, 4]) await primary.query(`INSERT INTO shop.t VALUES (${id})`);
    const newest = await newestId(primary);

    await using hub = await startHub({ source: primary, stores: [{ folder: 'one', source: [primary] }] });
    const sdk = await hub.connect();
    await using live = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    const all = await live.until(newest);
    await hub.store.stop();
    // It becomes the source although it lacks the last three transactions.
    const store = await hub.startStore({ folder: 'one', source: [replica] });
    await until(() => store.store.capture.state.kind === 'stopped', 'Capture goes on.');

    await expect(live.take()).rejects.toMatchObject({ code: 'SOURCE_HISTORY_CHANGED' });
    await using latest = new Reading(sdk.subscribe('shop', { from: 'latest' }));
    await expect(latest.take()).rejects.toMatchObject({ code: 'SOURCE_HISTORY_CHANGED' });
    await using earliest = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    expect((await earliest.until(common)).map(({ id }) => id)).toEqual(all.slice(0, -3).map(({ id }) => id));
    await expect(earliest.take()).rejects.toMatchObject({ code: 'SOURCE_HISTORY_CHANGED' });
    // A store that goes on from before the change does better, where the reader has nothing of what was lost.
    await hub.startStore({ source: [replica] });
    await replica.query('INSERT INTO shop.t VALUES (9)');
    const from = { checkpoint: all.at(-4)!.checkpoint.toString() };
    await using moved = new Reading(sdk.subscribe('shop', { from }));
    expect((await moved.until(await newestId(replica))).map(({ changes }) => changes.length)).toEqual([1]);
  });
});
