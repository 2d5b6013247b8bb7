import { isDrcError } from '@drc/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Credit, InboundAllowance } from '../../../store/src/serve/credit.js';

const refusalOf = (act: () => void): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return isDrcError(error) ? error.code : 'other';
  }
};

test('what is outstanding never exceeds the window, except for one frame that went alone', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 300_000 }),
      fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 65_536 })), { maxLength: 200 }),
      (window, steps) => {
        const credit = new Credit(window);
        let outstanding = 0;
        for (const [isFrame, bytes] of steps) {
          if (isFrame) {
            expect(credit.allows(bytes)).toBe(outstanding === 0 || outstanding + bytes <= window);
            if (!credit.allows(bytes)) continue;
            credit.spend(bytes);
            outstanding += bytes;
          } else if (bytes <= outstanding) {
            credit.acknowledge(bytes);
            outstanding -= bytes;
          }
          expect(credit.outstandingBytes).toBe(outstanding);
        }
      },
    ),
  );
});

test('a frame may always go when nothing is unacknowledged', () => {
  const credit = new Credit(10);
  expect(credit.allows(65_536)).toBe(true);
  credit.spend(65_536);
  expect(credit.allows(1)).toBe(false);
  credit.acknowledge(65_535);
  expect(credit.allows(9)).toBe(true);
  expect(credit.allows(10)).toBe(false);
});

test('acknowledging nothing, or more than was sent, is a violation', () => {
  const credit = new Credit(1000);
  credit.spend(100);
  expect(refusalOf(() => credit.acknowledge(0))).toBe('PROTOCOL_VIOLATION');
  expect(refusalOf(() => credit.acknowledge(101))).toBe('PROTOCOL_VIOLATION');
  expect(credit.outstandingBytes).toBe(100);
});

test('a client may send about one frame for each it was sent, and is cut off beyond', () => {
  const allowance = new InboundAllowance(10);
  for (let frame = 0; frame < 10; frame++) allowance.take(0, 0);
  expect(refusalOf(() => allowance.take(0, 0))).toBe('RATE_LIMITED');
  expect(refusalOf(() => allowance.take(100, 0))).toBe(undefined);
  expect(refusalOf(() => allowance.take(0, 60_000))).toBe(undefined);
});
