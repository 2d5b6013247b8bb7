import type { AdministrationCalls } from '@drc/cluster-manager';
import { DrcError, isDrcError } from '@drc/protocol';
import { withAdvice } from './advice.js';
import { type TlsFlags, transportFrom } from './client-tls.js';
import { logInTo } from './manager-client.js';
import { readSecret } from './secret.js';

/** Where users, grants and keys are: the folder of a stopped manager, or a running one and an administrator of it. */
export interface AccessFlags extends TlsFlags {
  readonly data?: string;
  /** The manager's file, in the place of `data`: where its registry is in ZooKeeper. */
  readonly config?: string;
  readonly manager?: string;
  /** The administrator. */
  readonly user: string;
  readonly passwordFile?: string;
}

/** Works in the folder, or, where a manager runs and so holds its folder, through it. */
export async function withAccess<Result>(
  flags: AccessFlags,
  work: (administration: AdministrationCalls) => Promise<Result>,
): Promise<Result> {
  const { data = flags.config } = flags;
  const manager = managerOf(flags);
  if (data === undefined) return work(await logIn(flags));
  try {
    return await administerStopped(flags, work);
  } catch (error) {
    if (!isDrcError(error, 'DATA_FOLDER') || error.details['reason'] !== 'locked') throw error;
    if (manager !== undefined) return work(await logIn(flags));
    throw withAdvice(
      new DrcError(
        'DATA_FOLDER',
        `${data} is in use by a running manager.`,
        { reason: 'locked' },
        { cause: error },
      ),
      'Ask that manager: --manager URL in the place of --data, and an administrator with --user and DRC_PASSWORD.',
    );
  }
}

async function administerStopped<Result>(
  { config: file, data }: AccessFlags,
  work: (administration: AdministrationCalls) => Promise<Result>,
): Promise<Result> {
  // Only here: who asks a running manager needs none of it.
  const { administer, administerShared } = await import('@drc/cluster-manager');
  if (file === undefined) return administer(data!, work);
  const { managerConfigOf, managerSecretsOf } = await import('./manager-config.js');
  const config = await managerConfigOf({ config: file }, { directory: data });
  const { directory, registry } = config;
  if (registry === undefined) return administer(directory, work);
  return administerShared({ directory, ...registry }, await managerSecretsOf(config), work);
}

async function logIn(flags: AccessFlags): Promise<AdministrationCalls> {
  const { user, passwordFile } = flags;
  const manager = managerOf(flags);
  if (manager === undefined) {
    throw new DrcError('CONFIG_INVALID', 'Name the folder with --data, or a running manager with --manager.');
  }
  const password = await readSecret({
    variable: 'DRC_PASSWORD',
    flagFile: passwordFile,
    prompt: `Password for ${user} at ${manager}: `,
    orElse: '--password-file',
  });
  return logInTo(manager, { name: user, password }, await transportFrom(flags));
}

const managerOf = ({ manager }: AccessFlags): string | undefined => manager ?? process.env['DRC_MANAGER'];
