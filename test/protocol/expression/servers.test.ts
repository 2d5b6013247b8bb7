import type mysql from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compileComputed, type Column, type TableVersion } from '@drc/protocol';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';
import { rounds } from '../../support/rounds.js';
import { Random } from '../../support/random.js';
import { testSeed } from '../../support/test-seed.js';
import { RandomExpressions } from './random-expressions.js';

const definitions: readonly (readonly [definition: string, column: Column, values: readonly string[]])[] = [
  [
    'i INT',
    { name: 'i', type: 'int', nullable: true },
    ['0', '1', '-1', '7', '2147483647', '-2147483648', '50'],
  ],
  [
    'b BIGINT',
    { name: 'b', type: 'bigint', nullable: true },
    ['0', '-9007199254740993', '9007199254740993', '12'],
  ],
  [
    'ub BIGINT UNSIGNED',
    { name: 'ub', type: 'bigint', nullable: true, unsigned: true },
    ['0', '9007199254740993', '3'],
  ],
  [
    'd DECIMAL(20,4)',
    { name: 'd', type: 'decimal', nullable: true, precision: 20, scale: 4 },
    ['0', '-0.5', '0.5', '1.5', '2.5', '-1.2345', '9999999999999999.9999', '12.0000'],
  ],
  ['y YEAR', { name: 'y', type: 'year', nullable: true }, ['2026', '1901', '0']],
  ['f DOUBLE', { name: 'f', type: 'double', nullable: true }, ['0', '0.1', '-1e10', '50', '1.5']],
  [
    's VARCHAR(40)',
    { name: 's', type: 'text', nullable: true },
    ["''", "'a'", "'A'", "'ab'", "'a%b'", "'a_b'", "'é'", "'😀'", "'\u{ffee}'", "' x '", "'axb'"],
  ],
  ['c CHAR(6)', { name: 'c', type: 'text', nullable: true, fixed: true }, ["'a'", "'€uro'", "''", "'b'"]],
  ["e ENUM('a','b','€')", { name: 'e', type: 'enum', nullable: true }, ["'a'", "'b'", "'€'"]],
  [
    'dt DATE',
    { name: 'dt', type: 'date', nullable: true },
    ["'2026-01-01'", "'0000-00-00'", "'2020-02-29'", "'9999-12-31'"],
  ],
  [
    'm DATETIME(3)',
    { name: 'm', type: 'datetime', nullable: true, scale: 3 },
    ["'2026-01-01 00:00:00'", "'2026-01-01 10:00:00.500'", "'2020-02-29 23:59:59.999'", "'0000-00-00'"],
  ],
  [
    'ts TIMESTAMP NULL',
    { name: 'ts', type: 'timestamp', nullable: true, scale: 0 },
    ["'2026-01-01 10:00:00'", "'2038-01-19 03:14:07'", "'1970-01-01 00:00:01'"],
  ],
  [
    't TIME(2)',
    { name: 't', type: 'time', nullable: true, scale: 2 },
    ["'-838:59:59'", "'00:00:00'", "'12:30:00.25'", "'-01:00:00'", "'100:00:00'"],
  ],
];
const version: TableVersion = {
  schema: 'x',
  table: 't',
  columns: definitions.map(([, column]) => column),
  primaryKey: [],
};
/** Collations that compare bytes and do not pad with spaces. */
const byBytes = { mariadb: 'utf8mb4_nopad_bin', mysql: 'utf8mb4_0900_bin' } as const;
const rows = 24;
const perQuery = 40;
const queries = rounds(8, 100);

onEachServer('Random expressions', (flavour) => {
  const seed = testSeed();
  const random = new Random(seed);
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startServer(flavour);
  });
  afterAll(async () => {
    await server?.stop();
  });

  it('have the value that the server computes, for every row', async () => {
    const connection = await server.connect({
      charset: 'utf8mb4',
      timezone: 'Z',
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
    });
    try {
      await connection.query(
        `SET sql_mode = 'ALLOW_INVALID_DATES,NO_UNSIGNED_SUBTRACTION', time_zone = '+00:00', NAMES utf8mb4 COLLATE ${byBytes[flavour]}`,
      );
      await connection.query('DROP DATABASE IF EXISTS x');
      await connection.query('CREATE DATABASE x');
      const names = definitions.map(([definition]) => definition).join(', ');
      await connection.query(`CREATE TABLE x.t (${names}) CHARSET utf8mb4 COLLATE ${byBytes[flavour]}`);
      for (let row = 0; row < rows; row += 1) {
        const values = definitions.map(([, , choices]) =>
          random.below(6) === 0 ? 'NULL' : random.pick(choices),
        );
        await connection.query(`INSERT INTO x.t VALUES (${values.join(', ')})`);
      }
      const expressions = new RandomExpressions(random);
      for (let query = 0; query < queries; query += 1) {
        const drawn = Array.from({ length: perQuery }, (_, index) =>
          index % 3 === 0
            ? expressions.condition(3)
            : index % 3 === 1
              ? expressions.number(3)
              : expressions.text(3),
        );
        const texts = await answered(connection, drawn);
        const [found] = await connection.query({
          sql: `SELECT ${['t.*', ...texts].join(', ')} FROM x.t`,
          rowsAsArray: true,
        });
        const computed = texts.map((text) => compileComputed(text, version));
        for (const row of found as unknown as unknown[][]) {
          const values = version.columns.map((column, index) => valueOf(column, row[index]));
          computed.forEach((one, index) => {
            const theirs = row[version.columns.length + index];
            expect(
              comparable(one.value(values)),
              `${texts[index]} of ${JSON.stringify(row.slice(0, version.columns.length))}`,
            ).toBe(comparable(theirs));
          });
        }
      }
    } finally {
      await connection.end();
    }
  });
});

/** Those that the server computes: what is unsigned for it, such as a YEAR, it does not add to what is less than zero. */
async function answered(connection: mysql.Connection, texts: readonly string[]): Promise<readonly string[]> {
  const outOfRange = 1690;
  const isAnswered = async (list: readonly string[]): Promise<boolean> => {
    try {
      await connection.query(`SELECT ${list.join(', ')} FROM x.t`);
      return true;
    } catch (error) {
      if ((error as { errno?: number }).errno === outOfRange) return false;
      throw error;
    }
  };
  if (await isAnswered(texts)) return texts;
  const found: string[] = [];
  for (const text of texts) if (await isAnswered([text])) found.push(text);
  return found;
}

/** A column's value as it comes in messages. */
function valueOf({ type }: Column, value: unknown): unknown {
  if (value === null) return null;
  switch (type) {
    case 'int':
    case 'year':
    case 'double':
      return Number(value);
    case 'bigint':
      return BigInt(value as string);
    default:
      return value;
  }
}

/** 1.50 and 1.5 are one number, and so are TRUE and 1: only what a value is counts, not how it is shown. */
function comparable(value: unknown): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (value instanceof Buffer) return value.toString();
  const text = String(value);
  return /^-?\d+\.\d*$/.test(text) ? text.replace(/\.?0+$/, '').replace(/^-0$/, '0') : text;
}
