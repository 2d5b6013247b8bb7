import {
  DrcError,
  hasSchemaId,
  isDrcError,
  type LogMoment,
  partsOf,
  schemaIdOfPart,
  type TableVersion,
} from '@drc/protocol';
import { unseal, type StoredChunk } from './chunk-record.js';
import { allKeys, readPointKey, schemaIdOfKey, tableKey, type KeyRange } from './keys.js';
import type { LevelDatabase } from './level-database.js';
import { LogReader } from './log-reader.js';
import type { LogTail } from './meta.js';
import { decodePoint, pointAtOrBefore, type LogPoint } from './set-index.js';

const burstBytes = 4 * 1024 * 1024;

/** What keeps a log from being read to its end. */
export interface LogDamage {
  /** The first transaction that is missing or not sound. */
  readonly lsn: number;
  /** What was found there. */
  readonly found: string;
}

/** What a log that may be damaged holds for certain. */
export interface LogProof {
  /** The newest transaction that it is known to have had. */
  readonly newestLsn: number;
  /** Log time of the newest one that can be told; 0 where none can. */
  readonly newestTime: number;
  readonly damage: LogDamage | undefined;
  /** What is not sound beside the transactions: it keeps a log from opening or seeking, and can be made anew. */
  readonly faults: readonly string[];
  /** The last place, all before it being sound, from which capture can go on; undefined where there is none. */
  readonly end: LogPoint | undefined;
  readonly oldest: LogMoment | undefined;
}

/**
 * Reads the whole log and proves each transaction of it, and the table versions that they use.
 * @param durableLsn what the durable mark says; 0 without one
 * @param before only what lies before this transaction is believed; for an operator who knows more
 */
export async function proveLog(
  db: LevelDatabase,
  tail: LogTail,
  durableLsn: number,
  before: number,
  signal: AbortSignal,
): Promise<LogProof> {
  const faults: string[] = [];
  let newest: LogPoint | undefined;
  for await (const point of soundPoints(db, tail.lsn - 1, faults)) newest = point;
  await checkLeases(db, faults);
  const newestLsn = Math.max(newest?.lsn ?? tail.lsn - 1, durableLsn);
  const upTo = Math.min(newest?.lsn ?? tail.lsn - 1, before - 1);
  const walk = await walkLog(db, tail.lsn, upTo, signal);
  const damage =
    walk.damage ??
    (before <= newestLsn
      ? { lsn: before, found: 'not to be believed, by the word of the operator' }
      : undefined) ??
    (upTo < newestLsn ? { lsn: upTo + 1, found: 'it was durable, and is missing' } : undefined);
  return {
    newestLsn,
    newestTime: newest?.time ?? 0,
    damage,
    faults,
    end: await soundPointAtOrBefore(db, damage === undefined ? upTo : damage.lsn - 1, tail.lsn),
    oldest: walk.oldestTime === undefined ? undefined : { lsn: tail.lsn, time: walk.oldestTime },
  };
}

/** The chunks of a log that is sound up to there, in order. @throws DrcError `LOG_CORRUPT` */
export async function* chunksOf(db: LevelDatabase, from: number, upTo: number): AsyncGenerator<StoredChunk> {
  const reader = new LogReader(db, () => ({ headLsn: upTo, tailLsn: from }));
  for (let cursor = { lsn: from, chunk: 0 }; cursor.lsn <= upTo; ) {
    const { chunks, next } = await reader.read(cursor, upTo, burstBytes);
    yield* chunks;
    cursor = next;
  }
}

/** The schema ids that the rows of a chunk use. */
export function* schemaIdsOf({ bytes, partsAt }: StoredChunk): Generator<Buffer> {
  for (const part of partsOf(bytes, partsAt)) if (hasSchemaId(part.kind)) yield schemaIdOfPart(bytes, part);
}

/** @throws DrcError `LOG_CORRUPT` */
export async function tableVersionOf(db: LevelDatabase, id: Buffer): Promise<TableVersion> {
  const key = tableKey(id);
  const hex = id.toString('hex');
  const stored = await db.get(key);
  if (stored === undefined) throw new DrcError('LOG_CORRUPT', `The log has lost table version ${hex}.`);
  return JSON.parse(unseal(key, stored, `table version ${hex}`).toString()) as TableVersion;
}

/** Points from this transaction on; what is none is told in `faults`. */
export async function* soundPoints(
  db: LevelDatabase,
  fromLsn: number,
  faults: string[] = [],
): AsyncGenerator<LogPoint> {
  for await (const [key, stored] of entriesOf(db, allKeys.points, faults)) {
    const lsn = readPointKey(key);
    if (lsn < fromLsn) continue;
    try {
      yield decodePoint(key, stored);
    } catch (error) {
      faults.push(textOf(error));
    }
  }
}

/** All entries of a range, up to where LevelDB cannot read on; that is told in `faults`. */
export async function* entriesOf(
  db: LevelDatabase,
  { gte, lt }: KeyRange,
  faults: string[] = [],
): AsyncGenerator<[Buffer, Buffer]> {
  let maxEntries = 1000;
  for (let from = gte; ; ) {
    let entries: [Buffer, Buffer][];
    try {
      entries = await db.scan({ gte: from, lt }, { maxEntries });
    } catch (error) {
      if (!isDrcError(error, 'LOG_CORRUPT')) throw error;
      if (maxEntries === 1) {
        faults.push(textOf(error));
        return;
      }
      maxEntries = 1;
      continue;
    }
    yield* entries;
    const last = entries.at(-1);
    if (last === undefined) return;
    from = Buffer.concat([last[0], Buffer.of(0)]);
  }
}

async function walkLog(
  db: LevelDatabase,
  from: number,
  upTo: number,
  signal: AbortSignal,
): Promise<{ readonly damage?: LogDamage; readonly oldestTime?: number }> {
  const seen = new Set<string>();
  let lsn = from;
  let oldestTime: number | undefined;
  try {
    for await (const chunk of chunksOf(db, from, upTo)) {
      signal.throwIfAborted();
      lsn = chunk.lsn;
      oldestTime ??= chunk.logTime;
      for (const id of schemaIdsOf(chunk)) {
        const text = id.toString('latin1');
        if (seen.has(text)) continue;
        await tableVersionOf(db, id);
        seen.add(text);
      }
      if (chunk.last) lsn++;
    }
    return oldestTime === undefined ? {} : { oldestTime };
  } catch (error) {
    if (!isDrcError(error, 'LOG_CORRUPT')) throw error;
    return { damage: { lsn, found: textOf(error) }, ...(oldestTime === undefined ? {} : { oldestTime }) };
  }
}

async function checkLeases(db: LevelDatabase, faults: string[]): Promise<void> {
  for await (const [key, stored] of entriesOf(db, allKeys.leases, faults)) {
    try {
      unseal(key, stored, `the lease of table version ${schemaIdOfKey(key).toString('hex')}`);
    } catch (error) {
      faults.push(textOf(error));
    }
  }
}

async function soundPointAtOrBefore(
  db: LevelDatabase,
  lsn: number,
  tailLsn: number,
): Promise<LogPoint | undefined> {
  for (let upTo = lsn; upTo >= tailLsn - 1; upTo--) {
    try {
      const point = await pointAtOrBefore(db, upTo);
      return point !== undefined && point.lsn >= tailLsn - 1 ? point : undefined;
    } catch (error) {
      // That point is not sound; another transaction before it has one.
      if (!isDrcError(error, 'LOG_CORRUPT')) throw error;
    }
  }
  return undefined;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
