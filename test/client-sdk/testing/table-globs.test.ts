import { expect, test } from 'vitest';
import { TableGlobs } from '../../../client-sdk/src/testing/table-globs.js';
import { TablePatterns } from '../../../store/src/serve/table-patterns.js';

const tables = [
  'shop.orders',
  'shop.order',
  'Shop.orders',
  'shop.no.key',
  'a.b',
  'shop2.x-y',
  'shop.[x]',
  'a.b\nc',
  's.ä🙂',
  'x.$(y)|z',
];
const globs = [
  // Of one with brackets in its name a store's reading is its library's own.
  ...tables.filter((table) => !table.includes('[')),
  '*',
  '**',
  '*.*',
  'shop.*',
  '*.orders',
  'shop.order?',
  'sh?p.*',
  'shop.order*',
  'shop.[no]*',
  'shop.[!o]*',
  'shop.[^o]*',
  'shop.[a-p]*',
  'shop.{orders,order}',
  '{shop,a}.*',
  String.raw`shop.\[x\]`,
  String.raw`sho\p.order`,
  '*.?',
  'shop*.x-?',
  'a.b*',
  's.?',
  '*key',
  'x.$(y)*',
];

test('globs mean in the test hub what they mean in a store', () => {
  for (const glob of globs) {
    const own = new TableGlobs([glob]);
    const store = new TablePatterns([glob]);
    expect([glob, own.names, own.globs]).toEqual([glob, store.names, store.globs.map(({ text }) => text)]);
    for (const table of tables)
      expect([glob, table, own.matches(table)]).toEqual([glob, table, store.matches(table)]);
    for (const schema of ['shop', 'shop2', 'a', 'x', 'other'])
      expect([glob, schema, own.touchesSchema(schema)]).toEqual([glob, schema, store.touchesSchema(schema)]);
  }
});
