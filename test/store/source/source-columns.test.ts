import { afterAll, beforeAll, expect, it } from 'vitest';
import { labelsOf } from '../../../store/src/source/column-from-schema.js';
import { SourceColumns } from '../../../store/src/source/source-columns.js';
import type { SourceOptions } from '../../../store/src/source/source-options.js';
import { TableFilter } from '../../../store/src/source/table-filter.js';
import { type DatabaseServer } from '../../support/database-server.js';
import { freePort } from '../../support/free-port.js';
import { startHub, type TestHub } from '../../support/hub.js';
import { onServer } from '../../support/on-each-server.js';

onServer('mariadb', 'what the source says of its tables', () => {
  let hub: TestHub;
  let server: DatabaseServer;

  beforeAll(async () => {
    hub = await startHub();
    server = hub.source;
    await server.query(`
      CREATE DATABASE shop; CREATE DATABASE crm; CREATE DATABASE Crm;
      CREATE TABLE shop.orders (id INT, secret INT, note VARCHAR(20), packed TEXT COMPRESSED, PRIMARY KEY (note(3), id));
      CREATE TABLE shop.versioned (id INT PRIMARY KEY, v JSON) WITH SYSTEM VERSIONING;
      CREATE TABLE shop.declared (id INT PRIMARY KEY,
        since TIMESTAMP(6) GENERATED ALWAYS AS ROW START, until TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
        PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING;
      CREATE SEQUENCE shop.numbers;
      CREATE VIEW shop.view AS SELECT 1 AS one;
      CREATE TABLE crm.people (id INT PRIMARY KEY, t TEXT CHECK (json_valid(t)), v VARCHAR(50) CHECK (json_valid(v)), l LONGTEXT);
      CREATE TABLE crm.secrets (id INT PRIMARY KEY);
      CREATE TABLE crm.People (other INT, key2 INT PRIMARY KEY);
      CREATE TABLE Crm.people (third INT)`);
  });

  afterAll(async () => hub?.[Symbol.asyncDispose]());

  const here = (): SourceOptions => ({
    host: '127.0.0.1',
    port: server.port,
    user: 'root',
    password: server.password,
  });
  const filter = new TableFilter({ exclude: ['crm.secrets'], excludeColumns: ['shop.orders.secret'] });
  const all = (): boolean => true;
  const namesOf = ({ tables }: Awaited<ReturnType<SourceColumns['of']>>): string[] =>
    tables.map(({ schema, table }) => `${schema}.${table}`).toSorted();

  it('is the same as what capture finds in the binlog', async () => {
    await server.query(`
      INSERT INTO shop.orders VALUES (1, 2, 'x', 'y'); INSERT INTO shop.versioned VALUES (1, '[]');
      INSERT INTO shop.declared (id) VALUES (1); SELECT NEXTVAL(shop.numbers); INSERT INTO crm.people VALUES (1, '[1]', '[2]', '[3]')`);
    await hub.caughtUp();
    const { tables, missing } = await new SourceColumns(here, new TableFilter()).of(
      (schema, table) => (schema !== 'crm' && schema !== 'Crm') || (table === 'people' && schema === 'crm'),
    );
    expect(missing).toBe(0);
    const written = await hub.store.store.log.newestTables();
    const inShort = (version: (typeof tables)[number]): unknown => ({
      name: `${version.schema}.${version.table}`,
      key: version.primaryKey,
      columns: version.columns,
    });
    const byName = (a: (typeof tables)[number], b: (typeof tables)[number]): number =>
      a.table < b.table ? -1 : 1;
    expect(tables.toSorted(byName).map(inShort)).toEqual(written.toSorted(byName).map(inShort));
    expect(written).toHaveLength(5);
  });

  it('has captured tables and columns only, and of tables those that are wanted', async () => {
    const columns = new SourceColumns(here, filter);
    const found = await columns.of(all);
    expect(namesOf(found)).toEqual([
      'Crm.people',
      'crm.People',
      'crm.people',
      'shop.declared',
      'shop.numbers',
      'shop.orders',
      'shop.versioned',
    ]);
    const orders = found.tables.find(({ table }) => table === 'orders')!;
    expect(orders.columns.map(({ name }) => name)).toEqual(['id', 'note', 'packed']);
    expect(orders.primaryKey).toEqual([1, 0]);
    const people = await columns.of((schema, table) => schema === 'crm' && table === 'people');
    expect(people.tables).toEqual([
      {
        schema: 'crm',
        table: 'people',
        columns: [
          { name: 'id', type: 'int', nullable: false, length: 4 },
          // As the binlog has it: a TEXT that holds JSON is one, a VARCHAR is not.
          {
            name: 't',
            type: 'json',
            nullable: true,
            length: 65_535,
            collation: expect.any(Number) as number,
          },
          { name: 'v', type: 'text', nullable: true, length: 200, collation: expect.any(Number) as number },
          {
            name: 'l',
            type: 'text',
            nullable: true,
            length: 2 ** 32 - 1,
            collation: expect.any(Number) as number,
          },
        ],
        primaryKey: [0],
      },
    ]);
    expect(await columns.of(() => false)).toEqual({ tables: [], missing: 0 });
  });

  it('is counted as missing while it does not answer, where it has answered before', async () => {
    const away = { ...here(), port: await freePort() };
    expect(await new SourceColumns(() => away, filter).of(all)).toEqual({ tables: [], missing: undefined });
    let source = here();
    const columns = new SourceColumns(() => source, filter);
    await columns.of(() => false);
    source = away;
    expect(await columns.of((schema) => schema === 'shop')).toEqual({ tables: [], missing: 4 });
    source = here();
    expect((await columns.of((schema) => schema === 'shop')).missing).toBe(0);
  });

  it('is asked by so many at a time, and the others are told that they were not answered', async () => {
    const columns = new SourceColumns(here, filter);
    await columns.of(() => false);
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => columns.of((schema) => schema === 'shop')),
    );
    const missing = answers.map((answer) => answer.missing);
    expect(missing.filter((count) => count === 0).length).toBeGreaterThanOrEqual(20);
    expect(missing.at(-1)).toBe(4);
    expect(answers.at(-1)!.tables).toEqual([]);
    expect((await columns.of((schema) => schema === 'shop')).missing).toBe(0);
  });

  it('ends where it would not fit into memory, and says how many tables are missing', async () => {
    const columns = new SourceColumns(here, filter, 7);
    const found = await columns.of((schema) => schema === 'shop');
    // Of four tables with 3, 8, 3 and 2 columns, in the order of their names.
    expect([namesOf(found), found.missing]).toEqual([['shop.declared'], 3]);
    expect(found.tables[0]!.columns).toHaveLength(3);
    expect(await columns.of((schema) => schema === 'Crm')).toMatchObject({ missing: 0 });
  });
});

it('labels are read as servers print them', () => {
  expect(labelsOf("enum('a','b,c','it''s','')")).toEqual(['a', 'b,c', "it's", '']);
  expect(labelsOf(String.raw`set('back\\slash','two\nlines','q\'','(x)')`)).toEqual([
    'back\\slash',
    'two\nlines',
    "q'",
    '(x)',
  ]);
});
