import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { DrcError } from '@drc/protocol';
import {
  Administration,
  makeUser,
  mustBe,
  type AdministrationCalls,
  type Credentials,
  type NewUser,
} from './administration.js';
import { systemClock, type Clock } from './clock.js';
import type { MachineKey, MachineKeyRequest } from './machine-key.js';
import { PasswordHasher, type PasswordCost } from './password.js';
import { EmbeddedRegistry } from './registry/embedded.js';
import { plainName } from './registry/records.js';
import type { Registry } from './registry/registry.js';
import { Revocations } from './revocations.js';
import { makeSigningKey, writeSigningKey } from './signing-key.js';
import { SigningKeys, signingKeyPath } from './signing-keys.js';
import { Topics } from './topics.js';

export { signingKeyPath };

/*
 * The folder of a cluster manager, mode 0700. What stands here works on it while no manager runs; one that runs holds
 * the folder's lock (`DATA_FOLDER`, reason `locked`), and is asked through its API instead.
 *
 *   signing-key.pem, signing-key.next.pem    private keys, mode 0600; see signing-keys.ts
 *   registry/, registry.mark, manager.lock   see registry/embedded.ts
 */
export interface FolderOptions {
  /** Default: what `defaultPasswordCost` says. */
  readonly passwordCost?: PasswordCost;
  readonly clock?: Clock;
}

export interface InitOptions extends FolderOptions {
  /** Stands in tickets: one cluster's are worthless in another. Default `main`. */
  readonly cluster?: string;
  /** Name of the first administrator. Default `admin`. */
  readonly administrator?: string;
}

/**
 * Makes the folder of a new cluster manager. `DATA_FOLDER` unless it does not exist or is empty; what an interrupted
 * call has left must be removed by hand.
 */
export async function initManager(
  directory: string,
  { cluster = 'main', administrator = 'admin', ...options }: InitOptions = {},
): Promise<{ administrator: Credentials }> {
  mustBe(plainName, cluster, 'name of the cluster');
  await makeFolder(directory);
  const now = (options.clock ?? systemClock).now();
  const { credentials, record } = await makeUser(
    { name: administrator, administrator: true },
    new PasswordHasher(options.passwordCost),
    now,
  );
  const signingKey = makeSigningKey();
  await writeSigningKey(signingKeyPath(directory), signingKey);
  await EmbeddedRegistry.create({ directory }, [
    { kind: 'cluster', key: 'cluster', value: { name: cluster, createdAt: now } },
    { kind: 'signingKey', key: signingKey.kid, value: signingKey.publicKey },
    { kind: 'user', key: record.name, value: record },
  ]);
  return { administrator: credentials };
}

/** Works on users, roles, grants, tokens and keys in the folder. */
export async function administer<Result>(
  directory: string,
  work: (administration: AdministrationCalls) => Promise<Result>,
  options: FolderOptions = {},
): Promise<Result> {
  await using registry = await EmbeddedRegistry.open({ directory });
  return await administerIn(registry, directory, work, options);
}

/** The same in a registry that is open. */
export async function administerIn<Result>(
  registry: Registry,
  directory: string,
  work: (administration: AdministrationCalls) => Promise<Result>,
  { passwordCost, clock = systemClock }: FolderOptions = {},
): Promise<Result> {
  // Of a manager that does not run no store can learn a new key: it waits for the start.
  const signingKeys = await SigningKeys.open({
    directory,
    registry,
    clock,
    leaseMs: Infinity,
    longestLifeMs: 0,
  });
  const administration = new Administration({
    registry,
    passwords: new PasswordHasher(passwordCost),
    clock,
    topics: new Topics(registry),
    revocations: new Revocations({ registry, clock }),
    signingKeys,
  });
  return await work(administration.calls());
}

/** Adds a user with a generated password. `REQUEST_INVALID` where the name is taken, and `replace` is not set. */
export const addUser = (
  directory: string,
  user: NewUser,
  options: FolderOptions = {},
): Promise<Credentials> => administer(directory, (administration) => administration.users.add(user), options);

/** Makes the key of a store or a client. */
export const createMachineKey = (
  directory: string,
  request: MachineKeyRequest,
  options: FolderOptions = {},
): Promise<MachineKey> =>
  administer(directory, (administration) => administration.machineKeys.make(request), options);

export async function makeFolder(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if ((await readdir(directory)).length > 0) {
      throw new DrcError('DATA_FOLDER', `${directory} is not empty. Name a folder that is, or remove it.`, {
        reason: 'notEmpty',
      });
    }
    await chmod(directory, 0o700);
  } catch (cause) {
    if (cause instanceof DrcError) throw cause;
    throw new DrcError('DATA_FOLDER', `${directory} cannot be made.`, { directory }, { cause });
  }
}

/** `DATA_FOLDER` where other users of the machine can look into the folder. */
export async function mustBePrivate(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => undefined);
  if (found !== undefined && (found.mode & 0o077) !== 0) {
    throw new DrcError('DATA_FOLDER', `Other users can look into the folder: chmod 700 ${directory}.`, {
      directory,
    });
  }
}
