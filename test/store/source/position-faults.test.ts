import { cp, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer } from '../../support/on-each-server.js';
import { promote, replicated, startReplica } from '../../support/replication.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, stopCode } from './capture-rig.js';

const orders = 'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20))';

const insert = (server: DatabaseServer, ...ids: readonly number[]): Promise<unknown> =>
  server.query(ids.map((id) => `INSERT INTO shop.t VALUES (${id}, 'x')`).join(';'));

/** As `source.hosts`. */
const hosts = (...servers: readonly { readonly port: number }[]) => {
  const [first, ...others] = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  return { ...first!, others, user: 'root', password: '' };
};

/** What a source is started with, with GTIDs and, where it can be, without. */
const sources = {
  mariadb: [[]],
  mysql: [[], ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF']],
} as const;

onEachServer('Capture from a source whose past is not the log’s', (flavour) => {
  it.each(sources[flavour].map((args) => ({ args })))(
    'stops with SOURCE_HISTORY_CHANGED where it lost the end of its binlog in a crash; source with $args',
    async ({ args }) => {
      await using server = await startServer(flavour, { args });
      await using folder = await temporaryFolder('lost-tail');
      await server.query(orders);
      await insert(server, 1, 2, 3);
      {
        await using rig = await CaptureRig.start({ source: server, folder });
        await rig.until(() => rig.log.head.value.lsn === 5);
      }
      const events = (await server.query('SHOW BINLOG EVENTS')) as {
        Event_type: string;
        Pos: number | string;
      }[];
      const last = events.findLast(({ Event_type: type }) => type.toLowerCase().includes('gtid'))!;
      await server.kill();
      await truncate(join(server.dataDir, 'binlog.000001'), Number(last.Pos));
      await server.restart(args);
      // MySQL's tables know by themselves which GTIDs they have: by these nothing is lost.
      const settings = flavour === 'mariadb' ? [server, hosts(server)] : [server];
      for (const written of [[], [10], [11, 12, 13, 14]]) {
        if (written.length > 0) await insert(server, ...written);
        for (const source of settings) {
          await using rig = await CaptureRig.start({ source, folder });
          expect([written, await stopCode(rig)]).toEqual([written, 'SOURCE_HISTORY_CHANGED']);
          expect((await rig.transactions()).length).toBe(5);
        }
      }
      if (flavour === 'mariadb' || args.length > 0) return;
      await using rig = await CaptureRig.start({ source: hosts(server), folder });
      await rig.until(() => rig.log.head.value.lsn === 10);
      const rows = (await server.query('SELECT id FROM shop.t ORDER BY id')) as { id: number }[];
      expect(
        (await rig.changes()).flatMap((change) => ('after' in change ? [change.after['id']] : [])),
      ).toEqual(rows.map(({ id }) => id));
    },
  );

  it.each(sources[flavour].map((args) => ({ args })))(
    'stops with SOURCE_HISTORY_CHANGED where others of equal length stand in their places; source with $args',
    async ({ args }) => {
      await using server = await startServer(flavour, { args });
      await using backup = await temporaryFolder('backup');
      await using folder = await temporaryFolder('equal');
      await server.query(orders);
      await server.kill('SIGTERM');
      await cp(server.dataDir, backup.file('data'), { recursive: true });
      await server.restart(args);
      await insert(server, 2, 3);
      {
        await using rig = await CaptureRig.start({ source: server, folder });
        await rig.until(() => rig.log.head.value.lsn === 4);
      }
      await server.kill('SIGTERM');
      await rm(server.dataDir, { recursive: true });
      await cp(backup.file('data'), server.dataDir, { recursive: true });
      await server.restart(args);
      await insert(server, 4, 5, 6);
      await using rig = await CaptureRig.start({ source: server, folder });
      expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
      expect((await rig.transactions()).length).toBe(4);
    },
  );

  it('stops with SOURCE_HISTORY_CHANGED where it was restored from an older backup and written to since, less than before or more', async () => {
    await using server = await startServer(flavour);
    await using backup = await temporaryFolder('backup');
    await using folder = await temporaryFolder('restored');
    await server.query(orders);
    await insert(server, 1);
    await server.kill('SIGTERM');
    await cp(server.dataDir, backup.file('data'), { recursive: true });
    await server.restart();
    await insert(server, 2, 3);
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.reaches(await newestId(server));
    }
    await server.kill('SIGTERM');
    await rm(server.dataDir, { recursive: true });
    await cp(backup.file('data'), server.dataDir, { recursive: true });
    await server.restart();
    for (const written of [[10], [11, 12, 13, 14]]) {
      await insert(server, ...written);
      for (const source of [server, hosts(server)]) {
        await using rig = await CaptureRig.start({ source, folder });
        expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
        expect((await rig.transactions()).length).toBe(5);
      }
    }
  });

  it('stops with SOURCE_HISTORY_CHANGED that names an errant transaction, which only a replica has', async () => {
    await using primary = await startServer(flavour);
    await using replica = await startReplica(primary);
    await using folder = await temporaryFolder('errant');
    await primary.query(orders);
    await replicated(primary, replica);
    await replica.query(
      flavour === 'mariadb'
        ? "SET gtid_domain_id = 5; INSERT INTO shop.t VALUES (1, 'errant')"
        : "INSERT INTO shop.t VALUES (1, 'errant')",
    );
    {
      await using rig = await CaptureRig.start({ source: hosts(replica), folder });
      await rig.until(() => rig.log.head.value.lsn === 3);
    }
    await using rig = await CaptureRig.start({ source: hosts(primary), folder });
    expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
    const [errant] = (await rig.transactions()).slice(-1);
    expect((await rig.capture.ended)!.details).toMatchObject({ missing: errant!.id });
  });

  it('stops with GTID_PURGED where no host has what comes next any more, and goes on at one that has', async () => {
    await using primary = await startServer(flavour);
    await using replica = await startReplica(primary);
    await using folder = await temporaryFolder('gtid-purged');
    await primary.query(orders);
    await insert(primary, 1);
    {
      await using rig = await CaptureRig.start({ source: hosts(primary), folder });
      await rig.until(() => rig.log.head.value.lsn === 3);
    }
    await insert(primary, 2);
    await replicated(primary, replica);
    await promote(replica);
    await replica.query('FLUSH BINARY LOGS');
    await insert(replica, 3);
    await purgeFirst(replica);
    {
      await using rig = await CaptureRig.start({ source: hosts(replica), folder });
      expect(await stopCode(rig)).toBe('GTID_PURGED');
    }
    await using rig = await CaptureRig.start({ source: hosts(replica, primary), folder });
    await rig.until(() => rig.log.head.value.lsn === 4);
    expect(rig.capture.source.port).toBe(primary.port);
  });
});

/** A server keeps a file for as long as it may need it for its own recovery. */
async function purgeFirst(server: DatabaseServer): Promise<void> {
  for (;;) {
    const [first] = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
    if (first!.Log_name !== 'binlog.000001') return;
    await server.query("PURGE BINARY LOGS TO 'binlog.000002'");
  }
}
