import { expect, test } from 'vitest';
import { startHub } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { HubProcess } from '../support/hub-process.js';
import { Reading } from '../support/reading.js';

const rows = 1_000_000;
/** What the process has without any load is some 100 MiB; the transaction is of some 500 MiB. */
const allowedMiB = 400;
const sampleMs = 50;

/** 1 to a million, as `seq`. */
const digits = Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS d`).join(' UNION ALL ');
const places = ['a', 'b', 'c', 'd', 'e', 'f'];
const numbers = `SELECT 1 + ${places.map((place, power) => `${10 ** power} * ${place}.d`).join(' + ')} AS seq FROM ${places.map((place) => `(${digits}) AS ${place}`).join(', ')}`;

onEachServer('a transaction of a million rows', (flavour) => {
  test('goes through the store in bounded memory', async () => {
    await using hub = await startHub({ flavour, stores: [] });
    await hub.source.query('CREATE DATABASE shop');
    await hub.source.query('CREATE TABLE shop.big (id INT PRIMARY KEY, a BIGINT, b VARCHAR(500))');
    await using store = await HubProcess.store(hub, hub.storeSettings());
    await using reading = new Reading((await hub.connect()).subscribe('shop', { from: 'earliest' }));
    await reading.take();
    await reading.take();
    const before = await store.memoryMiB();
    let peak = before;
    const sampling = setInterval(() => {
      void store.memoryMiB().then((now) => (peak = Math.max(peak, now)));
    }, sampleMs);
    await hub.source.query(
      `INSERT INTO shop.big SELECT seq, seq * 1000003, REPEAT('x', 500) FROM (${numbers}) AS numbers ORDER BY seq`,
    );
    const last = await hub.lastId();
    const transaction = await reading.next();
    expect(transaction.id).toBe(last);
    let id = 0;
    for await (const change of transaction.changes) {
      id++;
      if (
        change.kind !== 'insert' ||
        change.after['id'] !== id ||
        change.after['a'] !== BigInt(id) * 1_000_003n
      )
        throw new Error(`Row ${id} is another: ${change.kind}`);
    }
    expect(id).toBe(rows);
    clearInterval(sampling);
    console.log(`store: ${before.toFixed(0)} MiB before, ${peak.toFixed(0)} MiB at most`);
    expect(peak).toBeLessThan(allowedMiB);
  });
});
