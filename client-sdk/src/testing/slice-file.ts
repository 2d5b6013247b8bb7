import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import {
  decodeProgress,
  DrcError,
  exportVersion,
  FrameKind,
  isDrcError,
  openFrame,
  parseChunkHeader,
  RecordKind,
  RecordReader,
  schemaIdBytes,
  schemaIdOf,
  TransactionSet,
  type ExportHeader,
  type StreamRecord,
  type TableVersion,
} from '@drc/protocol';
import { isObject } from '../error-body.js';
import type { LogEntry, LoggedTransaction, RecordedSlice } from './slice.js';

/**
 * Reads a file that `drc store export` wrote, all of it into memory. What is damaged is found here, not in the middle of a test.
 * @throws DrcError `LOG_FORMAT` for a file of a newer version; `LOG_CORRUPT` where it is damaged, cut off, or no export at
 *   all; what reading the file gives (`ENOENT`, say)
 */
export async function readSlice(path: string): Promise<RecordedSlice> {
  const bytes = await readFile(path);
  try {
    const { header, framesAt } = headerOf(bytes);
    const content = new SliceContent(header);
    for (const payload of payloadsOf(bytes, framesAt)) content.take(payload);
    return content.finished();
  } catch (error) {
    if (!isDrcError(error)) throw error;
    if (error.code === 'LOG_FORMAT')
      throw new DrcError(error.code, `${path} ${error.message}`, { ...error.details, path });
    throw new DrcError('LOG_CORRUPT', `${path} cannot be read: ${error.message}`, { path }, { cause: error });
  }
}

function headerOf(bytes: Buffer): { header: ExportHeader; framesAt: number } {
  const end = bytes.indexOf(0x0a);
  const line = end < 0 ? '' : bytes.toString('utf8', 0, end);
  if (!line.startsWith('{"drc":"log-export"')) throw damaged('it is no export of a log');
  const crcAt = line.lastIndexOf(',"crc"');
  const fields = parsed(line);
  // The checksum of a later version may stand elsewhere.
  if (fields['version'] !== exportVersion)
    throw new DrcError(
      'LOG_FORMAT',
      `is an export of version ${String(fields['version'])}; this SDK reads version ${exportVersion}.`,
    );
  const crc = crc32(line.slice(0, crcAt)).toString(16).padStart(8, '0');
  if (crcAt < 0 || fields['crc'] !== crc || !isHeader(fields)) throw damaged('its first line is damaged');
  return { header: fields, framesAt: end + 1 };
}

function parsed(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (isObject(value)) return value;
  } catch {
    // Said below: a line that is no JSON is as damaged as one that is no object.
  }
  throw damaged('its first line is damaged');
}

function isHeader(fields: object): fields is ExportHeader {
  const { topic, lineage, fromLsn, toLsn, set, transactions, rows } = fields as Partial<ExportHeader>;
  return (
    [topic, lineage, set].every((value) => typeof value === 'string') &&
    [fromLsn, toLsn, transactions, rows].every((value) => Number.isSafeInteger(value))
  );
}

/** What the frames hold, one after the other, up to the end that a whole file has. */
function* payloadsOf(bytes: Buffer, framesAt: number): Generator<Buffer> {
  let at = framesAt;
  for (;;) {
    if (at + 4 > bytes.length) throw damaged('it was cut off');
    const length = bytes.readUInt32LE(at);
    at += 4;
    if (length === 0) break;
    if (at + length > bytes.length) throw damaged('it was cut off');
    const { kind, payload } = openFrame(bytes.subarray(at, at + length));
    if (kind !== FrameKind.data) throw damaged('it has a frame that is no data');
    yield payload;
    at += length;
  }
  if (at !== bytes.length) throw damaged('something stands behind its end');
}

/** Puts the records of a file together. */
class SliceContent {
  readonly #header: ExportHeader;
  readonly #reader = new RecordReader();
  readonly #tables: TableVersion[] = [];
  readonly #entries: LogEntry[] = [];
  /** The transaction whose last chunk has not come. */
  #open: LoggedTransaction | undefined;

  constructor(header: ExportHeader) {
    TransactionSet.parse(header.set);
    this.#header = header;
  }

  take(payload: Buffer): void {
    for (const record of this.#reader.push(payload)) {
      if (record.kind === RecordKind.chunk) this.#chunk(record);
      else if (record.kind === RecordKind.schema) this.#tables.push(tableOf(record.body));
      else this.#passed(record.body);
    }
  }

  /** @throws DrcError `LOG_CORRUPT` where there is less than the header says. */
  finished(): RecordedSlice {
    const transactions = this.#entries.filter(({ kind }) => kind === 'transaction').length;
    const isWhole = this.#reader.pendingBytes === 0 && this.#open === undefined;
    if (!isWhole || transactions !== this.#header.transactions)
      throw damaged('it has less than its first line says');
    const { topic, lineage, fromLsn, toLsn, set, rows } = this.#header;
    const facts = { topic, lineage, fromLsn, toLsn, set, transactions, rows };
    return { kind: 'recorded', ...facts, tables: this.#tables, entries: this.#entries };
  }

  #chunk({ bytes, at, end }: StreamRecord): void {
    const { lsn, id, commitTime, logTime, origin, last, partsAt } = parseChunkHeader(bytes, at, end);
    const open = this.#open;
    const before = open?.lsn ?? this.#entries.at(-1)?.lsn ?? this.#header.fromLsn - 1;
    const follows = open === undefined ? lsn > before : lsn === before && id === open.id;
    if (!follows || lsn > this.#header.toLsn) throw damaged(`transaction ${id} is not in its place`);
    const chunks = [...(open?.chunks ?? []), bytes.subarray(partsAt, end)];
    const entry = { kind: 'transaction', lsn, id, commitTime, logTime, origin, chunks } as const;
    this.#open = last ? undefined : entry;
    if (last) this.#entries.push(entry);
  }

  #passed(body: Buffer): void {
    const { lsn, logTime, set } = decodeProgress(body);
    const before = this.#entries.at(-1)?.lsn ?? this.#header.fromLsn - 1;
    if (this.#open !== undefined || lsn < before) throw damaged('a progress is not in its place');
    TransactionSet.parse(set);
    // Behind a transaction it says nothing new.
    if (lsn > before) this.#entries.push({ kind: 'passed', lsn, logTime, set });
  }
}

function tableOf(body: Buffer): TableVersion {
  try {
    const version = JSON.parse(body.toString('utf8', schemaIdBytes)) as TableVersion;
    if (schemaIdOf(version).equals(body.subarray(0, schemaIdBytes))) return version;
  } catch {
    // Said below.
  }
  throw damaged('a table version does not match its id');
}

const damaged = (what: string): DrcError => new DrcError('LOG_CORRUPT', `${what}.`);
