import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  allKeys,
  chunkKey,
  pointKey,
  preparedKey,
  preparedRange,
  readChunkKey,
  readPointKey,
  readPreparedKey,
  readTimeKey,
  timeKey,
} from '../../../store/src/log/keys.js';

/** Near the places where carries go wrong: 2^32 and 2^53. */
const integer = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(100),
  fc.integer({ min: 2 ** 32 - 3, max: 2 ** 32 + 3 }),
  fc.integer({ min: Number.MAX_SAFE_INTEGER - 3, max: Number.MAX_SAFE_INTEGER }),
);
const chunk = fc.integer({ min: 0, max: 2 ** 32 - 1 });

const order = (a: readonly number[], b: readonly number[]): number => {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value < b[i]! ? -1 : 1;
  return 0;
};

test('chunk keys sort by LSN and then by chunk, beyond 2^32 too', () => {
  fc.assert(
    fc.property(integer, chunk, integer, chunk, (lsn, index, otherLsn, otherIndex) => {
      expect(chunkKey(lsn, index).compare(chunkKey(otherLsn, otherIndex))).toBe(
        order([lsn, index], [otherLsn, otherIndex]),
      );
      expect(readChunkKey(chunkKey(lsn, index))).toEqual({ lsn, chunk: index });
    }),
  );
});

test('time keys sort by time and then by LSN', () => {
  fc.assert(
    fc.property(integer, integer, integer, integer, (time, lsn, otherTime, otherLsn) => {
      expect(timeKey(time, lsn).compare(timeKey(otherTime, otherLsn))).toBe(
        order([time, lsn], [otherTime, otherLsn]),
      );
      expect(readTimeKey(timeKey(time, lsn))).toEqual({ time, lsn });
    }),
  );
});

test('every key lies in the range of its kind and in no other', () => {
  fc.assert(
    fc.property(integer, integer, chunk, (a, b, c) => {
      const keys = { chunks: chunkKey(a, c), times: timeKey(a, b), points: pointKey(a) };
      for (const [kind, key] of Object.entries(keys)) {
        for (const [other, { gte, lt }] of Object.entries(allKeys)) {
          const isWithin = gte.compare(key) <= 0 && key.compare(lt) < 0;
          expect(isWithin).toBe(kind === other);
        }
      }
      expect(readPointKey(pointKey(a))).toBe(a);
    }),
  );
});

test('the chunks of a prepared transaction are one range, in order, and of no other', () => {
  const xid = fc.stringMatching(/^X'[0-9a-f]{0,6}',X'[0-9a-f]{0,6}',\d{1,10}$/);
  fc.assert(
    fc.property(xid, chunk, xid, chunk, (one, index, other, otherIndex) => {
      const key = preparedKey(one, index);
      expect(readPreparedKey(key)).toEqual({ xid: one, chunk: index });
      const { gte, lt } = preparedRange(other);
      expect(key.compare(gte) >= 0 && key.compare(lt) < 0).toBe(one === other);
      if (one === other)
        expect(key.compare(preparedKey(other, otherIndex))).toBe(order([index], [otherIndex]));
      expect(key.compare(allKeys.prepared.gte)).toBe(1);
      expect(key.compare(allKeys.prepared.lt)).toBe(-1);
    }),
  );
});
