import { expect, it, onTestFinished } from 'vitest';
import type { DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer } from '../../support/on-each-server.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, expectConserved, stopCode } from './capture-rig.js';
import { captured, grantCapture, orders, plain, sharedSource, story } from './shared-source.js';

/** ms since 1970 at the source. */
const sourceTime = async (server: DatabaseServer): Promise<number> => {
  const [row] = (await server.query('SELECT UNIX_TIMESTAMP(NOW(3)) AS t')) as { t: string }[];
  return Math.floor(Number(row!.t) * 1000);
};

onEachServer('The connection of capture', (flavour) => {
  const source = sharedSource(flavour);

  it('reads a transaction anew, once, wherever the connection is cut', async () => {
    const server = source();
    await using proxy = await startTcpProxy(server);
    await server.query(orders);
    for (let id = 0; id < 20; id++)
      await server.query(
        `BEGIN; INSERT INTO shop.t VALUES (${id}, 'a'); INSERT INTO shop.t VALUES (${id + 100}, 'b'); COMMIT`,
      );
    const end = await newestId(server);
    await using rig = await CaptureRig.start({
      source: { ...plain(server), port: proxy.port },
      // Many in a row: no pauses in between.
      random: () => 0,
    });
    for (let bytes = 1500; bytes < 8000; bytes += 293) {
      const { strikes } = proxy;
      proxy.set({ kind: 'cutAfter', bytes, direction: 'toClient' });
      await rig.until(() => proxy.strikes > strikes || rig.log.capture.executed.covers(end));
    }
    proxy.set({ kind: 'none' });
    await rig.reaches(end);
    const rows = (await story(rig)).slice(2);
    expect(rows).toEqual(
      Array.from({ length: 20 }, (_, id) => [`insert shop.t ${id},a`, `insert shop.t ${id + 100},b`]),
    );
    expectConserved(rig);
  });

  it('stops with CHECKSUM_MISMATCH when a byte of an event was turned over, and has not moved', async () => {
    const server = source();
    await using proxy = await startTcpProxy(server);
    await server.query(orders);
    await using rig = await CaptureRig.start({
      source: { ...plain(server), port: proxy.port },
      start: { kind: 'now' },
    });
    await rig.until(() => rig.capture.state.kind === 'streaming');
    await server.query("INSERT INTO shop.t VALUES (1, 'first')");
    await rig.reaches(await newestId(server));
    const { position } = rig.log.capture;
    // The dump's bytes so far are unknown here: a flip far enough ahead hits the middle of one large event.
    const passed = proxy.passed('toClient');
    proxy.set({ kind: 'flip', offset: passed + 200_000, direction: 'toClient' });
    await server.query(
      "ALTER TABLE shop.t MODIFY v LONGTEXT; INSERT INTO shop.t VALUES (2, REPEAT('x', 3000000))",
    );
    expect(await stopCode(rig)).toBe('CHECKSUM_MISMATCH');
    expect(rig.log.capture.position!.offset).toBeGreaterThanOrEqual(position!.offset);
    expect((await story(rig)).flat()).toEqual(['insert shop.t 1,first', 'ALTER TABLE']);
  });

  it('waits for a source that is away, and for one that has fallen silent', async () => {
    const server = source();
    await using proxy = await startTcpProxy(server);
    await server.query(orders);
    proxy.set({ kind: 'refuse' });
    await using rig = await CaptureRig.start({
      source: { ...plain(server), port: proxy.port },
      heartbeatMs: 300,
    });
    await rig.until(() => rig.capture.state.kind === 'waiting');
    proxy.set({ kind: 'none' });
    await rig.reaches(await newestId(server));
    proxy.set({ kind: 'stall' });
    await rig.until(() => rig.capture.state.kind === 'waiting');
    expect(rig.capture.state).toMatchObject({ error: { code: 'SOURCE_LOST' } });
    proxy.set({ kind: 'none' });
    await server.query("INSERT INTO shop.t VALUES (1, 'after')");
    await rig.reaches(await newestId(server));
  });

  it('does not mind that the source ends its idle connections', async () => {
    const server = source();
    await server.query(
      `SET GLOBAL wait_timeout = 1; CREATE DATABASE shop; CREATE TABLE shop.t (u ${flavour === 'mariadb' ? 'UUID' : 'CHAR(36)'})`,
    );
    onTestFinished(async () => void (await server.query('SET GLOBAL wait_timeout = 28800')));
    await using rig = await captured(server, 'DO 1');
    await server.query('DO SLEEP(0.9)');
    await server.query('DO SLEEP(0.9)');
    await server.query("INSERT INTO shop.t VALUES ('123e4567-e89b-12d3-a456-426655440000')");
    await rig.reaches(await newestId(server));
    expect(rig.capture.counters.snapshot().disconnects).toBe(0);
  });

  it('closes at once, whatever it is doing', async () => {
    const server = source();
    await using proxy = await startTcpProxy(server);
    proxy.set({ kind: 'stall' });
    const rig = await CaptureRig.start({ source: { ...plain(server), port: proxy.port } });
    await rig.capture.close();
    expect(rig.capture.state).toEqual({ kind: 'stopped' });
    await rig[Symbol.asyncDispose]();
  });

  it('finds a transaction from a moment before its commit, though it says when its statement began', async () => {
    const server = source();
    await server.query(orders);
    await using rig = await CaptureRig.start({ source: server, heartbeatMs: 200 });
    await rig.reaches(await newestId(server));
    const slow = server.query('INSERT INTO shop.t SELECT 1, SLEEP(2.5)');
    await server.query('DO SLEEP(1.5)');
    const moment = await sourceTime(server);
    await slow;
    await rig.reaches(await newestId(server));
    const { lsn } = await rig.log.seek({ kind: 'timestamp', time: moment }, 0);
    expect((await rig.transactions(lsn)).map(({ lsn: found }) => found)).toEqual([3]);
  });

  it('knows the time of old-looking transactions though they keep the source from sending heartbeats', async () => {
    const server = source();
    await server.query(orders);
    await using rig = await CaptureRig.start({ source: server, heartbeatMs: 1_000 });
    await rig.reaches(await newestId(server));
    const begin = await sourceTime(server);
    for (let id = 0; rig.log.head.value.time <= begin; id++) {
      await server.query(`SET timestamp = 1000000000; INSERT INTO shop.t VALUES (${id}, 'x')`);
      await rig.reaches(await newestId(server));
    }
    expect(rig.capture.counters.snapshot().events['HEARTBEAT']).toBeUndefined();
  });

  it('waits where the source refuses its password by now, stops where it has lost a privilege, and goes on with both', async () => {
    const server = source();
    const { user, password } = server.plainUser;
    await server.query(`${orders}; ${grantCapture(server)}`);
    await using folder = await temporaryFolder('refused');
    await using proxy = await startTcpProxy(server);
    const args = {
      source: { ...plain(server), port: proxy.port, user, password },
      folder,
      random: () => 0.01,
    };
    const account = "'plain'@'127.0.0.1'";
    {
      await using rig = await CaptureRig.start(args);
      await rig.reaches(await newestId(server));
      await server.query(`ALTER USER ${account} IDENTIFIED BY 'another'`);
      proxy.cut();
      await rig.until(
        () => rig.capture.state.kind === 'waiting' && rig.capture.state.error.code === 'SOURCE_AUTH',
      );
      await server.query(
        `ALTER USER ${account} IDENTIFIED BY '${password}'; INSERT INTO shop.t VALUES (1, 'password')`,
      );
      await rig.reaches(await newestId(server));
      await server.query(`REVOKE REPLICATION SLAVE ON *.* FROM ${account}`);
      proxy.cut();
      expect(await stopCode(rig)).toBe('SOURCE_PRIVILEGE');
    }
    await server.query(`${grantCapture(server)}; INSERT INTO shop.t VALUES (2, 'privilege')`);
    await using rig = await CaptureRig.start(args);
    await rig.reaches(await newestId(server));
    expect((await story(rig)).flat().filter((change) => change.startsWith('insert'))).toEqual([
      'insert shop.t 1,password',
      'insert shop.t 2,privilege',
    ]);
  });
});
