import fc from 'fast-check';
import { expect, test } from 'vitest';
import { coversFrom, never, RetentionClock, tailAfterPass } from '../../../store/src/log/retention.js';
import { HandClock, source } from './support/log-fixture.js';

const day = 86_400_000;

test('a wall clock set forward by a day ages nothing', () => {
  const clock = new HandClock();
  const start = clock.wall;
  const retention = new RetentionClock(clock, start);
  clock.advance(1000);
  clock.wall += day;
  expect(retention.now(start)).toBe(start + 1000);
  clock.advance(5000);
  expect(retention.now(start)).toBe(start + 6000);
});

test('a wall clock set back is believed, and the way forward again takes its time', () => {
  const clock = new HandClock();
  const start = clock.wall;
  const retention = new RetentionClock(clock, start);
  clock.wall -= day;
  expect(retention.now(0)).toBe(start - day);
  clock.wall += day;
  clock.advance(10);
  expect(retention.now(0)).toBe(start - day + 10);
});

test('what the source committed proves that time has passed', () => {
  const clock = new HandClock();
  const retention = new RetentionClock(clock, clock.wall - day);
  expect(retention.now(clock.wall - day)).toBe(clock.wall - day);
  expect(retention.now(clock.wall - 500)).toBe(clock.wall - 500);
});

test('retention time never runs ahead of the wall clock or faster than monotonic time without proof', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ wall: fc.integer({ min: -day, max: day }), elapsed: fc.nat(day) })),
      (steps) => {
        const clock = new HandClock();
        const retention = new RetentionClock(clock, clock.wall);
        let last = clock.wall;
        for (const { wall, elapsed } of steps) {
          clock.wall += wall;
          clock.elapsed += elapsed;
          const now = retention.now(0);
          expect(now).toBeLessThanOrEqual(clock.wall);
          expect(now).toBeLessThanOrEqual(last + elapsed);
          last = now;
        }
      },
    ),
  );
});

test('one pass takes at most five percent of the log, at least one transaction, and never the newest', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.nat(10_000), fc.nat(30_000), (before, length, wanted) => {
      const tail = before + 1;
      const head = before + length;
      const after = tailAfterPass(tail, head, wanted);
      expect(after).toBeGreaterThanOrEqual(tail);
      expect(after - tail).toBeLessThanOrEqual(Math.max(1, Math.ceil(length * 0.05)));
      if (length > 0) expect(after).toBeLessThanOrEqual(head);
      if (wanted > tail && length > 1) expect(after).toBeGreaterThan(tail);
      else if (wanted <= tail) expect(after).toBe(tail);
    }),
  );
});

const tail = { lsn: 1, setBefore: '', deletedBefore: 1 };
const mysql = { flavour: 'mysql', uuid: 'u', serverId: 1 } as const;

test('a log covers everything while it is complete, and nothing before it has begun', () => {
  expect(coversFrom(undefined, tail, undefined)).toBe(never);
  expect(coversFrom({ identity: source, moment: 5000, complete: true }, tail, 1234)).toBe(0);
});

test('a log that began incomplete covers from its beginning, or from behind its first transaction', () => {
  const beginning = { identity: mysql, moment: 5000, complete: false };
  expect(coversFrom(beginning, tail, undefined)).toBe(5000);
  expect(coversFrom(beginning, tail, 1234)).toBe(1235);
  expect(coversFrom(beginning, tail, 9000)).toBe(5000);
});

test('a trimmed log covers from the first moment that cannot be the trimmed transaction’s', () => {
  const trimmed = { ...tail, lsn: 3, trimmedTime: 7000 };
  expect(coversFrom({ identity: mysql, moment: 5000, complete: true }, trimmed, 7000)).toBe(7001);
  expect(coversFrom({ identity: source, moment: 5000, complete: true }, trimmed, 7000)).toBe(8000);
});
