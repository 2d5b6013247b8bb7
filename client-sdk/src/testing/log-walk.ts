import {
  DrcError,
  encodeChunk,
  encodeProgress,
  isDrcError,
  RecordKind,
  recordHeader,
  type RecordKindCode,
  type TransactionSet,
} from '@drc/protocol';
import type { FaultPlan, Mishap } from './faults.js';
import type { ReaderView, SeenPart, SeenTable } from './reader-view.js';
import type { LoggedTransaction } from './slice.js';
import { isWithin, withEntry, type Beginning, type LeftOut, type TopicLog } from './topic-log.js';

/** What a stream does next. */
export type Step =
  | { readonly kind: 'records'; readonly bytes: Buffer }
  /** All has been sent. */
  | { readonly kind: 'head' }
  | { readonly kind: 'pause'; readonly ms: number }
  /** The connection ends behind these bytes: with an error, or without a word. */
  | { readonly kind: 'end'; readonly bytes: Buffer; readonly error?: DrcError };

/** The next transaction of which the reader gets something: what is left of each of its chunks. */
interface Ahead {
  readonly entry: LoggedTransaction;
  readonly chunks: readonly (readonly SeenPart[])[];
}

export interface LogWalkOptions {
  readonly log: TopicLog;
  readonly view: ReaderView;
  readonly beginning: Beginning;
  readonly plan: FaultPlan;
  /** Ids of transactions that were left out and may be passed. */
  readonly acknowledged: ReadonlySet<string>;
}

const nothing = Buffer.alloc(0);

/** One reader's way through a log: the record stream (protocol/record.ts) that a store would send it, and what goes wrong with it. */
export class LogWalk {
  readonly #options: LogWalkOptions;
  readonly #lineage: string;
  readonly #announced = new Set<SeenTable>();
  #index: number;
  #executed: TransactionSet;
  /** Whether something has passed that the reader does not know of. */
  #owesProgress = false;
  /** Whether the pause in front of the transaction ahead is over. */
  #hasPaused = false;
  /** Transactions that come once more. */
  #again: Ahead[] = [];
  /** How many came once more: so many places further on is all that follows. */
  #shift = 0;

  constructor(options: LogWalkOptions) {
    this.#options = options;
    this.#lineage = options.log.lineage;
    this.#index = options.beginning.index;
    this.#executed = options.beginning.executed;
  }

  next(): Step {
    const { log } = this.#options;
    // The store is another one by now.
    if (log.lineage !== this.#lineage) return { kind: 'end', bytes: nothing };
    try {
      return this.#next();
    } catch (error) {
      if (!isDrcError(error)) throw error;
      return { kind: 'end', bytes: this.#progress(), error };
    }
  }

  #next(): Step {
    const { log, plan } = this.#options;
    const again = this.#again.shift();
    if (again !== undefined)
      return { kind: 'records', bytes: this.#records(again, log.lsnBefore(this.#index) + ++this.#shift) };
    const ahead = this.#look();
    if (ahead !== undefined && plan.pauseMs > 0 && !this.#hasPaused) {
      this.#hasPaused = true;
      return { kind: 'pause', ms: plan.pauseMs };
    }
    const mishap = plan.due(ahead !== undefined);
    if (mishap !== undefined) return this.#goWrong(mishap, ahead);
    if (ahead !== undefined) return this.#deliver(ahead);
    const bytes = this.#progress();
    return bytes.length > 0 ? { kind: 'records', bytes } : { kind: 'head' };
  }

  #deliver(ahead: Ahead): Step {
    const bytes = Buffer.concat([this.#progress(), this.#records(ahead, this.#placeOf(ahead))]);
    this.#pass();
    this.#options.plan.delivered();
    return { kind: 'records', bytes };
  }

  /** Passes over what is not for this reader. @throws DrcError where it cannot go on */
  #look(): Ahead | undefined {
    const { log, view, beginning, acknowledged } = this.#options;
    for (;;) {
      if (this.#index < log.oldest) throw log.expired;
      const entry = log.entry(this.#index);
      if (entry === undefined) return undefined;
      const isKnown = beginning.checkpoint !== undefined && isWithin(entry, beginning.checkpoint);
      if (entry.kind === 'transaction' && !isKnown) {
        const chunks = view.wantsOrigin(entry.origin) ? seenBy(view, entry) : [];
        const leftOut = log.leftOut(entry.id);
        if (leftOut === undefined && chunks.length > 0) return { entry, chunks };
        // Nobody knows which rows it had: whoever reads its tables is concerned.
        const tables = leftOut === undefined ? [] : this.#tablesOf(entry);
        if (leftOut !== undefined && tables.length > 0 && !acknowledged.has(entry.id))
          throw gapError(entry, leftOut, tables);
      }
      this.#pass();
      this.#owesProgress ||= !isKnown;
    }
  }

  #pass(): void {
    this.#executed = withEntry(this.#executed, this.#options.log.entry(this.#index)!);
    this.#index++;
    this.#hasPaused = false;
  }

  // --- What goes wrong ------------------------------------------------------------------------------------------

  #goWrong(mishap: Mishap, ahead: Ahead | undefined): Step {
    const { log } = this.#options;
    switch (mishap.kind) {
      case 'cut':
      case 'failover': {
        const bytes = mishap.at === 'middle' && ahead !== undefined ? this.#half(ahead) : nothing;
        if (mishap.kind === 'failover') log.moveToAnotherStore();
        return { kind: 'end', bytes };
      }
      case 'repeat':
        this.#again = this.#lastOnes(mishap.transactions);
        return this.#next();
      case 'gap':
        log.leaveOut(ahead!.entry.id, mishap.leftOut);
        return this.#next();
      case 'retention':
        log.trimThrough(this.#index);
        throw log.expired;
      case 'fail':
        throw new DrcError(mishap.code, mishap.message, mishap.details);
    }
  }

  /** Of a transaction with more than one part the first ones; of any other, half of its bytes. */
  #half(ahead: Ahead): Buffer {
    const parts = ahead.chunks.flat();
    const first = parts.slice(0, parts.length >> 1);
    const progress = this.#progress();
    if (first.length === 0) {
      const bytes = this.#records(ahead, this.#placeOf(ahead));
      return Buffer.concat([progress, bytes.subarray(0, bytes.length >> 1)]);
    }
    return Buffer.concat([
      progress,
      ...this.#tablesFirst(first),
      this.#chunk(ahead.entry, this.#placeOf(ahead), 0, false, first),
    ]);
  }

  /** The newest transactions in front of the place that the reader has come to, oldest first. */
  #lastOnes(count: number): Ahead[] {
    const { log, view } = this.#options;
    const found: Ahead[] = [];
    for (let index = this.#index - 1; index >= log.oldest && found.length < count; index--) {
      const entry = log.entry(index)!;
      if (entry.kind !== 'transaction' || log.leftOut(entry.id) !== undefined) continue;
      const chunks = seenBy(view, entry);
      if (chunks.length > 0) found.unshift({ entry, chunks });
    }
    return found;
  }

  #tablesOf({ chunks }: LoggedTransaction): readonly string[] {
    const { log, view } = this.#options;
    const touched = chunks.flatMap((parts) => log.tablesOf(parts)).filter((table) => view.wantsTable(table));
    return [...new Set(touched)];
  }

  // --- Records --------------------------------------------------------------------------------------------------

  #progress(): Buffer {
    if (!this.#owesProgress) return nothing;
    this.#owesProgress = false;
    const { log } = this.#options;
    const before = log.entry(this.#index - 1);
    const lsn = log.lsnBefore(this.#index) + this.#shift;
    const set = this.#executed.toString();
    return record(RecordKind.progress, encodeProgress({ lsn, logTime: before?.logTime ?? 0, set }));
  }

  /** A transaction as a store sends it: another store has other chunks. */
  #records({ entry, chunks }: Ahead, lsn: number): Buffer {
    const { log } = this.#options;
    const packed = log.moves % 2 === 0 ? chunks : chunks.flat().map((part) => [part]);
    const records = packed.flatMap((parts, chunk) => [
      ...this.#tablesFirst(parts),
      this.#chunk(entry, lsn, chunk, chunk === packed.length - 1, parts),
    ]);
    return Buffer.concat(records);
  }

  #tablesFirst(parts: readonly SeenPart[]): Buffer[] {
    return parts.flatMap(({ table }) => {
      if (table === undefined || this.#announced.has(table)) return [];
      this.#announced.add(table);
      return [record(RecordKind.schema, table.announcement)];
    });
  }

  #placeOf = ({ entry }: Ahead): number => entry.lsn + this.#shift;

  #chunk(
    { id, commitTime, logTime, origin }: LoggedTransaction,
    lsn: number,
    chunk: number,
    last: boolean,
    parts: readonly SeenPart[],
  ): Buffer {
    const header = { lsn, chunk, last, logTime, commitTime, id, origin };
    return record(RecordKind.chunk, encodeChunk(header, Buffer.concat(parts.map(({ bytes }) => bytes))));
  }
}

/** Without the chunks of which nothing is left. */
const seenBy = (view: ReaderView, { chunks }: LoggedTransaction): SeenPart[][] =>
  chunks.map((parts) => [...view.select(parts)]).filter((parts) => parts.length > 0);

const record = (kind: RecordKindCode, body: Buffer): Buffer =>
  Buffer.concat([recordHeader(kind, body.length), body]);

/** As a store says it. */
function gapError(
  { id, lsn, logTime }: LoggedTransaction,
  { reason }: LeftOut,
  tables: readonly string[],
): DrcError {
  return new DrcError(
    'GAP',
    `Transaction ${id}, with changes of ${tables.join(', ')}, was left out: ${reason}`,
    {
      transaction: id,
      tables,
      reason,
      by: 'test@localhost',
      at: new Date(logTime).toISOString(),
      from: `test-binlog.000001:${lsn * 100}`,
      to: `test-binlog.000001:${lsn * 100 + 100}`,
      cause: 'EVENT_MALFORMED',
    },
  );
}
