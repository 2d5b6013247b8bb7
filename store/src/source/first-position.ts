import { DrcError, TransactionSet } from '@drc/protocol';
import type { SourceIdentity, SourcePosition } from '../log/transaction-log.js';
import { EventType } from './binlog-events.js';
import { BinlogReader, type BinlogReaderOptions } from './binlog-reader.js';
import type { SourceControl, SourceRow } from './source-control.js';

/** Where an empty log begins. */
export type CaptureStart =
  /** The oldest binlog file that reaches back the retention: the default. */
  | { readonly kind: 'retention' }
  | { readonly kind: 'now' }
  /** The newest file that reaches back to this moment, ms since 1970, or the oldest there is. */
  | { readonly kind: 'time'; readonly time: number }
  /** Must be the end of a transaction, or 4 for the beginning of a file. */
  | { readonly kind: 'position'; readonly position: SourcePosition };

export interface FirstPosition {
  readonly position: SourcePosition;
  /** All that was executed before it. */
  readonly executed: TransactionSet;
  /** The source has purged nothing before it. */
  readonly complete: boolean;
}

/** The magic number in front of the first event. */
export const firstEventOffset = 4;

/** When a binlog file was begun, ms since 1970. */
export type FileStart = (file: string) => Promise<number>;

/**
 * @throws DrcError `SOURCE_CONFIG` without binlogs, `BINLOG_PURGED` where the wanted file is not there, `BINLOG_POSITION`
 * where no transaction ends at the wanted position
 */
export async function firstPosition(
  control: SourceControl,
  flavour: SourceIdentity['flavour'],
  start: CaptureStart,
  retentionMs: number,
  fileStart: FileStart,
): Promise<FirstPosition> {
  const position = await choose(control, start, retentionMs, fileStart);
  if (start.kind === 'position') await needFile(control, position);
  const executed = await executedAt(control, flavour, position);
  if (executed === undefined)
    throw new DrcError(
      'BINLOG_POSITION',
      `The source has no transaction that ends at ${position.file}:${position.offset}.`,
      {
        file: position.file,
        offset: position.offset,
      },
    );
  const isFirstFile = Number(/\d+$/.exec(position.file)?.[0]) === 1;
  return {
    position,
    executed,
    complete: isFirstFile && position.offset === firstEventOffset && executed.isEmpty,
  };
}

async function needFile(control: SourceControl, { file, offset }: SourcePosition): Promise<void> {
  const files = await binlogFiles(control);
  if (files.some((candidate) => candidate.file === file)) return;
  throw new DrcError('BINLOG_PURGED', `The source does not have ${file}; its oldest is ${files[0]?.file}.`, {
    file,
    offset,
  });
}

async function choose(
  control: SourceControl,
  start: CaptureStart,
  retentionMs: number,
  fileStart: FileStart,
): Promise<SourcePosition> {
  if (start.kind === 'position') return start.position;
  const files = await binlogFiles(control);
  const newest = files.at(-1);
  if (newest === undefined) throw new DrcError('SOURCE_CONFIG', 'The source has no binlog files.');
  if (start.kind === 'now') return { file: newest.file, offset: newest.size };
  const seconds = Number((await control.value('SELECT UNIX_TIMESTAMP()')) ?? 0);
  const moment = start.kind === 'time' ? start.time : seconds * 1000 - retentionMs;
  return {
    file: await reachingBack(
      files.map(({ file }) => file),
      moment,
      fileStart,
    ),
    offset: firstEventOffset,
  };
}

/** The newest file begun at the moment or before it, else the oldest. Asks for the logarithm of the files. */
async function reachingBack(files: readonly string[], moment: number, fileStart: FileStart): Promise<string> {
  let low = 0;
  let high = files.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((await fileStart(files[middle]!)) <= moment) low = middle;
    else high = middle - 1;
  }
  return files[low]!;
}

/** Names of one base have numbers that rise, and get longer. */
export const isLaterFile = (file: string, than: string): boolean =>
  file.length > than.length || (file.length === than.length && file > than);

export interface BinlogFile {
  readonly file: string;
  readonly size: number;
}

export async function binlogFiles(control: SourceControl): Promise<readonly BinlogFile[]> {
  const rows = await control.rows('SHOW BINARY LOGS');
  return rows.map((row) => ({
    file: String(row['Log_name']),
    size: Number(row['File_size']) - (row['Encrypted'] === 'Yes' ? encryptionHeaderBytes : 0),
  }));
}

/** In front of an encrypted file of MySQL (Rpl_encryption_header); counted in its size, and in no position within it. */
const encryptionHeaderBytes = 512;

/** What MariaDB's BINLOG_GTID_POS takes. */
export const largestAskedOffset = 0xffff_ffff;

/** All that was executed before this position; undefined where there is no such position. */
export async function executedAt(
  control: SourceControl,
  flavour: SourceIdentity['flavour'],
  { file, offset }: SourcePosition,
): Promise<TransactionSet | undefined> {
  if (flavour === 'mariadb' && offset <= largestAskedOffset) {
    const text = await control.value('SELECT BINLOG_GTID_POS(?, ?)', [file, offset]);
    return text === undefined ? undefined : TransactionSet.parse(text);
  }
  return await executedIn(control, file, offset);
}

/** So MySQL names the event of a GTID with a tag, unlike all others. */
const taggedGtid = 'Gtid_tagged_log_event';

/** A page of SHOW BINLOG EVENTS: some 200 bytes an event, and the text of its statement. */
const eventsPerPage = 2_000;
const wrap = 0x1_0000_0000;
/** What a transaction begins with, or what a file ends with. */
const betweenTransactions: ReadonlySet<unknown> = new Set([
  'Gtid',
  taggedGtid,
  'Anonymous_Gtid',
  'Rotate',
  'Stop',
  'Binlog_checkpoint',
]);

/**
 * What the file says of those before it, and the GTIDs in it up to the offset. Not @@gtid_executed: that is what was
 * executed by now, and it is set later than the binlog is written.
 */
async function executedIn(
  control: SourceControl,
  file: string,
  offset: number,
): Promise<TransactionSet | undefined> {
  const head = await control.rows('SHOW BINLOG EVENTS IN ? LIMIT 3', [file]);
  const executed = executedBefore(head);
  for (let from = firstEventOffset; from < offset; ) {
    const rows = await control.rows(`SHOW BINLOG EVENTS IN ? FROM ${from} LIMIT ${eventsPerPage}`, [file]);
    for (const row of rows) {
      if (from === offset) return betweenTransactions.has(row['Event_type']) ? executed : undefined;
      if (from > offset) return undefined;
      // 'uuid:1' on MySQL, BEGIN GTID 0-1-2 on MariaDB.
      const id =
        row['Event_type'] === 'Gtid' || row['Event_type'] === taggedGtid
          ? /'([^']+)'|GTID (\d+-\d+-\d+)/
              .exec(String(row['Info']))
              ?.slice(1)
              .find((text) => text)
          : undefined;
      if (id !== undefined) executed.add(id);
      from = endOf(row);
    }
    if (rows.length < eventsPerPage && from !== offset) return undefined;
  }
  return executed;
}

/** Of the first events of a file. MariaDB has the last of each server in brackets, of each domain the newest last. */
function executedBefore(head: readonly SourceRow[]): TransactionSet {
  const list = head.find((row) => row['Event_type'] === 'Gtid_list');
  if (list === undefined)
    return TransactionSet.parse(
      String(head.find((row) => row['Event_type'] === 'Previous_gtids')?.['Info'] ?? ''),
    );
  const executed = new TransactionSet();
  for (const [id] of String(list['Info']).matchAll(/\d+-\d+-\d+/g)) executed.add(id);
  return executed;
}

/** The end has 32 bits, as in the event's header; the beginning is where the server found it. */
function endOf(row: SourceRow): number {
  const [begin, end] = [Number(row['Pos']), Number(row['End_log_pos'])];
  return end >= begin ? end : end + Math.ceil((begin - end) / wrap) * wrap;
}

/** Reads the first events of a file. */
export async function readFileStart(
  options: Omit<BinlogReaderOptions, 'start'>,
  file: string,
): Promise<number> {
  await using reader = new BinlogReader({ ...options, start: { file, position: firstEventOffset } });
  for await (const batch of reader.batches()) {
    for (let index = 0; index < batch.length; index++) {
      const event = batch.view(index);
      if (event[4] === EventType.FORMAT_DESCRIPTION) return event.readUInt32LE(0) * 1000;
    }
  }
  throw new DrcError('SOURCE_LOST', `The source sent nothing of ${file}.`);
}
