import type { KillPoint } from '@drc/client-sdk/congo';
import { TransactionSet } from '@drc/protocol';
import type mysql from 'mysql2/promise';
import { expect } from 'vitest';
import { TestTarget } from '../client-sdk/congo/support/test-target.js';
import type { Flavour } from '../support/database-server.js';
import { startHub, type TestHub } from '../support/hub.js';
import { HubProcess } from '../support/hub-process.js';
import { Ledger } from '../support/ledger.js';

const keyed = ['shop.orders', 'shop.buyers'] as const;

/** Of a keyless table two equal rows differ from one by nothing but their number. */
const bare = 'CREATE TABLE shop.bare (note VARCHAR(20))';

export type Tables = Readonly<Record<string, readonly unknown[]>>;

interface Server {
  connect(options?: mysql.ConnectionOptions): Promise<mysql.Connection>;
}

/** A source with a ledger, its hub, and a target for congos that are killed. */
export class CongoRig implements AsyncDisposable {
  readonly hub: TestHub;
  readonly target: TestTarget;
  readonly #ledger: Ledger;
  #bareWrites = 0;

  private constructor(hub: TestHub, target: TestTarget, ledger: Ledger) {
    this.hub = hub;
    this.target = target;
    this.#ledger = ledger;
  }

  static async start(flavour: Flavour, seed: number): Promise<CongoRig> {
    const [hub, target] = await Promise.all([startHub({ flavour }), TestTarget.start(flavour)]);
    const ledger = await Ledger.open(hub.source, seed);
    await hub.source.query(bare);
    const columns = '(id INT PRIMARY KEY, note VARCHAR(2000), total BIGINT, KEY (total))';
    await target.reset(...keyed.map((table) => `CREATE TABLE ${table} ${columns}`), bare);
    return new CongoRig(hub, target, ledger);
  }

  async write(transactions: number): Promise<void> {
    await this.#ledger.write(transactions);
    this.#bareWrites += 1;
    await this.hub.source.query(
      this.#bareWrites % 4 === 0
        ? 'DELETE FROM shop.bare LIMIT 1'
        : "INSERT INTO shop.bare VALUES ('same'), ('same')",
    );
  }

  startCongo(kill?: { readonly point: KillPoint; readonly times: number }): Promise<HubProcess> {
    return HubProcess.congo(this.hub, this.target.options, kill);
  }

  /** What the ledger's tables hold after those of its transactions that `set` has. */
  ledgerTables(set: TransactionSet): Tables {
    const rows = new Map(keyed.map((table) => [table as string, new Map<unknown, unknown>()]));
    for (const { changes } of this.#ledger.transactions.filter(({ id }) => set.covers(id))) {
      for (const { table = '', before, after } of changes) {
        if (before) rows.get(table)!.delete(before['id']);
        if (after) rows.get(table)!.set(after['id'], { ...after, total: String(after['total']) });
      }
    }
    const byId = ([a]: [unknown, unknown], [b]: [unknown, unknown]): number => Number(a) - Number(b);
    return Object.fromEntries(
      keyed.map((table) => [table, [...rows.get(table)!].toSorted(byId).map(([, row]) => row)]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ledger[Symbol.asyncDispose]();
    await this.target[Symbol.asyncDispose]();
    await this.hub[Symbol.asyncDispose]();
  }
}

/** Whatever a session that has lost its client still does: the rows are those on record, no more and no less. */
export async function expectWhole(rig: CongoRig): Promise<void> {
  const { record, tables } = await snapshot(rig.target.server);
  for (const [table, rows] of Object.entries(rig.ledgerTables(record)))
    expect(tables[table], table).toEqual(rows);
}

/** The target has what the source has, and that is what the ledger wrote. */
export async function expectEqual(rig: CongoRig): Promise<void> {
  const { tables, record } = await snapshot(rig.target.server);
  expect(tables).toEqual(await tablesOf(rig.hub.source));
  expect(tables).toMatchObject(rig.ledgerTables(record));
  expect(Object.values(tables).every((rows) => rows.length > 1)).toBe(true);
}

async function tablesOf(server: Server, connection?: mysql.Connection): Promise<Tables> {
  const own = connection ?? (await server.connect(asText));
  try {
    const tables: Record<string, unknown[]> = {};
    for (const [table, order] of [
      ...keyed.map((name) => [name, 'id'] as const),
      ['shop.bare', 'note'] as const,
    ]) {
      const [rows] = await own.query<mysql.RowDataPacket[]>(`SELECT * FROM ${table} ORDER BY ${order}`);
      tables[table] = rows.map((row) => ({ ...row }));
    }
    return tables;
  } finally {
    if (connection === undefined) await own.end();
  }
}

/** Rows and record of one moment. */
async function snapshot(server: Server): Promise<{ record: TransactionSet; tables: Tables }> {
  const connection = await server.connect(asText);
  try {
    await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
    const [rows] = await connection.query<mysql.RowDataPacket[]>(
      "SELECT applied FROM drc.congo_progress WHERE task = 'copy'",
    );
    const records = rows.map((row) => TransactionSet.parse(String(row['applied'])));
    const record = records.reduce((union, each) => union.union(each), TransactionSet.parse(''));
    return { record, tables: await tablesOf(server, connection) };
  } finally {
    await connection.end();
  }
}

const asText = { supportBigNumbers: true, bigNumberStrings: true } as const;
