import type { AdministrationCalls } from '@drc/cluster-manager';
import { DrcError, isDrcError } from '@drc/protocol';
import { withAdvice } from '../advice.js';
import { ManagerClient } from '../manager-client.js';
import { readSecret } from '../secret.js';

/** Where users and keys are: the folder of a stopped manager, or a running one and an administrator of it. */
export interface AccessFlags {
  readonly data?: string;
  readonly manager?: string;
  /** The administrator. */
  readonly user: string;
  readonly passwordFile?: string;
}

/** Works in the folder, or, where a manager runs and so holds its folder, through it. */
async function withAccess<Result>(
  flags: AccessFlags,
  work: (administration: AdministrationCalls) => Promise<Result>,
): Promise<Result> {
  const { data, manager } = flags;
  if (data === undefined) return work(await logIn(flags));
  // Only here: who asks a running manager needs none of it.
  const { administer } = await import('@drc/cluster-manager');
  try {
    return await administer(data, work);
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

async function logIn({ manager, user, passwordFile }: AccessFlags): Promise<ManagerClient> {
  if (manager === undefined) {
    throw new DrcError('CONFIG_INVALID', 'Name the folder with --data, or a running manager with --manager.');
  }
  const password = await readSecret({
    variable: 'DRC_PASSWORD',
    flagFile: passwordFile,
    prompt: `Password for ${user} at ${manager}: `,
    orElse: '--password-file',
  });
  return ManagerClient.login(manager, { name: user, password });
}

export interface MachineKeyFlags extends AccessFlags {
  readonly topics: readonly string[];
  readonly client?: boolean;
  readonly tables?: readonly string[];
}

/** Prints a new machine key. */
export async function cmMachineKey(flags: MachineKeyFlags): Promise<void> {
  const request = {
    kind: flags.client ? ('client' as const) : ('store' as const),
    topics: flags.topics,
    ...(flags.tables === undefined ? {} : { tables: flags.tables }),
  };
  const { key } = await withAccess(flags, (administration) => administration.makeMachineKey(request));
  process.stdout.write(`${key}\n`);
}

export interface UserFlags extends AccessFlags {
  readonly administrator?: boolean;
  readonly topics?: readonly string[];
  readonly tables?: readonly string[];
  readonly replace?: boolean;
}

/** Adds a user and prints the generated password, once. */
export async function cmUser(name: string, flags: UserFlags): Promise<void> {
  const { administrator, topics, tables, replace } = flags;
  try {
    const made = await withAccess(flags, (administration) =>
      administration.addUser({ name, administrator, topics, tables, replace }),
    );
    process.stdout.write(`name: ${made.name}\npassword: ${made.password}\n`);
  } catch (error) {
    if (!isDrcError(error, 'REQUEST_INVALID') || error.details['reason'] !== 'exists') throw error;
    throw withAdvice(error, '--replace gives the user a new password and these rights, and ends its logins.');
  }
}

/** One user a line: name, whether it administers, topics, tables. */
export async function cmUsers(flags: AccessFlags): Promise<void> {
  const users = await withAccess(flags, (administration) => administration.users());
  for (const { name, administrator, reads } of users) {
    printLine(name, administrator ? 'administrator' : 'user', reads.topics.join(','), reads.tables.join(','));
  }
}

export async function cmRemoveUser(name: string, flags: AccessFlags): Promise<void> {
  await withAccess(flags, (administration) => administration.removeUser(name));
}

/** One key a line: id, kind, topics, tables of a client, day on which it was made. */
export async function cmMachineKeys(flags: AccessFlags): Promise<void> {
  const keys = await withAccess(flags, (administration) => administration.machineKeys());
  for (const { id, kind, topics, tables = [], createdAt } of keys) {
    printLine(id, kind, topics.join(','), tables.join(',') || '-', new Date(createdAt).toISOString());
  }
}

/** @param text the id, the key itself, or the principal as logs name it */
export async function cmRemoveMachineKey(text: string, flags: AccessFlags): Promise<void> {
  const id = /^(?:drcmk_|machine:)?([0-9a-f]{16})(?:_|$)/.exec(text)?.[1];
  if (id === undefined) {
    // It may be a key with a typing error: not repeated.
    throw new DrcError(
      'CONFIG_INVALID',
      'That is not the id of a machine key; `drc cm machine-keys` lists them.',
    );
  }
  await withAccess(flags, (administration) => administration.removeMachineKey(id));
}

const printLine = (...cells: readonly string[]): void => {
  process.stdout.write(`${cells.join('\t')}\n`);
};
