import { expect, it } from 'vitest';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import {
  pauseApplying,
  promote,
  replicated,
  resumeApplying,
  startReplica,
} from '../../support/replication.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, stopCode } from './capture-rig.js';

const orders = 'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20))';

const source = (...servers: readonly { readonly port: number }[]) => {
  const [first, ...others] = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
  return { ...first!, others, user: 'root', password: '' };
};

const idsOf = async (rig: CaptureRig): Promise<unknown[]> =>
  (await rig.changes()).flatMap((change) => (change.kind === 'insert' ? [change.after['id']] : []));

const insert = (server: DatabaseServer, id: number): Promise<unknown> =>
  server.query(`INSERT INTO shop.t VALUES (${id}, 'x')`);

onEachServer('Capture with several hosts', (flavour) => {
  it('goes on at the promoted replica by GTID, with nothing lost and nothing twice', async () => {
    await using primary = await startServer(flavour);
    await using replica = await startReplica(primary);
    await using folder = await temporaryFolder('failover');
    await primary.query(orders);
    await insert(primary, 1);
    // A second stream of numbers: another domain, another tag's worth of them is in the specs.
    if (flavour === 'mariadb')
      await primary.query("SET gtid_domain_id = 7; INSERT INTO shop.t VALUES (2, 'x')");
    else await insert(primary, 2);
    await primary.query('FLUSH BINARY LOGS');
    await insert(primary, 3);
    {
      await using rig = await CaptureRig.start({ source: source(primary, replica), folder });
      await rig.reaches(await newestId(primary).then((id) => id.split(',')[0]!));
      await rig.until(() => rig.log.head.value.lsn === 5);
      await replicated(primary, replica);
      await primary.kill();
      await promote(replica);
      await insert(replica, 4);
      await replica.query('FLUSH BINARY LOGS');
      await insert(replica, 5);
      await rig.until(() => rig.log.head.value.lsn === 7);
      expect(await idsOf(rig)).toEqual([1, 2, 3, 4, 5]);
    }
    await insert(replica, 6);
    {
      await using rig = await CaptureRig.start({ source: source(primary, replica), folder });
      await rig.until(() => rig.log.head.value.lsn === 8);
      expect(await idsOf(rig)).toEqual([1, 2, 3, 4, 5, 6]);
      const all = await rig.transactions();
      expect(new Set(all.map(({ id }) => id)).size).toBe(8);
      if (flavour === 'mariadb') expect(all.map(({ id }) => id)).toContain('0-2-5');
    }
    // The first server is gone for good: the log belongs to the one that it was captured from last.
    const { others: _, ...alone } = source(replica);
    await insert(replica, 7);
    await using rig = await CaptureRig.start({ source: alone, folder });
    await rig.until(() => rig.log.head.value.lsn === 9);
    expect(await idsOf(rig)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('belongs to the server that it moved to from there on, also while that has written nothing yet', async () => {
    await using primary = await startServer(flavour);
    await using replica = await startReplica(primary);
    await using folder = await temporaryFolder('moved');
    const { others: _, ...alone } = source(replica);
    await primary.query(orders);
    await insert(primary, 1);
    await replicated(primary, replica);
    {
      await using rig = await CaptureRig.start({ source: source(primary), folder });
      await rig.until(() => rig.log.head.value.lsn === 3);
    }
    {
      await using rig = await CaptureRig.start({ source: alone, folder });
      expect(await stopCode(rig)).toBe('SOURCE_CHANGED');
    }
    {
      await using rig = await CaptureRig.start({ source: source(replica), folder });
      await rig.until(() => rig.capture.state.kind === 'streaming');
      await rig.log.flush();
      expect(rig.log.capture).toMatchObject({ identity: { serverId: 2 }, sinceLsn: 4 });
    }
    {
      await using rig = await CaptureRig.start({ source: alone, folder });
      await rig.until(() => rig.capture.state.kind === 'streaming');
      expect(rig.log.capture).toMatchObject({ identity: { serverId: 2 }, sinceLsn: 4 });
      await insert(primary, 2);
      await rig.until(() => rig.log.head.value.lsn === 4);
    }
    await insert(primary, 3);
    await using rig = await CaptureRig.start({ source: alone, folder });
    await rig.until(() => rig.log.head.value.lsn === 5);
    expect(await idsOf(rig)).toEqual([1, 2, 3]);
    const { others: __, ...first } = source(primary);
    await rig.capture.close();
    await rig.log.close();
    await using back = await CaptureRig.start({ source: first, folder });
    expect(await stopCode(back)).toBe('SOURCE_CHANGED');
  });

  it('leaves nothing out where the list shrinks to one host after a connection that took no transaction', async () => {
    await using server = await startServer(flavour);
    await using folder = await temporaryFolder('failover');
    await server.query(orders);
    await insert(server, 1);
    const { others: _, ...alone } = source(server);
    {
      await using rig = await CaptureRig.start({ source: source(server, server), folder });
      await rig.until(() => rig.log.head.value.lsn === 3);
    }
    for (const id of [2, 3]) {
      await insert(server, id);
      await server.query('FLUSH BINARY LOGS');
    }
    await insert(server, 4);
    {
      const cut = {
        at: (point: string) => (point === 'group-begin' ? Promise.reject(new Error('cut')) : undefined),
      };
      await using rig = await CaptureRig.start({ source: source(server, server), folder, hooks: cut });
      expect(await stopCode(rig)).toBe('INTERNAL');
    }
    await using rig = await CaptureRig.start({ source: alone, folder });
    await rig.until(() => rig.log.head.value.lsn === 6);
    expect(await idsOf(rig)).toEqual([1, 2, 3, 4]);
  });

  it('waits with SOURCE_BEHIND for a replica that has not applied all yet, and goes on by itself', async () => {
    await using primary = await startServer(flavour);
    await using replica = await startReplica(primary);
    await using proxy = await startTcpProxy(primary);
    await primary.query(orders);
    await replicated(primary, replica);
    await using rig = await CaptureRig.start({ source: source(proxy, replica) });
    await rig.until(() => rig.log.head.value.lsn === 2);
    await pauseApplying(replica);
    await insert(primary, 1);
    await rig.until(() => rig.log.head.value.lsn === 3);
    proxy.set({ kind: 'refuse' });
    proxy.cut();
    const seen = new Set<string>();
    await rig.until(() => {
      const { state } = rig.capture;
      if (state.kind === 'waiting') seen.add(state.error.code);
      return seen.has('SOURCE_BEHIND');
    });
    await insert(primary, 2);
    expect(rig.log.head.value.lsn).toBe(3);
    await resumeApplying(replica);
    await rig.until(() => rig.log.head.value.lsn === 4);
    expect(await idsOf(rig)).toEqual([1, 2]);
  });

  it('stops with SOURCE_HISTORY_CHANGED at a replica that was promoted without what the log has, and names it', async () => {
    await using primary = await startServer(flavour);
    await using replica = await startReplica(primary);
    await using folder = await temporaryFolder('tail');
    await primary.query(orders);
    await replicated(primary, replica);
    await promote(replica);
    await insert(primary, 1);
    const lost = await newestId(primary);
    {
      await using rig = await CaptureRig.start({ source: source(primary), folder });
      await rig.reaches(lost);
    }
    {
      await using rig = await CaptureRig.start({ source: source(replica), folder });
      expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
      expect((await rig.capture.ended)!.details).toMatchObject({ missing: lost });
    }
    // It has written others since, under the same numbers where its flavour counts for all servers.
    await insert(replica, 2);
    await insert(replica, 3);
    await using rig = await CaptureRig.start({ source: source(replica), folder });
    expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
    expect((await rig.capture.ended)!.details).toMatchObject({ missing: lost });
    expect(await idsOf(rig)).toEqual([1]);
  });

  it('stops where every host has refused it, and passes over those that have', async () => {
    await using primary = await startServer(flavour);
    await using other = await startServer(flavour, { serverId: 2 });
    await using folder = await temporaryFolder('refused');
    await primary.query(orders);
    {
      await using rig = await CaptureRig.start({ source: source(primary), folder });
      await rig.reaches(await newestId(primary));
    }
    {
      await using rig = await CaptureRig.start({ source: source(other, other), folder });
      expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
    }
    await insert(primary, 1);
    await using rig = await CaptureRig.start({ source: source(other, primary), folder });
    await rig.reaches(await newestId(primary));
  });
});

onServer('mysql', 'Capture with several hosts', () => {
  it('refuses them with SOURCE_CONFIG while GTIDs are off', async () => {
    await using server = await startServer('mysql', {
      args: ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF'],
    });
    await using rig = await CaptureRig.start({ source: source(server) });
    expect(await stopCode(rig)).toBe('SOURCE_CONFIG');
    expect((await rig.capture.ended)!.message).toContain('gtid_mode is OFF');
  });
});
