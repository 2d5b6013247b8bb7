/** What of a log a fault is of. */
export type FaultKind =
  | 'mark'
  | 'meta'
  | 'transaction'
  | 'chunk'
  | 'point'
  | 'time'
  | 'table'
  | 'prepared'
  | 'record'
  | 'database';

/** One thing in a log that is not as it must be. */
export interface LogFault {
  readonly kind: FaultKind;
  /** Which one of them, as `transaction 17` or `chunk 17/3`. */
  readonly place: string;
  readonly found: string;
  /** The transaction that it concerns; absent where it concerns none by itself. */
  readonly lsn?: number;
}

/** Of a log without any order left there would be no end. */
const keptFaults = 10_000;

/** Gathers faults; all are counted, the first 10,000 are kept. */
export class FaultList {
  readonly #faults: LogFault[] = [];
  #count = 0;

  add(kind: FaultKind, place: string, found: string, lsn?: number): void {
    this.#count++;
    if (this.#faults.length >= keptFaults) return;
    this.#faults.push({ kind, place, found, ...(lsn === undefined ? {} : { lsn }) });
  }

  get faults(): readonly LogFault[] {
    return this.#faults;
  }

  get count(): number {
    return this.#count;
  }
}

export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** `transaction 4`, `transactions 4 to 7` */
export const transactionsText = (from: number, to: number): string =>
  from === to ? `transaction ${from}` : `transactions ${from} to ${to}`;
