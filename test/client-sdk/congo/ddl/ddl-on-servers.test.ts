import type { Ddl } from '@drc/protocol';
import { escapeId } from 'mysql2';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { planDdl } from '../../../../client-sdk/src/congo/ddl/ddl-plan.js';
import { onEachServer } from '../../../support/on-each-server.js';
import { TestTarget } from '../support/test-target.js';

onEachServer('What a statement becomes', (flavour) => {
  let server: TestTarget;
  beforeAll(async () => {
    server = await TestTarget.start(flavour);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  const table = 'CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9) NOT NULL, b INT, KEY by_b (b))';
  beforeEach(async () => {
    await server.reset(table);
    await server.query(
      `DROP DATABASE IF EXISTS copy; CREATE DATABASE copy CHARACTER SET utf8mb4; USE copy; ${table}`,
    );
  });

  const shown = async (schema: string): Promise<unknown[]> => {
    const tables = await server.rows(`SHOW TABLES FROM ${schema}`);
    const names = tables.map((row) => String(Object.values(row)[0]));
    return Promise.all(
      names.map(
        async (name) =>
          (await server.rows(`SHOW CREATE TABLE ${schema}.${escapeId(name, true)}`))[0]?.['Create Table'],
      ),
    );
  };

  it.each([
    "ALTER TABLE t ADD COLUMN c DECIMAL(10,2) UNSIGNED NOT NULL DEFAULT 1.50 COMMENT 'it''s \\\\ so' AFTER id, DROP COLUMN b",
    "ALTER TABLE t ADD (c ENUM('x','y,)') NULL DEFAULT 'x', d BIT(3) DEFAULT b'101'), ALGORITHM=INPLACE",
    'ALTER TABLE t MODIFY a VARCHAR(40) CHARACTER SET latin1 NOT NULL FIRST, CHANGE COLUMN b bb BIGINT',
    'ALTER TABLE t RENAME COLUMN b TO `b``b`, RENAME INDEX by_b TO `key`, ADD UNIQUE INDEX u (a(3), id)',
    'ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, a), DROP INDEX by_b',
    "ALTER TABLE t ADD COLUMN n INT DEFAULT -1, ADD x VARCHAR(9) DEFAULT _utf8mb4'q', ADD f DOUBLE DEFAULT 1e-5",
    'ALTER TABLE t ADD g INT GENERATED ALWAYS AS (id + b * 2) VIRTUAL, ADD h TIMESTAMP NULL DEFAULT NULL',
    'CREATE UNIQUE INDEX u USING BTREE ON t (b, a)',
    'DROP INDEX by_b ON t',
    'CREATE TABLE `new``one` (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, s TEXT, at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (s(10))) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin COMMENT="c"',
    'CREATE TABLE IF NOT EXISTS shop.u (LIKE shop.t)',
    'RENAME TABLE t TO t2',
    'ALTER TABLE t RENAME AS t2',
    'DROP TABLE t',
  ])('%s has the same effect on the target', async (text) => {
    const ddl: Ddl = {
      verb: 'ALTER TABLE',
      tables: [],
      defaultSchema: 'shop',
      text,
      sqlMode: 0,
      charset: [45, 45, 45],
      timeZone: 'SYSTEM',
    };
    const plan = planDdl(ddl, {
      rules: [{ from: 'shop.*', to: 'copy.{table}' }],
      policy: 'apply',
      source: flavour,
      target: flavour,
    });
    await server.query(`USE shop; ${text}`);
    expect(plan).toMatchObject({ kind: 'statements' });
    if (plan.kind === 'statements') await server.query(plan.statements.join(';'));
    expect(await shown('copy')).toEqual(await shown('shop'));
  });
});
