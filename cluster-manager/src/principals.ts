import type { Principal } from './grants.js';
import type { GrantRecord, MachineKeyRecord, UserRecord } from './registry/records.js';
import type { Registry } from './registry/registry.js';

/*
 * Who there is, by the name that stands in tickets:
 *
 *   anna                        a user. Names begin with a letter or digit and hold no colon
 *   machine:0123456789abcdef    a machine key, by its id
 *   role:reporting              a role: no principal, but it is given grants like one
 */
const machinePrefix = 'machine:';
const rolePrefix = 'role:';

export const machineName = (id: string): string => `${machinePrefix}${id}`;

export const roleName = (name: string): string => `${rolePrefix}${name}`;

export type Named =
  | { readonly kind: 'user'; readonly key: string }
  | { readonly kind: 'machineKey'; readonly key: string }
  | { readonly kind: 'role'; readonly key: string };

export function parseName(name: string): Named {
  if (name.startsWith(machinePrefix)) return { kind: 'machineKey', key: name.slice(machinePrefix.length) };
  if (name.startsWith(rolePrefix)) return { kind: 'role', key: name.slice(rolePrefix.length) };
  return { kind: 'user', key: name };
}

/** The record of a user or a machine key by name. */
export async function principalRecord(
  registry: Registry,
  name: string,
): Promise<UserRecord | MachineKeyRecord | undefined> {
  const { kind, key } = parseName(name);
  return kind === 'role' ? undefined : (await registry.get(kind, key))?.value;
}

/** With the grants of its roles. */
export async function userPrincipal(registry: Registry, user: UserRecord): Promise<Principal> {
  const { name, administrator } = user;
  return { kind: 'user', name, administrator, grants: await allGrants(registry, user) };
}

/** With the grants of its roles. */
export async function machinePrincipal(registry: Registry, key: MachineKeyRecord): Promise<Principal> {
  const name = machineName(key.id);
  return key.kind === 'store'
    ? { kind: 'store', name, topics: key.topics }
    : { kind: 'client', name, grants: await allGrants(registry, key) };
}

async function allGrants(
  registry: Registry,
  { roles, grants }: { readonly roles: readonly string[]; readonly grants: readonly GrantRecord[] },
): Promise<readonly GrantRecord[]> {
  const found = await Promise.all(roles.map((role) => registry.get('role', role)));
  return [...grants, ...found.flatMap((role) => role?.value.grants ?? [])];
}
