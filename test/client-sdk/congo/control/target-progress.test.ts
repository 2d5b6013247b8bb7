import { Congo, TargetProgress } from '@drc/client-sdk/congo';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { committedId } from '../../../support/gtid.js';
import { startHub } from '../../../support/hub.js';
import { onEachServer } from '../../../support/on-each-server.js';
import { startTcpProxy } from '../../../support/tcp-proxy.js';
import { FakeTopic } from '../support/fake-hub.mjs';
import { insert, int, tableVersion } from '../support/tables.js';
import { RunningTask } from '../support/task.js';
import { TestTarget } from '../support/test-target.js';

const orders = tableVersion('shop.orders', [int('id')]);
const table = 'CREATE TABLE orders (id INT PRIMARY KEY)';
const row = (id: number) => insert(orders, { id });
const aMinute = { timeoutMs: 60_000 };

onEachServer('Waiting for a target', (flavour) => {
  let target: TestTarget;
  let topic: FakeTopic;
  beforeAll(async () => {
    target = await TestTarget.start(flavour);
  });
  beforeEach(async () => {
    await target.reset(table);
    topic = new FakeTopic();
  });
  afterAll(async () => {
    await target[Symbol.asyncDispose]();
  });

  it('lets an app read on the target what it wrote to the source', async () => {
    await using hub = await startHub({ flavour });
    await hub.source.query(
      `CREATE DATABASE shop; USE shop; ${table}; CREATE TABLE other (id INT PRIMARY KEY)`,
    );
    await using sdk = await hub.connect();
    const stop = new AbortController();
    const congo = new Congo({
      hub: sdk,
      task: 'copy',
      topic: 'shop',
      tables: [{ from: 'shop.orders' }],
      target: target.options,
      ddl: 'ignore',
    });
    const running = congo.run(stop.signal);
    const app = await hub.source.connect({ database: 'shop', multipleStatements: true });
    try {
      await target.until(async () => (await target.record()) !== undefined);
      await using progress = await congo.progress();
      for (let id = 1; id <= 20; id++) {
        const written = await committedId(app, flavour, `INSERT INTO orders VALUES (${id})`);
        await progress.waitFor(written, aMinute);
        expect(await target.rows('SELECT MAX(id) AS id FROM orders')).toEqual([{ id }]);
      }
      // What concerns none of the task's tables is waited for as well.
      await progress.waitFor(await committedId(app, flavour, 'INSERT INTO other VALUES (1)'), aMinute);
      const writes = Array.from({ length: 30 }, (_, i) => `INSERT INTO orders VALUES (${i + 100})`);
      const ids: string[] = [];
      for (const sql of writes) ids.push(await committedId(app, flavour, sql));
      await Promise.all(ids.map((id) => progress.waitFor(id, aMinute)));
      expect(await target.count('orders')).toBe(50);
    } finally {
      await app.end();
      stop.abort();
      await running;
    }
  });

  it('ends in time, on abort, on close, and where it never can be', async () => {
    await using task = new RunningTask(topic, target);
    await task.applied(topic.append([row(1)]), target);
    const options = { target: target.options, task: 'copy' };
    await using progress = await TargetProgress.open(options);
    await progress.waitFor('0-1-1', { timeoutMs: 0 });
    await expect(progress.waitFor('0-1-2', { timeoutMs: 0 })).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' });
    await expect(progress.waitFor('0-1-2', { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
      message: "After 50 ms the target of task 'copy' does not have 0-1-2. It has 0-1-1.",
      details: { applied: '0-1-1' },
    });
    const reason = new Error('enough');
    const stop = new AbortController();
    const stopped = progress.waitFor('0-1-2', { ...aMinute, signal: stop.signal });
    stop.abort(reason);
    await expect(stopped).rejects.toBe(reason);
    await expect(progress.waitFor('0-2-1', aMinute)).rejects.toMatchObject({ code: 'CHECKPOINT_DIVERGED' });
    await expect(progress.waitFor('soon', aMinute)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
    const waiting = progress.waitFor('0-1-2', aMinute);
    await Promise.all([expect(waiting).rejects.toMatchObject({ code: 'CLOSED' }), progress.close()]);
    await expect(TargetProgress.open({ ...options, task: 'other' })).rejects.toMatchObject({
      code: 'TASK_UNKNOWN',
    });
    await expect(TargetProgress.open({ ...options, progressSchema: 'none' })).rejects.toMatchObject({
      code: 'TASK_UNKNOWN',
    });
  });

  it('outlives a target that is away, and does not outlast its own time where the target is silent', async () => {
    await using task = new RunningTask(topic, target);
    await task.applied(topic.append([row(1)]), target);
    await using proxy = await startTcpProxy({ host: '127.0.0.1', port: target.server.port });
    await using progress = await TargetProgress.open({
      target: { ...target.options, port: proxy.port },
      task: 'copy',
    });
    const waiting = progress.waitFor('0-1-2', aMinute);
    proxy.set({ kind: 'refuse' });
    proxy.cut();
    await target.until(() => Promise.resolve(proxy.strikes > 0));
    topic.append([row(2)]);
    await task.applied('0-1-2', target);
    proxy.set({ kind: 'none' });
    await waiting;
    proxy.set({ kind: 'stall' });
    await expect(progress.waitFor('0-1-3', { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
    });
    await progress.close();
  });
});
