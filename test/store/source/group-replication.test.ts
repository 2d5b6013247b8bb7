import { expect, it } from 'vitest';
import { startServer } from '../../support/database-server.js';
import { freePort } from '../../support/free-port.js';
import { onServer } from '../../support/on-each-server.js';
import { CaptureRig, expectConserved } from './capture-rig.js';

const group = 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa';

onServer('mysql', 'a member of a replication group', (flavour) => {
  it('is a source like any other, also while it joins: its GTIDs change from the server’s to the group’s', async (context) => {
    const address = `127.0.0.1:${await freePort()}`;
    await using server = await startServer(flavour, {
      args: [
        '--performance-schema=ON',
        '--plugin-load-add=group_replication.so',
        '--loose-group-replication-start-on-boot=OFF',
        `--loose-group-replication-group-name=${group}`,
        `--loose-group-replication-local-address=${address}`,
        `--loose-group-replication-group-seeds=${address}`,
        '--report-host=127.0.0.1',
      ],
    });
    const there = (await server.query("SHOW VARIABLES LIKE 'group_replication_group_name'")) as unknown[];
    context.skip(there.length === 0, 'the server has no group_replication.so');
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v INT)');
    await server.query('INSERT INTO shop.t VALUES (1, 1)');
    await using rig = await CaptureRig.start({ source: server });
    await server.query(
      'SET GLOBAL group_replication_bootstrap_group = ON; START GROUP_REPLICATION; SET GLOBAL group_replication_bootstrap_group = OFF',
    );
    await rig.until(() => rig.capture.state.kind === 'streaming');
    const isReadOnly = async (): Promise<boolean> =>
      ((await server.query('SELECT @@GLOBAL.super_read_only AS yes')) as { yes: number }[])[0]!.yes === 1;
    while (await isReadOnly()) await server.query('DO SLEEP(0.05)');
    await server.query('BEGIN; INSERT INTO shop.t VALUES (2, 2); UPDATE shop.t SET v = 3; COMMIT');
    await server.query('ALTER TABLE shop.t ADD w INT; DELETE FROM shop.t WHERE id = 1');
    await rig.reaches(`${group}:3`);
    const ofGroup = (await rig.transactions()).filter(({ id }) => id.startsWith(group));
    expect(ofGroup.map(({ changes }) => changes.map(({ kind }) => kind))).toEqual([
      ['insert', 'update', 'update'],
      ['ddl'],
      ['delete'],
    ]);
    expect((await rig.changes()).map(({ kind }) => kind)).toEqual([
      'ddl',
      'ddl',
      'insert',
      'insert',
      'update',
      'update',
      'ddl',
      'delete',
    ]);
    expectConserved(rig);
  });
});
