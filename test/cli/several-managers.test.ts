import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer, startMariadb } from '../support/database-server.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { withZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';
import { type Finished, type RunningCommand, runCommand, startCommand } from './support/command.js';

/** Two managers, ZooKeeper and a store as their own processes, with the files that docs/operations.md shows. */
withZooKeeper('two managers from their files', () => {
  let zookeeper: ZooKeeperServer;
  let source: DatabaseServer;
  let folder: TemporaryFolder;
  const inits: Finished[] = [];
  const managers: RunningCommand[] = [];
  const urls: string[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder('managers');
    [zookeeper, source] = await Promise.all([ZooKeeperServer.start(), startMariadb()]);
    await source.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
    const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    await writeFile(folder.file('zookeeper.password'), randomBytes(24).toString('base64'), { mode: 0o600 });
    for (const name of ['cm-1.yaml', 'cm-2.yaml']) {
      const text = new RegExp(`\`\`\`yaml\n(# ${name}\n[^]*?)\`\`\``).exec(page)![1]!;
      await writeFile(folder.file(name), text.replace('127.0.0.1:2181', zookeeper.address));
      inits.push(await runCommand(['cm', 'init', '--config', name], { cwd: folder.path }));
    }
    for (const name of ['cm-1.yaml', 'cm-2.yaml']) {
      const flags = ['--config', name, '--port', '0', '--admin-port', '0'];
      managers.push(startCommand(['cm', 'start', ...flags], { cwd: folder.path }));
    }
    for (const manager of managers) urls.push((await manager.prints(/"url":"(\S+?)"/))[1]!);
  });

  afterAll(async () => {
    for (const manager of managers) await manager[Symbol.asyncDispose]();
    await source?.stop();
    await zookeeper?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  test('the first one makes the cluster and prints the administrator, the second one joins', () => {
    expect(inits).toEqual([
      {
        code: 0,
        stdout: expect.stringMatching(/^name: admin\npassword: \S{16,}\n$/) as string,
        stderr:
          'Made ./data/cm-1, the first manager of the new cluster main at /drc in ZooKeeper. The first administrator; the password is shown this once:\n',
      },
      {
        code: 0,
        stdout: '',
        stderr:
          'Made ./data/cm-2, a further manager of the cluster main at /drc in ZooKeeper. Its users stay as they are.\n',
      },
    ]);
  });

  test('a store and readers find each other through either, also when the other was killed', async () => {
    const cwd = folder.path;
    const [, DRC_PASSWORD = ''] = /password: (.*)/.exec(inits[0]!.stdout)!;
    const keyOf = async (manager: string, ...flags: string[]): Promise<string> => {
      const args = ['cm', 'machine-key', '--manager', manager, '--topics', 'shop', ...flags];
      const { stdout } = await runCommand(args, { cwd, env: { DRC_PASSWORD } });
      return stdout.trim();
    };
    await writeFile(
      folder.file('store.yaml'),
      `topic: shop
directory: ./data/shop
source: { host: 127.0.0.1, port: ${source.port}, user: root }
listen: { port: 0 }
admin: { port: 0 }
clusterManagers: [${urls.join(', ')}]
`,
    );
    const [storeKey, clientKey] = await Promise.all([keyOf(urls[1]!), keyOf(urls[0]!, '--client')]);
    const env = { DRC_SOURCE_PASSWORD: '', DRC_MACHINE_KEY: storeKey };
    await using store = startCommand(['store', 'start', '--config', 'store.yaml'], { cwd, env });
    for (const url of urls) await store.prints(`"manager":"${url}"`);
    await source.query('INSERT INTO shop.t VALUES (1)');
    const client = { DRC_MANAGER: urls.join(','), DRC_MACHINE_KEY: clientKey };
    const tail = (): RunningCommand =>
      startCommand(['tail', 'shop', '--from', 'earliest'], { cwd, env: client });
    {
      await using reader = tail();
      await reader.prints(/insert/i);
    }
    managers[0]!.child.kill('SIGKILL');
    await managers[0]!.ended();
    await using reader = tail();
    await reader.prints(/insert/i);

    // The folder of the one that does not run is a way in, without a password.
    const users = await runCommand(['user', 'ls', '--config', 'cm-1.yaml'], { cwd });
    expect([users.code, users.stdout]).toEqual([0, expect.stringContaining('admin')]);
  });
});
