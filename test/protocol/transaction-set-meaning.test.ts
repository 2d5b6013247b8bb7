import { DrcError, TransactionSet } from '@drc/protocol';
import fc from 'fast-check';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { expect, it } from 'vitest';
import { startMariadb, startMysql, type DatabaseServer } from '../support/database-server.js';
import { onServer } from '../support/on-each-server.js';
import { testSeed } from '../support/test-seed.js';
import { mariadbText, mysqlText } from './support/transaction-texts.js';

const parse = (text: string): TransactionSet => TransactionSet.parse(text);
const canonical = (text: string): string | undefined => {
  try {
    return parse(text).toString();
  } catch (error) {
    if (error instanceof DrcError && error.code === 'CHECKPOINT_INVALID') return undefined;
    throw error;
  }
};

async function withConnection(
  server: DatabaseServer,
  work: (connection: Connection) => Promise<void>,
): Promise<void> {
  const connection = await server.connect();
  try {
    await work(connection);
  } finally {
    await connection.end();
  }
}

/** The one value of the one row; undefined where the server refuses the statement. */
async function answer(connection: Connection, sql: string, values: string[]): Promise<unknown> {
  try {
    const [rows] = await connection.query<RowDataPacket[]>(`SELECT ${sql} AS answer`, values);
    return rows[0]!['answer'];
  } catch {
    return undefined;
  }
}

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
/** What the text of a set is made of, in any order. */
const words =
  `${uuid} ${uuid.toUpperCase()} ${uuid.replaceAll('-', '')} tag T2 _ : : : : - - , 0 1 2 3 7 10 007
  9223372036854775806 9223372036854775807`.split(/\s+/);
const pieces = fc.constantFrom(...words, ' ', '\n', '\t');
const almostText = fc
  .tuple(fc.constantFrom('', `${uuid}:`, `${uuid}:1-3:`, `${uuid}:tag:`), fc.array(pieces, { maxLength: 9 }))
  .map(([begin, rest]) => begin + rest.join(''));

/** The first and the last transaction of each stretch that a set without tags or with them consists of. */
function ends(text: string): string[] {
  const ids: string[] = [];
  for (const part of text.split(',').filter((each) => each !== '')) {
    let source = '';
    for (const item of part.trim().split(':')) {
      if (source === '') source = item;
      else if (/^[a-z_]/.test(item)) source = `${part.trim().split(':')[0]}:${item}`;
      else ids.push(...item.split('-').map((number) => `${source}:${number}`));
    }
  }
  return ids;
}

onServer('mysql', 'the meaning of a set', () => {
  it('is the server’s for every text that is read; what the server refuses is refused', async () => {
    await using server = await startMysql({ args: ['--skip-log-bin'] });
    await withConnection(server, (connection) =>
      fc.assert(
        fc.asyncProperty(almostText, async (text) => {
          // What happens to be a MariaDB position; this server knows none.
          fc.pre(!/(^|,)\s*\d+-\d+-\d+\s*(,|$)/.test(text));
          const ours = canonical(text);
          // The server takes more than it prints: empty parts, tags that hold nothing, uuids without dashes.
          if (ours === undefined) return;
          const theirs = await answer(connection, `GTID_SUBTRACT(?, '')`, [text]);
          expect(String(theirs).replaceAll('\n', '')).toBe(ours);
        }),
        { numRuns: 4000, seed: testSeed() },
      ),
    );
  });

  it('is what is left when the server subtracts', async () => {
    await using server = await startMysql({ args: ['--skip-log-bin'] });
    await withConnection(server, (connection) =>
      fc.assert(
        fc.asyncProperty(mysqlText, mysqlText, async (one, two) => {
          const difference = String(await answer(connection, 'GTID_SUBTRACT(?, ?)', [one, two]));
          const [a, b, rest] = [parse(one), parse(two), parse(difference)];
          expect(rest.isEmpty).toBe(a.isSubsetOf(b));
          expect(rest.union(b).toString()).toBe(a.union(b).toString());
          for (const id of ends(difference.replaceAll('\n', ''))) {
            expect(a.covers(id)).toBe(true);
            expect(b.covers(id)).toBe(false);
          }
        }),
        { numRuns: 500, seed: testSeed() },
      ),
    );
  });
});

onServer('mariadb', 'the meaning of a set', () => {
  it('is the server’s: it has come so far, whichever server wrote the number', async () => {
    await using server = await startMariadb({ args: ['--gtid-strict-mode=0'] });
    await withConnection(server, (connection) =>
      fc.assert(
        fc.asyncProperty(
          mariadbText,
          mariadbText,
          fc.integer({ min: 1, max: 9 }),
          async (have, wanted, other) => {
            // The server takes no sequence 0.
            fc.pre(!/-0(,|$)/.test(`${have},${wanted}`));
            const elsewhere = wanted.replace(/^(\d+)-\d+-/, `$1-${other}-`);
            await connection.query('SET GLOBAL gtid_slave_pos = ?', [have]);
            for (const text of [wanted, elsewhere])
              expect(await answer(connection, 'MASTER_GTID_WAIT(?, 0)', [text])).toBe(
                parse(text).isSubsetOf(parse(have)) ? 0 : -1,
              );
          },
        ),
        { numRuns: 200, seed: testSeed() },
      ),
    );
  });
});
