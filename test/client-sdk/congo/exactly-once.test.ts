import type { KillPoint } from '@drc/client-sdk/congo';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEachServer } from '../../support/on-each-server.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { CongoProcess } from './support/congo-process.js';
import { FakeTopic } from './support/fake-hub.mjs';
import { insert, int, tableVersion, text } from './support/tables.js';
import { RunningTask } from './support/task.js';
import { TestTarget } from './support/test-target.js';
import { workload, workloadTables } from './support/workload.mjs';

const orders = tableVersion('shop.orders', [int('id'), text('note')]);
const bare = tableVersion('shop.bare', [text('note')], []);
const transactions = 120;

onEachServer('Exactly once', (flavour) => {
  let target: TestTarget;
  beforeAll(async () => {
    target = await TestTarget.start(flavour);
  });
  afterAll(async () => {
    await target[Symbol.asyncDispose]();
  });

  const expectEqual = async (): Promise<void> => {
    const expected = workload(transactions);
    expect(await target.rows('SELECT * FROM orders ORDER BY id')).toEqual(expected.orders);
    const notes = await target.rows('SELECT note FROM bare ORDER BY note');
    expect(notes.map(({ note }) => note)).toEqual(expected.bare);
    expect((await target.record())?.toString()).toBe(`0-1-${transactions}`);
  };

  /** Another congo, in this process, applies what is left. */
  const goOn = async (): Promise<void> => {
    const topic = new FakeTopic();
    for (const changes of workload(transactions).transactions) topic.append(changes);
    await using task = new RunningTask(topic, target, { maxBatchRows: 20 });
    await task.applied(`0-1-${transactions}`, target);
  };

  it.each<[KillPoint, number]>([
    ['begun', 2],
    ['begun', 9],
    ['row', 5],
    ['row', 77],
    ['recording', 3],
    ['recording', 1],
    ['committing', 1],
    ['committing', 6],
    ['committed', 1],
    ['committed', 7],
  ])('holds when the process is killed at "%s", the %i. time', async (point, times) => {
    await target.reset(...workloadTables);
    const options = { port: target.server.port, transactions, maxBatchRows: 20 };
    await using first = new CongoProcess({ ...options, point, times });
    expect(await first.ended()).toEqual([`point ${point}`]);
    // Whole source transactions only, and just those on record.
    const record = await target.record();
    const applied = Array.from({ length: transactions }, (_, i) => i + 1).filter((n) =>
      record?.covers(`0-1-${n}`),
    ).length;
    expect(applied).toBeLessThan(transactions);
    const expected = workload(applied);
    expect(await target.rows('SELECT * FROM orders ORDER BY id')).toEqual(expected.orders);
    await goOn();
    await expectEqual();
  });

  it('holds when the answer of a COMMIT is lost, and when the COMMIT itself is', async () => {
    for (const direction of ['toClient', 'toServer'] as const) {
      await target.reset(...workloadTables);
      await using proxy = await startTcpProxy({ host: '127.0.0.1', port: target.server.port });
      const topic = new FakeTopic();
      let commits = 0;
      await using task = new RunningTask(topic, target, {
        target: { ...target.options, port: proxy.port },
        hooks: {
          at(point) {
            if (point !== 'committing' || ++commits % 3 !== 0) return;
            // The next byte that way is the last: of the answer nothing arrives, or of the statement.
            proxy.set({ kind: 'cutAfter', bytes: 0, direction });
          },
        },
      });
      const heal = setInterval(() => {
        if (proxy.connections === 0) proxy.set({ kind: 'none' });
      }, 1);
      try {
        for (let id = 1; id <= 12; id++) {
          await task.applied(
            topic.append([insert(bare, { note: 'same' }), insert(orders, { id, note: null })]),
            target,
          );
        }
      } finally {
        clearInterval(heal);
      }
      expect(proxy.strikes).toBeGreaterThan(3);
      expect(await target.count('bare')).toBe(12);
      expect(await target.count('orders')).toBe(12);
    }
  });

  it('holds when two processes run one task: the older is fenced', async () => {
    await target.reset(...workloadTables);
    const topic = new FakeTopic();
    await using older = new RunningTask(topic, target);
    await older.applied(topic.append([insert(orders, { id: 1, note: null })]), target);
    await using younger = new RunningTask(topic, target);
    await target.until(() => Promise.resolve(younger.congo.status.kind === 'applying'));
    let last = '';
    for (let id = 2; id < 50; id++)
      last = topic.append([insert(orders, { id, note: null }), insert(bare, { note: 'x' })]);
    expect(await older.failure()).toMatchObject({ code: 'TASK_FENCED' });
    await younger.applied(last, target);
    expect(older.congo.counters.transactions).toBe(1);
    expect(await target.count('orders')).toBe(49);
    expect(await target.count('bare')).toBe(48);
  });

  it('holds when many processes take the task at the same moment: one has it', async () => {
    await target.reset(...workloadTables);
    const topic = new FakeTopic();
    topic.append([insert(orders, { id: 0, note: null })]);
    const tasks = Array.from({ length: 6 }, () => new RunningTask(topic, target, { maxBatchRows: 1 }));
    let last = '';
    for (let id = 1; id < 100; id++) {
      last = topic.append([insert(orders, { id, note: null }), insert(bare, { note: 'x' })]);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await target.until(async () => (await target.record())?.covers(last) === true);
    const ends = await Promise.all(tasks.map((task) => task.stop()));
    expect(ends.filter((error) => error?.code === 'TASK_FENCED')).toHaveLength(5);
    expect(await target.count('orders')).toBe(100);
    expect(await target.count('bare')).toBe(99);
    const [task] = await target.rows('SELECT epoch FROM drc.congo_task');
    expect(Number(task!['epoch'])).toBe(6);
  });

  it.each<KillPoint>(['row', 'committing', 'committed'])(
    'holds when a process is stopped at "%s", another takes over, and the first goes on',
    async (point) => {
      await target.reset(...workloadTables);
      const options = { port: target.server.port, transactions, maxBatchRows: 20 };
      await using first = new CongoProcess({ ...options, point, times: 4, signal: 'SIGSTOP' });
      await first.said(`point ${point}`);
      await goOn();
      await expectEqual();
      first.continue();
      expect(await first.ended()).toEqual([`point ${point}`, 'failed TASK_FENCED']);
      await expectEqual();
    },
  );

  it('holds when the target itself is killed and started again', async () => {
    await using own = await TestTarget.start(flavour);
    await own.reset(...workloadTables);
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, own, { maxBatchRows: 3 });
    let last = '';
    for (let id = 1; id <= 60; id++) {
      last = topic.append([insert(orders, { id, note: null }), insert(bare, { note: 'x' })]);
      if (id % 20 === 0) await own.killAndRestart();
    }
    await task.applied(last, own);
    expect(await own.count('orders')).toBe(60);
    expect(await own.count('bare')).toBe(60);
  });
});
