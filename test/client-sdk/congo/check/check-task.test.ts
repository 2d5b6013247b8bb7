import {
  checkBeforeStart,
  checkTask,
  findingText,
  Rules,
  type TableRule,
  Target,
} from '@drc/client-sdk/congo';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHub, type TestHub } from '../../../support/hub.js';
import { onEachServer } from '../../../support/on-each-server.js';
import { TestTarget } from '../support/test-target.js';

onEachServer('A check of a task', (flavour) => {
  let hub: TestHub;
  let target: TestTarget;

  beforeAll(async () => {
    hub = await startHub({ flavour });
    target = await TestTarget.start(flavour);
    await hub.source.query(`CREATE DATABASE shop CHARACTER SET utf8mb4; USE shop;
      CREATE TABLE good (id INT PRIMARY KEY, note VARCHAR(20));
      CREATE TABLE wide (id BIGINT PRIMARY KEY, note VARCHAR(100), price DECIMAL(10,3), many INT);
      CREATE TABLE parents (id INT PRIMARY KEY);
      CREATE TABLE keyed (id INT PRIMARY KEY, v INT);
      CREATE TABLE bare (v INT)`);
    await target.reset(
      'CREATE TABLE good (id INT PRIMARY KEY, note VARCHAR(20))',
      'CREATE TABLE wide (id INT PRIMARY KEY, note VARCHAR(50) CHARACTER SET latin1, price DECIMAL(10,2))',
      'CREATE TABLE parents (id INT PRIMARY KEY)',
      'CREATE TABLE children (id INT PRIMARY KEY, p INT, CONSTRAINT fk FOREIGN KEY (p) REFERENCES parents (id) ON DELETE CASCADE)',
      'CREATE TABLE keyed (id INT, v INT)',
      'CREATE TABLE bare (v INT)',
      'CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(20)) ENGINE = MyISAM',
      'CREATE TABLE audited (id INT PRIMARY KEY, note VARCHAR(20))',
      'CREATE TRIGGER audit AFTER INSERT ON audited FOR EACH ROW SET @x = 1',
    );
  });

  afterAll(async () => {
    await target?.[Symbol.asyncDispose]();
    await hub?.[Symbol.asyncDispose]();
  });

  const check = async (...tables: TableRule[]) => {
    await using sdk = await hub.connect();
    const found = await checkTask({ hub: sdk, topic: 'shop', tables, match: 'all', target: target.options });
    return { ...found, faults: found.faults.map(findingText), warnings: found.warnings.map(findingText) };
  };

  it('finds nothing where there is nothing, and writes nothing', async () => {
    expect(await check({ from: 'shop.good' })).toEqual({
      faults: [],
      warnings: [],
      complete: true,
      sourceTables: 1,
      targetTables: 1,
    });
    expect(await target.rows("SELECT * FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'drc'")).toEqual(
      [],
    );
  });

  it('tells all faults of all tables at once, of source and target', async () => {
    const { faults, warnings } = await check(
      { from: 'shop.absent' },
      { from: 'nothing.*' },
      { from: 'shop.wide' },
      { from: 'shop.good', to: 'shop.notes' },
      { from: 'shop.good', to: 'shop.audited' },
      { from: 'shop.good', where: 'no_such > 1' },
      { from: 'shop.good', to: 'shop.good_{shard}', shard: { by: 'id', into: 2 } },
      { from: 'shop.keyed' },
    );
    const said = faults.join('\n');
    for (const part of [
      'shop.absent: the topic has no such table',
      "shop.wide: column 'many' is missing",
      "shop.wide: column 'price': 3 decimal places into 2 would round",
      'shop.notes: its storage engine cannot roll back',
      "shop.audited: trigger 'audit'",
      'no_such',
      'shop.good_0: there is no such table',
      'shop.good_1: there is no such table',
      'shop.keyed: it has no unique key',
    ])
      expect(said).toContain(part);
    const warned = warnings.join('\n');
    for (const part of [
      'nothing.*: no table',
      "shop.wide: column 'id': numbers beyond int",
      "shop.wide: column 'note': characters that latin1 lacks",
    ])
      expect(warned).toContain(part);
  });

  it('warns of what the target does by itself, and of tables without keys', async () => {
    const { faults, warnings } = await check({ from: 'shop.parents' }, { from: 'shop.bare' });
    expect(faults).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining('shop.bare: neither it nor shop.bare has a key'),
      expect.stringContaining("shop.parents: foreign key 'fk' of shop.children (ON DELETE CASCADE)"),
    ]);
  });

  it('sees what the user may not do', async () => {
    await target.query(
      "CREATE USER limited@'%' IDENTIFIED BY 'limited'; GRANT SELECT, INSERT ON shop.* TO limited@'%'",
    );
    await using sdk = await hub.connect();
    const { faults } = await checkTask({
      hub: sdk,
      topic: 'shop',
      tables: [{ from: 'shop.good' }],
      target: { ...target.options, user: 'limited', password: 'limited' },
    });
    const said = faults.map(findingText).join('\n');
    expect(said).toContain('shop.good: the user lacks UPDATE, DELETE');
    expect(said).toContain('drc.congo_task: it is not there, and the user may not make it');
  });

  it('ends a start with all faults; a key that the grant drops has a code of its own', async () => {
    await using sdk = await hub.connect();
    await using session = await Target.open(target.options);
    const wide = checkBeforeStart(sdk, session, new Rules([{ from: 'shop.wide' }]), { topic: 'shop' });
    await expect(wide).rejects.toMatchObject({ code: 'TARGET_CONFIG' });
    const hidden = {
      describe: () =>
        Promise.resolve({
          missing: 0,
          tables: [
            {
              schema: 'shop',
              table: 'good',
              columns: [{ name: 'note', type: 'text' as const, nullable: true, length: 80, collation: 45 }],
              unwritten: false,
              exact: true,
              keyHidden: true,
            },
          ],
        }),
    };
    await expect(
      checkBeforeStart(hidden, session, new Rules([{ from: 'shop.good', set: { id: '7' } }]), {
        topic: 'shop',
      }),
    ).rejects.toMatchObject({ code: 'KEY_NOT_READABLE' });
  });

  it('looks at the target alone while nobody can describe the source', async () => {
    await using sdk = await hub.connect();
    await using session = await Target.open(target.options);
    const old = {
      describe: () =>
        sdk.describe('elsewhere').catch(() => Promise.resolve({ tables: [], missing: undefined })),
    };
    const found = await checkBeforeStart(old, session, new Rules([{ from: 'shop.wide' }]), { topic: 'shop' });
    expect(found).toMatchObject({ faults: [], complete: false, targetTables: 1 });
    expect(found.warnings.map(findingText)).toEqual([expect.stringContaining('cannot ask the source now')]);
  });
});
