import type { DatabaseServer } from '@drc/local-servers';

/** The table of the benches. */
export const ordersTable = 'bench.orders';

/**
 * Writes `rows` single-row INSERT statements, ten to a transaction, from within the server.
 * Begins a new binlog file first and returns its name.
 */
export async function fillOrders(server: DatabaseServer, rows: number): Promise<string> {
  const connection = await server.connect();
  try {
    await connection.query('CREATE DATABASE bench');
    await connection.query(`CREATE TABLE ${ordersTable} (
      id BIGINT UNSIGNED NOT NULL PRIMARY KEY, buyer_id BIGINT NOT NULL, seller_id BIGINT NOT NULL,
      amount DECIMAL(12,2) NOT NULL, status TINYINT NOT NULL, note VARCHAR(255),
      created_at DATETIME(3) NOT NULL, updated_at TIMESTAMP(6) NOT NULL)`);
    await connection.query(`CREATE PROCEDURE bench.fill(rows_wanted INT)
      BEGIN
        DECLARE i INT DEFAULT 0;
        WHILE i < rows_wanted DO
          IF i MOD 10 = 0 THEN START TRANSACTION; END IF;
          INSERT INTO bench.orders VALUES (i + 1, 1000000 + i * 7, 5000 + i MOD 1000, i / 100, i MOD 5,
            CONCAT('order number ', i, ' of a bench'), '2026-11-22 08:00:00.125', '2026-11-22 08:00:00.123456');
          SET i = i + 1;
          IF i MOD 10 = 0 THEN COMMIT; END IF;
        END WHILE;
        COMMIT;
      END`);
    await connection.query('FLUSH BINARY LOGS');
    const [files] = await connection.query<never[]>('SHOW BINARY LOGS');
    await connection.query('CALL bench.fill(?)', [rows]);
    return (files as { Log_name: string }[]).at(-1)!.Log_name;
  } finally {
    await connection.end();
  }
}

/** Fast to fill: the benches measure reading. */
export const benchServerArguments = [
  '--innodb-buffer-pool-size=512M',
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-log-file-size=256M',
  '--max-binlog-size=1G',
];
