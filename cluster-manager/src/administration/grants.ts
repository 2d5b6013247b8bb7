import { makeGrant, type NewGrant } from '../grant-record.js';
import { parseName, roleName } from '../principals.js';
import type { GrantRecord } from '../registry/records.js';
import { accessOf, affectedBy, calledSo, changeAccess, mustFit, readers, type Access } from './access.js';
import { absent, type AdministrationContext, type Change, type RemovalOptions } from './context.js';

/** A grant, and who has it. */
export interface GrantSummary extends GrantRecord {
  /** A user's name, `machine:<id>`, or `role:<name>`. */
  readonly to: string;
}

export interface Revoking extends RemovalOptions {
  /** Ids of grants; absent: all that it has of its own. */
  readonly ids?: readonly string[] | undefined;
  /**
   * Ends what is being read under it at once; the readers come back and get what is left to them. Default false: within
   * the life of a ticket.
   */
  readonly now?: boolean | undefined;
}

export interface GrantCalls {
  /** Of everybody, or of one user, key or role: its own, and those of its roles. */
  list(to?: string): Promise<readonly GrantSummary[]>;
  /**
   * Takes effect with the next ticket. `REQUEST_INVALID` and `CONDITION_INVALID` where it is no grant;
   * `REQUEST_INVALID` with the reason `grantTooLarge` where a ticket could not hold it.
   */
  add(to: string, grant: NewGrant): Promise<GrantSummary>;
  /** `REQUEST_INVALID` where one of the ids is not there; nothing is revoked then. */
  revoke(from: string, options?: Revoking): Promise<Change>;
}

export class GrantAdministration implements GrantCalls {
  readonly #context: AdministrationContext;

  constructor(context: AdministrationContext) {
    this.#context = context;
  }

  async list(to?: string): Promise<readonly GrantSummary[]> {
    const { registry } = this.#context;
    const all = await readers(registry);
    const roles = (await registry.list('role')).map(({ value }) => ({
      name: roleName(value.name),
      ...accessOf(value),
    }));
    const of = (owners: readonly ({ name: string } & Access)[]): GrantSummary[] =>
      owners.flatMap(({ name, grants }) => grants.map((grant) => ({ to: name, ...grant })));
    if (to === undefined) return of([...all, ...roles]);
    const owner = [...all, ...roles].find(({ name }) => name === to);
    if (owner === undefined) throw absent(calledSo(to));
    return of([owner, ...roles.filter(({ name }) => owner.roles.includes(parseName(name).key))]);
  }

  async add(to: string, wanted: NewGrant): Promise<GrantSummary> {
    const { registry, turns, changed } = this.#context;
    const grant = makeGrant(wanted);
    return turns.take(async () => {
      const { before, after } = await changeAccess(registry, to, async ({ roles, grants }) => {
        const next = { roles, grants: [...grants, grant] };
        await this.#mustFit(to, next);
        return next;
      });
      changed({
        event: 'grant.add',
        subject: to,
        before: { grants: before.grants },
        after: { grants: after.grants },
      });
      return { to, ...grant };
    });
  }

  async revoke(from: string, { ids, dryRun = false, now = false }: Revoking = {}): Promise<Change> {
    const { registry, revocations, turns, changed } = this.#context;
    return turns.take(async () => {
      const own = (await this.list(from)).filter(({ to }) => to === from);
      for (const id of ids ?? [])
        if (!own.some((grant) => grant.id === id)) throw absent(`grant ${id} of ${calledSo(from)}`);
      const isLeft = (grant: GrantRecord): boolean => ids !== undefined && !ids.includes(grant.id);
      const before = { grants: own.map(({ to: _owner, ...grant }) => grant) };
      const change = {
        event: 'grant.revoke',
        subject: from,
        before,
        after: { grants: before.grants.filter(isLeft) },
      };
      if (dryRun) return change;
      await changeAccess(registry, from, async ({ roles, grants }) => ({
        roles,
        grants: grants.filter(isLeft),
      }));
      if (now) for (const principal of await affectedBy(registry, from)) await revocations.add(principal);
      changed(change);
      return change;
    });
  }

  /** Whoever has it by a role has others beside it. */
  async #mustFit(to: string, next: Access): Promise<void> {
    const { registry, topics } = this.#context;
    const { kind, key } = parseName(to);
    const role = kind === 'role' ? (await registry.get('role', key))?.value : undefined;
    if (role === undefined) return mustFit(registry, topics, to, next);
    const changedRole = { ...role, grants: [...next.grants] };
    // Also where nobody has it yet.
    await mustFit(registry, topics, to, { roles: [], grants: next.grants });
    for (const reader of await readers(registry))
      if (reader.roles.includes(key)) await mustFit(registry, topics, reader.name, reader, changedRole);
  }
}
