import { maxFrameBytes } from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReadWindow } from '../../client-sdk/src/read-window.js';

describe('a read window', () => {
  it('acknowledges when a quarter of it has been taken', () => {
    const window = new ReadWindow(400_000);
    for (let i = 0; i < 8; i++) window.received(50_000);
    expect(window.isHeldUp).toBe(true);
    expect([1, 2, 3, 4].map(() => window.taken(50_000))).toEqual([0, 100_000, 0, 100_000]);
    expect(window.outstandingBytes).toBe(200_000);
    expect(window.waitingBytes).toBe(200_000);
    expect(window.isHeldUp).toBe(false);
  });

  it('refuses a frame that the store had no credit for, but for a single one', () => {
    const window = new ReadWindow(1000);
    window.received(5000);
    expect(() => window.received(1)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
  });

  it('is a positive integer', () => {
    for (const bytes of [0, -1, 1.5, Number.NaN, Infinity])
      expect(() => new ReadWindow(bytes)).toThrow(RangeError);
  });

  it('never leaves store and client waiting for each other, and never has more under way than it says', () => {
    const frames = fc.array(fc.integer({ min: 6, max: maxFrameBytes }), { maxLength: 200 });
    const property = fc.property(fc.integer({ min: 1, max: 300_000 }), frames, (bytes, sizes) => {
      const window = new ReadWindow(bytes);
      const queue: number[] = [];
      let outstanding = 0;
      for (const size of sizes) {
        // The store's law: a frame goes when it fits, or when nothing is outstanding.
        while (outstanding > 0 && outstanding + size > bytes) {
          const taken = queue.shift();
          // Everything is taken and the store still waits: that would be for ever.
          if (taken === undefined) throw new Error('deadlock');
          outstanding -= window.taken(taken);
        }
        outstanding += size;
        queue.push(size);
        window.received(size);
        expect(window.outstandingBytes).toBe(outstanding);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});
