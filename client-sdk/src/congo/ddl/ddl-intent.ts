import { DrcError, isDrcError } from '@drc/protocol';
import { escapeId } from 'mysql2';
import { createHash } from 'node:crypto';
import { nameOf, tableName, type TableName } from '../table-name.js';
import type { Target } from '../target.js';

/**
 * What a task is about to change, one row a statement. It is committed before the statement runs, which commits by
 * itself: after a crash it tells what may have happened. `running` becomes `done` behind the statement, with or before
 * the record of the source transaction.
 */
export const ddlTableSql = (schema: string): string => `CREATE TABLE IF NOT EXISTS ${intentTable(schema)} (
  task VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  transaction VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of the source',
  place INT UNSIGNED NOT NULL COMMENT 'of the change in the transaction, from 0',
  part INT UNSIGNED NOT NULL COMMENT 'of the statements that one became, from 0',
  statement LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  state ENUM('running','done') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  definition CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of what the target had before',
  begun_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (task, transaction, place, part)
) ENGINE=InnoDB`;

export const intentTable = (schema: string): string =>
  `${escapeId(schema, true)}.${escapeId('congo_ddl', true)}`;

/** `definition`: digest of what the target had before. */
export interface Intent {
  readonly statement: string;
  readonly state: 'running' | 'done';
  readonly definition: string;
}

const absent = 'absent';

/** What the target says a table is, without what rows change; `absent` where there is none. */
async function definitionOf(target: Target, table: TableName): Promise<string> {
  try {
    const [row] = await target.query<Record<string, string>[]>(`SHOW CREATE TABLE ${tableName(table)}`);
    return (row?.['Create Table'] ?? '').replace(/ AUTO_INCREMENT=\d+/, '');
  } catch (error) {
    const errno = isDrcError(error) ? error.details['errno'] : undefined;
    if (errno === 1146 || errno === 1049) return absent;
    throw error;
  }
}

/** Digest of what the target has now. */
export async function digestOf(target: Target, table: TableName): Promise<string> {
  return createHash('sha256')
    .update(await definitionOf(target, table))
    .digest('hex');
}

const absentDigest = createHash('sha256').update(absent).digest('hex');

/** Whether what changed is what the statement would change. */
function expected(statement: string, before: string, now: string): boolean {
  if (statement.startsWith('CREATE TABLE')) return before === absentDigest;
  if (statement.startsWith('DROP TABLE')) return now === absentDigest;
  if (statement.startsWith('TRUNCATE TABLE')) return false;
  return statement.startsWith('RENAME TABLE') || now !== absentDigest;
}

/**
 * Whether a statement that was begun took effect, by what the table was before and is now.
 * @throws DrcError `STATEMENT_UNSUPPORTED` where that cannot be told
 */
export function tookEffect({ statement, definition }: Intent, now: string, table: TableName): boolean {
  // Emptied once more nothing is lost: no row that came later has been applied yet. Names that were swapped may have
  // had the same definition, and to swap them again would undo it.
  const isSwap = statement.startsWith('RENAME TABLE') && statement.split('` TO `').length > 2;
  if (now === definition && !isSwap) return false;
  if (now !== definition && expected(statement, definition, now)) return true;
  throw new DrcError(
    'STATEMENT_UNSUPPORTED',
    `A process ended while '${statement}' ran, and ${nameOf(table)} is now neither as before it nor as after it: somebody else changed it. Compare SHOW CREATE TABLE ${nameOf(table)} with the statement, run it where it is missing, set state = 'done' in the task's row of congo_ddl, and start the task again.`,
    { table: nameOf(table), statement },
  );
}
