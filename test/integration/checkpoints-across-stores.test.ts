import { expect, it } from 'vitest';
import { startServer, type DatabaseServer } from '../support/database-server.js';
import { startHub, until, type TestHub, type TestStore } from '../support/hub.js';
import { onEachServer, onServer } from '../support/on-each-server.js';
import { Reading, type ReadTransaction } from '../support/reading.js';
import { promote, replicated, startReplica } from '../support/replication.js';

const table = 'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)';

const idsOf = (read: readonly ReadTransaction[]): readonly unknown[] =>
  read.flatMap(({ changes }) =>
    changes.flatMap((change) => (change.kind === 'insert' ? [change.after['id']] : [])),
  );

/** Reads with the store alone that runs, until it has the row with this id. */
async function readTo(hub: TestHub, id: number, checkpoint?: string): Promise<ReadTransaction[]> {
  await using sdk = await hub.connect();
  const from = checkpoint === undefined ? ('earliest' as const) : { checkpoint };
  await using reading = new Reading(sdk.subscribe('shop', { from }));
  const read: ReadTransaction[] = [];
  while (idsOf(read).at(-1) !== id) read.push(await reading.take());
  return read;
}

/** Waits until every store has so many transactions. */
async function have(hub: TestHub, transactions: number): Promise<void> {
  for (const { store } of hub.stores)
    await until(() => store.log.head.value.lsn >= transactions, `A log does not come to ${transactions}.`);
}

/**
 * Each store is away for a part of what happens and has to come to the rest by itself; from each checkpoint of the one, the other
 * gives exactly what is not covered.
 */
async function takesCheckpointsOf(
  hub: TestHub,
  one: TestStore,
  other: TestStore,
  last: number,
  whenBack?: () => Promise<void>,
): Promise<void> {
  const read = await readTo(hub, last);
  await one.stop();
  await other.start();
  await whenBack?.();
  const rest = await readTo(hub, last);
  expect(idsOf(rest)).toEqual(idsOf(read));
  for (const [index, { checkpoint }] of read.slice(0, -1).entries()) {
    const found = await readTo(hub, last, checkpoint.toString());
    expect(found.map(({ id }) => id)).toEqual(read.slice(index + 1).map(({ id }) => id));
  }
}

onEachServer('A checkpoint of one store', (flavour) => {
  it('works on another after the source failed over, with several domains where the server has them', async () => {
    await using primary = await startServer(flavour);
    await using replica = await startReplica(primary);
    await using hub = await startHub({
      source: primary,
      stores: [{ source: [primary, replica] }, { source: [replica, primary] }],
    });
    const [one, other] = hub.stores as [TestStore, TestStore];
    const insert = (server: DatabaseServer, id: number, domain = 0): Promise<unknown> =>
      server.query(
        `${flavour === 'mariadb' ? `SET gtid_domain_id = ${domain};` : ''} INSERT INTO shop.t VALUES (${id})`,
      );
    await primary.query(table);
    await insert(primary, 1);
    await insert(primary, 2, 7);
    await insert(primary, 3, 3);
    await insert(primary, 4);
    await replicated(primary, replica);
    await have(hub, 6);
    await other.stop();
    await primary.kill();
    await promote(replica);
    await insert(replica, 5, 7);
    await insert(replica, 6);
    await insert(replica, 7, 9);
    await takesCheckpointsOf(hub, one, other, 7);
  });
});

onServer('mysql', 'A checkpoint of one store', () => {
  it('works on another after gtid_mode was switched on, and off again, while that was away', async () => {
    await using hub = await startHub({
      flavour: 'mysql',
      server: { args: ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF'] },
      stores: [{}, {}],
    });
    const [one, other] = hub.stores as [TestStore, TestStore];
    const { source } = hub;
    await source.query(`${table}; INSERT INTO shop.t VALUES (1)`);
    await have(hub, 3);
    await other.stop();
    let id = 1;
    const insert = (): Promise<unknown> => source.query(`INSERT INTO shop.t VALUES (${++id})`);
    await source.query('SET GLOBAL enforce_gtid_consistency = ON');
    for (const mode of ['OFF_PERMISSIVE', 'ON_PERMISSIVE', 'ON', 'ON_PERMISSIVE', 'OFF_PERMISSIVE', 'OFF']) {
      await source.query(`SET GLOBAL gtid_mode = ${mode}`);
      await insert();
      await insert();
    }
    await takesCheckpointsOf(hub, one, other, id, async () => {
      // The server does not send transactions that its mode of now does not allow.
      await until(() => {
        const { state } = other.store.capture;
        return state.kind === 'waiting' && state.error.code === 'SOURCE_GTID_MODE';
      }, 'Capture does not say why it waits.');
      await source.query('SET GLOBAL gtid_mode = OFF_PERMISSIVE');
    });
  });
});
