import { DrcError, type TableVersion } from '@drc/protocol';
import { canOrder, quoted, type TableKey } from './keyset.js';
import type { SnapshotTable } from './snapshot-chunk.js';
import type { SnapshotSession } from './snapshot-session.js';

/** An index of a table, as SHOW INDEX has it. */
export interface TableIndex {
  readonly name: string;
  readonly isUnique: boolean;
  /** False where only the server knows how to go by it, or does not use it. */
  readonly isOrdered: boolean;
  readonly columns: readonly {
    /** Undefined for an expression. */
    readonly name: string | undefined;
    readonly isPrefix: boolean;
    readonly nullable: boolean;
    readonly isDescending: boolean;
  }[];
}

/** In the server's own order, which INFORMATION_SCHEMA does not have. */
export async function indexesOf(
  session: SnapshotSession,
  { schema, table }: SnapshotTable,
  signal: AbortSignal,
): Promise<readonly TableIndex[]> {
  const rows = await session.rows(`SHOW INDEX FROM ${quoted(schema)}.${quoted(table)}`, [], signal);
  const names = [...new Set(rows.map((row) => String(row['Key_name'])))];
  return names.map((name) => {
    const own = rows.filter((row) => row['Key_name'] === name);
    return {
      name,
      isUnique: own.every((row) => Number(row['Non_unique']) === 0),
      isOrdered: own.every(
        (row) => row['Index_type'] === 'BTREE' && row['Visible'] !== 'NO' && row['Ignored'] !== 'YES',
      ),
      columns: own.map((row) => ({
        name: row['Column_name'] === null ? undefined : String(row['Column_name']),
        isPrefix: row['Sub_part'] !== null,
        nullable: row['Null'] === 'YES',
        isDescending: row['Collation'] === 'D',
      })),
    };
  });
}

/** A key of as many different values as rows. */
const isWhole = ({ isUnique, columns }: TableIndex): boolean =>
  isUnique && columns.every(({ name, isPrefix, nullable }) => name !== undefined && !isPrefix && !nullable);

/** What a table map has as the primary key; without one the server takes the first other that could be. */
export const isPrimary = (index: TableIndex): boolean => index.name === 'PRIMARY' || isWhole(index);

/**
 * The primary key, else the unique key of the fewest columns: every store has to choose the same one.
 * @param constant a column that is the same in all rows that are read
 */
export function keyOf(
  version: TableVersion,
  indexes: readonly TableIndex[],
  constant: string | undefined,
): TableKey {
  const keys = indexes.filter(isWhole).flatMap(({ name, isOrdered, columns }): TableKey[] => {
    const parts = columns
      .filter((column) => column.name !== constant)
      .map(({ name: column, isDescending }) => ({
        column: version.columns.findIndex((one) => one.name === column),
        isDescending,
      }));
    const serves =
      isOrdered &&
      parts.length > 0 &&
      parts.every(({ column }) => column >= 0 && canOrder(version.columns[column]!));
    return serves ? [{ index: name, parts }] : [];
  });
  const rank = ({ index, parts }: TableKey): number => (index === 'PRIMARY' ? 0 : parts.length);
  const [best] = keys.toSorted((a, b) => rank(a) - rank(b) || (a.index < b.index ? -1 : 1));
  if (best !== undefined) return best;
  const table = `${version.schema}.${version.table}`;
  throw new DrcError(
    'SNAPSHOT_NEEDS_KEY',
    `${table} has no primary key, and no unique key of captured NOT NULL columns, that it can be read by.`,
    { table },
  );
}
