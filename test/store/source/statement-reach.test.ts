import { afterAll, beforeAll, expect, it } from 'vitest';
import { SourceControl } from '../../../store/src/source/source-control.js';
import { furtherReach } from '../../../store/src/source/statement-reach.js';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';

const schema = `CREATE DATABASE shop; USE shop;
  CREATE TABLE plain (id INT PRIMARY KEY);
  CREATE TABLE parent (id INT PRIMARY KEY);
  CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE);
  CREATE TABLE strict_parent (id INT PRIMARY KEY);
  CREATE TABLE strict_child (parent INT, FOREIGN KEY (parent) REFERENCES strict_parent (id));
  CREATE TABLE watched (id INT PRIMARY KEY);
  CREATE TRIGGER noted AFTER DELETE ON watched FOR EACH ROW DELETE FROM plain WHERE id = OLD.id;
  CREATE VIEW seen AS SELECT * FROM plain;
  CREATE TABLE one (id INT) ENGINE = MyISAM;
  CREATE TABLE merged (id INT) ENGINE = MERGE UNION = (one);
  CREATE FUNCTION Tax(x INT) RETURNS INT DETERMINISTIC RETURN x;
  CREATE USER reader IDENTIFIED BY 'a password of its own';
  GRANT SELECT ON shop.* TO reader`;

onEachServer('A statement that names one table', (flavour) => {
  let server: DatabaseServer;

  beforeAll(async () => {
    server = await startServer(flavour);
    await server.query('SET GLOBAL log_bin_trust_function_creators = ON');
    await server.query(schema);
  });

  afterAll(() => server?.stop());

  const reach = async (table: string, calls: readonly string[] = [], user?: string) => {
    const account = user === undefined ? {} : { user, password: 'a password of its own' };
    const { host, port, password } = server;
    const source = { host, port, user: server.user, password, connectTimeoutMs: 10_000, ...account };
    await using control = await SourceControl.connect(source);
    return await furtherReach(control, `shop.${table}`, new Set(calls));
  };

  it('writes no other where nothing passes its changes on', async () => {
    for (const table of ['plain', 'child', 'strict_parent', 'one'])
      expect([table, await reach(table, ['values', 'concat'])]).toEqual([table, undefined]);
  });

  it('may write others where the table has triggers, is a view, or foreign keys and functions act', async () => {
    expect(await reach('watched')).toMatch(/which has triggers$/);
    expect(await reach('parent')).toMatch(/foreign keys pass its changes on/);
    expect(await reach('seen')).toMatch(/does not show as a table$/);
    expect(await reach('gone')).toMatch(/does not show as a table$/);
    expect(await reach('merged')).toMatch(/whose engine passes it on/);
    expect(await reach('plain', ['values', 'tax'])).toBe('a statement calls the function Tax');
  });

  it('may write others where the user does not see triggers', async () => {
    expect(await reach('plain', [], 'reader')).toMatch(/may not see whether it has triggers$/);
    await server.query('GRANT TRIGGER ON shop.plain TO reader');
    expect(await reach('plain', [], 'reader')).toBeUndefined();
  });
});
