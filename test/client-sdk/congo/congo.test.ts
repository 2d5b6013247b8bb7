import type { Change, Column, Row } from '@drc/client-sdk';
import { Congo, noRows } from '@drc/client-sdk/congo';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEachServer } from '../../support/on-each-server.js';
import { FakeTopic } from './support/fake-hub.mjs';
import { ddl, insert, int, remove, tableVersion, text, update } from './support/tables.js';
import { RunningTask } from './support/task.js';
import { TestTarget } from './support/test-target.js';

const orders = tableVersion('shop.orders', [int('id'), text('note')]);
const createOrders = 'CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(255))';
const order = (id: number, note: string | null = `n${id}`) => ({ id, note });

onEachServer('Congo', (flavour) => {
  let target: TestTarget;
  beforeAll(async () => {
    target = await TestTarget.start(flavour);
  });
  afterAll(async () => {
    await target[Symbol.asyncDispose]();
  });

  it('applies inserts, updates, also of the key, and deletes in their order', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target);
    topic.append([insert(orders, order(1)), insert(orders, order(2)), insert(orders, order(3))]);
    topic.append([update(orders, order(1), order(1, 'changed')), remove(orders, order(2))]);
    // The key of a row moves to a place that another row has just left.
    topic.append([update(orders, order(3), order(2, 'moved')), insert(orders, order(3, 'new'))]);
    // What REPLACE writes.
    topic.append([remove(orders, order(3, 'new')), insert(orders, order(3, 'replaced'))]);
    await task.applied(topic.append([update(orders, order(1, 'changed'), order(1, null))]), target);
    expect(await target.rows('SELECT * FROM orders ORDER BY id')).toEqual([
      { id: 1, note: null },
      { id: 2, note: 'moved' },
      { id: 3, note: 'replaced' },
    ]);
    expect(task.congo.counters.rows).toEqual({ ...noRows(), insert: 5, update: 3, delete: 2 });
    expect(task.congo.counters.transactions).toBe(5);
    expect((await target.record())?.toString()).toBe('0-1-5');
  });

  it('writes tables under the names that its rules give, and leaves others out', async () => {
    await target.reset('CREATE TABLE copy_of_orders (id INT PRIMARY KEY, note VARCHAR(255))');
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target, {
      tables: [{ from: 'shop.orders', to: 'shop.copy_of_{table}' }],
    });
    const other = tableVersion('shop.other', [int('id')]);
    await task.applied(topic.append([insert(other, { id: 1 }), insert(orders, order(1))]), target);
    expect(await target.rows('SELECT id FROM copy_of_orders')).toEqual([{ id: 1 }]);
    expect(topic.last.tables).toEqual(['shop.orders']);
  });

  it('keeps tables apart whose names differ in capital letters only', async () => {
    await target.reset(
      'CREATE TABLE `A` (id INT PRIMARY KEY)',
      'CREATE TABLE `a` (id INT PRIMARY KEY, x INT)',
    );
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target);
    const upper = tableVersion('shop.A', [int('id')]);
    const lower = tableVersion('shop.a', [int('id'), int('x')]);
    await task.applied(topic.append([insert(upper, { id: 1 }), insert(lower, { id: 2, x: 3 })]), target);
    expect(await target.rows('SELECT * FROM `A`')).toEqual([{ id: 1 }]);
    expect(await target.rows('SELECT * FROM `a`')).toEqual([{ id: 2, x: 3 }]);
  });

  it('quotes whatever name a column has', async () => {
    const names = ['__proto__', 'constructor', 'a`b', "it's", 'ü漢', 'select', '?'];
    const definitions = names.map((name) => `\`${name.replaceAll('`', '``')}\` INT NOT NULL`);
    await target.reset(`CREATE TABLE \`t\`\`\` (${definitions.join(',')}, PRIMARY KEY (\`__proto__\`))`);
    const version = tableVersion('shop.t`', names.map(int));
    const own = (from: number): Row => {
      const row: Row = {};
      for (const [i, name] of names.entries())
        Object.defineProperty(row, name, { value: from + i, enumerable: true });
      return row;
    };
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target);
    topic.append([insert(version, own(1)), insert(version, own(100)), update(version, own(1), own(50))]);
    await task.applied(topic.append([remove(version, own(100))]), target);
    // As text: mysql2 makes no object with such names.
    const list = names.map((name) => `\`${name.replaceAll('`', '``')}\``).join(', ');
    const [stored, ...more] = await target.rows(`SELECT CONCAT_WS(',', ${list}) AS v FROM \`t\`\`\``);
    expect(more).toEqual([]);
    expect(stored).toEqual({ v: names.map((_, i) => 50 + i).join(',') });
  });

  it('leaves generated columns to the target, and those it lacks as they are', async () => {
    await target.reset(
      `CREATE TABLE t (id INT PRIMARY KEY, n INT, twice INT AS (n * 2) STORED, own INT NOT NULL DEFAULT 7,
        at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))`,
    );
    const at: Column = { name: 'at', type: 'datetime', nullable: false, scale: 6 };
    const version = tableVersion('shop.t', [int('id'), int('n'), int('twice'), at]);
    const moment = '2001-02-03 04:05:06.000007';
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target);
    topic.append([insert(version, { id: 1, n: 2, twice: 4, at: moment })]);
    // A session with another binlog_row_image: what an image lacks has not changed, and is not NULL.
    await task.applied(topic.append([update(version, { id: 1 }, { n: 5 })]), target);
    expect(await target.rows('SELECT * FROM t')).toEqual([{ id: 1, n: 5, twice: 10, own: 7, at: moment }]);
    const failing = topic.append([update(version, { n: 5 }, { n: 6 })]);
    expect(await task.failure()).toMatchObject({
      code: 'TARGET_REFUSED',
      details: { column: 'id', transaction: failing },
    });
  });

  it('writes under the checks that the source had switched off, and only then', async () => {
    await target.reset(
      'CREATE TABLE parent (id INT PRIMARY KEY)',
      'CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parent (id))',
    );
    const child = tableVersion('shop.child', [int('id'), int('parent')]);
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target);
    await task.applied(
      topic.append([insert(child, { id: 1, parent: 9 }, { foreignKeyChecks: false, uniqueChecks: false })]),
      target,
    );
    const orphan = topic.append([insert(child, { id: 2, parent: 9 })]);
    expect(await task.failure()).toMatchObject({
      code: 'TARGET_REFUSED',
      details: { errno: 1452, table: 'shop.child', key: '2', transaction: orphan },
    });
    expect(await target.rows('SELECT id FROM child')).toEqual([{ id: 1 }]);
  });

  it('applies many rows of one transaction in few statements, and removes just those it is told to', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target);
    const ids = Array.from({ length: 5_003 }, (_, id) => id);
    topic.append(ids.map((id) => insert(orders, order(id))));
    await task.applied(
      topic.append(ids.filter((id) => id % 3 !== 0).map((id) => remove(orders, order(id)))),
      target,
    );
    const left = await target.rows('SELECT id FROM orders ORDER BY id');
    expect(left.map(({ id }) => id)).toEqual(ids.filter((id) => id % 3 === 0));
  });

  it('puts what has arrived into one target transaction, up to the rows it may have', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic();
    for (let id = 1; id < 100; id++) topic.append([insert(orders, order(id))]);
    const last = topic.append([insert(orders, order(100))]);
    await using task = new RunningTask(topic, target, { maxBatchRows: 25 });
    await task.applied(last, target);
    // The first records where reading began. The target shows a record before its COMMIT is answered and counted; of
    // the two counters the transactions move last.
    await expect.poll(() => task.congo.counters.transactions, { timeout: 30_000, interval: 5 }).toBe(100);
    expect(task.congo.counters.targetTransactions).toBe(5);
  });

  it('streams a transaction of any size with flat memory, and shows none of it before its end', async () => {
    await target.reset('CREATE TABLE big (id INT PRIMARY KEY, v LONGBLOB)');
    const big = tableVersion('shop.big', [int('id'), { name: 'v', type: 'bytes', nullable: true }]);
    const rows = 150;
    const topic = new FakeTopic();
    let visible: unknown;
    const changes = async function* (): AsyncGenerator<Change> {
      for (let id = 0; id < rows; id++) {
        yield insert(big, { id, v: Buffer.alloc(1024 * 1024, id) });
        if (id === rows - 1) visible = await target.rows('SELECT id FROM big');
      }
    };
    const before = process.memoryUsage().rss;
    await using task = new RunningTask(topic, target);
    await task.applied(topic.append(changes), target);
    expect(visible).toEqual([]);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    expect(await target.count('big WHERE LENGTH(v) = 1048576')).toBe(rows);
  });

  it('holds few of many transactions with large rows at a time', async () => {
    await target.reset('CREATE TABLE big (id INT PRIMARY KEY, v LONGBLOB)');
    const big = tableVersion('shop.big', [int('id'), { name: 'v', type: 'bytes', nullable: true }]);
    const topic = new FakeTopic();
    const v = Buffer.alloc(1024 * 1024, 7);
    let last = '';
    for (let id = 0; id < 60; id++) last = topic.append([insert(big, { id, v })]);
    await using task = new RunningTask(topic, target);
    await task.applied(last, target);
    await expect.poll(() => task.congo.counters.transactions, { timeout: 30_000, interval: 5 }).toBe(60);
    // About four of them are as much as a batch takes.
    expect(task.congo.counters.targetTransactions).toBeGreaterThan(12);
  });

  it('writes a row of more than 16 MiB', async () => {
    await target.reset('CREATE TABLE big (id INT PRIMARY KEY, v LONGBLOB, w LONGTEXT)');
    const big = tableVersion('shop.big', [
      int('id'),
      { name: 'v', type: 'bytes', nullable: true },
      text('w'),
    ]);
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target);
    const v = Buffer.alloc(17 * 1024 * 1024, 0xfe);
    const id = topic.append([
      insert(big, { id: 0, v: Buffer.from('small'), w: 'small' }),
      insert(big, { id: 1, v, w: 'ü'.repeat(9 * 1024 * 1024) }),
    ]);
    await task.applied(id, target);
    const digest = createHash('sha256').update(v).digest('hex');
    expect(
      await target.count(`big WHERE SHA2(v, 256) = '${digest}' AND CHAR_LENGTH(w) = 9 * 1024 * 1024`),
    ).toBe(1);
  });

  it('begins at `from` on its first start only, and says where that was before it writes', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic();
    topic.append([insert(orders, order(1))]);
    topic.appendElsewhere([insert(orders, order(2))]);
    {
      // The very first transaction fails: after the correction it must not be left out.
      await target.query("INSERT INTO shop.orders VALUES (3, 'in the way')");
      await using task = new RunningTask(topic, target, { from: 'latest' });
      await target.until(() =>
        Promise.resolve(topic.subscriptions === 1 && task.congo.status.kind === 'applying'),
      );
      topic.append([insert(orders, order(3))]);
      expect(await task.failure()).toMatchObject({ code: 'ROW_DUPLICATE' });
    }
    topic.append([insert(orders, order(4))]);
    await target.query('DELETE FROM shop.orders');
    await using task = new RunningTask(topic, target, { from: 'latest' });
    await task.applied(topic.append([insert(orders, order(5))]), target);
    expect((await target.rows('SELECT id FROM orders ORDER BY id')).map(({ id }) => id)).toEqual([3, 4, 5]);
    expect((await target.record())?.toString()).toBe('0-1-4,1-1-1');
  });

  it('records what held nothing for it, and never goes back', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic({ progressMs: 2 });
    await using task = new RunningTask(topic, target, { maxBatchRows: 3 });
    let last = '';
    for (let id = 0; id < 200; id++) {
      last = topic.append([insert(orders, order(id))]);
      if (id % 5 === 0) topic.appendEmpty();
      if (id % 20 === 0) await task.applied(last, target);
    }
    await task.applied(last, target);
    last = topic.appendEmpty();
    await task.applied(last, target);
    expect(await target.count('orders')).toBe(200);
    expect((await target.record())?.toString()).toBe(last);
  });

  it('notices while it is idle that it was taken over, and is then not applying any more', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target, { claimCheckMs: 20 });
    await task.applied(topic.append([insert(orders, order(1))]), target);
    await target.query('UPDATE drc.congo_task SET epoch = epoch + 1');
    expect(await task.failure()).toMatchObject({ code: 'TASK_FENCED', details: { task: 'copy' } });
    expect(task.seen.filter(({ kind }) => kind === 'stopped')).toHaveLength(1);
    expect(task.congo.status).toMatchObject({ kind: 'stopped', error: { code: 'TASK_FENCED' } });
  });

  it('notices while it is idle that its session has gone, says that it waits, and goes on', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target, { claimCheckMs: 20 });
    await task.applied(topic.append([insert(orders, order(1))]), target);
    const [session] = await target.rows('SELECT connection FROM drc.congo_task');
    await target.query(`KILL ${session?.['connection']}`);
    await target.until(() => Promise.resolve(task.seen.some(({ kind }) => kind === 'waiting')));
    await task.applied(topic.append([insert(orders, order(2))]), target);
    expect(await target.count('orders')).toBe(2);
  });

  it('tells how far it is behind, and 0 once it has all', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic();
    const lags: (number | undefined)[] = [];
    const at = (point: string): void => {
      if (point === 'committing') lags.push(task.congo.lagMs);
    };
    await using task = new RunningTask(topic, target, { hooks: { at } });
    expect(task.congo.lagMs).toBeUndefined();
    topic.append([insert(orders, order(1))]);
    await target.until(() => Promise.resolve(task.congo.lagMs === 0));
    // The commit time of the fake topic is a day in the past.
    expect(lags.at(-1)).toBeGreaterThan(Date.now() - Date.UTC(2026, 10, 22) - 60_000);
  });

  it('stops at DDL, or leaves it out and counts it, as the task says', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic();
    topic.append([ddl('CREATE DATABASE', [])]);
    topic.append([insert(orders, order(1))]);
    const statement = 'TRUNCATE TABLE shop.orders /* again */';
    const id = topic.append([ddl('TRUNCATE TABLE', ['shop.orders'], statement)]);
    const last = topic.append([insert(orders, order(2))]);
    {
      await using task = new RunningTask(topic, target);
      const error = await task.failure();
      expect(error).toMatchObject({
        code: 'STATEMENT_UNSUPPORTED',
        details: { transaction: id, tables: ['shop.orders'], statement },
      });
      expect(error.message).toBe(
        `Transaction ${id}: the source ran TRUNCATE TABLE on shop.orders, and the task has ddl: stop. The statement: ${statement}`,
      );
      expect(await target.rows('SELECT id FROM orders')).toEqual([{ id: 1 }]);
    }
    await using task = new RunningTask(topic, target, { ddl: 'ignore' });
    await task.applied(last, target);
    expect(task.congo.counters.ddlIgnored).toBe(1);
    expect((await target.rows('SELECT id FROM orders')).length).toBe(2);
  });

  it('stops at CREATE OR REPLACE DATABASE, which drops the tables that were there', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic();
    const id = topic.append([ddl('CREATE OR REPLACE DATABASE', [])]);
    await using task = new RunningTask(topic, target);
    expect(await task.failure()).toMatchObject({
      code: 'STATEMENT_UNSUPPORTED',
      details: { transaction: id },
    });
  });

  it('goes on after the target table was altered under it', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target);
    for (let id = 0; id < 10; id++) {
      await task.applied(
        topic.append([insert(orders, order(id)), update(orders, order(id), order(id, 'x'))]),
        target,
      );
      await target.query(`ALTER TABLE shop.orders ADD COLUMN extra${id} INT NULL FIRST`);
    }
    expect(await target.count("orders WHERE note = 'x'")).toBe(10);
  });

  it('refuses faulty rules and names before anything is opened', () => {
    const topic = new FakeTopic();
    const make = (more: object) => () =>
      new Congo({
        hub: topic.hub(),
        task: 't',
        topic: 'shop',
        tables: [{ from: 'a.b' }],
        target: target.options,
        ...more,
      });
    expect(make({ tables: [{ from: 'a' }, { from: 'b' }] })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        details: { faults: [expect.any(String), expect.any(String)] },
      }),
    );
    for (const task of ['', 'two words', 'ü', 'x'.repeat(129)]) {
      expect(make({ task })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    }
  });
});
