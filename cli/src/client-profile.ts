import type { ConnectOptions } from '@drc/client-sdk';
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

/** Flags win over the environment, the environment over the profile of `drc dev`. */
export async function clientOptions(flags: ClientFlags): Promise<ConnectOptions> {
  const user = flags.user ?? process.env['DRC_USER'];
  const keyFile = flags.machineKeyFile ?? process.env['DRC_MACHINE_KEY_FILE'];
  const key = process.env['DRC_MACHINE_KEY'];
  const token = process.env['DRC_TOKEN'];
  const manager = flags.manager ?? process.env['DRC_MANAGER'];
  const clusterManager = manager ?? 'http://127.0.0.1:7370';
  if (user !== undefined) {
    const password = await readSecret({
      variable: 'DRC_PASSWORD',
      file: flags.passwordFile,
      prompt: `Password for ${user} at ${clusterManager}: `,
    });
    return { clusterManager, credentials: { name: user, password } };
  }
  if (keyFile !== undefined || key !== undefined) {
    const machineKey = await readSecret({ variable: 'DRC_MACHINE_KEY', file: keyFile });
    return { clusterManager, credentials: { machineKey: machineKey.trim() } };
  }
  if (token !== undefined) return { clusterManager, credentials: { token } };
  const profile = await readProfile(join(flags.data ?? defaultDataFolder, profileFile));
  if (profile)
    return {
      clusterManager: manager ?? profile.clusterManager,
      credentials: { machineKey: profile.machineKey },
    };
  throw new DrcError(
    'CONFIG_INVALID',
    'No credentials: use --user NAME (with DRC_PASSWORD or --password-file), --machine-key-file FILE, or DRC_TOKEN; ' +
      `beside a running \`drc dev\` nothing is needed (--data names its folder, default ./${defaultDataFolder}).`,
  );
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
