import { Checkpoint, DrcError, TransactionSet, type LogMoment, type StartFrom } from '@drc/protocol';
import type { LevelDatabase } from './level-database.js';
import { expired, type LogReader } from './log-reader.js';
import type { LogTail } from './meta.js';
import { pointAtOrBefore, type ExecutedAt, type LogPoint } from './set-index.js';
import { bracketOf } from './time-index.js';

/** The log as it is at the moment of asking. */
export interface LogView {
  readonly topic: string;
  readonly lineage: string;
  readonly tail: LogTail;
  readonly oldest: LogMoment;
  readonly head: LogPoint;
  /** ms since 1970; see `LogExtent.coversFrom`. */
  readonly coversFrom: number;
}

/** Where sending begins. */
export interface SeekResult {
  /** The first transaction to send; head + 1 where there is none yet. */
  readonly lsn: number;
  /**
   * What the reader has before it. For a checkpoint that is the checkpoint's own set: it contains the executed set
   * before `lsn`, and may cover transactions from `lsn` on, which must then be left out.
   */
  readonly set: TransactionSet;
}

/** Finds places in the log. All by search: nothing here walks more than the distance between two kept points. */
export class LogSeek {
  readonly #db: LevelDatabase;
  readonly #reader: LogReader;
  readonly #view: () => LogView;

  constructor(db: LevelDatabase, reader: LogReader, view: () => LogView) {
    this.#db = db;
    this.#reader = reader;
    this.#view = view;
  }

  /** @throws DrcError `RETENTION_EXPIRED`, `CHECKPOINT_INVALID`, `CHECKPOINT_DIVERGED`, `LOG_CORRUPT`. */
  async seek(from: StartFrom, seekMarginMs: number): Promise<SeekResult> {
    const { tail, head } = this.#view();
    switch (from.kind) {
      case 'earliest':
        return { lsn: tail.lsn, set: TransactionSet.parse(tail.setBefore) };
      case 'latest':
        return { lsn: head.lsn + 1, set: TransactionSet.parse(head.executed) };
      case 'timestamp':
        return await this.#seekTime(from.time, seekMarginMs);
      case 'checkpoint':
        return await this.#seekCheckpoint(Checkpoint.parse(from.checkpoint));
    }
  }

  /** Executed set just before `lsn`. @throws DrcError `RETENTION_EXPIRED`, `LOG_CORRUPT`. */
  async executedBefore(lsn: number): Promise<TransactionSet> {
    const { tail, head } = this.#view();
    if (lsn < tail.lsn) throw expired(lsn, tail.lsn);
    if (lsn > head.lsn) return TransactionSet.parse(head.executed);
    const { lsn: known, set } = await this.#executedNear(lsn - 1, tail);
    for await (const { id } of this.#reader.firstChunks(known + 1, lsn)) set.add(id);
    return set;
  }

  /** The first transaction with a log time at or after `moment`; head + 1 where there is none. */
  async firstAtOrAfter(moment: number): Promise<number> {
    const { tail, head } = this.#view();
    // Log times are whole and not negative; a moment less a margin need not be.
    const time = Math.max(0, Math.ceil(moment));
    if (time > head.time) return head.lsn + 1;
    const bracket = await bracketOf(this.#db, time);
    let low = Math.max(tail.lsn, bracket.from);
    let high = Math.max(low, Math.min(head.lsn + 1, bracket.upTo));
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const { logTime } = await this.#reader.firstChunk(middle);
      if (logTime < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async #seekTime(time: number, seekMarginMs: number): Promise<SeekResult> {
    const { coversFrom } = this.#view();
    if (time < coversFrom) {
      const oldest = new Date(coversFrom).toISOString();
      throw new DrcError('RETENTION_EXPIRED', `The log reaches back to ${oldest}.`, { oldest });
    }
    const lsn = await this.firstAtOrAfter(time - seekMarginMs);
    return { lsn, set: await this.executedBefore(lsn) };
  }

  async #seekCheckpoint({ topic, set, hint }: Checkpoint): Promise<SeekResult> {
    const view = this.#view();
    if (topic !== view.topic) {
      throw new DrcError('CHECKPOINT_INVALID', `The checkpoint is of topic ${topic}, not ${view.topic}.`, {
        found: topic,
        wanted: view.topic,
      });
    }
    if (!TransactionSet.parse(view.tail.setBefore).isSubsetOf(set)) {
      const oldest = new Date(view.oldest.time).toISOString();
      throw new DrcError('RETENTION_EXPIRED', `The log begins at ${oldest}, behind the checkpoint.`, {
        oldest,
      });
    }
    await this.#refuseDivergence(set, view);
    if (TransactionSet.parse(view.head.executed).isSubsetOf(set)) return { lsn: view.head.lsn + 1, set };
    // A hint is believed when all up to there is in the checkpoint: then nothing before it is still to be sent.
    if (hint?.lineage === view.lineage && hint.lsn >= view.tail.lsn && hint.lsn <= view.head.lsn) {
      if ((await this.executedBefore(hint.lsn + 1)).isSubsetOf(set)) return { lsn: hint.lsn + 1, set };
    }
    const within = await this.#lastPointWhere((executed) => executed.isSubsetOf(set), view);
    for await (const { lsn, id } of this.#reader.firstChunks(within.lsn + 1, view.head.lsn + 1)) {
      if (!set.covers(id)) return { lsn, set };
    }
    return { lsn: view.head.lsn + 1, set };
  }

  /**
   * MariaDB orders a domain by sequence alone, so two histories can have different transactions under one number:
   * where the log has the checkpoint's last sequence of a domain, its server id must be the same.
   */
  async #refuseDivergence(set: TransactionSet, view: LogView): Promise<void> {
    for (const [text, domain] of watermarksOf(set)) {
      const wanted = set.mariadbPosition(domain)!;
      const newest = TransactionSet.parse(view.head.executed).mariadbPosition(domain);
      if (newest === undefined || newest.sequence < wanted.sequence) continue;
      const found = await this.#transactionAt(domain, wanted.sequence, view);
      if (found !== text) {
        throw new DrcError('CHECKPOINT_DIVERGED', `The checkpoint has ${text}, the log has ${found} there.`, {
          checkpoint: text,
          log: found,
        });
      }
    }
  }

  /** The first transaction of the log that brought the domain to this sequence or beyond. */
  async #transactionAt(domain: number, sequence: number | bigint, view: LogView): Promise<string> {
    const isBefore = (executed: TransactionSet): boolean => {
      const position = executed.mariadbPosition(domain);
      return position === undefined || position.sequence < sequence;
    };
    const base = TransactionSet.parse(view.tail.setBefore);
    const head = TransactionSet.parse(view.head.executed);
    for (const known of [base, head]) {
      const position = known.mariadbPosition(domain);
      if (position?.sequence === sequence) return `${domain}-${position.serverId}-${position.sequence}`;
    }
    const { lsn: before, set } = await this.#lastPointWhere(isBefore, view);
    for await (const { id } of this.#reader.firstChunks(before + 1, view.head.lsn + 1)) {
      set.add(id);
      if (!isBefore(set)) return id;
    }
    throw new DrcError(
      'LOG_CORRUPT',
      `The log's executed set has more of domain ${domain} than its transactions.`,
    );
  }

  /** The last kept point, or the tail, whose set is accepted. `accepts` must turn from true to false once. */
  async #lastPointWhere(accepts: (executed: TransactionSet) => boolean, view: LogView): Promise<ExecutedAt> {
    let best: ExecutedAt = { lsn: view.tail.lsn - 1, set: TransactionSet.parse(view.tail.setBefore) };
    let low = best.lsn;
    let high = view.head.lsn;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const point = await this.#executedNear(middle, view.tail);
      if (accepts(point.set)) {
        if (point.lsn > best.lsn) best = point;
        low = middle;
      } else {
        high = point.lsn - 1;
      }
    }
    return best;
  }

  /** The executed set at the newest known place at or before `lsn`. */
  async #executedNear(lsn: number, tail: LogTail): Promise<ExecutedAt> {
    const point = await pointAtOrBefore(this.#db, lsn);
    if (point === undefined || point.lsn < tail.lsn) {
      return { lsn: tail.lsn - 1, set: TransactionSet.parse(tail.setBefore) };
    }
    return { lsn: point.lsn, set: TransactionSet.parse(point.executed) };
  }
}

function* watermarksOf(set: TransactionSet): Generator<[text: string, domain: number]> {
  for (const part of set.toString().split(',')) {
    const match = /^(\d+)-\d+-\d+$/.exec(part);
    if (match !== null) yield [part, Number(match[1])];
  }
}
