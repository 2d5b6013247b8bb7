import { removeCheckpointsOf } from '../checkpoints.js';
import { makeMachineKey, type MachineKey, type MachineKeyRequest } from '../machine-key.js';
import { machineName } from '../principals.js';
import type { GrantRecord, MachineKeyRecord } from '../registry/records.js';
import { accessOf, calledSo, mustFit } from './access.js';
import { absent, type AdministrationContext, type Change, type RemovalOptions } from './context.js';
import { removeTokensOf } from './tokens.js';

/** What may be shown of a machine key. */
export interface MachineKeySummary {
  readonly id: string;
  readonly kind: 'store' | 'client';
  readonly disabled: boolean;
  /** Of a store: those that it may announce. Of a client: the globs of its own grants. */
  readonly topics: readonly string[];
  /** Of a client: the globs of its own grants. */
  readonly tables?: readonly string[] | undefined;
  readonly roles: readonly string[];
  readonly grants: readonly GrantRecord[];
  /** ms since 1970 */
  readonly createdAt: number;
}

export interface MachineKeyCalls {
  /** Sorted by id. */
  list(): Promise<readonly MachineKeySummary[]>;
  make(request: MachineKeyRequest): Promise<MachineKey>;
  /** As with users. A topic goes with the last store key that is bound to it. */
  remove(id: string, options?: RemovalOptions): Promise<Change>;
}

export class MachineKeyAdministration implements MachineKeyCalls {
  readonly #context: AdministrationContext;

  constructor(context: AdministrationContext) {
    this.#context = context;
  }

  async list(): Promise<readonly MachineKeySummary[]> {
    const keys = await this.#context.registry.list('machineKey');
    return keys.map(({ value }) => summaryOf(value));
  }

  async make(request: MachineKeyRequest): Promise<MachineKey> {
    const { registry, clock, topics, turns, changed } = this.#context;
    const { machineKey, record } = makeMachineKey(request, clock.now());
    const { id } = machineKey;
    await turns.take(async () => {
      await mustFit(registry, topics, 'the new key', accessOf(record));
      await registry.put('machineKey', id, record, 'absent');
      changed({ event: 'machineKey.add', subject: machineName(id), after: { ...summaryOf(record) } });
    });
    return machineKey;
  }

  async remove(id: string, { dryRun = false }: RemovalOptions = {}): Promise<Change> {
    const { registry, revocations, turns, changed } = this.#context;
    const name = machineName(id);
    return turns.take(async () => {
      const record = (await registry.get('machineKey', id))?.value;
      if (record === undefined) throw absent(calledSo(name));
      const change = { event: 'machineKey.remove', subject: name, before: { ...summaryOf(record) } };
      if (dryRun) return change;
      await revocations.add(name);
      await removeTokensOf(registry, name);
      await removeCheckpointsOf(registry, name);
      await registry.delete('machineKey', id, 'any');
      changed(change);
      return change;
    });
  }
}

function summaryOf(record: MachineKeyRecord): MachineKeySummary {
  const { id, kind, disabled, createdAt } = record;
  if (record.kind === 'store')
    return { id, kind, disabled, topics: record.topics, roles: [], grants: [], createdAt };
  const { roles, grants } = record;
  const topics = [...new Set(grants.flatMap((grant) => grant.topics))];
  const tables = [...new Set(grants.flatMap((grant) => grant.tables))];
  return { id, kind, disabled, topics, tables, roles, grants, createdAt };
}
