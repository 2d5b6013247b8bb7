import { describe, expect, it } from 'vitest';
import { orderIds, rowsOf, startFakeHub, transaction, transactions, type Shop } from './support/hub.js';
import { insertPart, order } from './support/rows.js';

describe('the credit of a session', () => {
  it('never has more than the window under way, stalls with the loop, and goes on with it', async () => {
    await using fake = await startFakeHub({ log: transactions(400, 20), frameBytes: 1000 });
    const windowBytes = 20_000;
    const seen: string[] = [];
    for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest', windowBytes })) {
      seen.push(tx.id);
      if (seen.length === 100) {
        // The loop holds still: the store must come to a stop within the window.
        const session = fake.store.sessions[0]!;
        await stable(() => session.sentBytes);
        expect(session.outstanding).toBeGreaterThan(windowBytes - 1000);
      }
      if (seen.length === 400) break;
    }
    expect(seen.length).toBe(400);
    const [session] = fake.store.sessions;
    expect(session!.maxOutstanding).toBeLessThanOrEqual(windowBytes);
    expect(session!.maxOutstanding).toBeGreaterThan(windowBytes - 2000);
    expect(fake.store.sessions.length).toBe(1);
  });

  it('moves a record that is larger than the window, and a window smaller than a frame', async () => {
    const row = order(10_000, 'x'.repeat(1_000_000));
    const log = [{ id: '0-1-1', chunks: [insertPart([row])] }, transaction(2)];
    for (const windowBytes of [1, 5000, 100_000]) {
      await using fake = await startFakeHub({ log, frameBytes: 65_536 });
      const rows: unknown[] = [];
      for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest', windowBytes })) {
        for (const change of await tx.all()) rows.push('after' in change && change.after);
        if (tx.id === '0-1-2') break;
      }
      expect(rows).toEqual([row, order(20_000)]);
      expect(fake.store.sessions[0]!.maxOutstanding).toBeLessThanOrEqual(Math.max(windowBytes, 65_536));
    }
  });

  it('ends a session that sends more than it may', async () => {
    await using fake = await startFakeHub({ log: transactions(200, 10), frameBytes: 1000 });
    fake.store.faults.push({ isGreedy: true });
    const reading = (async () => {
      const options = { from: 'earliest', windowBytes: 10_000 } as const;
      for await (const _ of fake.hub.subscribe<Shop>('shop', options))
        await new Promise((resolve) => setTimeout(resolve, 5));
    })();
    await expect(reading).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION' });
  });

  it('reads a transaction of a million changes with flat memory', async () => {
    const rows = 4000;
    const chunks = 250;
    const chunk = insertPart(Array.from({ length: rows }, (_, row) => order(row, 'a note of some length')));
    await using fake = await startFakeHub({
      log: [{ id: '0-1-1', chunks: Array.from({ length: chunks }, () => chunk) }, transaction(2)],
      frameBytes: 65_536,
    });
    let changes = 0;
    let most = 0;
    globalThis.gc?.();
    const before = process.memoryUsage();
    for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest', windowBytes: 1024 * 1024 })) {
      if (tx.id === '0-1-2') break;
      for await (const change of tx.changes) {
        if (change.kind !== 'insert') throw new Error(change.kind);
        if (++changes % 100_000 === 0) {
          const { heapUsed, arrayBuffers } = process.memoryUsage();
          most = Math.max(most, heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers);
        }
      }
    }
    expect(changes).toBe(rows * chunks);
    // The whole transaction has 40 MB as sent, and some 200 MB as objects; the fake store's copy is in here too.
    expect(most).toBeLessThan(150 * 1024 * 1024);
  });

  it('keeps order within a transaction of many chunks and frames', async () => {
    const log = [transaction(1, 7, 300)];
    await using fake = await startFakeHub({ log, frameBytes: 333 });
    for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest', windowBytes: 5000 })) {
      expect(await orderIds(tx)).toEqual(rowsOf(log, 7, 300)[0]!.rows);
      break;
    }
  });
});

/** Resolves once the value has not changed for a while. */
async function stable(value: () => number): Promise<void> {
  for (let before = Number.NaN; before !== value(); ) {
    before = value();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
