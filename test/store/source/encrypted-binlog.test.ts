import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, type TestContext } from 'vitest';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { newestId } from '../../support/gtid.js';
import { onEachServer } from '../../support/on-each-server.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { CaptureRig, expectConserved } from './capture-rig.js';

const mariadbPlugin = 'file_key_management.so';
/** Where MariaDB's packages put plugins, and where scripts/install-mariadb-plugins does. */
const pluginFolders = ['/usr/lib/mysql/plugin', '/opt/mariadb-plugins'];

/** Restarts the server; from then on it encrypts its binlog. @returns false where it lacks what keeps the key */
async function encrypt(server: DatabaseServer): Promise<boolean> {
  if (server.flavour === 'mysql') {
    await writeFile(
      join(server.dataDir, 'mysqld.my'),
      JSON.stringify({ components: 'file://component_keyring_file' }),
    );
    await writeFile(
      join(server.dataDir, 'component_keyring_file.cnf'),
      JSON.stringify({ path: join(server.dataDir, 'keyring'), read_only: false }),
    );
    await server.restart();
    return server.query('SET GLOBAL binlog_encryption = ON').then(
      () => true,
      () => false,
    );
  }
  const folder = await firstWith(mariadbPlugin, pluginFolders);
  if (folder === undefined) return false;
  const keys = join(server.dataDir, 'keys');
  await writeFile(keys, `1;${'0123456789abcdef'.repeat(2)}\n`);
  await server.restart([
    `--plugin-dir=${folder}`,
    `--plugin-load-add=${mariadbPlugin}`,
    `--file-key-management-filename=${keys}`,
    '--encrypt-binlog=ON',
  ]);
  return true;
}

async function firstWith(file: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const isThere = await access(join(folder, file)).then(
      () => true,
      () => false,
    );
    if (isThere) return folder;
  }
  return undefined;
}

const idsOf = async (rig: CaptureRig): Promise<unknown[]> =>
  (await rig.changes()).flatMap((change) => (change.kind === 'insert' ? [change.after['id']] : []));

onEachServer('an encrypted binlog', (flavour) => {
  it('is read like any other: from its beginning, from now on, and on from where capture was', async (context: TestContext) => {
    await using server = await startServer(flavour);
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20))');
    await server.query("INSERT INTO shop.t VALUES (1, 'plain')");
    context.skip(!(await encrypt(server)), 'the server has nothing that keeps the key');
    await server.query("INSERT INTO shop.t VALUES (2, 'a secret')");
    await using folder = await temporaryFolder('encrypted');
    {
      await using rig = await CaptureRig.start({ source: server, folder });
      await rig.reaches(await newestId(server));
      await server.query("FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (3, 'c')");
      await rig.reaches(await newestId(server));
      expect(await idsOf(rig)).toEqual([1, 2, 3]);
      const { events } = rig.capture.counters.snapshot();
      expect(Object.hasOwn(events, 'START_ENCRYPTION')).toBe(flavour === 'mariadb');
      expectConserved(rig);
    }
    await using late = await CaptureRig.start({ source: server, start: { kind: 'now' } });
    await late.until(() => late.capture.state.kind === 'streaming');
    await server.query("INSERT INTO shop.t VALUES (4, 'd')");
    await late.reaches(await newestId(server));
    expect(await idsOf(late)).toEqual([4]);
    await using resumed = await CaptureRig.start({ source: server, folder });
    await server.query("FLUSH BINARY LOGS; INSERT INTO shop.t VALUES (5, 'e')");
    await resumed.reaches(await newestId(server));
    expect(await idsOf(resumed)).toEqual([1, 2, 3, 4, 5]);
    // It was encrypted: what was written stands in no file.
    const files = (await server.query('SHOW BINARY LOGS')) as { Log_name: string }[];
    const bytes = Buffer.concat(
      await Promise.all(files.map(({ Log_name: name }) => readFile(join(server.dataDir, name)))),
    );
    expect([bytes.includes('plain'), bytes.includes('a secret')]).toEqual([true, false]);
  });
});
