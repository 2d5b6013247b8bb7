import { isDrcError } from '@drc/protocol';
import { expect, test } from 'vitest';
import { effectivePatterns, TablePatterns } from '../../../store/src/serve/table-patterns.js';

const cases: readonly [pattern: string, matching: readonly string[], others: readonly string[]][] = [
  ['shop.orders', ['shop.orders'], ['shop.orders2', 'shop.Orders', 'xshop.orders']],
  ['shop.*', ['shop.orders', 'shop.a.b', 'shop.a/b', 'shop..', 'shop.ünï'], ['shop2.orders', 'shop']],
  ['*.orders', ['a.orders', 'a.b.orders'], ['a.orders2']],
  ['shop.order_?', ['shop.order_1'], ['shop.order_12', 'shop.order_']],
  ['shop.{orders,users}', ['shop.orders', 'shop.users'], ['shop.ordersusers']],
  ['{shop.orders,a.b}', ['shop.orders', 'a.b'], ['shop.b', 'a.orders']],
  ['shop[.]*', ['shop.orders'], ['shopxorders']],
  ['shop.t[12]', ['shop.t1', 'shop.t2'], ['shop.t3']],
  ['shop.a(b)*', ['shop.a(b)', 'shop.a(b)c'], ['shop.ab']],
  ['shop.a+*', ['shop.a+', 'shop.a+b'], ['shop.aab']],
  ['!shop.*', ['!shop.x'], ['other.x', 'shop.x']],
  ['shop.\\*', ['shop.*'], ['shop.x']],
  ['**', ['a.b', 'a.b/c', 'x.\n'], []],
];

test.each(cases)('the pattern %s matches its tables and no others', (pattern, matching, others) => {
  const patterns = new TablePatterns([pattern]);
  expect(matching.filter((table) => !(patterns.all || patterns.matches(table)))).toEqual([]);
  expect(others.filter((table) => patterns.matches(table))).toEqual([]);
});

test('a dot within braces or brackets leaves open which schema is meant', () => {
  for (const pattern of ['{shop.orders,a.b}', 'shop[.]*']) {
    const patterns = new TablePatterns([pattern]);
    expect([patterns.touchesSchema('shop'), patterns.coversSchema('shop')]).toEqual([true, false]);
  }
});

test('only patterns without a wildcard name a table', () => {
  expect(new TablePatterns(['shop.orders', 'shop.*', 'shop.\\*', '**']).names).toEqual([
    'shop.orders',
    'shop.*',
  ]);
});

test.each([
  '',
  'orders',
  'shop.x\\',
  'a*a*a*a*a*.b',
  `shop.${'x'.repeat(300)}`,
  'shop.{a,{b,c}}',
  'shop.{1..9}',
  'shop.[[:alpha:]]',
  `shop.{${'a,'.repeat(70)}b}`,
])('the pattern %s is refused', (pattern) => {
  const make = (): unknown => new TablePatterns([pattern]);
  expect(make).toThrow();
  try {
    make();
  } catch (error) {
    expect(isDrcError(error, 'PROTOCOL_VIOLATION')).toBe(true);
  }
});

test('the worst pattern allowed is matched against the worst name within a moment', () => {
  const patterns = new TablePatterns(['a*a*a*.*b']);
  const name = `${'a'.repeat(64)}.${'a'.repeat(64)}`;
  expect(patterns.matches(name)).toBe(false);
});

test('the effective patterns are the narrower ones where one contains the other', () => {
  const effective = (wish: string[], grant: string[]): readonly string[] =>
    effectivePatterns(new TablePatterns(wish), new TablePatterns(grant));
  expect(effective([], ['shop.*'])).toEqual(['shop.*']);
  expect(effective(['shop.orders'], ['**'])).toEqual(['shop.orders']);
  expect(effective(['shop.o*'], ['shop.*'])).toEqual(['shop.o*']);
  expect(effective(['*.*'], ['shop.orders', 'shop.users'])).toEqual(['shop.orders', 'shop.users']);
});

test('whether a schema is touched or covered is told from the pattern', () => {
  const patterns = new TablePatterns(['shop.orders', 'log_*.*']);
  expect(['shop', 'log_1', 'other'].map((schema) => patterns.touchesSchema(schema))).toEqual([
    true,
    true,
    false,
  ]);
  expect(['shop', 'log_1', 'other'].map((schema) => patterns.coversSchema(schema))).toEqual([
    false,
    true,
    false,
  ]);
});
