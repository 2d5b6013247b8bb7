import { DrcError, isDrcError, type ErrorCode, type StartFrom, type TransactionSet } from '@drc/protocol';
import type { HistoryEnd } from './serve/common-history.js';
import { mariadbMissing } from './source/covered-history.js';

/** What this needs of the log. */
export interface SearchableLog {
  readonly head: { readonly value: { readonly lsn: number } };
  extent(): { readonly oldest: { readonly lsn: number } };
  seek(from: StartFrom, seekMarginMs: number): Promise<{ readonly lsn: number }>;
  executedBefore(lsn: number): Promise<TransactionSet>;
}

/** Capture has stopped at these because the source's past is another one than the log's. */
const changedHistory: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['SOURCE_HISTORY_CHANGED', 'BINLOG_RESET']);

/** Enough to find the first; a set with more pieces is that of a source that lost more than its newest transactions. */
const maxIds = 1_000;

/**
 * From where on readers can be given nothing more, after capture was stopped by this error. Undefined: the source's past
 * is what it was.
 */
export async function historyEnd(log: SearchableLog, error: DrcError): Promise<HistoryEnd | undefined> {
  if (!changedHistory.has(error.code)) return undefined;
  const { missing, transaction, state } = error.details;
  const lsns = [log.head.value.lsn + 1];
  const ids = [...firstIds(missing), ...(typeof transaction === 'string' ? [transaction] : [])];
  for (const id of ids.slice(0, maxIds)) lsns.push(await lsnOf(log, id));
  if (typeof state === 'string') lsns.push(await firstBeyond(log, state));
  const lsn = Math.min(...lsns);
  const from = lsn > log.head.value.lsn ? '' : `, from transaction ${lsn} of its log on`;
  return {
    lsn,
    error: new DrcError(
      error.code,
      `The source no longer has what this store captured from it${from}: nothing that follows can be read from it.`,
      { lsn: String(lsn) },
    ),
  };
}

/** The first transaction behind which the log has more than a MariaDB server with this `gtid_binlog_state`. */
async function firstBeyond(log: SearchableLog, state: string): Promise<number> {
  let low = log.extent().oldest.lsn;
  let high = log.head.value.lsn + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const executed = await log.executedBefore(middle + 1);
    if (mariadbMissing(executed.toString(), state) === undefined) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function lsnOf(log: SearchableLog, id: string): Promise<number> {
  try {
    return (await log.seek({ kind: 'transaction', id }, 0)).lsn;
  } catch (error) {
    // It was trimmed, and all that follows is what the source has lost.
    if (isDrcError(error, 'RETENTION_EXPIRED')) return log.extent().oldest.lsn;
    if (isDrcError(error, 'TRANSACTION_UNKNOWN')) return Number.POSITIVE_INFINITY;
    throw error;
  }
}

/**
 * The first transaction of each piece of a set as the servers write it. A source gives out its numbers in the order of
 * its commits, so the first number of a piece is the first of it in the log.
 */
export function firstIds(missing: unknown): readonly string[] {
  if (typeof missing !== 'string') return [];
  return missing.split(',').flatMap((part) => {
    const [source = '', ...sections] = part.trim().split(':');
    if (source === '' || sections.length === 0) return source === '' ? [] : [source];
    let tag = '';
    return sections.flatMap((section) => {
      const number = /^(\d+)(-\d+)?$/.exec(section.trim())?.[1];
      if (number !== undefined) return [`${source}:${tag}${number}`];
      tag = `${section.trim()}:`;
      return [];
    });
  });
}
