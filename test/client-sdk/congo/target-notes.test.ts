import { expect, it } from 'vitest';
import { onEachServer } from '../../support/on-each-server.js';
import { FakeTopic } from './support/fake-hub.mjs';
import { insert, int, tableVersion, text } from './support/tables.js';
import { RunningTask } from './support/task.js';
import { TestTarget } from './support/test-target.js';

onEachServer('A target that tells sessions of no notes', (flavour) => {
  it('does not cut off blanks, of which it tells by a note only', async () => {
    await using target = await TestTarget.start(flavour);
    await target.query('SET GLOBAL sql_notes = 0');
    await target.reset('CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(2))');
    const table = tableVersion('shop.t', [int('id'), text('note')]);
    const topic = new FakeTopic();
    topic.append([insert(table, { id: 1, note: 'ab' })]);
    await using task = new RunningTask(topic, target);
    const cut = topic.append([insert(table, { id: 2, note: 'ab   ' })]);
    await expect(task.applied(cut, target)).rejects.toMatchObject({
      code: 'VALUE_TRUNCATED',
      details: { table: 'shop.t', key: '2' },
    });
    expect(await target.rows('SELECT id, note FROM t')).toEqual([{ id: 1, note: 'ab' }]);
  });
});
