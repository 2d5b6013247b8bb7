import { Congo, type CongoOptions } from '@drc/client-sdk/congo';
import type { Hub } from '@drc/client-sdk';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHub, until, type TestHub } from '../../support/hub.js';
import { onEachServer } from '../../support/on-each-server.js';
import { rowsOf, TestTarget } from './support/test-target.js';

onEachServer('A task that copies what is there', (flavour) => {
  let hub: TestHub;
  let target: TestTarget;
  let sdk: Hub;
  beforeAll(async () => {
    hub = await startHub({ flavour });
    target = await TestTarget.start(flavour);
    await hub.source.query('CREATE DATABASE shop CHARACTER SET utf8mb4');
    sdk = await hub.reader('congo', { tables: ['**'], snapshot: true });
  });
  afterAll(async () => {
    await target[Symbol.asyncDispose]();
    await hub[Symbol.asyncDispose]();
  });

  const columns = '(id INT PRIMARY KEY, name VARCHAR(100), part INT)';
  const fill = async (table: string, rows: number): Promise<void> => {
    const values = Array.from({ length: rows }, (_, id) => `(${id + 1}, 'row ${id + 1}', ${id % 10})`);
    await hub.source.query(
      `USE shop; CREATE TABLE ${table} ${columns}; INSERT INTO ${table} VALUES ${values.join(', ')}`,
    );
  };
  const congo = (options: Partial<CongoOptions>): Congo =>
    new Congo({
      hub: sdk,
      task: 'copy',
      topic: 'shop',
      tables: [{ from: 'shop.*' }],
      target: target.options,
      from: 'snapshot',
      ddl: 'ignore',
      ...options,
    });
  const both = async (sql: string): Promise<unknown[]> => [
    await target.rows(sql),
    await rowsOf(hub.source, sql),
  ];
  const isCopied = async (task: string): Promise<boolean> => {
    const [row] = await target
      .rows(`SELECT progress FROM drc.congo_snapshot WHERE task = '${task}'`)
      .catch(() => []);
    const progress = JSON.parse((row as { progress?: string } | undefined)?.progress ?? 'null') as
      | unknown[][]
      | null;
    return progress?.every(([, state]) => state === 1) === true;
  };
  const hasAll = async (task: string): Promise<boolean> =>
    (await target.record(task))?.covers(await hub.lastId()) === true;

  it('has the rows and all that writers do to them meanwhile, however often it is stopped', async () => {
    await fill('orders', 4000);
    await target.reset(`CREATE TABLE orders ${columns}`);
    const source = await hub.source.connect({ database: 'shop' });
    let isOver = false;
    const writing = (async () => {
      for (let turn = 0; !isOver; turn += 1) {
        const id = 1 + ((turn * 977) % 4000);
        await source.query(`UPDATE orders SET part = ${turn} WHERE id BETWEEN ${id} AND ${id + 3}`);
        await source.query(`UPDATE orders SET id = ${10_000 + turn} WHERE id = ${id + 5}`);
        await source.query(`DELETE FROM orders WHERE id = ${id + 6}`);
        await source.query(`INSERT INTO orders VALUES (${50_000 + turn}, 'new', 0)`);
      }
    })();
    for (let start = 0; !(await isCopied('orders')); start += 1) {
      const stop = new AbortController();
      const running = congo({ task: 'orders', tables: [{ from: 'shop.orders' }], maxBatchRows: 200 }).run(
        stop.signal,
      );
      if (start < 3) await Promise.race([running, sleep(150)]);
      else await Promise.race([running, until(() => isCopied('orders'), 'the table is copied')]);
      stop.abort();
      await running;
    }
    isOver = true;
    await writing;
    await source.end();
    const stop = new AbortController();
    const running = congo({ task: 'orders', tables: [{ from: 'shop.orders' }] }).run(stop.signal);
    await Promise.race([running, until(() => hasAll('orders'), 'all is applied')]);
    stop.abort();
    await running;
    const [copy, rows] = await both('SELECT * FROM orders ORDER BY id');
    expect(copy).toEqual(rows);
  });

  it('splits a table by its rules, copied rows like inserted ones, and adds a table later', async () => {
    await fill('items', 1000);
    await fill('late', 50);
    await target.reset(
      ...[0, 1, 2].map((shard) => `CREATE TABLE items_${shard} ${columns}`),
      `CREATE TABLE late ${columns}`,
    );
    const rule = {
      from: 'shop.items',
      to: 'shop.items_{shard}',
      shard: { by: 'id', into: 3 },
      where: 'part <> 9',
    };
    const run = async (options: Partial<CongoOptions>, last: string): Promise<void> => {
      const stop = new AbortController();
      const running = congo({ task: 'split', ...options }).run(stop.signal);
      const isDone = async (): Promise<boolean> =>
        (await isCopied('split')) && (await target.rows(last)).length > 0;
      await Promise.race([running, until(isDone, 'it is copied')]);
      await hub.source.query(
        `USE shop; UPDATE items SET part = 5 WHERE id = 10; DELETE FROM items WHERE id = 11`,
      );
      await Promise.race([running, until(() => hasAll('split'), 'all is applied')]);
      stop.abort();
      await running;
    };
    await run({ tables: [rule] }, 'SELECT 1 FROM items_0');
    const union = [0, 1, 2]
      .map((shard) => `SELECT *, ${shard} AS shard FROM items_${shard}`)
      .join(' UNION ALL ');
    const shown = `SELECT id, name, part, id % 3 AS shard FROM items WHERE part <> 9 ORDER BY id`;
    const asText = (rows: unknown): unknown =>
      JSON.parse(
        JSON.stringify(rows, (_, value: unknown) => (typeof value === 'number' ? String(value) : value)),
      );
    const check = async (): Promise<void> =>
      expect(asText(await target.rows(`${union} ORDER BY id`))).toEqual(
        asText(await rowsOf(hub.source, shown)),
      );
    await check();
    await run(
      { tables: [rule, { from: 'shop.late' }], snapshot: { tables: ['shop.late'] } },
      'SELECT 1 FROM late WHERE id = 50',
    );
    await check();
    const [copy, rows] = await both('SELECT * FROM late ORDER BY id');
    expect(copy).toEqual(rows);
  });

  it('refuses a target without a key, since rows could not be put in their place', async () => {
    await fill('plain', 5);
    await target.reset('CREATE TABLE plain (id INT, name VARCHAR(100), part INT)');
    const failing = congo({ task: 'plain', tables: [{ from: 'shop.plain' }] }).run(
      new AbortController().signal,
    );
    await expect(failing).rejects.toMatchObject({ code: 'TARGET_CONFIG', details: { table: 'shop.plain' } });
    expect(await target.rows('SELECT * FROM plain')).toEqual([]);
  });
});
