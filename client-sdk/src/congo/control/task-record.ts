import { DrcError, isDrcError } from '@drc/protocol';
import { type ProgressRow, tableSql } from '../progress-table.js';
import type { Target } from '../target.js';
import type { TaskName } from './control-table.js';

/** Schema, table: not there. */
const absent: readonly unknown[] = [1049, 1146];

/** Runs a question about a task. @throws DrcError `TASK_UNKNOWN` where the target has no tables of congo. */
export async function askOf<Answer>(
  { schema, task }: TaskName,
  question: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await question();
  } catch (error) {
    if (!isDrcError(error) || !absent.includes(error.details['errno'])) throw error;
    const message = `The target has no table of congo's in schema '${schema}', and so no task '${task}'.`;
    throw new DrcError('TASK_UNKNOWN', message, { task, schema }, { cause: error });
  }
}

export const unknownTask = ({ schema, task }: TaskName): DrcError =>
  new DrcError('TASK_UNKNOWN', `The target has no task '${task}' in schema '${schema}'.`, { task, schema });

/** The records of all workers of a task; undefined where there is no such task. Begins a transaction where none is open. */
export async function readRecords(
  target: Target,
  name: TaskName,
): Promise<readonly (ProgressRow & { readonly updatedAt: string })[] | undefined> {
  const rows = await target.query<({ known: string } & Partial<ProgressRow & { updatedAt: string }>)[]>(
    `SELECT t.task AS known, p.worker, p.applied, UNIX_TIMESTAMP(p.updated_at) AS updatedAt
     FROM ${tableSql(name.schema, 'congo_task')} t
     LEFT JOIN ${tableSql(name.schema, 'congo_progress')} p ON p.task = t.task WHERE t.task = ? ORDER BY p.worker`,
    [name.task],
  );
  if (rows.length === 0) return undefined;
  return rows.flatMap(({ worker, applied, updatedAt }) =>
    typeof applied === 'string' && worker !== undefined && updatedAt !== undefined
      ? [{ worker, applied, updatedAt }]
      : [],
  );
}
