import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoredChunk } from '../../../store/src/log/chunk-record.js';
import { RecentChunks } from '../../../store/src/log/recent-chunks.js';

const chunkOf = (lsn: number, chunk: number, last: boolean, size: number): StoredChunk => ({
  lsn,
  chunk,
  last,
  logTime: 0,
  commitTime: 0,
  id: '',
  origin: '',
  partsAt: 0,
  bytes: Buffer.alloc(size),
});

test('holds the newest chunks within its bytes, and finds each of them and no other', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.array(fc.array(fc.nat(60), { minLength: 1, maxLength: 4 }), { maxLength: 60 }),
      fc.nat(30),
      (maxBytes, transactions, overheadBytes) => {
        const recent = new RecentChunks(maxBytes, overheadBytes);
        const all: StoredChunk[] = [];
        for (const [index, sizes] of transactions.entries()) {
          for (const [chunk, size] of sizes.entries()) {
            all.push(chunkOf(index + 1, chunk, chunk === sizes.length - 1, size));
            recent.add(all.at(-1)!);
          }
        }
        expect(recent.bytes).toBeLessThanOrEqual(maxBytes);
        let isHeld = false;
        let held = 0;
        for (const [at, { lsn, chunk }] of all.entries()) {
          const burst = recent.read({ lsn, chunk }, transactions.length, Number.MAX_SAFE_INTEGER);
          if (isHeld) expect(burst).toBeDefined();
          isHeld ||= burst !== undefined;
          if (burst === undefined) continue;
          held += all[at]!.bytes.length + overheadBytes;
          expect(burst.chunks).toEqual(all.slice(at));
          expect(burst.next).toEqual({ lsn: transactions.length + 1, chunk: 0 });
        }
        expect(recent.bytes).toBe(held);
        expect(recent.read({ lsn: transactions.length + 1, chunk: 0 }, 1e9, 1)).toBeUndefined();
      },
    ),
  );
});

test('gives nothing beyond the head it is told, and about what is asked for, but at least one', () => {
  const recent = new RecentChunks(1000, 0);
  for (let lsn = 1; lsn <= 5; lsn++) recent.add(chunkOf(lsn, 0, true, 10));
  expect(recent.read({ lsn: 2, chunk: 0 }, 3, 1000)?.chunks.map(({ lsn }) => lsn)).toEqual([2, 3]);
  expect(recent.read({ lsn: 2, chunk: 0 }, 5, 0)?.chunks.map(({ lsn }) => lsn)).toEqual([2]);
  expect(recent.read({ lsn: 2, chunk: 0 }, 5, 15)?.chunks.map(({ lsn }) => lsn)).toEqual([2, 3]);
});

test('forgets what was dropped', () => {
  const recent = new RecentChunks(1000, 0);
  recent.add(chunkOf(1, 0, true, 10));
  for (let chunk = 0; chunk < 3; chunk++) recent.add(chunkOf(2, chunk, false, 10));
  recent.dropFrom({ lsn: 2, chunk: 1 });
  expect(recent.bytes).toBe(20);
  recent.add(chunkOf(2, 1, true, 7));
  expect(recent.read({ lsn: 1, chunk: 0 }, 2, 1000)?.chunks.map(({ bytes }) => bytes.length)).toEqual([
    10, 10, 7,
  ]);
});

test('does not hold a transaction that grows beyond a quarter of its bytes, and has no hole there', () => {
  const recent = new RecentChunks(1000, 0);
  recent.add(chunkOf(1, 0, true, 10));
  for (let chunk = 0; chunk < 3; chunk++) recent.add(chunkOf(2, chunk, false, 100));
  expect(recent.bytes).toBe(0);
  recent.dropFrom({ lsn: 2, chunk: 1 });
  recent.add(chunkOf(2, 1, true, 10));
  recent.add(chunkOf(3, 0, true, 10));
  expect(recent.read({ lsn: 1, chunk: 0 }, 3, 1000)).toBeUndefined();
  expect(recent.read({ lsn: 2, chunk: 0 }, 3, 1000)).toBeUndefined();
  expect(recent.read({ lsn: 3, chunk: 0 }, 3, 1000)?.chunks).toHaveLength(1);
});

test('holds what follows under the number of a large transaction that was abandoned', () => {
  const recent = new RecentChunks(1000, 0);
  for (let chunk = 0; chunk < 3; chunk++) recent.add(chunkOf(1, chunk, false, 100));
  recent.dropFrom({ lsn: 1, chunk: 0 });
  recent.add(chunkOf(1, 0, true, 10));
  expect(recent.read({ lsn: 1, chunk: 0 }, 1, 1000)?.chunks).toHaveLength(1);
});
