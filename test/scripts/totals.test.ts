import { expect, test } from 'vitest';
import { addTotals, noTests, parseTotals, totalsLine, totalsOf } from '../../scripts/totals.mjs';

test.each([
  ['3 passed, 0 failed', { passed: 3, failed: 0, skipped: 0 }],
  ['0 passed, 12 failed, 1 skipped', { passed: 0, failed: 12, skipped: 1 }],
])('"%s" is written and read', (line, totals) => {
  expect(totalsLine(totals)).toBe(line);
  expect(parseTotals(line)).toEqual(totals);
});

test.each([
  '',
  ' 3 passed, 0 failed',
  '3 passed',
  '3 passed, 0 failed, 1 skipped, 2 todo',
  'Tests  3 passed (3)',
])('"%s" is no line of totals', (line) => {
  expect(parseTotals(line)).toBeUndefined();
});

test('totals are added one by one', () => {
  expect(addTotals({ passed: 1, failed: 2, skipped: 3 }, { passed: 10, failed: 20, skipped: 30 })).toEqual({
    passed: 11,
    failed: 22,
    skipped: 33,
  });
  expect(totalsLine(noTests)).toBe('0 passed, 0 failed');
});

test('a run that ends badly has a failure, also where it counted none', () => {
  const green = { passed: 5, failed: 0, skipped: 1 };
  expect(totalsOf(green, 0)).toEqual(green);
  expect(totalsOf(green, 1)).toEqual({ ...green, failed: 1 });
  expect(totalsOf({ ...green, failed: 4 }, 1)).toEqual({ ...green, failed: 4 });
  expect(totalsOf(undefined, 127)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
