import { DrcError, type LogExtent, type LogMoment } from '@drc/protocol';
import type { WriteBatch } from './level-database.js';
import {
  putBeginning,
  type LogBeginning,
  type LogIdentity,
  type LogTail,
  type Meta,
  type SourceIdentity,
} from './meta.js';
import { coversFrom } from './retention.js';
import type { LogView } from './seek.js';
import type { LogPoint } from './set-index.js';

/** Where a log comes from and where it begins, as its records say it. */
export class LogBounds {
  readonly identity: LogIdentity;
  #beginning: LogBeginning | undefined;
  #tail: LogTail;
  #oldestTime: number | undefined;

  /** @param oldestTime log time of the oldest transaction; undefined where there is none */
  constructor({ identity, beginning, tail }: Meta, oldestTime: number | undefined) {
    this.identity = identity;
    this.#beginning = beginning;
    this.#tail = tail;
    this.#oldestTime = oldestTime;
  }

  /** Undefined until capture has begun. */
  get beginning(): LogBeginning | undefined {
    return this.#beginning;
  }

  get tail(): LogTail {
    return this.#tail;
  }

  /** Capture has begun. */
  began(beginning: LogBeginning, tail: LogTail): void {
    this.#beginning = beginning;
    this.#tail = tail;
  }

  /** Capture goes on at another server, from which transaction `sinceLsn` comes. */
  moved(identity: SourceIdentity, sinceLsn: number, batch: WriteBatch): void {
    this.#put({ ...this.#begun, identity, sinceLsn }, batch);
  }

  /** A GAP stands in the place of this transaction. */
  leftOut(lsn: number, batch: WriteBatch): void {
    const { gaps = [] } = this.#begun;
    this.#put({ ...this.#begun, gaps: [...gaps.filter((one) => one >= this.#tail.lsn), lsn] }, batch);
  }

  /** How many of the transactions up to this one are GAPs. */
  gapsUpTo(headLsn: number): number {
    return (this.#beginning?.gaps ?? []).filter((lsn) => lsn >= this.#tail.lsn && lsn <= headLsn).length;
  }

  /** @param oldestTime of the transaction that is the oldest now; absent: as before */
  tailMoved(tail: LogTail, oldestTime?: number): void {
    this.#tail = tail;
    this.#oldestTime = oldestTime ?? this.#oldestTime;
  }

  /** @param firstTime log time of transaction 1, where that was written after the log was opened */
  extent(head: LogMoment, firstTime: number | undefined): LogExtent {
    const oldestTime = this.#oldestTime ?? (head.lsn > 0 ? firstTime : undefined);
    return {
      lineage: this.identity.lineage,
      head,
      oldest: { lsn: this.#tail.lsn, time: oldestTime ?? head.time },
      coversFrom: coversFrom(this.#beginning, this.#tail, oldestTime),
      setBeforeOldest: this.#tail.setBefore,
    };
  }

  /** What a seek goes by. @param point the head */
  view(point: LogPoint, firstTime: number | undefined): LogView {
    const { topic, lineage } = this.identity;
    const { oldest, coversFrom: covers } = this.extent({ lsn: point.lsn, time: point.time }, firstTime);
    return { topic, lineage, tail: this.#tail, oldest, head: point, coversFrom: covers };
  }

  get #begun(): LogBeginning {
    if (this.#beginning === undefined) throw new DrcError('INTERNAL', 'The log has not begun.');
    return this.#beginning;
  }

  #put(beginning: LogBeginning, batch: WriteBatch): void {
    putBeginning(batch, beginning);
    this.#beginning = beginning;
  }
}
