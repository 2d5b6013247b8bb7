import { encodeMessage, type Described, type GrantRule, type TableVersion } from '@drc/protocol';
import { expect, test } from 'vitest';
import { describe } from '../../../store/src/serve/description.js';
import type { TopicTables } from '../../../store/src/serve/topic-tables.js';
import { tableVersion } from './fake-log.js';
import { eventually, StoreHarness } from './store-harness.js';

const orders: TableVersion = {
  schema: 'shop',
  table: 'orders',
  columns: [
    { name: 'tenant', type: 'int', nullable: false, length: 4 },
    { name: 'id', type: 'bigint', nullable: false, unsigned: true },
    { name: 'card', type: 'text', nullable: true, length: 40 },
    { name: 'region', type: 'enum', nullable: false, labels: ['eu', 'us'], collation: 45 },
  ],
  primaryKey: [1, 0],
};

const tablesOf = (
  written: readonly TableVersion[],
  source: readonly TableVersion[] = [],
  missing: number | 'unknown' = 0,
): TopicTables & { readonly asked: string[] } => {
  const asked: string[] = [];
  return {
    asked,
    written: () => Promise.resolve(written),
    atSource: (wants) => {
      const tables = source.filter(({ schema, table }) => wants(schema, table));
      asked.push(...tables.map(({ schema, table }) => `${schema}.${table}`), 'end');
      return Promise.resolve({ tables, missing: missing === 'unknown' ? undefined : missing });
    },
  };
};

interface Question {
  readonly tables?: readonly string[];
  readonly rules?: readonly GrantRule[];
  readonly columnHashKey?: Buffer;
}

async function pagesOf(topicTables: TopicTables, question: Question = {}): Promise<Described[]> {
  const { tables = [], rules = [{ tables: ['**'] }], columnHashKey } = question;
  const pages: Described[] = [];
  const environment = { topicTables, columnHashKey };
  for await (const page of describe({ type: 'describe', tables }, environment, { grant: { rules } }))
    pages.push(page);
  return pages;
}

const namesOf = (pages: readonly Described[]): string[] =>
  pages.flatMap(({ tables }) => tables.map(({ schema, table }) => `${schema}.${table}`));

test('columns come with their type, the place in the key, and labels', async () => {
  expect(await pagesOf(tablesOf([orders]))).toEqual([
    {
      type: 'described',
      tables: [
        {
          schema: 'shop',
          table: 'orders',
          exact: true,
          columns: [
            { name: 'tenant', type: 'int', nullable: false, length: 4, key: 2 },
            { name: 'id', type: 'bigint', nullable: false, unsigned: true, key: 1 },
            { name: 'card', type: 'text', nullable: true, length: 40 },
            { name: 'region', type: 'enum', nullable: false, labels: ['eu', 'us'], collation: 45 },
          ],
        },
      ],
      last: true,
    },
  ]);
});

test('a reader is told of what it may read, as it would get it', async () => {
  const tables = tablesOf(
    [orders, tableVersion('crm.people')],
    [tableVersion('hr.pay'), tableVersion('shop.new')],
  );
  const rules = [{ tables: ['shop.*'], drop: ['card'], hash: ['id', 'region'], where: 'no_such_column > 1' }];
  const [page] = await pagesOf(tables, { rules, columnHashKey: Buffer.alloc(32) });
  expect(page!.tables).toEqual([
    expect.objectContaining({ table: 'new', unwritten: true }),
    {
      schema: 'shop',
      table: 'orders',
      exact: true,
      columns: [
        { name: 'tenant', type: 'int', nullable: false, length: 4, key: 2 },
        { name: 'id', type: 'text', nullable: false, length: 64, fixed: true, collation: 65, key: 1 },
        { name: 'region', type: 'text', nullable: false, length: 64, fixed: true, collation: 65 },
      ],
    },
  ]);
  await expect(pagesOf(tables, { rules })).rejects.toMatchObject({
    code: 'FORBIDDEN',
    details: { reason: 'noHashKey' },
  });
  const columnHashKey = Buffer.alloc(32);
  const hidden = { code: 'FORBIDDEN', details: { table: 'crm.people' } };
  await expect(pagesOf(tables, { rules, columnHashKey, tables: ['crm.people'] })).rejects.toMatchObject(
    hidden,
  );
  expect(namesOf(await pagesOf(tables, { rules, columnHashKey, tables: ['crm.*'] }))).toEqual([]);
});

test('a reader whose grant drops a part of the key is told so, without its name', async () => {
  const rules = [{ tables: ['shop.*'], drop: ['tenant'] }];
  const [page] = await pagesOf(tablesOf([orders]), { rules });
  expect(page!.tables).toMatchObject([{ table: 'orders', keyHidden: true }]);
});

test('the source is asked where the log may not know all that is wanted, and of nothing else', async () => {
  const tables = tablesOf([orders], [orders, tableVersion('shop.new'), tableVersion('hr.pay')]);
  expect(namesOf(await pagesOf(tables, { tables: ['shop.orders'] }))).toEqual(['shop.orders']);
  expect(tables.asked).toEqual([]);
  expect(namesOf(await pagesOf(tables, { tables: ['shop.*'] }))).toEqual(['shop.new', 'shop.orders']);
  expect(namesOf(await pagesOf(tables, { tables: ['shop.new'] }))).toEqual(['shop.new']);
  expect(tables.asked).toEqual(['shop.new', 'end', 'shop.new', 'end']);
});

test('a table by name must exist; while the source cannot be asked, nobody knows', async () => {
  const wish = { tables: ['shop.orders', 'shop.absent'] };
  await expect(pagesOf(tablesOf([orders]), wish)).rejects.toMatchObject({
    code: 'TABLE_UNKNOWN',
    details: { table: 'shop.absent' },
  });
  const away = tablesOf([orders], [], 'unknown');
  expect(await pagesOf(away, wish)).toMatchObject([{ last: true, incomplete: true, missing: 1 }]);
  const [open] = await pagesOf(away);
  expect([open!.incomplete, open!.missing]).toEqual([true, undefined]);
  expect(await pagesOf(tablesOf([orders], [], 7))).toMatchObject([{ incomplete: true, missing: 7 }]);
});

test('two tables whose names read the same are two', async () => {
  const tables = [
    { ...orders, schema: 'a.b', table: 'c' },
    { ...orders, schema: 'a', table: 'b.c' },
  ];
  const [page] = await pagesOf(tablesOf(tables.slice(0, 1), tables), { tables: ['a.b.c'] });
  expect(page!.tables.map(({ schema, table }) => [schema, table])).toEqual([['a.b', 'c']]);
  expect(namesOf(await pagesOf(tablesOf(tables.slice(0, 1), tables)))).toEqual(['a.b.c', 'a.b.c']);
});

test('what does not fit a frame comes on several pages, a large table in pieces, and labels without end not at all', async () => {
  const name = (index: number): string => `${index}`.padStart(64, 'ü');
  const labels = (bytes: number): string[] =>
    Array.from({ length: bytes / 16 }, (_, index) => name(index).slice(0, 6));
  const columns = Array.from({ length: 1200 }, (_, index) => ({
    name: name(index),
    type: 'set' as const,
    nullable: true,
    ...(index % 50 === 0 ? { labels: labels(index % 100 === 0 ? 14_000 : 100_000) } : {}),
  }));
  const wide = { ...tableVersion('shop.wide'), columns, primaryKey: [1199] };
  const many = Array.from({ length: 3000 }, (_, index) =>
    tableVersion(`shop.t${`${index}`.padStart(60, '0')}`, 3),
  );
  const pages = await pagesOf(tablesOf([...many, wide]));
  // Each fits a frame, or this throws.
  const sizes = pages.map((page) => encodeMessage(page).length);
  expect(pages.length).toBeGreaterThan(10);
  expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(16 * 1024);
  expect(pages.map(({ last }) => last)).toEqual([...pages.slice(1).map(() => false), true]);
  const pieces = pages.flatMap(({ tables }) => tables).filter(({ table }) => table === 'wide');
  expect(pieces.map(({ more }) => more)).toEqual([...pieces.slice(1).map(() => true), undefined]);
  const joined = pieces.flatMap((piece) => piece.columns);
  expect(joined.map((column) => column.name)).toEqual(columns.map((column) => column.name));
  expect(joined[1199]).toMatchObject({ key: 1 });
  expect(joined[0]!.labels?.length).toBe(875);
  expect(joined[50]!.labels).toBeUndefined();
  expect(new Set(namesOf(pages)).size).toBe(3001);
});

test('a session describes as often as it is asked, and then subscribes', async () => {
  await using store = await StoreHarness.start({ topicTables: tablesOf([orders]) });
  const client = await store.client();
  client.hello();
  expect(await client.message('welcome')).toMatchObject({ describes: true });
  for (let count = 1; count <= 3; count++) {
    client.send({ type: 'describe', tables: ['shop.*'] });
    await eventually(() =>
      expect(
        client.received.filter((item) => item.kind === 'message' && item.message.type === 'described'),
      ).toHaveLength(count),
    );
  }
  client.subscribe();
  expect(await client.message('subscribed')).toMatchObject({ lsn: 1 });
  client.send({ type: 'describe', tables: [] });
  expect(await client.closed()).toMatchObject({ code: 1008, reason: 'PROTOCOL_VIOLATION' });
});

test('a store that knows of no tables says so before it is asked', async () => {
  await using store = await StoreHarness.start();
  const client = await store.client();
  client.hello();
  expect((await client.message('welcome')).describes).toBeUndefined();
  client.send({ type: 'describe', tables: [] });
  expect(await client.closed()).toMatchObject({ code: 1008, reason: 'PROTOCOL_VIOLATION' });
});

test('a store that stops waits for no answer of its source', async () => {
  const never = new Promise<never>(() => undefined);
  await using store = await StoreHarness.start({ topicTables: { ...tablesOf([]), atSource: () => never } });
  const client = await store.client();
  client.hello();
  client.send({ type: 'describe', tables: [] });
  await eventually(() => expect(store.server.sessions).toMatchObject([{ state: 'describing' }]));
  await store.server.close();
  expect(await client.closed()).toMatchObject({ code: 1001 });
});

test('an answer that the client does not wait for ends with its connection', async () => {
  let answer = (): void => undefined;
  const waiting = new Promise<void>((resolve) => (answer = resolve));
  const tables = tablesOf([orders]);
  await using store = await StoreHarness.start({
    topicTables: { ...tables, written: async () => (await waiting, [orders]) },
  });
  const client = await store.client();
  client.hello();
  client.send({ type: 'describe', tables: [] });
  await eventually(() => expect(store.server.sessions).toMatchObject([{ state: 'describing' }]));
  client.subscribe();
  expect(await client.closed()).toMatchObject({ code: 1008, reason: 'PROTOCOL_VIOLATION' });
  answer();
  const other = await store.client();
  await other.start();
});
