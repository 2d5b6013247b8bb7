import { TransactionSet } from '@drc/protocol';
import fc from 'fast-check';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DatabaseServer, startMariadb, startMysql } from '../support/database-server.js';
import { onServer } from '../support/on-each-server.js';
import { notRefused } from './support/refusal.js';
import { mariadbText, mysqlId, mysqlText } from './support/transaction-texts.js';

const parse = (text: string): TransactionSet => TransactionSet.parse(text);
const oneRow = async (connection: Connection, sql: string, values: unknown[]): Promise<RowDataPacket> => {
  const [rows] = await connection.query<RowDataPacket[]>(sql, values);
  return rows[0]!;
};

onServer('mysql', 'the set of transactions', () => {
  let server: DatabaseServer;
  let connection: Connection;
  beforeAll(async () => {
    server = await startMysql({ args: ['--skip-log-bin'] });
    connection = await server.connect();
  });
  afterAll(async () => {
    await connection.end();
    await server.stop();
  });

  it('agrees on subsets, unions, single transactions and canonical text', async () => {
    await fc.assert(
      fc.asyncProperty(mysqlText, mysqlText, mysqlId, async (one, two, id) => {
        const [a, b] = [parse(one), parse(two)];
        const theirs = await oneRow(
          connection,
          `SELECT GTID_SUBSET(?, ?) AS aInB, GTID_SUBSET(?, ?) AS bInA, GTID_SUBSET(?, ?) AS idInA,
                  GTID_SUBTRACT(?, '') AS a, GTID_SUBTRACT(CONCAT_WS(',', ?, ?), '') AS aAndB`,
          [one, two, two, one, id, one, one, one, two],
        );
        const withoutLines = (text: unknown): string => String(text).replaceAll('\n', '');
        expect({
          aInB: a.isSubsetOf(b),
          bInA: b.isSubsetOf(a),
          idInA: a.covers(id),
          a: a.toString(),
          aAndB: a.union(b).toString(),
        }).toEqual({
          aInB: theirs['aInB'] === 1,
          bInA: theirs['bInA'] === 1,
          idInA: theirs['idInA'] === 1,
          a: withoutLines(theirs['a']),
          aAndB: withoutLines(theirs['aAndB']),
        });
      }),
      { numRuns: 500 },
    );
  });

  it('takes the numbers and tags that a set takes, and refuses those that it refuses', async () => {
    const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
    const takes = async (text: string): Promise<boolean> =>
      oneRow(connection, `SELECT GTID_SUBSET(?, '') AS answer`, [text]).then(
        () => true,
        () => false,
      );
    const texts = [
      `${uuid}:1`,
      `${uuid}:0`,
      `${uuid}:9223372036854775806`,
      `${uuid}:9223372036854775807`,
      `${uuid}:9223372036854775808`,
      `${uuid}:_a:1`,
      `${uuid}:Tag_9:1`,
      `${uuid}:${'a'.repeat(32)}:1`,
      `${uuid}:${'a'.repeat(33)}:1`,
      `${uuid}:a-b:1`,
      `${uuid}: 1-3 : 5 ,\n${uuid}:7`,
      'x',
    ];
    const theirs = await Promise.all(texts.map(takes));
    expect(notRefused('CHECKPOINT_INVALID', texts, parse)).toEqual(texts.filter((_, index) => theirs[index]));
  });
});

onServer('mariadb', 'the set of transactions', () => {
  it('reads the text of a position, and prints the same', async () => {
    await using server = await startMariadb({ args: ['--gtid-strict-mode=0'] });
    await using connection = await disposable(server.connect());
    await fc.assert(
      fc.asyncProperty(mariadbText, async (text) => {
        // The server prints domains in no order, and takes no sequence 0.
        fc.pre(!text.includes('-0,') && !text.endsWith('-0'));
        await connection.value.query('SET GLOBAL gtid_slave_pos = ?', [parse(text).toString()]);
        const { position } = (await oneRow(
          connection.value,
          'SELECT @@gtid_slave_pos AS position',
          [],
        )) as unknown as { position: string };
        expect(parse(position).toString()).toBe(parse(text).toString());
      }),
      { numRuns: 50 },
    );
  });

  it('gives its own transactions ids that a set takes in order', async () => {
    await using server = await startMariadb();
    await using connection = await disposable(server.connect());
    const position = async (): Promise<string> =>
      String((await oneRow(connection.value, 'SELECT @@gtid_binlog_pos AS p', []))['p']);
    const set = parse(await position());
    await connection.value.query('CREATE DATABASE shop');
    for (const number of [9_007_199_254_740_991n, 9_007_199_254_740_993n, 18_446_744_073_709_551_614n]) {
      await connection.value.query(`SET gtid_seq_no = ${number}`);
      await connection.value.query(`CREATE TABLE shop.t${number} (id INT)`);
      const id = await position();
      expect(set.covers(id)).toBe(false);
      set.add(id);
      expect(set.toString()).toBe(`0-1-${number}`);
    }
  });
});

async function disposable(
  opening: Promise<Connection>,
): Promise<AsyncDisposable & { readonly value: Connection }> {
  const value = await opening;
  return { value, [Symbol.asyncDispose]: () => value.end() };
}
