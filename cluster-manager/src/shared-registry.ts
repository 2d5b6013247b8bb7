import { DrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import type { Clock } from './clock.js';
import type { ManagerConfig } from './config.js';
import type { RegistryState } from './registry/registry.js';
import type { ZooKeeperOptions, ZooKeeperRegistry } from './registry/zookeeper.js';
import type { ZooKeeperConfig } from './zookeeper-config.js';

/** What a manager must be told beside its file. */
export interface SharedRegistrySecrets {
  /** Of `registry.zookeeper.auth.user`: at least 16 characters, and the same for all managers of the cluster. */
  readonly zookeeperPassword?: string | undefined;
}

const shortestPassword = 16;
/** Longer than ZooKeeper needs to choose another leader. */
const writeMs = 10_000;

/** With the client of ZooKeeper, which is loaded only where the registry is there. */
export async function loadZooKeeperRegistry(): Promise<typeof ZooKeeperRegistry> {
  return (await import('./registry/zookeeper.js')).ZooKeeperRegistry;
}

/** @throws DrcError `CONFIG_INVALID` without a password, or with one that could be guessed. */
export function zooKeeperOptions(
  config: Pick<ManagerConfig, 'directory'> & { readonly zookeeper: ZooKeeperConfig },
  { zookeeperPassword: password = '' }: SharedRegistrySecrets,
  clock: Clock,
  logger?: Logger,
): ZooKeeperOptions {
  if (password.length < shortestPassword) {
    throw new DrcError(
      'CONFIG_INVALID',
      `The registry in ZooKeeper needs a password of at least ${shortestPassword} characters, the same for all managers: registry.zookeeper.auth.passwordFile, or DRC_ZOOKEEPER_PASSWORD.`,
    );
  }
  const { servers, root, auth, sessionTimeoutMs, offlineReadsMs } = config.zookeeper;
  return {
    directory: config.directory,
    servers,
    root,
    user: auth.user,
    password,
    sessionTimeoutMs,
    offlineReadsMs,
    writeMs,
    clock,
    onChange: (problem) => {
      if (problem === undefined) logger?.info('connected to ZooKeeper again');
      else
        logger?.error(
          { code: problem.code, reason: problem.message },
          'cut off from ZooKeeper: what was known is answered, nothing is changed',
        );
    },
  };
}

/** What `/readyz` says: whether requests are answered, and how well. */
export function readinessOf(state: RegistryState): { readonly isReady: boolean; readonly text: string } {
  if (state.kind === 'live') return { isReady: true, text: 'ok' };
  const seconds = Math.round(state.ageMs / 1000);
  const text = `cut off from the registry for ${seconds} s: ${state.reason}`;
  return state.isReadable
    ? { isReady: true, text: `ok, but ${text} What was known then is answered, nothing is changed.` }
    : { isReady: false, text: `not ready: ${text}` };
}
