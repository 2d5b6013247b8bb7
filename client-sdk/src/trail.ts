import { Checkpoint, type CheckpointHint, type SnapshotProgress, type TransactionSet } from '@drc/protocol';

/** Ids kept before they are folded into a set: bounds memory, and what an out-of-order question costs. */
const segmentLength = 1024;

/** A stretch of the stream within one session. */
interface Segment {
  readonly lineage: string;
  /** What the reader has before the first of `ids`. */
  readonly base: TransactionSet;
  /** Where `base` was in the log of `lineage`, where that is known. */
  readonly baseLsn: number | undefined;
  readonly ids: string[];
  readonly lsns: number[];
  /** `base` and the first `cursorAt` ids: moves on as checkpoints are asked for, mostly in order. */
  cursor: TransactionSet;
  cursorAt: number;
}

/** A place between two transactions. Marks of one trail are ordered by `step`. */
export interface Mark {
  readonly step: number;
  readonly segment: Segment;
  /** How many of the segment's ids lie before it. */
  readonly count: number;
  /** Log time of what lies before it, ms; undefined where the stream begins. */
  readonly time?: number | undefined;
  /** What has come of rows from before the stream; undefined where none were asked for. */
  readonly snapshot?: SnapshotProgress | undefined;
}

/**
 * The way the reader has come: from any mark on it the exact set can be told later, although most transactions never
 * ask. A set for each transaction would cost more than the transaction.
 */
export class Trail {
  readonly #topic: string;
  #segment: Segment;
  #step = 0;
  #end: Mark;

  /** The stream begins behind `set`, which is at `lsn` in the log of this lineage. */
  constructor(topic: string, lineage: string, set: TransactionSet, lsn: number, snapshot?: SnapshotProgress) {
    this.#topic = topic;
    this.#segment = segment(lineage, set, lsn);
    this.#end = { step: 0, segment: this.#segment, count: 0, snapshot };
  }

  /** Behind all that has been added. */
  get end(): Mark {
    return this.#end;
  }

  /**
   * A session of this lineage goes on behind `set`, which holds nothing that is still to come.
   * @param lsn where the end of the trail is in that log; undefined where the session begins before it
   */
  session(lineage: string, set: TransactionSet, lsn: number | undefined): void {
    this.#begin(lineage, this.#setAt(this.#end).union(set), lsn, this.#end.time);
  }

  /** This transaction is handed out. Returns the mark behind it. */
  add(id: string, lsn: number, time?: number): Mark {
    if (this.#segment.ids.length === segmentLength) {
      const { lineage, lsns } = this.#segment;
      const set = this.#setAt(this.#end).clone();
      this.#segment = segment(lineage, set, lsns.at(-1));
    }
    const own = this.#segment;
    own.ids.push(id);
    own.lsns.push(lsn);
    const { snapshot } = this.#end;
    return (this.#end = { step: ++this.#step, segment: own, count: own.ids.length, time, snapshot });
  }

  /** The store says that nothing up to `lsn` is missing. Returns the mark there. */
  progress(lsn: number, set: TransactionSet, time?: number): Mark {
    return this.#begin(this.#segment.lineage, this.#setAt(this.#end).union(set), lsn, time);
  }

  /** Rows from before the stream have come, or are to come. Returns the mark behind them. */
  copied(snapshot: SnapshotProgress): Mark {
    return (this.#end = { ...this.#end, step: ++this.#step, snapshot });
  }

  /** Where the mark is in the log of this lineage; undefined where that is not known. */
  lsnAt({ segment: own, count }: Mark, lineage: string): number | undefined {
    if (own.lineage !== lineage) return undefined;
    return count === 0 ? own.baseLsn : own.lsns[count - 1];
  }

  /** What the reader has at this mark. */
  checkpoint(mark: Mark): Checkpoint {
    const set = this.#setAt(mark);
    const { segment: own, count } = mark;
    const lsn = count === 0 ? own.baseLsn : own.lsns[count - 1];
    const { snapshot } = mark;
    if (lsn === undefined) return new Checkpoint({ topic: this.#topic, set, snapshot });
    const hint: CheckpointHint = { lineage: own.lineage, lsn };
    return new Checkpoint({ topic: this.#topic, set, hint, snapshot });
  }

  #begin(lineage: string, set: TransactionSet, lsn: number | undefined, time: number | undefined): Mark {
    this.#segment = segment(lineage, set, lsn);
    const { snapshot } = this.#end;
    return (this.#end = { step: ++this.#step, segment: this.#segment, count: 0, time, snapshot });
  }

  /** Valid until the next call: the segment's own cursor, not a copy. */
  #setAt({ segment: own, count }: Mark): TransactionSet {
    if (count < own.cursorAt) {
      own.cursor = own.base.clone();
      own.cursorAt = 0;
    }
    for (; own.cursorAt < count; own.cursorAt++) own.cursor.add(own.ids[own.cursorAt]!);
    return own.cursor;
  }
}

/** Takes the set over. */
const segment = (lineage: string, set: TransactionSet, baseLsn: number | undefined): Segment => ({
  lineage,
  base: set,
  baseLsn,
  ids: [],
  lsns: [],
  cursor: set.clone(),
  cursorAt: 0,
});
