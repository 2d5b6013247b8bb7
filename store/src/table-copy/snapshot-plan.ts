import type { SnapshotProgress } from '@drc/protocol';

/** What decides which tables a reader is copied. Tables as `schema.table`. */
export interface SnapshotPlanOptions {
  /** What the reader's checkpoint says; undefined where it has none, or nothing was ever copied for it. */
  readonly progress: SnapshotProgress | undefined;
  /** The captured tables that the source has now, in the order in which they are copied. */
  readonly tables: readonly string[];
  /** Names that the reader gave in full. */
  readonly names: readonly string[];
  /** Whether a glob of the reader names the table. */
  readonly matches: (table: string) => boolean;
  /** Whether the reader may have the table, and wants its changes. */
  readonly wants: (table: string) => boolean;
}

/**
 * The tables that join what is copied for a reader. What its globs name is decided once, when the first copy begins: a table that is
 * made later comes whole in the stream. A table that is named joins whenever it is named first.
 */
export function plannedTables({ progress, tables, names, matches, wants }: SnapshotPlanOptions): string[] {
  const named = new Set(names);
  return tables.filter(
    (table) =>
      wants(table) &&
      progress?.of(table) === undefined &&
      (named.has(table) || (progress === undefined && matches(table))),
  );
}
