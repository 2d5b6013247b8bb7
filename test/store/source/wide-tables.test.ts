import { expect, it } from 'vitest';
import { startServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer } from '../../support/on-each-server.js';
import { CaptureRig, expectConserved, type StoredChange } from './capture-rig.js';

/** The most that a server has: MySQL 4,096; MariaDB as many as 64 KiB of definition hold, about 3,000. */
const most = { mysql: 4_096, mariadb: 3_000 } as const;
/** The most that InnoDB has. */
const mostInnodb = 1_017;

const valuesOf = (row: Readonly<Record<string, unknown>>): unknown[] => Object.values(row);
const after = (change: StoredChange | undefined): unknown[] =>
  change !== undefined && 'after' in change ? valuesOf(change.after) : [];

onEachServer('a table of many columns', (flavour) => {
  it('arrives with all of them, and so does a statement that adds as many as there can be', async () => {
    await using server = await startServer(flavour);
    const names = Array.from({ length: most[flavour] }, (_, index) => `c${index.toString(36)}`);
    const values = names.map((_, index) => (index % 7 === 0 ? null : index % 100));
    await server.query(
      `CREATE DATABASE shop; CREATE TABLE shop.wide (${names.map((name) => `${name} TINYINT`).join()}) ENGINE = MyISAM`,
    );
    const list = values.map((value) => value ?? 'NULL').join();
    await server.query(
      `INSERT INTO shop.wide VALUES (${list}); UPDATE shop.wide SET ${names.at(-1)} = -1, ${names[0]} = 1`,
    );
    const added = names.slice(0, mostInnodb - 1);
    await server.query(
      `CREATE TABLE shop.grown (id INT PRIMARY KEY); ALTER TABLE shop.grown ${added.map((name) => `ADD ${name} TINYINT DEFAULT 3`).join()}`,
    );
    await server.query('INSERT INTO shop.grown (id) VALUES (1)');
    await using rig = await CaptureRig.start({ source: server });
    await rig.reaches(await newestId(server));
    const changes = await rig.changes();
    const [insert, update] = changes.filter((change) => 'table' in change && change.table === 'shop.wide');
    expect(after(insert)).toEqual(values);
    expect(after(update)).toEqual([1, ...values.slice(1, -1), -1]);
    expect(after(changes.at(-1))).toEqual([1, ...added.map(() => 3)]);
    const alter = changes.at(-2)!;
    expect(alter.kind === 'ddl' && [alter.ddl.verb, alter.ddl.tables]).toEqual([
      'ALTER TABLE',
      ['shop.grown'],
    ]);
    expectConserved(rig);
  });
});
