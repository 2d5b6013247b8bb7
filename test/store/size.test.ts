import { expect, test } from 'vitest';
import { parseSize } from '../../store/src/size.js';

test.each([
  [0, 0],
  [4096, 4096],
  ['1B', 1],
  ['64KiB', 65_536],
  ['1.5 MiB', 1_572_864],
  ['2GiB', 2_147_483_648],
  ['1TiB', 1_099_511_627_776],
])('%s is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each([-1, 0.5, '', '64', '2GB', '2gib', 'KiB', '-1KiB'])('%s is no size', (text) => {
  expect(() => parseSize(text)).toThrow('is not a size');
});
