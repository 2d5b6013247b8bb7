import { expect, test } from 'vitest';
import { faultsOf, type Note } from './verdict.js';

const orderOf = (id: string): number => Number(id);
const seen = (number: number, hash = `content of ${number}`): Note => ({
  id: String(number),
  numbers: [number],
  ddl: [],
  hash,
  at: 0,
});
const judge = (...readers: readonly (readonly Note[])[]): string[] =>
  faultsOf({
    numbers: [1, 2, 3],
    readers: readers.map((notes, index) => ({
      name: `reader ${index + 1}`,
      view: 'all',
      isShare: false,
      notes,
    })),
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

test('of shares each number comes to one reader, in order', () => {
  const shares = (...all: readonly (readonly Note[])[]): string[] =>
    faultsOf({
      numbers: [1, 2, 3],
      readers: all.map((notes, index) => ({
        name: `share ${index}`,
        view: `share ${index}`,
        isShare: true,
        notes,
      })),
      orderOf,
    });
  expect(shares([begin, seen(1), seen(3)], [begin, seen(2)])).toEqual([]);
  expect(shares([begin, seen(1), seen(3)], [begin])).toEqual([
    'all shares together got 3 where 2 was due (place 1)',
  ]);
  expect(shares([begin, seen(1), seen(3)], [begin, seen(2), seen(3)])).toHaveLength(1);
  const moved: Note = { id: '1', numbers: [3], ddl: [], hash: '', at: 0 };
  const late: Note = { id: '2', numbers: [1], ddl: [], hash: '', at: 0 };
  expect(shares([begin, moved, late], [begin, seen(2)])).toEqual(['share 0 got 1 behind 3']);
});

test('readers of other views may see other content, those of one may not', () => {
  const reader = (name: string, view: string, hash: string) => ({
    name,
    view,
    isShare: false,
    notes: [begin, seen(1), seen(2), seen(3, hash)],
  });
  const judged = (view: string): string[] =>
    faultsOf({
      numbers: [1, 2, 3],
      readers: [reader('a', 'all', 'x'), reader('b', view, 'y')],
      orderOf,
    });
  expect(judged('ledger')).not.toContain('3 was one thing for a and another for b');
  expect(judged('all')).toEqual(['3 was one thing for a and another for b']);
});
