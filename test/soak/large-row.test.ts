import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { startHub } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';

const bytes = 64 * 1024 * 1024;

onEachServer('a row of 64 MiB', (flavour) => {
  test('arrives whole, and so does what stands around it', async () => {
    await using hub = await startHub({ flavour });
    await hub.source.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v LONGBLOB)');
    await using reading = new Reading((await hub.connect()).subscribe('shop', { from: 'earliest' }));
    await hub.source.query(
      `BEGIN; INSERT INTO shop.t VALUES (1, 'before'), (2, REPEAT(x'00ff10e7', ${bytes / 4})); INSERT INTO shop.t VALUES (3, 'behind'); COMMIT`,
    );
    const last = await hub.lastId();
    let transaction = await reading.next();
    while (transaction.id !== last) {
      for await (const _ of transaction.changes);
      transaction = await reading.next();
    }
    const ids: unknown[] = [];
    let value: Buffer = Buffer.alloc(0);
    for await (const change of transaction.changes) {
      if (change.kind !== 'insert') throw new Error(`A ${change.kind} is there.`);
      ids.push(change.after['id']);
      if (change.after['id'] === 2) value = change.after['v'] as Buffer;
    }
    expect(ids).toEqual([1, 2, 3]);
    const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
    expect([value.length, digest(value)]).toEqual([
      bytes,
      digest(Buffer.alloc(bytes, Buffer.of(0, 0xff, 0x10, 0xe7))),
    ]);
  });
});
