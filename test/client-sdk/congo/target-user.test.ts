import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { onEachServer } from '../../support/on-each-server.js';
import { FakeTopic } from './support/fake-hub.mjs';
import { insert, int, remove, tableVersion, text, update } from './support/tables.js';
import { RunningTask } from './support/task.js';
import { TestTarget } from './support/test-target.js';

const orders = tableVersion('shop.orders', [int('id'), text('note')]);
const page = new URL('../../../docs/congo.md', import.meta.url);

onEachServer('The SQL of congo.md', (flavour) => {
  it('makes a user who can do all that a task does, and sees triggers', async () => {
    const sql = /^```sql\n([^]*?)^```$/m.exec(await readFile(page, 'utf8'))?.[1];
    await using target = await TestTarget.start(flavour);
    await target.reset();
    await target.query('CREATE DATABASE copy; CREATE TABLE copy.orders (id INT PRIMARY KEY, note TEXT)');
    await target.query(sql!);
    const topic = new FakeTopic();
    const overrides = {
      target: { ...target.options, user: 'congo', password: 'a password of your own' },
      tables: [{ from: 'shop.orders', to: 'copy.orders' }],
    };
    {
      await using task = new RunningTask(topic, target, overrides);
      topic.append([insert(orders, { id: 1, note: 'a' }), insert(orders, { id: 2, note: 'b' })]);
      const last = topic.append([
        update(orders, { id: 1, note: 'a' }, { id: 1, note: 'c' }),
        remove(orders, { id: 2, note: 'b' }),
      ]);
      await task.applied(last, target);
      expect(await target.rows('SELECT * FROM copy.orders')).toEqual([{ id: 1, note: 'c' }]);
      // Whoever comes later may take the task over.
      await using later = new RunningTask(topic, target, overrides);
      await later.applied(topic.append([insert(orders, { id: 3, note: 'd' })]), target);
    }
    await target.query('CREATE TRIGGER copy.audit AFTER INSERT ON copy.orders FOR EACH ROW SET @x = 1');
    await using seeing = new RunningTask(topic, target, overrides);
    expect((await seeing.failure()).message).toContain("trigger 'audit'");
  });
});
