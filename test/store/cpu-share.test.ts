import { expect, test } from 'vitest';
import { CpuShare, smoothed } from '../../store/src/cpu-share.js';

test('a moment of work counts little, minutes of it wholly, however often it is looked at', () => {
  expect(smoothed(0, 1, 500)).toBeLessThan(0.01);
  const often = Array.from({ length: 600 }).reduce<number>((share) => smoothed(share, 1, 500), 0);
  expect(often).toBeCloseTo(smoothed(0, 1, 300_000), 6);
  expect(often).toBeGreaterThan(0.99);
  expect(smoothed(1, 0, 300_000)).toBeLessThan(0.01);
});

test('what a process takes is no less than nothing', () => {
  const share = new CpuShare();
  expect(share.take()).toBeGreaterThanOrEqual(0);
});
