import type { TransactionSet } from '@drc/protocol';
import { seal, unseal } from './chunk-record.js';
import { allKeys, pointKey, readPointKey } from './keys.js';
import type { LevelDatabase, WriteBatch } from './level-database.js';

/** Where capture has come to in the source. */
export interface SourcePosition {
  readonly file: string;
  /** First byte behind the group; 64 bits, a safe integer. */
  readonly offset: number;
  /** When the source began this file, s since 1970; absent in logs of older versions. */
  readonly begun?: number | undefined;
  /**
   * Set from a start by GTID until the next transaction: the place is none that the executed set belongs to, only the set
   * says where to go on.
   */
  readonly byGtid?: true;
}

/**
 * All that is known just behind one transaction. Every write of the log puts one for its last transaction, in the
 * same batch, and in a long one for some before it: the newest point is the head, and a log whose end is torn can be cut
 * at any point and captured on from there. Behind the durable mark only some are kept, for seeking.
 */
export interface LogPoint {
  /** 0: before the first transaction. */
  readonly lsn: number;
  /** Log time of that transaction, ms since 1970; 0 before the first. */
  readonly time: number;
  readonly position: SourcePosition | undefined;
  /** Executed set, as text. */
  readonly executed: string;
}

/** The executed set behind some transaction. */
export interface ExecutedAt {
  readonly lsn: number;
  readonly set: TransactionSet;
}

export function putPoint(batch: WriteBatch, point: LogPoint): void {
  const key = pointKey(point.lsn);
  const { time, position, executed } = point;
  batch.put(key, seal(key, JSON.stringify({ time, position, executed })));
}

/** The newest point at or before `lsn`. @throws DrcError `LOG_CORRUPT`. */
export async function pointAtOrBefore(db: LevelDatabase, lsn: number): Promise<LogPoint | undefined> {
  const range = { gte: allKeys.points.gte, lt: pointKey(lsn + 1) };
  const [entry] = await db.scan(range, { reverse: true, maxEntries: 1, complete: true });
  return entry && decodePoint(...entry);
}

export const newestPoint = async (db: LevelDatabase): Promise<LogPoint | undefined> =>
  await pointAtOrBefore(db, Number.MAX_SAFE_INTEGER - 1);

/** @throws DrcError `LOG_CORRUPT` */
export function decodePoint(key: Buffer, stored: Buffer): LogPoint {
  const lsn = readPointKey(key);
  const value = JSON.parse(unseal(key, stored, `point ${lsn}`).toString()) as Omit<LogPoint, 'lsn'>;
  return { lsn, time: value.time, position: value.position, executed: value.executed };
}

/** A point stays for good when so much lies behind the last one that stayed. */
const spacingTransactions = 1000;
const spacingBytes = 8 * 1024 * 1024;

/** Decides which points stay, and names those that may go. Pure bookkeeping; the log writes. */
export class PointSpacing {
  #keptLsn: number;
  #bytesSince = 0;
  /** Points that will go once the durable mark has passed them, ascending. */
  #passing: number[] = [];

  constructor(keptLsn: number) {
    this.#keptLsn = keptLsn;
  }

  /** Whether a point that was written here, so many bytes behind the last one, would stay. */
  isDue(lsn: number, bytes: number): boolean {
    return lsn - this.#keptLsn >= spacingTransactions || this.#bytesSince + bytes >= spacingBytes;
  }

  /** A point is about to be written, so many bytes behind the last one. @returns whether it stays. */
  add(lsn: number, bytes: number): boolean {
    const isDue = this.isDue(lsn, bytes);
    this.#bytesSince += bytes;
    if (lsn === this.#keptLsn) return true;
    if (isDue) {
      this.#keptLsn = lsn;
      this.#bytesSince = 0;
      return true;
    }
    if (this.#passing.at(-1) !== lsn) this.#passing.push(lsn);
    return false;
  }

  /** Points to delete, now that the mark stands at `lsn`. That of the mark itself stays: a torn log is cut there. */
  passed(lsn: number): number[] {
    const count = this.#passing.findIndex((point) => point >= lsn);
    return count < 0 ? this.#passing.splice(0) : this.#passing.splice(0, count);
  }
}
