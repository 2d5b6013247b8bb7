import { setTimeout as sleep } from 'node:timers/promises';
import type { KillPoint } from '@drc/client-sdk/congo';
import { TransactionSet } from '@drc/protocol';
import type mysql from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestTarget } from '../client-sdk/congo/support/test-target.js';
import { startHub, until, type TestHub } from '../support/hub.js';
import { HubProcess } from '../support/hub-process.js';
import { Ledger } from '../support/ledger.js';
import { onEachServer } from '../support/on-each-server.js';
import { Random } from '../support/random.js';
import { testSeed } from '../support/test-seed.js';

const keyed = ['shop.orders', 'shop.buyers'] as const;

/** Of a keyless table two equal rows differ from one by nothing but their number. */
const bare = 'CREATE TABLE shop.bare (note VARCHAR(20))';

type Tables = Readonly<Record<string, readonly unknown[]>>;

interface Server {
  connect(options?: mysql.ConnectionOptions): Promise<mysql.Connection>;
}

onEachServer('a congo that is killed while the source is written to', (flavour) => {
  const seed = testSeed();
  const random = new Random(seed);
  let hub: TestHub;
  let target: TestTarget;
  let ledger: Ledger;
  let bareWrites = 0;
  beforeAll(async () => {
    [hub, target] = await Promise.all([startHub({ flavour }), TestTarget.start(flavour)]);
    ledger = await Ledger.open(hub.source, seed);
    await hub.source.query(bare);
    const columns = '(id INT PRIMARY KEY, note VARCHAR(2000), total BIGINT, KEY (total))';
    await target.reset(...keyed.map((table) => `CREATE TABLE ${table} ${columns}`), bare);
  });
  afterAll(async () => {
    await ledger[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
    await hub[Symbol.asyncDispose]();
  });

  async function write(transactions: number): Promise<void> {
    await ledger.write(transactions);
    bareWrites += 1;
    await hub.source.query(
      bareWrites % 4 === 0
        ? 'DELETE FROM shop.bare LIMIT 1'
        : "INSERT INTO shop.bare VALUES ('same'), ('same')",
    );
  }

  /** What the ledger's tables hold after those of its transactions that `set` has. */
  function ledgerTables(set: TransactionSet): Tables {
    const rows = new Map(keyed.map((table) => [table as string, new Map<unknown, unknown>()]));
    for (const { changes } of ledger.transactions.filter(({ id }) => set.covers(id))) {
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

  /** Whatever a session that has lost its client still does: the rows are those on record, no more and no less. */
  async function expectWhole(): Promise<void> {
    const { record, tables } = await snapshot(target.server);
    for (const [table, rows] of Object.entries(ledgerTables(record)))
      expect(tables[table], table).toEqual(rows);
  }

  async function expectKilled(point: KillPoint, times: number): Promise<void> {
    await using congo = await HubProcess.congo(hub, target.options, { point, times });
    for (let round = 0; !congo.hasEnded; round++) {
      await write(3);
      if (round === 500) throw new Error(`Congo never comes by ${point}.`);
    }
    expect([await congo.ended(), congo.point]).toEqual(['SIGKILL', point]);
    await expectWhole();
  }

  test.each<[KillPoint, number]>([
    ['begun', 1],
    ['begun', 10],
    ['row', 1],
    ['row', 100],
    ['recording', 1],
    ['recording', 10],
    ['committing', 1],
    ['committing', 10],
    ['committed', 1],
    ['committed', 10],
  ])('at "%s", time 1 to %i, leaves whole transactions, just those on record', async (point, most) => {
    await write(5);
    await expectKilled(point, 1 + random.below(most));
  });

  test('at random times leaves whole transactions, and the next ends up with what the source has', async () => {
    for (let round = 0; round < 8; round++) {
      await using congo = await HubProcess.congo(hub, target.options);
      const written = write(10 + random.below(60));
      await sleep(random.below(500));
      expect(congo.hasEnded).toBe(false);
      congo.kill();
      await congo.ended();
      await expectWhole();
      await written;
    }
    await using last = await HubProcess.congo(hub, target.options);
    const id = await hub.lastId();
    await until(async () => last.hasEnded || (await target.record())?.covers(id) === true, `Congo at ${id}.`);
    expect(last.hasEnded).toBe(false);
    const { tables, record } = await snapshot(target.server);
    expect(tables).toEqual(await tablesOf(hub.source));
    expect(tables).toMatchObject(ledgerTables(record));
    expect(Object.values(tables).every((rows) => rows.length > 20)).toBe(true);
  });
});

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
    const record = TransactionSet.parse(String(rows[0]?.['applied'] ?? ''));
    return { record, tables: await tablesOf(server, connection) };
  } finally {
    await connection.end();
  }
}

const asText = { supportBigNumbers: true, bigNumberStrings: true } as const;
