import type { Logger } from 'pino';
import { DrcError } from '@drc/protocol';
import type { SourceIdentity, SourcePosition } from '../log/transaction-log.js';
import type { BinlogReaderOptions } from './binlog-reader.js';
import type { CaptureLog } from './capture-log.js';
import { checkCovered } from './covered-history.js';
import {
  binlogFiles,
  executedAt,
  firstEventOffset,
  firstPosition,
  readFileStart,
  type CaptureStart,
} from './first-position.js';
import { checkHistory, identityFault } from './history-check.js';
import { placesBefore } from './places-before.js';
import type { DumpStart } from './replica-connection.js';
import type { SourceControl } from './source-control.js';
import type { SourceHosts } from './source-hosts.js';
import { checkStoredTransaction } from './stored-transaction-check.js';
import type { TableFilter } from './table-filter.js';
import type { Zstd } from './zstd.js';

/** COM_BINLOG_DUMP has 32 bits for the position. */
const largestDumpPosition = 0xffff_ffff;

/** Where one connection begins. */
export interface Beginning {
  readonly position: SourcePosition;
  readonly start: DumpStart;
}

export interface BeginningParts {
  readonly log: CaptureLog;
  readonly filter: TableFilter;
  readonly logger: Logger;
  /** The server that capture is about to read. */
  readonly control: SourceControl;
  readonly identity: SourceIdentity;
  readonly hosts: SourceHosts;
  /** Where an empty log begins. */
  readonly start: CaptureStart;
  /** How far back an empty log reaches by itself. */
  readonly retentionMs: number;
  readonly readerOptions: Omit<BinlogReaderOptions, 'start'>;
  /** For a second connection while the first reads. */
  readonly sideReaderOptions: Omit<BinlogReaderOptions, 'start'>;
  readonly zstd: () => Promise<Zstd>;
  readonly signal: AbortSignal;
}

/**
 * Where to go on: checked against the source, or chosen where the log is empty.
 * @throws DrcError where the source is another, has another past, or no longer has what comes next
 */
export async function findBeginning(parts: BeginningParts): Promise<Beginning> {
  const { log, control, identity, hosts, logger } = parts;
  const { position, identity: known, sinceLsn, executed } = log.capture;
  const { flavour } = identity;
  await log.sourceTime(() => control.time());
  if (position === undefined || known === undefined) {
    const first = await firstPosition(control, flavour, parts.start, parts.retentionMs, (file) =>
      readFileStart(parts.readerOptions, file),
    );
    if (hosts.areSeveral) await checkCovered(control, identity, { identity, executed: first.executed });
    const executed = first.complete
      ? first.executed
      : first.executed.union(await placesBefore(control, flavour, first.position));
    await log.begin(identity, first.position, executed, first.complete);
    logger.info({ ...first.position, complete: first.complete }, 'capture begins');
    return { position: first.position, start: await dumpStart(first.position, parts) };
  }
  const captured = { identity: known, position, executed: executed.clone() };
  const moved = identityFault(identity, known);
  if (moved !== undefined && !hosts.areSeveral) throw moved;
  // Also one host, where the place in the log has not been one of its own yet.
  const isByGtid = hosts.areSeveral || position.byGtid === true;
  if (isByGtid) await checkCovered(control, identity, captured);
  else await checkHistory(control, identity, captured);
  await checkStoredTransaction({
    log,
    control,
    filter: parts.filter,
    flavour,
    reader: parts.sideReaderOptions,
    zstd: parts.zstd,
    isSameServer: moved === undefined && log.head.value.lsn >= sinceLsn,
    // The places of several hosts were not compared with what the log knows of its own.
    ...(isByGtid ? {} : { placesSince: sinceLsn - 1 }),
    skipped: (why) => logger.info({ why }, 'the last stored transaction was not compared with the source'),
    signal: parts.signal,
  });
  if (!isByGtid) return { position, start: await dumpStart(position, parts) };
  const beginning = await beginningByGtid(control, identity, log);
  if (moved === undefined) log.movePosition(beginning.position);
  else log.moveSource(identity, beginning.position);
  return beginning;
}

/** Behind all that the log has, in whichever file of this server that is. */
async function beginningByGtid(
  control: SourceControl,
  { flavour }: SourceIdentity,
  log: CaptureLog,
): Promise<Beginning> {
  const files = await binlogFiles(control);
  const [oldest, newest] = [files[0], files.at(-1)];
  if (oldest === undefined || newest === undefined)
    throw new DrcError('SOURCE_CONFIG', 'The source has no binlog files.');
  const executed = log.capture.executed.toString();
  if (executed !== '') {
    // The place that the log has may be of another server.
    const position = { file: newest.file, offset: firstEventOffset, byGtid: true } as const;
    return { position, start: { executed } };
  }
  const position = { file: oldest.file, offset: firstEventOffset };
  if ((await executedAt(control, flavour, position))?.isEmpty !== true)
    throw new DrcError('GTID_PURGED', `The source has purged what it wrote before ${oldest.file}.`);
  return { position, start: { file: position.file, position: position.offset } };
}

/**
 * By file and position. Where 32 bits do not suffice: by GTID, or without one from the beginning of the file, of which
 * the log has what lies before the position.
 */
async function dumpStart(
  { file, offset }: SourcePosition,
  { log, control, identity }: BeginningParts,
): Promise<DumpStart> {
  if (offset <= largestDumpPosition) return { file, position: offset };
  const executed = log.capture.executed.toString();
  // A place in it (a transaction without a GTID) is nothing that a source can be asked by.
  const isByGtid =
    !executed.includes('/') &&
    (identity.flavour === 'mariadb' || (await control.value('SELECT @@GLOBAL.gtid_mode')) === 'ON');
  return isByGtid ? { executed } : { file, position: firstEventOffset };
}
