import { parseManagerConfig, type ManagerConfig } from '@drc/cluster-manager';
import { DrcError } from '@drc/protocol';
import { configFrom, readConfig } from './config-file.js';
import { readSecret } from './secret.js';

/** @throws DrcError `CONFIG_INVALID`. */
export async function managerConfigOf(
  flags: { readonly config?: string },
  given: Readonly<Record<string, unknown>>,
): Promise<ManagerConfig> {
  if (flags.config === undefined && given['directory'] === undefined) {
    throw new DrcError(
      'CONFIG_INVALID',
      'Name a configuration with --config, or the folder that `drc cm init` makes with --data.',
    );
  }
  return flags.config === undefined
    ? configFrom(parseManagerConfig, given)
    : await readConfig(flags.config, parseManagerConfig, given);
}

/** @throws DrcError `CONFIG_INVALID` where the registry is in ZooKeeper, and there is no password. */
export async function managerSecretsOf({
  registry,
}: ManagerConfig): Promise<{ readonly zookeeperPassword?: string }> {
  if (registry === undefined) return {};
  const zookeeperPassword = await readSecret({
    variable: 'DRC_ZOOKEEPER_PASSWORD',
    file: registry.zookeeper.auth.passwordFile,
    orElse: 'registry.zookeeper.auth.passwordFile',
  });
  return { zookeeperPassword };
}
