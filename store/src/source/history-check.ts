import { DrcError, type TransactionSet } from '@drc/protocol';
import type { SourceIdentity, SourcePosition } from '../log/transaction-log.js';
import { mariadbMissing, mysqlMissing, type Missing } from './covered-history.js';
import {
  binlogFiles,
  executedAt,
  largestAskedOffset,
  type BinlogFile,
  type FileStart,
} from './first-position.js';
import type { SourceControl } from './source-control.js';

/** What the log knows of its source. */
export interface CapturedHistory {
  readonly identity: SourceIdentity;
  readonly position: SourcePosition;
  readonly executed: TransactionSet;
}

/**
 * Whether the source still is the one that was captured, and still has what was captured. The servers themselves
 * accept a position of another history without a word.
 * @param fileStart asked for the file of the position; default: not asked, since the stream will tell
 * @throws DrcError `SOURCE_CHANGED`, `SOURCE_HISTORY_CHANGED`, `BINLOG_PURGED`
 */
export async function checkHistory(
  control: SourceControl,
  identity: SourceIdentity,
  captured: CapturedHistory,
  fileStart?: FileStart,
): Promise<void> {
  const { position } = captured;
  const fault =
    identityFault(identity, captured.identity) ??
    fileFault(await binlogFiles(control), position) ??
    (identity.flavour === 'mariadb'
      ? await mariadbFault(control, captured)
      : await mysqlFault(control, captured)) ??
    (position.begun === undefined || fileStart === undefined
      ? undefined
      : begunFault((await fileStart(position.file)) / 1000, position));
  if (fault !== undefined) throw fault;
}

export function identityFault(now: SourceIdentity, captured: SourceIdentity): DrcError | undefined {
  const isSame =
    now.flavour === captured.flavour &&
    (now.flavour === 'mysql' ? now.uuid === captured.uuid : now.serverId === captured.serverId);
  if (isSame) return undefined;
  const text = ({ flavour, uuid, serverId }: SourceIdentity): string =>
    `${flavour} ${uuid === '' ? `with server id ${serverId}` : uuid}`;
  return new DrcError(
    'SOURCE_CHANGED',
    `The log was captured from ${text(captured)}; this source is ${text(now)}.`,
  );
}

export function fileFault(
  files: readonly BinlogFile[],
  { file, offset }: SourcePosition,
): DrcError | undefined {
  const details = { file, offset };
  const place = `${file}:${offset}`;
  const own = files.find((candidate) => candidate.file === file);
  if (own !== undefined) {
    if (offset <= own.size) return undefined;
    return new DrcError(
      'SOURCE_HISTORY_CHANGED',
      `Capture stands at ${place}, but the source's file ends at ${own.size}: it has lost transactions.`,
      details,
    );
  }
  const oldest = files[0]?.file;
  // Names of one base have numbers that rise; one that lies before the oldest has been purged.
  if (oldest !== undefined && baseOf(oldest) === baseOf(file) && numberOf(file) < numberOf(oldest))
    return new DrcError(
      'BINLOG_PURGED',
      `Capture must go on at ${place}; the source's oldest file is ${oldest}.`,
      {
        ...details,
        oldest,
      },
    );
  return new DrcError(
    'SOURCE_HISTORY_CHANGED',
    `The source never had ${place}: its binlogs were reset.`,
    details,
  );
}

/** One that was set up anew by the same statements has the same GTIDs at the same offsets, but not of the same time. */
export function begunFault(
  begun: number,
  { file, offset, begun: known }: SourcePosition,
): DrcError | undefined {
  if (known === undefined || begun === known) return undefined;
  const text = (seconds: number): string => new Date(seconds * 1000).toISOString();
  return new DrcError(
    'SOURCE_HISTORY_CHANGED',
    `The source's ${file} was begun ${text(begun)}; the one that was captured, ${text(known)}.`,
    { file, offset },
  );
}

const baseOf = (file: string): string => file.slice(0, file.lastIndexOf('.'));
const numberOf = (file: string): number => Number(file.slice(file.lastIndexOf('.') + 1));

/** What the source has executed at our position must be what we have. */
export function executedFault(
  atPosition: TransactionSet | undefined,
  { position, executed }: CapturedHistory,
): DrcError | undefined {
  // Both ways, and with server ids: one sequence under two servers is two histories. A domain that the source has
  // forgotten (FLUSH BINARY LOGS DELETE_DOMAIN_ID) may be missing.
  if (
    atPosition !== undefined &&
    (atPosition.toString() === executed.toString() || isWithin(atPosition, executed))
  )
    return undefined;
  const theirs = atPosition === undefined ? 'no transaction that ends there' : `"${atPosition.toString()}"`;
  return new DrcError(
    'SOURCE_HISTORY_CHANGED',
    `At ${position.file}:${position.offset} the source has ${theirs}, the log "${executed.toString()}".`,
    { file: position.file, offset: position.offset, executed: executed.toString() },
  );
}

const isWithin = (source: TransactionSet, log: TransactionSet): boolean => {
  const parts = new Set(log.toString().split(','));
  return (
    !source.isEmpty &&
    source
      .toString()
      .split(',')
      .every((part) => parts.has(part))
  );
};

/** Beyond 4 GiB the server does not tell what it has executed at a position: then by GTIDs alone. */
async function mariadbFault(
  control: SourceControl,
  captured: CapturedHistory,
): Promise<DrcError | undefined> {
  if (captured.position.offset <= largestAskedOffset)
    return executedFault(await executedAt(control, 'mariadb', captured.position), captured);
  const state = (await control.value('SELECT @@GLOBAL.gtid_binlog_state')) ?? '';
  return lostFault(mariadbMissing(captured.executed.toString(), state), captured);
}

async function mysqlFault(control: SourceControl, captured: CapturedHistory): Promise<DrcError | undefined> {
  return lostFault(await mysqlMissing(control, captured.executed), captured);
}

function lostFault(lost: Missing | undefined, { executed }: CapturedHistory): DrcError | undefined {
  if (lost === undefined) return undefined;
  return new DrcError(
    'SOURCE_HISTORY_CHANGED',
    `The source no longer has all transactions of the log: ${lost.missing} are missing.`,
    { missing: lost.missing, executed: executed.toString() },
  );
}
