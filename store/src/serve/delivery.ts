import { setImmediate } from 'node:timers/promises';
import {
  DrcError,
  encodeProgress,
  isDrcError,
  PartKind,
  RecordKind,
  type Checkpoint,
  type TransactionSet,
} from '@drc/protocol';
import type { Clock } from '../clock.js';
import type { SnapshotCopy, SnapshotPiece } from '../table-copy/snapshot-copy.js';
import type { FindTable } from '../table-copy/touched-rows.js';
import { refuseDivergence } from './divergence.js';
import type { SeenTable } from './seen-table.js';
import type { ViewShare } from './filter-views.js';
import type { FrameWriter } from './frame-writer.js';
import { judgeGap } from './gap.js';
import type { HistoryReads } from './history-reads.js';
import { ProgressPace } from './progress-pace.js';
import type { Cursor, ReadableLog, StoredChunk } from './readable-log.js';
import type { Selection } from './selection.js';
import type { ServeCounters } from './serve-counters.js';
import type { SharedBurst } from './shared-burst.js';
import { snapshotRecordsOf } from './snapshot-record.js';

export interface DeliveryOptions {
  readonly log: ReadableLog;
  /** What the reader sees. Disposed by who made it. */
  readonly share: ViewShare;
  readonly writer: FrameWriter;
  readonly counters: ServeCounters;
  readonly clock: Clock;
  readonly historyReads: HistoryReads;
  /** The first lsn to look at, and the executed set just before it. */
  readonly start: { readonly lsn: number; readonly set: TransactionSet };
  /** What the client has: these transactions are passed over until the log has come to all of them. */
  readonly checkpoint: Checkpoint | undefined;
  /** Transactions that were left out of the log, and which the client knows it will not get. */
  readonly acknowledgedGaps: ReadonlySet<string>;
  /** Begins to copy the rows that are there, once the reader has come to its checkpoint. Undefined: nothing is copied. */
  readonly copy?: ((reader: CopyingReader) => SnapshotCopy) | undefined;
  /** Bytes read from the log at a time. The burst is all that a stalled session holds beside its frames. */
  readonly burstBytes: number;
  /** Aborted: finish the burst under way, then return. */
  readonly stop: AbortSignal;
  /** Aborted: throw its reason at the next wait. */
  readonly end: AbortSignal;
  readonly observer: DeliveryObserver;
}

/** What the copy of tables needs to know of the stream. */
export interface CopyingReader {
  /** What the reader has got of the log. */
  readonly executed: () => TransactionSet;
  /** To be called where there is something to take. */
  readonly roused: () => void;
  readonly signal: AbortSignal;
}

export interface DeliveryObserver {
  /** The stream is at the head. `announce`: it had been behind, or this is the first time. */
  caughtUp(lsn: number, announce: boolean): void;
  behind(): void;
  /** The log has come to all that the checkpoint has. */
  passed(): void;
}

/** A reader that has passed this much since it was last at the head counts as behind. */
const behindBytes = 1024 * 1024;

/** Table versions remembered as announced at most; beyond it they are announced once more. */
const maxAnnounced = 10_000;

/**
 * One reader's stream: reads the log from a cursor at the client's pace, leaves out what is not for it, and packs the
 * rest into frames. History and tail are this one loop. Laws: what is sent is in the log; chunks go out in the order
 * of their keys; of a transaction either nothing is sent, or its last chunk too; a table version precedes its first row.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #pace = new ProgressPace();
  /** Tables that this connection knows of. */
  readonly #announced = new Set<SeenTable>();
  /** The executed set up to the last transaction passed, sent or not; undefined while it follows the bursts of others, who know it. */
  #set: TransactionSet | undefined;
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
  /** Whether it ends between two transactions only. */
  #isLeaving = false;
  /** Undefined where nothing is, or is yet, to be copied. */
  #copy: SnapshotCopy | undefined;
  #hasCopy = false;
  readonly #copying = new AbortController();
  /** Ends the wait for the head under way. */
  #rouse: (() => void) | undefined;

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

  /** Before `stop`: a transaction that was begun is given to its end. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Runs until `stop`. @throws what the log throws, and the reason of `end`. */
  async run(): Promise<void> {
    const { log, stop, end, writer } = this.#options;
    const rouse = (): void => this.#rouse?.();
    stop.addEventListener('abort', rouse, { once: true });
    end.addEventListener('abort', rouse, { once: true });
    this.#passCheckpoint();
    try {
      while (!stop.aborted || (this.#isLeaving && this.#cursor.chunk > 0)) {
        if (this.#copy !== undefined && this.#cursor.chunk === 0) await this.#takeCopied(this.#copy);
        if (this.#cursor.lsn > log.head.value.lsn) await this.#waitAtHead();
        else if (!(await this.#passShared())) await this.#burst();
      }
    } catch (error) {
      // All that stands in front of what this reader cannot be given is sent.
      if (isDrcError(error, 'CONDITION_FAILED') || isDrcError(error, 'CONDITION_INVALID'))
        await writer.flush();
      throw error;
    } finally {
      this.#copying.abort(new DrcError('CLOSED', 'The session ended.'));
    }
    await writer.flush();
  }

  /** Takes what was composed for all readers of the view, where that goes on from here. */
  async #passShared(): Promise<boolean> {
    const { share, writer } = this.#options;
    const { lsn, chunk } = this.#cursor;
    const isOnItsWay = this.#checkpoint === undefined && this.#copy === undefined;
    const isInStep = chunk === 0 && this.#bytesBehind <= behindBytes && isOnItsWay;
    if (!isInStep || !share.isShared || writer.isOpen) return false;
    const burst = await share.bursts.from(lsn);
    if (burst === undefined) return false;
    for (const table of burst.tables) if (!this.#announced.has(table)) return false;
    if (burst.frame !== undefined) await writer.writeSealed(burst.frame);
    this.#passed(burst);
    await this.#afterBurst(false);
    return true;
  }

  #passed(burst: SharedBurst): void {
    const { counters } = this.#options;
    this.#set = undefined;
    this.#cursor = { lsn: burst.nextLsn, chunk: 0 };
    this.#passedLsn = burst.nextLsn - 1;
    this.#logTime = burst.logTime;
    this.#bytesBehind += burst.logBytes;
    this.#pace.include(burst.pace);
    counters.rows += burst.rows;
    counters.transactions += burst.transactions;
    counters.transactionsSkipped += burst.skipped;
  }

  async #burst(): Promise<void> {
    this.#set ??= await this.#options.share.bursts.executedBehind(this.#passedLsn);
    const { log, burstBytes, end, writer, historyReads } = this.#options;
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
    // A frame stays open for the next burst only while frames flow, so that nothing waits behind much that is left out.
    if (this.#cursor.lsn <= log.head.value.lsn && writer.framesSent === framesBefore) await writer.flush();
    await this.#afterBurst(wasBehind);
  }

  async #afterBurst(wasBehind: boolean): Promise<void> {
    const { log, observer } = this.#options;
    if (!wasBehind && this.#bytesBehind > behindBytes) observer.behind();
    if (this.#pace.pending && this.#pace.dueIn(this.#now()) === 0) await this.#tellProgress();
    // The log may answer from its cache, and frames may go at once: the other sessions and the capture want the thread too.
    if (this.#cursor.lsn <= log.head.value.lsn) await setImmediate();
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
    const { stop, end, share } = this.#options;
    end.throwIfAborted();
    if (stop.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    let cancel: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#rouse = resolve;
        if (this.#copy?.isReady === true) resolve();
        cancel = share.headPace.wait(this.#cursor.lsn - 1, (error) =>
          error === undefined ? resolve() : reject(error),
        );
        if (this.#pace.pending) timer = setTimeout(resolve, this.#pace.dueIn(this.#now()));
      });
    } catch (error) {
      end.throwIfAborted();
      if (!stop.aborted) throw error;
    } finally {
      clearTimeout(timer);
      cancel?.();
      this.#rouse = undefined;
    }
    end.throwIfAborted();
  }

  /** Sends of one chunk what this reader is to have. A promise only where it has to wait. */
  #pass(chunk: StoredChunk): Promise<void> | undefined {
    if (chunk.chunk === 0) {
      this.#given = false;
      if (this.#checkpoint !== undefined) refuseDivergence(chunk.id, this.#executed, this.#checkpoint.set);
      this.#covered = this.#checkpoint !== undefined && this.#checkpoint.covers(chunk.id);
    }
    if (this.#covered) {
      this.#pace.skipBytes(chunk.bytes.length);
      if (chunk.last) this.#endTransaction(chunk);
      return undefined;
    }
    // It is the only part of its transaction.
    if (chunk.bytes[chunk.partsAt] === PartKind.gap) return this.#passGap(chunk);
    const { view } = this.#options.share;
    const selection = view.select(chunk);
    // The copy must know what it changed, although nobody is told.
    if (this.#copy !== undefined && !view.filter.wantsOrigin(chunk.origin)) return this.#learnAndPass(chunk);
    const isKnown = selection?.tables.every((table) => this.#announced.has(table));
    return selection !== undefined && isKnown === true
      ? this.#write(chunk, selection)
      : this.#announceAndPass(chunk, selection);
  }

  #write(chunk: StoredChunk, selection: Selection): Promise<void> | undefined {
    const { writer, counters } = this.#options;
    const { filter } = this.#options.share.view;
    this.#copy?.pass(chunk, this.#tableOf, filter.wantsOrigin(chunk.origin));
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
    this.#executed.add(chunk.id);
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

  /**
   * A transaction that was left out of the log. Where it concerns the reader, the stream ends in front of it, behind all
   * that stands before it; acknowledged, it passes, and the reader's next checkpoint has it.
   */
  async #passGap(chunk: StoredChunk): Promise<void> {
    const { share, acknowledgedGaps, writer } = this.#options;
    this.#copy?.pass(chunk, this.#tableOf);
    const verdict = judgeGap(chunk, share.view.filter, acknowledgedGaps);
    if (verdict.kind !== 'refused') this.#endTransaction(chunk);
    if (verdict.kind === 'unconcerned') return;
    if (this.#pace.pending) await this.#tellProgress();
    if (verdict.kind === 'acknowledged') return;
    await writer.flush();
    throw verdict.error;
  }

  /** Sends what has been copied and may go out here. */
  async #takeCopied(copy: SnapshotCopy): Promise<void> {
    for (let piece = copy.take(); piece !== undefined; piece = copy.take()) {
      await this.#writeCopied(piece);
      // Where there is nothing else to wait for, it need not wait for more.
      await this.#options.writer.flush();
    }
    if (copy.isOver) this.#copy = undefined;
  }

  async #writeCopied(piece: SnapshotPiece): Promise<void> {
    const { share, writer, counters } = this.#options;
    for (const { head, parts, table, rows } of snapshotRecordsOf(piece, share.view)) {
      if (table !== undefined) await this.#announce(table);
      counters.rows += rows;
      const pieces = [head, parts].map((bytes) => ({ bytes, at: 0, end: bytes.length }));
      await writer.write(RecordKind.snapshot, pieces, head.length + parts.length);
    }
  }

  /** Sends the tables that the client will need, those that are not known looked up first, then passes the chunk. */
  async #announceAndPass(chunk: StoredChunk, known: Selection | undefined): Promise<void> {
    const selection = known ?? (await this.#options.share.view.selectLearning(chunk));
    for (const table of selection.tables) await this.#announce(table);
    await this.#write(chunk, selection);
  }

  async #learnAndPass(chunk: StoredChunk): Promise<void> {
    const { view } = this.#options.share;
    await view.learn(chunk);
    await this.#write(chunk, view.select(chunk) ?? (await view.selectLearning(chunk)));
  }

  async #announce(table: SeenTable): Promise<void> {
    if (this.#announced.has(table)) return;
    if (this.#announced.size >= maxAnnounced) this.#announced.clear();
    const { announcement } = table;
    await this.#options.writer.write(
      RecordKind.schema,
      [{ bytes: announcement, at: 0, end: announcement.length }],
      announcement.length,
    );
    this.#announced.add(table);
  }

  async #tellProgress(): Promise<void> {
    // Within a transaction that is being given, the record would stand between its chunks; it can wait for the end.
    if (this.#cursor.chunk > 0 && this.#given) return;
    const { share } = this.#options;
    const body = encodeProgress({
      lsn: this.#passedLsn,
      logTime: this.#logTime,
      set: (this.#set ?? (await share.bursts.executedBehind(this.#passedLsn))).toString(),
    });
    this.#pace.tell(this.#now());
    await this.#options.writer.write(
      RecordKind.progress,
      [{ bytes: body, at: 0, end: body.length }],
      body.length,
    );
  }

  #passCheckpoint(): void {
    if (this.#checkpoint !== undefined) {
      if (!this.#checkpoint.set.isSubsetOf(this.#executed)) return;
      this.#checkpoint = undefined;
      this.#options.observer.passed();
    }
    if (this.#hasCopy) return;
    this.#hasCopy = true;
    this.#copy = this.#options.copy?.({
      executed: () => this.#executed,
      roused: () => this.#rouse?.(),
      signal: this.#copying.signal,
    });
  }

  readonly #tableOf: FindTable = (bytes, part) => this.#options.share.view.tableOf(bytes, part);

  /** While it goes its own way, which is wherever it looks into chunks. */
  get #executed(): TransactionSet {
    if (this.#set === undefined) throw new DrcError('INTERNAL', 'The executed set of a reader is not known.');
    return this.#set;
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}
