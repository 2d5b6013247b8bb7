import {
  type Change,
  type SubscribeOptions,
  fileCheckpoints,
  hubCheckpoints,
  isDrcError,
  memoryCheckpoints,
} from '@drc/client-sdk';
import { sliceOf, type TestHub, testHub, type TestTables } from '@drc/client-sdk/testing';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.js';

interface Shop {
  'shop.orders': { id: bigint; status: number; total: string; note: string | null };
  'shop.marks': { name: string; data: Buffer };
}

const tables = {
  'shop.orders': {
    columns: {
      id: { type: 'bigint', unsigned: true },
      status: 'int',
      total: { type: 'decimal', precision: 12, scale: 2 },
      note: 'text',
    },
    primaryKey: ['id'],
  },
  'shop.marks': { columns: { name: 'text', data: 'bytes' } },
} as const satisfies TestTables;

const order = (id: number, status = 0): Shop['shop.orders'] => ({
  id: BigInt(id),
  status,
  total: `${id}.50`,
  note: id % 2 === 0 ? null : `order ${id} ☂`,
});

/** Transaction n, `0-1-n`, inserts the order n and moves it on. */
const slice = (count: number) =>
  sliceOf<Shop>(
    Array.from({ length: count }, (_, index) => ({
      changes: [
        { kind: 'insert', table: 'shop.orders', after: order(index + 1) },
        { kind: 'update', table: 'shop.orders', before: order(index + 1), after: order(index + 1, 1) },
      ],
    })),
    tables,
  );

const shop = (count = 5): TestHub => testHub({ topics: { shop: slice(count) } });

interface Seen {
  readonly id: string;
  readonly changes: readonly Change<Shop>[];
}

/** Reads on until all is done, committing each transaction; the loop ends when the hub is closed. */
async function readAll(hub: TestHub, options: SubscribeOptions = {}): Promise<Seen[]> {
  const seen: Seen[] = [];
  const subscription = hub.subscribe<Shop>('shop', { from: 'earliest', ...options });
  const loop = (async () => {
    for await (const tx of subscription) {
      const changes: Change<Shop>[] = [];
      for await (const change of tx.changes) changes.push(change);
      seen.push({ id: tx.id, changes });
      await subscription.commit(tx);
    }
  })();
  await Promise.all([loop, closedOnceDone(hub, subscription)]);
  return seen;
}

async function closedOnceDone(hub: TestHub, subscription: AsyncDisposable): Promise<void> {
  await using _closed = subscription;
  await hub.done('shop');
}

const idsOf = (seen: readonly Seen[]): string[] => seen.map(({ id }) => id);
const ids = (...numbers: number[]): string[] => numbers.map((number) => `0-1-${number}`);
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (isDrcError(error) ? error.code : error),
  );

describe('a slice written by hand', () => {
  test('arrives as it was written, value for value, at the times that follow each other', async () => {
    await using hub = shop(3);
    const seen = await readAll(hub);
    expect(idsOf(seen)).toEqual(ids(1, 2, 3));
    expect(seen[2]!.changes).toMatchObject([
      { kind: 'insert', table: 'shop.orders', after: order(3) },
      { kind: 'update', table: 'shop.orders', before: order(3), after: order(3, 1) },
    ]);
    await using again = hub.subscribe('shop', { from: 'earliest' });
    const times: string[] = [];
    for await (const tx of again) if (times.push(tx.commitTime.toISOString()) === 2) break;
    expect(times).toEqual(['2026-01-01T00:00:01.000Z', '2026-01-01T00:00:02.000Z']);
  });

  test('takes every type of column, and gives back what it was given', async () => {
    const types = {
      'all.types': {
        columns: {
          i: 'int',
          y: 'year',
          b: 'bigint',
          d: { type: 'decimal', precision: 5, scale: 1 },
          f: 'float',
          g: 'double',
          t: 'text',
          j: 'json',
          at: 'timestamp',
          e: { type: 'enum', labels: ['a', 'b'] },
          s: { type: 'set', labels: ['a', 'b'] },
          x: 'bytes',
          v: 'vector',
          __proto__x: 'int',
        },
      },
    } as const satisfies TestTables;
    const rows = [
      -(2 ** 31),
      -32_769,
      -32_768,
      -129,
      -128,
      -33,
      -32,
      -1,
      0,
      63,
      64,
      255,
      256,
      65_536,
      2 ** 32 - 1,
    ].map((i) => ({
      i,
      y: 2026,
      b: -(2n ** 63n) + BigInt(i + 2 ** 31),
      d: '-12.5',
      f: 0.5,
      g: Math.PI,
      t: 'ä'.repeat(Math.min(Math.abs(i), 70_000)),
      j: '{"a": 1.50}',
      at: '2026-01-31 12:00:00.5',
      e: 'b',
      s: 'a,b',
      x: Buffer.alloc(Math.min(Math.abs(i), 300), 7),
      v: new Float32Array([1.5, -2]),
      __proto__x: 1,
    }));
    const changes = rows.map((after) => ({ kind: 'insert', table: 'all.types', after }) as const);
    await using hub = testHub({ topics: { shop: sliceOf([{ changes }], types) } });
    const [tx] = await readAll(hub);
    expect(tx!.changes.map((change) => (change.kind === 'insert' ? change.after : change))).toEqual(rows);
  });

  test('is refused where a row does not fit its table, by table and column', () => {
    const made =
      (after: object, table = 'shop.orders') =>
      () =>
        sliceOf([{ changes: [{ kind: 'insert', table, after: after as never }] }], tables);
    expect(made({ ...order(1), id: 1 })).toThrow(/shop.orders: id is bigint; write a bigint/);
    expect(made({ ...order(1), id: -1n })).toThrow(/id is bigint/);
    expect(made({ ...order(1), id: null })).toThrow(/id cannot be NULL/);
    expect(made({ ...order(1), status: 1.5 })).toThrow(/status is int/);
    expect(made({ ...order(1), total: '1.5' })).toThrow(/total is decimal/);
    expect(made({ ...order(1), more: 1 })).toThrow(/no column more/);
    expect(made({ id: 1n })).toThrow(/the row has no status/);
    expect(made(order(1), 'shop.order')).toThrow(/shop.order was not described/);
    expect(() => sliceOf([{ changes: [] }], tables)).toThrow(TypeError);
    expect(() => sliceOf([], { orders: { columns: { id: 'int' } } })).toThrow(/schema.table/);
    expect(() => sliceOf([], { 'a.b': { columns: { x: { type: 'decimal' } } } })).toThrow(/precision, scale/);
  });
});

describe('what is appended', () => {
  test('reaches loops that wait for it, behind all others, with ids that go on', async () => {
    await using hub = shop(2);
    const orders = hub.subscribe<Shop>('shop', { from: 'latest' });
    const first = orders[Symbol.asyncIterator]().next();
    await hub.done('shop');
    const appended = hub.append<Shop>('shop', {
      changes: [{ kind: 'delete', table: 'shop.orders', before: order(1, 1) }],
      origin: 'test',
    });
    expect(appended).toEqual(ids(3));
    const result = await first;
    if (result.done === true) throw new Error('The loop has ended.');
    expect(result.value).toMatchObject({ id: '0-1-3', origin: 'test' });
    expect(await result.value.all()).toMatchObject([{ kind: 'delete', before: order(1, 1) }]);
    expect(() =>
      hub.append<Shop>('shop', {
        id: '0-1-2',
        changes: [{ kind: 'insert', table: 'shop.orders', after: order(9) }],
      }),
    ).toThrow(/already/);
  });

  test('may be statements, which arrive as such', async () => {
    await using hub = shop(0);
    hub.append('shop', {
      changes: [{ kind: 'ddl', ddl: { verb: 'TRUNCATE TABLE', tables: ['shop.orders'] } }],
    });
    expect(await readAll(hub)).toMatchObject([
      { changes: [{ kind: 'ddl', ddl: { verb: 'TRUNCATE TABLE', tables: ['shop.orders'] } }] },
    ]);
  });
});

describe('a subscription', () => {
  test('goes on at its checkpoint, wherever that was kept', async () => {
    await using folder = await temporaryFolder('testing');
    for (const checkpoints of [
      memoryCheckpoints(),
      fileCheckpoints(folder.file('progress')),
      hubCheckpoints(),
    ]) {
      await using hub = shop(3);
      expect(idsOf(await readAll(hub, { checkpoints }))).toEqual(ids(1, 2, 3));
      hub.append<Shop>('shop', { changes: [{ kind: 'insert', table: 'shop.orders', after: order(4) }] });
      expect(idsOf(await readAll(hub, { checkpoints }))).toEqual(ids(4));
    }
  });

  test('gets what its filter lets through, and its checkpoint passes over the rest', async () => {
    await using hub = shop(4);
    hub.append<Shop>('shop', {
      changes: [{ kind: 'insert', table: 'shop.marks', after: { name: 'end', data: Buffer.from('x') } }],
    });
    const kinds = async (options: object): Promise<string[]> =>
      (await readAll(hub, options)).map(
        ({ id, changes }) => `${id} ${changes.map(({ kind }) => kind).join()}`,
      );
    expect(await kinds({ tables: ['shop.m*'] })).toEqual(['0-1-5 insert']);
    expect(await kinds({ operations: ['update'] })).toEqual(ids(1, 2, 3, 4).map((id) => `${id} update`));
    // The update carries the row into the condition.
    expect(
      await kinds({ where: { 'shop.orders': 'status = 1 AND id > 2' }, tables: ['shop.orders'] }),
    ).toEqual(['0-1-3 insert', '0-1-4 insert']);
    const [first] = await readAll(hub, { columns: { 'shop.orders': ['status', 'ID'] } });
    expect(first!.changes[0]).toMatchObject({ after: { id: 1n, status: 0 } });
    expect(Object.keys((first!.changes[0] as { after: object }).after)).toEqual(['id', 'status']);
    const shares = await Promise.all(
      [0, 1].map(async (index) =>
        idsOf(await readAll(hub, { partition: { of: 2, index }, tables: ['shop.orders'] })),
      ),
    );
    expect(shares.flat().toSorted()).toEqual(ids(1, 2, 3, 4));
  });

  test('may name only tables that there are, and asks for moments as of a store', async () => {
    await using hub = shop(3);
    expect(await codeOf(readAll(hub, { tables: ['shop.order'] }))).toBe('TABLE_UNKNOWN');
    expect(await codeOf(readAll(hub, { where: { 'shop.orders': 'nothing = 1' } }))).toBe('CONDITION_INVALID');
    expect(idsOf(await readAll(hub, { from: { transaction: '0-1-2' } }))).toEqual(ids(2, 3));
    expect(idsOf(await readAll(hub, { from: { timestamp: new Date('2026-01-01T00:00:03Z') } }))).toEqual(
      ids(3),
    );
    expect(await codeOf(readAll(hub, { from: { transaction: '0-1-9' } }))).toBe('TRANSACTION_UNKNOWN');
    const other = hub.subscribe('stock');
    expect(await codeOf(other[Symbol.asyncIterator]().next())).toBe('TOPIC_UNKNOWN');
  });

  test('of several topics is one loop', async () => {
    await using hub = testHub({ topics: { a: slice(2), b: slice(3) } });
    const both = hub.subscribe(['a', 'b'], { from: 'earliest' });
    const seen: string[] = [];
    const loop = (async () => {
      for await (const tx of both) seen.push(tx.topic);
    })();
    await hub.done('a');
    await hub.done('b');
    await both.close();
    await loop;
    expect(seen.toSorted()).toEqual(['a', 'a', 'b', 'b', 'b']);
  });
});

test('the hub tells its topics and their tables', async () => {
  await using hub = shop(1);
  expect(await hub.topics()).toEqual([{ topic: 'shop', stores: 1 }]);
  const { tables: described, missing } = await hub.describe('shop');
  expect(missing).toBe(0);
  expect(described.map(({ table }) => table)).toEqual(['marks', 'orders']);
  expect(described[1]!.columns[0]).toEqual({
    name: 'id',
    type: 'bigint',
    nullable: false,
    unsigned: true,
    key: 1,
  });
});

test('done says what a subscription has ended with, and that none came', async () => {
  await using hub = shop(1);
  await expect(hub.done('shop', { withinMs: 5 })).rejects.toThrow(/nothing has subscribed/);
  hub.faults.fail('shop', 'FORBIDDEN', { details: { table: 'shop.orders' } });
  const orders = hub.subscribe('shop');
  await expect(orders[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(hub.done('shop')).rejects.toMatchObject({
    code: 'FORBIDDEN',
    details: { table: 'shop.orders' },
  });
});
