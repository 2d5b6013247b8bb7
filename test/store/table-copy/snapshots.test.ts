import { SnapshotProgress } from '@drc/protocol';
import { expect, test } from 'vitest';
import { BytePace } from '../../../store/src/byte-pace.js';
import { systemClock } from '../../../store/src/clock.js';
import { plannedTables } from '../../../store/src/table-copy/snapshot-plan.js';
import { Snapshots } from '../../../store/src/table-copy/snapshots.js';

const snapshots = (maxReaders: number): Snapshots =>
  new Snapshots({
    source: {
      open: () => Promise.reject(new Error('not asked for')),
      tables: () => Promise.resolve([{ schema: 'shop', table: 'orders' }]),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    pace: new BytePace(undefined, systemClock),
    maxReaders,
  });

test('so many readers copy at a time; the others wait for their turn, in order, and may leave', async () => {
  const { signal } = new AbortController();
  const turns = snapshots(1);
  const order: string[] = [];
  const first = await turns.place(signal);
  const second = turns.place(signal).then((place) => {
    order.push('second');
    return place;
  });
  const leaving = new AbortController();
  const third = turns.place(leaving.signal);
  const fourth = turns.place(signal).then((place) => {
    order.push('fourth');
    return place;
  });
  expect(turns.readers).toEqual({ active: 1, waiting: 3 });
  leaving.abort(new Error('gone'));
  await expect(third).rejects.toThrow('gone');
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
  const last = await fourth;
  expect(order).toEqual(['second', 'fourth']);
  expect(await last.tables(signal)).toEqual(['shop.orders']);
  last[Symbol.dispose]();
  expect(turns.readers).toEqual({ active: 0, waiting: 0 });
});

test('globs decide once, names whenever they are new, and never beyond what the reader may have', () => {
  const plan = (progress: SnapshotProgress | undefined, names: readonly string[], glob?: RegExp): string[] =>
    plannedTables({
      progress,
      tables: ['shop.a', 'shop.b', 'shop.hidden'],
      names,
      matches: (table) => glob?.test(table) === true,
      wants: (table) => table !== 'shop.hidden',
    });
  expect(plan(undefined, [], /^shop/)).toEqual(['shop.a', 'shop.b']);
  expect(plan(undefined, ['shop.b', 'shop.hidden'])).toEqual(['shop.b']);
  const begun = new SnapshotProgress([['shop.a', 'done']]);
  expect(plan(begun, [], /^shop/)).toEqual([]);
  expect(plan(begun, ['shop.a', 'shop.b'])).toEqual(['shop.b']);
});
