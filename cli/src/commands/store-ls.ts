import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError, isDrcError } from '@drc/protocol';
import { type LogContents, type LogSummary, type LogVerification, summarizeLog } from '@drc/store';
import { ExitCode } from '../exit-code.js';
import { logFolderOf, type LogFolderFlags } from '../log-folder.js';
import { bytesText, countOf, timeText } from '../quantity-text.js';
import { verified } from './store-verify.js';

export interface StoreLsFlags extends LogFolderFlags {
  /** Read the logs, and tell rows and gaps. */
  readonly count?: true;
  readonly output: 'text' | 'json';
}

interface Listed {
  readonly summary: LogSummary;
  /** There with `--count`, of logs that can be read. */
  readonly counted: LogVerification | undefined;
}

/** What data folders hold: those named, or all within a folder that is none itself. */
export async function storeLs(
  folders: readonly string[],
  flags: StoreLsFlags,
  signal: AbortSignal,
): Promise<void> {
  const named = folders.length > 0 ? folders : [(await logFolderOf(flags)).directory];
  const listed: Listed[] = [];
  for (const folder of named)
    for (const summary of await summariesIn(folder)) listed.push(await look(summary, flags, signal));
  const text = flags.output === 'json' ? listJson(listed) : listed.map(listText).join('\n\n');
  process.stdout.write(`${text}\n`);
  if (listed.some(isDamaged)) process.exitCode = ExitCode.logDamaged;
}

const isDamaged = ({ summary, counted }: Listed): boolean =>
  summary.state === 'damaged' || (counted?.faultCount ?? 0) > 0;

async function look(summary: LogSummary, { count }: StoreLsFlags, signal: AbortSignal): Promise<Listed> {
  const counted =
    count === true && summary.state === 'stopped'
      ? (await verified({ directory: summary.directory }, signal)).verification
      : undefined;
  return { summary, counted };
}

/** @throws DrcError `LOG_MISSING` where there is no log at all */
async function summariesIn(folder: string): Promise<LogSummary[]> {
  const own = await summaryOf(folder);
  if (own !== undefined) return [own];
  const names = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found: LogSummary[] = [];
  for (const entry of names.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const summary = entry.isDirectory() ? await summaryOf(join(folder, entry.name)) : undefined;
    if (summary !== undefined) found.push(summary);
  }
  if (found.length === 0)
    throw new DrcError('LOG_MISSING', `There is no log in ${folder}, nor in a folder within it.`);
  return found;
}

async function summaryOf(folder: string): Promise<LogSummary | undefined> {
  try {
    return await summarizeLog(folder);
  } catch (error) {
    if (isDrcError(error, 'LOG_MISSING')) return undefined;
    throw error;
  }
}

function listText({ summary, counted }: Listed): string {
  const { topic = 'unknown topic', directory, state, contents, folderBytes, durableLsn, fault } = summary;
  const lines = [
    `${topic}  ${directory}`,
    `size      ${bytesText(folderBytes)}${contents === undefined ? '' : `, of it ${bytesText(contents.bytes)} of transactions`}`,
  ];
  if (state === 'running')
    lines.push(
      `running   a store has it open${durableLsn === undefined ? '' : `; up to transaction ${durableLsn} it is on the disk`}`,
    );
  if (fault !== undefined) lines.push(`damaged   ${fault}`);
  if (contents !== undefined) lines.push(...contentsText(contents, counted));
  return lines.join('\n  ');
}

function contentsText(contents: LogContents, counted: LogVerification | undefined): string[] {
  const { oldest, newest, transactions, source, position, executed, prepared, tables } = contents;
  const rows = new Map(counted?.audit?.tables.map((table) => [table.name, table.rows]));
  return [
    oldest === undefined || newest === undefined
      ? 'extent    no transactions'
      : `extent    ${timeText(oldest.time)} to ${timeText(newest.time)}, ${countOf(transactions, 'transaction')} (${oldest.lsn} to ${newest.lsn})`,
    ...(source === undefined
      ? ['source    none: capture never began']
      : [
          `source    ${source.flavour}, server id ${source.serverId}${source.uuid === '' ? '' : `, ${source.uuid}`}`,
        ]),
    ...(position === undefined ? [] : [`position  ${position.file}:${position.offset}`]),
    ...(executed === '' ? [] : [`executed  ${executed}`]),
    ...tables.map(({ name, versions }) => {
      const count = rows.get(name);
      return `table     ${name}, ${countOf(versions, 'version')}${count === undefined ? '' : `, ${countOf(count, 'row')}`}`;
    }),
    ...prepared.map(({ xid, lsn }) => `prepared  ${xid}, since transaction ${lsn}`),
    ...(counted?.audit?.gaps ?? []).map(
      ({ transaction, lsn, reason }) => `gap       ${transaction} at ${lsn}: ${reason}`,
    ),
    ...(counted === undefined || counted.faultCount === 0
      ? []
      : [`damaged   ${countOf(counted.faultCount, 'fault')}: \`drc store verify\` lists them`]),
  ];
}

/** One document; `format` changes when anything but an addition does. */
function listJson(listed: readonly Listed[]): string {
  return JSON.stringify({ format: 1, logs: listed.map(logJson) });
}

function logJson({ summary, counted }: Listed): object {
  const { directory, topic, state, folderBytes, durableLsn, contents, fault } = summary;
  return {
    directory,
    topic: topic ?? null,
    state,
    folderBytes,
    durableLsn: durableLsn ?? null,
    fault: fault ?? null,
    contents: contents === undefined ? null : contentsJson(contents),
    counted:
      counted?.audit === undefined
        ? null
        : {
            rows: counted.audit.rows,
            tables: counted.audit.tables,
            gaps: counted.audit.gaps,
            faultCount: counted.faultCount,
          },
  };
}

function contentsJson({ source, oldest, newest, position, coversFrom, ...rest }: LogContents): object {
  return {
    ...rest,
    coversFrom: source === undefined ? null : coversFrom,
    source: source ?? null,
    oldest: oldest ?? null,
    newest: newest ?? null,
    position: position ?? null,
  };
}
