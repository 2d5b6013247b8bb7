import { expect, it } from 'vitest';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, stopCode } from './capture-rig.js';

const reset = (server: DatabaseServer): string =>
  server.flavour === 'mariadb' ? 'RESET MASTER' : 'RESET BINARY LOGS AND GTIDS';

/** The same statements with other values: the same GTIDs at the same offsets, committed when the caller says. */
async function setUp(server: DatabaseServer, value: string): Promise<void> {
  await server.query(`SET sql_log_bin = 0; DROP DATABASE IF EXISTS shop; ${reset(server)}`);
  await server.query(
    `SET timestamp = 1800000000; CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20));
     INSERT INTO shop.t VALUES (0, 'first'); INSERT INTO shop.t VALUES (1, '${value}')`,
  );
}

onEachServer('the last stored transaction', (flavour) => {
  it('is asked for again, and is the same after a restart, under another filter, and where its table is gone', async () => {
    await using server = await startServer(flavour);
    await using folder = await temporaryFolder('again');
    await setUp(server, 'x');
    const connect = async (filter: { exclude?: string[]; excludeColumns?: string[] }): Promise<void> => {
      await using rig = await CaptureRig.start({ source: server, folder, filter });
      await rig.until(() => rig.capture.state.kind === 'streaming');
      await rig.reaches(await newestId(server));
    };
    await connect({});
    await connect({ excludeColumns: ['shop.t.v'] });
    await connect({ exclude: ['shop.t'] });
    await connect({});
    await server.query('DROP TABLE shop.t');
    await connect({});
    await connect({});
  });

  it('is SOURCE_HISTORY_CHANGED, and named, where the source has another in its place', async () => {
    await using server = await startServer(flavour);
    await using folder = await temporaryFolder('other');
    await setUp(server, 'old');
    const id = await newestId(server);
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.reaches(id);
    }
    await setUp(server, 'new');
    expect(await newestId(server)).toBe(id);
    await using rig = await CaptureRig.start({ source: server, folder });
    expect(await stopCode(rig)).toBe('SOURCE_HISTORY_CHANGED');
    const error = (await rig.capture.ended)!;
    expect(error.details).toEqual({ transaction: id });
    // MariaDB says what the session's clock says; MySQL when it was committed.
    expect(error.message).toContain(
      flavour === 'mariadb' ? 'other rows of shop.t' : 'the source committed it at',
    );
  });

  it('is the same when it has many chunks, savepoints and no rows at all', async () => {
    await using server = await startServer(flavour);
    await using folder = await temporaryFolder('chunks');
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v LONGTEXT)');
    const writes = [
      `BEGIN; INSERT INTO shop.t VALUES (1, REPEAT('x', 400000)); SAVEPOINT a; INSERT INTO shop.t VALUES (2, REPEAT('y', 400000));
       INSERT INTO shop.t VALUES (3, REPEAT('y', 400000)); UPDATE shop.t SET v = 'z' WHERE id = 1; COMMIT`,
      'CREATE TABLE shop.empty (id INT)',
      "XA START 'a'; INSERT INTO shop.t VALUES (9, 'xa'); XA END 'a'; XA PREPARE 'a'",
      "XA COMMIT 'a'",
    ];
    for (const sql of writes) {
      await server.query(sql);
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.reaches(await newestId(server));
      await rig.until(() => rig.capture.state.kind === 'streaming');
    }
  });

  it('is not asked for where the source has purged it', async () => {
    await using server = await startServer(flavour);
    await using folder = await temporaryFolder('purged');
    await setUp(server, 'x');
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.reaches(await newestId(server));
      await server.query('FLUSH BINARY LOGS; FLUSH BINARY LOGS');
      await rig.until(() => rig.log.capture.position!.file.endsWith('3'));
      await rig.log.flush();
    }
    await server.query("PURGE BINARY LOGS TO 'binlog.000003'");
    await using rig = await CaptureRig.start({ source: server, folder });
    await server.query("INSERT INTO shop.t VALUES (2, 'after')");
    await rig.reaches(await newestId(server));
  });
});

onServer('mysql', 'the last stored transaction', () => {
  it('does not hold capture up where GTIDs were switched off since, or on', async () => {
    await using server = await startServer('mysql');
    await using folder = await temporaryFolder('gtid-mode');
    await setUp(server, 'x');
    const modes = ['ON_PERMISSIVE', 'OFF_PERMISSIVE', 'OFF', 'OFF_PERMISSIVE', 'ON_PERMISSIVE', 'ON'];
    let head = 4;
    for (const [index, mode] of modes.entries()) {
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.until(() => rig.log.head.value.lsn === head);
      await server.query(`SET GLOBAL gtid_mode = ${mode}`);
      await server.query(`INSERT INTO shop.t VALUES (${index + 10}, 'x')`);
      head++;
      await rig.until(() => rig.log.head.value.lsn === head);
    }
    await using rig = await CaptureRig.start({ source: server, folder });
    await rig.until(() => rig.capture.state.kind === 'streaming');
  });
});
