import { type DrcError, memoryCheckpoints, type SubscriptionStatus } from '@drc/client-sdk';
import { type Fault, sliceOf, type TestHub, testHub } from '@drc/client-sdk/testing';
import { expect, test } from 'vitest';

const tables = { 'shop.orders': { columns: { id: 'bigint', note: 'text' }, primaryKey: ['id'] } } as const;
const other = { 'shop.marks': { columns: { id: 'int' }, primaryKey: ['id'] } } as const;

interface Shop {
  'shop.orders': { id: bigint; note: string };
}

/** Transaction n inserts three orders: n0, n1 and n2. */
const orders = (count: number) =>
  sliceOf<Shop>(
    Array.from({ length: count }, (_, index) => ({
      changes: [0, 1, 2].map((row) => ({
        kind: 'insert' as const,
        table: 'shop.orders' as const,
        after: { id: BigInt((index + 1) * 10 + row), note: 'x'.repeat(row * 50_000) },
      })),
    })),
    tables,
  );

const shop = (count = 6): TestHub => testHub({ topics: { shop: orders(count) } });

/** What a service saw: a line for each transaction, with the numbers of its orders. */
interface Reading {
  readonly lines: string[];
  readonly statuses: SubscriptionStatus['kind'][];
  readonly done: Promise<void>;
}

function read(hub: TestHub, options: object = {}): Reading {
  const subscription = hub.subscribe<Shop>('shop', { from: 'earliest', ...options });
  const lines: string[] = [];
  const statuses: SubscriptionStatus['kind'][] = [];
  const loop = (async () => {
    for await (const tx of subscription) {
      const numbers: string[] = [];
      for await (const change of tx.changes)
        if (change.kind === 'insert') {
          numbers.push(String(change.after.id));
          statuses.push(subscription.status().kind);
        }
      lines.push(`${tx.id}: ${numbers.join(' ')}`);
      await subscription.commit(tx);
    }
  })();
  const ended = Promise.all([loop, closedOnceDone(hub, subscription)]);
  return { lines, statuses, done: ended.then(() => undefined) };
}

async function closedOnceDone(hub: TestHub, subscription: AsyncDisposable): Promise<void> {
  await using _closed = subscription;
  await hub.done('shop');
}

const line = (number: number): string => `0-1-${number}: ${number}0 ${number}1 ${number}2`;
const lines = (...numbers: number[]): string[] => numbers.map(line);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const failure = async (reading: Reading): Promise<DrcError> => {
  const error = await reading.done.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error as DrcError;
};

test('connections that are cut cost nothing: within transactions, in front of them, again and again', async () => {
  await using hub = shop();
  const faults = [
    hub.faults.cut('shop'),
    hub.faults.cut('shop', { after: 2 }),
    hub.faults.cut('shop', { after: 3, at: 'front' }),
    hub.faults.cut('shop', { after: 6, at: 'front' }),
  ];
  // A window in which no transaction fits: its first changes are in the loop's hands when the connection ends.
  const reading = read(hub, { windowBytes: 1000 });
  await reading.done;
  expect(reading.lines).toEqual(lines(1, 2, 3, 4, 5, 6));
  expect(faults.map(({ happened }) => happened)).toEqual([true, true, true, true]);
});

test('a loop is given the first changes of a transaction before the connection is cut, and none of them twice', async () => {
  await using hub = shop(1);
  hub.faults.cut('shop');
  await using subscription = hub.subscribe<Shop>('shop', { from: 'earliest' });
  const seen: [bigint, string][] = [];
  for await (const tx of subscription) {
    for await (const change of tx.changes)
      if (change.kind === 'insert') seen.push([change.after.id, subscription.status().kind]);
    break;
  }
  expect(seen.map(([id]) => id)).toEqual([10n, 11n, 12n]);
  expect(seen[0]![1]).toBe('streaming');
});

test('another store goes on in the middle of a transaction, with a log and chunks of its own', async () => {
  await using hub = shop();
  const checkpoints = memoryCheckpoints();
  const faults = [
    hub.faults.failover('shop', { after: 1 }),
    hub.faults.failover('shop', { after: 3, at: 'front' }),
    hub.faults.failover('shop', { after: 6, at: 'front' }),
  ];
  const reading = read(hub, { checkpoints });
  await reading.done;
  expect(reading.lines).toEqual(lines(1, 2, 3, 4, 5, 6));
  expect(faults.every(({ happened }) => happened)).toBe(true);
  // Its checkpoint is good on the store that is there now.
  hub.append<Shop>('shop', {
    changes: [{ kind: 'insert', table: 'shop.orders', after: { id: 70n, note: '' } }],
  });
  const later = read(hub, { checkpoints });
  await later.done;
  expect(later.lines).toEqual(['0-1-7: 70']);
});

test('transactions come once more where a test wants them to', async () => {
  await using hub = shop(4);
  const checkpoints = memoryCheckpoints();
  const twice = hub.faults.repeat('shop', { after: 3, transactions: 2 });
  const reading = read(hub, { checkpoints });
  await reading.done;
  expect(reading.lines).toEqual(lines(1, 2, 3, 2, 3, 4));
  expect(twice.happened).toBe(true);
  // Of a service that comes back as well.
  hub.faults.repeat('shop');
  hub.append<Shop>('shop', {
    changes: [{ kind: 'insert', table: 'shop.orders', after: { id: 50n, note: '' } }],
  });
  const later = read(hub, { checkpoints });
  await later.done;
  expect(later.lines).toEqual([line(4), '0-1-5: 50']);
});

test('a slow store keeps a loop waiting in front of each transaction, until it is fast again', async () => {
  await using hub = shop(3);
  hub.faults.slow('shop', 3_600_000);
  await using subscription = hub.subscribe<Shop>('shop', { from: 'earliest' });
  const iterator = subscription[Symbol.asyncIterator]();
  const ids: string[] = [];
  const next = async (): Promise<void> => {
    const result = await iterator.next();
    if (result.done !== true) ids.push(result.value.id);
  };
  const first = next();
  while (subscription.status().kind !== 'streaming') await turn();
  for (let turns = 0; turns < 10; turns++) await turn();
  expect(ids).toEqual([]);
  hub.faults.slow('shop', 1);
  await first;
  await next();
  hub.faults.slow('shop', 0);
  await next();
  expect(ids).toEqual(['0-1-1', '0-1-2', '0-1-3']);
});

test('a gap ends the loop in front of it, and an acknowledged one is passed', async () => {
  await using hub = shop(4);
  const checkpoints = memoryCheckpoints();
  hub.faults.gap('shop', { after: 2, reason: 'disk ate it' });
  const reading = read(hub, { checkpoints });
  const error = await failure(reading);
  expect(error).toMatchObject({
    code: 'GAP',
    details: { transaction: '0-1-3', tables: ['shop.orders'], reason: 'disk ate it' },
  });
  expect(reading.lines).toEqual(lines(1, 2));
  // Whatever rows it wants of that table.
  const where = { 'shop.orders': 'id < 0' };
  expect(await failure(read(hub, { checkpoints, where }))).toMatchObject({ code: 'GAP' });
  const later = read(hub, { checkpoints, acknowledgeGaps: [error.details['transaction']] });
  await later.done;
  expect(later.lines).toEqual(lines(4));
});

test('a gap in tables that nobody reads is not noticed, and one can be made of any transaction', async () => {
  await using hub = testHub({ topics: { shop: [orders(3), sliceOf([], other)] } });
  hub.append('shop', { changes: [{ kind: 'insert', table: 'shop.marks', after: { id: 1 } }] });
  hub.faults.gap('shop', { transaction: '0-1-4' });
  const reading = read(hub, { tables: ['shop.orders'] });
  await reading.done;
  expect(reading.lines).toEqual(lines(1, 2, 3));
  expect(await failure(read(hub))).toMatchObject({ code: 'GAP', details: { tables: ['shop.marks'] } });
});

test('what is trimmed away is RETENTION_EXPIRED, now and at the next start', async () => {
  await using hub = shop(4);
  const checkpoints = memoryCheckpoints();
  hub.faults.retentionExpired('shop', { after: 2 });
  const reading = read(hub, { checkpoints });
  expect(await failure(reading)).toMatchObject({ code: 'RETENTION_EXPIRED' });
  expect(reading.lines).toEqual(lines(1, 2));
  expect(await failure(read(hub, { checkpoints }))).toMatchObject({ code: 'RETENTION_EXPIRED' });
  expect(await failure(read(hub, { from: { timestamp: 1_767_225_601_000 } }))).toMatchObject({
    code: 'RETENTION_EXPIRED',
  });
  expect(await failure(read(hub, { from: { timestamp: 1_767_225_601_000 }, backfill: true }))).toMatchObject({
    code: 'BACKFILL_UNAVAILABLE',
  });
  const anew = read(hub);
  await anew.done;
  expect(anew.lines).toEqual(lines(4));
});

test('any error ends the session: what can be retried is retried, and the rest is thrown', async () => {
  await using hub = shop(3);
  const faults: Fault[] = [
    hub.faults.fail('shop', 'STORE_DRAINING', { after: 1 }),
    hub.faults.fail('shop', 'TICKET_EXPIRED', { after: 1 }),
  ];
  const reading = read(hub);
  await reading.done;
  expect(reading.lines).toEqual(lines(1, 2, 3));
  expect(faults.every(({ happened }) => happened)).toBe(true);
  for (const code of ['GRANT_CHANGED', 'SOURCE_HISTORY_CHANGED', 'LOG_CORRUPT'] as const) {
    hub.faults.fail('shop', code, { after: 2, message: 'because', details: { table: 'shop.orders' } });
    const ended = read(hub);
    expect(await failure(ended)).toMatchObject({ code, details: { table: 'shop.orders' } });
    expect(ended.lines).toEqual(lines(1, 2));
  }
});

test('a fault of an idle stream happens at once', async () => {
  await using hub = shop(1);
  await using subscription = hub.subscribe('shop');
  const next = subscription[Symbol.asyncIterator]().next();
  await hub.done('shop');
  hub.faults.fail('shop', 'FORBIDDEN');
  await expect(next).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

test('faults that cannot be meant are refused', async () => {
  await using hub = shop(1);
  expect(() => hub.faults.cut('stock')).toThrow(expect.objectContaining({ code: 'TOPIC_UNKNOWN' }));
  expect(() => hub.faults.cut('shop', { after: -1 })).toThrow(TypeError);
  expect(() => hub.faults.repeat('shop', { transactions: 0 })).toThrow(TypeError);
  expect(() => hub.faults.slow('shop', Number.NaN)).toThrow(TypeError);
  expect(() => hub.faults.fail('shop', 'NO_SUCH' as 'GAP')).toThrow(TypeError);
});
