import { expect, it } from 'vitest';
import { startServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { until } from '../../support/hub.js';
import { onEachServer } from '../../support/on-each-server.js';
import { CaptureRig } from './capture-rig.js';

const hourMs = 3_600_000;

onEachServer('the time at which a binlog file was begun', (flavour) => {
  it('keeps the log from claiming moments before it, though the first transactions in it claim an old time', async () => {
    await using server = await startServer(flavour);
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
    await server.query('INSERT INTO shop.t VALUES (1); FLUSH BINARY LOGS');
    const files = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
    const newest = files.at(-1)!.Log_name;
    // MariaDB keeps a file until all that it holds is on the disk.
    await until(async () => {
      await server.query(`PURGE BINARY LOGS TO '${newest}'`);
      const left = (await server.query('SHOW BINARY LOGS')) as unknown[];
      return left.length === 1;
    }, 'The source does not purge.');
    const begun = Date.now();
    const claimed = Math.floor((begun - hourMs) / 1000);
    await server.query(`SET timestamp = ${claimed}; INSERT INTO shop.t VALUES (2)`);
    await using rig = await CaptureRig.start({ source: server });
    await rig.reaches(await newestId(server));
    await expect(rig.log.seek({ kind: 'timestamp', time: begun - hourMs / 2 }, 0)).rejects.toMatchObject({
      code: 'RETENTION_EXPIRED',
    });
    // A file's time is in whole seconds.
    expect(rig.log.extent().coversFrom).toBeGreaterThan(begun - hourMs / 2);
  });

  it('moves nothing into the future, though it claims to lie there', async () => {
    await using server = await startServer(flavour);
    await server.query('SET timestamp = 2147483000; FLUSH BINARY LOGS');
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
    await using rig = await CaptureRig.start({ source: server });
    await rig.reaches(await newestId(server));
    // What a source's clock may be ahead.
    expect(rig.log.head.value.time).toBeLessThanOrEqual(Date.now() + 1_000);
  });
});
