import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.js';
import { newestId } from '../support/gtid.js';
import { startHub } from '../support/hub.js';
import { onServer } from '../support/on-each-server.js';
import { Reading } from '../support/reading.js';
import { runCommand, RunningCommand } from './support/command.js';

onServer('mariadb', 'drc store drain', (flavour) => {
  test('moves the readers of a store process away and ends it; without another store they stay until it is taken back', async () => {
    await using hub = await startHub({ flavour, stores: [] });
    await hub.source.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
    const adminPort = await freePort();
    const file = hub.folder.file('store.yaml');
    await writeFile(file, JSON.stringify({ ...hub.storeSettings(), admin: { port: adminPort } }));
    const env = { DRC_SOURCE_PASSWORD: hub.source.password, DRC_MACHINE_KEY: hub.storeKey };
    await using store = new RunningCommand(['store', 'start', '--config', file], { env });
    await store.prints('Announced to the cluster manager');
    const sdk = await hub.connect();
    await using reading = new Reading(sdk.subscribe('shop', { from: 'earliest' }));
    await reading.until(await newestId(hub.source));

    const admin = `http://127.0.0.1:${adminPort}`;
    await using alone = new RunningCommand(['store', 'drain', '--admin', admin]);
    await alone.prints('1 reader left; they stay: no other store of the topic can take them');
    const undone = await runCommand(['store', 'drain', '--config', file, '--undo']);
    expect(undone).toMatchObject({ code: 0, stdout: 'The store takes readers again.\n' });
    expect(await alone.ended()).toBe(1);
    expect(alone.stderr).toContain('taken back');

    await hub.startStore();
    const drained = await runCommand(['store', 'drain', '--config', file, '--stop']);
    expect(drained.code).toBe(0);
    expect(drained.stdout).toContain('No reader is left; the store stops.');
    expect(await store.ended()).toBe(0);
    await hub.source.query('INSERT INTO shop.t VALUES (1)');
    const [next, ...rest] = await reading.until(await newestId(hub.source));
    expect(next!.changes).toMatchObject([{ kind: 'insert', after: { id: 1 } }]);
    expect(rest).toEqual([]);

    const gone = await runCommand(['store', 'drain', '--admin', admin]);
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('no store answers') as string });
  });
});

test.each([
  [['--undo', '--stop', '--admin', 'http://127.0.0.1:1'], 'Either --undo or --stop'],
  [[], 'Give --admin or --config'],
  [['--admin', '127.0.0.1:7381'], 'is no address'],
])('drc store drain %j is refused', async (flags, message) => {
  const found = await runCommand(['store', 'drain', ...flags]);
  expect(found).toMatchObject({ code: 2, stderr: expect.stringContaining(message) as string });
});
