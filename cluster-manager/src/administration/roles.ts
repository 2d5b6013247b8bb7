import { DrcError } from '@drc/protocol';
import { parseName, roleName } from '../principals.js';
import { plainName, type GrantRecord } from '../registry/records.js';
import { calledSo, changeAccess, membersOf, mustFit, rolesMustBe, type Access } from './access.js';
import { absent, mustBe, type AdministrationContext, type Change, type RemovalOptions } from './context.js';

/** What may be shown of a role. */
export interface RoleSummary {
  readonly name: string;
  /** The principals that have it, sorted. */
  readonly members: readonly string[];
  readonly grants: readonly GrantRecord[];
  /** ms since 1970 */
  readonly createdAt: number;
}

export interface RoleCalls {
  /** Sorted by name. */
  list(): Promise<readonly RoleSummary[]>;
  /** Without grants. `REQUEST_INVALID` where the name is taken. */
  add(name: string): Promise<Change>;
  /** Also from its members. `REQUEST_INVALID` where there is none. */
  remove(name: string, options?: RemovalOptions): Promise<Change>;
  /** Gives the role to a user, or to the key of a client (`machine:<id>`). */
  assign(role: string, principal: string): Promise<Change>;
  unassign(role: string, principal: string, options?: RemovalOptions): Promise<Change>;
}

export class RoleAdministration implements RoleCalls {
  readonly #context: AdministrationContext;

  constructor(context: AdministrationContext) {
    this.#context = context;
  }

  async list(): Promise<readonly RoleSummary[]> {
    const { registry } = this.#context;
    const roles = await registry.list('role');
    return Promise.all(
      roles.map(async ({ value: { name, grants, createdAt } }) => ({
        name,
        members: await membersOf(registry, name),
        grants,
        createdAt,
      })),
    );
  }

  async add(name: string): Promise<Change> {
    const { registry, clock, turns, changed } = this.#context;
    mustBe(plainName, name, 'name of a role');
    return turns.take(async () => {
      const record = { name, grants: [], createdAt: clock.now() };
      if (!(await registry.put('role', name, record, 'absent')))
        throw new DrcError('REQUEST_INVALID', `There is a role ${name} already.`, { name, reason: 'exists' });
      const change = { event: 'role.add', subject: roleName(name), after: {} };
      changed(change);
      return change;
    });
  }

  async remove(name: string, { dryRun = false }: RemovalOptions = {}): Promise<Change> {
    const { registry, turns, changed } = this.#context;
    return turns.take(async () => {
      const role = (await registry.get('role', name))?.value;
      if (role === undefined) throw absent(calledSo(roleName(name)));
      const members = await membersOf(registry, name);
      const change = {
        event: 'role.remove',
        subject: roleName(name),
        before: { members, grants: role.grants },
      };
      if (dryRun) return change;
      // The role first: a member that keeps the name of a role that is not there has nothing of it.
      await registry.delete('role', name, 'any');
      for (const member of members)
        await changeAccess(registry, member, async (access) => without(access, name));
      changed(change);
      return change;
    });
  }

  async assign(role: string, principal: string): Promise<Change> {
    const { registry, topics, turns, changed } = this.#context;
    mustBeNoRole(principal);
    return turns.take(async () => {
      await rolesMustBe(registry, [role]);
      const { before, after } = await changeAccess(registry, principal, async ({ roles, grants }) => {
        const next = { roles: [...new Set([...roles, role])], grants };
        await mustFit(registry, topics, principal, next);
        return next;
      });
      const change = changeOf('role.assign', principal, before, after);
      changed(change);
      return change;
    });
  }

  async unassign(role: string, principal: string, { dryRun = false }: RemovalOptions = {}): Promise<Change> {
    const { registry, turns, changed } = this.#context;
    mustBeNoRole(principal);
    return turns.take(async () => {
      if (!(await membersOf(registry, role)).includes(principal)) {
        throw new DrcError('REQUEST_INVALID', `${principal} does not have the role ${role}.`, {
          reason: 'absent',
        });
      }
      if (dryRun) {
        const record = await this.#rolesOf(principal);
        return changeOf('role.unassign', principal, record, without(record, role));
      }
      const { before, after } = await changeAccess(registry, principal, async (access) =>
        without(access, role),
      );
      const change = changeOf('role.unassign', principal, before, after);
      changed(change);
      return change;
    });
  }

  async #rolesOf(principal: string): Promise<Access> {
    const { kind, key } = parseName(principal);
    const record = kind === 'role' ? undefined : (await this.#context.registry.get(kind, key))?.value;
    return { roles: record !== undefined && 'roles' in record ? record.roles : [], grants: [] };
  }
}

const without = ({ roles, grants }: Access, name: string): Access => ({
  roles: roles.filter((role) => role !== name),
  grants,
});

const changeOf = (event: string, subject: string, before: Access, after: Access): Change => ({
  event,
  subject,
  before: { roles: before.roles },
  after: { roles: after.roles },
});

function mustBeNoRole(principal: string): void {
  if (parseName(principal).kind === 'role')
    throw new DrcError('REQUEST_INVALID', 'Roles are given to users and to keys of clients, not to roles.');
}
