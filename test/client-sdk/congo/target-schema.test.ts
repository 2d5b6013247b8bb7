import { afterAll, beforeAll, expect, it } from 'vitest';
import { readTable } from '../../../client-sdk/src/congo/target-schema.js';
import { Target } from '../../../client-sdk/src/congo/target.js';
import { onEachServer } from '../../support/on-each-server.js';
import { TestTarget } from './support/test-target.js';

onEachServer('A table of the target', (flavour) => {
  let server: TestTarget;
  beforeAll(async () => {
    server = await TestTarget.start(flavour);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  it('is found with its columns, key and triggers while it is being altered', async () => {
    await server.reset(
      'CREATE TABLE other (id INT)',
      'CREATE TABLE t (id INT PRIMARY KEY)',
      'CREATE TRIGGER watch AFTER INSERT ON t FOR EACH ROW INSERT INTO other VALUES (NEW.id)',
    );
    await using session = await Target.open(server.options);
    let isAltered = true;
    const altering = (async () => {
      for (let i = 0; i < 15; i++) await server.query(`ALTER TABLE shop.t ADD COLUMN c${i} INT`);
    })().finally(() => (isAltered = false));
    const seen = new Set<string>();
    while (isAltered) {
      // The transaction of a task has tables already when it meets a new one.
      await session.query('SELECT id FROM shop.other');
      const table = await readTable(session, { schema: 'shop', table: 't' });
      const { key, transactional, triggers, columns } = table ?? {};
      seen.add(JSON.stringify({ key, transactional, triggers, hasId: columns?.has('id') }));
      await session.query('COMMIT');
    }
    await altering;
    expect([...seen]).toEqual([
      JSON.stringify({ key: ['id'], transactional: true, triggers: ['watch'], hasId: true }),
    ]);
  });

  it('that is not there is none, and a view is none', async () => {
    await server.reset('CREATE VIEW v AS SELECT 1 AS id');
    await using session = await Target.open(server.options);
    for (const table of ['v', 'nothing'])
      expect(await readTable(session, { schema: 'shop', table })).toBeUndefined();
    expect(await readTable(session, { schema: 'nowhere', table: 't' })).toBeUndefined();
  });
});
