import type { Gap } from '@drc/protocol';
import { expect, test } from 'vitest';
import { gapPart, insertInto, tableVersion } from './fake-log.js';
import type { RawClient } from './raw-client.js';
import { StoreHarness } from './store-harness.js';

const orders = tableVersion('shop.orders');
const users = tableVersion('shop.users');

const gap = (tables: readonly string[], transaction = '0-1-3'): Gap => ({
  transaction,
  tables,
  reason: 'batch job',
  by: 'anna@db-admin',
  at: 1_700_000_000_000,
  from: 'binlog.000001:100',
  to: 'binlog.000001:200',
  code: 'STATEMENT_EVENT',
  events: 3,
  rowsEvents: 0,
});

/** Transactions 1 to 5 by LSN; the third was left out. */
async function storeWith(third: Buffer) {
  const store = await StoreHarness.start();
  store.log.register(orders, users);
  store.log.append([insertInto(orders, 'first')]);
  store.log.append([insertInto(users, 'second')]);
  store.log.append([third]);
  store.log.append([insertInto(users, 'fourth')]);
  store.log.append([insertInto(orders, 'fifth')]);
  return store;
}

const lsns = (client: RawClient): readonly number[] => client.chunks.map(({ chunk }) => chunk.lsn);

test('a reader of its table is sent all that stands before it, and then the error', async () => {
  await using store = await storeWith(gapPart(gap(['shop.orders', 'hr.wages'])));
  // As clients before this version subscribe: without a word about gaps.
  const client = await store.client({ ticket: store.signer.sign({ grant: { tables: ['shop.*'] } }) });
  await client.start({ tables: ['shop.orders'] });
  expect(await client.message('error')).toEqual({
    type: 'error',
    code: 'GAP',
    message: 'Transaction 0-1-3, with changes of shop.orders, was left out: batch job',
    details: {
      transaction: '0-1-3',
      tables: ['shop.orders'],
      reason: 'batch job',
      by: 'anna@db-admin',
      at: '2023-11-14T22:13:20.000Z',
      from: 'binlog.000001:100',
      to: 'binlog.000001:200',
      cause: 'STATEMENT_EVENT',
    },
  });
  expect(await client.closed()).toMatchObject({ code: 1008, reason: 'GAP' });
  expect(lsns(client)).toEqual([1]);
  // The checkpoint is right in front of it.
  expect(client.progress.at(-1)).toMatchObject({ lsn: 2, set: '0-1-2' });
  expect(store.server.counters.refusals.get('GAP')).toBe(1);
});

test('a reader that acknowledges it goes on behind it at once, with a checkpoint that has it', async () => {
  await using store = await storeWith(gapPart(gap(['shop.orders'])));
  const client = await store.client();
  await client.start({ tables: ['shop.orders'], acknowledgeGaps: ['7-7-7', '0-1-3'] });
  await client.transaction(5);
  expect(lsns(client)).toEqual([1, 5]);
  const kinds = client.received.flatMap((item) =>
    item.kind === 'chunk' ? item.chunk.lsn : item.kind === 'progress' ? `to ${item.progress.set}` : [],
  );
  expect(kinds.indexOf('to 0-1-3')).toBeGreaterThan(kinds.indexOf(1));
  expect(kinds.indexOf('to 0-1-3')).toBeLessThan(kinds.indexOf(5));
});

test('a reader of other tables is not told of it, whatever operations it wants', async () => {
  await using store = await storeWith(gapPart(gap(['shop.orders'])));
  for (const operations of [[], ['insert'] as const]) {
    const client = await store.client();
    await client.start({ tables: ['shop.users'], operations });
    await client.transaction(4);
    expect(lsns(client)).toEqual([2, 4]);
  }
});

test('a reader of its table is stopped although it wants other operations: what it changed is not known', async () => {
  await using store = await storeWith(gapPart(gap(['shop.orders'])));
  const client = await store.client();
  await client.start({ tables: ['shop.orders'], operations: ['delete'] });
  expect(await client.message('error')).toMatchObject({ code: 'GAP' });
});

test('one that may concern any table stops every reader', async () => {
  await using store = await storeWith(gapPart(gap([])));
  const client = await store.client();
  await client.start({ tables: ['shop.users'] });
  expect(await client.message('error')).toMatchObject({ code: 'GAP', details: { tables: ['*'] } });
  expect(lsns(client)).toEqual([2]);
});

test('it is acknowledged by the id of what was left out, also where it stands in the commit of a prepared one', async () => {
  await using store = await storeWith(gapPart(gap(['shop.orders'], '0-1-2')));
  const wrong = await store.client();
  await wrong.start({ acknowledgeGaps: ['0-1-3'] });
  expect(await wrong.message('error')).toMatchObject({ details: { transaction: '0-1-2' } });
  const right = await store.client();
  await right.start({ acknowledgeGaps: ['0-1-2'] });
  await right.transaction(5);
});

test('the error of one with thousands of tables fits a frame', async () => {
  const tables = Array.from({ length: 5_000 }, (_, index) => `shop.${'t'.repeat(50)}_${index}`);
  await using store = await storeWith(gapPart(gap(tables)));
  const client = await store.client();
  await client.start();
  const { message, details } = await client.message('error');
  expect(message).toContain(' and 4900 more, was left out');
  expect(details['tables']).toHaveLength(100);
});

test('ids that are none are refused', async () => {
  await using store = await storeWith(gapPart(gap(['shop.orders'])));
  const client = await store.client();
  client.hello();
  client.subscribe({ acknowledgeGaps: ['0-1-1', 'nonsense'] });
  expect((await client.message('error')).code).toBe('CHECKPOINT_INVALID');
});
