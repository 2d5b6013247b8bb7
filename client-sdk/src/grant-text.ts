import type { EffectiveFilter } from '@drc/protocol';

/** Equal texts: of the same log both give a reader the same. Lists whose order means nothing are sorted. */
export function grantTextOf({ tables, restricted = [], rules = [], partition }: EffectiveFilter): string {
  return JSON.stringify(sorted([tables.toSorted(), restricted.map(textOf).toSorted(), rules, partition]));
}

const textOf = (value: unknown): string => JSON.stringify(sorted(value));

/** The members of each object in the order of their names: stores need not write them alike. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}
