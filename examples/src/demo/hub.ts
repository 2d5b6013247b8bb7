import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatabaseServer } from '@drc/local-servers';
import { Command, runCommand } from './command.js';
import type { Disposables } from './disposables.js';
import type { ProcessGuard } from './process-guard.js';

const drc = fileURLToPath(import.meta.resolve('@drc/cli/bin/drc.js'));
const congo = fileURLToPath(import.meta.resolve('@drc/cli/bin/congo.js'));

export interface RunningHub {
  readonly manager: string;
  readonly store: string;
  readonly administrator: { readonly name: string; readonly password: string };
  readonly processes: readonly Command[];
  /** The key of one more client. */
  clientKey(): Promise<string>;
}

/** Cluster manager, store and congo by the commands that a user would type, with files in `folder`. */
export async function startHub(
  folder: string,
  source: DatabaseServer,
  target: DatabaseServer,
  guard: ProcessGuard,
  cleanUp: Disposables,
): Promise<RunningHub> {
  const file = (name: string): string => join(folder, name);
  const write = (name: string, text: string): Promise<void> => writeFile(file(name), text, { mode: 0o600 });
  const made = await runCommand([drc, 'cm', 'init', '--data', 'cm'], folder);
  const administrator = {
    name: /^name: (.*)$/m.exec(made)![1]!,
    password: /^password: (.*)$/m.exec(made)![1]!,
  };
  const storeKey = await runCommand([drc, 'cm', 'machine-key', '--data', 'cm', '--topics', 'shop'], folder);
  await write('store.key', storeKey);
  await write('admin.password', administrator.password);
  await write('source.password', source.password);
  await write('target.password', target.password);

  // Port 0: a free one; the log says which.
  await write('cm.yaml', 'directory: ./cm\nlisten: { port: 0 }\nadmin: { port: 0 }\n');
  const start = (name: string, args: readonly string[]): Command =>
    cleanUp.use(new Command({ args, cwd: folder, guard, logFile: file(`${name}.log`) }));
  const managerProcess = start('cm', [drc, 'cm', 'start', '--config', 'cm.yaml']);
  const { url: manager = '' } = await ready(managerProcess);

  await write(
    'store.yaml',
    `topic: shop
directory: ./store
source: { host: 127.0.0.1, port: ${source.port}, user: ${source.user}, passwordFile: ./source.password }
listen: { port: 0 }
admin: { port: 0 }
clusterManagers: [${manager}]
machineKeyFile: ./store.key
`,
  );
  const storeProcess = start('store', [drc, 'store', 'start', '--config', 'store.yaml']);
  const { url: store = '' } = await ready(storeProcess);

  const login = ['--manager', manager, '--user', administrator.name, '--password-file', 'admin.password'];
  const clientKey = (...rights: readonly string[]): Promise<string> =>
    runCommand([drc, 'cm', 'machine-key', '--client', '--topics', 'shop', ...rights, ...login], folder);
  await write('congo.key', await clientKey('--snapshot'));
  await write(
    'congo.yaml',
    `task: shop-copy
clusterManager: ${manager}
machineKeyFile: ./congo.key
topic: shop
from: snapshot
tables: [{ from: shop.* }]
ddl: ignore
target: { host: 127.0.0.1, port: ${target.port}, user: ${target.user}, passwordFile: ./target.password }
admin: { port: 0 }
`,
  );
  const congoProcess = start('congo', [congo, 'run', '--config', 'congo.yaml']);
  await ready(congoProcess);
  return {
    manager,
    store,
    administrator,
    clientKey,
    processes: [managerProcess, storeProcess, congoProcess],
  };
}

async function ready(command: Command): Promise<{ url?: string }> {
  const addresses = await command.addresses();
  await command.until(async () => {
    const answer = await fetch(`${addresses.adminUrl}/readyz`).catch(() => undefined);
    return answer?.ok === true;
  });
  return addresses;
}
