import {
  canonicalTransactionId,
  DrcError,
  encodeGap,
  PartKind,
  partHeaderBytes,
  type Gap,
  type TransactionSet,
} from '@drc/protocol';
import type { Logger } from 'pino';
import { type Clock, systemClock } from './clock.js';
import type { StoreConfig } from './config.js';
import { hasLog } from './data-folder.js';
import { TransactionLog } from './log/transaction-log.js';
import { sourceOptions } from './source-access.js';
import type { BinlogReaderOptions } from './source/binlog-reader.js';
import { groupBegin, type CaptureSnapshot } from './source/capture-counters.js';
import { findBeginning } from './source/capture-beginning.js';
import type { ScannedGroup } from './source/group-scan.js';
import { nextTransaction } from './source/next-transaction.js';
import { Preflight } from './source/preflight.js';
import { SourceControl } from './source/source-control.js';
import { SourceHosts } from './source/source-hosts.js';
import { furtherReach } from './source/statement-reach.js';
import { TableFilter } from './source/table-filter.js';
import type { NextTransaction } from './source/transaction-trial.js';
import { loadZstd, type Zstd } from './source/zstd.js';

export interface SkipRequest {
  /** The transaction to leave out. Absent: whichever comes next, in a dry run only. */
  readonly transaction?: string;
  /**
   * `schema.table` of all tables that it changed, by the word of the operator: taken where they cannot be told, for
   * all tables otherwise.
   */
  readonly tables?: readonly string[];
  /** Present: it is left out. Absent: a dry run, which changes nothing. */
  readonly apply?: {
    /** Readers are shown it. */
    readonly reason: string;
    /** Who does it, `user@host`. */
    readonly by: string;
  };
}

export interface SkipDependencies {
  readonly logger: Logger;
  /** Of the source's user. */
  readonly sourcePassword: string;
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly signal: AbortSignal;
}

/** What is, or was, left out. */
export interface Skip {
  readonly group: ScannedGroup;
  /** With what capture stops in front of it. */
  readonly fault: DrcError;
  /** `schema.table`; empty: any table, or, where `isNothing`, none. */
  readonly tables: readonly string[];
  /** Why it may have changed any table, whatever `tables` says; undefined where they are known. */
  readonly anyTable: string | undefined;
  /** None of its tables is captured: readers miss nothing and are told nothing. */
  readonly isNothing: boolean;
  /** Its first byte, and the first behind it, in the source's binlog. */
  readonly from: string;
  readonly to: string;
  readonly applied: boolean;
  /** Once it is applied, what became of all that was read for it: each event that was read is left out for a reason. */
  readonly counts: CaptureSnapshot | undefined;
}

type SkippedStore = Pick<StoreConfig, 'topic' | 'directory' | 'source' | 'capture' | 'log'>;

/**
 * Leaves out the one transaction in front of which capture stands and that it cannot take: a GAP stands in the log in
 * its place, and capture goes on behind it. Only while the store does not run.
 * @throws DrcError `SKIP_NOT_NEEDED`, `SKIP_OTHER_TRANSACTION`, `SKIP_IMPOSSIBLE`; `LOG_LOCKED` while the store runs;
 * `DATA_FOLDER`; what capture itself meets before it reads (`SOURCE_…`, `BINLOG_PURGED`, …)
 */
export async function skipTransaction(
  config: SkippedStore,
  request: SkipRequest,
  dependencies: SkipDependencies,
): Promise<Skip> {
  const { logger, clock = systemClock } = dependencies;
  const { topic, directory } = config;
  if (!(await hasLog(directory)))
    throw new DrcError('DATA_FOLDER', `There is no log in ${directory}: nothing was captured into it.`);
  const { reserveBytes } = config.log;
  await using log = await TransactionLog.open({
    directory,
    topic,
    clock,
    logger,
    retentionMs: config.log.retentionMs,
    ...(reserveBytes === undefined ? {} : { diskReserveBytes: reserveBytes }),
  });
  if (log.capture.position === undefined)
    throw new DrcError(
      'SKIP_IMPOSSIBLE',
      `The log in ${directory} has no position yet: capture never began.`,
    );
  const filter = new TableFilter(config.capture);
  const { next, reach } = await lookAt(config, log, filter, dependencies);
  assertWanted(next, request.transaction, log.capture.executed);
  const { group, position, fault } = next;
  if (fault === undefined)
    throw new DrcError('SKIP_NOT_NEEDED', `Capture would take ${group.id}, which comes next.`, {
      transaction: group.id,
    });
  if (group.id.includes('/') && config.source.others !== undefined)
    throw new DrcError(
      'SKIP_IMPOSSIBLE',
      `What comes next has no GTID (${group.id}), and a store with several hosts keeps nothing else.`,
    );
  const tables = tablesOf(reach, request.tables, filter);
  const skip: Skip = {
    group,
    fault,
    tables,
    anyTable: reach.anyTable,
    isNothing: tables.length === 0 && (reach.anyTable === undefined || request.tables !== undefined),
    from: `${group.from.file}:${group.from.offset}`,
    to: `${position.file}:${position.offset}`,
    applied: request.apply !== undefined,
    counts: undefined,
  };
  if (request.apply === undefined) return skip;
  putGap(log, skip, position, request.apply, clock.now());
  await log.flush();
  next.counters.returnTo(groupBegin, 'skipped');
  logger.warn(
    { transaction: group.id, tables, reason: request.apply.reason },
    'the transaction was left out of the log',
  );
  return { ...skip, counts: next.counters.snapshot() };
}

/** Which tables the transaction changed, as far as that can be told. */
interface Reach {
  readonly tables: ReadonlySet<string>;
  readonly anyTable: string | undefined;
}

interface Look {
  readonly next: NextTransaction;
  readonly reach: Reach;
}

/** Of several hosts the first that can be captured from is asked. */
async function lookAt(
  config: SkippedStore,
  log: TransactionLog,
  filter: TableFilter,
  dependencies: SkipDependencies,
): Promise<Look> {
  const source = await sourceOptions(config.source, dependencies.sourcePassword);
  const hosts = new SourceHosts(source);
  for (let left = source.others?.length ?? 0; ; left--) {
    try {
      return await lookAtHost(config, log, filter, hosts, dependencies);
    } catch (error) {
      if (left === 0 || !(error instanceof DrcError) || !hosts.failed(error)) throw error;
    }
  }
}

/** @throws DrcError `SKIP_NOT_NEEDED` where nothing comes next */
async function lookAtHost(
  config: SkippedStore,
  log: TransactionLog,
  filter: TableFilter,
  hosts: SourceHosts,
  { logger, signal, clock = systemClock }: SkipDependencies,
): Promise<Look> {
  const { retentionMs } = config.log;
  await using control = await SourceControl.connect(hosts.current, signal);
  const { identity } = await new Preflight({ filter, logger, retentionMs }).check(control, false);
  const reader: Omit<BinlogReaderOptions, 'start'> = {
    source: hosts.current,
    clock,
    serverId: log.replicaServerId,
    heartbeatMs,
    signal,
  };
  let decompressor: Promise<Zstd> | undefined;
  const zstd = (): Promise<Zstd> => (decompressor ??= loadZstd());
  const beginning = await findBeginning({
    log,
    filter,
    logger,
    control,
    identity,
    hosts,
    start: config.capture.start,
    retentionMs,
    readerOptions: reader,
    sideReaderOptions: { ...reader, serverId: (log.replicaServerId ^ 1) >>> 0 },
    zstd,
    signal,
  });
  const next = await nextTransaction({
    log,
    control,
    filter,
    flavour: identity.flavour,
    beginning,
    reader,
    zstd,
  });
  if (next === undefined)
    throw new DrcError('SKIP_NOT_NEEDED', 'The log has all that the source has: no transaction comes next.');
  return { next, reach: await reachOf(control, next.group) };
}

/** The end of the source is known by heartbeats, in some cases. */
const heartbeatMs = 1_000;

async function reachOf(control: SourceControl, group: ScannedGroup): Promise<Reach> {
  const tables = new Set(group.tables);
  let { anyTable } = group;
  for (const [table, calls] of group.written) {
    tables.add(table);
    anyTable ??= await furtherReach(control, table, calls);
  }
  return { tables, anyTable };
}

/** @throws DrcError `SKIP_OTHER_TRANSACTION` */
function assertWanted(
  { group, fault }: NextTransaction,
  wanted: string | undefined,
  executed: TransactionSet,
): void {
  if (wanted === undefined || canonicalTransactionId(wanted) === canonicalTransactionId(group.id)) return;
  const has = executed.covers(wanted)
    ? `The log has ${wanted} behind it already`
    : `${wanted} does not come next`;
  const why = fault === undefined ? 'capture would take it' : `capture stops at it with ${fault.code}`;
  throw new DrcError('SKIP_OTHER_TRANSACTION', `${has}. The next one is ${group.id}; ${why}.`, {
    transaction: group.id,
  });
}

/** @throws DrcError `CONFIG_INVALID` where the operator names tables although they are known */
function tablesOf(
  { tables, anyTable }: Reach,
  named: readonly string[] | undefined,
  filter: TableFilter,
): readonly string[] {
  if (named !== undefined && anyTable === undefined)
    throw new DrcError(
      'CONFIG_INVALID',
      `The tables are known: ${[...tables].join(', ')}. They cannot be named otherwise.`,
    );
  if (named === undefined && anyTable !== undefined) return [];
  return [...new Set([...tables, ...(named ?? [])])].filter((name) => filter.capturesName(name)).toSorted();
}

/** Queues it: one transaction, whose only part is the gap. */
function putGap(
  log: TransactionLog,
  { group, fault, tables, isNothing, from, to }: Skip,
  position: NextTransaction['position'],
  { reason, by }: NonNullable<SkipRequest['apply']>,
  at: number,
): void {
  const { id, commitTime, preparedAs, rowsEvents } = group;
  const events = [...group.events.values()].reduce((sum, count) => sum + count, 0);
  const gap: Gap = {
    transaction: id,
    tables,
    reason,
    by,
    at,
    from,
    to,
    code: fault.code,
    events,
    rowsEvents,
  };
  const part = isNothing ? Buffer.alloc(0) : gapPart(gap);
  log.beginGroup({ id, commitTime, origin: '' });
  if (preparedAs === undefined) return log.endGroup(part, position);
  // The changes become history with the commit, and so does the gap; a rollback takes it away.
  log.prepareGroup(preparedAs);
  log.endPrepare(part, position);
}

function gapPart(gap: Gap): Buffer {
  const body = encodeGap(gap);
  const header = Buffer.alloc(partHeaderBytes);
  header[0] = PartKind.gap;
  header.writeUInt32LE(body.length, 2);
  return Buffer.concat([header, body]);
}
