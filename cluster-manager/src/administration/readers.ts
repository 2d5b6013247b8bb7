import { Checkpoint, DrcError } from '@drc/protocol';
import { checkpointKey, checkpointOf, shown, type SubscriptionKey } from '../checkpoints.js';
import type { LiveReader } from '../live-readers.js';
import { parseFrom, place } from '../placement.js';
import type { CheckpointRecord } from '../registry/records.js';
import type { StoreAnnouncement } from '../store-directory.js';
import type { AdministrationContext, Change, RemovalOptions } from './context.js';

/** The place that the managers keep of a subscription. Times are ms since 1970. */
export interface SavedPlace {
  readonly epoch: number;
  /** Name of the client that took it last, and when. */
  readonly client: string;
  readonly takenAt: number;
  /** When it was saved; absent: nothing was, since it was taken first or moved. */
  readonly savedAt?: number;
  /** Log time of the newest transaction that is done with, where the reader told it. */
  readonly time?: number;
  /** The transactions that are done with, as text; of a long one the first 1,000 characters. */
  readonly set?: string;
  /** Where an operator wants it to begin: `earliest`, `timestamp:<ms>`, `transaction:<id>`. */
  readonly from?: string;
  /** When an operator moved it; absent once an instance has taken it again. */
  readonly movedAt?: number;
}

/** One reader: a session of a store, the place that the managers keep for it, or both. */
export interface ReaderSummary {
  readonly principal: string;
  readonly topic: string;
  /** Absent: its service gives it none. */
  readonly name?: string;
  readonly client: string;
  /** `away`: no store has a session of it. Else as its store says. */
  readonly state: string;
  readonly store?: string;
  readonly sentLsn?: number;
  readonly committedLsn?: number;
  /** Age of the oldest transaction that it is not done with, ms; 0 where there is none. Absent: nobody knows. */
  readonly lagMs?: number;
  /** About what there is from there to the end of the log, on the store's disk. */
  readonly lagBytes?: number;
  /** When what it needs next is trimmed, ms from now. */
  readonly trimsInMs?: number;
  readonly saved?: SavedPlace;
}

export interface Move extends Change {
  /** Log times, ms, where they are known: where it is, and where it goes. */
  readonly fromTime?: number;
  readonly toTime?: number;
}

export interface ReaderCalls {
  /** Of all topics, or of one: sorted by topic, principal and name. In a stopped manager's folder all are away. */
  list(topic?: string): Promise<readonly ReaderSummary[]>;
  /**
   * The subscription goes on at another place; an instance of it that runs ends with `CHECKPOINT_MOVED` when it saves next.
   * `REQUEST_INVALID` where nothing is kept of it, or the moment is in the future; `RETENTION_EXPIRED` where no store goes
   * back that far; `STORE_UNAVAILABLE` for `latest` where no store says what that is.
   * @param to as in a question for stores: `earliest`, `latest`, `timestamp:<ms>`, `transaction:<id>`, `checkpoint:<text>`
   */
  seek(key: SubscriptionKey, to: string, options?: RemovalOptions): Promise<Move>;
  /** Forgets the place that is kept: it then begins as a new subscription does. `REQUEST_INVALID` where there is none. */
  remove(key: SubscriptionKey, options?: RemovalOptions): Promise<Change>;
}

/** Of a set that is shown. */
const maxSetCharacters = 1000;

export class ReaderAdministration implements ReaderCalls {
  readonly #context: AdministrationContext;

  constructor(context: AdministrationContext) {
    this.#context = context;
  }

  async list(topic?: string): Promise<readonly ReaderSummary[]> {
    const { registry, topics, readers } = this.#context;
    const saved = (await registry.list('checkpoint')).map(({ value }) => value);
    const names =
      topic === undefined ? [...(await topics.list()), ...saved.map((one) => one.topic)] : [topic];
    const rows = [...new Set(names)].flatMap((name) => {
      const live = readers?.of(name) ?? [];
      const kept = new Map(
        saved.filter((one) => one.topic === name).map((record) => [checkpointKey(record), record]),
      );
      const summaries = live.map((reader) => {
        const key = checkpointKey({ principal: reader.principal, topic: name, name: reader.name ?? '' });
        const record = kept.get(key);
        return liveSummary(reader, record);
      });
      for (const { principal, name: called } of live)
        kept.delete(checkpointKey({ principal, topic: name, name: called ?? '' }));
      return [...summaries, ...[...kept.values()].map((record) => this.#awaySummary(record))];
    });
    return rows.sort((a, b) => compare(sortKey(a), sortKey(b)));
  }

  async seek(key: SubscriptionKey, to: string, { dryRun = false }: RemovalOptions = {}): Promise<Move> {
    const { registry, turns, changed, clock } = this.#context;
    const target = this.#target(key.topic, to);
    return turns.take(async () => {
      for (;;) {
        const stored = await registry.get('checkpoint', checkpointKey(key));
        if (stored === undefined) throw nothingKept(key);
        const {
          checkpoint: _checkpoint,
          time: _time,
          from: _from,
          savedAt: _savedAt,
          ...rest
        } = stored.value;
        const now = clock.now();
        const epoch = Math.max(stored.value.epoch + 1, Math.floor(now));
        const record: CheckpointRecord = { ...rest, ...target.place, epoch, movedAt: now };
        const fromTime = stored.value.time ?? timeOf(stored.value.from);
        const move: Move = {
          event: 'reader.seek',
          subject: subjectOf(key),
          before: { ...placeOf(stored.value) },
          after: { ...placeOf(record) },
          ...(fromTime === undefined ? {} : { fromTime }),
          ...(target.time === undefined ? {} : { toTime: target.time }),
        };
        if (dryRun) return move;
        // Its reader saves all the time; what it saved last is what it is moved away from.
        if (!(await registry.put('checkpoint', checkpointKey(key), record, stored.version))) continue;
        changed(move);
        return move;
      }
    });
  }

  async remove(key: SubscriptionKey, { dryRun = false }: RemovalOptions = {}): Promise<Change> {
    const { registry, turns, changed } = this.#context;
    return turns.take(async () => {
      const stored = await registry.get('checkpoint', checkpointKey(key));
      if (stored === undefined) throw nothingKept(key);
      const change = {
        event: 'reader.remove',
        subject: subjectOf(key),
        before: { ...placeOf(stored.value) },
      };
      if (dryRun) return change;
      await registry.delete('checkpoint', checkpointKey(key), 'any');
      changed(change);
      return change;
    });
  }

  /** What the record is to say, and the log time of that where it is known. */
  #target(
    topic: string,
    text: string,
  ): { readonly place: Pick<CheckpointRecord, 'checkpoint' | 'from'>; readonly time?: number } {
    const { clock, stores } = this.#context;
    const from = parseFrom(text, topic);
    const alive = stores?.storesOf(topic) ?? [];
    mustBeKept(topic, alive, text);
    switch (from.kind) {
      case 'checkpoint':
        return { place: { checkpoint: checkpointOf(from.checkpoint, topic).toString() } };
      case 'transaction':
        return { place: { from: text } };
      case 'earliest': {
        const times = alive.map(({ extent }) => extent.oldest.time);
        return { place: { from: text }, ...(times.length === 0 ? {} : { time: Math.min(...times) }) };
      }
      case 'timestamp':
        // Beyond the end of the log it would stand for whatever that is when the service starts.
        if (from.time > clock.now())
          throw new DrcError('REQUEST_INVALID', `${new Date(from.time).toISOString()} is in the future.`);
        return { place: { from: text }, time: from.time };
      case 'latest': {
        // The end as it is now: what comes until the service has started again is not left out.
        if (alive.length === 0)
          throw new DrcError('STORE_UNAVAILABLE', `No store of the topic ${topic} is alive.`, { topic });
        const time = Math.max(...alive.map(({ extent }) => extent.head.time));
        return { place: { from: `timestamp:${time}` }, time };
      }
    }
  }

  #awaySummary(record: CheckpointRecord): ReaderSummary {
    const { clock, stores, readers } = this.#context;
    const { principal, topic, name, client } = record;
    const heads = (stores?.storesOf(topic) ?? []).map(({ extent }) => extent.head.time);
    const time = record.time ?? timeOf(record.from);
    const row = { principal, topic, name, client, state: 'away', saved: savedOf(record) };
    if (time === undefined || heads.length === 0) return row;
    const hasAll = record.time !== undefined && Math.max(...heads) <= record.time;
    const lagMs = hasAll ? 0 : Math.max(0, clock.now() - time);
    const retentionMs = readers?.retentionMs(topic);
    if (hasAll || retentionMs === undefined) return { ...row, lagMs };
    return { ...row, lagMs, trimsInMs: Math.max(0, retentionMs - lagMs) };
  }
}

/** @throws DrcError `RETENTION_EXPIRED` where none of the stores that are alive has it. */
function mustBeKept(topic: string, alive: readonly StoreAnnouncement[], text: string): void {
  const placement = place(alive, parseFrom(text, topic));
  if (placement.kind !== 'expired') return;
  const oldest = new Date(placement.oldest).toISOString();
  throw new DrcError(
    'RETENTION_EXPIRED',
    `No store of the topic ${topic} goes back that far; the oldest moment is ${oldest}.`,
    { topic, oldest },
  );
}

function liveSummary(reader: LiveReader, record: CheckpointRecord | undefined): ReaderSummary {
  const { name, committedLsn, trimsInMs, ...rest } = reader;
  return {
    ...rest,
    ...(name === undefined ? {} : { name }),
    ...(committedLsn === undefined ? {} : { committedLsn }),
    ...(trimsInMs === undefined ? {} : { trimsInMs }),
    ...(record === undefined ? {} : { saved: savedOf(record) }),
  };
}

const placeOf = ({
  epoch,
  checkpoint,
  time,
  from,
}: CheckpointRecord): Omit<SavedPlace, 'client' | 'takenAt'> => ({
  epoch,
  ...(checkpoint === undefined ? {} : { set: shortened(Checkpoint.parse(checkpoint).set.toString()) }),
  ...(time === undefined ? {} : { time }),
  ...(from === undefined ? {} : { from }),
});

const savedOf = (record: CheckpointRecord): SavedPlace => {
  const { client, takenAt, savedAt, movedAt } = record;
  return {
    ...placeOf(record),
    client,
    takenAt,
    ...(savedAt === undefined ? {} : { savedAt }),
    ...(movedAt === undefined ? {} : { movedAt }),
  };
};

/** A set of many sources, or with many gaps, would fill the audit log. */
const shortened = (set: string): string =>
  set.length <= maxSetCharacters ? set : `${set.slice(0, maxSetCharacters)}…`;

/** Of `timestamp:<ms>`. */
function timeOf(from: string | undefined): number | undefined {
  const time = /^timestamp:(\d+)$/.exec(from ?? '')?.[1];
  return time === undefined ? undefined : Number(time);
}

const nothingKept = (key: SubscriptionKey): DrcError =>
  new DrcError('REQUEST_INVALID', `${shown(key)} has no checkpoint that is kept here.`, { reason: 'absent' });

const subjectOf = (key: SubscriptionKey): string => `reader:${checkpointKey(key)}`;

const sortKey = ({ topic, principal, name = '' }: ReaderSummary): string => `${topic}\0${principal}\0${name}`;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
