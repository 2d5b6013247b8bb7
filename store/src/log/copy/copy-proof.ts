import { DrcError, schemaIdOf, TransactionSet, type TableVersion } from '@drc/protocol';
import { checkChunk, checksumOf, unseal, type StoredChunk } from '../chunk-record.js';
import { chunkKey, metaKey, preparedKey, readPointKey, readPreparedKey, schemaIdOfKey } from '../keys.js';
import type { LogBeginning, LogTail } from '../meta.js';
import type { Cursor } from '../recent-chunks.js';
import { decodePoint, type LogPoint } from '../set-index.js';
import type { LogEntry } from './entry-stream.js';

/** What holds for all that was taken so far. */
export interface CopiedSoFar {
  /** The next chunk. */
  readonly next: Cursor;
  /** Log time of the last transaction. */
  readonly time: number;
  /** Behind the last whole transaction. */
  readonly executed: TransactionSet;
}

/**
 * Proves the entries of a copy as they arrive: each chunk by its checksum and as the one that must come next, each table version
 * by its id, each other value by its checksum; that log times do not decrease; and at the end, that the executed set of
 * the newest point is the one that its transactions make.
 */
export class CopyProof {
  readonly #executed: TransactionSet;
  #next: Cursor;
  #time: number;
  /** Checksum of the chunk before, within its transaction. */
  #checksum = 0;
  #prepared:
    | { readonly xid: string; readonly lsn: number; next: number; checksum: number; isWhole: boolean }
    | undefined;
  #newest: LogPoint | undefined;
  #beginning: LogBeginning | undefined;

  constructor(from: CopiedSoFar) {
    this.#next = from.next;
    this.#time = from.time;
    this.#executed = from.executed;
  }

  get next(): Cursor {
    return this.#next;
  }

  /** Known at the end. */
  get beginning(): LogBeginning | undefined {
    return this.#beginning;
  }

  /** What came of an end that was cut off is forgotten. */
  pageBegins(): void {
    this.#prepared = undefined;
  }

  chunk({ key, value }: LogEntry): StoredChunk {
    const { lsn, chunk: number } = this.#next;
    const check = checkChunk(value, lsn, number, this.#checksum);
    if (check.kind !== 'good' || !key.equals(chunkKey(lsn, number)))
      throw fault(`chunk ${lsn}/${number} is ${check.kind === 'good' ? 'under another key' : check.kind}`);
    const { chunk } = check;
    if (chunk.logTime < this.#time)
      throw fault(`the log time of transaction ${lsn} lies before that of ${lsn - 1}`);
    this.#checksum = chunk.last ? 0 : checksumOf(value);
    this.#next = chunk.last ? { lsn: lsn + 1, chunk: 0 } : { lsn, chunk: number + 1 };
    this.#time = chunk.logTime;
    if (chunk.last) this.#executed.add(chunk.id);
    return chunk;
  }

  table({ key, value }: LogEntry): TableVersion {
    const id = schemaIdOfKey(key);
    const version = JSON.parse(
      unseal(key, value, `table version ${id.toString('hex')}`).toString(),
    ) as TableVersion;
    if (!schemaIdOf(version).equals(id)) throw fault(`table version ${id.toString('hex')} is another one`);
    return version;
  }

  /** A point behind a transaction that was copied. */
  point({ key, value }: LogEntry): LogPoint {
    const point = decodePoint(key, value);
    const lsn = readPointKey(key);
    if (lsn >= this.#next.lsn) throw fault(`point ${lsn} comes in front of its transaction`);
    const isBehindAll = lsn === this.#next.lsn - 1 && this.#next.chunk === 0;
    if (isBehindAll && TransactionSet.parse(point.executed).toString() !== this.#executed.toString())
      throw fault(`the executed set of point ${lsn} is not that of its transactions`);
    this.#newest = point;
    return point;
  }

  /** A chunk of what is prepared under XA. */
  prepared({ key, value }: LogEntry): StoredChunk {
    const { xid, chunk: number } = readPreparedKey(key);
    if (this.#prepared?.xid !== xid) {
      this.#needWhole();
      this.#prepared = { xid, lsn: lsnOf(value), next: 0, checksum: 0, isWhole: false };
    }
    const group = this.#prepared;
    const check = checkChunk(value, group.lsn, group.next, group.checksum);
    const isNext = number === group.next && !group.isWhole && key.equals(preparedKey(xid, number));
    if (check.kind !== 'good' || !isNext || group.lsn >= this.#next.lsn)
      throw fault(`chunk ${number} of prepared transaction ${xid} is not sound`);
    group.next++;
    group.checksum = checksumOf(value);
    group.isWhole = check.chunk.last;
    return check.chunk;
  }

  tail({ key, value }: LogEntry): LogTail {
    return JSON.parse(unseal(key, value, 'the tail').toString()) as LogTail;
  }

  /** The last of all. */
  end({ key, value }: LogEntry): LogBeginning {
    this.#needWhole();
    if (!key.equals(metaKey('beginning'))) throw fault('it ends with something unknown');
    if (this.#newest?.position === undefined || this.#newest.lsn !== this.#next.lsn - 1)
      throw fault('it ends without the place in the source');
    return (this.#beginning = JSON.parse(unseal(key, value, 'the beginning').toString()) as LogBeginning);
  }

  #needWhole(): void {
    if (this.#prepared?.isWhole === false)
      throw fault(`prepared transaction ${this.#prepared.xid} is not whole`);
  }
}

/** Where a prepared group's chunks say they belong; proven with the chunk. */
const lsnOf = (stored: Buffer): number =>
  stored.length < 14 ? 0 : stored.readUInt32LE(6) + stored.readUInt32LE(10) * 0x1_0000_0000;

const fault = (what: string): DrcError =>
  new DrcError('LOG_CORRUPT', `What a sister store sent is not sound: ${what}.`);
