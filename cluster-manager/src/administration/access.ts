import { DrcError } from '@drc/protocol';
import { grantBytes, maxGrantBytes, tooLarge, unionOf } from '../grants.js';
import { parseName, roleName } from '../principals.js';
import type { GrantRecord, MachineKeyRecord, RoleRecord, UserRecord } from '../registry/records.js';
import type { Registry } from '../registry/registry.js';
import type { Topics } from '../topics.js';
import { absent, changeRecord } from './context.js';

/** What users and clients' keys have in common here. */
export interface Access {
  readonly roles: readonly string[];
  readonly grants: readonly GrantRecord[];
}

/** How a principal or role is called where it is not there. */
export function calledSo(name: string): string {
  const { kind, key } = parseName(name);
  if (kind === 'role') return `role ${key}`;
  return kind === 'machineKey' ? `machine key with the id ${key}` : `user ${key}`;
}

/** Changes grants and roles of a user, a client's key or (its grants) a role. `REQUEST_INVALID` where it has none. */
export async function changeAccess(
  registry: Registry,
  name: string,
  next: (access: Access) => Promise<Access>,
): Promise<{ before: Access; after: Access }> {
  const { kind, key } = parseName(name);
  const what = calledSo(name);
  if (kind === 'role') {
    const { before, after } = await changeRecord(registry, kind, key, what, async (role) => {
      const { grants } = await next({ roles: [], grants: role.grants });
      return { ...role, grants: [...grants] };
    });
    return { before: { roles: [], grants: before.grants }, after: { roles: [], grants: after.grants } };
  }
  const changed = async <R extends UserRecord | MachineKeyRecord>(record: R): Promise<R> => {
    if (!('grants' in record)) throw announcesOnly(name);
    const { roles, grants } = await next(accessOf(record));
    return { ...record, roles: [...roles], grants: [...grants] };
  };
  const { before, after } =
    kind === 'user'
      ? await changeRecord(registry, kind, key, what, changed)
      : await changeRecord(registry, kind, key, what, changed);
  return { before: accessOf(before), after: accessOf(after) };
}

export const accessOf = (record: UserRecord | MachineKeyRecord | RoleRecord): Access => ({
  roles: 'roles' in record ? record.roles : [],
  grants: 'grants' in record ? record.grants : [],
});

/** The principals that have the role, sorted. */
export async function membersOf(registry: Registry, role: string): Promise<readonly string[]> {
  return (await readers(registry)).filter(({ roles }) => roles.includes(role)).map(({ name }) => name);
}

/** The principals whose rights are those of `name`: itself, or where it is a role, its members. */
export async function affectedBy(registry: Registry, name: string): Promise<readonly string[]> {
  const { kind, key } = parseName(name);
  return kind === 'role' ? membersOf(registry, key) : [name];
}

/** All that may have grants, sorted: keys of stores do not. */
export async function readers(registry: Registry): Promise<readonly ({ name: string } & Access)[]> {
  const users = await registry.list('user');
  const keys = await registry.list('machineKey');
  return [
    ...users.map(({ value }) => ({ name: value.name, ...accessOf(value) })),
    ...keys.flatMap(({ value }) =>
      value.kind === 'client' ? [{ name: `machine:${value.id}`, ...accessOf(value) }] : [],
    ),
  ];
}

/**
 * `REQUEST_INVALID`, with the reason `grantTooLarge`, where a ticket could not hold what the principal would have of one
 * of the topics that there are, or that its grants name.
 * @param changedRole a role as it will be, in the place of how it is
 */
export async function mustFit(
  registry: Registry,
  topics: Topics,
  name: string,
  access: Access,
  changedRole?: RoleRecord,
): Promise<void> {
  const all = [...access.grants];
  for (const role of access.roles) {
    const record = role === changedRole?.name ? changedRole : (await registry.get('role', role))?.value;
    all.push(...(record?.grants ?? []));
  }
  const named = all.flatMap((grant) => grant.topics.filter((topic) => !/[*?]/.test(topic)));
  for (const topic of new Set([...(await topics.list()), ...named])) {
    const bytes = grantBytes(unionOf(all, topic));
    if (bytes > maxGrantBytes) {
      throw new DrcError('REQUEST_INVALID', tooLarge(name, topic, bytes), {
        reason: 'grantTooLarge',
        topic,
        bytes,
      });
    }
  }
}

/** `REQUEST_INVALID` where one is not there. */
export async function rolesMustBe(registry: Registry, roles: readonly string[]): Promise<void> {
  for (const role of roles)
    if ((await registry.get('role', role)) === undefined) throw absent(calledSo(roleName(role)));
}

const announcesOnly = (name: string): DrcError =>
  new DrcError('REQUEST_INVALID', `${name} is the key of a store: it announces, and reads nothing.`);
