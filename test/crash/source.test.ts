import { setTimeout as sleep } from 'node:timers/promises';
import type { Change, Row } from '@drc/client-sdk';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { startHub } from '../support/hub.js';
import type { DatabaseServer } from '../support/database-server.js';
import { onEachServer } from '../support/on-each-server.js';
import { Random } from '../support/random.js';
import { Reading } from '../support/reading.js';
import { rounds } from '../support/rounds.js';
import { testSeed } from '../support/test-seed.js';

const tables = ['shop.items', 'shop.parts', 'shop.moves'];
const keys = 400;

onEachServer('a source that is killed at random times', (flavour) => {
  test('loses nothing on the way to the reader', async () => {
    const random = new Random(testSeed());
    await using hub = await startHub({ flavour });
    const { source } = hub;
    await source.query('CREATE DATABASE shop');
    for (const table of tables)
      await source.query(
        `CREATE TABLE ${table} (id INT PRIMARY KEY, note VARCHAR(200), amount DECIMAL(20,4), counter BIGINT NOT NULL)`,
      );
    await using reading = new Reading((await hub.connect()).subscribe('shop', { from: 'earliest' }));
    const copy = new Copy();
    for (let round = 0; round < rounds(3, 20); round++) {
      const writers = [1, 2, 3].map(() => writeUntilItEnds(source, new Random(random.below(2 ** 31))));
      await sleep(200 + random.below(600));
      await source.kill('SIGKILL');
      await Promise.all(writers);
      await source.restart();
      await source.query(`INSERT INTO shop.moves VALUES (${100_000 + round}, 'restarted', NULL, 0)`);
      const last = await hub.lastId();
      for (const { changes } of await reading.until(last)) for (const change of changes) copy.apply(change);
      for (const table of tables) expect(copy.rows(table)).toEqual(await rowsOf(source, table));
    }
    expect(copy.changes).toBeGreaterThan(50);
  });
});

/** The tables as the changes make them; a change that does not fit what is there is an error. */
class Copy {
  readonly #tables = new Map<string, Map<number, Row>>(tables.map((table) => [table, new Map()]));
  changes = 0;

  apply(change: Change): void {
    if (change.kind === 'ddl' || change.kind === 'sequence' || change.kind === 'snapshot') return;
    this.changes++;
    const rows = this.#tables.get(change.table)!;
    if (change.kind !== 'insert') {
      const key = change.before['id'] as number;
      if (!isDeepStrictEqual(rows.get(key), change.before))
        throw new Error(`Row ${key} of ${change.table} is not the row before the change.`);
      rows.delete(key);
    }
    if (change.kind !== 'delete') {
      const key = change.after['id'] as number;
      if (rows.has(key)) throw new Error(`Row ${key} of ${change.table} is there already.`);
      rows.set(key, change.after);
    }
  }

  rows(table: string): Row[] {
    return [...this.#tables.get(table)!.values()].sort((a, b) => (a['id'] as number) - (b['id'] as number));
  }
}

async function rowsOf(source: DatabaseServer, table: string): Promise<Row[]> {
  const sql = `SELECT id, note, CAST(amount AS CHAR) AS amount, CAST(counter AS CHAR) AS counter FROM ${table} ORDER BY id`;
  const rows = (await source.query(sql)) as Record<string, number | string | null>[];
  return rows.map((row) => ({ ...row, counter: BigInt(row['counter']!) }));
}

/** Transactions of a few statements over few keys, some rolled back, until the server is gone. */
async function writeUntilItEnds(source: DatabaseServer, random: Random): Promise<void> {
  const connection = await source.connect({ multipleStatements: true });
  // The connection says so twice: to the query, and to whoever listens.
  connection.on('error', () => undefined);
  try {
    for (;;) {
      const statements = Array.from({ length: 1 + random.below(6) }, () => statement(random));
      const end = random.below(8) === 0 ? 'ROLLBACK' : 'COMMIT';
      try {
        await connection.query(['BEGIN', ...statements, end].join(';'));
      } catch (error) {
        if ((error as { code?: string }).code !== 'ER_LOCK_DEADLOCK') return;
      }
    }
  } finally {
    connection.destroy();
  }
}

function statement(random: Random): string {
  const table = random.pick(tables);
  const id = random.below(keys);
  const note = random.below(5) === 0 ? 'NULL' : `'${'n'.repeat(random.below(150))}'`;
  switch (random.below(6)) {
    case 0:
      return `DELETE FROM ${table} WHERE id = ${id}`;
    case 1:
      return `DELETE FROM ${table} WHERE id BETWEEN ${id} AND ${id + 5}`;
    case 2:
      return `UPDATE ${table} SET counter = counter + 1, note = ${note} WHERE id BETWEEN ${id} AND ${id + 10}`;
    case 3:
      return `UPDATE IGNORE ${table} SET id = ${random.below(keys)}, amount = amount * 2 WHERE id = ${id}`;
    default:
      return `INSERT INTO ${table} VALUES (${id}, ${note}, ${random.below(1_000_000)}.25, ${random.below(1000)}) ON DUPLICATE KEY UPDATE counter = counter + 1, amount = amount + 1`;
  }
}
