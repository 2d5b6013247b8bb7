import { DrcError, isDrcError } from '@drc/protocol';
import { type AccessFlags, withAccess } from '../access.js';
import { withAdvice } from '../advice.js';
import { printLine } from '../print-line.js';

export interface MachineKeyFlags extends AccessFlags {
  readonly topics: readonly string[];
  readonly client?: boolean;
  readonly tables?: readonly string[];
  readonly snapshot?: boolean;
  readonly backfill?: boolean;
}

/** Prints a new machine key. */
export async function cmMachineKey(flags: MachineKeyFlags): Promise<void> {
  const { topics, tables = ['**'], snapshot, backfill } = flags;
  const request = flags.client
    ? { kind: 'client' as const, grants: [{ topics, tables, snapshot, backfill }] }
    : { kind: 'store' as const, topics };
  const { key } = await withAccess(flags, (administration) => administration.machineKeys.make(request));
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
      administration.users.add({ name, administrator, topics, tables, replace }),
    );
    process.stdout.write(`name: ${made.name}\npassword: ${made.password}\n`);
  } catch (error) {
    if (!isDrcError(error, 'REQUEST_INVALID') || error.details['reason'] !== 'exists') throw error;
    throw withAdvice(error, '--replace gives the user a new password and these rights, and ends its logins.');
  }
}

/** One user a line: name, whether it administers, topics, tables. */
export async function cmUsers(flags: AccessFlags): Promise<void> {
  const users = await withAccess(flags, (administration) => administration.users.list());
  for (const { name, administrator, grants } of users) {
    const cells = [
      namesOf(grants.flatMap(({ topics }) => topics)),
      namesOf(grants.flatMap(({ tables }) => tables)),
    ];
    printLine(name, administrator ? 'administrator' : 'user', ...cells);
  }
}

export async function cmRemoveUser(name: string, flags: AccessFlags): Promise<void> {
  await withAccess(flags, (administration) => administration.users.remove(name));
}

/** One key a line: id, kind, topics, tables of a client, day on which it was made. */
export async function cmMachineKeys(flags: AccessFlags): Promise<void> {
  const keys = await withAccess(flags, (administration) => administration.machineKeys.list());
  for (const { id, kind, topics, tables = [], createdAt } of keys) {
    printLine(id, kind, namesOf(topics), namesOf(tables), new Date(createdAt).toISOString());
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
  await withAccess(flags, (administration) => administration.machineKeys.remove(id));
}

/** Each once. */
const namesOf = (names: readonly string[]): string => [...new Set(names)].join(',') || '-';
