import { expect, test } from 'vitest';
import { Standstill } from '../../store/src/standstill.js';

type Kind = 'connecting' | 'streaming' | 'waiting' | 'stopped';

function watched() {
  const seen: { kind: Kind; now: number } = { kind: 'streaming', now: 0 };
  return {
    seen,
    standstill: new Standstill(
      () => seen.kind,
      () => seen.now,
    ),
  };
}

test('a log stands still at once where capture has stopped', () => {
  const { seen, standstill } = watched();
  expect(standstill.look()).toBe(false);
  seen.kind = 'stopped';
  expect(standstill.look()).toBe(true);
});

test('a log stands still where there was no connection for ten seconds, whatever was tried meanwhile', () => {
  const { seen, standstill } = watched();
  for (const [now, kind, expected] of [
    [0, 'streaming', false],
    [50_000, 'waiting', false],
    [55_000, 'connecting', false],
    [59_000, 'waiting', false],
    [60_000, 'waiting', true],
    [61_000, 'streaming', false],
    [62_000, 'waiting', false],
    [71_000, 'waiting', false],
    [72_000, 'connecting', true],
  ] as const) {
    Object.assign(seen, { now, kind });
    expect(standstill.look(), `${now} ${kind}`).toBe(expected);
  }
});
