import { parseExpression } from '@drc/protocol';
import type { RowPolicies } from '../mapped-change.js';
import type { ColumnRule } from './column-mapping.js';
import { type ShardRule, shardFaults } from './sharding.js';
import { TablePattern } from './table-pattern.js';
import { TargetTemplate } from './target-template.js';

/**
 * What becomes of a change.
 * `mirror`: the target's table has the same rows (the default) · `append`: each change is a new row, an update and a delete too ·
 * `softDelete`: a delete sets columns (`deleted`) instead · `insertOnly`: updates and deletes are left out.
 */
export type RuleAction = 'mirror' | 'append' | 'softDelete' | 'insertOnly';

/** Where the rows of source tables go, which of them, and as what. */
export interface TableRule extends ColumnRule, Partial<RowPolicies> {
  /** `schema.table` of the source, with `*` and `?`. */
  readonly from: string;
  /** `schema.table` of the target, with `{schema}`, `{table}`, `{1}` …, `{shard}`. Default `{schema}.{table}`. */
  readonly to?: string;
  /**
   * SQL condition on the source's row. Default: every row. An update that moves a row into the condition is an insert, one that moves
   * it out of it a delete.
   */
  readonly where?: string;
  /** Target columns that find a row. Default: the target's primary key, else its first unique key without NULLs. */
  readonly key?: readonly string[];
  readonly shard?: ShardRule;
  /** Default `mirror`. */
  readonly action?: RuleAction;
  /** `append`: target name of columns for the image before, with `{column}`, e.g. `old_{column}`. Default: that image is not kept. */
  readonly before?: string;
  /** `softDelete`: target column → SQL expression, e.g. `deleted_at: $committed_at`. While a row lives they are NULL, or what `set` says. */
  readonly deleted?: Readonly<Record<string, string>>;
}

export const sameName = '{schema}.{table}';

/** Which rules count for a table that several name: only the first of them, or all. */
export type RuleMatch = 'first' | 'all';

/** All faults of all rules, each `tables.0.from: what`. Undefined stands for a rule that is none, and is passed over. */
export function ruleFaults(rules: readonly (TableRule | undefined)[], match: RuleMatch = 'first'): string[] {
  const earlier: TablePattern[] = [];
  return rules.flatMap((rule, index) => {
    if (!rule) return [];
    const faults = faultsOf(rule);
    const from = TablePattern.parse(rule.from);
    if (from && faults.length === 0 && match === 'first') {
      if (earlier.some((other) => other.covers(from)))
        faults.push(`from: '${rule.from}' is never reached, an earlier rule takes it`);
      earlier.push(from);
    }
    return faults.map((fault) => `tables.${index}.${fault}`);
  });
}

function faultsOf(rule: TableRule): string[] {
  const from = TablePattern.parse(rule.from);
  return [
    ...(from ? toFaults(rule, from) : [`from: '${rule.from}' is not schema.table`]),
    ...expressionFaults(rule),
    ...columnFaults(rule),
    ...actionFaults(rule),
    ...(rule.shard ? shardFaults(rule.shard).map((fault) => `shard.${fault}`) : []),
  ];
}

function toFaults(rule: TableRule, from: TablePattern): string[] {
  const text = rule.to ?? sameName;
  const to = TargetTemplate.parse(text);
  if (!to) return [`to: '${text}' is not schema.table`];
  if (text.includes('*')) return [`to: '${text}' names no one table; use {table}`];
  const known = new Set(['schema', 'table', ...(rule.shard ? ['shard', 'shard.schema', 'shard.table'] : [])]);
  for (let index = 1; index <= from.captures; index++) known.add(String(index));
  const unknown = [...text.matchAll(/\{([^{}]*)\}/g)].filter(
    ([, name = '']) => !known.has(name.replace(/:\d$/, '')),
  );
  const names = [...known].map((name) => `{${name}}`);
  const there = `there are ${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  const faults = unknown.map(([whole]) => `to: '${text}' has the unknown ${whole}; ${there}`);
  if (faults.length > 0) return faults;
  if (from.name.table === '*' && !to.hasTable)
    faults.push(`to: '${text}' would put every table of '${rule.from}' into one; use {table}`);
  if (rule.shard && !to.hasShard) faults.push(`to: '${text}' is one table for all shards; use {shard}`);
  return faults;
}

/** What can be told of the texts without the table; the rest when the table is known. */
function expressionFaults(rule: TableRule): string[] {
  const texts: [string, string][] = [
    ...(rule.where === undefined ? [] : [['where', rule.where] as [string, string]]),
    ...(rule.shard ? [['shard.by', rule.shard.by] as [string, string]] : []),
    ...Object.entries(rule.set ?? {}).map(([name, text]): [string, string] => [`set.${name}`, text]),
    ...Object.entries(rule.deleted ?? {}).map(([name, text]): [string, string] => [`deleted.${name}`, text]),
  ];
  return texts.flatMap(([place, text]) => {
    if (text.trim() === '') return [`${place}: is empty`];
    try {
      parseExpression(text);
      return [];
    } catch (error) {
      return [`${place}: ${(error as Error).message}`];
    }
  });
}

function columnFaults({ columns, drop, rename, set, key }: TableRule): string[] {
  const faults: string[] = [];
  if (columns?.length === 0) faults.push('columns: names none; leave it out for all');
  if (columns && drop) faults.push('drop: goes without columns, which names those that are written');
  if (key?.length === 0) faults.push("key: names no column; leave it out for the target's own key");
  for (const [from, to] of Object.entries(rename ?? {})) {
    if (to === '') faults.push(`rename.${from}: is empty`);
    if (set && Object.hasOwn(set, to)) faults.push(`rename.${from}: '${to}' is computed by set as well`);
  }
  const targets = Object.values(rename ?? {}).map((name) => name.toLowerCase());
  const twice = targets.find((name, index) => targets.indexOf(name) !== index);
  if (twice !== undefined) faults.push(`rename: two columns become '${twice}'`);
  return faults;
}

function actionFaults({ action = 'mirror', before, deleted, key }: TableRule): string[] {
  const faults: string[] = [];
  if (action === 'softDelete') {
    if (deleted === undefined || Object.keys(deleted).length === 0)
      faults.push('deleted: softDelete needs the columns that a delete sets, e.g. deleted_at: $committed_at');
  } else if (deleted !== undefined) faults.push('deleted: goes with action: softDelete only');
  if (before !== undefined && action !== 'append') faults.push('before: goes with action: append only');
  if (before !== undefined && !before.includes('{column}'))
    faults.push(`before: '${before}' would be one name for all columns; use {column}`);
  if (key !== undefined && (action === 'append' || action === 'insertOnly'))
    faults.push(`key: ${action} looks for no rows`);
  return faults;
}
