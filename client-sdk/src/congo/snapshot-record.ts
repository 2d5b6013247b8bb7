import { SnapshotProgress } from '@drc/protocol';
import type { ResultSetHeader } from 'mysql2/promise';
import { tableName } from './table-name.js';
import type { Target } from './target.js';

/** One row a task that copies tables: how far it has come, in the transactions that write the rows. */
export const snapshotTableSql = (schema: string): string =>
  `CREATE TABLE IF NOT EXISTS ${tableName({ schema, table: 'congo_snapshot' })} (
  task VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  progress LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'tables and how far each was copied',
  updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
) ENGINE=InnoDB`;

/** Undefined where the task has never copied anything. @throws DrcError `CHECKPOINT_INVALID` where somebody wrote there */
export async function readSnapshot(
  target: Target,
  schema: string,
  task: string,
): Promise<SnapshotProgress | undefined> {
  const [row] = await target.query<{ progress: string }[]>(
    `SELECT progress FROM ${tableName({ schema, table: 'congo_snapshot' })} WHERE task = ?`,
    [task],
  );
  return row && SnapshotProgress.fromJSON(JSON.parse(row.progress));
}

/** Within the open transaction. */
export async function writeSnapshot(
  target: Target,
  schema: string,
  task: string,
  progress: SnapshotProgress,
): Promise<void> {
  await target.execute<ResultSetHeader>(
    `INSERT INTO ${tableName({ schema, table: 'congo_snapshot' })} (task, progress, updated_at) VALUES (?, ?, NOW(3))
     ON DUPLICATE KEY UPDATE progress = VALUES(progress), updated_at = NOW(3)`,
    [task, JSON.stringify(progress)],
  );
}
