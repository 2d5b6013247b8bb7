import { Checkpoint, TransactionSet, type LogExtent, type StartFrom } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { parseFrom, place } from '../../cluster-manager/src/placement.js';
import type { StoreAnnouncement } from '../../cluster-manager/src/store-directory.js';
import { extent } from './fixture.js';

const store = (
  id: string,
  fields: Partial<LogExtent> = {},
  captureState = 'streaming',
): StoreAnnouncement => ({
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
        const found = placement.kind === 'stores' ? placement.stores.map(({ id }) => id) : placement;
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

  it('puts stores that capture before those that do not, then those that are ahead', () => {
    const stores = [
      store('stopped', { head: { lsn: 1, time: 90_000 } }, 'waiting for the source'),
      store('behind', { head: { lsn: 1, time: 80_000 } }),
      store('b', { head: { lsn: 1, time: 89_500 } }),
      store('a', { head: { lsn: 1, time: 89_999 } }),
    ];
    const placement = place(stores, { kind: 'latest' });
    expect(placement.kind === 'stores' && placement.stores.map(({ id }) => id)).toEqual([
      'a',
      'b',
      'behind',
      'stopped',
    ]);
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
