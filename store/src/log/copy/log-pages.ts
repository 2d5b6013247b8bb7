import { DrcError, parseChunkHeader, type ParsedChunk } from '@drc/protocol';
import { sealBytes, unseal } from '../chunk-record.js';
import {
  allKeys,
  chunkKey,
  metaKey,
  pointKey,
  preparedKey,
  readChunkKey,
  readPointKey,
  readPreparedKey,
  tableKey,
} from '../keys.js';
import type { DatabaseSnapshot, LevelDatabase } from '../level-database.js';
import { expired, type LogEnds } from '../log-reader.js';
import { schemaIdsOf } from '../log-proof.js';
import type { LogTail } from '../meta.js';
import { decisionChunk, preparedLsnOf } from '../prepared-groups.js';
import type { Cursor } from '../recent-chunks.js';
import type { LogEntry, PageEnd } from './entry-stream.js';

const burst = { maxBytes: 1024 * 1024, maxEntries: 1024 } as const;

export interface PageRequest {
  /** The first chunk wanted. Absent: the oldest of the log; its tail comes first then. */
  readonly from?: Cursor | undefined;
  /** The page ends behind the burst that exceeds it, unless it comes to the head before. */
  readonly maxBytes: number;
  /** Each read of the database goes through it. */
  readonly reading: <T>(read: () => Promise<T>) => Promise<T>;
}

/**
 * Gives a log away, page by page, to whoever makes a copy of it: entries as they are stored, chunks in order, each table
 * version in front of the first chunk of the page that uses it, points behind the transactions that they speak of. The page
 * that comes to the head ends with what capture needs to go on there: the newest point, what is prepared under XA, and the
 * server that was captured from, all as they were at one moment.
 *
 * Nothing is proven here: all that is given carries checksums, and the copy proves them.
 */
export class LogPages {
  readonly #db: LevelDatabase;
  readonly #ends: () => LogEnds;

  constructor(db: LevelDatabase, ends: () => LogEnds) {
    this.#db = db;
    this.#ends = ends;
  }

  /**
   * Bursts of entries, at most one in memory.
   * @throws DrcError `RETENTION_EXPIRED` where the log was trimmed beyond `from`; `STORE_UNAVAILABLE` where it has not begun;
   * `LOG_CORRUPT`
   */
  async *read({ from, maxBytes, reading }: PageRequest): AsyncGenerator<readonly LogEntry[], PageEnd> {
    const state: PageState = {
      cursor: from ?? { lsn: 0, chunk: 0 },
      bytes: 0,
      tables: new Set(),
      pointsFrom: from?.lsn ?? 0,
      reading,
    };
    if (from === undefined) yield await this.#beginning(state);
    const upTo = this.#ends().headLsn;
    while (state.cursor.lsn <= upTo) {
      if (state.bytes >= maxBytes) return 'more';
      yield await this.#burst(state, upTo);
    }
    const snapshot = this.#db.snapshot();
    try {
      yield* this.#end(state, snapshot);
    } finally {
      await snapshot.close();
    }
    return 'head';
  }

  /** The tail, where the copy begins, and the point just before it, where there is one. */
  async #beginning(state: PageState): Promise<readonly LogEntry[]> {
    const key = metaKey('tail');
    const tail = await this.#entry(key);
    if (tail === undefined) throw new DrcError('LOG_CORRUPT', 'The log has lost its tail position.');
    const { lsn } = JSON.parse(unseal(key, tail.value, 'the tail').toString()) as LogTail;
    state.cursor = { lsn, chunk: 0 };
    state.pointsFrom = lsn;
    const point = await this.#entry(pointKey(lsn - 1));
    return point === undefined ? [tail] : [tail, point];
  }

  /** Chunks from the cursor on, which moves; the table versions before, and the points behind. */
  async #burst(state: PageState, upTo: number): Promise<readonly LogEntry[]> {
    const { cursor } = state;
    const range = { gte: chunkKey(cursor.lsn, cursor.chunk), lt: chunkKey(upTo + 1, 0) };
    const found = await state.reading(() => this.#db.scan(range, burst));
    if (found.length === 0 || !found[0]![0].equals(range.gte)) throw this.#missing(cursor);
    const entries: LogEntry[] = [];
    for (const [key, value] of found) {
      const chunk = headerOf(value, key);
      await this.#addTables(entries, { ...chunk, bytes: value.subarray(sealBytes) }, state);
      entries.push({ key, value });
      state.bytes += value.length;
      const { lsn, chunk: number } = readChunkKey(key);
      state.cursor = chunk.last ? { lsn: lsn + 1, chunk: 0 } : { lsn, chunk: number + 1 };
    }
    await this.#addPoints(entries, state, state.cursor.lsn);
    return entries;
  }

  async #addPoints(entries: LogEntry[], state: PageState, before: number): Promise<void> {
    while (state.pointsFrom < before) {
      const range = { gte: pointKey(state.pointsFrom), lt: pointKey(before) };
      const points = await state.reading(() => this.#db.scan(range));
      for (const [key, value] of points) entries.push({ key, value });
      const last = points.at(-1);
      state.pointsFrom = last === undefined ? before : readPointKey(last[0]) + 1;
    }
  }

  async *#end(
    state: PageState,
    snapshot: DatabaseSnapshot,
  ): AsyncGenerator<readonly LogEntry[], void, undefined> {
    const [newest] = await this.#db.scan(allKeys.points, { reverse: true, maxEntries: 1, snapshot });
    const beginning = await this.#entry(metaKey('beginning'), snapshot);
    if (newest === undefined || beginning === undefined)
      throw new DrcError('STORE_UNAVAILABLE', 'The log of the store has not begun.');
    const headLsn = readPointKey(newest[0]);
    while (state.cursor.lsn <= headLsn) yield await this.#burst(state, headLsn);
    yield [{ key: newest[0], value: newest[1] }];
    yield* this.#prepared(state, headLsn, snapshot);
    yield [beginning];
  }

  /** What waits for its decision behind the transaction `headLsn`. */
  async *#prepared(
    state: PageState,
    headLsn: number,
    snapshot: DatabaseSnapshot,
  ): AsyncGenerator<readonly LogEntry[], void, undefined> {
    let xid: string | undefined;
    let isOpen = false;
    for (let { gte } = allKeys.prepared; ; ) {
      const found = await state.reading(() =>
        this.#db.scan({ gte, lt: allKeys.prepared.lt }, { ...burst, snapshot }),
      );
      const last = found.at(-1);
      if (last === undefined) return;
      gte = Buffer.concat([last[0], Buffer.of(0)]);
      const entries: LogEntry[] = [];
      for (const [key, value] of found) {
        const place = readPreparedKey(key);
        if (place.xid !== xid) {
          xid = place.xid;
          const decision = await this.#db.get(preparedKey(xid, decisionChunk), snapshot);
          // One that is not ended lies beyond the head.
          isOpen = decision === undefined && preparedLsnOf(value) <= headLsn;
        }
        if (!isOpen) continue;
        await this.#addTables(entries, { ...headerOf(value, key), bytes: value.subarray(sealBytes) }, state);
        entries.push({ key, value });
      }
      yield entries;
    }
  }

  async #addTables(
    entries: LogEntry[],
    chunk: ParsedChunk & { readonly bytes: Buffer },
    { tables }: PageState,
  ): Promise<void> {
    for (const id of schemaIdsOf(chunk)) {
      const text = id.toString('latin1');
      if (tables.has(text)) continue;
      tables.add(text);
      const table = await this.#entry(tableKey(id));
      if (table === undefined)
        throw new DrcError('LOG_CORRUPT', `The log has lost table version ${id.toString('hex')}.`);
      entries.push(table);
    }
  }

  async #entry(key: Buffer, snapshot?: DatabaseSnapshot): Promise<LogEntry | undefined> {
    const value = await this.#db.get(key, snapshot);
    return value && { key, value };
  }

  #missing({ lsn, chunk }: Cursor): DrcError {
    const { tailLsn } = this.#ends();
    return lsn < tailLsn
      ? expired(lsn, tailLsn)
      : new DrcError('LOG_CORRUPT', `Chunk ${lsn}/${chunk} of the log is missing.`, { lsn, chunk });
  }
}

interface PageState {
  /** The next chunk. */
  cursor: Cursor;
  /** Of chunks so far. */
  bytes: number;
  /** Schema ids of the table versions that the page has. */
  readonly tables: Set<string>;
  /** Points before this transaction have been given. */
  pointsFrom: number;
  readonly reading: PageRequest['reading'];
}

function headerOf(stored: Buffer, key: Buffer): ParsedChunk {
  try {
    return parseChunkHeader(stored.subarray(sealBytes));
  } catch (cause) {
    const place = key.toString('hex');
    throw new DrcError('LOG_CORRUPT', `The chunk ${place} of the log cannot be read.`, { place }, { cause });
  }
}
