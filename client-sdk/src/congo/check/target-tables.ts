import type { MatchedColumn } from '../matched-column.js';
import type { Route } from '../rules/route.js';
import { nameOf, type TableName } from '../table-name.js';
import type { Target } from '../target.js';
import { absentTable, privilegeFaults } from '../target-privileges.js';
import { readTable } from '../target-schema.js';
import { matchTable, tableFaults, type TargetTable, type TriggerPolicy } from '../target-table.js';
import { cascadeWarnings } from './cascades.js';
import type { Findings } from './finding.js';
import { narrowColumns } from './narrow-columns.js';
import type { SourceTable } from './source-tables.js';

/** What goes to one table of the target. Nothing: it is known by name alone. */
export interface Arrival {
  readonly source: SourceTable;
  readonly route: Route;
}

/** Looks at one table of the target, and adds what is wrong with it. @param written names of all tables that the task writes */
export async function checkTargetTable(
  target: Target,
  name: TableName,
  arrivals: readonly Arrival[],
  { triggers, written }: { readonly triggers: TriggerPolicy; readonly written: ReadonlySet<string> },
  findings: Findings,
): Promise<void> {
  const place = nameOf(name);
  const fault = (text: string): void => findings.add('fault', 'target', place, text);
  const warn = (text: string): void => findings.add('warning', 'target', place, text);
  const table = await readTable(target, name);
  if (!table) return fault(await absentTable(target, name));
  tableFaults(table, triggers).forEach(fault);
  (await privilegeFaults(target, table)).forEach(fault);
  keyWarnings(table).forEach(warn);
  const leaves = arrivals.some(({ route: { rule } }) => rule.where !== undefined || rule.shard !== undefined);
  (await cascadeWarnings(target, name, written, leaves)).forEach(warn);
  for (const { source, route } of arrivals) {
    const { match, faults } = matchTable(route.mapped.version, table, triggers, route.mapped);
    // What an older store says of columns is too little to judge types by.
    if (source.exact) {
      faults.forEach(fault);
      (await narrowColumns(target, table, plainly(match.written))).forEach(warn);
    } else faults.filter((text) => !/: column '.*': /s.test(text)).forEach(fault);
    checkKey(source, route, match.keyed, { fault, warn });
  }
}

/** Constants are checked as labels already, and computed values have no length. */
const plainly = (columns: readonly MatchedColumn[]): readonly MatchedColumn[] =>
  columns.filter(({ source }) => source.type !== 'enum' && source.type !== 'set');

interface Tellers {
  readonly fault: (text: string) => void;
  readonly warn: (text: string) => void;
}

function checkKey(
  { version, keyHidden }: SourceTable,
  { rule }: Route,
  keyed: boolean,
  { fault, warn }: Tellers,
): void {
  const { action = 'mirror', key } = rule;
  // These look for no rows.
  if (keyed || key !== undefined || action === 'append' || action === 'insertOnly') return;
  if (version.primaryKey.length > 0 || keyHidden)
    fault(
      `it has no unique key of columns that are written, and ${nameOf(version)} has one; add it, or name columns as key`,
    );
  else
    warn(
      `neither it nor ${nameOf(version)} has a key: rows are found by all their values, one after another, which is slow`,
    );
}

/** Unique keys of which congo cannot tell which rows share one. */
const keyWarnings = ({ uniqueKeys, columns }: TargetTable): readonly string[] =>
  uniqueKeys
    .filter(({ columns: parts }) =>
      parts.some(({ name }) => name === undefined || columns.get(name.toLowerCase())?.generated === true),
    )
    .map(
      ({ name }) =>
        `unique key '${name}' is over an expression or a generated column: rows of the table are written one after another`,
    );
