import type { ConnectOptions, Credentials } from '@drc/client-sdk';
import { DrcError, isDrcError } from '@drc/protocol';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withAdvice } from './advice.js';
import { type TlsFlags, transportFrom } from './client-tls.js';
import { explainAddress, managerAddresses } from './manager-address.js';
import { readSecret } from './secret.js';

/** Written by `drc dev` into its data folder (mode 0600), so that `drc tail` beside it needs no flags. */
export interface ClientProfile {
  readonly clusterManager: string;
  readonly machineKey: string;
}

export const profileFile = 'client.json';
export const defaultDataFolder = 'drc-data';
const defaultManager = 'http://127.0.0.1:7370';

export async function writeClientProfile(directory: string, profile: ClientProfile): Promise<void> {
  await writeFile(join(directory, profileFile), `${JSON.stringify(profile, null, 2)}\n`, { mode: 0o600 });
}

export interface ClientFlags extends TlsFlags {
  readonly manager?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly machineKeyFile?: string;
  readonly data?: string;
}

/** Credentials, and in words where they come from. */
interface Found {
  readonly credentials: Credentials;
  readonly origin: string;
}

/** How a client command connects. */
export interface Client {
  readonly options: ConnectOptions;
  /** Names what was typed, where that is the fault. */
  explain(error: unknown): unknown;
}

/** Flags win over the environment, the environment over the profile of `drc dev`: address and credentials each. */
export async function clientFrom(flags: ClientFlags): Promise<Client> {
  const profilePath = join(flags.data ?? defaultDataFolder, profileFile);
  const profile = await readProfile(profilePath);
  const clusterManager = managerAddresses(
    flags.manager ?? process.env['DRC_MANAGER'] ?? profile?.clusterManager ?? defaultManager,
  );
  const found =
    (await credentialsFrom(flags, clusterManager.join(', '))) ??
    (profile && {
      credentials: { machineKey: profile.machineKey },
      origin: `the machine key in ${profilePath}`,
    });
  if (found === undefined) {
    throw new DrcError(
      'CONFIG_INVALID',
      'No credentials: use --user NAME (with DRC_PASSWORD or --password-file), --machine-key-file FILE, or DRC_TOKEN; ' +
        `beside a running \`drc dev\` nothing is needed (--data names its folder, default ./${defaultDataFolder}).`,
    );
  }
  const { credentials, origin } = found;
  return {
    options: { clusterManager, credentials, ...(await transportFrom(flags)) },
    explain: (error) =>
      isDrcError(error, 'UNAUTHENTICATED')
        ? withAdvice(error, `${clusterManager.join(', ')} does not take ${origin}.`)
        : explainAddress(error),
  };
}

async function credentialsFrom(flags: ClientFlags, manager: string): Promise<Found | undefined> {
  const { DRC_USER, DRC_MACHINE_KEY, DRC_MACHINE_KEY_FILE, DRC_TOKEN } = process.env;
  const { machineKeyFile, passwordFile } = flags;
  const variable = 'DRC_MACHINE_KEY';
  if (flags.user === undefined && machineKeyFile !== undefined) {
    const machineKey = (await readSecret({ variable, flagFile: machineKeyFile })).trim();
    return { credentials: { machineKey }, origin: `the machine key of --machine-key-file ${machineKeyFile}` };
  }
  const name = flags.user ?? DRC_USER;
  if (name !== undefined) {
    const password = await readSecret({
      variable: 'DRC_PASSWORD',
      flagFile: passwordFile,
      prompt: `Password for ${name} at ${manager}: `,
      orElse: '--password-file',
    });
    const given = passwordFile === undefined ? '' : ` (--password-file ${passwordFile})`;
    return { credentials: { name, password }, origin: `the name ${name} with this password${given}` };
  }
  if (DRC_MACHINE_KEY !== undefined || DRC_MACHINE_KEY_FILE !== undefined) {
    const machineKey = (await readSecret({ variable, file: DRC_MACHINE_KEY_FILE })).trim();
    const from = DRC_MACHINE_KEY === undefined ? `${DRC_MACHINE_KEY_FILE} (DRC_MACHINE_KEY_FILE)` : variable;
    return { credentials: { machineKey }, origin: `the machine key of ${from}` };
  }
  return DRC_TOKEN === undefined
    ? undefined
    : { credentials: { token: DRC_TOKEN }, origin: 'the token of DRC_TOKEN' };
}

async function readProfile(path: string): Promise<ClientProfile | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ClientProfile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DrcError(
      'CONFIG_INVALID',
      `${path}: cannot be read (${(error as Error).message}).`,
      {},
      { cause: error },
    );
  }
}
