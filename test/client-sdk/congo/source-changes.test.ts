import { expect, it } from 'vitest';
import type { Flavour } from '../../support/database-server.js';
import { onServer } from '../../support/on-each-server.js';
import { Copies } from './support/copies.js';

const pairs: readonly (readonly [Flavour, Flavour])[] = [
  ['mysql', 'mysql'],
  ['mysql', 'mariadb'],
  ['mariadb', 'mariadb'],
];

/** MySQL then writes nothing of what they cascade, as MariaDB does always. */
const nativeForeignKeys = { mysql: ['--innodb-native-foreign-keys=ON'], mariadb: [] } as const;

for (const [source, target] of pairs) {
  onServer(source, `a copy to ${target}, the source's InnoDB doing what keys cascade`, () => {
    onServer(target, 'from', () => {
      const copies = new Copies(source, target, nativeForeignKeys[source]);

      it('has what they cascaded there, over several tables and within one', async () => {
        const { code, rows } = await copies.copy({
          tables: `CREATE TABLE p (id INT PRIMARY KEY, v INT);
            CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p(id) ON DELETE CASCADE ON UPDATE CASCADE);
            CREATE TABLE g (id INT PRIMARY KEY, c INT, FOREIGN KEY (c) REFERENCES c(id) ON DELETE SET NULL);
            CREATE TABLE tree (id INT PRIMARY KEY, above INT, FOREIGN KEY (above) REFERENCES tree(id) ON DELETE CASCADE)`,
          writes: `INSERT INTO p VALUES (1, 1), (2, 2), (3, 3), (4, 4);
            INSERT INTO c VALUES (10, 1), (20, 2), (21, 2), (30, 3), (40, 4);
            INSERT INTO g VALUES (100, 10), (200, 20), (210, 21), (300, 30);
            INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2), (4, NULL);
            UPDATE p SET id = 11 WHERE id = 1;
            BEGIN; DELETE FROM p WHERE id = 2; INSERT INTO p VALUES (2, 22); INSERT INTO c VALUES (20, 2); COMMIT;
            REPLACE INTO p VALUES (3, 33);
            DELETE FROM tree WHERE id = 1;
            SET SESSION foreign_key_checks = 0; DELETE FROM p WHERE id = 4; SET SESSION foreign_key_checks = 1`,
        });
        expect(code).toBeUndefined();
        for (const table of ['p', 'c', 'g', 'tree']) {
          const sql = `SELECT * FROM ${table} ORDER BY id`;
          expect([table, await rows(sql)]).toEqual([table, await copies.sourceRows(sql)]);
        }
        expect(await rows('SELECT id, p FROM c ORDER BY id')).toEqual([
          { id: 10, p: 11 },
          { id: 20, p: 2 },
          { id: 40, p: 4 },
        ]);
        expect(await rows('SELECT c FROM g WHERE id > 199')).toEqual([{ c: null }, { c: null }, { c: null }]);
        expect(await rows('SELECT id FROM tree')).toEqual([{ id: 4 }]);
      });

      it('stops in front of a label that the target does not have yet, and has lost nothing once it has', async () => {
        await copies.begin("CREATE TABLE t (id INT PRIMARY KEY, v ENUM('a', 'b'), s SET('x'))");
        await copies.write("INSERT INTO t VALUES (1, 'a', 'x')");
        {
          await using task = await copies.run();
          await task.applied();
          await copies.write(
            `ALTER TABLE t MODIFY v ENUM('a', 'b', 'c'), MODIFY s SET('x', 'y');
             INSERT INTO t VALUES (2, 'b', 'x'); INSERT INTO t VALUES (3, 'c', 'x,y'); UPDATE t SET v = 'c' WHERE id = 1`,
          );
          const stopped = await task.failure();
          expect(stopped.code).toBe('TARGET_CONFIG');
          expect(stopped.message).toMatch(/column 'v': the label 'c' is missing/);
        }
        // Started again too early it stops again, in the same place.
        {
          await using task = await copies.run();
          expect((await task.failure()).code).toBe('TARGET_CONFIG');
        }
        expect(await copies.rows('SELECT id, v, s FROM t ORDER BY id')).toEqual([{ id: 1, v: 'a', s: 'x' }]);
        await copies.alterTarget("ALTER TABLE t MODIFY v ENUM('a', 'b', 'c'), MODIFY s SET('x', 'y')");
        await using task = await copies.run();
        await copies.write("INSERT INTO t VALUES (4, 'c', 'y')");
        await task.applied();
        expect(await copies.rows('SELECT id, v, s FROM t ORDER BY id')).toEqual([
          { id: 1, v: 'c', s: 'x' },
          { id: 2, v: 'b', s: 'x' },
          { id: 3, v: 'c', s: 'x,y' },
          { id: 4, v: 'c', s: 'y' },
        ]);
      });
    });
  });
}
