import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';

export interface LoadOptions {
  readonly source: ConnectionOptions;
  /** Transactions a second, over all writers. */
  readonly rate: number;
  readonly writers: number;
}

/** Of the load so far. `committedAt`: mark → when COMMIT returned, ms since 1970 with fractions. */
export interface LoadReport {
  transactions: number;
  rows: number;
  readonly committedAt: Map<string, number>;
}

const products = 200;

/** A shop's work: new orders with items and parcels, changed orders and customers, deleted ones; all in transactions. */
export class Load {
  readonly #options: LoadOptions;
  readonly report: LoadReport = { transactions: 0, rows: 0, committedAt: new Map() };

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** Products and customers to begin with. */
  async fill(): Promise<void> {
    const connection = await createConnection(this.#options.source);
    try {
      await connection.query('INSERT INTO shop.products VALUES ?', [
        Array.from({ length: products }, (_, id) => [
          id + 1,
          `Product ${id} – ${['Äpfel', '茶', 'крем', '🍯'][id % 4]}`,
          (randomInt(100_000) / 100).toFixed(2),
          id % 7 === 0 ? null : randomInt(10_000) / 16,
          randomInt(500) / 7,
          1980 + (id % 40),
          100_000,
          'x'.repeat(id),
        ]),
      ]);
      this.report.transactions += 1;
      this.report.rows += products;
    } finally {
      await connection.end();
    }
  }

  /** Writes until `signal` is aborted; each transaction that began is finished. */
  async run(signal: AbortSignal): Promise<void> {
    const writers = Array.from({ length: this.#options.writers }, (_, writer) =>
      this.#write(writer + 1, signal),
    );
    await Promise.all(writers);
  }

  async #write(writer: number, signal: AbortSignal): Promise<void> {
    const connection = await createConnection({ ...this.#options.source, supportBigNumbers: true });
    // No gap locks: writers that look for rows which are gone must not wait for each other.
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    const pauseMs = (1000 * this.#options.writers) / this.#options.rate;
    const began = performance.now();
    try {
      for (let sequence = 1; !signal.aborted; sequence += 1) {
        await this.#transaction(connection, writer, sequence);
        const ahead = began + sequence * pauseMs - performance.now();
        if (ahead > 1) await sleep(ahead, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      await connection.end();
    }
  }

  async #transaction(connection: Connection, writer: number, sequence: number): Promise<void> {
    await connection.beginTransaction();
    let rows = 0;
    const change = async (sql: string, values: readonly unknown[]): Promise<void> => {
      const [result] = await connection.query(sql, [...values]);
      rows += (result as { affectedRows: number }).affectedRows;
    };
    const order = BigInt(writer) * 1_000_000_000n + BigInt(sequence);
    // Deletes and updates stay within a writer's own orders: the load itself must not meet deadlocks.
    const earlier = BigInt(writer) * 1_000_000_000n + BigInt(Math.max(1, sequence - 1 - randomInt(50)));
    switch (sequence % 10) {
      case 7:
        await change('UPDATE shop.orders SET status = status + 1, note = ? WHERE id = ?', [
          `paid ${sequence}`,
          earlier,
        ]);
        await change('UPDATE shop.order_items SET quantity = quantity + 1 WHERE order_id = ?', [earlier]);
        break;
      case 8:
        await change('DELETE FROM shop.order_items WHERE order_id = ?', [earlier]);
        await change('DELETE FROM shop.orders WHERE id = ?', [earlier]);
        break;
      case 9:
        // a changed primary key
        await change('UPDATE shop.orders SET id = id + 500000000 WHERE id = ?', [earlier]);
        break;
      default:
        await this.#newOrder(change, order, sequence);
    }
    await change('INSERT INTO shop.marks VALUES (?, ?)', [writer, sequence]);
    await connection.commit();
    this.report.committedAt.set(`${writer}-${sequence}`, performance.timeOrigin + performance.now());
    this.report.transactions += 1;
    this.report.rows += rows;
  }

  async #newOrder(
    change: (sql: string, values: readonly unknown[]) => Promise<void>,
    order: bigint,
    sequence: number,
  ): Promise<void> {
    const items = 1 + (sequence % 4);
    if (sequence % 3 === 0) {
      await change(
        `INSERT INTO shop.customers (name, email, tier, interests, born, profile, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, NOW(6))`,
        [
          `Zoë ${sequence} 🙂`,
          sequence % 2 ? null : `z${sequence}@example.org`,
          ['bronze', 'silver', 'gold'][sequence % 3],
          ['', 'books', 'books,sport', 'music,garden'][sequence % 4],
          sequence % 5 ? '1990-02-28' : '0000-00-00',
          JSON.stringify({ visits: sequence, tags: ['a', 'ß'] }),
        ],
      );
    }
    await change('INSERT INTO shop.orders VALUES (?, ?, ?, 0, ?, NOW(3))', [
      order,
      18_446_744_073_709_551_000n + BigInt(sequence % 600),
      `${sequence}.50`,
      sequence % 4 ? `note ${sequence}` : null,
    ]);
    await change('INSERT INTO shop.order_items VALUES ?', [
      Array.from({ length: items }, (_, line) => [order, line, 1 + randomInt(products), 1 + line, '9.99']),
    ]);
    await change("INSERT INTO shop.parcels VALUES (?, ?, b'1000000001', ?, ?, ?)", [
      randomBytes(16),
      order,
      randomBytes(8),
      sequence % 2 ? '-12:30:00.250' : '26:00:01.000',
      randomBytes(sequence % 300),
    ]);
  }
}
