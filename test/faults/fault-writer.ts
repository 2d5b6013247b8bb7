import { setTimeout as sleep } from 'node:timers/promises';
import type mysql from 'mysql2/promise';
import type { DatabaseServer } from '../support/database-server.js';
import type { Random } from '../support/random.js';

/**
 * A service that writes: every transaction has a number of its own in shop.ledger, and changes accounts besides. Goes on
 * where the source was away; whether the transaction under way came through then, the ledger says.
 */
export class FaultWriter {
  /** The server to write to, which may be another one later on. */
  readonly #source: () => DatabaseServer;
  readonly #random: Random;
  #connection: mysql.Connection | undefined;
  #number = 0;
  /** Set while nothing may be written: resolves when it may again. */
  #pause: Promise<void> | undefined;
  /** The transaction under way. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(source: () => DatabaseServer, random: Random) {
    this.#source = source;
    this.#random = random;
  }

  async makeTables(): Promise<void> {
    await this.#source().query(`CREATE DATABASE shop;
      CREATE TABLE shop.ledger (number INT PRIMARY KEY, note VARCHAR(100));
      CREATE TABLE shop.accounts (id INT PRIMARY KEY, owner VARCHAR(40), total DECIMAL(20, 4), data BLOB)`);
  }

  /** Writes until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#pause;
        this.#writing = this.#write();
        await this.#writing;
        await sleep(this.#random.below(12));
      } catch {
        this.#connection?.destroy();
        this.#connection = undefined;
        await sleep(100);
      }
    }
    await this.#connection?.end();
  }

  /** Does the work while nothing is written, and nothing under way. */
  async whilePaused(work: () => Promise<void>): Promise<void> {
    this.#pause = this.#writing.catch(() => undefined).then(work);
    try {
      await this.#pause;
    } finally {
      this.#pause = undefined;
      this.#connection?.destroy();
      this.#connection = undefined;
    }
  }

  /** The last transaction, which concerns every reader. */
  async finish(): Promise<void> {
    await this.#source().query("ALTER TABLE shop.ledger COMMENT 'finished'");
  }

  /** The numbers of all that was committed, in order. */
  async numbers(): Promise<number[]> {
    const rows = (await this.#source().query('SELECT number FROM shop.ledger ORDER BY number')) as {
      number: number;
    }[];
    return rows.map(({ number }) => number);
  }

  async #write(): Promise<void> {
    this.#connection ??= await this.#source().connect({ multipleStatements: true, connectTimeout: 5000 });
    this.#number += 1;
    await this.#connection.query(this.#transaction(this.#number));
  }

  #transaction(number: number): string {
    const random = this.#random;
    const rows = random.below(40) === 0 ? 400 : 1 + random.below(5);
    const changes = Array.from({ length: rows }, () => {
      const id = random.below(500);
      return random.below(4) === 0
        ? `DELETE FROM shop.accounts WHERE id = ${id}`
        : `INSERT INTO shop.accounts VALUES (${id}, 'owner ${random.below(1e9)}', ${random.below(1e9)}.25, REPEAT('x', ${random.below(900)}))
           ON DUPLICATE KEY UPDATE total = VALUES(total), owner = VALUES(owner), data = VALUES(data)`;
    });
    const end = random.below(12) === 0 ? 'ROLLBACK' : 'COMMIT';
    return `BEGIN; INSERT INTO shop.ledger VALUES (${number}, 'number ${number}'); ${changes.join(';')}; ${end}`;
  }
}
