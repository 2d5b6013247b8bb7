import {
  ClusterManager,
  initManager,
  initSharedManager,
  type Credentials,
  type InitOptions,
  type ManagerConfig,
} from '@drc/cluster-manager';
import { explainPort } from '../advice.js';
import { makeLogger } from '../logger.js';
import { managerConfigOf, managerSecretsOf } from '../manager-config.js';
import { portFrom } from '../port-from.js';
import { aborted } from '../stop-signal.js';

export interface CmInitFlags {
  readonly config?: string;
  readonly data?: string;
  readonly cluster?: string;
  readonly administrator?: string;
}

/**
 * Makes the folder and the signing key; of a new cluster also the first administrator, whose password it prints, once. Where
 * the configuration names a registry in ZooKeeper, and a cluster is there, the manager joins it.
 */
export async function cmInit(flags: CmInitFlags): Promise<void> {
  const config = await managerConfigOf(flags, { directory: flags.data ?? process.env['DRC_CM_DATA'] });
  const { directory, registry } = config;
  const cluster = flags.cluster ?? config.cluster;
  const options = {
    ...(cluster === undefined ? {} : { cluster }),
    ...(flags.administrator === undefined ? {} : { administrator: flags.administrator }),
  };
  if (registry === undefined) {
    const { administrator } = await initManager(directory, options);
    process.stderr.write(`Made ${directory}. `);
    tellAdministrator(administrator);
  } else await initShared(config, registry.zookeeper, options);
}

async function initShared(
  config: ManagerConfig,
  zookeeper: NonNullable<ManagerConfig['registry']>['zookeeper'],
  options: InitOptions,
): Promise<void> {
  const { directory } = config;
  const made = await initSharedManager({ directory, zookeeper }, await managerSecretsOf(config), options);
  const place = `at ${zookeeper.root} in ZooKeeper`;
  if (made.administrator === undefined) {
    process.stderr.write(
      `Made ${directory}, a further manager of the cluster ${made.cluster} ${place}. Its users stay as they are.\n`,
    );
    return;
  }
  process.stderr.write(`Made ${directory}, the first manager of the new cluster ${made.cluster} ${place}. `);
  tellAdministrator(made.administrator);
}

function tellAdministrator({ name, password }: Credentials): void {
  process.stderr.write('The first administrator; the password is shown this once:\n');
  process.stdout.write(`name: ${name}\npassword: ${password}\n`);
}

export interface CmStartFlags {
  readonly config?: string;
  readonly data?: string;
  readonly port?: number;
  readonly adminPort?: number;
}

/** Runs a cluster manager until `signal` is aborted. */
export async function cmStart(flags: CmStartFlags, signal: AbortSignal): Promise<void> {
  const given = {
    directory: flags.data ?? process.env['DRC_CM_DATA'],
    'listen.port': flags.port ?? portFrom('DRC_CM_PORT'),
    'admin.port': flags.adminPort ?? portFrom('DRC_CM_ADMIN_PORT'),
  };
  const config = await managerConfigOf(flags, given);
  const logger = await makeLogger('cluster-manager');
  try {
    await using _manager = await ClusterManager.start(config, {
      logger,
      ...(await managerSecretsOf(config)),
    });
    await aborted(signal);
    logger.info('stopping');
  } catch (error) {
    throw explainPort(error, [
      { port: config.listen.port, setting: 'listen.port (--port, DRC_CM_PORT)' },
      { port: config.admin.port, setting: 'admin.port (--admin-port, DRC_CM_ADMIN_PORT)' },
    ]);
  }
}
