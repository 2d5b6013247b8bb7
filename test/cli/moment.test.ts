import type { Checkpoint } from '@drc/client-sdk';
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
  ['0-1-77', { transaction: '0-1-77' }],
  ['2026-10-12345', { transaction: '2026-10-12345' }],
  ['transaction:2026-11-22', { transaction: '2026-11-22' }],
  ['3E11FA47-71CA-11E1-9E33-C80AA9429562:7', { transaction: '3E11FA47-71CA-11E1-9E33-C80AA9429562:7' }],
  ['7/binlog.000001:4711', { transaction: '7/binlog.000001:4711' }],
  ['AYGkc2hvcKUwLTEtNQ', { checkpoint: 'AYGkc2hvcKUwLTEtNQ' }],
])('%s is a moment', (text, expected) => {
  expect(parseMoment(text, now, 'shop')).toEqual(expected);
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
  '0-1',
  'after:',
  'after:yesterday',
])('%j is none', (text) => {
  expect(() => parseMoment(text, now, 'shop')).toThrow(/is not a moment/);
});

test('after: and a set is what comes behind all of it', () => {
  const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
  for (const set of ['0-1-77', '0-1-77,1-2-5', `${uuid}:1-5:7`]) {
    const { checkpoint } = parseMoment(`after:${set}`, now, 'shop') as { checkpoint: Checkpoint };
    expect(checkpoint.topic).toBe('shop');
    expect(checkpoint.set.toString()).toBe(set);
  }
});
