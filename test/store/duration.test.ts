import { expect, test } from 'vitest';
import { parseDuration } from '../../store/src/duration.js';

test.each([
  [0, 0],
  [250, 250],
  ['250ms', 250],
  ['1.5s', 1500],
  ['15m', 900_000],
  ['24h', 86_400_000],
  ['2 d', 172_800_000],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([-1, 1.5, Number.NaN, '', '15', 'h', '-5m', '1h30m', '5M', '1e3s'])('%s is no duration', (text) => {
  expect(() => parseDuration(text)).toThrow('is not a duration');
});
