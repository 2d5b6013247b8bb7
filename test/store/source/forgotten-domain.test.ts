import { expect, it } from 'vitest';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { until } from '../../support/hub.js';
import { onServer } from '../../support/on-each-server.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, stopCode } from './capture-rig.js';

const insert = (server: DatabaseServer, id: number, domain = 0): Promise<unknown> =>
  server.query(`SET gtid_domain_id = ${domain}; INSERT INTO shop.t VALUES (${id})`);

/** Makes the source forget domain 5, of which no file is left. */
async function forget(server: DatabaseServer): Promise<void> {
  await server.query('FLUSH BINARY LOGS');
  await until(async () => {
    const files = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
    await server.query(`PURGE BINARY LOGS TO '${files.at(-1)!.Log_name}'`);
    return files.length === 1;
  }, 'The source does not purge.');
  await server.query('FLUSH BINARY LOGS DELETE_DOMAIN_ID=(5)');
}

onServer('mariadb', 'a domain that the source was made to forget', () => {
  it('is no loss: a store that runs goes on, and so does one that comes back; of several hosts it is one', async () => {
    await using server = await startServer('mariadb');
    await using folder = await temporaryFolder('forgotten');
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
    await insert(server, 1, 5);
    await insert(server, 2);
    {
      await using rig = await CaptureRig.start({ source: server, folder, heartbeatMs: 500 });
      await rig.until(() => rig.log.head.value.lsn === 4);
      await forget(server);
      await insert(server, 3);
      await rig.until(() => rig.log.head.value.lsn === 5);
    }
    await insert(server, 4);
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.until(() => rig.log.head.value.lsn === 6);
      const ids = (await rig.changes()).flatMap((change) => ('after' in change ? [change.after['id']] : []));
      expect(ids).toEqual([1, 2, 3, 4]);
    }
    const { host, port, user, password } = server;
    await using rig = await CaptureRig.start({ source: { host, port, user, password, others: [] }, folder });
    expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
    expect((await rig.capture.ended)!.details).toMatchObject({ missing: '5-1-1' });
  });
});
