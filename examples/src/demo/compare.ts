import type { Connection } from 'mysql2/promise';

export interface TableComparison {
  readonly table: string;
  readonly sourceRows: number;
  readonly targetRows: number;
  /** The first differing rows, as text; empty where the tables are equal. */
  readonly differences: readonly string[];
}

const shownDifferences = 5;

/** Compares a table of source and target row by row and byte by byte, in the order of the primary key. */
export async function compareTable(
  source: Connection,
  target: Connection,
  table: string,
): Promise<TableComparison> {
  const sourceRows = await rowsOf(source, table);
  const targetRows = await rowsOf(target, table);
  const differences: string[] = [];
  const keys = new Set([...sourceRows.keys(), ...targetRows.keys()]);
  for (const key of keys) {
    const [left, right] = [sourceRows.get(key), targetRows.get(key)];
    if (left === right) continue;
    if (differences.length < shownDifferences) {
      differences.push(
        `${table} ${key}: source ${left ?? 'has no such row'}, target ${right ?? 'has no such row'}`,
      );
    }
  }
  return { table, sourceRows: sourceRows.size, targetRows: targetRows.size, differences };
}

interface ColumnShape {
  readonly name: string;
  readonly type: string;
  readonly isKey: number;
}

/** HEX() of a number would round it; FLOAT shows all its digits only as DOUBLE. */
function exactText(name: string, type: string): string {
  if (type === 'float' || type === 'double') return `CONCAT(CAST(${name} AS DOUBLE))`;
  return /char|text|binary|blob|enum|set|json|bit/.test(type) ? `HEX(${name})` : `CAST(${name} AS CHAR)`;
}

/** Key → the whole row, every value as exact text, so that no driver or collation has a say. */
async function rowsOf(connection: Connection, table: string): Promise<Map<string, string>> {
  const [schema, name] = table.split('.') as [string, string];
  const [columns] = await connection.query<never[]>(
    `SELECT COLUMN_NAME AS name, LOWER(DATA_TYPE) AS type, COLUMN_KEY = 'PRI' AS isKey FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    [schema, name],
  );
  const shape = columns as ColumnShape[];
  if (shape.length === 0) throw new Error(`${table} does not exist`);
  const hex = (column: ColumnShape): string =>
    `IFNULL(${exactText(connection.escapeId(column.name), column.type)}, 'NULL')`;
  const keyed = shape.filter((column) => column.isKey);
  const [rows] = await connection.query<never[]>({
    sql: `SELECT CONCAT_WS('-', ${(keyed.length > 0 ? keyed : shape).map(hex).join(', ')}), CONCAT_WS(' ', ${shape.map(hex).join(', ')})
          FROM ${connection.escapeId(schema)}.${connection.escapeId(name)}`,
    rowsAsArray: true,
  });
  return new Map(rows as [string, string][]);
}
