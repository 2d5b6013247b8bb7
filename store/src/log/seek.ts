import { Checkpoint, DrcError, TransactionSet, type LogMoment, type StartFrom } from '@drc/protocol';
import type { LevelDatabase } from './level-database.js';
import { expired, type LogReader } from './log-reader.js';
import type { LogTail } from './meta.js';
import { pointAtOrBefore, type ExecutedAt, type LogPoint, type SourcePosition } from './set-index.js';
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

/** Twice as many as lie between two points. */
const walkTransactions = 2000;

/** Finds places in the log. All by search: nothing here walks more than the distance between two kept points. */
export class LogSeek {
  readonly #db: LevelDatabase;
  readonly #reader: LogReader;
  readonly #view: () => LogView;
  /** What was asked for last: whoever begins there asks once more. The past does not change. */
  #last: ExecutedAt | undefined;

  constructor(db: LevelDatabase, reader: LogReader, view: () => LogView) {
    this.#db = db;
    this.#reader = reader;
    this.#view = view;
  }

  /** @throws DrcError `RETENTION_EXPIRED`, `TRANSACTION_UNKNOWN`, `CHECKPOINT_INVALID`, `CHECKPOINT_DIVERGED`, `LOG_CORRUPT`. */
  async seek(from: StartFrom, seekMarginMs: number): Promise<SeekResult> {
    const { tail, head } = this.#view();
    switch (from.kind) {
      case 'earliest':
        return { lsn: tail.lsn, set: TransactionSet.parse(tail.setBefore) };
      case 'latest':
        return { lsn: head.lsn + 1, set: TransactionSet.parse(head.executed) };
      case 'timestamp':
        return await this.#seekTime(from.time, seekMarginMs);
      case 'transaction':
        return await this.#seekTransaction(from.id);
      case 'checkpoint':
        return await this.#seekCheckpoint(Checkpoint.parse(from.checkpoint));
    }
  }

  /** Executed set just before `lsn`. @throws DrcError `RETENTION_EXPIRED`, `LOG_CORRUPT`. */
  async executedBefore(lsn: number): Promise<TransactionSet> {
    const { tail, head } = this.#view();
    if (lsn < tail.lsn) throw expired(lsn, tail.lsn);
    if (lsn > head.lsn) return TransactionSet.parse(head.executed);
    if (this.#last?.lsn === lsn - 1) return this.#last.set.clone();
    const { lsn: known, set } = await this.#executedNear(lsn - 1, tail);
    for await (const { id } of this.#reader.firstChunks(known + 1, lsn)) set.add(id);
    this.#last = { lsn: lsn - 1, set: set.clone() };
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

  /** As `TransactionLog.placeBefore`. */
  async placeBefore(lsn: number): Promise<{ lsn: number; position: SourcePosition } | undefined> {
    const point = await pointAtOrBefore(this.#db, lsn - 1);
    return point?.position === undefined ? undefined : { lsn: point.lsn, position: point.position };
  }

  async #seekTime(time: number, seekMarginMs: number): Promise<SeekResult> {
    const { coversFrom } = this.#view();
    if (time < coversFrom) {
      const oldest = new Date(coversFrom).toISOString();
      throw new DrcError('RETENTION_EXPIRED', `The log reaches back to ${oldest}.`, { oldest });
    }
    return (
      (await this.#walkToTime(time - seekMarginMs)) ??
      (await this.#placeAt(await this.firstAtOrAfter(time - seekMarginMs)))
    );
  }

  async #placeAt(lsn: number): Promise<SeekResult> {
    return { lsn, set: await this.executedBefore(lsn) };
  }

  /**
   * As `firstAtOrAfter`, with the set before it, by one walk: where the time index has an entry shortly before it, there is
   * a point, too, and all from there on has to be read for the set anyway. Undefined where it has none.
   */
  async #walkToTime(moment: number): Promise<SeekResult | undefined> {
    const { tail, head } = this.#view();
    const time = Math.max(0, Math.ceil(moment));
    if (time > head.time) return undefined;
    const { from, upTo } = await bracketOf(this.#db, time);
    const first = Math.max(from, tail.lsn);
    const end = Math.min(upTo, head.lsn) + 1;
    if (end - first > walkTransactions) return undefined;
    const { lsn: known, set } = await this.#executedNear(first - 1, tail);
    if (first - known > walkTransactions) return undefined;
    for await (const { lsn, id, logTime } of this.#reader.firstChunks(known + 1, end)) {
      if (logTime >= time) return { lsn, set };
      set.add(id);
    }
    return undefined;
  }

  /**
   * Where the log comes to this transaction. MariaDB's sequences may have holes: of one that was never there, the next of its
   * domain.
   */
  async #seekTransaction(id: string): Promise<SeekResult> {
    const { tail, head, oldest } = this.#view();
    if (TransactionSet.parse(tail.setBefore).covers(id)) {
      const moment = new Date(oldest.time).toISOString();
      throw new DrcError('RETENTION_EXPIRED', `The log begins at ${moment}, behind transaction ${id}.`, {
        oldest: moment,
      });
    }
    if (!TransactionSet.parse(head.executed).covers(id)) throw unknownTransaction(id);
    const { lsn: before, set } = await this.#lastPointWhere((executed) => !executed.covers(id), this.#view());
    for await (const { lsn, id: found } of this.#reader.firstChunks(before + 1, head.lsn + 1)) {
      const own = TransactionSet.parse(found);
      if (!own.covers(id)) {
        set.add(found);
        continue;
      }
      if (isOtherServers(own, id)) throw unknownTransaction(id, found);
      return { lsn, set };
    }
    throw new DrcError('LOG_CORRUPT', `The log's executed set has ${id}, its transactions have not.`);
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
    const executed = within.set.clone();
    for await (const { lsn, id } of this.#reader.firstChunks(within.lsn + 1, view.head.lsn + 1)) {
      if (!set.covers(id)) {
        this.#last = { lsn: lsn - 1, set: executed };
        return { lsn, set };
      }
      executed.add(id);
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

/** Whether two servers gave the same sequence of a MariaDB domain. */
function isOtherServers(found: TransactionSet, id: string): boolean {
  const wanted = TransactionSet.parse(id);
  return [...watermarksOf(wanted)].some(([, domain]) => {
    const [one, other] = [found.mariadbPosition(domain), wanted.mariadbPosition(domain)];
    return one?.sequence === other?.sequence && one?.serverId !== other?.serverId;
  });
}

const unknownTransaction = (id: string, found?: string): DrcError =>
  new DrcError(
    'TRANSACTION_UNKNOWN',
    `The log has no transaction ${id}${found === undefined ? '' : `; it has ${found} there`}.`,
    { transaction: id, found },
  );

function* watermarksOf(set: TransactionSet): Generator<[text: string, domain: number]> {
  for (const part of set.toString().split(',')) {
    const match = /^(\d+)-\d+-\d+$/.exec(part);
    if (match !== null) yield [part, Number(match[1])];
  }
}
