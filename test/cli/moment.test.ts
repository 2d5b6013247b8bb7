import { expect, test } from 'vitest';
import { parseMoment } from '../../cli/src/moment.js';

const now = Date.parse('2026-11-22T08:00:00Z');

test.each<[string, unknown]>([
  ['earliest', 'earliest'],
  ['latest', 'latest'],
  ['-90s', { timestamp: now - 90_000 }],
  ['-15m', { timestamp: now - 900_000 }],
  ['-1.5h', { timestamp: now - 5_400_000 }],
  ['-2d', { timestamp: now - 172_800_000 }],
  ['2026-11-22T07:30Z', { timestamp: now - 1_800_000 }],
  ['2026-11-22T09:00:00+02:00', { timestamp: now - 3_600_000 }],
  ['AYGkc2hvcKUwLTEtNQ', { checkpoint: 'AYGkc2hvcKUwLTEtNQ' }],
])('%s is a moment', (text, expected) => {
  expect(parseMoment(text, now)).toEqual(expected);
});

test.each([
  '',
  'yesterday',
  '15m',
  '-15',
  '-m',
  '2026-13-45T00:00Z',
  '-15 m',
  'now',
  '-9999d',
  '1999-01-01T00:00Z',
  '9999-01-01',
])('%j is none', (text) => {
  expect(() => parseMoment(text, now)).toThrow(/is not a moment/);
});
