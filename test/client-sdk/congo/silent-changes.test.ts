import { expect, it } from 'vitest';
import type { Flavour } from '../../support/database-server.js';
import { onServer } from '../../support/on-each-server.js';
import { Copies } from './support/copies.js';
import type { Stored } from './support/test-target.js';

const pairs: readonly (readonly [Flavour, Flavour])[] = [
  ['mysql', 'mysql'],
  ['mysql', 'mariadb'],
  ['mariadb', 'mariadb'],
  ['mariadb', 'mysql'],
];

for (const [source, target] of pairs) {
  onServer(source, `a copy to ${target}`, () => {
    onServer(target, 'from', () => {
      const copies = new Copies(source, target);
      const parent = (rule: string): string =>
        `CREATE TABLE p (id INT PRIMARY KEY, v INT);
         CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p(id) ${rule})`;
      const children = 'SELECT c.id, c.p, p.v FROM c LEFT JOIN p ON p.id = c.p ORDER BY c.id';
      const fill = 'INSERT INTO p VALUES (1, 1), (2, 2); INSERT INTO c VALUES (1, 1), (2, 2)';

      it('has what cascades did to the source: updates and deletes', async () => {
        const { code, rows } = await copies.copy({
          tables: parent('ON DELETE CASCADE ON UPDATE CASCADE'),
          writes: `${fill}; UPDATE p SET id = 11 WHERE id = 1; DELETE FROM p WHERE id = 2`,
        });
        expect(code).toBeUndefined();
        expect(await rows(children)).toEqual([{ id: 1, p: 11, v: 1 }]);
      });

      // MariaDB deletes the parent and inserts it anew; MySQL 9.7 leaves the children alone.
      const replaced = source === 'mysql';
      it.each<[string, Stored[]]>([
        ['ON DELETE CASCADE', replaced ? [{ id: 1, p: 1, v: 9 }] : []],
        ['ON DELETE SET NULL', replaced ? [{ id: 1, p: 1, v: 9 }] : [{ id: 1, p: null, v: null }]],
        ...(replaced ? [['', [{ id: 1, p: 1, v: 9 }]] satisfies [string, Stored[]]] : []),
      ])('has the children that a REPLACE of the parent left on the source: %j', async (rule, left) => {
        const { code, rows } = await copies.copy({
          tables: parent(rule),
          writes: `${fill}; REPLACE INTO p VALUES (1, 9)`,
        });
        expect(code).toBeUndefined();
        expect((await rows(children)).filter(({ id }) => id === 1)).toEqual(left);
      });

      it.each<[string, string, string, string]>([
        ['ENUM', "ENUM('10','20','30','2')", "ENUM('10','20','30')", "'2'"],
        ['SET', "SET('1','2','4')", "SET('a','b','c')", "'4'"],
      ])('does not take a label for the number of another: %s', async (_, type, targetType, value) => {
        const { code, message } = await copies.copy({
          tables: `CREATE TABLE t (id INT PRIMARY KEY, v ${type})`,
          targetTables: `CREATE TABLE t (id INT PRIMARY KEY, v ${targetType})`,
          writes: `INSERT INTO t VALUES (1, ${value})`,
        });
        expect(code).toBe('TARGET_CONFIG');
        expect(message).toMatch(/column 'v': the label '\d' is missing/);
      });

      it('knows labels with quotes, backslashes and other letters on the target again', async () => {
        const type = String.raw`ENUM('it''s', 'a\\b', 'c,d', 'é', '日', '"')`;
        const values = String.raw`(1, 'it''s'), (2, 'a\\b'), (3, 'c,d'), (4, 'é'), (5, '日'), (6, '"')`;
        const { code, rows } = await copies.copy({
          tables: `CREATE TABLE t (id INT PRIMARY KEY, v ${type})`,
          writes: `INSERT INTO t VALUES ${values}`,
        });
        expect(code).toBeUndefined();
        expect((await rows('SELECT v FROM t ORDER BY id')).map(({ v }) => v)).toEqual([
          "it's",
          'a\\b',
          'c,d',
          'é',
          '日',
          '"',
        ]);
      });

      it.each(['FLOAT', 'DOUBLE'])('does not round a %s into fewer decimal places', async (type) => {
        const tables = `CREATE TABLE t (id INT PRIMARY KEY, v ${type})`;
        const targetTables = `CREATE TABLE t (id INT PRIMARY KEY, v ${type}(10, 2))`;
        const { rows, ...fitting } = await copies.copy({
          tables,
          targetTables,
          writes: 'INSERT INTO t VALUES (1, 3.14), (2, -0.07), (3, 12345.5), (4, NULL)',
        });
        expect(fitting.code).toBeUndefined();
        expect((await rows('SELECT v FROM t ORDER BY id')).map(({ v }) => Number(v))).toEqual([
          3.14, -0.07, 12345.5, 0,
        ]);
        const { code, message } = await copies.copy({
          tables,
          targetTables,
          writes: 'INSERT INTO t VALUES (1, 3.5), (2, 3.14159)',
        });
        expect(code).toBe('VALUE_TRUNCATED');
        expect(message).toMatch(/shop\.t, key 2: .*more than 2 decimal places/);
      });

      // MariaDB's JSON is text.
      const ofJson = source === 'mysql' && target === 'mysql' ? ['a column'] : [];
      it.each(ofJson)('does not make a DOUBLE of a number that has more digits in %s of JSON', async () => {
        const tables = 'CREATE TABLE t (id INT PRIMARY KEY, j JSON)';
        const decimal = "JSON_ARRAY(CAST('12345678901234567890.123456789' AS DECIMAL(40, 9)))";
        const { code, message } = await copies.copy({
          tables,
          writes: `INSERT INTO t VALUES (1, JSON_ARRAY(0.1, 1e20, 18446744073709551615)), (2, ${decimal})`,
        });
        expect(code).toBe('VALUE_TRUNCATED');
        expect(message).toMatch(/shop\.t, key 2: .*more digits than a DOUBLE/);
      });

      // What MariaDB keeps as text, MySQL reads.
      const ofText = source === 'mariadb' && target === 'mysql';
      it.each<[string, RegExp]>(
        ofText
          ? [
              ['{"a": 1, "b": {"a": 1}, "\\\\u0061": 2}', /key "a" of the JSON is there twice/],
              ['[0, -0]', /-0 in the JSON is an integer/],
            ]
          : [],
      )('does not put %s into a column of JSON, which keeps another value', async (text, why) => {
        const { code, message, rows } = await copies.copy({
          tables: 'CREATE TABLE t (id INT PRIMARY KEY, j JSON)',
          writes: `INSERT INTO t VALUES (1, '{"a": [-0.0, {"a": 1}], "b": "\\\\"a\\\\": -0"}'); INSERT INTO t VALUES (2, '${text}')`,
        });
        expect(code).toBe('VALUE_TRUNCATED');
        expect(message).toMatch(/shop\.t, key 2: /);
        expect(message).toMatch(why);
        const kept = [{ j: '{"a": [-0.0, {"a": 1}], "b": "\\"a\\": -0"}' }];
        expect(await rows('SELECT CAST(j AS CHAR) AS j FROM t')).toEqual(kept);
      });
    });
  });
}
