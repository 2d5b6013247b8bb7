import type { DescribedColumn, TableDescription } from '@drc/client-sdk';
import { expect, it } from 'vitest';
import { isTypeName, madeBy, rowTypes, typeNameOf, valueTypeOf } from '../../cli/src/row-types.js';

const column = (name: string, rest: Partial<DescribedColumn> = {}): DescribedColumn => ({
  name,
  type: 'int',
  nullable: false,
  ...rest,
});
const table = (schema: string, name: string, columns: readonly DescribedColumn[]): TableDescription => ({
  schema,
  table: name,
  columns,
  unwritten: false,
});
const options = { topic: 'shop', globs: [], name: 'Shop' };
/** Without the lines that say where it comes from. */
const bodyOf = (tables: readonly TableDescription[]): string =>
  rowTypes(tables, options).split('\n').slice(3).join('\n');

it('tables are sorted by name, columns stay in their order, and names that are no identifiers are quoted', () => {
  const tables = [
    table('shop', 'zebra', [column('b'), column('a', { nullable: true })]),
    table('shop', "it's", [column('two words'), column('größe'), column('1st'), column('a"b\\c\nd')]),
    table('crm', 'empty', []),
  ];
  const text = String.raw`export interface Shop {
  'crm.empty': Record<string, never>;
  'shop.it\'s': {
    'two words': number;
    'größe': number;
    '1st': number;
    'a"b\\c\nd': number;
  };
  'shop.zebra': {
    b: number;
    a: number | null;
  };
}
`;
  expect(bodyOf(tables)).toBe(text);
  expect(bodyOf(tables.toReversed())).toBe(text);
});

it('what comes to one name has the types of both', () => {
  const tables = [
    table('a', 'b.c', [column('id'), column('id', { type: 'text', nullable: true })]),
    table('a.b', 'c', [column('id', { type: 'bigint' })]),
  ];
  const text = `export interface Shop {
  'a.b.c': {
    id: number | string | null;
  } | {
    id: bigint;
  };
}
`;
  expect(bodyOf(tables)).toBe(text);
  expect(bodyOf(tables.toReversed())).toBe(text);
});

it('an ENUM is its labels and the error value, where the labels are known', () => {
  expect(valueTypeOf({ type: 'enum', labels: ['a', 'b'] })).toBe("'a' | 'b' | ''");
  expect(valueTypeOf({ type: 'enum', labels: ['', 'b'] })).toBe("'' | 'b'");
  expect(valueTypeOf({ type: 'enum' })).toBe('string');
  expect(valueTypeOf({ type: 'set', labels: ['a'] })).toBe('string');
});

it('the first line is a comment that says how to make it anew, whatever the names have in them', () => {
  const evil = 'a.b\n*/ import "x"\u2028`\r';
  const lines = rowTypes([], { topic: 'shop-*/', globs: [evil, "o'k.*"], name: 'X' }).split(/[\n\r\u2028]/);
  expect(lines[0]!.startsWith(madeBy)).toBe(true);
  expect(lines[0]).toContain(
    String.raw`'shop-*/' --tables 'a.b\u000a*/ import "x"\u2028\u0060\u000d,o'\''k.*' --name X`,
  );
  expect(lines.slice(1)).toEqual([
    '',
    '/** Tables of the topic shop-* /, with what `@drc/client-sdk` makes of their rows. */',
    'export interface X {',
    '}',
    '',
  ]);
});

it('the interface has a name that it can have', () => {
  const topics = ['shop', 'shop-orders', 'eu.shop_2', '2nd', 'buffer', '---'];
  expect(topics.map(typeNameOf)).toEqual([
    'Shop',
    'ShopOrders',
    'EuShop2',
    'Topic2nd',
    'TopicBuffer',
    'Topic',
  ]);
  expect(['Shop', '$x', 'string', 'Buffer', 'a-b', '', '1a', 'class', 'Record'].filter(isTypeName)).toEqual([
    'Shop',
    '$x',
  ]);
});
