import { expect, test } from 'vitest';
import { checkRowOptions, rowRulesOf } from '../../client-sdk/src/row-options.js';

test('conditions and columns of one table are one rule', () => {
  const options = {
    where: { 'shop.orders': 'id = 1' },
    columns: { 'shop.orders': ['id'], 'shop.*': ['id'] },
  };
  expect(rowRulesOf(options)).toEqual([
    { tables: ['shop.orders'], where: 'id = 1', columns: ['id'] },
    { tables: ['shop.*'], columns: ['id'] },
  ]);
  expect(rowRulesOf({})).toEqual([]);
});

test.each<[object, object]>([
  [{ where: 'id = 1' }, { name: 'TypeError' }],
  [{ where: { orders: 'id = 1' } }, { name: 'TypeError' }],
  [{ where: { 'shop.orders': '' } }, { name: 'TypeError' }],
  [{ where: { 'shop.orders': 'id = = 1' } }, { code: 'CONDITION_INVALID' }],
  [{ columns: { 'shop.orders': [] } }, { name: 'TypeError' }],
  [{ columns: { 'shop.orders': ['id', 1] } }, { name: 'TypeError' }],
  [
    { columns: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`s.t${n}`, ['id']])) },
    { name: 'RangeError' },
  ],
  [{ partition: { of: 4 } }, { name: 'TypeError' }],
  [{ partition: { of: 4, index: 4 } }, { name: 'RangeError' }],
  [{ partition: { of: 1025, index: 0 } }, { name: 'RangeError' }],
])('%o is refused', (options, error) => {
  expect(() => checkRowOptions(options)).toThrow(expect.objectContaining(error) as Error);
});
