import { DrcError, isDrcError, isTransactionId } from '@drc/protocol';
import { exportLog, type LogExport, type SliceEnd } from '@drc/store';
import { withAdvice } from '../advice.js';
import { explainLocked, logFolderOf, type LogFolderFlags } from '../log-folder.js';
import { parseTime, parseTransaction } from '../moment.js';
import { ProgressLine } from '../progress-line.js';
import { bytesText, countOf } from '../quantity-text.js';

export interface StoreExportFlags extends LogFolderFlags {
  readonly from: string;
  readonly to: string;
  readonly table?: readonly string[];
  readonly acknowledgeGap?: readonly string[];
  readonly file: string;
  readonly output: 'text' | 'json';
}

/** Writes a slice of a log into a file. */
export async function storeExport(flags: StoreExportFlags, signal: AbortSignal): Promise<void> {
  const { table, acknowledgeGap, file: path } = flags;
  for (const id of acknowledgeGap ?? [])
    if (!isTransactionId(id))
      throw new DrcError('CONFIG_INVALID', `--acknowledge-gap ${id} is no id of a transaction.`);
  const now = Date.now();
  const request = {
    from: parseSliceEnd(flags.from, now),
    to: parseSliceEnd(flags.to, now),
    path,
    ...(table === undefined ? {} : { tables: table }),
    ...(acknowledgeGap === undefined ? {} : { acknowledgeGaps: acknowledgeGap }),
  };
  const folder = await logFolderOf(flags);
  const written = await exported(folder, request, signal).catch((error: unknown) => {
    throw explained(explainLocked(error, folder.directory, 'export from its log'));
  });
  const print = flags.output === 'json' ? exportJson : exportText;
  process.stdout.write(`${print(written)}\n`);
}

async function exported(
  folder: Awaited<ReturnType<typeof logFolderOf>>,
  request: Parameters<typeof exportLog>[1],
  signal: AbortSignal,
): Promise<LogExport> {
  using line = new ProgressLine();
  return await exportLog(folder, request, {
    signal,
    progress: ({ transactions, ofTransactions, rows }) =>
      line.show({ share: transactions / ofTransactions, text: countOf(rows, 'row') }),
  });
}

function explained(error: unknown): unknown {
  if (!isDrcError(error, 'GAP')) return error;
  return withAdvice(
    error,
    `The export ends in front of it. Leave it out of the slice, or pass it: --acknowledge-gap ${String(error.details['transaction'])}.`,
  );
}

/**
 * An end of a slice, as typed: `earliest`, `latest`, `-15m`, a date with time, the id of a transaction, or a number of the
 * log.
 * @throws DrcError `CONFIG_INVALID`
 */
export function parseSliceEnd(text: string, now: number): SliceEnd {
  if (text === 'earliest' || text === 'latest') return { kind: text };
  if (/^[1-9]\d{0,14}$/.test(text)) return { kind: 'lsn', lsn: Number(text) };
  const time = parseTime(text, now);
  if (time !== undefined && !Number.isNaN(time)) return { kind: 'timestamp', time };
  const id = time === undefined ? parseTransaction(text) : undefined;
  if (id !== undefined) return { kind: 'transaction', id };
  throw new DrcError(
    'CONFIG_INVALID',
    `'${text}' is no place in a log. Use earliest, latest, -15m, a date like 2026-11-22T08:00Z, the id of a transaction, or its number in the log.`,
  );
}

const exportText = ({ topic, fromLsn, toLsn, transactions, rows, path, bytes }: LogExport): string =>
  `${path}: ${countOf(transactions, 'transaction')} of ${topic} with ${countOf(rows, 'row')} (${fromLsn} to ${toLsn}), ${bytesText(bytes)}.`;

/** One document; `format` changes when anything but an addition does. */
const exportJson = (written: LogExport): string => JSON.stringify({ format: 1, ...written });
