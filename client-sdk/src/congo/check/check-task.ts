import { DrcError } from '@drc/protocol';
import type { Hub } from '../../index.js';
import { Rules } from '../rules/rules.js';
import type { RuleMatch, TableRule } from '../rules/table-rule.js';
import { nameOf, type TableName } from '../table-name.js';
import { Target, type TargetOptions } from '../target.js';
import type { TriggerPolicy } from '../target-table.js';
import { type Finding, Findings, type TaskFindings } from './finding.js';
import { checkOwnTables } from './own-tables.js';
import { type SourceTable, sourceTables } from './source-tables.js';
import { type Arrival, checkTargetTable } from './target-tables.js';

export interface CheckOptions {
  readonly topic: string;
  /** Default `refuse`. */
  readonly triggers?: TriggerPolicy;
  /** Schema of congo's own tables on the target. Default `drc`. */
  readonly progressSchema?: string;
  readonly signal?: AbortSignal;
}

export interface CheckTaskOptions extends CheckOptions {
  readonly hub: Pick<Hub, 'describe'>;
  readonly tables: readonly TableRule[];
  /** Default `first`. */
  readonly match?: RuleMatch;
  readonly target: TargetOptions;
}

/**
 * Looks at all tables that a task reads and writes, and writes nothing.
 * @throws DrcError `CONFIG_INVALID` for faulty rules; `TARGET_UNREACHABLE`, `TARGET_AUTH`; what the manager says
 */
export async function checkTask(options: CheckTaskOptions): Promise<TaskFindings> {
  const rules = new Rules(options.tables, options.match);
  await using target = await Target.open(options.target);
  const findings = new Findings();
  await checkOwnTables(target, options.progressSchema ?? 'drc', findings);
  return await checkTables(options.hub, target, rules, options, findings);
}

/**
 * The same before a task's first row, on its session, which has no open transaction before and after. Stores describe tables as they are now: a task that
 * goes on from its record, or applies DDL, may have rows of an earlier version before it, and is not to be refused by this. A source that cannot be described now
 * keeps no task from starting: then the tables of the target that the rules name are looked at by themselves.
 * @returns what was found beside faults
 * @throws DrcError `TARGET_CONFIG` with all faults; `KEY_NOT_READABLE` where there is no other
 */
export async function checkBeforeStart(
  hub: Pick<Hub, 'describe'>,
  target: Target,
  rules: Rules,
  options: CheckOptions,
): Promise<TaskFindings> {
  const found = await checkTables(hub, target, rules, options, new Findings());
  if (found.faults.length === 0) return found;
  const faults = found.faults.map(findingText);
  const isKey = found.faults.every(({ code }) => code === 'KEY_NOT_READABLE');
  throw new DrcError(
    isKey ? 'KEY_NOT_READABLE' : 'TARGET_CONFIG',
    `The task cannot do what its rules say: ${faults.join('; ')}.`,
    { faults },
  );
}

/** In one line: where, and what. */
export const findingText = ({ table, message }: Finding): string =>
  table === '' ? message : `${table}: ${message}`;

async function checkTables(
  hub: Pick<Hub, 'describe'>,
  target: Target,
  rules: Rules,
  { topic, triggers = 'refuse', signal }: CheckOptions,
  findings: Findings,
): Promise<TaskFindings> {
  const sources = await sourceTables(hub, topic, rules, findings, signal);
  const arrivals = new Map<string, { readonly name: TableName; readonly of: Arrival[] }>();
  const arrivalsAt = (name: TableName): Arrival[] => {
    const known = arrivals.get(nameOf(name)) ?? { name, of: [] };
    arrivals.set(nameOf(name), known);
    return known.of;
  };
  for (const name of rules.namedTargets) arrivalsAt(name);
  for (const source of sources.tables) {
    const { routes, faults } = rules.attempt(source.version);
    const place = nameOf(source.version);
    for (const fault of faults) findings.add('fault', 'source', place, fault);
    if (!source.exact)
      findings.add(
        'warning',
        'source',
        place,
        'its store is older than this check: types were not compared with the target’s; update it',
      );
    if (source.keyHidden && routes.some(({ rule }) => needsKey(rule))) findings.addAs(hiddenKey(source));
    for (const route of routes) for (const name of route.targets) arrivalsAt(name).push({ source, route });
  }
  const written = new Set(arrivals.keys());
  for (const { name, of } of arrivals.values()) {
    signal?.throwIfAborted();
    await checkTargetTable(target, name, of, { triggers, written }, findings);
    await target.query('COMMIT');
  }
  return {
    faults: findings.of('fault'),
    warnings: findings.of('warning'),
    complete: sources.complete && sources.tables.every(({ exact }) => exact),
    sourceTables: sources.tables.length,
    targetTables: arrivals.size,
  };
}

const needsKey = ({ action = 'mirror', key }: TableRule): boolean =>
  key === undefined && (action === 'mirror' || action === 'softDelete');

const hiddenKey = ({ version }: SourceTable): Finding => ({
  severity: 'fault',
  table: nameOf(version),
  side: 'source',
  message:
    'the grant of the task’s principal drops columns of the primary key (KEY_NOT_READABLE); grant them, or name other columns as key',
  code: 'KEY_NOT_READABLE',
});
