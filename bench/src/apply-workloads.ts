import type { DatabaseServer } from '@drc/local-servers';

/** What is written to a source, and what a target has to have before. */
export interface ApplyWorkload {
  readonly name: 'single' | 'mixed' | 'bulk';
  readonly title: string;
  /** Makes the tables as they are before the workload; on each server the same rows. */
  readonly prepare: readonly string[];
  /** Writes so many row changes. */
  readonly write: (server: DatabaseServer, rows: number) => Promise<void>;
  /** Rows of a source transaction. */
  readonly rowsPerTransaction: number;
  /** One line of text that is equal where the tables are. */
  readonly digest: string;
}

const ordersColumns = `id BIGINT UNSIGNED NOT NULL PRIMARY KEY, buyer_id BIGINT NOT NULL, seller_id BIGINT NOT NULL,
  amount DECIMAL(12,2) NOT NULL, status TINYINT NOT NULL, note VARCHAR(255), created_at DATETIME(3) NOT NULL,
  updated_at TIMESTAMP(6) NOT NULL`;

const orderOf = (number: string): string =>
  `${number}, 1000000 + ${number} * 7, 5000 + ${number} MOD 1000, ${number} / 100, ${number} MOD 5,
   CONCAT('order number ', ${number}, ' of a bench'), '2026-11-22 08:00:00.125', '2026-11-22 08:00:00.123456'`;

const ordersDigest = `SELECT CONCAT(COUNT(*), ' ', SUM(id), ' ', SUM(amount), ' ', SUM(CRC32(note))) AS digest FROM bench.orders`;

const single: ApplyWorkload = {
  name: 'single',
  title: '(a) inserts, ten to a transaction',
  prepare: ['CREATE DATABASE bench', `CREATE TABLE bench.orders (${ordersColumns})`],
  rowsPerTransaction: 10,
  write: async (server, rows) => {
    await server.query(`CREATE PROCEDURE bench.fill(rows_wanted INT)
      BEGIN
        DECLARE i INT DEFAULT 0;
        WHILE i < rows_wanted DO
          IF i MOD 10 = 0 THEN START TRANSACTION; END IF;
          INSERT INTO bench.orders VALUES (${orderOf('i')});
          SET i = i + 1;
          IF i MOD 10 = 0 THEN COMMIT; END IF;
        END WHILE;
        COMMIT;
      END`);
    await server.query('FLUSH BINARY LOGS');
    await server.query(`CALL bench.fill(${rows})`);
  },
  digest: ordersDigest,
};

const mixedTables = 10;
const mixedRows = 10_000;
/** Four of five changes strike so many rows of each table. */
const hotRows = 100;
const tableNames = Array.from({ length: mixedTables }, (_, index) => `bench.sbtest${index + 1}`);

/** As sysbench's oltp_write_only: a change of an indexed column, one of another, a row deleted and inserted again. */
const mixed: ApplyWorkload = {
  name: 'mixed',
  title: '(b) updates, deletes and inserts over ten tables, hot keys',
  prepare: [
    'CREATE DATABASE bench',
    ...tableNames.flatMap((table) => [
      `CREATE TABLE ${table} (id INT NOT NULL PRIMARY KEY, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '',
        pad CHAR(60) NOT NULL DEFAULT '', KEY k (k))`,
      `INSERT INTO ${table} SELECT seq, seq, REPEAT(CHAR(97 + seq MOD 26), 119), REPEAT('p', 59) FROM bench.seq_1_to_${mixedRows}`,
    ]),
  ],
  rowsPerTransaction: 4,
  write: async (server, rows) => {
    for (const [index, table] of tableNames.entries())
      await server.query(`CREATE PROCEDURE bench.mix${index}(one INT, two INT, three INT)
        BEGIN
          START TRANSACTION;
          UPDATE ${table} SET k = k + 1 WHERE id = one;
          UPDATE ${table} SET c = CONCAT(SUBSTR(c, 2), CHAR(97 + (ORD(SUBSTR(c, 119)) - 96) MOD 26)) WHERE id = two;
          DELETE FROM ${table} WHERE id = three;
          INSERT INTO ${table} VALUES (three, three * 2, REPEAT('c', 119), REPEAT('d', 59));
          COMMIT;
        END`);
    await server.query('FLUSH BINARY LOGS');
    const numbers = numbersFrom(1);
    const id = (): number => (numbers() % 5 === 0 ? 1 + (numbers() % mixedRows) : 1 + (numbers() % hotRows));
    const connection = await server.connect({ multipleStatements: true });
    try {
      for (let left = Math.ceil(rows / 4); left > 0; left -= 500) {
        const calls = Array.from({ length: Math.min(500, left) }, () => {
          const one = id();
          return `CALL bench.mix${numbers() % mixedTables}(${one}, ${one + 1}, ${id()})`;
        });
        await connection.query(calls.join('; '));
      }
    } finally {
      await connection.end();
    }
  },
  digest: `SELECT CONCAT_WS(' ', ${tableNames
    .map((table) => `(SELECT SUM(CRC32(CONCAT(id, k, c, pad))) FROM ${table})`)
    .join(', ')}) AS digest`,
};

const bulkTableRows = 100_000;
const bulkRows = 10_000;

const bulk: ApplyWorkload = {
  name: 'bulk',
  title: '(c) updates of 10,000 rows',
  prepare: [
    'CREATE DATABASE bench',
    `CREATE TABLE bench.orders (${ordersColumns})`,
    `INSERT INTO bench.orders SELECT ${orderOf('seq')} FROM bench.seq_1_to_${bulkTableRows}`,
  ],
  rowsPerTransaction: bulkRows,
  write: async (server, rows) => {
    await server.query('FLUSH BINARY LOGS');
    for (let from = 0; from < rows; from += bulkRows) {
      const first = (from % bulkTableRows) + 1;
      await server.query(
        `UPDATE bench.orders SET amount = amount + 1 WHERE id BETWEEN ${first} AND ${first + bulkRows - 1}`,
      );
    }
  },
  digest: ordersDigest,
};

export const applyWorkloads: readonly ApplyWorkload[] = [single, mixed, bulk];

/** The same numbers each time, each below 2^31. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state >>> 8;
  };
}
