import { Checkpoint, TransactionSet } from '@drc/protocol';
import { TaskControl } from '@drc/client-sdk/congo';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { onEachServer } from '../../../support/on-each-server.js';
import { startTcpProxy } from '../../../support/tcp-proxy.js';
import { FakeTopic } from '../support/fake-hub.mjs';
import { insert, int, tableVersion } from '../support/tables.js';
import { RunningTask } from '../support/task.js';
import { TestTarget } from '../support/test-target.js';

const orders = tableVersion('shop.orders', [int('id')]);
const table = 'CREATE TABLE orders (id INT PRIMARY KEY)';
const row = (id: number) => insert(orders, { id });
/** Looked at often, so that a test is quick. */
const often = { claimCheckMs: 10 };

onEachServer('The control of a task', (flavour) => {
  let target: TestTarget;
  let control: TaskControl;
  let topic: FakeTopic;
  beforeAll(async () => {
    target = await TestTarget.start(flavour);
    control = await TaskControl.open({ target: target.options });
  });
  beforeEach(async () => {
    await target.reset(table);
    topic = new FakeTopic();
  });
  afterAll(async () => {
    await control[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  const told = (state: string): Promise<void> =>
    target.until(async () => (await control.state('copy')).report?.state === state);

  it('pauses it between target transactions, over restarts, and lets it go on', async () => {
    const last = topic.append([row(1)]);
    {
      await using task = new RunningTask(topic, target, often);
      await task.applied(last, target);
      await control.pause('copy', 'anna@desk');
      await control.pause('copy', 'berta@desk');
      await target.until(() => Promise.resolve(task.congo.status.kind === 'paused'));
      expect(task.congo.status).toMatchObject({ kind: 'paused', by: 'anna@desk' });
      topic.append([row(2)]);
      await told('paused');
    }
    await using task = new RunningTask(topic, target, often);
    await target.until(() => Promise.resolve(task.congo.status.kind === 'paused'));
    // It has come to the transaction that waits, and waits with it.
    await target.until(() => Promise.resolve((task.congo.lagMs ?? 0) > 0));
    expect(await target.count('orders')).toBe(1);
    expect(task.seen.map(({ kind }) => kind)).not.toContain('applying');
    const state = await control.state('copy');
    expect(state).toMatchObject({
      isRunning: true,
      topic: 'shop',
      epoch: '2',
      orders: { pausedBy: 'anna@desk' },
    });
    expect(Math.abs(state.orders.pausedAt! - Date.now())).toBeLessThan(600_000);
    await control.resume('copy');
    await task.applied('0-1-2', target);
    await told('applying');
    expect((await control.state('copy')).orders.pausedAt).toBeUndefined();
  });

  it('does not wait for the target transaction that is under way', async () => {
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    let reached = false;
    await using task = new RunningTask(topic, target, {
      ...often,
      hooks: {
        at(point) {
          if (point !== 'row') return undefined;
          reached = true;
          return held;
        },
      },
    });
    topic.append([row(1)]);
    await target.until(() => Promise.resolve(reached));
    await control.pause('copy', 'anna');
    expect(await target.count('orders')).toBe(0);
    topic.append([row(2)]);
    go();
    await task.applied('0-1-1', target);
    await told('paused');
    await control.resume('copy');
    await task.applied('0-1-2', target);
  });

  it('holds it back by rows, and a task that is stopped meanwhile stops at once', async () => {
    topic.append([row(0)]);
    await using task = new RunningTask(topic, target, often);
    await task.applied('0-1-1', target);
    await control.throttle('copy', 1);
    await target.until(() => Promise.resolve(task.congo.orders.rowsPerSecond === 1));
    // Worth an hour, all of it in one source transaction.
    topic.append(Array.from({ length: 3600 }, (_, id) => row(id + 1)));
    await task.applied('0-1-2', target);
    topic.append([row(5000)]);
    await target.until(() => Promise.resolve((task.congo.lagMs ?? 0) > 0));
    expect((await target.record())?.toString()).toBe('0-1-2');
    expect((await control.state('copy')).orders.rowsPerSecond).toBe(1);
    await control.throttle('copy', undefined);
    await task.applied('0-1-3', target);
    await control.throttle('copy', 1);
    await target.until(() => Promise.resolve(task.congo.orders.rowsPerSecond === 1));
    topic.append(Array.from({ length: 3600 }, (_, id) => row(id + 6000)));
    await task.applied('0-1-4', target);
    topic.append([row(20_000)]);
    expect(await task.stop()).toBeUndefined();
    expect((await target.record())?.toString()).toBe('0-1-4');
  });

  it('works on tables that an earlier congo made, by whoever comes first', async () => {
    {
      await using task = new RunningTask(topic, target, often);
      await task.applied(topic.append([row(1)]), target);
    }
    await target.query('DROP TABLE drc.congo_control');
    await control.pause('copy', 'anna');
    await target.query('DROP TABLE drc.congo_control');
    await using task = new RunningTask(topic, target, often);
    await task.applied(topic.append([row(2)]), target);
    await told('applying');
  });

  it('sets what a resting task has, says before what that means, and fences whoever had it', async () => {
    for (const id of [1, 2, 3]) topic.append([row(id)]);
    await using proxy = await startTcpProxy({ host: '127.0.0.1', port: target.server.port });
    const options = { ...often, target: { ...target.options, port: proxy.port } };
    await using cutOff = new RunningTask(topic, target, options);
    await cutOff.applied('0-1-3', target);
    const set = (to: string, apply: boolean) => control.setOffset('copy', to, 'anna', apply);
    await expect(set('0-1-1', true)).rejects.toMatchObject({ code: 'TASK_RUNNING' });
    expect(await target.record()).toEqual(TransactionSet.parse('0-1-3'));

    proxy.set({ kind: 'refuse' });
    proxy.cut();
    await target.until(async () => !(await control.state('copy')).isRunning);
    expect(await set('0-1-1', false)).toEqual({ repeated: ['0-1-2…0-1-3'], leftOut: [] });
    const { epoch, workers } = await control.state('copy');
    expect([epoch, workers[0]?.worker]).toEqual(['1', 0]);
    const elsewhere = new Checkpoint({ topic: 'crm', set: TransactionSet.parse('0-1-1') }).toString();
    await expect(set(elsewhere, true)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
    await expect(set('yesterday', true)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
    const checkpoint = new Checkpoint({ topic: 'shop', set: TransactionSet.parse('0-1-1') }).toString();
    expect(await set(checkpoint, true)).toEqual({ repeated: ['0-1-2…0-1-3'], leftOut: [] });
    expect(await control.state('copy')).toMatchObject({ epoch: '2', owner: 'anna' });
    await target.query(
      `INSERT INTO drc.congo_snapshot (task, progress) VALUES ('copy', '[["shop.orders", 0]]')`,
    );
    await expect(set('0-1-2', true)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect((await control.state('copy')).snapshot?.of('shop.orders')).toBe('pending');
    await target.query('DELETE FROM drc.congo_snapshot');
    proxy.set({ kind: 'none' });
    expect(await cutOff.failure()).toMatchObject({ code: 'TASK_FENCED' });

    await target.query('DELETE FROM shop.orders WHERE id = 2');
    expect(await set('after:0-1-2', true)).toEqual({ repeated: [], leftOut: ['0-1-2'] });
    await target.query('DELETE FROM shop.orders WHERE id = 3');
    await using next = new RunningTask(topic, target, often);
    await next.applied('0-1-3', target);
    expect(await target.rows('SELECT id FROM orders ORDER BY id')).toEqual([{ id: 1 }, { id: 3 }]);
  });

  it('knows no task that has never run there', async () => {
    for (const prepare of [
      () => Promise.resolve(),
      async () => {
        await using task = new RunningTask(topic, target, often);
        await task.applied(topic.append([row(1)]), target);
      },
    ]) {
      await prepare();
      const unknown = { code: 'TASK_UNKNOWN' };
      await expect(control.state('other')).rejects.toMatchObject(unknown);
      await expect(control.pause('other', 'anna')).rejects.toMatchObject(unknown);
      await expect(control.throttle('other', 5)).rejects.toMatchObject(unknown);
      await expect(control.setOffset('other', '0-1-1', 'anna', true)).rejects.toMatchObject(unknown);
    }
  });
});
