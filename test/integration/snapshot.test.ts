import {
  Checkpoint,
  memoryCheckpoints,
  type Change,
  type Hub,
  type Row,
  type SubscribeOptions,
  type Subscription,
} from '@drc/client-sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHub, until, type TestHub } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';

/** Tables as a reader has them that takes everything: copied rows in the place of whatever is there, then changes. */
class Replica {
  readonly tables = new Map<string, Map<string, Row>>();
  snapshots = 0;
  changes = 0;

  apply(change: Change): void {
    if (change.kind === 'ddl' || change.kind === 'sequence') return;
    const rows = this.tables.get(change.table) ?? new Map<string, Row>();
    this.tables.set(change.table, rows);
    const keyOf = (row: Row): string =>
      JSON.stringify(
        change.tableVersion.primaryKey.map((index) => String(row[change.tableVersion.columns[index]!.name])),
      );
    if (change.kind === 'snapshot') this.snapshots += 1;
    else this.changes += 1;
    // What has not been copied yet is not there.
    if (change.kind === 'update' || change.kind === 'delete') rows.delete(keyOf(change.before));
    if (change.kind !== 'delete') rows.set(keyOf(change.after), change.after);
  }

  rows(table: string): Row[] {
    return [...(this.tables.get(table)?.values() ?? [])].toSorted(
      (a, b) => Number(a['id']) - Number(b['id']),
    );
  }
}

onEachServer('A snapshot and what follows', (flavour) => {
  let hub: TestHub;
  let sdk: Hub;

  beforeAll(async () => {
    hub = await startHub({ flavour, stores: [{}, {}] });
    await hub.source.query(`CREATE DATABASE shop; CREATE TABLE shop.begin (id INT PRIMARY KEY)`);
    sdk = await hub.reader('copier', { tables: ['**'], snapshot: true });
  });
  afterAll(async () => {
    await hub?.[Symbol.asyncDispose]();
  });

  const filled = async (table: string, rows: number): Promise<void> => {
    const values = Array.from({ length: rows }, (_, id) => `(${id + 1}, 'row ${id + 1}', ${(id * 7) % 100})`);
    await hub.source.query(
      `CREATE TABLE shop.${table} (id INT PRIMARY KEY, name VARCHAR(200), part INT);
       INSERT INTO shop.${table} VALUES ${values.join(', ')}`,
    );
  };
  const rowsOf = async (table: string): Promise<Row[]> => {
    const connection = await hub.source.connect();
    try {
      const [rows] = await connection.query(`SELECT * FROM shop.${table} ORDER BY id`);
      return rows as Row[];
    } finally {
      await connection.end();
    }
  };
  /** The last row of all, in a table that is read. */
  const end = 999_999;
  /** Applies what comes until the tables are copied and this table has its last row. */
  async function follow(subscription: Subscription, replica: Replica, table: string): Promise<void> {
    for await (const tx of subscription) {
      for await (const change of tx.changes) replica.apply(change);
      await subscription.commit(tx);
      const isCopied = subscription.checkpoint?.snapshot?.isComplete === true;
      if (isCopied && replica.rows(table).some(({ id }) => id === end)) return;
    }
  }
  const subscribed = (options: SubscribeOptions, from: Hub = sdk): Subscription =>
    from.subscribe('shop', { from: 'snapshot', ...options });

  test('gives the rows that are there, then the changes', async () => {
    await filled('plain', 2500);
    const replica = new Replica();
    await using subscription = subscribed({ tables: ['shop.plain'] });
    const followed = follow(subscription, replica, 'shop.plain');
    await until(() => replica.snapshots === 2500, 'the rows have come');
    await hub.source.query(
      `INSERT INTO shop.plain VALUES (10000, 'new', 1); UPDATE shop.plain SET name = 'changed' WHERE id = 7; DELETE FROM shop.plain WHERE id = 9`,
    );
    await hub.source.query(`INSERT INTO shop.plain VALUES (${end}, 'last', 1)`);
    await followed;
    expect(replica.rows('shop.plain')).toEqual(await rowsOf('plain'));
    expect(replica.snapshots).toBe(2500);
  });

  test('is the same as the source under writers that move keys behind and ahead of the copy', async () => {
    await filled('busy', 6000);
    await filled('other', 500);
    const replica = new Replica();
    await using subscription = subscribed({ tables: ['shop.busy', 'shop.other'] });
    const followed = follow(subscription, replica, 'shop.other');
    const connections = await Promise.all([1, 2, 3].map(() => hub.source.connect()));
    let writes = 0;
    let isFailed = false;
    followed.catch(() => (isFailed = true));
    const isOver = (): boolean =>
      isFailed || (writes > 900 && subscription.status().snapshot?.progress.isComplete === true);
    await Promise.all(
      connections.map(async (connection, writer) => {
        for (let turn = 0; !isOver(); turn += 1) {
          const random = (): number => 1 + Math.floor(Math.random() * 6000);
          const [one, two] = [random(), random()];
          const statements = [
            `UPDATE shop.busy SET part = part + 1 WHERE id BETWEEN ${one} AND ${one + 5}`,
            `UPDATE shop.busy SET id = ${100_000 + writer * 100_000 + turn} WHERE id = ${two}`,
            `UPDATE IGNORE shop.busy SET id = ${two} WHERE id >= 100000 ORDER BY id LIMIT 1`,
            `DELETE FROM shop.busy WHERE id = ${one + 9}`,
            `INSERT IGNORE INTO shop.busy VALUES (${random()}, 'again', ${turn})`,
            `UPDATE shop.other SET part = ${turn} WHERE id = ${1 + (one % 500)}`,
          ];
          await connection.query(statements[turn % statements.length]!).catch((error: unknown) => {
            // Deadlocks among the writers are theirs.
            if ((error as { errno?: number }).errno !== 1213) throw error;
          });
          writes += 1;
        }
      }),
    );
    for (const connection of connections) await connection.end();
    await hub.source.query(`INSERT INTO shop.other VALUES (${end}, 'last', 1)`);
    await followed;
    expect(replica.rows('shop.busy')).toEqual(await rowsOf('busy'));
    expect(replica.rows('shop.other')).toEqual(await rowsOf('other'));
  });

  test('goes on from a checkpoint, also on another store, and is told by status', async () => {
    await filled('resumed', 9000);
    const replica = new Replica();
    let kept: string | undefined;
    let pieces = 0;
    for (let rounds = 0; ; rounds += 1) {
      await using subscription = subscribed({
        tables: ['shop.resumed'],
        checkpoints: {
          load: () => Promise.resolve(kept),
          save: (text) => Promise.resolve(void (kept = text)),
        },
      });
      for await (const tx of subscription) {
        for await (const change of tx.changes) replica.apply(change);
        await subscription.commit(tx);
        if (tx.snapshot === undefined) continue;
        pieces += 1;
        const { copying, progress } = subscription.status().snapshot!;
        if (!progress.isComplete)
          expect(copying).toMatchObject({ table: 'shop.resumed', rows: tx.snapshot.rows });
        break;
      }
      // A write between two rounds is not missed.
      await hub.source.query(`UPDATE shop.resumed SET part = -${rounds + 1} WHERE id IN (1, 8999)`);
      if (Checkpoint.parse(kept!).snapshot?.isComplete === true) break;
      if (rounds === 1) await hub.stores[0]!.restart();
    }
    expect(pieces).toBeGreaterThan(2);
    expect(replica.snapshots).toBe(9000);
    const last = await hub.lastId();
    await hub.source.query(`UPDATE shop.resumed SET part = 0 WHERE id = 5`);
    await using rest = subscribed({ tables: ['shop.resumed'], checkpoints: memoryCheckpoints(kept) });
    for await (const tx of rest) {
      expect(tx.snapshot).toBeUndefined();
      for await (const change of tx.changes) replica.apply(change);
      if (tx.checkpoint.covers(last) && tx.id !== last) break;
    }
    expect(replica.rows('shop.resumed')).toEqual(await rowsOf('resumed'));
  });

  test('copies a table that is added to what is read already', async () => {
    await filled('first', 10);
    await filled('added', 20);
    const replica = new Replica();
    let kept: string | undefined;
    const checkpoints = {
      load: () => Promise.resolve(kept),
      save: (text: string) => Promise.resolve(void (kept = text)),
    };
    const read = async (options: SubscribeOptions, rows: number): Promise<void> => {
      await using subscription = subscribed({ ...options, checkpoints });
      for await (const tx of subscription) {
        for await (const change of tx.changes) replica.apply(change);
        await subscription.commit(tx);
        if (replica.snapshots === rows) return;
      }
    };
    await read({ tables: ['shop.first'] }, 10);
    const tables = ['shop.first', 'shop.added'];
    await read({ tables, snapshot: { tables } }, 30);
    expect(replica.rows('shop.added')).toEqual(await rowsOf('added'));
    expect([...Checkpoint.parse(kept!).snapshot!.tables]).toEqual([
      ['shop.first', 'done'],
      ['shop.added', 'done'],
    ]);
  });

  test('gives what the reader may have and wants, and nothing without the right', async () => {
    await filled('shown', 300);
    const limited = await hub.reader('limited', {
      tables: ['shop.shown'],
      where: 'part < 50',
      drop: ['name'],
      snapshot: true,
    });
    const replica = new Replica();
    await using subscription = subscribed(
      { tables: ['shop.shown'], where: { 'shop.shown': 'id > 100' } },
      limited,
    );
    for await (const tx of subscription) {
      for await (const change of tx.changes) replica.apply(change);
      if (tx.snapshot?.done === true) break;
    }
    const expected = (await rowsOf('shown')).filter(
      (row) => Number(row['part']) < 50 && Number(row['id']) > 100,
    );
    expect(replica.rows('shop.shown')).toEqual(expected.map(({ id, part }) => ({ id: id!, part: part! })));
    const without = await hub.reader('without', { tables: ['shop.shown'] });
    await using refused = subscribed({ tables: ['shop.shown'] }, without);
    await expect(refused[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'FORBIDDEN',
      details: { right: 'snapshot' },
    });
    await using unknown = subscribed({ tables: ['shop.nowhere'] });
    await expect(unknown[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'TABLE_UNKNOWN' });
  });

  test('reads a table again that is altered, emptied or dropped in the middle', async () => {
    await filled('altered', 4000);
    await filled('dropped', 4000);
    const replica = new Replica();
    await using subscription = subscribed({ tables: ['shop.altered', 'shop.dropped'] });
    let isAltered = false;
    let ticks = end;
    for await (const tx of subscription) {
      for await (const change of tx.changes) {
        if (change.kind === 'ddl' && change.ddl.verb === 'TRUNCATE TABLE')
          replica.tables.delete('shop.altered');
        else replica.apply(change);
      }
      if (tx.snapshot !== undefined && !isAltered) {
        isAltered = true;
        await hub.source.query(
          `ALTER TABLE shop.altered ADD COLUMN more INT DEFAULT 5; TRUNCATE TABLE shop.altered;
           INSERT INTO shop.altered (id, name) VALUES (1, 'after'), (5000, 'last'); DROP TABLE shop.dropped`,
        );
      }
      const { progress } = subscription.status().snapshot!;
      // Where the copy was faster than the statements, they come behind it.
      const hasLast = replica.rows('shop.altered').some(({ id }) => Number(id) === 5000);
      if (progress.isComplete && hasLast) {
        expect(progress.of('shop.dropped')).toBe('done');
        break;
      }
      // That a dropped table is done brings no rows: something else has to move the loop on.
      if (isAltered && progress.of('shop.altered') === 'done')
        await hub.source.query(`INSERT INTO shop.altered (id, name) VALUES (${(ticks += 1)}, 'tick')`);
    }
    const settled = (rows: readonly Row[]): Row[] => rows.filter(({ id }) => Number(id) < end);
    expect(settled(replica.rows('shop.altered'))).toEqual(settled(await rowsOf('altered')));
  });
});
