import { ClusterManager, addUser, createMachineKey, initManager, parseManagerConfig } from '@drc/cluster-manager';
import { DrcError, type ErrorCode } from '@drc/protocol';
import { type Store, parseStoreConfig } from '@drc/store';
import { existsSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultDataFolder, writeClientProfile } from '../client-profile.js';
import { makeLogger } from '../logger.js';
import { describeError } from '../print-error.js';
import { readSecret } from '../secret.js';
import { runStore } from './store.js';

export interface DevFlags {
  readonly source: string;
  readonly topic?: string;
  readonly data: string;
  readonly tables?: readonly string[];
  readonly port: number;
  readonly storePort: number;
}

interface Source {
  /** Without a password. */
  readonly url: string;
  readonly user: string;
  readonly host: string;
  readonly passwordInUrl: string | undefined;
  readonly path: string;
}

const userName = 'dev';

/**
 * Cluster manager and store in one process over one folder, with the same HTTP, sockets and tickets as in separate
 * processes. Keys and the user `dev` are made anew at each start: nothing secret outlives the process but in the folder.
 */
export async function dev(flags: DevFlags, signal: AbortSignal): Promise<void> {
  const source = parseSource(flags.source);
  const topic = flags.topic ?? (source.path || 'main');
  const sourcePassword =
    process.env['DRC_SOURCE_PASSWORD'] ??
    source.passwordInUrl ??
    (await readSecret({ variable: 'DRC_SOURCE_PASSWORD', prompt: `Password for ${source.user}@${source.host}: ` }));
  const logger = makeLogger('dev', process.env['DRC_LOG_LEVEL'] ?? 'warn');

  await mkdir(flags.data, { recursive: true, mode: 0o700 });
  await chmod(flags.data, 0o700);
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
  const config = parseStoreConfig({
    topic,
    directory: join(flags.data, 'topics', topic),
    source: { url: source.url },
    capture: { include: flags.tables ?? [] },
    listen: { port: flags.storePort },
    admin: { port: 0 },
    clusterManagers: [manager.url],
  });
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
  await runStore(config, { sourcePassword, machineKey: storeKey.key }, logger, signal, (store) => {
    void whenReading(store, signal).then((reading) => reading && process.stdout.write(banner(store)));
  });
}

/** Resolves with true once the source has been checked and its binlog is being read, with false when that will not be. */
async function whenReading(store: Store, signal: AbortSignal): Promise<boolean> {
  let said: ErrorCode | undefined;
  while (!signal.aborted) {
    const { state } = store.capture;
    if (state.kind === 'streaming') return true;
    if (state.kind === 'stopped') return false;
    if (state.kind === 'waiting' && state.error.code !== said) {
      said = state.error.code;
      process.stderr.write(`Waiting for the source. ${describeError(state.error)}\n`);
    }
    await sleep(50);
  }
  return false;
}

/** @throws DrcError `CONFIG_INVALID`. The password is taken out at once: it is shown nowhere. */
function parseSource(text: string): Source {
  const wrong = (why: string): DrcError =>
    new DrcError('CONFIG_INVALID', `--source ${why}. It reads mysql://user@host:3306.`);
  if (!URL.canParse(text)) throw wrong('is not a URL');
  const url = new URL(text);
  if (!['mysql:', 'mariadb:'].includes(url.protocol)) throw wrong(`begins with ${url.protocol}//, not mysql://`);
  if (url.username === '') throw wrong('names no user');
  const passwordInUrl = url.password === '' ? undefined : decodeURIComponent(url.password);
  if (passwordInUrl !== undefined) {
    process.stderr.write('Warning: a password on the command line can be seen by other users (ps). Use DRC_SOURCE_PASSWORD.\n');
  }
  const path = decodeURIComponent(url.pathname.replace(/^\//, ''));
  url.password = '';
  url.pathname = '';
  return { url: url.href, user: decodeURIComponent(url.username), host: url.host, passwordInUrl, path };
}
