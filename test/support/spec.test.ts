import { expect, test } from 'vitest';
import { alterations, difference, matches, rowOf } from './spec.js';
import type { SpecRow, SpecTransaction, SpecValue } from './spec-hub.js';

const insert = (after: SpecRow, table = 'spec.t'): SpecTransaction => ({
  changes: [{ kind: 'insert', table, after, foreignKeyChecks: true, uniqueChecks: true }],
});

test('equal lists have no difference, whatever the order of columns', () => {
  const left = [insert({ a: 1, b: 'x' })];
  expect(difference(left, [insert({ b: 'x', a: 1 })])).toBeUndefined();
  expect(difference([], [])).toBeUndefined();
});

test.each<[string, SpecValue, SpecValue]>([
  ['a number and a bigint', 1, 1n],
  ['a number and its text', 1, '1'],
  ['zero and minus zero', 0, -0],
  ['NULL and the empty text', null, ''],
  ['text and its bytes', 'a', Buffer.from('a')],
  ['bytes and a byte more', Buffer.of(0), Buffer.of(0, 0)],
  ['composed and decomposed text', '\u00e9', 'e\u0301'],
  ['long texts that differ at the end', 'a'.repeat(1000) + 'b', 'a'.repeat(1000) + 'c'],
  ['long bytes that differ in length', Buffer.alloc(1000), Buffer.alloc(1001)],
  ['floats that differ in the last bit', 0.1, 0.10000000000000002],
])('%s are different values', (_title, left, right) => {
  expect(difference([insert({ v: left })], [insert({ v: right })])).toBeDefined();
  expect(difference([insert({ v: left })], [insert({ v: left })])).toBeUndefined();
});

test('a missing, an extra and a misplaced transaction are differences', () => {
  const [one, two] = [insert({ id: 1 }), insert({ id: 2 })];
  expect(difference([one, two], [one])).toBeDefined();
  expect(difference([one], [one, two])).toBeDefined();
  expect(difference([one, two], [two, one])).toBeDefined();
  expect(difference([], [{ changes: [] }])).toBeDefined();
  expect(difference([one, two], [{ changes: [...one.changes, ...two.changes] }])).toBeDefined();
});

test('an absent column is not a NULL column', () => {
  expect(difference([insert({ id: 1, v: null })], [insert({ id: 1 })])).toBeDefined();
});

test('a column named __proto__ is compared like any other', () => {
  const row = (value: SpecValue): SpecTransaction[] => [insert(rowOf([['__proto__', value]]))];
  expect(difference(row(1), [])).toContain('{"__proto__": 1}');
  expect(difference(row(1), row(1))).toBeUndefined();
  expect(difference(row(1), row(2))).toBeDefined();
  expect(difference(row(1), [insert({})])).toBeDefined();
});

test('a difference is shown where it begins, wanted first', () => {
  const text = difference([insert({ id: 1 }), insert({ id: 2 })], [insert({ id: 1 }), insert({ id: 3 })]);
  expect(text).toMatch(/^ {4}insert "spec.t" \{"id": 1\}$/m);
  expect(text).toContain('-   insert "spec.t" {"id": 2}');
  expect(text).toContain('+   insert "spec.t" {"id": 3}');
});

test('every alteration of an expectation fails', () => {
  const flags = { foreignKeyChecks: true, uniqueChecks: true };
  const transactions: SpecTransaction[] = [
    {
      changes: [
        { kind: 'ddl', ddl: { verb: 'CREATE TABLE', tables: ['spec.t'], text: 'CREATE TABLE t (id INT)' } },
      ],
    },
    {
      changes: [
        {
          kind: 'insert',
          table: 'spec.t',
          after: { id: 0, n: null, s: '', b: Buffer.of(1), l: 5n },
          ...flags,
        },
        { kind: 'update', table: 'spec.t', before: { id: 1 }, after: { id: 2 }, ...flags },
        { kind: 'delete', table: 'spec.t', before: { id: 2, l: 2n ** 63n, f: 1.5 }, ...flags },
      ],
    },
    { changes: [{ kind: 'sequence', table: 'spec.s', after: { next_not_cached_value: 1n } }] },
  ];
  const altered = alterations(transactions);
  expect(altered.length).toBeGreaterThan(30);
  for (const other of altered) expect(matches(other, transactions)).toBe(false);
});
