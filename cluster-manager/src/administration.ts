import { randomBytes } from 'node:crypto';
import { DrcError } from '@drc/protocol';
import { z } from 'zod';
import type { Clock } from './clock.js';
import { makeMachineKey, type MachineKey, type MachineKeyRequest } from './machine-key.js';
import { generatePassword, type PasswordHasher } from './password.js';
import { readsSchema, userName, type Reads, type UserRecord } from './registry/records.js';
import type { Registry } from './registry/registry.js';

export interface NewUser {
  readonly name: string;
  /** May make machine keys and users. Default false. */
  readonly administrator?: boolean | undefined;
  /** Globs of the topics that the user may read. Default: all. */
  readonly topics?: readonly string[] | undefined;
  /** Globs over `schema.table`. Default: all. */
  readonly tables?: readonly string[] | undefined;
  /** Gives an existing user these rights and a new password, which ends its logins. Default false: refuse. */
  readonly replace?: boolean | undefined;
}

/** A name and the password that was made for it. The password is kept nowhere: show it once. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** What may be shown of a user. */
export interface UserSummary {
  readonly name: string;
  readonly administrator: boolean;
  readonly reads: Reads;
  /** ms since 1970 */
  readonly createdAt: number;
}

/** What may be shown of a machine key. */
export interface MachineKeySummary {
  readonly id: string;
  readonly kind: 'store' | 'client';
  readonly topics: readonly string[];
  /** Of a client: globs over `schema.table`. */
  readonly tables?: readonly string[] | undefined;
  /** ms since 1970 */
  readonly createdAt: number;
}

/** What an administrator does, in the folder of a stopped manager or through one that runs. */
export interface AdministrationCalls {
  /** Sorted by name. */
  users(): Promise<readonly UserSummary[]>;
  /** With a generated password. `REQUEST_INVALID` where the name is taken, and `replace` is not set. */
  addUser(user: NewUser): Promise<Credentials>;
  /** Its logins end at once, its tickets when they run out. `REQUEST_INVALID` where there is none. */
  removeUser(name: string): Promise<void>;
  /** Sorted by id. */
  machineKeys(): Promise<readonly MachineKeySummary[]>;
  makeMachineKey(request: MachineKeyRequest): Promise<MachineKey>;
  /** As with users. A topic goes with the last store key that is bound to it. */
  removeMachineKey(id: string): Promise<void>;
}

/** Users and machine keys of a registry. Law: one administrator is always left. */
export class Administration implements AdministrationCalls {
  readonly #registry: Registry;
  readonly #passwords: PasswordHasher;
  readonly #clock: Clock;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: { registry: Registry; passwords: PasswordHasher; clock: Clock }) {
    this.#registry = options.registry;
    this.#passwords = options.passwords;
    this.#clock = options.clock;
  }

  async users(): Promise<readonly UserSummary[]> {
    const users = await this.#registry.list('user');
    return users.map(({ value: { name, administrator, reads, createdAt } }) => ({
      name,
      administrator,
      reads,
      createdAt,
    }));
  }

  async addUser(user: NewUser): Promise<Credentials> {
    const { credentials, record } = await makeUser(user, this.#passwords, this.#clock.now());
    const written = await this.#inTurn(async () => {
      if (user.replace === true && !record.administrator) await this.#mustLeaveAdministrator(record.name);
      return this.#registry.put('user', record.name, record, user.replace === true ? 'any' : 'absent');
    });
    if (written) return credentials;
    throw new DrcError('REQUEST_INVALID', `There is a user ${record.name} already.`, {
      name: record.name,
      reason: 'exists',
    });
  }

  async removeUser(name: string): Promise<void> {
    const removed = await this.#inTurn(async () => {
      await this.#mustLeaveAdministrator(name);
      return this.#registry.delete('user', name, 'any');
    });
    if (!removed) throw new DrcError('REQUEST_INVALID', `There is no user ${name}.`);
  }

  async machineKeys(): Promise<readonly MachineKeySummary[]> {
    const keys = await this.#registry.list('machineKey');
    return keys.map(({ value }) => {
      const { id, kind, createdAt } = value;
      return value.kind === 'store'
        ? { id, kind, topics: value.topics, createdAt }
        : { id, kind, ...value.reads, createdAt };
    });
  }

  async makeMachineKey(request: MachineKeyRequest): Promise<MachineKey> {
    const { machineKey, record } = makeMachineKey(request, this.#clock.now());
    await this.#registry.put('machineKey', machineKey.id, record, 'absent');
    return machineKey;
  }

  async removeMachineKey(id: string): Promise<void> {
    if (!(await this.#registry.delete('machineKey', id, 'any')))
      throw new DrcError('REQUEST_INVALID', `There is no machine key with the id ${id}.`);
  }

  /** One change of a user after the other, so that what was seen of the others is still so. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #mustLeaveAdministrator(name: string): Promise<void> {
    const administrators = (await this.users()).filter(({ administrator }) => administrator);
    if (administrators.length === 1 && administrators[0]!.name === name)
      throw new DrcError('REQUEST_INVALID', `${name} is the only administrator. Make another one first.`);
  }
}

export async function makeUser(
  { name, administrator = false, topics = ['**'], tables = ['**'] }: NewUser,
  passwords: PasswordHasher,
  now: number,
): Promise<{ credentials: Credentials; record: UserRecord }> {
  mustBe(userName, name, 'name of a user');
  const reads = { topics: [...topics], tables: [...tables] };
  mustBe(readsSchema, reads, 'list of topics and tables');
  const password = generatePassword();
  const record = {
    name,
    administrator,
    password: await passwords.hash(password),
    credential: randomBytes(8).toString('hex'),
    reads,
    createdAt: now,
  };
  return { credentials: { name, password }, record };
}

/** `REQUEST_INVALID` where the value is not as the schema says. */
export function mustBe(schema: z.ZodType, value: unknown, what: string): void {
  const parsed = schema.safeParse(value);
  if (parsed.success) return;
  throw new DrcError('REQUEST_INVALID', `This is no ${what}: ${z.prettifyError(parsed.error)}`);
}
