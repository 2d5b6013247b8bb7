import { TransactionSet } from '@drc/protocol';
import type { TargetOptions } from '@drc/client-sdk/congo';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DatabaseServer, type Flavour, startServer } from '../../../support/database-server.js';

/** Numbers up to 32 bits are numbers, everything else is text. */
export type Stored = Readonly<Record<string, string | number | null>>;

/** Rows of the schema `shop`, values as text, in UTC: nothing is lost on the way to the comparison. */
export async function rowsOf(server: DatabaseServer, sql: string): Promise<Stored[]> {
  const connection = await server.connect({
    charset: 'utf8mb4',
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
  try {
    await connection.query('USE shop');
    await connection.query(`SET SESSION time_zone = '+00:00'`);
    const [rows] = await connection.query(sql);
    return (rows as Stored[]).map((row) => ({ ...row }));
  } finally {
    await connection.end();
  }
}

/** The target of a test. */
export class TestTarget implements AsyncDisposable {
  readonly server: DatabaseServer;

  private constructor(server: DatabaseServer) {
    this.server = server;
  }

  static async start(flavour: Flavour = 'mariadb', args: readonly string[] = []): Promise<TestTarget> {
    return new TestTarget(await startServer(flavour, { args }));
  }

  get options(): TargetOptions {
    return { host: '127.0.0.1', port: this.server.port, user: 'root', password: '' };
  }

  /** A clean schema `shop` with these tables, and no record of any task. */
  async reset(...statements: readonly string[]): Promise<void> {
    await this.query(
      `SET SESSION foreign_key_checks = 0; DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS drc; CREATE DATABASE shop CHARACTER SET utf8mb4; USE shop; ${statements.join(';')}`,
    );
  }

  query(sql: string): Promise<unknown> {
    return this.server.query(sql);
  }

  /** Its rows of the schema `shop`. */
  rows(sql: string): Promise<Stored[]> {
    return rowsOf(this.server, sql);
  }

  async count(table: string): Promise<number> {
    const [row] = await this.rows(`SELECT COUNT(*) AS n FROM ${table}`);
    return Number(row?.['n']);
  }

  /** What the task has on record; undefined before the first entry. */
  async record(task = 'copy'): Promise<TransactionSet | undefined> {
    const rows = await this.rows(`SELECT applied FROM drc.congo_progress WHERE task = '${task}'`).catch(
      (error: unknown) => {
        const { errno } = error as { errno?: number };
        if (errno === 1146 || errno === 1049) return [];
        throw error;
      },
    );
    if (rows.length === 0) return undefined;
    const sets = rows.map(({ applied }) => TransactionSet.parse(String(applied)));
    return sets.reduce((union, set) => union.union(set));
  }

  async killAndRestart(): Promise<void> {
    await this.server.kill('SIGKILL');
    await this.server.restart();
  }

  async until(condition: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!(await condition())) {
      if (Date.now() > deadline) throw new Error('It did not happen in time.');
      await sleep(10);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}
