import {
  ClusterManager,
  addUser,
  createMachineKey,
  initManager,
  parseManagerConfig,
} from '@drc/cluster-manager';
import { DrcError, isDrcError } from '@drc/protocol';
import { readConfig } from '../config-file.js';
import { makeLogger } from '../logger.js';
import { readSecret } from '../secret.js';
import { ManagerClient } from '../manager-client.js';

/** Makes the folder, the signing key and the first administrator; prints the password, once. */
export async function cmInit(flags: {
  data: string;
  cluster?: string;
  administrator?: string;
}): Promise<void> {
  const { administrator } = await initManager(flags.data, {
    ...(flags.cluster === undefined ? {} : { cluster: flags.cluster }),
    ...(flags.administrator === undefined ? {} : { administrator: flags.administrator }),
  });
  process.stderr.write(`Made ${flags.data}. The first administrator; the password is shown this once:\n`);
  process.stdout.write(`name: ${administrator.name}\npassword: ${administrator.password}\n`);
}

export interface MachineKeyFlags {
  readonly data?: string;
  readonly topics: readonly string[];
  readonly client?: boolean;
  readonly tables?: readonly string[];
  readonly manager?: string;
  readonly user: string;
  readonly passwordFile?: string;
}

/** Prints a new machine key, made in the folder of a manager or, where it runs and so holds its folder, by itself. */
export async function cmMachineKey(flags: MachineKeyFlags): Promise<void> {
  const request = {
    kind: flags.client ? ('client' as const) : ('store' as const),
    topics: flags.topics,
    ...(flags.tables === undefined ? {} : { tables: flags.tables }),
  };
  const key = flags.data === undefined ? undefined : await keyFromFolder(flags.data, request, flags.manager);
  process.stdout.write(`${key ?? (await keyFromManager(flags, request))}\n`);
}

/** @returns nothing where a manager runs on the folder and its address is given. */
async function keyFromFolder(
  directory: string,
  request: Parameters<typeof createMachineKey>[1],
  manager: string | undefined,
): Promise<string | undefined> {
  try {
    return (await createMachineKey(directory, request)).key;
  } catch (error) {
    if (!isDrcError(error, 'DATA_FOLDER') || error.details['reason'] !== 'locked') throw error;
    if (manager !== undefined) return undefined;
    throw new DrcError(
      'DATA_FOLDER',
      `${directory} is in use by a running manager: name it with --manager URL, and an administrator with --user and DRC_PASSWORD.`,
      { reason: 'locked' },
      { cause: error },
    );
  }
}

async function keyFromManager(flags: MachineKeyFlags, request: object): Promise<string> {
  const { manager: address, user, passwordFile } = flags;
  if (address === undefined) {
    throw new DrcError('CONFIG_INVALID', 'Name the folder with --data, or a running manager with --manager.');
  }
  const prompt = `Password for ${user} at ${address}: `;
  const password = await readSecret({
    variable: 'DRC_PASSWORD',
    flagFile: passwordFile,
    prompt,
    orElse: '--password-file',
  });
  const manager = await ManagerClient.login(address, { name: user, password });
  return manager.makeMachineKey(request);
}

export interface UserFlags {
  readonly data: string;
  readonly administrator?: boolean;
  readonly topics?: readonly string[];
  readonly tables?: readonly string[];
  readonly replace?: boolean;
}

/** Adds a user to the folder of a stopped manager and prints the generated password, once. */
export async function cmUser(name: string, flags: UserFlags): Promise<void> {
  const { data, ...rights } = flags;
  const made = await addUser(data, { name, ...rights });
  process.stdout.write(`name: ${made.name}\npassword: ${made.password}\n`);
}

export interface CmStartFlags {
  readonly config: string;
  readonly data?: string;
  readonly port?: number;
  readonly adminPort?: number;
}

/** Runs a cluster manager until `signal` is aborted. */
export async function cmStart(flags: CmStartFlags, signal: AbortSignal): Promise<void> {
  const config = await readConfig(flags.config, parseManagerConfig, {
    directory: flags.data ?? process.env['DRC_CM_DATA'],
    'listen.port': flags.port ?? portFrom('DRC_CM_PORT'),
    'admin.port': flags.adminPort ?? portFrom('DRC_CM_ADMIN_PORT'),
  });
  const logger = makeLogger('cluster-manager');
  await using _manager = await ClusterManager.start(config, { logger });
  await aborted(signal);
  logger.info('stopping');
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
