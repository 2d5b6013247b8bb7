import { noRows } from '@drc/client-sdk/congo';
import type { Row } from '@drc/client-sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEachServer } from '../../support/on-each-server.js';
import { FakeTopic } from './support/fake-hub.mjs';
import { insert, int, remove, tableVersion, text, update } from './support/tables.js';
import { RunningTask } from './support/task.js';
import { TestTarget } from './support/test-target.js';

const orders = tableVersion('shop.orders', [int('id'), int('buyer'), text('region')]);
const order = (id: number, buyer: number, region = 'eu'): Row => ({ id, buyer, region });

onEachServer('The rules of a task', (flavour) => {
  let target: TestTarget;
  beforeAll(async () => {
    target = await TestTarget.start(flavour);
  });
  afterAll(async () => {
    await target[Symbol.asyncDispose]();
  });

  it('keep fewer columns and rows, under other names, with computed and constant ones', async () => {
    await target.reset(
      `CREATE TABLE eu_orders (no INT PRIMARY KEY, buyer BIGINT, site ENUM('a', 'b') NOT NULL, label VARCHAR(30), twice DECIMAL(20))`,
    );
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target, {
      tables: [
        {
          from: 'shop.orders',
          to: 'shop.eu_orders',
          where: "region = 'eu'",
          columns: ['id', 'buyer'],
          rename: { id: 'no' },
          set: { site: "'b'", label: "CONCAT(region, '-', LEFT(region, 1))", twice: 'buyer * 2' },
        },
      ],
    });
    topic.append([
      insert(orders, order(1, 7)),
      insert(orders, order(2, 8, 'us')),
      insert(orders, order(3, 9)),
    ]);
    topic.append([
      update(orders, order(2, 8, 'us'), order(2, 8)),
      update(orders, order(3, 9), order(3, 9, 'us')),
    ]);
    await task.applied(topic.append([update(orders, order(1, 7), order(4, 7))]), target);
    expect(await target.rows('SELECT * FROM eu_orders ORDER BY no')).toEqual([
      { no: 2, buyer: '8', site: 'b', label: 'eu-e', twice: '16' },
      { no: 4, buyer: '7', site: 'b', label: 'eu-e', twice: '14' },
    ]);
  });

  it('keep a relation sharded by another column', async () => {
    const shardTables = [0, 1].map(
      (n) => `CREATE TABLE by_buyer_${n} (id INT PRIMARY KEY, buyer INT, region VARCHAR(9))`,
    );
    await target.reset(...shardTables);
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target, {
      tables: [{ from: 'shop.orders', to: 'shop.by_buyer_{shard}', shard: { by: 'buyer', into: 2 } }],
    });
    topic.append([insert(orders, order(1, 4)), insert(orders, order(2, 5)), insert(orders, order(3, 6))]);
    await task.applied(
      topic.append([update(orders, order(1, 4), order(1, 7)), update(orders, order(3, 6), order(3, 8))]),
      target,
    );
    expect(await target.rows('SELECT id, buyer FROM by_buyer_0')).toEqual([{ id: 3, buyer: 8 }]);
    expect(await target.rows('SELECT id, buyer FROM by_buyer_1 ORDER BY id')).toEqual([
      { id: 1, buyer: 7 },
      { id: 2, buyer: 5 },
    ]);
  });

  it('keep history, an index and the rows themselves of one table', async () => {
    await target.reset(
      'CREATE TABLE orders (id INT PRIMARY KEY, buyer INT, region VARCHAR(9))',
      'CREATE TABLE order_by_region (region VARCHAR(9), id INT, PRIMARY KEY (region, id))',
      `CREATE TABLE his_orders (no INT AUTO_INCREMENT PRIMARY KEY, op VARCHAR(6) NOT NULL, at DATETIME NOT NULL,
         id INT, region VARCHAR(9), old_id INT, old_region VARCHAR(9))`,
    );
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target, {
      match: 'all',
      tables: [
        { from: 'shop.orders' },
        { from: 'shop.orders', to: 'shop.order_by_region', columns: ['region', 'id'] },
        {
          from: 'shop.orders',
          to: 'shop.his_orders',
          action: 'append',
          drop: ['buyer'],
          before: 'old_{column}',
          set: { op: '$operation', at: '$committed_at' },
        },
      ],
    });
    topic.append([insert(orders, order(1, 4)), insert(orders, order(2, 4))]);
    await task.applied(
      topic.append([update(orders, order(1, 4), order(1, 4, 'us')), remove(orders, order(2, 4))]),
      target,
    );
    expect(await target.rows('SELECT * FROM orders')).toEqual([{ id: 1, buyer: 4, region: 'us' }]);
    expect(await target.rows('SELECT * FROM order_by_region')).toEqual([{ region: 'us', id: 1 }]);
    expect(
      await target.rows(
        'SELECT no, op, id, region, old_id, old_region, IF(at IS NULL, "no", "yes") AS at FROM his_orders ORDER BY no',
      ),
    ).toEqual([
      { no: 1, op: 'insert', id: 1, region: 'eu', old_id: null, old_region: null, at: 'yes' },
      { no: 2, op: 'insert', id: 2, region: 'eu', old_id: null, old_region: null, at: 'yes' },
      { no: 3, op: 'update', id: 1, region: 'us', old_id: 1, old_region: 'eu', at: 'yes' },
      { no: 4, op: 'delete', id: 2, region: 'eu', old_id: 2, old_region: 'eu', at: 'yes' },
    ]);
  });

  it.each([
    ['the primary key alone', ''],
    ['a second unique key', ', UNIQUE (buyer)'],
  ])('delete softly, and let rows come again, in a table with %s', async (_, more) => {
    await target.reset(
      `CREATE TABLE orders (id INT PRIMARY KEY, buyer INT, deleted_at DATETIME, deleted TINYINT NOT NULL${more})`,
    );
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target, {
      tables: [
        {
          from: 'shop.orders',
          action: 'softDelete',
          drop: ['region'],
          set: { deleted: '0' },
          deleted: { deleted: '1', deleted_at: '$committed_at' },
        },
      ],
    });
    topic.append([insert(orders, order(1, 1)), insert(orders, order(2, 2)), insert(orders, order(3, 3))]);
    topic.append([remove(orders, order(1, 1)), remove(orders, order(2, 2))]);
    topic.append([insert(orders, order(1, 9))]);
    await task.applied(topic.append([update(orders, order(3, 3), order(2, 33))]), target);
    expect(
      await target.rows(
        'SELECT id, buyer, deleted, IF(deleted_at IS NULL, "yes", "no") AS alive FROM orders ORDER BY id',
      ),
    ).toEqual([
      { id: 1, buyer: 9, deleted: 0, alive: 'yes' },
      { id: 2, buyer: 33, deleted: 0, alive: 'yes' },
      { id: 3, buyer: 3, deleted: 1, alive: 'no' },
    ]);
    expect(task.congo.counters.rows).toEqual({ ...noRows(), insert: 3, update: 3, overwritten: 2 });
  });

  it('say what becomes of rows that are there already, or are missing', async () => {
    await target.reset(
      'CREATE TABLE orders (id INT PRIMARY KEY, buyer INT, region VARCHAR(9))',
      'CREATE TABLE kept (id INT PRIMARY KEY, buyer INT, region VARCHAR(9))',
      "INSERT INTO orders VALUES (1, 0, 'old'), (2, 0, 'old')",
      "INSERT INTO kept VALUES (1, 0, 'old'), (2, 0, 'old')",
    );
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target, {
      match: 'all',
      tables: [
        {
          from: 'shop.orders',
          onDuplicate: 'overwrite',
          onMissingUpdate: 'insert',
          onMissingDelete: 'ignore',
        },
        {
          from: 'shop.orders',
          to: 'shop.kept',
          onDuplicate: 'keep',
          onMissingUpdate: 'ignore',
          onMissingDelete: 'ignore',
        },
      ],
    });
    topic.append([insert(orders, order(1, 1)), insert(orders, order(2, 2)), insert(orders, order(3, 3))]);
    await task.applied(
      topic.append([
        update(orders, order(5, 5), order(5, 6)),
        remove(orders, order(6, 6)),
        remove(orders, order(2, 2)),
      ]),
      target,
    );
    expect(await target.rows('SELECT id, buyer FROM orders ORDER BY id')).toEqual([
      { id: 1, buyer: 1 },
      { id: 3, buyer: 3 },
      { id: 5, buyer: 6 },
    ]);
    expect(await target.rows('SELECT id, buyer FROM kept ORDER BY id')).toEqual([
      { id: 1, buyer: 0 },
      { id: 3, buyer: 3 },
    ]);
    expect(task.congo.counters.rows).toEqual({
      insert: 2,
      update: 0,
      delete: 2,
      overwritten: 2,
      kept: 2,
      restored: 1,
      ignored: 3,
    });
  });

  it('refuse a row without a shard, and columns that are not there, and leave the target as it is', async () => {
    await target.reset('CREATE TABLE o_0 (id INT PRIMARY KEY, buyer INT, region VARCHAR(9))');
    const topic = new FakeTopic();
    const shard = { by: 'region', with: 'list', into: { 0: ['eu'] } } as const;
    await using task = new RunningTask(topic, target, {
      tables: [{ from: 'shop.orders', to: 'shop.o_{shard}', shard }],
    });
    topic.append([insert(orders, order(1, 1)), insert(orders, order(2, 2, 'mars'))]);
    expect(await task.failure()).toMatchObject({
      code: 'SHARD_UNKNOWN',
      details: { value: 'mars', transaction: '0-1-1' },
    });
    expect(await target.rows('SELECT id FROM o_0')).toEqual([]);
  });
});
