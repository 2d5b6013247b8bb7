import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError } from '@drc/protocol';
import { z } from 'zod';
import { systemClock, type Clock } from './clock.js';
import { makeMachineKey, type MachineKey, type MachineKeyRequest } from './machine-key.js';
import { generatePassword, PasswordHasher, type PasswordCost } from './password.js';
import { EmbeddedRegistry } from './registry/embedded.js';
import { plainName, readsSchema, userName, type UserRecord } from './registry/records.js';
import { makeSigningKey, writeSigningKey } from './signing-key.js';

/*
 * The folder of a cluster manager, mode 0700. What stands here works on it while no manager runs; one that runs holds
 * the folder's lock (`DATA_FOLDER`, reason `locked`), and is asked through its API instead.
 *
 *   signing-key.pem                          the private key, mode 0600
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

export interface NewUser {
  readonly name: string;
  /** May make machine keys. Default false. */
  readonly administrator?: boolean;
  /** Globs of the topics that the user may read. Default: all. */
  readonly topics?: readonly string[];
  /** Globs over `schema.table`. Default: all. */
  readonly tables?: readonly string[];
  /** Gives an existing user these rights and a new password, which ends its logins. Default false: refuse. */
  readonly replace?: boolean;
}

/** A name and the password that was made for it. The password is kept nowhere: show it once. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

export const signingKeyPath = (directory: string): string => join(directory, 'signing-key.pem');

/**
 * Makes the folder of a new cluster manager. `DATA_FOLDER` unless it does not exist or is empty; what an interrupted
 * call has left must be removed by hand.
 */
export async function initManager(
  directory: string,
  { cluster = 'main', administrator = 'admin', ...options }: InitOptions = {},
): Promise<{ administrator: Credentials }> {
  check(plainName, cluster, 'name of the cluster');
  await makeFolder(directory);
  const now = (options.clock ?? systemClock).now();
  const { credentials, record } = await makeUser({ name: administrator, administrator: true }, options);
  const signingKey = makeSigningKey();
  await writeSigningKey(signingKeyPath(directory), signingKey);
  await EmbeddedRegistry.create({ directory }, [
    { kind: 'cluster', key: 'cluster', value: { name: cluster, createdAt: now } },
    { kind: 'signingKey', key: signingKey.kid, value: signingKey.publicKey },
    { kind: 'user', key: record.name, value: record },
  ]);
  return { administrator: credentials };
}

/** Adds a user with a generated password. `REQUEST_INVALID` where the name is taken, and `replace` is not set. */
export async function addUser(
  directory: string,
  user: NewUser,
  options: FolderOptions = {},
): Promise<Credentials> {
  const { credentials, record } = await makeUser(user, options);
  await using registry = await EmbeddedRegistry.open({ directory });
  if (!(await registry.put('user', record.name, record, user.replace === true ? 'any' : 'absent'))) {
    throw new DrcError('REQUEST_INVALID', `There is a user ${record.name} already.`, { name: record.name });
  }
  return credentials;
}

/** Makes the key of a store or a client. */
export async function createMachineKey(
  directory: string,
  request: MachineKeyRequest,
  { clock = systemClock }: FolderOptions = {},
): Promise<MachineKey> {
  const { machineKey, record } = makeMachineKey(request, clock.now());
  await using registry = await EmbeddedRegistry.open({ directory });
  await registry.put('machineKey', machineKey.id, record, 'absent');
  return machineKey;
}

async function makeUser(
  { name, administrator = false, topics = ['**'], tables = ['**'] }: NewUser,
  { passwordCost, clock = systemClock }: FolderOptions,
): Promise<{ credentials: Credentials; record: UserRecord }> {
  check(userName, name, 'name of a user');
  const reads = { topics: [...topics], tables: [...tables] };
  check(readsSchema, reads, 'list of topics and tables');
  const password = generatePassword();
  const record = {
    name,
    administrator,
    password: await new PasswordHasher(passwordCost).hash(password),
    credential: randomBytes(8).toString('hex'),
    reads,
    createdAt: clock.now(),
  };
  return { credentials: { name, password }, record };
}

function check(schema: z.ZodType, value: unknown, what: string): void {
  const parsed = schema.safeParse(value);
  if (parsed.success) return;
  throw new DrcError('REQUEST_INVALID', `This is no ${what}: ${z.prettifyError(parsed.error)}`);
}

async function makeFolder(directory: string): Promise<void> {
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
