import { describe, expect, it } from 'vitest';
import { StoreDirectory, type StoreAnnouncement } from '../../cluster-manager/src/store-directory.js';
import { extent, TestClock } from './fixture.js';

const announcement = (fields: Partial<StoreAnnouncement> = {}): StoreAnnouncement => ({
  id: 'a',
  address: 'ws://127.0.0.1:1',
  extent: extent(),
  captureState: 'streaming',
  ...fields,
});

function directory() {
  const clock = new TestClock();
  return { clock, stores: new StoreDirectory({ clock, leaseMs: 15_000 }) };
}

describe('StoreDirectory', () => {
  it('forgets a store when its lease is over', () => {
    const { clock, stores } = directory();
    stores.announce('shop', 'key', announcement());
    clock.advance(14_999);
    expect(stores.storesOf('shop')).toHaveLength(1);
    clock.advance(1);
    expect(stores.storesOf('shop')).toEqual([]);
  });

  it('extends the lease with each announcement, and takes what it says', () => {
    const { clock, stores } = directory();
    stores.announce('shop', 'key', announcement());
    clock.advance(10_000);
    stores.announce('shop', 'key', announcement({ captureState: 'lost' }));
    clock.advance(10_000);
    expect(stores.storesOf('shop')).toEqual([announcement({ captureState: 'lost' })]);
  });

  it('refuses a store that captures other tables or columns than those that are alive', () => {
    const { clock, stores } = directory();
    const [one, other] = ['1'.repeat(64), '2'.repeat(64)];
    stores.announce('shop', 'key', announcement({ captureDigest: one }));
    stores.announce('shop', 'key', announcement({ id: 'b', captureDigest: one }));
    stores.announce('shop', 'key', announcement({ id: 'old' }));
    const rogue = announcement({ id: 'c', captureDigest: other });
    expect(() => stores.announce('shop', 'key', rogue)).toThrow(
      expect.objectContaining({ code: 'TOPIC_CONFIG_MISMATCH' }),
    );
    expect(stores.storesOf('shop').map(({ id }) => id)).toEqual(['a', 'b', 'old']);
    // Once the others are gone it sets the rule, also with the id of one of them.
    stores.withdraw('shop', 'b', 'key');
    stores.announce('shop', 'key', announcement({ captureDigest: other }));
    stores.announce('shop', 'key', rogue);
    clock.advance(15_000);
    stores.announce('shop', 'key', announcement({ captureDigest: one }));
    expect(stores.storesOf('shop')).toHaveLength(1);
  });

  it('knows how far a store is behind what the others had announced before it, and after no pause of the source more', () => {
    const { stores } = directory();
    const at = (id: string, time: number): void =>
      stores.announce('shop', 'key', announcement({ id, extent: extent({ head: { lsn: 1, time } }) }));
    const behind = () => stores.storesOf('shop').map(({ id, behindMs }) => [id, behindMs]);
    at('a', 1_000);
    at('b', 1_000);
    // An hour later something is written: the first to say so does not make the other look an hour behind.
    at('a', 3_601_000);
    expect(behind()).toEqual([
      ['a', undefined],
      ['b', undefined],
    ]);
    at('b', 3_601_000);
    at('a', 3_700_000);
    // It announces itself again, and still has not come as far.
    at('b', 3_601_000);
    at('a', 3_701_000);
    expect(behind()).toEqual([
      ['a', undefined],
      ['b', 99_000],
    ]);
  });

  it('keeps topics apart', () => {
    const { stores } = directory();
    stores.announce('shop', 'key', announcement());
    expect(stores.storesOf('mail')).toEqual([]);
  });

  const other = announcement({ extent: extent({ lineage: 'f'.repeat(32) }) });
  const moved = announcement({ address: 'ws://127.0.0.1:2' });
  for (const [what, next] of [
    ['log', other],
    ['address', moved],
  ] as const) {
    it(`does not let another key put another ${what} under an id whose lease lasts`, () => {
      const { clock, stores } = directory();
      stores.announce('shop', 'key', announcement());
      expect(() => stores.announce('shop', 'rogue', next)).toThrow(
        expect.objectContaining({ code: 'FORBIDDEN' }),
      );
      expect(stores.storesOf('shop')).toEqual([announcement()]);
      clock.advance(15_000);
      stores.announce('shop', 'rogue', next);
      expect(stores.storesOf('shop')).toEqual([next]);
    });

    it(`lets the same key put another ${what} under its id at once`, () => {
      const { stores } = directory();
      stores.announce('shop', 'key', announcement());
      stores.announce('shop', 'key', next);
      expect(stores.storesOf('shop')).toEqual([next]);
    });
  }

  it('lets a store go on with a new key', () => {
    const { stores } = directory();
    stores.announce('shop', 'old', announcement());
    stores.announce('shop', 'new', announcement());
    stores.withdraw('shop', 'a', 'new');
    expect(stores.storesOf('shop')).toEqual([]);
  });

  it('lets a store say goodbye, but not for another one', () => {
    const { stores } = directory();
    stores.announce('shop', 'key', announcement());
    expect(() => stores.withdraw('shop', 'a', 'rogue')).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    );
    stores.withdraw('shop', 'a', 'key');
    stores.withdraw('shop', 'a', 'key');
    expect(stores.storesOf('shop')).toEqual([]);
  });

  it('takes a bounded number of stores for a topic', () => {
    const { stores } = directory();
    for (let i = 0; i < 64; i++) stores.announce('shop', 'key', announcement({ id: `s${i}` }));
    expect(() => stores.announce('shop', 'key', announcement({ id: 'one-more' }))).toThrow('64');
    stores.announce('shop', 'key', announcement({ id: 's5' }));
    expect(stores.storesOf('shop')).toHaveLength(64);
  });
});
