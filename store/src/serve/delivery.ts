import { setImmediate } from 'node:timers/promises';
import {
  canonicalTableVersion,
  DrcError,
  decodeDdl,
  encodeDdl,
  encodeProgress,
  isDrcError,
  PartKind,
  partHeaderBytes,
  partsOf,
  RecordKind,
  schemaIdBytes,
  type Checkpoint,
  type PartSlice,
  type TransactionSet,
} from '@drc/protocol';
import type { Clock } from '../clock.js';
import { refuseDivergence } from './divergence.js';
import type { Filter } from './filter.js';
import type { FrameWriter } from './frame-writer.js';
import { judgeGap } from './gap.js';
import type { HeadPace } from './head-pace.js';
import type { HistoryReads } from './history-reads.js';
import { ProgressPace } from './progress-pace.js';
import type { Cursor, ReadableLog, StoredChunk } from './readable-log.js';
import type { RowFilter } from './row-filter.js';
import { Selection } from './selection.js';
import type { ServeCounters } from './serve-counters.js';

export interface DeliveryOptions {
  readonly log: ReadableLog;
  readonly filter: Filter;
  readonly writer: FrameWriter;
  readonly counters: ServeCounters;
  readonly clock: Clock;
  readonly headPace: HeadPace;
  readonly historyReads: HistoryReads;
  /** The first lsn to look at, and the executed set just before it. */
  readonly start: { readonly lsn: number; readonly set: TransactionSet };
  /** What the client has: these transactions are passed over until the log has come to all of them. */
  readonly checkpoint: Checkpoint | undefined;
  /** Transactions that were left out of the log, and which the client knows it will not get. */
  readonly acknowledgedGaps: ReadonlySet<string>;
  /** Bytes read from the log at a time. The burst is all that a stalled session holds beside its frames. */
  readonly burstBytes: number;
  /** Aborted: finish the burst under way, then return. */
  readonly stop: AbortSignal;
  /** Aborted: throw its reason at the next wait. */
  readonly end: AbortSignal;
  readonly observer: DeliveryObserver;
}

export interface DeliveryObserver {
  /** The stream is at the head. `announce`: it had been behind, or this is the first time. */
  caughtUp(lsn: number, announce: boolean): void;
  behind(): void;
  /** The log has come to all that the checkpoint has. */
  passed(): void;
}

/** What this connection knows of one table version. */
interface KnownTable {
  readonly wanted: boolean;
  announced: boolean;
  /** Undefined where the reader has all of it: its parts then go out as they are stored. */
  readonly rows: RowFilter | undefined;
}

/** A reader that has passed this much since it was last at the head counts as behind. */
const behindBytes = 1024 * 1024;

/** Versions remembered at most; beyond it they are looked up, and announced, once more. */
const maxKnownTables = 10_000;

/**
 * One reader's stream: reads the log from a cursor at the client's pace, leaves out what is not for it, and packs the
 * rest into frames. History and tail are this one loop. Laws: what is sent is in the log; chunks go out in the order
 * of their keys; of a transaction either nothing is sent, or its last chunk too; a table version precedes its first row.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #pace = new ProgressPace();
  readonly #tables = new Map<string, KnownTable>();
  /** The executed set up to the last transaction passed, sent or not. */
  readonly #set: TransactionSet;
  #checkpoint: Checkpoint | undefined;
  #cursor: Cursor;
  /** The last transaction passed, sent or not, and its log time. */
  #passedLsn: number;
  #logTime: number;
  /** The transaction under the cursor: whether the client has it already, and whether anything of it was sent. */
  #covered = false;
  #given = false;
  /** Bytes passed since the stream was last at the head; infinite: it never was. */
  #bytesBehind = Number.POSITIVE_INFINITY;
  /** The one wait for the head under way, so that waits that ended by a timer do not pile up. */
  #headWait: Promise<unknown> | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#set = options.start.set.clone();
    this.#cursor = { lsn: options.start.lsn, chunk: 0 };
    this.#checkpoint = options.checkpoint;
    this.#passedLsn = options.start.lsn - 1;
    this.#logTime = options.log.head.value.time;
  }

  /** The first transaction not passed yet. */
  get nextLsn(): number {
    return this.#passedLsn + 1;
  }

  /** Runs until `stop`. @throws what the log throws, and the reason of `end`. */
  async run(): Promise<void> {
    const { log, stop, writer } = this.#options;
    this.#passCheckpoint();
    try {
      while (!stop.aborted) {
        if (this.#cursor.lsn > log.head.value.lsn) await this.#waitAtHead();
        else await this.#burst();
      }
    } catch (error) {
      // All that stands in front of what this reader cannot be given is sent.
      if (isDrcError(error, 'CONDITION_FAILED') || isDrcError(error, 'CONDITION_INVALID'))
        await writer.flush();
      throw error;
    }
    await writer.flush();
  }

  async #burst(): Promise<void> {
    const { log, burstBytes, end, writer, observer, historyReads } = this.#options;
    const framesBefore = writer.framesSent;
    const read = () => log.read(this.#cursor, { maxBytes: burstBytes, signal: end });
    const burst = await (this.#bytesBehind > behindBytes ? historyReads.take(read) : read());
    if (burst.chunks.length === 0) {
      throw new DrcError('INTERNAL', `The log gave nothing at lsn ${this.#cursor.lsn}, below its head.`);
    }
    const wasBehind = this.#bytesBehind > behindBytes;
    for (const chunk of burst.chunks) {
      this.#bytesBehind += chunk.bytes.length;
      const wait = this.#pass(chunk);
      if (wait !== undefined) await wait;
    }
    this.#cursor = burst.next;
    this.#passCheckpoint();
    if (!wasBehind && this.#bytesBehind > behindBytes) observer.behind();
    if (this.#pace.pending && this.#pace.dueIn(this.#now()) === 0) await this.#tellProgress();
    if (this.#cursor.lsn <= log.head.value.lsn) {
      // A frame stays open for the next burst only while frames flow, so that nothing waits behind much that is left out.
      if (writer.framesSent === framesBefore) await writer.flush();
      // The log may answer from its cache, and frames may go at once: the other sessions and the capture want the thread too.
      await setImmediate();
    }
  }

  async #waitAtHead(): Promise<void> {
    const { log, stop, writer, observer } = this.#options;
    const announce = this.#bytesBehind > behindBytes;
    const due = this.#pace.pending && (announce || this.#pace.dueIn(this.#now()) === 0);
    if (due) await this.#tellProgress();
    await writer.flush();
    // What came while the frame waited for credit is sent first.
    if (this.#cursor.lsn <= log.head.value.lsn || stop.aborted) return;
    observer.caughtUp(this.#cursor.lsn - 1, announce && this.#checkpoint === undefined);
    if (this.#checkpoint === undefined) this.#bytesBehind = 0;
    await this.#headOrTimer();
  }

  /** Waits until the head has moved, the session is to stop, or a progress record is due. */
  async #headOrTimer(): Promise<void> {
    const { stop, end } = this.#options;
    const wait = (this.#headWait ??= this.#nextHead());
    let timer: NodeJS.Timeout | undefined;
    try {
      if (this.#pace.pending) {
        const pause = this.#pace.dueIn(this.#now());
        const pauseEnds = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, pause);
        });
        await Promise.race([wait, pauseEnds]);
      } else {
        await wait;
      }
    } catch (error) {
      end.throwIfAborted();
      if (!stop.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #nextHead(): Promise<unknown> {
    const { log, stop, headPace } = this.#options;
    const wait = log.head
      .after(this.#cursor.lsn - 1, stop)
      .then(() => headPace.turn())
      .finally(() => {
        this.#headWait = undefined;
      });
    // Nobody may be waiting any more when it is aborted.
    wait.catch(() => undefined);
    return wait;
  }

  /** Sends of one chunk what this reader is to have. A promise only where it has to wait. */
  #pass(chunk: StoredChunk): Promise<void> | undefined {
    if (chunk.chunk === 0) {
      this.#given = false;
      if (this.#checkpoint !== undefined) refuseDivergence(chunk.id, this.#set, this.#checkpoint.set);
      this.#covered = this.#checkpoint !== undefined && this.#checkpoint.covers(chunk.id);
    }
    if (this.#covered) {
      this.#pace.skipBytes(chunk.bytes.length);
      if (chunk.last) this.#endTransaction(chunk);
      return undefined;
    }
    // It is the only part of its transaction.
    if (chunk.bytes[chunk.partsAt] === PartKind.gap) return this.#passGap(chunk);
    const selection = this.#select(chunk);
    return selection === undefined ? this.#learnAndPass(chunk) : this.#write(chunk, selection);
  }

  #write(chunk: StoredChunk, selection: Selection): Promise<void> | undefined {
    const { writer, counters } = this.#options;
    if (!selection.isEmpty) counters.rows += selection.rows;
    else this.#pace.skipBytes(chunk.bytes.length);
    let wait: Promise<void> | undefined;
    if (!selection.isEmpty || (chunk.last && this.#given)) {
      this.#given = true;
      wait = writer.write(RecordKind.chunk, selection.pieces, selection.bytes);
    }
    if (chunk.last) this.#endTransaction(chunk);
    return wait;
  }

  #endTransaction(chunk: StoredChunk): void {
    const { counters } = this.#options;
    this.#set.add(chunk.id);
    this.#passedLsn = chunk.lsn;
    this.#logTime = chunk.logTime;
    if (this.#given) {
      counters.transactions++;
      this.#pace.give();
    } else {
      counters.transactionsSkipped++;
      this.#pace.skip();
    }
  }

  /** What this reader is to have of a chunk; undefined where a table version must be looked up or announced first. */
  #select(chunk: StoredChunk): Selection | undefined {
    const { bytes } = chunk;
    const { filter } = this.#options;
    const selection = new Selection(bytes, chunk.partsAt);
    for (const part of partsOf(bytes, chunk.partsAt)) {
      if (part.kind === PartKind.ddl) {
        this.#selectDdl(selection, bytes, part);
        continue;
      }
      if (!filter.mayWantPart(part.kind)) continue;
      const table = this.#tables.get(schemaKey(bytes, part.bodyAt));
      if (table === undefined || (table.wanted && !table.announced)) return undefined;
      if (!table.wanted) continue;
      if (table.rows !== undefined) {
        const { parts, rows } = table.rows.filter(bytes, part, (kind) => filter.wantsKind(kind));
        if (rows > 0) selection.insert(parts, rows);
      } else if (filter.wantsKind(part.kind)) {
        selection.keep(part, bytes.readUInt32LE(part.bodyAt + schemaIdBytes));
      }
    }
    return selection;
  }

  #selectDdl(selection: Selection, bytes: Buffer, part: PartSlice): void {
    const ddl = decodeDdl(bytes.subarray(part.bodyAt, part.end));
    const seen = this.#options.filter.ddl(ddl);
    if (seen === undefined) return;
    if (seen === ddl) return selection.keep(part, 0);
    const body = encodeDdl(seen);
    const rewritten = Buffer.allocUnsafe(partHeaderBytes + body.length);
    rewritten[0] = part.kind;
    rewritten[1] = part.flags;
    rewritten.writeUInt32LE(body.length, 2);
    body.copy(rewritten, partHeaderBytes);
    selection.insert(rewritten);
  }

  /**
   * A transaction that was left out of the log. Where it concerns the reader, the stream ends in front of it, behind all
   * that stands before it; acknowledged, it passes, and the reader's next checkpoint has it.
   */
  async #passGap(chunk: StoredChunk): Promise<void> {
    const { filter, acknowledgedGaps, writer } = this.#options;
    const verdict = judgeGap(chunk, filter, acknowledgedGaps);
    if (verdict.kind !== 'refused') this.#endTransaction(chunk);
    if (verdict.kind === 'unconcerned') return;
    if (this.#pace.pending) await this.#tellProgress();
    if (verdict.kind === 'acknowledged') return;
    await writer.flush();
    throw verdict.error;
  }

  /** Looks up the chunk's tables and sends those that the client will need, then passes the chunk. */
  async #learnAndPass(chunk: StoredChunk): Promise<void> {
    const { log, filter, writer } = this.#options;
    if (this.#tables.size >= maxKnownTables) this.#tables.clear();
    for (const part of partsOf(chunk.bytes, chunk.partsAt)) {
      if (part.kind === PartKind.ddl || !filter.mayWantPart(part.kind)) continue;
      const key = schemaKey(chunk.bytes, part.bodyAt);
      const known = this.#tables.get(key);
      if (known !== undefined && known.announced === known.wanted) continue;
      const id = chunk.bytes.subarray(part.bodyAt, part.bodyAt + schemaIdBytes);
      const version = await log.table(id);
      const wanted = filter.wantsTable(`${version.schema}.${version.table}`);
      const rows = wanted ? filter.rowsOf(version) : undefined;
      if (wanted) {
        const seenId = rows?.schemaId ?? id;
        const text = Buffer.from(canonicalTableVersion(rows?.version ?? version), 'utf8');
        const pieces = [seenId, text].map((bytes) => ({ bytes, at: 0, end: bytes.length }));
        await writer.write(RecordKind.schema, pieces, id.length + text.length);
      }
      this.#tables.set(key, { wanted, announced: wanted, rows });
    }
    const selection = this.#select(chunk);
    if (selection === undefined) {
      throw new DrcError('INTERNAL', 'A table version was forgotten while it was needed.');
    }
    await this.#write(chunk, selection);
  }

  async #tellProgress(): Promise<void> {
    // Within a transaction that is being given, the record would stand between its chunks; it can wait for the end.
    if (this.#cursor.chunk > 0 && this.#given) return;
    const body = encodeProgress({
      lsn: this.#passedLsn,
      logTime: this.#logTime,
      set: this.#set.toString(),
    });
    this.#pace.tell(this.#now());
    await this.#options.writer.write(
      RecordKind.progress,
      [{ bytes: body, at: 0, end: body.length }],
      body.length,
    );
  }

  #passCheckpoint(): void {
    if (this.#checkpoint === undefined || !this.#checkpoint.set.isSubsetOf(this.#set)) return;
    this.#checkpoint = undefined;
    this.#options.observer.passed();
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

const schemaKey = (bytes: Buffer, at: number): string => bytes.toString('latin1', at, at + schemaIdBytes);
