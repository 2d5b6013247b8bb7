import { nameOf, type TableName } from '../table-name.js';
import type { Target } from '../target.js';

interface CascadeRow {
  readonly name: string;
  readonly childSchema: string;
  readonly childTable: string;
  readonly onDelete: string;
  readonly onUpdate: string;
}

const acting: ReadonlySet<string> = new Set(['CASCADE', 'SET NULL', 'SET DEFAULT']);

/**
 * What the target does by itself to other tables where rows of this one change. The binlog of a source has no rows that its own foreign
 * keys changed (only MySQL from 9.6 on writes them, and congo leaves foreign keys off for those), so the target needs the same keys as the source, and no others.
 * @param written by name, the tables that the task writes
 * @param leaves whether rows leave the table that the source still has: a condition, or a shard, that changes
 */
export async function cascadeWarnings(
  target: Target,
  table: TableName,
  written: ReadonlySet<string>,
  leaves: boolean,
): Promise<readonly string[]> {
  const rows = await target.query<CascadeRow[]>(
    `SELECT CONSTRAINT_NAME AS name, CONSTRAINT_SCHEMA AS childSchema, TABLE_NAME AS childTable,
            DELETE_RULE AS onDelete, UPDATE_RULE AS onUpdate
     FROM information_schema.REFERENTIAL_CONSTRAINTS
     WHERE UNIQUE_CONSTRAINT_SCHEMA = ? AND REFERENCED_TABLE_NAME = ? ORDER BY CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME`,
    [table.schema, table.table],
  );
  return rows.flatMap(({ name, childSchema, childTable, onDelete, onUpdate }) => {
    const acts = [
      ...(acting.has(onDelete) ? [`ON DELETE ${onDelete}`] : []),
      ...(acting.has(onUpdate) ? [`ON UPDATE ${onUpdate}`] : []),
    ];
    if (acts.length === 0) return [];
    const child = nameOf({ schema: childSchema, table: childTable });
    const what = `foreign key '${name}' of ${child} (${acts.join(', ')}) changes rows there by itself`;
    if (!written.has(child))
      return [`${what}, and no rule writes that table; drop the key, or make it RESTRICT`];
    if (leaves)
      return [
        `${what}, also where a row leaves this table by a condition or its shard, which no row of the source tells; drop the key`,
      ];
    return [
      `${what}: right where the source has the same key, and only there, since its binlog has no rows of cascades`,
    ];
  });
}
