import type { GrantRule } from './model.js';

/** What a reader may have of one table: the union of the rules that match it. */
export interface Access {
  /** Conditions in SQL: rows of which one is true may be read. Empty: all rows. */
  readonly anyOf: readonly string[];
  /** Names or globs of columns that are not delivered, whatever else is said of them. */
  readonly drop: readonly string[];
  /** Names or globs of columns that are delivered as a keyed hash. */
  readonly hash: readonly string[];
}

const everything: Access = { anyOf: [], drop: [], hash: [] };

/** Whether the rule lets everything of its tables through. */
export const isUnrestricted = ({ where, drop, hash }: GrantRule): boolean =>
  where === undefined && (drop ?? []).length === 0 && (hash ?? []).length === 0;

/** Whether all of the table may be read. */
export const isFull = ({ anyOf, drop, hash }: Access): boolean =>
  anyOf.length === 0 && drop.length === 0 && hash.length === 0;

/**
 * What these rules, all of one table, allow together; undefined where there are none: it may not be read. A rule
 * without restrictions wins. Otherwise rows are joined and columns are not: which rule let a row through is not told, so
 * a column that any of them keeps back is kept back.
 */
export function accessOf(rules: readonly GrantRule[]): Access | undefined {
  if (rules.length === 0) return undefined;
  if (rules.some(isUnrestricted)) return everything;
  const conditions = rules.map(({ where }) => where);
  return {
    anyOf: conditions.includes(undefined) ? [] : distinct(conditions.flatMap((where) => where ?? [])),
    drop: distinct(rules.flatMap(({ drop }) => drop ?? [])),
    hash: distinct(rules.flatMap(({ hash }) => hash ?? [])),
  };
}

/** Equal texts: the same may be read. The order of rules, and the rights beyond reading, do not matter. */
export function grantText(rules: readonly GrantRule[]): string {
  const tables = new Map<string, string[]>();
  for (const { tables: globs, where, drop = [], hash = [] } of rules) {
    const rest = JSON.stringify([where ?? null, distinct(drop), distinct(hash)]);
    tables.set(rest, [...(tables.get(rest) ?? []), ...globs]);
  }
  return JSON.stringify(
    distinct([...tables].map(([rest, globs]) => JSON.stringify([rest, distinct(globs)]))),
  );
}

/** Each once, sorted. */
const distinct = (texts: readonly string[]): string[] => [...new Set(texts)].toSorted();
