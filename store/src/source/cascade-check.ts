import { DrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import type { SourceControl } from './source-control.js';
import type { TableFilter } from './table-filter.js';

/**
 * Warns of captured tables that foreign keys change: InnoDB does so below the binlog, so that those changes never
 * arrive. A question that the source does not answer, or not in time, is warned of too.
 */
export async function warnOfCascades(
  control: SourceControl,
  filter: TableFilter,
  logger: Pick<Logger, 'warn'>,
): Promise<void> {
  try {
    const tables = await cascadingTables(control, filter);
    if (tables.length > 0) {
      logger.warn(
        { tables },
        'foreign keys with ON DELETE or ON UPDATE CASCADE or SET NULL change these tables; the binlog does not have those changes',
      );
    }
  } catch (error) {
    // Not worth stopping for: a lost connection shows again at the next question.
    if (!(error instanceof DrcError)) throw error;
    logger.warn(
      { code: error.code },
      `tables that foreign keys change could not be looked for: ${error.message}`,
    );
  }
}

async function cascadingTables(control: SourceControl, filter: TableFilter): Promise<string[]> {
  const rows = await control.rows(
    'SELECT DISTINCT CONSTRAINT_SCHEMA AS s, TABLE_NAME AS t FROM information_schema.REFERENTIAL_CONSTRAINTS ' +
      "WHERE DELETE_RULE IN ('CASCADE', 'SET NULL') OR UPDATE_RULE IN ('CASCADE', 'SET NULL') ORDER BY 1, 2",
  );
  return rows
    .filter((row) => filter.captures(String(row['s']), String(row['t'])))
    .map((row) => `${row['s']}.${row['t']}`);
}
