import { randomBytes } from 'node:crypto';
import {
  Checkpoint,
  decodeDdl,
  DrcError,
  PartKind,
  partsOf,
  schemaIdBytes,
  schemaIdOf,
  TransactionSet,
  type LogExtent,
  type StartFrom,
  type TableVersion,
} from '@drc/protocol';
import type { LogEntry, MadeSlice, MadeTransaction, RecordedSlice, Slice } from './slice.js';

/** Where a reader begins. */
export interface Beginning {
  /** Of the first entry that it gets. */
  readonly index: number;
  /** What the log has executed before that. */
  readonly executed: TransactionSet;
  /** What the reader says it has; undefined where it begins elsewhere. */
  readonly checkpoint: TransactionSet | undefined;
}

/** A transaction that cannot be had any more. */
export interface LeftOut {
  /** What the operator wrote. */
  readonly reason: string;
}

/** Of the first transaction that is made, unless it says when it was: a second before it, µs since 1970. */
const beginningMicros = Date.UTC(2026, 0, 1) * 1000;
/** How long a transaction is in a binlog without GTIDs. */
const transactionBytes = 100;

/** The log of one topic, in memory: slices, one behind the other, and what was appended. */
export class TopicLog {
  readonly topic: string;
  readonly #entries: LogEntry[] = [];
  readonly #tables = new Map<string, TableVersion>();
  readonly #newest = new Map<string, TableVersion>();
  readonly #leftOut = new Map<string, LeftOut>();
  readonly #listeners = new Set<() => void>();
  #lineage: string = randomBytes(16).toString('hex');
  #moves = 0;
  /** In front of the oldest entry that is still there. */
  #before = new TransactionSet();
  #oldest = 0;
  #executed = new TransactionSet();
  /** Whether nothing was there before the first entry. */
  #isFromTheBeginning = true;

  constructor(topic: string, slices: readonly Slice[]) {
    this.topic = topic;
    for (const slice of slices) this.#add(slice);
  }

  /** All that it has executed: a reader that has it has everything. */
  get executed(): TransactionSet {
    return this.#executed;
  }

  get lineage(): string {
    return this.#lineage;
  }

  /** How often it has become another store's. */
  get moves(): number {
    return this.#moves;
  }

  /** Index behind the newest entry. */
  get end(): number {
    return this.#entries.length;
  }

  /** Index of the oldest entry that is still there. */
  get oldest(): number {
    return this.#oldest;
  }

  /** `schema.table` of all tables that it knows, with their newest versions. */
  get tables(): ReadonlyMap<string, TableVersion> {
    return this.#newest;
  }

  entry(index: number): LogEntry | undefined {
    return this.#entries[index];
  }

  /** The lsn of the entry before this one. */
  lsnBefore(index: number): number {
    const before = this.#entries[index - 1];
    return before?.lsn ?? (this.#entries[0]?.lsn ?? 1) - 1;
  }

  /** @param id a schema id, latin1 */
  table(id: string): TableVersion | undefined {
    return this.#tables.get(id);
  }

  /** `schema.table` of what some parts change. */
  tablesOf(parts: Buffer): readonly string[] {
    return [...partsOf(parts, 0)].flatMap((part) => {
      if (part.kind === PartKind.ddl) return decodeDdl(parts.subarray(part.bodyAt, part.end)).tables;
      const version = this.table(parts.toString('latin1', part.bodyAt, part.bodyAt + schemaIdBytes));
      return version === undefined ? [] : [`${version.schema}.${version.table}`];
    });
  }

  leftOut(id: string): LeftOut | undefined {
    return this.#leftOut.get(id);
  }

  extent(): LogExtent {
    const head = { lsn: this.lsnBefore(this.end), time: this.#entries.at(-1)?.logTime ?? 0 };
    const oldest = { lsn: this.lsnBefore(this.#oldest) + 1, time: this.#timeOf(this.#oldest) };
    return {
      lineage: this.#lineage,
      head,
      oldest,
      coversFrom: this.#coversFrom,
      setBeforeOldest: this.#before.toString(),
    };
  }

  /** Told of each change. @returns takes the listener away */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @returns the ids of the new transactions. @throws TypeError for an id that is behind the log already. */
  append(slice: MadeSlice): readonly string[] {
    const from = this.end;
    this.#addMade(slice);
    this.touch();
    return this.#entries.slice(from).flatMap((entry) => (entry.kind === 'transaction' ? [entry.id] : []));
  }

  /** From now on nobody gets this transaction. */
  leaveOut(id: string, leftOut: LeftOut): void {
    this.#leftOut.set(id, leftOut);
    this.touch();
  }

  /** Retention has come to this entry: it and all before it are gone. */
  trimThrough(index: number): void {
    for (; this.#oldest <= index; this.#oldest++)
      this.#before = withEntry(this.#before, this.#entries[this.#oldest]!);
    this.#isFromTheBeginning = false;
    this.touch();
  }

  /** As if another store had it: other places in another log, the same transactions. */
  moveToAnotherStore(): void {
    const shift = this.lsnBefore(this.end) + 1000;
    for (const [index, entry] of this.#entries.entries())
      this.#entries[index] = { ...entry, lsn: entry.lsn + shift };
    this.#lineage = randomBytes(16).toString('hex');
    this.#moves++;
    this.touch();
  }

  /**
   * @throws DrcError `RETENTION_EXPIRED` for what is older than the log, `TRANSACTION_UNKNOWN`; `CHECKPOINT_INVALID` for another topic's
   */
  seek(from: StartFrom): Beginning {
    switch (from.kind) {
      case 'earliest':
        return this.#beginningAt(this.#oldest);
      case 'latest':
        return this.#beginningAt(this.end);
      case 'timestamp':
        return this.#seekTime(from.time);
      case 'transaction':
        return this.#seekTransaction(from.id);
      case 'checkpoint':
        return this.#seekCheckpoint(Checkpoint.parse(from.checkpoint));
    }
  }

  get expired(): DrcError {
    const oldest = new Date(this.#coversFrom).toISOString();
    return new DrcError('RETENTION_EXPIRED', `The log reaches back to ${oldest}.`, { oldest });
  }

  /** Whoever listens looks again. */
  touch(): void {
    for (const listener of this.#listeners) listener();
  }

  /** The earliest moment that it can serve, ms since 1970. */
  get #coversFrom(): number {
    return this.#isFromTheBeginning ? 0 : this.#timeOf(this.#oldest);
  }

  #timeOf(index: number): number {
    return (this.#entries[index] ?? this.#entries.at(-1))?.logTime ?? 0;
  }

  // --- Slices ---------------------------------------------------------------------------------------------------

  #add(slice: Slice): void {
    if (slice.kind === 'recorded') this.#addRecorded(slice);
    else this.#addMade(slice);
  }

  #addRecorded(slice: RecordedSlice): void {
    const isFirst = this.end === 0;
    if (isFirst) {
      this.#lineage = slice.lineage;
      this.#before = TransactionSet.parse(slice.set);
      this.#executed = this.#before.clone();
      this.#isFromTheBeginning = false;
    } else if (this.#lineage !== slice.lineage || this.lsnBefore(this.end) !== slice.fromLsn - 1) {
      throw new TypeError(
        `${this.topic}: a recorded slice comes first, or goes on in the same log where the one before it ends.`,
      );
    }
    for (const version of slice.tables) this.#learn(version);
    for (const entry of slice.entries) this.#push(entry);
  }

  #addMade({ tables, made }: MadeSlice): void {
    for (const version of tables) this.#learn(version);
    for (const transaction of made) this.#push(this.#placed(transaction));
  }

  #placed({ id = this.#nextId(), commitTime, origin, parts }: MadeTransaction): LogEntry {
    if (this.#executed.covers(id))
      throw new TypeError(`${this.topic} has a transaction ${id} already, or has passed it.`);
    const last = this.#entries.at(-1);
    const lastTime = last?.kind === 'transaction' ? last.commitTime : (last?.logTime ?? 0) * 1000;
    const time = commitTime ?? Math.max(lastTime, beginningMicros) + 1_000_000;
    return {
      kind: 'transaction',
      lsn: this.lsnBefore(this.end) + 1,
      id,
      commitTime: time,
      logTime: Math.max(last?.logTime ?? 0, Math.floor(time / 1000)),
      origin,
      chunks: [parts],
    };
  }

  #push(entry: LogEntry): void {
    this.#entries.push(entry);
    this.#executed = withEntry(this.#executed, entry);
  }

  #learn(version: TableVersion): void {
    this.#tables.set(schemaIdOf(version).toString('latin1'), version);
    this.#newest.set(`${version.schema}.${version.table}`, version);
  }

  /** In the words of the source that wrote the last one. */
  #nextId(): string {
    const last = this.#entries.findLast(({ kind }) => kind === 'transaction');
    let id = last?.kind === 'transaction' ? last.id : this.#executed.isEmpty ? '0-1-0' : this.#anyExecuted();
    do id = idBehind(id);
    while (this.#executed.covers(id));
    return id;
  }

  /** Of a log without transactions, what was before it says whose they are. */
  #anyExecuted(): string {
    const [first = ''] = this.#executed.toString().split(',');
    // A uuid with its intervals: the number at its very end is the newest.
    const uuid = /^([^:]+):(?:.*[:-])?(\d+)$/.exec(first);
    return uuid === null || first.includes('/') ? first : `${uuid[1]!}:${uuid[2]!}`;
  }

  // --- Places ---------------------------------------------------------------------------------------------------

  #beginningAt(index: number): Beginning {
    return { index, executed: this.#executedBefore(index), checkpoint: undefined };
  }

  #executedBefore(end: number): TransactionSet {
    let set = this.#before.clone();
    for (let index = this.#oldest; index < end; index++) set = withEntry(set, this.#entries[index]!);
    return set;
  }

  #seekTime(time: number): Beginning {
    if (time < this.#coversFrom) throw this.expired;
    const index = this.#entries.findIndex((entry, at) => at >= this.#oldest && entry.logTime >= time);
    return this.#beginningAt(index < 0 ? this.end : index);
  }

  #seekTransaction(id: string): Beginning {
    if (this.#before.covers(id)) throw this.expired;
    const index = this.#entries.findIndex(
      (entry, at) => at >= this.#oldest && entry.kind === 'transaction' && entry.id === id,
    );
    if (index < 0)
      throw new DrcError('TRANSACTION_UNKNOWN', `The log has no transaction ${id}.`, { transaction: id });
    return this.#beginningAt(index);
  }

  #seekCheckpoint({ topic, set }: Checkpoint): Beginning {
    if (topic !== this.topic)
      throw new DrcError('CHECKPOINT_INVALID', `The checkpoint is of topic ${topic}, not ${this.topic}.`);
    if (!this.#before.isSubsetOf(set)) throw this.expired;
    let index = this.#oldest;
    while (index < this.end && isWithin(this.#entries[index]!, set)) index++;
    return { ...this.#beginningAt(index), checkpoint: set };
  }
}

/** Whether a reader that has this set has all of the entry. */
export const isWithin = (entry: LogEntry, set: TransactionSet): boolean =>
  entry.kind === 'transaction' ? set.covers(entry.id) : TransactionSet.parse(entry.set).isSubsetOf(set);

/** What is executed behind the entry: the set grown, or another one. */
export function withEntry(set: TransactionSet, entry: LogEntry): TransactionSet {
  if (entry.kind === 'passed') return set.union(TransactionSet.parse(entry.set));
  set.add(entry.id);
  return set;
}

function idBehind(id: string): string {
  const [, head = '', number = '0'] = /^(.*?)(\d+)$/.exec(id) ?? [];
  return `${head}${BigInt(number) + BigInt(id.includes('/') ? transactionBytes : 1)}`;
}
