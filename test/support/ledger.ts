import type { Change, Row } from '@drc/client-sdk';
import type mysql from 'mysql2/promise';
import type { DatabaseServer } from './database-server.js';
import { committedId } from './gtid.js';
import { Random } from './random.js';
import type { ReadTransaction } from './reading.js';

/** A change as the ledger wrote it and a reader must get it. */
export interface LedgerChange {
  readonly kind: string;
  readonly table: string | undefined;
  readonly before?: Row;
  readonly after?: Row;
}

export interface LedgerTransaction {
  readonly id: string;
  readonly changes: readonly LedgerChange[];
}

const tables = ['shop.orders', 'shop.buyers'] as const;

/** A file that begins now. */
const resetBinlog = { mariadb: 'RESET MASTER', mysql: 'RESET BINARY LOGS AND GTIDS' } as const;

/**
 * Writes mixed transactions to the source through one session, and knows of each of them exactly what a reader must
 * get: inserts, updates (also of the key), deletes, rolled back transactions (nothing) and large ones (many chunks).
 */
export class Ledger implements AsyncDisposable {
  /** All that was committed, in order. */
  readonly transactions: LedgerTransaction[] = [];
  readonly #source: DatabaseServer;
  #connection: mysql.Connection;
  readonly #random: Random;
  readonly #rows = new Map<string, Map<number, Row>>(tables.map((table) => [table, new Map()]));
  #nextId = 1;

  private constructor(source: DatabaseServer, connection: mysql.Connection, seed: number) {
    this.#source = source;
    this.#connection = connection;
    this.#random = new Random(seed);
  }

  /**
   * Makes the tables. Their DDL is not in the ledger; see `rowTransactions`.
   * @param at what the source's clock says, ms, which only MariaDB's commits follow. The binlogs begin anew then: a file's
   * own time counts, too.
   */
  static async open(source: DatabaseServer, seed = 1, at?: number): Promise<Ledger> {
    const connection = await source.connect({ multipleStatements: true });
    if (at !== undefined) await connection.query(`SET TIMESTAMP=${at / 1000};${resetBinlog[source.flavour]}`);
    await connection.query('CREATE DATABASE IF NOT EXISTS shop');
    for (const table of tables)
      await connection.query(
        `CREATE TABLE ${table} (id INT PRIMARY KEY, note VARCHAR(2000), total BIGINT, KEY (total)) ENGINE=InnoDB`,
      );
    return new Ledger(source, connection, seed);
  }

  /** A new session, where the source has ended the old one. */
  async reconnect(): Promise<void> {
    this.#connection.destroy();
    this.#connection = await this.#source.connect({ multipleStatements: true });
  }

  /** Of the newest transaction. */
  get lastId(): string {
    return this.transactions.at(-1)!.id;
  }

  /** Commits this many transactions, one after the other. @returns the id of the last. */
  async write(count: number): Promise<string> {
    for (let i = 0; i < count; i++) {
      if (this.#random.below(15) === 0) await this.#rollBack();
      await this.transact(this.#random.below(25) === 0 ? 300 : 1 + this.#random.below(6));
    }
    return this.lastId;
  }

  /** Commits one transaction of this many changes. `at`: what the source's clock says, ms. */
  async transact(size = 1, at?: number): Promise<string> {
    const changes: LedgerChange[] = [];
    const statements: string[] = [];
    for (let i = 0; i < size; i++) statements.push(this.#change(changes, size > 100));
    const clock = at === undefined ? '' : `SET TIMESTAMP=${at / 1000};`;
    const sql = `${clock}BEGIN;${statements.join(';')};COMMIT`;
    const id = await committedId(this.#connection, this.#source.flavour, sql);
    this.transactions.push({ id, changes });
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.end();
  }

  async #rollBack(): Promise<void> {
    const id = this.#nextId + 1_000_000;
    await this.#connection.query(
      `BEGIN;INSERT INTO shop.orders VALUES (${id}, 'never', 0);DELETE FROM shop.buyers;ROLLBACK`,
    );
  }

  #change(changes: LedgerChange[], large: boolean): string {
    const table = this.#random.pick(tables);
    const rows = this.#rows.get(table)!;
    const what = this.#random.below(10);
    if (large || rows.size < 5 || what < 5) {
      const after = this.#newRow(large);
      rows.set(after['id'] as number, after);
      changes.push({ kind: 'insert', table, after });
      return `INSERT INTO ${table} VALUES (${valuesOf(after)})`;
    }
    const key = this.#random.pick([...rows.keys()].slice(0, 50));
    const before = rows.get(key)!;
    rows.delete(key);
    if (what < 7) {
      changes.push({ kind: 'delete', table, before });
      return `DELETE FROM ${table} WHERE id = ${key}`;
    }
    const after: Row = { ...this.#newRow(false), ...(what === 7 ? {} : { id: key }) };
    rows.set(after['id'] as number, after);
    changes.push({ kind: 'update', table, before, after });
    return `UPDATE ${table} SET id = ${String(after['id'])}, note = '${String(after['note'])}', total = ${String(after['total'])} WHERE id = ${key}`;
  }

  #newRow(large: boolean): Row {
    const note = String.fromCodePoint(97 + this.#random.below(26)).repeat(
      large ? 800 : this.#random.below(40),
    );
    return { id: this.#nextId++, note, total: BigInt(this.#random.below(1_000_000_000)) };
  }
}

const valuesOf = ({ id, note, total }: Row): string => `${String(id)}, '${String(note)}', ${String(total)}`;

/** What a reader got, as the ledger has it: without definitions. */
export const rowTransactions = (read: readonly ReadTransaction[]): LedgerTransaction[] =>
  read
    .map(({ id, changes }) => ({
      id,
      changes: changes.filter(({ kind }) => kind !== 'ddl').map(ledgerChange),
    }))
    .filter(({ changes }) => changes.length > 0);

const ledgerChange = (change: Change): LedgerChange => ({
  kind: change.kind,
  table: change.table,
  ...('before' in change ? { before: change.before } : {}),
  ...('after' in change ? { after: change.after } : {}),
});
