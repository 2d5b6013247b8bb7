import type { TableVersion } from '@drc/protocol';
import { columnFault } from './column-fit.js';
import type { MappedTable, RowPolicies } from './mapped-change.js';
import type { MatchedColumn } from './matched-column.js';
import { nameOf, type TableName } from './table-name.js';
import type { TargetColumn } from './target-column.js';
import { valueCheck } from './value-fit.js';

/** A unique key of the target. */
export interface TargetKey {
  readonly name: string;
  /** A part without a name is an expression; `prefix` in characters or bytes, undefined where the whole value counts. */
  readonly columns: readonly { readonly name: string | undefined; readonly prefix: number | undefined }[];
  /** Whether rows may have NULL in it, and so be equal there. */
  readonly nullable: boolean;
}

/** A table of the target as congo found it. */
export interface TargetTable extends TableName {
  /** By name in small letters: servers tell column names apart by their letters only. */
  readonly columns: ReadonlyMap<string, TargetColumn>;
  /** The columns of the primary key, else of a unique key without nullable columns or prefixes, else empty. */
  readonly key: readonly string[];
  /** All unique keys, the primary key among them. */
  readonly uniqueKeys: readonly TargetKey[];
  /** False for engines that cannot roll back: refused, since a crash would leave half a transaction. */
  readonly transactional: boolean;
  /** Whether it has foreign keys, or others refer to it. */
  readonly foreignKeys: boolean;
  /** Names of the triggers on it, as far as congo's user may see them. */
  readonly triggers: readonly string[];
}

/**
 * What triggers on a table of the target mean to the task. `refuse`: an error, since what they write may come from the
 * source as well. `allow`: they run for the rows that congo writes.
 */
export type TriggerPolicy = 'refuse' | 'allow';

/** A source table version matched to its target: what is written, and how a row is found again. */
export interface TableMatch {
  readonly source: TableVersion;
  readonly target: TargetTable;
  /** Source columns that are written, in source order. */
  readonly written: readonly MatchedColumn[];
  /** Columns that find a row; all of them, compared exactly, where the target has no key. */
  readonly lookup: readonly MatchedColumn[];
  readonly keyed: boolean;
  /** Whether the key that finds a row is the only one that two rows could have in common. */
  readonly soleKey: boolean;
  readonly policies: RowPolicies;
}

/** What a rule says of the rows of a table. */
export type RowWishes = Partial<Pick<MappedTable, 'key' | 'policies'>>;

/** Exactly once leaves no innocent cause. */
const strict: RowPolicies = { onDuplicate: 'error', onMissingUpdate: 'error', onMissingDelete: 'error' };

/** Matches by name. The second part of the result lists every reason why the target cannot take these rows. */
export function matchTable(
  source: TableVersion,
  target: TargetTable,
  triggers: TriggerPolicy = 'refuse',
  { key: wantedKey, policies = strict }: RowWishes = {},
): { match: TableMatch; faults: string[] } {
  const name = nameOf(target);
  const faults = tableFaults(target, triggers);
  const written: MatchedColumn[] = [];
  const left = new Map(target.columns);
  for (const column of source.columns) {
    const twin = left.get(column.name.toLowerCase());
    if (!twin) {
      faults.push(`${name}: column '${column.name}' is missing`);
      continue;
    }
    left.delete(column.name.toLowerCase());
    if (twin.generated) continue;
    const fault = columnFault(column, twin);
    if (fault !== undefined) faults.push(`${name}: column '${column.name}': ${fault}`);
    const pair = { source: column, target: twin };
    written.push({ ...pair, keeps: valueCheck(pair) });
  }
  for (const column of left.values()) {
    if (column.optional) continue;
    faults.push(`${name}: column '${column.name}' is not in the source and has no default`);
  }
  const byName = new Map(written.map((column) => [column.target.name.toLowerCase(), column]));
  const keyOf = (names: readonly string[]): MatchedColumn[] =>
    names.flatMap((column) => byName.get(column.toLowerCase()) ?? []);
  const own = keyOf(target.key);
  const isOwn = own.length > 0 && own.length === target.key.length;
  const key = wantedKey === undefined ? own : keyOf(wantedKey);
  for (const column of wantedKey ?? []) {
    if (!byName.has(column.toLowerCase()))
      faults.push(`${name}: column '${column}' of the key is not written`);
  }
  // What the rule names finds one row for sure where it has all columns of a key.
  const keyed = isOwn && own.every((column) => key.includes(column));
  const lookup = keyed || wantedKey !== undefined ? key : written;
  const soleKey = keyed && target.uniqueKeys.length === 1;
  return { match: { source, target, written, lookup, keyed, soleKey, policies }, faults };
}

/** What is wrong with the table whatever rows come. */
export const tableFaults = (target: TargetTable, triggers: TriggerPolicy): string[] => [
  ...(target.transactional ? [] : [`${nameOf(target)}: its storage engine cannot roll back; use InnoDB`]),
  ...(triggers === 'allow' ? [] : target.triggers).map(
    (trigger) =>
      `${nameOf(target)}: trigger '${trigger}' would write a second time what the source's own wrote; drop it, or set triggers: allow`,
  ),
];
