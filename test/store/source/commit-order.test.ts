import { expect, it } from 'vitest';
import { startServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onServer } from '../../support/on-each-server.js';
import { replicated, startReplica } from '../../support/replication.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, expectConserved } from './capture-rig.js';

/** Servers of a topology, in the order in which they are tried. */
const source = (...servers: readonly { readonly port: number }[]) => {
  const [first, ...others] = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  return { ...first!, others, user: 'root', password: '' };
};

const values = async (rig: CaptureRig): Promise<unknown[]> =>
  (await rig.changes()).flatMap((change) =>
    change.kind === 'insert' || change.kind === 'update' ? [change.after['v']] : [],
  );

// MariaDB's replicas commit those of one domain in their order.
onServer('mysql', 'A replica that commits in an order of its own', () => {
  it('gives each transaction once, whichever server the store goes on at', async () => {
    await using primary = await startServer('mysql');
    await primary.query(`CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20));
      INSERT INTO shop.t VALUES (1, 'begin')`);
    await using replica = await startReplica(primary);
    await replicated(primary, replica);
    await replica.query(`STOP REPLICA SQL_THREAD; SET GLOBAL replica_preserve_commit_order = OFF;
      SET GLOBAL replica_parallel_workers = 4; SET GLOBAL innodb_lock_wait_timeout = 1000; START REPLICA SQL_THREAD`);
    // Workers that were started anew wait for the first one that comes.
    await primary.query("INSERT INTO shop.t VALUES (0, 'first')");
    await replicated(primary, replica);
    await using folder = await temporaryFolder('commit-order');
    const holder = await replica.connect();
    try {
      // The replica cannot commit the first of these before the row is let go.
      await holder.query('BEGIN');
      await holder.query('SELECT v FROM shop.t WHERE id = 1 FOR UPDATE');
      // Open at the same time, they may be applied at the same time.
      const [one, other] = await Promise.all([primary.connect(), primary.connect()]);
      for (const session of [one, other]) await session.query('BEGIN');
      await one.query("UPDATE shop.t SET v = 'held' WHERE id = 1");
      await other.query("INSERT INTO shop.t VALUES (2, 'overtakes')");
      for (const session of [one, other]) {
        await session.query('COMMIT');
        await session.end();
      }
      {
        await using rig = await CaptureRig.start({ source: source(replica, primary), folder });
        await rig.until(() => rig.log.head.value.lsn === 5);
        expect(await values(rig)).toEqual(['begin', 'first', 'overtakes']);
        expectConserved(rig);
      }
      {
        // The primary has them the other way round, and sends the one that the log lacks.
        await using rig = await CaptureRig.start({ source: source(primary, replica), folder });
        await rig.until(() => rig.log.head.value.lsn === 6);
        expect(await values(rig)).toEqual(['begin', 'first', 'overtakes', 'held']);
        expectConserved(rig);
      }
    } finally {
      await holder.query('ROLLBACK');
      await holder.end();
    }
    await replicated(primary, replica);
    await primary.query("INSERT INTO shop.t VALUES (3, 'end')");
    // The replica's binlog has the held one behind the other: the log covers both.
    await using rig = await CaptureRig.start({ source: source(replica, primary), folder });
    await rig.reaches(await newestId(primary));
    expect(await values(rig)).toEqual(['begin', 'first', 'overtakes', 'held', 'end']);
    const ids = (await rig.transactions()).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expectConserved(rig);
  });
});
