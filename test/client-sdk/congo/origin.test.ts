import { readFile } from 'node:fs/promises';
import type { Hub } from '@drc/client-sdk';
import { Congo, type OriginOptions } from '@drc/client-sdk/congo';
import { isDrcError } from '@drc/protocol';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { FakeTopic } from './support/fake-hub.mjs';
import { insert, int, tableVersion, text, update } from './support/tables.js';
import { RunningTask } from './support/task.js';
import { TestTarget } from './support/test-target.js';

const orders = tableVersion('shop.orders', [int('id')]);
const ordersSql = 'CREATE TABLE orders (id INT PRIMARY KEY)';
const origin: OriginOptions = { mark: 'a', exclude: ['b'] };

onEachServer('A target that changes come back from', (flavour) => {
  let target: TestTarget;
  beforeAll(async () => {
    target = await TestTarget.start(flavour);
  });
  afterAll(() => target?.[Symbol.asyncDispose]());
  beforeEach(() => target.reset(ordersSql));

  const marks = () => target.rows('SELECT site, task, worker FROM drc.congo_origin ORDER BY site');

  it('gets each origin in transactions of its own, marked by a row where the user may do no more', async () => {
    await target.query(
      `CREATE USER IF NOT EXISTS 'marker'@'%' IDENTIFIED BY 'a password';
       GRANT CREATE, SELECT, INSERT, UPDATE ON drc.* TO 'marker'@'%';
       GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON shop.* TO 'marker'@'%'`,
    );
    const topic = new FakeTopic();
    let last = '';
    for (const [index, site] of [undefined, undefined, 'x', 'x', 'y', undefined].entries())
      last = topic.append([insert(orders, { id: index + 1 })], site);
    const user = { ...target.options, user: 'marker', password: 'a password' };
    await using task = new RunningTask(topic, target, { origin, target: user, workers: 1 });
    await task.applied(last, target);
    expect(task.congo.marks).toEqual({ method: 'row', areSeen: false });
    expect(await marks()).toEqual(['a', 'x', 'y'].map((site) => ({ site, task: 'copy', worker: 1 })));
    expect(await target.count('orders')).toBe(6);
    // The first two and the last are not together, whatever had arrived.
    expect(task.congo.counters.targetTransactions).toBeGreaterThanOrEqual(4);
  });

  it('is refused where it has another table of that name', async () => {
    await target.query('CREATE DATABASE drc; CREATE TABLE drc.congo_origin (site INT)');
    if (flavour === 'mysql') await target.query('SET GLOBAL gtid_mode = ON_PERMISSIVE');
    try {
      await using task = new RunningTask(new FakeTopic(), target, { origin });
      const error = await task.failure();
      expect(error.code).toBe('TARGET_CONFIG');
      expect(error.message).toContain('site int');
    } finally {
      if (flavour === 'mysql') await target.query('SET GLOBAL gtid_mode = ON');
    }
  });

  it('is not written to where a mark does not come out of its topic', async () => {
    const topic = new FakeTopic();
    topic.append([insert(orders, { id: 1 })]);
    const back = new FakeTopic({ topic: 'back' });
    const own = tableVersion('drc.congo_task', [text('task')]);
    const hub: Hub = {
      ...topic.hub(),
      subscribe: ((name: string, options) =>
        (name === 'back' ? back : topic).hub().subscribe(name, options)) as Hub['subscribe'],
    };
    const congo = new Congo({
      hub,
      task: 'copy',
      topic: 'shop',
      tables: [{ from: 'shop.*' }],
      target: target.options,
      origin: { ...origin, targetTopic: 'back' },
    });
    const ended = congo.run(new AbortController().signal).catch((error: unknown) => error);
    // What the target writes, as a store shows it that knows of no marks.
    await target.until(async () => {
      const rows = await target.rows('SELECT epoch FROM drc.congo_task').catch(() => []);
      return rows.length > 0 && Number(rows[0]!['epoch']) > 0;
    });
    const writing = setInterval(() => {
      for (const task of ['other', 'copy']) back.append([update(own, { task }, { task })]);
    }, 50);
    const error = await ended;
    clearInterval(writing);
    expect(error).toMatchObject({ code: 'TARGET_CONFIG' });
    expect(String(error)).toContain('without a mark');
    expect(await target.count('orders')).toBe(0);
  });

  it('is not begun with sites that there cannot be, or without saying what must not come back', () => {
    const fault = (wrong: object): unknown => {
      try {
        return new RunningTask(new FakeTopic(), target, { origin: wrong as OriginOptions }).seen;
      } catch (error) {
        return isDrcError(error) && error.code;
      }
    };
    const wrong = [
      { mark: 'a' },
      { mark: 'A', exclude: ['b'] },
      { mark: '', exclude: ['b'] },
      { mark: 'a'.repeat(29), exclude: ['b'] },
      { mark: "a'", exclude: ['b'] },
      { mark: 'a', exclude: [] },
      { mark: 'a', exclude: ['b'], include: [''] },
    ];
    expect(wrong.map(fault)).toEqual(wrong.map(() => 'CONFIG_INVALID'));
  });
});

onServer('mysql', 'A target that tags its transactions', () => {
  it('needs no table for it but the privileges of congo.md, and the tag follows the origin', async () => {
    await using target = await TestTarget.start('mysql');
    await target.reset(ordersSql);
    const page = await readFile(new URL('../../../docs/congo.md', import.meta.url), 'utf8');
    const blocks = [...page.matchAll(/^```sql\n([^]*?)^```$/gm)].map(([, sql]) => sql!);
    const grants = blocks.filter((sql) => sql.includes("TO 'congo'@'%'")).join('');
    expect(grants).toContain('TRANSACTION_GTID_TAG');
    await target.query(grants.replaceAll('copy.*', 'shop.*'));
    const user = { ...target.options, user: 'congo', password: 'a password of your own' };
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target, { origin, target: user });
    let last = '';
    for (const [id, site] of ['x', undefined, 'x'].entries()) {
      last = topic.append([insert(orders, { id })], site);
      await task.applied(last, target);
    }
    expect(task.congo.marks).toEqual({ method: 'tag', areSeen: false });
    const [row] = await target.rows('SELECT @@GLOBAL.gtid_executed AS executed');
    expect(String(row!['executed'])).toMatch(/:drc_a:.*:drc_x:1-2/s);
  });
});
