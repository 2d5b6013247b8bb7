import { eventTypeName, type LeftOutReason } from './binlog-events.js';

/** What became of the events of one type, or of the rows of one table: read = stored + all that was left out. */
export interface Counts {
  readonly read: number;
  readonly stored: number;
  readonly leftOut: Readonly<Partial<Record<LeftOutReason, number>>>;
}

/**
 * Everything since the process started. While a transaction is open, or prepared and not decided, what was read of it is
 * in neither sum.
 */
export interface CaptureSnapshot {
  readonly events: Readonly<Record<string, Counts>>;
  /** Captured rows by `schema.table`. Rows of excluded tables are not looked into: they show as events only. */
  readonly tables: Readonly<Record<string, Counts>>;
  /** Transactions stored, empty ones included. */
  readonly transactions: number;
  /** Bytes of events read. */
  readonly bytes: number;
  /** Connections to the source that were lost. */
  readonly disconnects: number;
}

/** The rows of one table. Made by `CaptureCounters.table`. */
export interface RowTally {
  read: number;
  stored: number;
  pending: number;
  readonly leftOut: Map<LeftOutReason, number>;
}

/** How much of the open group was counted when a savepoint was set. */
export interface TallyMark {
  readonly events: ReadonlyMap<number, number>;
  readonly rows: ReadonlyMap<RowTally, number>;
}

/** In front of the open group. */
export const groupBegin: TallyMark = { events: new Map(), rows: new Map() };

const typeCodes = 256;

/** Counts events and rows. What belongs to the open group is pending until its end says what becomes of it. */
export class CaptureCounters {
  readonly #read = new Float64Array(typeCodes);
  readonly #stored = new Float64Array(typeCodes);
  readonly #pending = new Float64Array(typeCodes);
  readonly #leftOut = new Map<number, Map<LeftOutReason, number>>();
  readonly #tables = new Map<string, RowTally>();
  /** Types and tables of which something is pending. */
  readonly #touchedTypes: number[] = [];
  readonly #touchedRows: RowTally[] = [];
  /** By XID, what was read of the transactions that this process saw prepared. */
  readonly #prepared = new Map<string, TallyMark>();
  #transactions = 0;
  #bytes = 0;
  #disconnects = 0;
  /** Of the newest transaction that was handed to the log, µs since 1970; undefined once its lag is known. */
  #commitTime: number | undefined = undefined;
  #lagMs: number | undefined = undefined;

  /** How long after its commit the newest transaction was in the log; undefined before the first. */
  get lagMs(): number | undefined {
    return this.#lagMs;
  }

  /** An event of the open group that will be in the log once the group is. */
  store(type: number, bytes: number): void {
    this.#bytes += bytes;
    this.#read[type]!++;
    if (this.#pending[type]!++ === 0) this.#touchedTypes.push(type);
  }

  leaveOut(type: number, bytes: number, reason: LeftOutReason): void {
    this.#bytes += bytes;
    this.#read[type]!++;
    add(this.#reasons(type), reason, 1);
  }

  table(name: string): RowTally {
    let tally = this.#tables.get(name);
    if (tally === undefined) {
      tally = { read: 0, stored: 0, pending: 0, leftOut: new Map() };
      this.#tables.set(name, tally);
    }
    return tally;
  }

  storeRows(tally: RowTally, rows: number): void {
    tally.read += rows;
    if (tally.pending === 0 && rows > 0) this.#touchedRows.push(tally);
    tally.pending += rows;
  }

  leaveOutRows(tally: RowTally, rows: number, reason: LeftOutReason): void {
    tally.read += rows;
    add(tally.leftOut, reason, rows);
  }

  mark(): TallyMark {
    return {
      events: new Map(this.#touchedTypes.map((type) => [type, this.#pending[type]!])),
      rows: new Map(this.#touchedRows.map((tally) => [tally, tally.pending])),
    };
  }

  /** What was counted in the open group behind the mark is left out. */
  returnTo(mark: TallyMark, reason: LeftOutReason): void {
    for (const type of this.#touchedTypes) {
      const kept = mark.events.get(type) ?? 0;
      add(this.#reasons(type), reason, this.#pending[type]! - kept);
      this.#pending[type] = kept;
    }
    for (const tally of this.#touchedRows) {
      const kept = mark.rows.get(tally) ?? 0;
      add(tally.leftOut, reason, tally.pending - kept);
      tally.pending = kept;
    }
    this.#forgetUntouched();
  }

  /** The open group is stored. @param commitTime µs since 1970 */
  settle(commitTime: number): void {
    this.#transactions++;
    this.#commitTime = commitTime;
    for (const type of this.#touchedTypes) {
      this.#stored[type]! += this.#pending[type]!;
      this.#pending[type] = 0;
    }
    this.#touchedTypes.length = 0;
    for (const tally of this.#touchedRows) {
      tally.stored += tally.pending;
      tally.pending = 0;
    }
    this.#touchedRows.length = 0;
  }

  /** What was counted in the open group waits for the decision over this XID. @param commitTime µs since 1970 */
  prepare(xid: string, commitTime: number): void {
    this.decide(xid, 'rolled-back');
    this.#prepared.set(xid, this.mark());
    for (const type of this.#touchedTypes) this.#pending[type] = 0;
    for (const tally of this.#touchedRows) tally.pending = 0;
    this.settle(commitTime);
  }

  /** What was counted for this XID, where this process read it, is stored or left out. */
  decide(xid: string, decision: 'stored' | 'rolled-back'): void {
    const counted = this.#prepared.get(xid);
    if (counted === undefined) return;
    this.#prepared.delete(xid);
    for (const [type, events] of counted.events)
      if (decision === 'stored') this.#stored[type]! += events;
      else add(this.#reasons(type), decision, events);
    for (const [tally, rows] of counted.rows)
      if (decision === 'stored') tally.stored += rows;
      else add(tally.leftOut, decision, rows);
  }

  /** All groups so far are written. @param now ms since 1970 */
  written(now: number): void {
    if (this.#commitTime === undefined) return;
    this.#lagMs = Math.max(0, now - this.#commitTime / 1000);
    this.#commitTime = undefined;
  }

  disconnected(): void {
    this.#disconnects++;
  }

  snapshot(): CaptureSnapshot {
    const events: Record<string, Counts> = {};
    for (let type = 0; type < typeCodes; type++) {
      if (this.#read[type] === 0) continue;
      events[eventTypeName(type)] = {
        read: this.#read[type]!,
        stored: this.#stored[type]!,
        leftOut: Object.fromEntries(this.#leftOut.get(type) ?? []),
      };
    }
    return {
      events,
      // A table may be named __proto__: entries make own properties of any name.
      tables: Object.fromEntries(
        [...this.#tables].map(([name, { read, stored, leftOut }]) => [
          name,
          { read, stored, leftOut: Object.fromEntries(leftOut) },
        ]),
      ),
      transactions: this.#transactions,
      bytes: this.#bytes,
      disconnects: this.#disconnects,
    };
  }

  #reasons(type: number): Map<LeftOutReason, number> {
    let reasons = this.#leftOut.get(type);
    if (reasons === undefined) {
      reasons = new Map();
      this.#leftOut.set(type, reasons);
    }
    return reasons;
  }

  #forgetUntouched(): void {
    const types = this.#touchedTypes.filter((type) => this.#pending[type]! > 0);
    this.#touchedTypes.splice(0, Infinity, ...types);
    const tallies = this.#touchedRows.filter((tally) => tally.pending > 0);
    this.#touchedRows.splice(0, Infinity, ...tallies);
  }
}

function add(counts: Map<LeftOutReason, number>, reason: LeftOutReason, amount: number): void {
  if (amount > 0) counts.set(reason, (counts.get(reason) ?? 0) + amount);
}
