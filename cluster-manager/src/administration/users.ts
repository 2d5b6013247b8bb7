import { randomBytes } from 'node:crypto';
import { DrcError } from '@drc/protocol';
import { removeCheckpointsOf } from '../checkpoints.js';
import { allTables, allTopics, makeGrant, type NewGrant } from '../grant-record.js';
import { generatePassword, type PasswordHasher } from '../password.js';
import { parseName } from '../principals.js';
import { userName, type GrantRecord, type UserRecord } from '../registry/records.js';
import { calledSo, mustFit, rolesMustBe } from './access.js';
import {
  absent,
  changeRecord,
  mustBe,
  type AdministrationContext,
  type Change,
  type RemovalOptions,
} from './context.js';
import { removeTokensOf } from './tokens.js';

export interface NewUser {
  readonly name: string;
  /** May make users, roles, grants, tokens and machine keys. Default false. */
  readonly administrator?: boolean | undefined;
  /** Names of roles that are there. Default none. */
  readonly roles?: readonly string[] | undefined;
  /** What the user may read beside that. Default: what `topics` and `tables` say. */
  readonly grants?: readonly NewGrant[] | undefined;
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
  readonly disabled: boolean;
  readonly roles: readonly string[];
  readonly grants: readonly GrantRecord[];
  /** ms since 1970 */
  readonly createdAt: number;
}

export interface UserCalls {
  /** Sorted by name. */
  list(): Promise<readonly UserSummary[]>;
  /** With a generated password. `REQUEST_INVALID` where the name is taken, and `replace` is not set. */
  add(user: NewUser): Promise<Credentials>;
  /** A new password. Logins and tickets of the old one are void at once; rights and tokens stay. */
  rotate(name: string): Promise<Credentials>;
  /** Logins, tokens and tickets are void at once, and the tokens gone. `REQUEST_INVALID` where there is none. */
  remove(name: string, options?: RemovalOptions): Promise<Change>;
  /** Also of machine keys, as `machine:<id>`. Logins, tokens, tickets and the key itself are void at once, until enabled. */
  disable(principal: string, options?: RemovalOptions): Promise<Change>;
  /** Passwords, keys and tokens are good again; who was logged in, logs in anew. */
  enable(principal: string): Promise<Change>;
}

/** Law: one administrator who can log in is always left. */
export class UserAdministration implements UserCalls {
  readonly #context: AdministrationContext;

  constructor(context: AdministrationContext) {
    this.#context = context;
  }

  async list(): Promise<readonly UserSummary[]> {
    const users = await this.#context.registry.list('user');
    return users.map(({ value }) => summaryOf(value));
  }

  async add(user: NewUser): Promise<Credentials> {
    const { registry, passwords, clock, topics, turns, revocations, changed } = this.#context;
    const { credentials, record } = await makeUser(user, passwords, clock.now());
    const { name } = record;
    await turns.take(async () => {
      await rolesMustBe(registry, record.roles);
      await mustFit(registry, topics, name, record);
      const old = (await registry.get('user', name))?.value;
      if (user.replace === true && !record.administrator) await this.#mustLeaveAdministrator(name);
      if (!(await registry.put('user', name, record, user.replace === true ? 'any' : 'absent'))) {
        throw new DrcError('REQUEST_INVALID', `There is a user ${name} already.`, { name, reason: 'exists' });
      }
      if (old !== undefined) await revocations.add(name);
      const before = old === undefined ? {} : { before: shownOf(old) };
      changed({
        event: old === undefined ? 'user.add' : 'user.replace',
        subject: name,
        ...before,
        after: shownOf(record),
      });
    });
    return credentials;
  }

  async rotate(name: string): Promise<Credentials> {
    const { registry, passwords, revocations, turns, changed } = this.#context;
    const { password, secret } = await newPassword(passwords);
    await turns.take(async () => {
      await changeRecord(registry, 'user', name, calledSo(name), (user) => ({ ...user, ...secret }));
      await revocations.add(name);
      changed({ event: 'user.rotate', subject: name });
    });
    return { name, password };
  }

  async remove(name: string, { dryRun = false }: RemovalOptions = {}): Promise<Change> {
    const { registry, revocations, turns, changed } = this.#context;
    return turns.take(async () => {
      await this.#mustLeaveAdministrator(name);
      const user = (await registry.get('user', name))?.value;
      if (user === undefined) throw absent(calledSo(name));
      const change = { event: 'user.remove', subject: name, before: shownOf(user) };
      if (dryRun) return change;
      await revocations.add(name);
      await removeTokensOf(registry, name);
      await removeCheckpointsOf(registry, name);
      await registry.delete('user', name, 'any');
      changed(change);
      return change;
    });
  }

  async disable(principal: string, { dryRun = false }: RemovalOptions = {}): Promise<Change> {
    const { turns, revocations } = this.#context;
    return turns.take(async () => {
      if (parseName(principal).kind === 'user') await this.#mustLeaveAdministrator(principal);
      const change = await this.#setDisabled(principal, true, dryRun);
      if (!dryRun) await revocations.add(principal);
      return change;
    });
  }

  enable(principal: string): Promise<Change> {
    return this.#context.turns.take(() => this.#setDisabled(principal, false, false));
  }

  async #setDisabled(principal: string, disabled: boolean, dryRun: boolean): Promise<Change> {
    const { registry, changed } = this.#context;
    const { kind, key } = parseName(principal);
    const what = calledSo(principal);
    if (kind === 'role')
      throw new DrcError('REQUEST_INVALID', 'A role cannot be disabled: revoke its grants.');
    const found = (await registry.get(kind, key))?.value;
    if (found === undefined) throw absent(what);
    if (!dryRun) {
      if (kind === 'user') await changeRecord(registry, kind, key, what, (user) => ({ ...user, disabled }));
      else await changeRecord(registry, kind, key, what, (record) => ({ ...record, disabled }));
    }
    const change = {
      event: `${kind}.${disabled ? 'disable' : 'enable'}`,
      subject: principal,
      before: { disabled: found.disabled },
      after: { disabled },
    };
    if (!dryRun) changed(change);
    return change;
  }

  async #mustLeaveAdministrator(name: string): Promise<void> {
    const able = (await this.list()).filter(({ administrator, disabled }) => administrator && !disabled);
    if (able.length === 1 && able[0]!.name === name)
      throw new DrcError('REQUEST_INVALID', `${name} is the only administrator. Make another one first.`);
  }
}

export async function makeUser(
  { name, administrator = false, roles = [], topics = allTopics, tables = allTables, ...given }: NewUser,
  passwords: PasswordHasher,
  now: number,
): Promise<{ credentials: Credentials; record: UserRecord }> {
  mustBe(userName, name, 'name of a user');
  const grants = (given.grants ?? [{ topics, tables }]).map(makeGrant);
  const { password, secret } = await newPassword(passwords);
  const rights = { administrator, disabled: false, roles: [...new Set(roles)], grants };
  return { credentials: { name, password }, record: { name, ...secret, ...rights, createdAt: now } };
}

async function newPassword(passwords: PasswordHasher) {
  const password = generatePassword();
  // Login tokens carry the credential: another one ends them.
  const secret = { password: await passwords.hash(password), credential: randomBytes(8).toString('hex') };
  return { password, secret };
}

const summaryOf = ({ name, administrator, disabled, roles, grants, createdAt }: UserRecord): UserSummary => ({
  name,
  administrator,
  disabled,
  roles,
  grants,
  createdAt,
});

const shownOf = (user: UserRecord): Record<string, unknown> => ({ ...summaryOf(user) });
