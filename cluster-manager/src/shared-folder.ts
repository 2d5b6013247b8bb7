import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError } from '@drc/protocol';
import { makeUser, mustBe, type AdministrationCalls, type Credentials } from './administration.js';
import { systemClock } from './clock.js';
import {
  administerIn,
  makeFolder,
  signingKeyPath,
  type FolderOptions,
  type InitOptions,
} from './manager-folder.js';
import { PasswordHasher } from './password.js';
import { plainName } from './registry/records.js';
import type { FirstRecord } from './registry/registry.js';
import { loadZooKeeperRegistry, zooKeeperOptions, type SharedRegistrySecrets } from './shared-registry.js';
import { makeSigningKey, writeSigningKey } from './signing-key.js';
import type { ZooKeeperConfig } from './zookeeper-config.js';

/*
 * The folder of a cluster manager whose registry is in ZooKeeper, mode 0700:
 *
 *   signing-key.pem                  the private key, mode 0600; each manager has its own
 *   zookeeper.mark, manager.lock     see registry/zookeeper-mark.ts
 */
export interface SharedInit {
  readonly directory: string;
  readonly zookeeper: ZooKeeperConfig;
}

export interface SharedInitResult {
  readonly cluster: string;
  /** Absent: there was a cluster, with its users, and this manager has joined it. */
  readonly administrator?: Credentials;
}

/**
 * Makes the folder of a manager: of a new cluster where ZooKeeper has none at the root, else of the one that is there.
 * `DATA_FOLDER` unless the folder does not exist or is empty, or where the cluster has another name than was asked for;
 * and what reaching ZooKeeper can end with. The folder is empty again then.
 */
export async function initSharedManager(
  { directory, zookeeper }: SharedInit,
  secrets: SharedRegistrySecrets,
  { cluster, administrator = 'admin', passwordCost, clock = systemClock }: InitOptions = {},
): Promise<SharedInitResult> {
  mustBe(plainName, cluster ?? 'main', 'name of the cluster');
  const options = zooKeeperOptions({ directory, zookeeper }, secrets, clock);
  await makeFolder(directory);
  const signingKey = makeSigningKey();
  let made: Credentials | undefined;
  const firstRecords = async (): Promise<readonly FirstRecord[]> => {
    const now = clock.now();
    const { credentials, record } = await makeUser(
      { name: administrator, administrator: true },
      new PasswordHasher(passwordCost),
      now,
    );
    made = credentials;
    return [
      { kind: 'cluster', key: 'cluster', value: { name: cluster ?? 'main', createdAt: now } },
      { kind: 'signingKey', key: signingKey.kid, value: signingKey.publicKey },
      { kind: 'user', key: record.name, value: record },
    ];
  };
  try {
    await writeSigningKey(signingKeyPath(directory), signingKey);
    const ZooKeeperRegistry = await loadZooKeeperRegistry();
    const isNew = await ZooKeeperRegistry.create(options, firstRecords);
    if (isNew && made !== undefined) return { cluster: cluster ?? 'main', administrator: made };
    await ZooKeeperRegistry.join(options);
    await using registry = await ZooKeeperRegistry.open(options);
    const name = (await registry.get('cluster', 'cluster'))?.value.name;
    if (name === undefined) throw new DrcError('REGISTRY_CORRUPT', 'The registry does not name its cluster.');
    if (cluster !== undefined && cluster !== name) {
      throw new DrcError('DATA_FOLDER', `${zookeeper.root} is of the cluster ${name}, not ${cluster}.`, {
        reason: 'cluster',
      });
    }
    await registry.put('signingKey', signingKey.kid, signingKey.publicKey, 'absent');
    return { cluster: name };
  } catch (error) {
    for (const file of [signingKeyPath(directory), join(directory, 'zookeeper.mark')])
      await rm(file, { force: true });
    throw error;
  }
}

/** As `administer`, for a manager whose registry is in ZooKeeper: its folder, while it does not run, is the way in. */
export async function administerShared<Result>(
  { directory, zookeeper }: SharedInit,
  secrets: SharedRegistrySecrets,
  work: (administration: AdministrationCalls) => Promise<Result>,
  options: FolderOptions = {},
): Promise<Result> {
  const { clock = systemClock } = options;
  const shared = zooKeeperOptions({ directory, zookeeper }, secrets, clock);
  const ZooKeeperRegistry = await loadZooKeeperRegistry();
  await using registry = await ZooKeeperRegistry.open(shared);
  return await administerIn(registry, directory, work, options);
}
