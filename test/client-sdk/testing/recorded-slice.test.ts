import { readFile, writeFile } from 'node:fs/promises';
import type { Checkpoint, Hub, SubscribeOptions } from '@drc/client-sdk';
import { readSlice, type RecordedSlice, sliceOf, testHub } from '@drc/client-sdk/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportLog } from '../../../store/src/export/log-export.js';
import { startHub, type TestHub } from '../../support/hub.js';
import { onEachServer } from '../../support/on-each-server.js';
import { Reading, type ReadTransaction } from '../../support/reading.js';

const { signal } = new AbortController();

/** What every filter below lets something of through: the last transaction. */
const lastOne = [
  'BEGIN',
  `INSERT INTO shop.orders (id, region, total) VALUES ${Array.from({ length: 20 }, (_, id) => `(${1000 + id}, 'eu', 500)`).join()}`,
  "INSERT INTO shop.staff VALUES (9, 'eve')",
  'UPDATE shop.orders SET total = total + 1 WHERE id >= 1000',
  'COMMIT',
];

const statements = [
  'CREATE DATABASE shop',
  'CREATE TABLE shop.orders (id BIGINT UNSIGNED PRIMARY KEY, region VARCHAR(8), total DECIMAL(30,2), at DATETIME(3), data MEDIUMBLOB)',
  'CREATE TABLE shop.staff (id INT PRIMARY KEY, name VARCHAR(32)) DEFAULT CHARSET latin1',
  "CREATE TABLE shop.`no.key` (a SET('x','y'), b BIT(9), c DOUBLE)",
  `INSERT INTO shop.orders VALUES (1, 'eu', 100.01, '2026-01-31 12:00:00.125', x'00ff'), (2, 'eu', 100.00, NULL, NULL),
    (3, NULL, 500, NULL, ''), (18446744073709551615, 'us', 9007199254740993.01, NULL, REPEAT('x', 300000))`,
  "INSERT INTO shop.staff VALUES (1, 'änn'), (2, 'bob')",
  "INSERT INTO shop.`no.key` VALUES ('x,y', b'100000001', 0.1), (NULL, NULL, NULL)",
  "UPDATE shop.orders SET region = 'eu' WHERE id > 3",
  'ALTER TABLE shop.staff MODIFY name VARCHAR(40)',
  'UPDATE shop.orders SET total = total + 1 WHERE id = 1',
  'DELETE FROM shop.staff WHERE id = 2',
  "UPDATE shop.orders SET region = 'us' WHERE id = 1",
  "SET SESSION binlog_row_image = 'MINIMAL'",
  "UPDATE shop.staff SET name = 'amy' WHERE id = 1",
  "SET SESSION binlog_row_image = 'FULL'",
  'DELETE FROM shop.orders WHERE id > 3',
  ...lastOne,
];

const everything: SubscribeOptions = {};
const wishes: readonly SubscribeOptions[] = [
  everything,
  { tables: ['shop.orders', 'shop.no*'] },
  { tables: ['s?op.st[a-b]ff'], operations: ['insert', 'delete'] },
  { operations: ['update'] },
  { where: { 'shop.orders': "region = 'eu' AND total > 100" } },
  { tables: ['shop.{orders,staff}'], columns: { 'shop.orders': ['ID', 'region'], 'shop.st*': ['name'] } },
  { tables: ['shop.orders'], where: { '*.orders': 'total > 400' }, columns: { 'shop.orders': ['region'] } },
  { tables: ['shop.orders'], partition: { of: 3, index: 1 } },
  { tables: ['shop.orders', 'shop.no.key'], partition: { of: 2, index: 0 }, operations: ['insert'] },
];

const contentOf = ({ id, commitTime, changes }: ReadTransaction): unknown =>
  readable({ id, commitTime: commitTime.toISOString(), changes });

/** Long texts are compared faster than long buffers. */
function readable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Buffer.isBuffer(value)) return `bytes ${value.toString('hex')}`;
  if (Array.isArray(value)) return value.map(readable);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readable(inner)]));
}

onEachServer('a slice of a real log', (flavour) => {
  let hub: TestHub;
  let lastId: string;
  let sdk: Hub;
  let path: string;
  let slice: RecordedSlice;

  beforeAll(async () => {
    hub = await startHub({ flavour });
    const source = await hub.source.connect();
    try {
      for (const statement of statements) await source.query(statement);
    } finally {
      await source.end();
    }
    await hub.caughtUp();
    lastId = await hub.lastId();
    await hub.store.stop();
    path = hub.folder.file('shop.drcx');
    const all = { from: { kind: 'earliest' }, to: { kind: 'latest' } } as const;
    await exportLog({ directory: hub.folder.file('store-1') }, { ...all, path }, { signal });
    await hub.store.start();
    sdk = await hub.connect();
    slice = await readSlice(path);
  });
  afterAll(async () => {
    await hub?.[Symbol.asyncDispose]();
  });

  async function read(from: Hub, options: SubscribeOptions): Promise<ReadTransaction[]> {
    await using reading = new Reading(from.subscribe('shop', { from: 'earliest', ...options }));
    return await reading.until(lastId);
  }

  const setOf = ({ checkpoint }: { readonly checkpoint: Checkpoint }): string => checkpoint.set.toString();

  test('tells what is in it', () => {
    expect(slice).toMatchObject({ kind: 'recorded', topic: 'shop' });
    const names = slice.tables.map(({ table }) => table);
    expect(new Set(names)).toEqual(new Set(['orders', 'staff', 'no.key']));
    expect(slice.rows).toBeGreaterThan(50);
  });

  test.each(wishes)('gives each reader what the store gives it, change by change: %o', async (wish) => {
    await using fake = testHub({ topics: { shop: slice } });
    const [replayed, real] = [await read(fake, wish), await read(sdk, wish)];
    expect(replayed.map(contentOf)).toEqual(real.map(contentOf));
    // Under a filter a store tells of what it left out now and then only.
    if (wish === everything) expect(replayed.map(setOf)).toEqual(real.map(setOf));
  });

  test('takes a checkpoint of the store, and the store takes one of the slice', async () => {
    await using fake = testHub({ topics: { shop: slice } });
    const real = await read(sdk, {});
    const replayed = await read(fake, {});
    const rest = real.slice(4).map(({ id }) => id);
    const idsBehind = async (from: Hub, checkpoint: Checkpoint): Promise<string[]> =>
      (await read(from, { from: { checkpoint: checkpoint.toString() } })).map(({ id }) => id);
    expect(await idsBehind(fake, real[3]!.checkpoint)).toEqual(rest);
    expect(await idsBehind(sdk, replayed[3]!.checkpoint)).toEqual(rest);
    // On another store, too.
    fake.faults.failover('shop', { at: 'front' });
    expect(await idsBehind(fake, real[3]!.checkpoint)).toEqual(rest);
  });

  test('survives what goes wrong with it: readers get the same', async () => {
    await using fake = testHub({ topics: { shop: slice } });
    const faults = [0, 3, 5, 8].map((after, index) =>
      index % 2 === 0 ? fake.faults.cut('shop', { after }) : fake.faults.failover('shop', { after }),
    );
    const real = await read(sdk, {});
    const replayed = await read(fake, {});
    expect(replayed.map(contentOf)).toEqual(real.map(contentOf));
    expect(faults.map(({ happened }) => happened)).toEqual([true, true, true, true]);
  });

  test('goes on with what is appended, in the words of its source', async () => {
    const moreTables = sliceOf([], { 'shop.more': { columns: { id: 'int' }, primaryKey: ['id'] } });
    await using fake = testHub({ topics: { shop: [slice, moreTables] } });
    const ids = fake.append(
      'shop',
      { changes: [{ kind: 'insert', table: 'shop.staff', after: { id: 10, name: 'zoë' } }] },
      { changes: [{ kind: 'insert', table: 'shop.more', after: { id: 1 } }] },
    );
    await using reading = new Reading(fake.subscribe('shop', { from: { transaction: lastId } }));
    await reading.take();
    const [first, second] = [await reading.take(), await reading.take()];
    expect([first.id, second.id]).toEqual(ids);
    expect(first.changes).toMatchObject([
      { kind: 'insert', table: 'shop.staff', after: { id: 10, name: 'zoë' } },
    ]);
    const tail = /(\d+)$/;
    const next = ids[0]!;
    expect(next.replace(tail, '')).toBe(lastId.replace(tail, ''));
    expect(BigInt(tail.exec(next)![1]!)).toBe(BigInt(tail.exec(lastId)![1]!) + 1n);
  });

  test('is refused where its file is damaged, cut off, of another version, or no slice at all', async () => {
    const whole = await readFile(path);
    const head = whole.indexOf(0x0a);
    const changed = (change: (bytes: Buffer) => Buffer | undefined): Buffer => {
      const copy = Buffer.from(whole);
      return change(copy) ?? copy;
    };
    const flipped = (at: number): Buffer =>
      changed((bytes) => {
        bytes[at]! ^= 0x10;
        return undefined;
      });
    const cases: readonly [Buffer, string][] = [
      [whole.subarray(0, whole.length - 4), 'LOG_CORRUPT'],
      [whole.subarray(0, whole.length >> 1), 'LOG_CORRUPT'],
      [whole.subarray(0, head >> 1), 'LOG_CORRUPT'],
      [Buffer.concat([whole, Buffer.of(1)]), 'LOG_CORRUPT'],
      [flipped(whole.indexOf('"fromLsn":') + '"fromLsn":'.length), 'LOG_CORRUPT'],
      [flipped(head + 8), 'LOG_CORRUPT'],
      [flipped(whole.length - 50), 'LOG_CORRUPT'],
      [Buffer.from('id,name\n1,ann\n'), 'LOG_CORRUPT'],
      [Buffer.alloc(0), 'LOG_CORRUPT'],
      [
        changed((bytes) =>
          Buffer.from(bytes.toString('latin1').replace('"version":1', '"version":2'), 'latin1'),
        ),
        'LOG_FORMAT',
      ],
    ];
    const damaged = hub.folder.file('damaged.drcx');
    for (const [bytes, code] of cases) {
      await writeFile(damaged, bytes);
      await expect(readSlice(damaged)).rejects.toMatchObject({ code, details: { path: damaged } });
    }
    await expect(readSlice(hub.folder.file('nowhere.drcx'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('joins slices of one log that follow each other, and no others', async () => {
    const { entries } = slice;
    const middle = entries.findIndex(
      (entry) => entry.kind === 'transaction' && entry.lsn > slice.fromLsn + 3,
    );
    const lsn = entries[middle]!.lsn;
    const first: RecordedSlice = {
      ...slice,
      toLsn: entries[middle - 1]!.lsn,
      entries: entries.slice(0, middle),
    };
    const second: RecordedSlice = { ...slice, fromLsn: lsn, entries: entries.slice(middle) };
    await using fake = testHub({ topics: { shop: [first, second] } });
    const real = await read(sdk, {});
    expect((await read(fake, {})).map(({ id }) => id)).toEqual(real.map(({ id }) => id));
    expect(() => testHub({ topics: { shop: [second, first] } })).toThrow(/goes on in the same log/);
  });
});
