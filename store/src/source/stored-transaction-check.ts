import {
  DrcError,
  hasSchemaId,
  isDrcError,
  partsOf,
  schemaIdOfPart,
  type ErrorCode,
  type TableVersion,
  type TransactionSet,
} from '@drc/protocol';
import type { Burst, Cursor, ReadLimits, SourcePosition } from '../log/transaction-log.js';
import type { BinlogEvent } from './binlog-events.js';
import { BinlogReader, type BinlogReaderOptions } from './binlog-reader.js';
import { CaptureCounters } from './capture-counters.js';
import { EventParser } from './event-parser.js';
import { LearnedTypes } from './learned-types.js';
import { DigestLog, type ReadTransaction } from './digest-log.js';
import { PartsDigest, type PartsResult } from './parts-digest.js';
import type { DumpStart } from './replica-connection.js';
import type { SourceControl } from './source-control.js';
import { dumpErrno } from './source-error.js';
import { StreamEnd } from './stream-end.js';
import type { TableFilter } from './table-filter.js';
import type { Flavour } from './table-schema.js';
import { TransactionAssembler } from './transaction-assembler.js';
import type { Zstd } from './zstd.js';

/** What the check reads of the log. */
export interface CheckedLog {
  readonly head: { readonly value: { readonly lsn: number } };
  read(cursor: Cursor, limits: ReadLimits): Promise<Burst>;
  executedBefore(lsn: number): Promise<TransactionSet>;
  placeBefore(lsn: number): Promise<{ readonly lsn: number; readonly position: SourcePosition } | undefined>;
  table(id: Buffer): Promise<TableVersion>;
}

export interface StoredTransactionCheckOptions {
  readonly log: CheckedLog;
  readonly control: SourceControl;
  readonly reader: Omit<BinlogReaderOptions, 'start'>;
  readonly filter: TableFilter;
  readonly flavour: Flavour;
  readonly zstd: () => Promise<Zstd>;
  /** It was captured from this very server. Another of its topology may write other images and times of commit. */
  readonly isSameServer: boolean;
  /**
   * Places behind this transaction and later ones are of this server's files as they are now: reading begins there, and the
   * source need not search its files for a GTID. Absent: none are.
   */
  readonly placesSince?: number;
  /** Told why the transaction could not be compared, where that is so. */
  readonly skipped: (why: string) => void;
  readonly signal: AbortSignal;
}

/** Of larger transactions only identity and time are compared. */
const mostBytes = 64 * 1024 * 1024;

/** The log's last transaction. */
interface Stored {
  readonly id: string;
  readonly commitTime: number;
  readonly digests: PartsResult;
  readonly names: ReadonlyMap<string, string>;
}

/**
 * Asks the source for the last stored transaction again and compares: a source with another past accepts our position
 * without a word. Compared are the identity, the time, and for each table version the rows; where definitions differ
 * (types were learned anew, other columns are excluded), or on another server, the number of rows of each table.
 * Not compared are DDL, transactions of more than 64 MiB, what was prepared before (XA), and what the source has purged.
 * @throws DrcError `SOURCE_HISTORY_CHANGED`, or as the connection fails
 */
export async function checkStoredTransaction(options: StoredTransactionCheckOptions): Promise<void> {
  const { log, skipped, isSameServer } = options;
  const { lsn } = log.head.value;
  if (lsn === 0) return;
  const stored = await storedTransaction(options, lsn);
  if (stored === undefined) return;
  const found = await findAgain(options, lsn, stored.id).catch((error: unknown) => whySkipped(error));
  if (typeof found === 'string') return skipped(found);
  if (found === undefined)
    throw historyChanged(stored.id, 'the source no longer has it where the log has it');
  if (isSameServer && found.commitTime !== stored.commitTime)
    throw historyChanged(
      stored.id,
      `the source committed it at ${momentText(found.commitTime)}, the log has ${momentText(stored.commitTime)}`,
    );
  const fault = rowsFault(stored, found, isSameServer);
  if (fault !== undefined) throw historyChanged(stored.id, fault);
}

/** @throws what is a matter of the connection, or of the source's history */
function whySkipped(error: unknown): string {
  if (!(error instanceof DrcError)) throw error;
  if (error.code === 'BINLOG_PURGED' || error.code === 'GTID_PURGED') return 'the source has purged it';
  // A start by GTID that the server does not give: gtid_mode is off by now, or transactions without GTIDs stand between.
  const isUnsent = error.code === 'SOURCE_LOST' && error.details['errno'] === dumpErrno;
  if (isUnsent || error.code === 'SOURCE_GTID_MODE') return error.message;
  if (error.retryable || error.code.startsWith('SOURCE_') || error.code.startsWith('BINLOG_')) throw error;
  return error.message;
}

const momentText = (microseconds: number): string => new Date(microseconds / 1000).toISOString();

const historyChanged = (transaction: string, why: string, cause?: DrcError): DrcError =>
  new DrcError(
    'SOURCE_HISTORY_CHANGED',
    `The source's transaction ${transaction} is not the stored one: ${why}.`,
    {
      transaction,
    },
    cause === undefined ? undefined : { cause },
  );

async function storedTransaction(
  { log, signal, skipped }: StoredTransactionCheckOptions,
  lsn: number,
): Promise<Stored | undefined> {
  const digest = new PartsDigest();
  const tables = new Map<string, TableVersion>();
  let cursor: Cursor = { lsn, chunk: 0 };
  let bytes = 0;
  for (;;) {
    const { chunks, next } = await log.read(cursor, { maxBytes: 1024 * 1024, signal });
    for (const chunk of chunks) {
      for (const part of partsOf(chunk.bytes, chunk.partsAt)) {
        if (!hasSchemaId(part.kind)) continue;
        const id = Buffer.from(schemaIdOfPart(chunk.bytes, part));
        const key = id.toString('hex');
        if (!tables.has(key)) tables.set(key, await log.table(id));
      }
      digest.add(chunk.bytes, chunk.partsAt, (key) => tables.get(key)!.columns.length);
      bytes += chunk.bytes.length;
      if (chunk.last) {
        const names = new Map([...tables].map(([key, { schema, table }]) => [key, `${schema}.${table}`]));
        return { id: chunk.id, commitTime: chunk.commitTime, digests: digest.result(), names };
      }
    }
    if (chunks.length === 0) return undefined;
    if (bytes > mostBytes) {
      skipped('it is larger than 64 MiB');
      return undefined;
    }
    cursor = next;
  }
}

/** As `readAgain`, from a place in front of the transaction: its own where it has no GTID, else a known one, else by GTID. */
async function findAgain(
  options: StoredTransactionCheckOptions,
  lsn: number,
  id: string,
): Promise<ReadTransaction | string | undefined> {
  const own = /^\d+\/(.+):(\d+)$/.exec(id);
  if (own !== null) {
    const place = { file: own[1]!, position: Number(own[2]) };
    return place.position > mostPosition
      ? 'its place has more than 32 bits'
      : await readAgainAt(options, place, id);
  }
  const place = await knownPlace(options, lsn);
  if (place !== undefined) {
    try {
      return await readAgainAt(options, place, id);
    } catch (error) {
      if (!isDrcError(error, 'BINLOG_PURGED')) throw error;
    }
  }
  const start = await setBefore(options, lsn);
  return start === undefined ? 'nothing stands before it' : await readAgain(options, start, id);
}

/** COM_BINLOG_DUMP has 32 bits for the position. */
const mostPosition = 0xffff_ffff;

async function knownPlace(
  { log, placesSince }: StoredTransactionCheckOptions,
  lsn: number,
): Promise<{ file: string; position: number } | undefined> {
  const before = placesSince === undefined ? undefined : await log.placeBefore(lsn);
  if (before === undefined || before.lsn < placesSince! || before.position.byGtid === true) return undefined;
  const { file, offset } = before.position;
  return offset > mostPosition ? undefined : { file, position: offset };
}

/** What was executed before the transaction, as far as the source still knows of it. */
async function setBefore(
  { log, control, flavour }: StoredTransactionCheckOptions,
  lsn: number,
): Promise<DumpStart | undefined> {
  const before = (await log.executedBefore(lsn)).toString().split(',');
  const known =
    flavour === 'mysql'
      ? before.filter((part) => !part.includes('/'))
      : before.filter(isDomainOf((await control.value('SELECT @@GLOBAL.gtid_binlog_state')) ?? ''));
  const executed = known.filter((part) => part !== '').join(',');
  return executed === '' ? undefined : { executed };
}

/** The source may have forgotten a domain (FLUSH BINARY LOGS DELETE_DOMAIN_ID). */
function isDomainOf(state: string): (part: string) => boolean {
  const domains = new Set(state.split(',').map((part) => part.split('-')[0]));
  return (part) => domains.has(part.split('-')[0]);
}

/**
 * As `readAgain`, from where the transaction before ended.
 * @throws DrcError `SOURCE_HISTORY_CHANGED` where nothing does now
 */
async function readAgainAt(
  options: StoredTransactionCheckOptions,
  place: { readonly file: string; readonly position: number },
  id: string,
): Promise<ReadTransaction | string | undefined> {
  try {
    return await readAgain(options, place, id);
  } catch (error) {
    if (!(error instanceof DrcError) || !notOurPlace.has(error.code)) throw error;
    throw historyChanged(
      id,
      `nothing ends at ${place.file}:${place.position}, as what stands before it did`,
      error,
    );
  }
}

/** Not a checksum that is wrong: that may be the connection's doing, or the disk's, and is no other history. */
const notOurPlace: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BINLOG_POSITION', 'EVENT_MALFORMED']);

/** @returns undefined where the source comes to its end without it, and the reason where it is not read */
async function readAgain(
  options: StoredTransactionCheckOptions,
  start: DumpStart,
  id: string,
): Promise<ReadTransaction | string | undefined> {
  const { control, filter, flavour, reader: readerOptions, zstd } = options;
  const end = await StreamEnd.of(control);
  const log = new DigestLog(id);
  const file = 'file' in start ? start.file : '';
  const parser = new EventParser({ flavour, file, offset: 'file' in start ? start.position : 4 });
  const assembler = new TransactionAssembler({
    log,
    flavour,
    filter,
    position: { file, offset: 4 },
    learned: new LearnedTypes((schema, table) => control.columnTypes(schema, table)),
    counters: new CaptureCounters(),
    warn: () => undefined,
  });
  const take = async (event: BinlogEvent, size: number): Promise<void> => {
    await assembler.push(event, size);
    if (event.kind !== 'payload') return;
    for (const unpacked of parser.unpack(await zstd(), event))
      for (let at = 0; at < unpacked.length; at++)
        await assembler.push(
          parser.parseUnpacked(unpacked.buffer(at), unpacked.start(at), unpacked.end(at)),
          0,
        );
  };
  let bytes = 0;
  // What stands before it was captured already; its tables may not even exist any more.
  let isReached = id.includes('/');
  let hasRead = false;
  let unreadable: string | undefined;
  await using reader = new BinlogReader({ ...readerOptions, start });
  for await (const batch of reader.batches()) {
    for (let index = 0; index < batch.length; index++) {
      const [buffer, from, to] = [batch.buffer(index), batch.start(index), batch.end(index)];
      let event: BinlogEvent | undefined;
      try {
        event = parser.parse(buffer, from, to);
        isReached ||= event.kind === 'gtid' && event.id === id;
        if (isReached || isOfStream(event.kind)) await take(event, to - from);
        hasRead ||= !isOfStream(event.kind);
      } catch (error) {
        // Where something was read, the place was one; `drc store skip` leaves out what nobody can read.
        if (!hasRead || !(error instanceof DrcError) || !ofOneTransaction.has(error.code)) throw error;
        if (isReached) return error.message;
        unreadable = error.message;
      }
      if (log.found !== undefined) return log.found;
      bytes += to - from;
      if (bytes > 2 * mostBytes) return 'too many events stand before its end';
      const heartbeat = event?.kind === 'heartbeat' ? batch.view(index) : undefined;
      if (end.isAt({ file: parser.file, offset: parser.offset }, heartbeat) && !assembler.inGroup)
        return unreadable;
    }
  }
  throw new DrcError('SOURCE_LOST', 'The source ended the stream of events.');
}

/** What stands in one transaction and says nothing about those behind it. */
const ofOneTransaction: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'EVENT_MALFORMED',
  'CHECKSUM_MISMATCH',
  'UNSUPPORTED_EVENT',
  'STATEMENT_EVENT',
  'UNSUPPORTED_COLUMN',
  'XA_UNKNOWN',
]);

/** What belongs to no transaction. */
const isOfStream = (kind: BinlogEvent['kind']): boolean =>
  kind === 'rotate' || kind === 'heartbeat' || kind === 'left-out';

/** What differs in the rows; undefined where nothing does. */
function rowsFault(stored: Stored, found: ReadTransaction, isSameServer: boolean): string | undefined {
  if (found.digests === undefined) return undefined;
  const isSameShape =
    isSameServer &&
    found.digests.size === stored.digests.size &&
    [...stored.digests.keys()].every((schemaId) => found.digests!.has(schemaId));
  if (isSameShape) {
    for (const [schemaId, { hash }] of stored.digests)
      if (found.digests.get(schemaId)!.hash !== hash)
        return `other rows of ${stored.names.get(schemaId) ?? 'a table'}`;
    return undefined;
  }
  // Tables may be excluded since, or included: only what both have.
  const theirs = rowsByTable(found.digests, found.names);
  for (const [table, rows] of rowsByTable(stored.digests, stored.names)) {
    const other = theirs.get(table) ?? rows;
    if (other !== rows) return `${other} rows of ${table}, not ${rows}`;
  }
  return undefined;
}

function rowsByTable(digests: PartsResult, names: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [schemaId, { rows }] of digests) {
    const name = names.get(schemaId) ?? schemaId;
    counts.set(name, (counts.get(name) ?? 0) + rows);
  }
  return counts;
}
