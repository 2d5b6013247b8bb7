import { describe, expect, it } from 'vitest';
import { TokenBuckets } from '../../cluster-manager/src/token-buckets.js';
import { TestClock } from './fixture.js';

function buckets(maxKeys = 10) {
  const clock = new TestClock();
  return { clock, buckets: new TokenBuckets({ capacity: 2, refillMs: 1000, clock, maxKeys }) };
}

describe('TokenBuckets', () => {
  it('gives out its capacity at once, then one each refill time', () => {
    const { clock, buckets: b } = buckets();
    b.take('a');
    expect(b.wait('a')).toBe(0);
    b.take('a');
    expect(b.wait('a')).toBe(1000);
    clock.advance(400);
    expect(b.wait('a')).toBe(600);
    clock.advance(600);
    expect(b.wait('a')).toBe(0);
    b.take('a');
    expect(b.wait('a')).toBe(1000);
  });

  it('never holds more than its capacity', () => {
    const { clock, buckets: b } = buckets();
    b.take('a');
    clock.advance(1_000_000);
    for (let i = 0; i < 2; i++) b.take('a');
    expect(b.wait('a')).toBeGreaterThan(0);
  });

  it('makes those pay later who took more than there was', () => {
    const { buckets: b } = buckets();
    for (let i = 0; i < 5; i++) b.take('a');
    expect(b.wait('a')).toBe(4000);
  });

  it('keeps keys apart', () => {
    const { buckets: b } = buckets();
    for (let i = 0; i < 3; i++) b.take('a');
    expect(b.wait('b')).toBe(0);
  });

  it('remembers a bounded number of keys, those used last', () => {
    const { buckets: b } = buckets(3);
    for (const key of ['a', 'b', 'c', 'd']) for (let i = 0; i < 2; i++) b.take(key);
    expect(b.wait('a')).toBe(0);
    expect(b.wait('d')).toBe(1000);
  });
});
