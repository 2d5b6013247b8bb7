import { ClusterManager, initManager, parseManagerConfig } from '@drc/cluster-manager';
import { DrcError } from '@drc/protocol';
import { explainPort } from '../advice.js';
import { configFrom, readConfig } from '../config-file.js';
import { makeLogger } from '../logger.js';

export interface CmInitFlags {
  readonly data: string;
  readonly cluster?: string;
  readonly administrator?: string;
}

/** Makes the folder, the signing key and the first administrator; prints the password, once. */
export async function cmInit(flags: CmInitFlags): Promise<void> {
  const { administrator } = await initManager(flags.data, {
    ...(flags.cluster === undefined ? {} : { cluster: flags.cluster }),
    ...(flags.administrator === undefined ? {} : { administrator: flags.administrator }),
  });
  process.stderr.write(`Made ${flags.data}. The first administrator; the password is shown this once:\n`);
  process.stdout.write(`name: ${administrator.name}\npassword: ${administrator.password}\n`);
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
  if (flags.config === undefined && given.directory === undefined) {
    throw new DrcError(
      'CONFIG_INVALID',
      'Name a configuration with --config, or the folder that `drc cm init` made with --data.',
    );
  }
  const config =
    flags.config === undefined
      ? configFrom(parseManagerConfig, given)
      : await readConfig(flags.config, parseManagerConfig, given);
  const logger = makeLogger('cluster-manager');
  try {
    await using _manager = await ClusterManager.start(config, { logger });
    await aborted(signal);
    logger.info('stopping');
  } catch (error) {
    throw explainPort(error, [
      { port: config.listen.port, setting: 'listen.port (--port, DRC_CM_PORT)' },
      { port: config.admin.port, setting: 'admin.port (--admin-port, DRC_CM_ADMIN_PORT)' },
    ]);
  }
}

export function portFrom(variable: string): number | undefined {
  const text = process.env[variable];
  if (text === undefined) return undefined;
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new DrcError('CONFIG_INVALID', `${variable}: '${text}' is not a port.`);
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
