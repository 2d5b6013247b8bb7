import { describe, expect, it } from 'vitest';
import { Batch } from '../../../../client-sdk/src/congo/apply/batch.js';
import type { WritableChange } from '../../../../client-sdk/src/congo/mapped-change.js';
import type { TableMatch } from '../../../../client-sdk/src/congo/target-table.js';
import { insert, ordersMatch, remove, row, update } from './matches.js';

function batchOf(match: TableMatch, ...changes: readonly WritableChange[]): Batch {
  const batch = new Batch(undefined, 'row');
  for (const change of changes) batch.add(match, { change });
  batch.content(new Set());
  return batch;
}

const touch = (match: TableMatch, one: WritableChange, other: WritableChange): boolean => {
  const [first, second] = [batchOf(match, one), batchOf(match, other)];
  expect(second.touches(first)).toBe(first.touches(second));
  return first.touches(second);
};

describe('Two batches', () => {
  it('touch where a row of one has the key of a row of the other, before or after', () => {
    const match = ordersMatch();
    expect(touch(match, insert(row(1, 'a')), insert(row(2, 'a')))).toBe(false);
    expect(touch(match, insert(row(1, 'a')), remove(row(1, 'a')))).toBe(true);
    expect(touch(match, update(row(1, 'a'), row(2, 'a')), insert(row(1, 'b')))).toBe(true);
    expect(touch(match, update(row(1, 'a'), row(2, 'a')), insert(row(2, 'b')))).toBe(true);
  });

  it('touch in each unique key of the target', () => {
    const match = ordersMatch({ more: ['note'] });
    expect(touch(match, insert(row(1, 'a')), insert(row(2, 'b')))).toBe(false);
    expect(touch(match, update(row(1, 'a'), row(1, 'b')), insert(row(2, 'a')))).toBe(true);
  });

  it.each([
    ['a', 'A', true],
    ['a', 'a  ', true],
    ['a', 'b', false],
    ['straße', 'strasse', true],
    ['é', 'x', true],
    ['a\u0001', 'a', true],
  ])('take texts for equal that any collation could: %j and %j', (one, other, isTouched) => {
    const match = ordersMatch({ key: 'note' });
    expect(touch(match, insert(row(1, one)), insert(row(2, other)))).toBe(isTouched);
  });

  it('touch wherever both write tables whose changes keep their order', () => {
    const match = ordersMatch({ foreignKeys: true });
    expect(touch(match, insert(row(1, 'a')), insert(row(2, 'b')))).toBe(true);
  });

  it('touch where one of them writes change by change what the other takes together', () => {
    const match = ordersMatch();
    const apart = new Batch(undefined, 'row');
    apart.add(match, { change: insert(row(1, 'a')) });
    expect(apart.content(new Set(['shop.orders']))).toMatchObject({ waves: [], ordered: [{ match }] });
    expect(apart.touches(batchOf(match, insert(row(2, 'b'))))).toBe(true);
  });
});

describe('A batch', () => {
  it('keeps the order of a row image that lacks columns: absent is not NULL', () => {
    const match = ordersMatch();
    const batch = batchOf(match, update(row(1, 'a'), { id: 1 }), insert(row(2, 'b')));
    expect(batch.content(new Set())).toMatchObject({ waves: [], ordered: [{}, {}] });
  });
});
