import { expect, test } from 'vitest';
import { faultsOf, type Note } from './verdict.js';

const orderOf = (id: string): number => Number(id);
const seen = (number: number, hash = `content of ${number}`): Note => ({
  id: String(number),
  numbers: [number],
  hash,
});
const judge = (...readers: readonly (readonly Note[])[]): string[] =>
  faultsOf({
    numbers: [1, 2, 3],
    notes: new Map(readers.map((notes, index) => [`reader ${index + 1}`, notes])),
    orderOf,
  });
const begin: Note = { begin: 0 };

test('a reader that got everything in order, once or again behind its checkpoint, is in the right', () => {
  expect(judge([begin, seen(1), seen(2), seen(3)])).toEqual([]);
  expect(judge([begin, seen(1), { committed: '1' }, seen(2), begin, seen(2), seen(3)])).toEqual([]);
});

test.each<[string, readonly Note[]]>([
  ['is left out', [begin, seen(1), seen(3)]],
  ['is missing at the end', [begin, seen(1), seen(2)]],
  ['is left out over a restart', [begin, seen(1), { committed: '1' }, begin, seen(3)]],
  ['comes out of order', [begin, seen(2), seen(1), seen(3)]],
  ['comes twice within one life', [begin, seen(1), seen(1), seen(2), seen(3)]],
  [
    'comes again although it was committed',
    [begin, seen(1), seen(2), { committed: '2' }, begin, seen(2), seen(3)],
  ],
  ['comes that the source does not have', [begin, seen(1), seen(2), seen(3), seen(4)]],
])('a transaction that %s is found', (_, notes) => {
  expect(judge(notes)).not.toEqual([]);
});

test('content that differs between readers, or between two lives of one, is found', () => {
  expect(judge([begin, seen(1), seen(2), seen(3)], [begin, seen(1), seen(2, 'other'), seen(3)])).toEqual([
    '2 was one thing for reader 1 and another for reader 2',
  ]);
  expect(judge([begin, seen(1), begin, seen(1, 'other'), seen(2), seen(3)])).toHaveLength(1);
});

test('an error that ends a reader is found', () => {
  expect(judge([begin, seen(1), seen(2), seen(3), { error: 'RETENTION_EXPIRED' }])).toHaveLength(1);
});
