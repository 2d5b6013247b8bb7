import {
  ClusterManager,
  addUser,
  createMachineKey,
  initManager,
  parseManagerConfig,
} from '@drc/cluster-manager';
import { DrcError } from '@drc/protocol';
import { type Store, type StoreConfig, parseStoreConfig } from '@drc/store';
import { existsSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultDataFolder, writeClientProfile } from '../client-profile.js';
import { makeLogger } from '../logger.js';
import { readSecret } from '../secret.js';
import { parseSourceUrl } from '../source-url.js';
import { runStore } from './store.js';

export interface DevFlags {
  readonly source: string;
  readonly topic?: string;
  readonly data: string;
  readonly tables?: readonly string[];
  readonly port: number;
  readonly storePort: number;
}

const userName = 'dev';

/**
 * Cluster manager and store in one process over one folder, with the same HTTP, sockets and tickets as in separate
 * processes. Keys and the user `dev` are made anew at each start: nothing secret outlives the process but in the folder.
 */
export async function dev(flags: DevFlags, signal: AbortSignal): Promise<void> {
  const source = parseSourceUrl(flags.source, 'drc dev');
  const topic = flags.topic ?? (source.path || 'main');
  const sourcePassword =
    process.env['DRC_SOURCE_PASSWORD'] ??
    source.passwordInUrl ??
    (await readSecret({
      variable: 'DRC_SOURCE_PASSWORD',
      prompt: `Password for ${source.user}@${source.host}: `,
    }));
  const logger = makeLogger('dev', process.env['DRC_LOG_LEVEL'] ?? 'warn');
  const { level } = logger;
  // What goes wrong before the banner is told once, in words, and not also as log lines.
  if (process.env['DRC_LOG_LEVEL'] === undefined) logger.level = 'silent';

  const storeConfig = (manager: string): StoreConfig =>
    parseStoreConfig({
      topic,
      directory: join(flags.data, 'topics', topic),
      source: { url: source.url },
      capture: { include: flags.tables ?? [] },
      listen: { port: flags.storePort },
      admin: { port: 0 },
      clusterManagers: [manager],
    });
  // Before anything is made: a wrong topic or table is a fault of the command line.
  storeConfig('http://127.0.0.1');
  await makeFolder(flags.data);
  const managerFolder = join(flags.data, 'cluster-manager');
  if (!existsSync(managerFolder)) await initManager(managerFolder);
  const { password } = await addUser(managerFolder, { name: userName, administrator: true, replace: true });
  const storeKey = await createMachineKey(managerFolder, { kind: 'store', topics: [topic] });
  const clientKey = await createMachineKey(managerFolder, { kind: 'client', topics: ['**'] });

  await using manager = await ClusterManager.start(
    parseManagerConfig({ directory: managerFolder, listen: { port: flags.port }, admin: { port: 0 } }),
    { logger },
  );
  await writeClientProfile(flags.data, { clusterManager: manager.url, machineKey: clientKey.key });
  const config = storeConfig(manager.url);
  const banner = (store: Store): string => `
DRC is running over ${flags.data} (Ctrl-C stops it).

  source           ${source.user}@${source.host}
  topic            ${topic}
  cluster manager  ${manager.url}
  store            ${store.url}
  metrics          ${store.adminUrl}/metrics
  name             ${userName}
  password         ${password}

Try, in another terminal:

  npx --no -- drc tail ${topic} --from -15m${resolve(flags.data) === resolve(defaultDataFolder) ? '' : ` --data ${flags.data}`}

`;
  await runStore(config, { sourcePassword, machineKey: storeKey.key }, logger, signal, async (store) => {
    await whenReading(store, signal);
    logger.level = level;
    if (!signal.aborted) process.stdout.write(banner(store));
  });
}

async function makeFolder(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
  } catch (cause) {
    throw new DrcError(
      'DATA_FOLDER',
      `${directory} cannot be made (${(cause as Error).message}).`,
      {},
      { cause },
    );
  }
}

/**
 * Resolves once the source has been checked, its binlog is being read, and readers can find the store.
 * @throws DrcError what keeps the source from being read: whoever has just typed its address sits in front of it.
 */
async function whenReading(store: Store, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { state } = store.capture;
    if (state.kind === 'streaming' && store.announcer.state.kind === 'announced') return;
    if ((state.kind === 'waiting' || state.kind === 'stopped') && state.error !== undefined)
      throw state.error;
    await sleep(50);
  }
}
