import {
  Checkpoint,
  DrcError,
  isDrcError,
  TransactionSet,
  type LogExtent,
  type LogMoment,
  type StartFrom,
  type TableVersion,
} from '@drc/protocol';
import type {
  Burst,
  CaptureState,
  Cursor,
  GroupHeader,
  ReadLimits,
  SeekResult,
  SourceIdentity,
  SourcePosition,
  TransactionLog,
} from '../log/transaction-log.js';
import type { ReadableLog } from '../serve/readable-log.js';
import type { CaptureLog } from '../source/capture-log.js';
import type { BytePace } from '../byte-pace.js';

export interface BackfillLogOptions {
  /** Of its own, empty; belongs to whoever opened it. */
  readonly log: TransactionLog;
  readonly from: StartFrom;
  /** Executed before the oldest transaction of the store's log, as text, as it is now. */
  readonly boundary: () => string;
  /** Called when the end is known: nothing more is needed. */
  readonly ended: () => void;
  readonly pace: BytePace;
  /** So much may be written and not read, bytes. */
  readonly unreadBytes: number;
  readonly signal: AbortSignal;
}

/** A chunk's bytes beside its id and its parts. */
const chunkHeadBytes = 34;

/**
 * What is captured for one reader: written by capture, no further than the reader follows, and read as if it ended where the
 * store's own log takes over. That is behind the first transaction with which it has all that the log does not.
 */
export class BackfillLog implements CaptureLog, ReadableLog {
  readonly head: ReadableLog['head'];
  readonly #options: BackfillLogOptions;
  readonly #log: TransactionLog;
  /** Resolves when the moment that is wanted is in the log, or the end is. */
  readonly found: Promise<void>;
  #tellFound: () => void = () => undefined;
  readonly #isAtMoment: (id: string) => boolean;
  #isFound = false;
  /** The transaction with the moment, or one before it. */
  #foundAt = 1;
  #end: number | undefined;
  #boundary: { readonly text: string; readonly set: TransactionSet } | undefined;
  /** The last transaction that was ended. */
  #lastLsn = 0;
  #open: string | undefined;
  /** Behind the moment: bytes written, and read. */
  #written = 0;
  #read = 0;
  /** The next chunk that was not read yet. */
  #next: Cursor = { lsn: 0, chunk: 0 };
  #wake: (() => void) | undefined;

  constructor(options: BackfillLogOptions) {
    const { log, from } = options;
    this.#options = options;
    this.#log = log;
    this.#isAtMoment = momentTest(from, log);
    this.found = new Promise((resolve) => (this.#tellFound = resolve));
    const visible = (moment: LogMoment): LogMoment => this.#visible(moment);
    this.head = {
      get value() {
        return visible(log.head.value);
      },
      after: async (lsn, signal) => visible(await log.head.after(lsn, signal)),
    };
    options.signal.addEventListener('abort', () => this.#wake?.(), { once: true });
  }

  /** The oldest transaction that the reader still needs. */
  get neededFrom(): number {
    return this.#isFound ? Math.max(this.#next.lsn, this.#foundAt) : Infinity;
  }

  /** The last transaction before the store's log takes over; undefined until it is known. */
  get end(): number | undefined {
    return this.#end;
  }

  // --- Reading: see ReadableLog --------------------------------------------------------------------------------

  get lineage(): string {
    return this.#log.lineage;
  }

  extent(): LogExtent {
    return this.#log.extent();
  }

  executedBefore(lsn: number): Promise<TransactionSet> {
    return this.#log.executedBefore(lsn);
  }

  /** It begins before the moment, or the source has nothing that does. */
  async seek(from: StartFrom, seekMarginMs: number): Promise<SeekResult> {
    try {
      return await this.#log.seek(from, seekMarginMs);
    } catch (error) {
      if (from.kind !== 'timestamp' || !isDrcError(error, 'RETENTION_EXPIRED')) throw error;
      return await this.#log.seek({ kind: 'earliest' }, seekMarginMs);
    }
  }

  async read(cursor: Cursor, limits: ReadLimits): Promise<Burst> {
    const burst = this.#within(cursor, await this.#log.read(cursor, limits));
    for (const { lsn, chunk, bytes } of burst.chunks) {
      if (lsn < this.#next.lsn || (lsn === this.#next.lsn && chunk < this.#next.chunk)) continue;
      this.#read += bytes.length;
    }
    this.#next = burst.next;
    this.#wake?.();
    return burst;
  }

  table(id: Buffer): Promise<TableVersion> {
    return this.#log.table(id);
  }

  placeBefore(lsn: number): Promise<{ lsn: number; position: SourcePosition } | undefined> {
    return this.#log.placeBefore(lsn);
  }

  /** Without what lies beyond the end. */
  #within(cursor: Cursor, burst: Burst): Burst {
    const end = this.#end;
    if (end === undefined || burst.next.lsn <= end + 1) return burst;
    const chunks = burst.chunks.filter(({ lsn }) => lsn <= end);
    return { chunks, next: chunks.length === 0 ? cursor : { lsn: end + 1, chunk: 0 } };
  }

  #visible(moment: LogMoment): LogMoment {
    return this.#end === undefined || moment.lsn <= this.#end ? moment : { ...moment, lsn: this.#end };
  }

  // --- Capture: see CaptureLog -----------------------------------------------------------------------------------

  get replicaServerId(): number {
    return this.#log.replicaServerId;
  }

  get capture(): CaptureState {
    return this.#log.capture;
  }

  get pendingBytes(): number {
    return this.#log.pendingBytes;
  }

  get openGroupChunks(): number {
    return this.#log.openGroupChunks;
  }

  async begin(
    identity: SourceIdentity,
    position: SourcePosition,
    executed: TransactionSet,
    complete: boolean,
  ): Promise<void> {
    await this.#log.begin(identity, position, executed, complete);
    this.#look();
  }

  moveSource(identity: SourceIdentity, position: SourcePosition): void {
    this.#log.moveSource(identity, position);
  }

  registerTable(version: TableVersion): Buffer {
    return this.#log.registerTable(version);
  }

  sourceTime(ask: () => Promise<number>): Promise<number> {
    return this.#log.sourceTime(ask);
  }

  raiseTime(time: number): void {
    this.#log.raiseTime(time);
  }

  beginGroup(header: GroupHeader): void {
    this.#log.beginGroup(header);
    this.#open = header.id;
  }

  setOrigin(origin: string): void {
    this.#log.setOrigin(origin);
  }

  putChunk(parts: Buffer): void {
    this.#log.putChunk(parts);
    this.#count(parts);
  }

  truncateGroup(chunks: number): void {
    this.#log.truncateGroup(chunks);
  }

  endGroup(lastParts: Buffer, position: SourcePosition): void {
    this.#log.endGroup(lastParts, position);
    this.#ended(lastParts);
  }

  abandonGroup(): void {
    this.#log.abandonGroup();
  }

  prepareGroup(xid: string): void {
    this.#log.prepareGroup(xid);
  }

  endPrepare(lastParts: Buffer, position: SourcePosition): void {
    this.#log.endPrepare(lastParts, position);
    this.#ended(lastParts);
  }

  async endPreparedAtOnce(lastParts: Buffer, position: SourcePosition): Promise<void> {
    await this.#log.endPreparedAtOnce(lastParts, position);
    this.#ended(lastParts);
  }

  isPrepared(xid: string): boolean {
    return this.#log.isPrepared(xid);
  }

  async commitPrepared(xid: string, position: SourcePosition): Promise<void> {
    await this.#log.commitPrepared(xid, position);
    this.#ended(Buffer.alloc(0));
  }

  rollBackPrepared(xid: string): void {
    this.#log.rollBackPrepared(xid);
  }

  movePosition(position: SourcePosition): void {
    this.#log.movePosition(position);
  }

  /** Keeps to the rate, and to what the reader follows. */
  async flush(): Promise<void> {
    const { pace, signal } = this.#options;
    await pace.took(this.#log.pendingBytes, signal);
    while (this.#mustWait()) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
      signal.throwIfAborted();
    }
    await this.#log.flush();
    const { from } = this.#options;
    if (from.kind === 'timestamp' && this.head.value.time >= from.time) this.#isFound = true;
    if (this.#isFound || this.#end !== undefined) this.#tellFound();
  }

  /** A reader at the head waits for what is held back: it has nothing to read meanwhile. */
  #mustWait(): boolean {
    const { unreadBytes, signal } = this.#options;
    const isBehind = this.neededFrom <= this.#log.head.value.lsn;
    return this.#isFound && isBehind && this.#written - this.#read > unreadBytes && !signal.aborted;
  }

  #count(parts: Buffer): void {
    if (this.#isFound) this.#written += chunkHeadBytes + (this.#open?.length ?? 0) + parts.length;
  }

  #ended(lastParts: Buffer): void {
    const id = this.#open;
    this.#open = undefined;
    this.#lastLsn++;
    if (!this.#isFound && id !== undefined && this.#isAtMoment(id)) {
      this.#isFound = true;
      this.#foundAt = this.#lastLsn;
    }
    this.#count(lastParts);
    this.#look();
  }

  /** Whether all that the store's log does not have is here. */
  #look(): void {
    if (this.#end !== undefined) return;
    const text = this.#options.boundary();
    if (this.#boundary?.text !== text) this.#boundary = { text, set: TransactionSet.parse(text) };
    if (!this.#boundary.set.isSubsetOf(this.#log.capture.executed)) return;
    this.#end = this.#lastLsn;
    this.#options.ended();
  }
}

function momentTest(from: StartFrom, log: TransactionLog): (id: string) => boolean {
  if (from.kind === 'checkpoint') {
    const { set } = Checkpoint.parse(from.checkpoint);
    return (id) => !set.covers(id);
  }
  if (from.kind === 'transaction') {
    return () => log.capture.executed.covers(from.id);
  }
  // That is seen when it is written.
  if (from.kind === 'timestamp') return () => false;
  throw new DrcError('INTERNAL', 'The log itself begins there.');
}
