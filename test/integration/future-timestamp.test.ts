import { expect, test } from 'vitest';
import { committedId } from '../support/gtid.js';
import { startHub, until } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';

const year2038 = Date.UTC(2038, 0, 19) / 1000;
onEachServer('an ordinary user who claims the year 2038', (flavour) => {
  test('keeps neither seeking nor retention from going on', async () => {
    await using hub = await startHub({ flavour, stores: [] });
    await hub.source.query(
      "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); CREATE USER anna@'%'; GRANT INSERT ON shop.* TO anna@'%'",
    );
    const store = await hub.startStore({ folder: 'log', serve: { seekMargin: '1ms' } });
    const { log } = store.store;
    const connection = await hub.source.connect({ user: 'anna', password: '', multipleStatements: true });
    /** Readers can have it. */
    const isVisible = async (id: string): Promise<boolean> =>
      (await log.executedBefore(log.head.value.lsn + 1)).covers(id);
    let next = 0;
    const insert = async (timestamp: number | 'DEFAULT'): Promise<string> =>
      await committedId(
        connection,
        flavour,
        `SET TIMESTAMP = ${timestamp};INSERT INTO shop.t VALUES (${++next})`,
      );
    try {
      await insert('DEFAULT');
      const claimed = await insert(year2038);
      await until(() => isVisible(claimed), 'It is not captured.');
      const { lsn: claimedLsn, time: claimedTime } = log.head.value;
      // Not later than it came, but for what a source's clock may be wrong.
      expect(claimedTime).toBeLessThan(Date.now() + 2_000);

      const sdk = await hub.connect();
      await using reading = new Reading(sdk.subscribe('shop', { from: { transaction: claimed } }));
      const { id, commitTime } = await reading.take();
      expect(id).toBe(claimed);
      // As the source says it: MySQL stamps its own time beside the session's.
      const year = flavour === 'mariadb' ? 2038 : new Date().getUTCFullYear();
      expect(commitTime.getUTCFullYear()).toBe(year);

      // The log's time goes on behind it: a moment after it leads behind it.
      let wanted = '';
      await until(async () => {
        wanted = await insert('DEFAULT');
        await until(() => isVisible(wanted), 'It is not captured.');
        return log.head.value.time > claimedTime + 1_000;
      }, 'The log’s time does not go on.');
      const { time: moment } = log.head.value;
      await using later = new Reading(sdk.subscribe('shop', { from: { timestamp: moment } }));
      const read = await later.until(wanted);
      expect(read.map((one) => one.id)).not.toContain(claimed);
      await store.stop();

      // And it grows old like any other.
      const second = await hub.startStore({ folder: 'log', log: { retention: '1s' } });
      await second.reaches(await insert('DEFAULT'));
      await until(() => second.store.log.extent().oldest.lsn > claimedLsn, 'Retention does not go on.');
      await using gone = new Reading(sdk.subscribe('shop', { from: { transaction: claimed } }));
      await expect(gone.take()).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });
    } finally {
      await connection.end();
    }
  });
});
