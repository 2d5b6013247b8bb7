import { Checkpoint, TransactionSet, type LogExtent, type StartFrom } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { parseFrom, place, successorsOf } from '../../cluster-manager/src/placement.js';
import type { AliveStore } from '../../cluster-manager/src/store-directory.js';
import { extent } from './fixture.js';

const store = (id: string, fields: Partial<LogExtent> = {}, captureState = 'streaming'): AliveStore => ({
  id,
  address: 'ws://127.0.0.1:7380',
  extent: extent(fields),
  captureState,
});
const checkpoint = (set: string, topic = 'shop'): StartFrom => ({
  kind: 'checkpoint',
  checkpoint: new Checkpoint({ topic, set: TransactionSet.parse(set) }).toString(),
});
const timestamp = (time: number): StartFrom => ({ kind: 'timestamp', time });

const head = { lsn: 1000, time: 10_000 };
/** The topic's first store, and one that was added later: it lacks what came before. */
const older = store('older', { head, coversFrom: 1_000, setBeforeOldest: '0-1-10' });
const younger = store('younger', { head, coversFrom: 5_000, setBeforeOldest: '0-1-50' });

describe('placement', () => {
  const cases: readonly [moment: string, from: StartFrom, expected: readonly string[] | 'expired'][] = [
    ['the newest moment', { kind: 'latest' }, ['older', 'younger']],
    ['the earliest moment', { kind: 'earliest' }, ['older']],
    ['a time that both have', timestamp(6_000), ['older', 'younger']],
    ['the first time that the younger has', timestamp(5_000), ['older', 'younger']],
    ['the last time that the younger lacks', timestamp(4_999), ['older']],
    ['the first time of the older', timestamp(1_000), ['older']],
    ['a time before both', timestamp(999), 'expired'],
    ['a time to come', timestamp(99_000), ['older', 'younger']],
    ['a transaction that both have', { kind: 'transaction', id: '0-1-51' }, ['older', 'younger']],
    ['a transaction that the younger lacks', { kind: 'transaction', id: '0-1-50' }, ['older']],
    ['a transaction before both', { kind: 'transaction', id: '0-1-10' }, 'expired'],
    ['a checkpoint that both have', checkpoint('0-1-60'), ['older', 'younger']],
    ['the oldest checkpoint that the younger can go on from', checkpoint('0-1-50'), ['older', 'younger']],
    ['a checkpoint one transaction older', checkpoint('0-1-49'), ['older']],
    ['the oldest checkpoint of the older', checkpoint('0-1-10'), ['older']],
    ['a checkpoint before both', checkpoint('0-1-9'), 'expired'],
    ['the checkpoint of a client that has nothing', checkpoint(''), 'expired'],
    ['a checkpoint that lacks another domain', checkpoint('1-1-60'), 'expired'],
  ];
  for (const [moment, from, expected] of cases) {
    it(`names for ${moment}: ${String(expected)}`, () => {
      for (const stores of [
        [older, younger],
        [younger, older],
      ]) {
        const placement = place(stores, from);
        const found =
          placement.kind === 'stores' ? placement.stores.map(({ id }) => id).toSorted() : placement;
        expect(found).toEqual(expected === 'expired' ? { kind: 'expired', oldest: 1_000 } : expected);
      }
    });
  }

  it('never names a store for a moment that it lacks, whatever the moment', () => {
    for (let time = 0; time <= 12_000; time += 100) {
      const placement = place([younger, older], timestamp(time));
      const named = placement.kind === 'stores' ? placement.stores : [];
      expect(named.every(({ extent }) => extent.coversFrom <= time)).toBe(true);
      expect(named.includes(younger)).toBe(time >= 5_000);
    }
  });

  it('serves everything from a store that has the whole history of its source', () => {
    const whole = store('whole', { coversFrom: 0, setBeforeOldest: '' });
    for (const from of [timestamp(0), checkpoint(''), { kind: 'earliest' } as const]) {
      expect(place([whole, older], from)).toEqual({ kind: 'stores', stores: [whole] });
    }
  });

  it('says that there is none when there is none', () => {
    expect(place([], { kind: 'latest' })).toEqual({ kind: 'unavailable' });
  });

  const idsFor = (stores: readonly AliveStore[], reader?: string): readonly string[] => {
    const placement = place(stores, { kind: 'latest' }, reader);
    return placement.kind === 'stores' ? placement.stores.map(({ id }) => id) : [];
  };

  it('puts what drains last, then what does not capture, what is much behind, what is full', () => {
    const load = { sessions: 10, maxSessions: 1000, cpu: 0.2 };
    const now = { lsn: 1, time: 90_000 };
    const fit = { ...store('fit', { head: now }), behindMs: 9_999, load };
    const stores: readonly AliveStore[] = [
      { ...store('draining', { head: now }), draining: true, load },
      store('stopped', { head: now }, 'stopped'),
      { ...store('far-behind', { head: now }), behindMs: 80_000 },
      { ...store('behind', { head: now }), behindMs: 10_000 },
      { ...store('busy', { head: now }), load: { ...load, cpu: 0.95 } },
      fit,
    ];
    for (let reader = 0; reader < 20; reader++)
      expect(idsFor(stores, `reader ${reader}`)).toEqual([
        'fit',
        'busy',
        'behind',
        'far-behind',
        'stopped',
        'draining',
      ]);
    const full = { ...fit, load: { ...load, sessions: 900 } };
    expect(idsFor([full, fit]).length).toBe(2);
    expect(idsFor([{ ...full, id: 'full' }, fit])).toEqual(['fit', 'full']);
  });

  it('names a store that drains where no other has the moment', () => {
    const draining = { ...older, draining: true };
    expect(place([draining, younger], timestamp(2_000))).toEqual({ kind: 'stores', stores: [draining] });
  });

  const readers = Array.from({ length: 3000 }, (_, number) => `service-${number}\norders`);
  const three = ['a', 'b', 'c'].map((id) => store(id, { head }));
  const firstFor = (stores: readonly AliveStore[], reader: string): string => idsFor(stores, reader)[0]!;

  it('spreads readers evenly over stores that are equally fit', () => {
    const counts = new Map<string, number>();
    for (const reader of readers) {
      const id = firstFor(three, reader);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    expect([...counts.keys()].toSorted()).toEqual(['a', 'b', 'c']);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('gives a reader the same order each time, whatever order stores are in and how far each has come', () => {
    for (const reader of readers.slice(0, 200)) {
      const later = three.map((one, index) => ({
        ...one,
        extent: { ...one.extent, head: { lsn: 2000 + index, time: 20_000 + index * 3_000 } },
        load: { sessions: index * 100, maxSessions: 1000, cpu: index / 10 },
      }));
      expect(idsFor(later.toReversed(), reader)).toEqual(idsFor(three, reader));
    }
  });

  it('moves no other readers than its own when a store goes, and takes them from all when one comes', () => {
    const without = three.filter(({ id }) => id !== 'b');
    const four = [...three, store('d', { head })];
    let moved = 0;
    for (const reader of readers) {
      const before = idsFor(three, reader);
      expect(idsFor(without, reader)).toEqual(before.filter((id) => id !== 'b'));
      const after = firstFor(four, reader);
      if (after !== before[0]) moved++;
      expect([before[0], 'd']).toContain(after);
    }
    expect(Math.abs(moved - 750)).toBeLessThan(150);
  });

  it('tells a store that drains which others its readers can go to', () => {
    const stores: readonly AliveStore[] = [
      { ...store('draining', { head }), draining: true },
      { ...store('other-draining', { head }), draining: true },
      store('stopped', { head }, 'stopped'),
      { ...store('behind', { head }), behindMs: 11_000 },
      store('good', { head }),
    ];
    expect(successorsOf(stores, 'draining').map(({ id }) => id)).toEqual(['good']);
    expect(successorsOf(stores, 'good')).toEqual([]);
  });
});

describe('parseFrom', () => {
  it('reads the four forms', () => {
    const text = new Checkpoint({ topic: 'shop', set: TransactionSet.parse('0-1-5') }).toString();
    expect(parseFrom('earliest', 'shop')).toEqual({ kind: 'earliest' });
    expect(parseFrom('latest', 'shop')).toEqual({ kind: 'latest' });
    expect(parseFrom('timestamp:17', 'shop')).toEqual({ kind: 'timestamp', time: 17 });
    expect(parseFrom(`checkpoint:${text}`, 'shop')).toEqual({ kind: 'checkpoint', checkpoint: text });
  });

  it('refuses anything else', () => {
    for (const text of [
      '',
      'first',
      'timestamp:',
      'timestamp:-1',
      'timestamp:1e3',
      'timestamp:1234567890123456',
      'Latest',
    ]) {
      expect(() => parseFrom(text, 'shop')).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
    }
  });

  it('refuses the checkpoint of another topic, and what is none', () => {
    const other = new Checkpoint({ topic: 'mail', set: TransactionSet.parse('0-1-5') }).toString();
    for (const text of [other, '', 'junk', 'e30']) {
      expect(() => parseFrom(`checkpoint:${text}`, 'shop')).toThrow(
        expect.objectContaining({ code: 'CHECKPOINT_INVALID' }),
      );
    }
  });
});
