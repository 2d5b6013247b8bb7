import { isDrcError } from '@drc/protocol';
import { escapeId } from 'mysql2';
import type { TableName } from './table-name.js';
import type { TargetTable } from './target-table.js';
import type { Target } from './target.js';

/** Access denied to a schema, a table, a column. */
const denied: readonly unknown[] = [1044, 1142, 1143];

/**
 * Which of the privileges that congo needs on a table its user lacks. The servers are asked to explain a statement of
 * each kind: they check what the statement needs (roles, and grants of whatever level, included), and run nothing.
 * @param needed default all that rows need
 */
export async function privilegeFaults(
  target: Target,
  table: TargetTable,
  needed: readonly string[] = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
): Promise<string[]> {
  const written = [...table.columns.values()].find((column) => !column.generated);
  if (!written) return [];
  const name = `${quote(table.schema)}.${quote(table.table)}`;
  const column = quote(written.name);
  const statements = {
    SELECT: `SELECT ${column} FROM ${name} LIMIT 0`,
    INSERT: `INSERT INTO ${name} (${column}) VALUES (NULL)`,
    UPDATE: `UPDATE ${name} SET ${column} = NULL WHERE FALSE`,
    DELETE: `DELETE FROM ${name} WHERE FALSE`,
  };
  const missing: string[] = [];
  for (const [privilege, statement] of Object.entries(statements)) {
    if (needed.includes(privilege) && (await isDenied(target, `EXPLAIN ${statement}`)))
      missing.push(privilege);
  }
  if (missing.length === 0) return [];
  return [
    `${table.schema}.${table.table}: the user lacks ${missing.join(', ')}; run GRANT ${missing.join(', ')} ON ${name} TO the user`,
  ];
}

/** What to say where no table was found: the servers hide tables from who has no privilege on them. */
export async function absentTable(target: Target, { schema, table }: TableName): Promise<string> {
  const hidden = await isDenied(target, `SELECT 1 FROM ${quote(schema)}.${quote(table)} LIMIT 0`);
  return `${schema}.${table}: there is no such table${hidden ? ', or the user has no privilege on it' : ''}`;
}

/** Any other refusal is no answer to the question; the rows will meet it again. */
export async function isDenied(target: Target, sql: string): Promise<boolean> {
  try {
    await target.query(sql);
    return false;
  } catch (error) {
    if (!isDrcError(error) || error.retryable) throw error;
    return denied.includes(error.details['errno']);
  }
}

const quote = (name: string): string => escapeId(name, true);
