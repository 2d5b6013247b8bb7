import type { ConnectOptions, Credentials } from '@drc/client-sdk';
import { DrcError } from '@drc/protocol';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSecret } from './secret.js';

/** Written by `drc dev` into its data folder (mode 0600), so that `drc tail` beside it needs no flags. */
export interface ClientProfile {
  readonly clusterManager: string;
  readonly machineKey: string;
}

const profileFile = 'client.json';
export const defaultDataFolder = 'drc-data';
const defaultManager = 'http://127.0.0.1:7370';

export async function writeClientProfile(directory: string, profile: ClientProfile): Promise<void> {
  await writeFile(join(directory, profileFile), `${JSON.stringify(profile, null, 2)}\n`, { mode: 0o600 });
}

export interface ClientFlags {
  readonly manager?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly machineKeyFile?: string;
  readonly data?: string;
}

/** Flags win over the environment, the environment over the profile of `drc dev`: address and credentials each. */
export async function clientOptions(flags: ClientFlags): Promise<ConnectOptions> {
  const profile = await readProfile(join(flags.data ?? defaultDataFolder, profileFile));
  const clusterManager =
    flags.manager ?? process.env['DRC_MANAGER'] ?? profile?.clusterManager ?? defaultManager;
  const credentials = await credentialsFrom(flags, clusterManager);
  if (credentials !== undefined) return { clusterManager, credentials };
  if (profile !== undefined) return { clusterManager, credentials: { machineKey: profile.machineKey } };
  throw new DrcError(
    'CONFIG_INVALID',
    'No credentials: use --user NAME (with DRC_PASSWORD or --password-file), --machine-key-file FILE, or DRC_TOKEN; ' +
      `beside a running \`drc dev\` nothing is needed (--data names its folder, default ./${defaultDataFolder}).`,
  );
}

async function credentialsFrom(flags: ClientFlags, manager: string): Promise<Credentials | undefined> {
  const { DRC_USER, DRC_MACHINE_KEY, DRC_MACHINE_KEY_FILE, DRC_TOKEN } = process.env;
  const { machineKeyFile, passwordFile } = flags;
  const variable = 'DRC_MACHINE_KEY';
  if (flags.user === undefined && machineKeyFile !== undefined) {
    return { machineKey: (await readSecret({ variable, flagFile: machineKeyFile })).trim() };
  }
  const name = flags.user ?? DRC_USER;
  if (name !== undefined) {
    const prompt = `Password for ${name} at ${manager}: `;
    const orElse = '--password-file';
    return {
      name,
      password: await readSecret({ variable: 'DRC_PASSWORD', flagFile: passwordFile, prompt, orElse }),
    };
  }
  if (DRC_MACHINE_KEY !== undefined || DRC_MACHINE_KEY_FILE !== undefined) {
    return { machineKey: (await readSecret({ variable, file: DRC_MACHINE_KEY_FILE })).trim() };
  }
  return DRC_TOKEN === undefined ? undefined : { token: DRC_TOKEN };
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
