import { TransactionSet } from '@drc/protocol';
import { unseal } from '../chunk-record.js';
import { allKeys, pointKey, readPointKey, readTimeKey, timeKey } from '../keys.js';
import type { LevelDatabase } from '../level-database.js';
import { entriesOf } from '../log-proof.js';
import type { LogTail } from '../meta.js';
import { decodePoint, type LogPoint, type SourcePosition } from '../set-index.js';
import { textOf, type FaultList } from './fault-list.js';

/** What the chunks say of one transaction. */
export interface PassedTransaction {
  readonly lsn: number;
  /** Undefined where it is not sound. */
  readonly id: string | undefined;
  readonly logTime: number | undefined;
}

/** An entry of an index; `value` is undefined where it is not sound, which has been told. */
interface Entry<T> {
  readonly lsn: number;
  readonly value: T | undefined;
}

/**
 * The executed sets and the time index of a log, held against its transactions as these pass by. A set must be that before
 * the log and all ids up to its transaction; a time that of its transaction; a place in the source must not lie before
 * an earlier one; a time stands where a set does.
 */
export class IndexAudit {
  readonly #faults: FaultList;
  readonly #points: Cursor<LogPoint>;
  readonly #times: Cursor<number>;
  /** The first transaction from the present server. */
  readonly #sinceLsn: number;
  /** Undefined behind a transaction that is not sound, up to the next point. */
  #set: TransactionSet | undefined;
  /** Whether the last point had another set. */
  #wasOther = false;
  #lastPointLsn = -1;
  #position: SourcePosition | undefined;

  private constructor(
    faults: FaultList,
    points: Cursor<LogPoint>,
    times: Cursor<number>,
    set: TransactionSet | undefined,
    sinceLsn: number,
  ) {
    this.#faults = faults;
    this.#points = points;
    this.#times = times;
    this.#set = set;
    this.#sinceLsn = sinceLsn;
  }

  /** Begins in front of the tail: with what a log that was just begun, or trimmed, has there. */
  static async open(
    db: LevelDatabase,
    tail: LogTail,
    sinceLsn: number,
    faults: FaultList,
  ): Promise<IndexAudit> {
    const points = await Cursor.open(pointsOf(db, tail.lsn - 1, faults));
    const times = await Cursor.open(timesOf(db, tail, faults));
    const set = setOf(tail.setBefore, 'the tail', faults);
    const audit = new IndexAudit(faults, points, times, set, sinceLsn);
    await audit.#compare({ lsn: tail.lsn - 1, id: undefined, logTime: undefined });
    return audit;
  }

  /** A promise only where an index has something there. */
  passed(transaction: PassedTransaction): Promise<void> | undefined {
    const { id, lsn } = transaction;
    if (id === undefined) this.#set = undefined;
    else this.#add(id, lsn);
    if (this.#points.lsn > lsn && this.#times.lsn > lsn) return undefined;
    return this.#compare(transaction);
  }

  /** Transactions that are missing or cannot be read: what they had is not known. */
  async lost(upTo: number): Promise<void> {
    this.#set = undefined;
    await this.#compare({ lsn: upTo, id: undefined, logTime: undefined });
  }

  /** What is left lies beyond the head. */
  async finish(): Promise<void> {
    while (this.#points.lsn < Infinity) await this.#points.take();
    while (this.#times.lsn < Infinity) {
      const { lsn } = await this.#times.take();
      this.#faults.add('time', `time of transaction ${lsn}`, 'The log has no such transaction.', lsn);
    }
  }

  #add(id: string, lsn: number): void {
    if (this.#set === undefined) return;
    try {
      if (this.#set.covers(id))
        this.#faults.add(
          'transaction',
          `transaction ${lsn}`,
          `${id} is in the log, or before it, already.`,
          lsn,
        );
      this.#set.add(id);
    } catch (error) {
      this.#faults.add('transaction', `transaction ${lsn}`, textOf(error), lsn);
      this.#set = undefined;
    }
  }

  async #compare({ lsn, logTime }: PassedTransaction): Promise<void> {
    while (this.#points.lsn <= lsn) {
      const { lsn: at, value } = await this.#points.take();
      this.#lastPointLsn = at;
      if (value !== undefined) this.#comparePoint(value, at === lsn ? logTime : undefined, at === lsn);
    }
    while (this.#times.lsn <= lsn) {
      const { lsn: at, value } = await this.#times.take();
      if (value === undefined) continue;
      const place = `time of transaction ${at}`;
      if (at === lsn && logTime !== undefined && value !== logTime)
        this.#faults.add('time', place, `It is ${value}; the transaction's is ${logTime}.`, at);
      if (at > this.#lastPointLsn || (at === lsn && this.#lastPointLsn !== at))
        this.#faults.add('point', `point ${at}`, 'It is missing: the time index has its transaction.', at);
    }
  }

  /** @param isHere whether the set so far is that of the point's transaction */
  #comparePoint(point: LogPoint, logTime: number | undefined, isHere: boolean): void {
    const { lsn, time, executed } = point;
    const place = `point ${lsn}`;
    if (logTime !== undefined && time !== logTime)
      this.#faults.add('point', place, `Its time is ${time}; the transaction's is ${logTime}.`, lsn);
    const set = setOf(executed, place, this.#faults, lsn);
    if (isHere && set !== undefined) this.#compareSet(set, lsn);
    this.#comparePosition(point);
  }

  /** Where two in a row are others, it is the set so far that began wrong. */
  #compareSet(set: TransactionSet, lsn: number): void {
    const isOther = this.#set !== undefined && this.#set.toString() !== set.toString();
    if (isOther)
      this.#faults.add(
        'point',
        `point ${lsn}`,
        'Its executed set is not that of the transactions up to it.',
        lsn,
      );
    if (this.#set === undefined || (isOther && this.#wasOther)) this.#set = set;
    this.#wasOther = isOther && !this.#wasOther;
  }

  /** Of files that one server began one after the other; a place from a start by GTID is none of the log's. */
  #comparePosition({ lsn, position }: LogPoint): void {
    if (position === undefined || position.byGtid === true || lsn < this.#sinceLsn) return;
    const before = this.#position;
    this.#position = position;
    if (before === undefined || !isBefore(position, before)) return;
    const found = `Its place ${textOfPlace(position)} lies before ${textOfPlace(before)} of an earlier one.`;
    this.#faults.add('point', `point ${lsn}`, found, lsn);
  }
}

/** Entries in the order of their LSNs, the next of them known beforehand. */
class Cursor<T> {
  readonly #entries: AsyncIterator<Entry<T>>;
  #next: Entry<T> | undefined;

  private constructor(entries: AsyncIterator<Entry<T>>) {
    this.#entries = entries;
  }

  static async open<T>(entries: AsyncIterator<Entry<T>>): Promise<Cursor<T>> {
    const cursor = new Cursor(entries);
    await cursor.#advance();
    return cursor;
  }

  /** Of the next entry; infinite where there is none. */
  get lsn(): number {
    return this.#next?.lsn ?? Infinity;
  }

  async take(): Promise<Entry<T>> {
    const entry = this.#next!;
    await this.#advance();
    return entry;
  }

  async #advance(): Promise<void> {
    const result = await this.#entries.next();
    this.#next = result.done === true ? undefined : result.value;
  }
}

async function* pointsOf(
  db: LevelDatabase,
  fromLsn: number,
  faults: FaultList,
): AsyncGenerator<Entry<LogPoint>> {
  const unreadable: string[] = [];
  for await (const [key, stored] of entriesOf(
    db,
    { gte: pointKey(fromLsn), lt: allKeys.points.lt },
    unreadable,
  )) {
    const lsn = readPointKey(key);
    yield { lsn, value: sound(() => decodePoint(key, stored), 'point', `point ${lsn}`, lsn, faults) };
  }
  for (const why of unreadable) faults.add('point', 'the points', why);
}

/** They are sorted by time. Those of transactions that were trimmed may still be there. */
async function* timesOf(db: LevelDatabase, tail: LogTail, faults: FaultList): AsyncGenerator<Entry<number>> {
  const unreadable: string[] = [];
  const range = { gte: timeKey(0, 0), lt: allKeys.times.lt };
  let newest = 0;
  for await (const [key, stored] of entriesOf(db, range, unreadable)) {
    const { time, lsn } = readTimeKey(key);
    if (lsn < tail.lsn) continue;
    const place = `time of transaction ${lsn}`;
    const isSound = sound(() => unseal(key, stored, 'its entry'), 'time', place, lsn, faults) !== undefined;
    if (lsn <= newest) {
      faults.add('time', place, `It stands behind that of transaction ${newest}.`, lsn);
      continue;
    }
    newest = lsn;
    yield { lsn, value: isSound ? time : undefined };
  }
  for (const why of unreadable) faults.add('time', 'the time index', why);
}

function sound<T>(
  read: () => T,
  kind: 'point' | 'time',
  place: string,
  lsn: number,
  faults: FaultList,
): T | undefined {
  try {
    return read();
  } catch (error) {
    faults.add(kind, place, textOf(error), lsn);
    return undefined;
  }
}

function setOf(text: string, place: string, faults: FaultList, lsn?: number): TransactionSet | undefined {
  try {
    return TransactionSet.parse(text);
  } catch (error) {
    faults.add(lsn === undefined ? 'meta' : 'point', place, textOf(error), lsn);
    return undefined;
  }
}

const textOfPlace = ({ file, offset }: SourcePosition): string => `${file}:${offset}`;

/** False where the two files have nothing to do with each other. */
function isBefore(one: SourcePosition, other: SourcePosition): boolean {
  const [, base, number] = /^(.*)\.(\d+)$/.exec(one.file) ?? [];
  const [, otherBase, otherNumber] = /^(.*)\.(\d+)$/.exec(other.file) ?? [];
  if (base === undefined || base !== otherBase) return false;
  if (number !== otherNumber) return Number(number) < Number(otherNumber);
  return one.offset < other.offset;
}
