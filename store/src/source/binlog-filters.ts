import { DrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import type { SourceControl } from './source-control.js';

/**
 * Warns of `binlog_do_db` and `binlog_ignore_db`: what they keep out of the binlog never arrives.
 * @param known the filters that were warned of before
 * @returns the filters as text; empty without any
 */
export async function warnOfBinlogFilters(
  control: SourceControl,
  logger: Pick<Logger, 'warn'>,
  known: string,
): Promise<string> {
  const filters = await binlogFilters(control);
  const text = filters.join('; ');
  if (text !== '' && text !== known)
    logger.warn({ filters }, 'the source keeps schemas out of its binlog; their changes do not arrive');
  return text;
}

async function binlogFilters(control: SourceControl): Promise<string[]> {
  // MySQL renamed the statement.
  for (const statement of ['SHOW MASTER STATUS', 'SHOW BINARY LOG STATUS']) {
    try {
      const [row] = await control.rows(statement);
      return [
        ['binlog_do_db', row?.['Binlog_Do_DB']],
        ['binlog_ignore_db', row?.['Binlog_Ignore_DB']],
      ].flatMap(([name, schemas]) =>
        schemas === undefined || schemas === null || schemas === '' ? [] : [`${name} = ${schemas}`],
      );
    } catch (error) {
      // Another flavour's statement; a lost connection shows again at the next question.
      if (!(error instanceof DrcError) || error.code === 'SOURCE_UNREACHABLE') throw error;
    }
  }
  return [];
}
