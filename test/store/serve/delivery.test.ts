import {
  Checkpoint,
  decodeDdl,
  DrcError,
  maxFrameBytes,
  PartKind,
  partsOf,
  schemaIdBytes,
  TransactionSet,
  type Ddl,
} from '@drc/protocol';
import fc from 'fast-check';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ddlPart, FakeLog, insertInto, rowsPart, tableVersion } from './fake-log.js';
import type { RawClient } from './raw-client.js';
import { StoreHarness, eventually } from './store-harness.js';

const orders = tableVersion('shop.orders');
const users = tableVersion('shop.users');
const wages = tableVersion('hr.wages');
const all = [orders, users, wages];

const checkpointOf = (...ids: readonly string[]): { kind: 'checkpoint'; checkpoint: string } => {
  const set = new TransactionSet();
  for (const id of ids) set.add(id);
  return { kind: 'checkpoint', checkpoint: new Checkpoint({ topic: 'shop', set }).toString() };
};

/** Waits until the stream has been at the head at this lsn. */
const caughtUpAt = (client: RawClient, lsn: number) =>
  client.until(
    ({ ...item }) => item.kind === 'message' && item.message.type === 'caughtUp' && item.message.lsn >= lsn,
  );

/** The bytes of the parts, by transaction. */
function partsByLsn(client: RawClient): Record<number, string[]> {
  const found: Record<number, string[]> = {};
  for (const { chunk, bytes } of client.chunks) {
    const list = (found[chunk.lsn] ??= []);
    for (const { at, end } of partsOf(bytes, chunk.partsAt)) list.push(bytes.toString('latin1', at, end));
  }
  return found;
}

test('a reader from the earliest moment gets every transaction as it stands in the log, then what comes', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  for (let n = 1; n <= 50; n++) store.log.append([insertInto(orders, `row ${n}`)]);
  const client = await store.client();
  expect(await client.start()).toMatchObject({ lsn: 1, set: '', grant: { tables: ['**'] } });
  await client.transaction(50);
  expect(client.chunks.map(({ bytes }) => bytes)).toEqual(
    Array.from({ length: 50 }, (_, index) => store.log.chunksOf(index + 1)[0]!.bytes),
  );
  expect(client.schemas).toEqual(['shop.orders']);
  expect(await client.message('caughtUp')).toEqual({ type: 'caughtUp', lsn: 50 });
  store.log.append([insertInto(orders, 'live')]);
  await client.transaction(51);
  // Many small transactions share a frame.
  expect(client.frames.length).toBe(2);
});

test('a chunk larger than a frame spans frames, each of them full but the last', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  store.log.append([insertInto(orders, 'x'.repeat(300_000)), insertInto(orders, 'y'.repeat(10))]);
  const client = await store.client();
  await client.start();
  await client.transaction(1);
  expect(client.chunks.map(({ bytes }) => bytes)).toEqual(store.log.chunksOf(1).map(({ bytes }) => bytes));
  expect(client.frames.slice(0, -1).every((length) => length === maxFrameBytes)).toBe(true);
});

test('records of every size around the frame limit arrive unharmed', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  for (let size = maxFrameBytes - 200; size < maxFrameBytes + 20; size++) {
    store.log.append([insertInto(orders, 'x'.repeat(size)), Buffer.alloc(0)]);
  }
  const client = await store.client();
  await client.start({ credit: 100_000 });
  await client.transaction(220);
  expect(client.chunks.length).toBe(440);
  for (const { chunk, bytes } of client.chunks) {
    expect(bytes.equals(store.log.chunksOf(chunk.lsn)[chunk.chunk]!.bytes)).toBe(true);
  }
});

test('never more than the credit is under way, to the byte', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  for (let n = 0; n < 200; n++) store.log.append([insertInto(orders, 'x'.repeat(5000))]);
  const client = await store.client();
  client.acknowledges = false;
  await client.start({ credit: 200_000 });
  await client.until(() => client.dataBytes > 150_000);
  await pause(200);
  // Full frames only: a fourth would exceed the window.
  expect(client.frames).toEqual([maxFrameBytes, maxFrameBytes, maxFrameBytes]);
  expect(store.server.sessions[0]!.outstandingBytes).toBe(3 * maxFrameBytes);
  client.send({ type: 'credit', bytes: 4 * maxFrameBytes - 200_000 - 1 });
  await pause(200);
  expect(client.frames.length).toBe(3);
  client.send({ type: 'credit', bytes: 1 });
  await client.until(() => client.frames.length === 4);
  await pause(100);
  expect(client.frames.length).toBe(4);
});

test('with a window of nothing, one frame at a time still goes', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  store.log.append([insertInto(orders, 'x'.repeat(400_000))]);
  const client = await store.client();
  await client.start({ credit: 0 });
  await client.transaction(1);
});

test('acknowledging more than was sent ends the session', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  store.log.append([insertInto(orders, 'x')]);
  const client = await store.client();
  client.acknowledges = false;
  await client.start();
  await client.transaction(1);
  client.send({ type: 'credit', bytes: client.dataBytes + 1 });
  expect(await client.closed()).toMatchObject({ code: 1008, reason: 'PROTOCOL_VIOLATION' });
});

test('what a filter leaves is exactly the parts of its tables and operations, in order, transactions whole', async () => {
  const kinds = [PartKind.insert, PartKind.update, PartKind.delete] as const;
  const names = ['insert', 'update', 'delete'] as const;
  const part = fc.record({
    kind: fc.constantFrom(...kinds),
    table: fc.nat(2),
    text: fc.string({ maxLength: 50 }),
  });
  const transaction = fc.array(fc.array(part, { maxLength: 3 }), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(transaction, { minLength: 1, maxLength: 20 }),
      fc.subarray(['shop.orders', 'shop.users', 'hr.wages']),
      fc.subarray([...names]),
      fc.subarray(['shop.*', 'hr.*', '*.users'], { minLength: 1 }),
      async (transactions, tables, operations, grant) => {
        await using store = await StoreHarness.start();
        store.log.register(...all);
        const encode = (one: { kind: 1 | 2 | 3; table: number; text: string }): Buffer =>
          rowsPart(one.kind, all[one.table]!, 1, Buffer.from(one.text));
        for (const chunks of transactions)
          store.log.append(chunks.map((parts) => Buffer.concat(parts.map(encode))));
        const allowed = (name: string): boolean =>
          grant.some((glob) =>
            glob === '*.users' ? name.endsWith('.users') : name.startsWith(glob.slice(0, -1)),
          );
        const wish = tables.filter(allowed);
        const client = await store.client({ ticket: store.signer.sign({ grant: { tables: grant } }) });
        await client.start({ tables: wish, operations });
        await caughtUpAt(client, transactions.length);
        const expected: Record<number, string[]> = {};
        transactions.forEach((chunks, index) => {
          const kept = chunks.flat().filter(({ kind, table }) => {
            const { schema, table: name } = all[table]!;
            const full = `${schema}.${name}`;
            return (
              allowed(full) &&
              (wish.length === 0 || wish.includes(full)) &&
              (operations.length === 0 || operations.includes(names[kinds.indexOf(kind)]!))
            );
          });
          if (kept.length > 0) expected[index + 1] = kept.map((one) => encode(one).toString('latin1'));
        });
        expect(partsByLsn(client)).toEqual(expected);
        // Each transaction that was begun was ended, and each schema came once.
        const last = new Map(client.chunks.map(({ chunk }) => [chunk.lsn, chunk.last]));
        expect([...last.values()].every(Boolean)).toBe(true);
        expect(new Set(client.schemas).size).toBe(client.schemas.length);
        // The position reached the client: what it has and what it was told cover the whole log.
        const position = new TransactionSet();
        for (const { chunk } of client.chunks) position.add(chunk.id);
        const told = client.progress.at(-1);
        const union = told === undefined ? position : position.union(TransactionSet.parse(told.set));
        expect(union.toString()).toBe(`0-1-${transactions.length}`);
      },
    ),
    { numRuns: 20 },
  );
});

test('a table version is sent before its first row, and only where its rows are delivered', async () => {
  await using store = await StoreHarness.start();
  const wider = tableVersion('shop.orders', 2);
  store.log.register(...all, wider);
  store.log.append([Buffer.concat([insertInto(users, 'u'), insertInto(orders, 'o')])]);
  store.log.append([insertInto(wider, 'w')]);
  store.log.append([insertInto(orders, 'o')]);
  const client = await store.client();
  await client.start({ tables: ['shop.orders'] });
  await client.transaction(3);
  expect(client.received.filter(({ kind }) => kind !== 'message').map(({ kind }) => kind)).toEqual([
    'schema',
    'chunk',
    'schema',
    'chunk',
    'chunk',
  ]);
});

test('a reader that is given nothing still learns how far the log has come, and not for each transaction', async () => {
  await using store = await StoreHarness.start();
  store.log.register(...all);
  for (let n = 0; n < 100; n++) store.log.append([insertInto(users, 'u')]);
  const client = await store.client();
  await client.start({ tables: ['shop.orders'] });
  await caughtUpAt(client, 100);
  expect(client.progress).toMatchObject([{ lsn: 100, set: '0-1-100' }]);
  for (let n = 0; n < 50; n++) {
    store.log.append([insertInto(users, 'u')]);
    await pause(5);
  }
  await client.until((item) => item.kind === 'progress' && item.progress.lsn === 150);
  expect(client.progress.length).toBeLessThan(10);
  expect(client.chunks).toEqual([]);
});

test('progress comes within history too: after 10,000 transactions or 1 MiB passed over', async () => {
  await using store = await StoreHarness.start();
  store.log.register(...all);
  for (let n = 0; n < 30_000; n++) store.log.append([insertInto(users, '')]);
  for (let n = 0; n < 64; n++) store.log.append([insertInto(users, 'x'.repeat(64 * 1024))]);
  const client = await store.client();
  await client.start({ tables: ['shop.orders'] });
  await caughtUpAt(client, 30_064);
  const lsns = client.progress.map(({ lsn }) => lsn);
  expect(lsns.length).toBeGreaterThanOrEqual(5);
  expect(lsns).toEqual(lsns.toSorted((a, b) => a - b));
  expect(lsns.at(-1)).toBe(30_064);
});

test('holes in a set of GTIDs stay few, however transactions given and passed over alternate', async () => {
  await using store = await StoreHarness.start();
  store.log.register(...all);
  const uuid = '01234567-89ab-cdef-0123-456789abcdef';
  for (let n = 1; n <= 20_000; n++)
    store.log.append([insertInto(n % 2 === 0 ? orders : users, 'x')], `${uuid}:${n}`);
  const client = await store.client();
  await client.start({ tables: ['shop.orders'] });
  await caughtUpAt(client, 20_000);
  let set = new TransactionSet();
  let longest = 0;
  for (const item of client.received) {
    if (item.kind === 'chunk') set.add(item.chunk.id);
    if (item.kind === 'progress') set = set.union(TransactionSet.parse(item.progress.set));
    if (item.kind === 'chunk' && item.chunk.lsn % 100 === 0)
      longest = Math.max(longest, set.toString().length);
  }
  expect(set.toString()).toBe(`${uuid}:1-20000`);
  expect(longest).toBeLessThan(30_000);
});

test('a transaction without parts is told by progress, not sent', async () => {
  await using store = await StoreHarness.start();
  store.log.append([Buffer.alloc(0)]);
  const client = await store.client();
  await client.start();
  await caughtUpAt(client, 1);
  expect(client.chunks).toEqual([]);
  expect(client.progress).toMatchObject([{ lsn: 1, set: '0-1-1' }]);
});

test('a statement goes out with its text, without it, or not at all', async () => {
  await using store = await StoreHarness.start();
  const statement = (tables: readonly string[]): Ddl => ({
    verb: 'RENAME TABLE',
    tables,
    defaultSchema: 'shop',
    text: `RENAME TABLE ${tables.join(' TO ')}`,
    sqlMode: 0,
    charset: [45, 45, 45],
    timeZone: '',
  });
  store.log.register(...all);
  store.log.append([ddlPart(statement(['shop.orders']))]);
  store.log.append([
    Buffer.concat([
      insertInto(orders, 'a'),
      ddlPart(statement(['shop.orders', 'hr.wages'])),
      insertInto(orders, 'b'),
    ]),
  ]);
  store.log.append([ddlPart(statement(['hr.wages']))]);
  const client = await store.client({ ticket: store.signer.sign({ grant: { tables: ['shop.*'] } }) });
  await client.start();
  await caughtUpAt(client, 3);
  const found = client.chunks.map(({ chunk, bytes }) =>
    [...partsOf(bytes, chunk.partsAt)].map((part) =>
      part.kind === PartKind.ddl
        ? decodeDdl(bytes.subarray(part.bodyAt, part.end))
        : bytes.toString('latin1', part.bodyAt + schemaIdBytes + 4, part.end),
    ),
  );
  const { text: _, ...hidden } = statement(['shop.orders']);
  expect(found).toEqual([[statement(['shop.orders'])], ['a', hidden, 'b']]);
});

test('from a checkpoint exactly the transactions go out that it does not cover, holes included', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  const uuid = '01234567-89ab-cdef-0123-456789abcdef';
  for (let n = 1; n <= 20; n++) store.log.append([insertInto(orders, `${n}`)], `${uuid}:${n}`);
  const have = [1, 2, 3, 5, 6, 9, 10, 17];
  const client = await store.client();
  const { set } = await client.start({ from: checkpointOf(...have.map((n) => `${uuid}:${n}`)) });
  expect(set).toBe(`${uuid}:1-3:5-6:9-10:17`);
  await client.transaction(20);
  expect(client.chunks.map(({ chunk }) => chunk.lsn)).toEqual([4, 7, 8, 11, 12, 13, 14, 15, 16, 18, 19, 20]);
});

test('a checkpoint ahead of the log waits visibly, and nothing that it covers comes', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  for (let n = 1; n <= 3; n++) store.log.append([insertInto(orders, `${n}`)]);
  const client = await store.client();
  expect(await client.start({ from: checkpointOf('0-1-5') })).toMatchObject({
    lsn: 4,
    set: '0-1-5',
    ahead: true,
  });
  expect(store.server.sessions.map(({ state }) => state)).toEqual(['waiting']);
  for (let n = 4; n <= 7; n++) store.log.append([insertInto(orders, `${n}`)]);
  await client.transaction(7);
  expect(client.chunks.map(({ chunk }) => chunk.lsn)).toEqual([6, 7]);
  await client.message('caughtUp');
  expect(store.server.sessions.map(({ state }) => state)).toEqual(['live']);
});

test.each([
  ['LOG_CORRUPT', new DrcError('LOG_CORRUPT', 'Damaged.', { lsn: 1 }), '1011'],
  [
    'RETENTION_EXPIRED',
    new DrcError('RETENTION_EXPIRED', 'Gone.', { oldest: 'x', other: undefined }),
    '1008',
  ],
  ['INTERNAL', new Error('secret detail'), '1011'],
] as const)(
  'the error %s of the log reaches the client, and the session closes',
  async (code, fault, closeCode) => {
    await using store = await StoreHarness.start();
    store.log.register(orders);
    store.log.append([insertInto(orders, 'x')]);
    store.log.fault = fault;
    const client = await store.client();
    await client.start();
    const told = await client.message('error');
    expect(told.code).toBe(code);
    expect(JSON.stringify(told)).not.toContain('secret');
    expect(String((await client.closed()).code)).toBe(closeCode);
  },
);

test('a reader stalled for long enough falls off the log with RETENTION_EXPIRED', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  for (let n = 0; n < 50; n++) store.log.append([insertInto(orders, 'x'.repeat(60_000))]);
  const client = await store.client();
  client.acknowledges = false;
  await client.start({ credit: 1 });
  await client.until(() => client.frames.length === 1);
  store.log.tail = 40;
  client.acknowledges = true;
  client.send({ type: 'credit', bytes: client.dataBytes });
  expect((await client.message('error')).code).toBe('RETENTION_EXPIRED');
});

test('a stalled reader costs its burst and frames; the others are not held up', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  const stalled = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const client = await store.client();
      client.acknowledges = false;
      await client.start({ credit: 1 });
      return client;
    }),
  );
  const reader = await store.client();
  await reader.start();
  const chunk = insertInto(orders, 'x'.repeat(100_000));
  for (let n = 1; n <= 500; n++) {
    store.log.append([chunk]);
    if (n % 50 === 0) await reader.transaction(n);
  }
  expect(stalled.map(({ frames }) => frames.length)).toEqual(Array.from({ length: 10 }, () => 1));
  expect(store.server.sessions.filter(({ transactionsBehind }) => transactionsBehind > 490).length).toBe(10);
});

test('readers from a time, from now and from the earliest moment share one log', async () => {
  await using store = await StoreHarness.start();
  store.log.register(orders);
  for (let n = 1; n <= 10; n++) store.log.append([insertInto(orders, `${n}`)]);
  const middle = store.log.chunksOf(6)[0]!.logTime;
  const [early, mid, late] = await Promise.all([store.client(), store.client(), store.client()]);
  await early.start();
  expect(await mid.start({ from: { kind: 'timestamp', time: middle } })).toMatchObject({
    lsn: 6,
    set: '0-1-5',
  });
  expect(await late.start({ from: { kind: 'latest' } })).toMatchObject({ lsn: 11, set: '0-1-10' });
  store.log.append([insertInto(orders, 'new')]);
  for (const client of [early, mid, late]) await client.transaction(11);
  expect([early, mid, late].map(({ chunks }) => chunks.length)).toEqual([11, 6, 1]);
});

test('the fake log of these tests keeps no waiters behind', async () => {
  const log = new FakeLog();
  {
    await using store = await StoreHarness.start({ log });
    const client = await store.client();
    await client.start();
    await eventually(() => expect(log.waiting).toBe(1));
  }
  expect(log.waiting).toBe(0);
});

describe('a checkpoint ahead of the log', () => {
  test.each([
    ['by another server’s transaction of the same number', ['0-2-2', '0-2-3', '0-2-4'], '0-2-3'],
    ['past a number that it never had', ['0-1-2', '0-1-4'], '0-1-4'],
  ])('is CHECKPOINT_DIVERGED where the log comes to it %s', async (_, ids, log) => {
    await using store = await StoreHarness.start();
    store.log.register(orders);
    store.log.append([insertInto(orders, 'first')], '0-1-1');
    const client = await store.client();
    await client.start({ from: checkpointOf('0-1-3') });
    for (const id of ids) store.log.append([insertInto(orders, id)], id);
    expect(await client.message('error')).toMatchObject({
      code: 'CHECKPOINT_DIVERGED',
      details: { checkpoint: '0-1-3', log },
    });
    expect(client.chunks).toEqual([]);
  });

  test('is not held against another domain, nor against what another server writes behind it', async () => {
    await using store = await StoreHarness.start();
    store.log.register(orders);
    const client = await store.client();
    await client.start({ from: checkpointOf('0-1-2') });
    for (const id of ['1-2-9', '0-2-1', '0-1-2', '0-2-3']) store.log.append([insertInto(orders, id)], id);
    await client.transaction(4);
    expect(client.chunks.map(({ chunk }) => chunk.id)).toEqual(['1-2-9', '0-2-3']);
  });
});
