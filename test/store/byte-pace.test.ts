import { expect, test } from 'vitest';
import { BytePace } from '../../store/src/byte-pace.js';
import { HandClock } from './log/support/log-fixture.js';

/** Whether these bytes have to wait: with this signal every wait ends at once. */
async function waits(pace: BytePace, bytes: number): Promise<boolean> {
  return await pace.took(bytes, AbortSignal.abort(new Error('it waits'))).then(
    () => false,
    () => true,
  );
}

test('a rate lets a second’s worth through at once, then no more than time allows', async () => {
  const clock = new HandClock();
  const pace = new BytePace(1000, clock);
  expect(await waits(pace, 1000)).toBe(false);
  expect(await waits(pace, 500)).toBe(true);
  clock.advance(499);
  expect(await waits(pace, 1)).toBe(true);
  clock.advance(2);
  expect(await waits(pace, 0)).toBe(false);
  // What was not used for long is not saved up.
  clock.advance(60_000);
  expect(await waits(pace, 1000)).toBe(false);
  expect(await waits(pace, 1)).toBe(true);
});

test('without a rate nothing waits', async () => {
  const pace = new BytePace(undefined, new HandClock());
  expect(await waits(pace, Number.MAX_SAFE_INTEGER)).toBe(false);
});
