import { PartKind, partsOf, TransactionSet, type Gap } from '@drc/protocol';
import fc from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ProgressPace } from '../../../store/src/serve/progress-pace.js';
import { gapPart, insertInto, rowsPart, tableVersion } from './fake-log.js';
import type { RawClient } from './raw-client.js';
import { eventually, StoreHarness } from './store-harness.js';

const orders = tableVersion('shop.orders');
const users = tableVersion('shop.users');
const wages = tableVersion('hr.wages');
const all = [orders, users, wages];

const lsns = (client: RawClient): readonly number[] =>
  client.chunks.flatMap(({ chunk }) => (chunk.last ? chunk.lsn : []));

/** Everything of the rows that came, in order. */
const rowsOf = (client: RawClient): readonly string[] =>
  client.chunks.flatMap(({ chunk, bytes }) =>
    [...partsOf(bytes, chunk.partsAt)].map(
      ({ at, end }) => `${chunk.lsn} ${bytes.toString('latin1', at, end)}`,
    ),
  );

/** What the client has, and what it was told that it need not have. */
function positionOf(client: RawClient): string {
  const position = new TransactionSet();
  for (const { chunk } of client.chunks) if (chunk.last) position.add(chunk.id);
  const told = client.progress.at(-1);
  return (told === undefined ? position : position.union(TransactionSet.parse(told.set))).toString();
}

test('readers with one filter who are at the head get what one alone gets', async () => {
  const part = fc.record({
    kind: fc.constantFrom(PartKind.insert, PartKind.update, PartKind.delete),
    table: fc.nat(2),
    // Some transactions do not fit a frame.
    bytes: fc.oneof({ weight: 9, arbitrary: fc.nat(200) }, { weight: 1, arbitrary: fc.nat(70_000) }),
  });
  const transaction = fc.array(fc.array(part, { maxLength: 3 }), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      // What is appended in one go, and then the readers have their turn.
      fc.array(fc.array(transaction, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 12 }),
      fc.subarray(['shop.orders', 'shop.users', 'hr.wages']),
      fc.subarray(['insert', 'update', 'delete'] as const),
      async (rounds, tables, operations) => {
        await using store = await StoreHarness.start();
        store.log.register(...all);
        const [one, other, alone] = [await store.client(), await store.client(), await store.client()];
        for (const client of [one, other]) await client.start({ tables, operations });
        // The same in other words, and so a view of its own.
        await alone.start({
          tables: ['shop.orders', ...tables].slice(tables.length === 0 ? 1 : 0),
          operations,
        });
        const wished = tables.length === 0 || tables.includes('shop.orders');
        const late = await store.client();
        for (const [index, round] of rounds.entries()) {
          for (const chunks of round)
            store.log.append(
              chunks.map((parts) =>
                Buffer.concat(
                  parts.map(({ kind, table, bytes }) =>
                    rowsPart(kind, all[table]!, 1, Buffer.alloc(bytes, bytes)),
                  ),
                ),
              ),
            );
          if (index === 1) await late.start({ from: { kind: 'latest' }, tables, operations });
          for (let turns = 0; turns < 3; turns += 1) await setImmediate();
        }
        const count = rounds.flat().length;
        for (const client of [one, other, alone])
          await eventually(() => expect(positionOf(client)).toBe(`0-1-${count}`));
        expect(rowsOf(other)).toEqual(rowsOf(one));
        if (wished) expect(rowsOf(one)).toEqual(rowsOf(alone));
        expect(rowsOf(one)).toEqual(expect.arrayContaining([...rowsOf(late)]));
        expect(new Set(one.schemas).size).toBe(one.schemas.length);
      },
    ),
    { numRuns: 25 },
  );
});

test('what all of them get is read from the log once', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  store.log.append([insertInto(orders, 'the table is announced')]);
  const clients = await Promise.all(Array.from({ length: 20 }, () => store.client()));
  for (const client of clients) await client.start();
  for (const client of clients) await client.transaction(1);
  const before = store.log.reads;
  for (let lsn = 2; lsn <= 51; lsn += 1) {
    store.log.append([insertInto(orders, `row ${lsn}`)]);
    for (const client of clients) await client.transaction(lsn);
  }
  expect(store.log.reads - before).toBeLessThan(5 * 50);
  for (const client of clients)
    expect(lsns(client)).toEqual(Array.from({ length: 51 }, (_, index) => index + 1));
});

test('one who takes nothing for a while goes on where it was, and the others go on without it', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  const clients = await Promise.all(Array.from({ length: 3 }, () => store.client()));
  const [stalled] = clients;
  stalled!.acknowledges = false;
  for (const client of clients) await client.start({ credit: 2000 });
  for (let lsn = 1; lsn <= 200; lsn += 1) {
    store.log.append([insertInto(orders, 'x'.repeat(100))]);
    await clients[1]!.transaction(lsn);
  }
  expect(lsns(stalled!).length).toBeLessThan(50);
  stalled!.acknowledges = true;
  stalled!.send({ type: 'credit', bytes: stalled!.dataBytes });
  for (const client of clients) {
    await client.transaction(200);
    expect(lsns(client)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  }
});

test('each of them meets a GAP in its own place', async () => {
  const gap: Gap = {
    transaction: '0-1-2',
    tables: ['shop.orders'],
    reason: 'batch job',
    by: 'anna@db-admin',
    at: 1_700_000_000_000,
    from: 'binlog.000001:100',
    to: 'binlog.000001:200',
    code: 'STATEMENT_EVENT',
    events: 3,
    rowsEvents: 0,
  };
  await using store = await StoreHarness.start();
  store.log.register(orders);
  const [one, other, knows] = [await store.client(), await store.client(), await store.client()];
  for (const client of [one, other]) await client.start();
  await knows.start({ acknowledgeGaps: ['0-1-2'] });
  store.log.append([insertInto(orders, 'first')]);
  for (const client of [one, other, knows]) await client.transaction(1);
  store.log.append([gapPart(gap)]);
  store.log.append([insertInto(orders, 'third')]);
  for (const client of [one, other]) {
    expect(await client.closed()).toMatchObject({ reason: 'GAP' });
    expect(lsns(client)).toEqual([1]);
  }
  await knows.transaction(3);
  expect(lsns(knows)).toEqual([1, 3]);
  expect(positionOf(knows)).toBe('0-1-3');
});

test('a pace that includes what another counted says what it would have said had it counted itself', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('give' as const) }),
    fc.record({
      kind: fc.constant('skip' as const),
      bytes: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20_000),
    }),
  );
  const count = (pace: ProgressPace, steps: readonly { kind: 'give' | 'skip'; bytes?: number }[]): void => {
    for (const { kind, bytes = 0 } of steps) {
      if (kind === 'give') pace.give();
      else {
        pace.skipBytes(bytes);
        pace.skip();
      }
    }
  };
  fc.assert(
    fc.property(
      fc.array(fc.array(step, { maxLength: 10 }), { minLength: 1, maxLength: 20 }),
      fc.nat(2000),
      (pattern, told) => {
        const [counting, including] = [new ProgressPace(), new ProgressPace()];
        for (const pace of [counting, including]) pace.tell(0);
        for (let round = 0; round < 2500; round += 1) {
          const steps = pattern[round % pattern.length]!;
          const counted = new ProgressPace();
          count(counted, steps);
          including.include(counted);
          count(counting, steps);
          // The moment stands still: due is what the counts make due.
          if (including.pending !== counting.pending || including.dueIn(1) !== counting.dueIn(1))
            throw new Error(`They differ in round ${round}.`);
          if (round === told) for (const pace of [counting, including]) pace.tell(0);
        }
      },
    ),
    { numRuns: 50 },
  );
});
