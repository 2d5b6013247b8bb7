import { DrcError, originOfTransaction, type Ddl } from '@drc/protocol';
import type { SourcePosition } from '../log/transaction-log.js';
import type { LeftOutReason, RowsEvent } from './binlog-events.js';
import { groupBegin, type CaptureCounters, type RowTally, type TallyMark } from './capture-counters.js';
import type { GroupLog } from './group-log.js';
import { PartWriter, type RowTarget } from './part-writer.js';
import { isSameSavepoint, mayBeSameSavepoint } from './savepoint-name.js';

/** Named points at which a crash test ends the process; real mains pass none. */
export interface CaptureHooks {
  at?(
    point: 'group-begin' | 'chunk' | 'group-end' | 'prepared' | 'decided' | 'flushed',
  ): void | Promise<void>;
}

interface Savepoint {
  readonly name: string;
  readonly origin: string;
  readonly hasRows: boolean;
  readonly chunks: number;
  readonly mark: TallyMark;
}

/** The transaction that is being read. */
interface Group {
  readonly id: string;
  readonly commitTime: number;
  begun: boolean;
  origin: string;
  /** Whether any row event of it has come, of whatever table. */
  hasRows: boolean;
  /** It ends in an XA PREPARE under this XID. */
  xid: string | undefined;
  savepoints: Savepoint[];
  /** What stays when it is rolled back. */
  kept?: Pick<Savepoint, 'chunks' | 'mark'>;
}

/**
 * One group after another into the log. Where a promise comes back, wait for it before the next call.
 * Laws: a group becomes visible with its end and not before; memory is one chunk, whatever the size of the group.
 */
export class GroupWriter {
  readonly #log: GroupLog;
  readonly #counters: CaptureCounters;
  readonly #chunkBytes: number;
  readonly #hooks: CaptureHooks | undefined;
  readonly #parts = new PartWriter();
  #group: Group | undefined = undefined;

  constructor(log: GroupLog, counters: CaptureCounters, chunkBytes: number, hooks?: CaptureHooks) {
    this.#log = log;
    this.#counters = counters;
    this.#chunkBytes = chunkBytes;
    this.#hooks = hooks;
  }

  /** Of the open group; undefined where none is open. */
  get id(): string | undefined {
    return this.#group?.id;
  }

  /** Whether nothing of the open group is gathered yet. */
  get isEmpty(): boolean {
    return this.#parts.length === 0 && this.#log.openGroupChunks === 0;
  }

  /** Rows may come: a BEGIN was read, or the GTID stands for one. */
  get isBegun(): boolean {
    return this.#group?.begun ?? false;
  }

  /** The XID under which the open group is being prepared. */
  get xid(): string | undefined {
    return this.#group?.xid;
  }

  /** @param commitTime µs since 1970 */
  begin(id: string, commitTime: number, begun: boolean): void | Promise<void> {
    const origin = originOfTransaction(id);
    this.#log.beginGroup({ id, commitTime, origin });
    this.#group = { id, commitTime, begun, origin, hasRows: false, xid: undefined, savepoints: [] };
    return this.#hooks?.at?.('group-begin');
  }

  /** The BEGIN of the open group was read. */
  begun(): void {
    this.#open.begun = true;
  }

  /** The open group ends in an XA PREPARE under this XID. */
  prepareAs(xid: string): void {
    this.#open.xid = xid;
    this.#log.prepareGroup(xid);
  }

  /** A row event has come. @returns whether nothing of the open group stands in front of it */
  rowsCame(): boolean {
    const group = this.#open;
    const isFirst = !group.hasRows && this.isEmpty;
    group.hasRows = true;
    return isFirst;
  }

  get origin(): string {
    return this.#open.origin;
  }

  /** By the open group's first row. */
  setOrigin(origin: string): void {
    this.#open.origin = origin;
    this.#log.setOrigin(origin);
  }

  /** @returns how many rows. @throws as `PartWriter.addRows` */
  addRows(event: RowsEvent, target: RowTarget, flags: number, tally: RowTally): number {
    const rows = this.#parts.addRows(event, target, flags);
    this.#counters.storeRows(tally, rows);
    return rows;
  }

  /** Hands over what is gathered, where that is a chunk. */
  chunk(): void | Promise<void> {
    return this.#parts.length < this.#chunkBytes ? undefined : this.#putChunk();
  }

  addDdl(ddl: Ddl): void {
    this.#parts.addDdl(ddl);
  }

  /** What the open group holds by now stays also where the group is rolled back. */
  keep(): void | Promise<void> {
    const chunk = this.#parts.length === 0 ? undefined : this.#putChunk();
    this.#open.kept = { chunks: this.#log.openGroupChunks, mark: this.#counters.mark() };
    return chunk;
  }

  savepoint(name: string): void | Promise<void> {
    const group = this.#open;
    group.savepoints = group.savepoints.filter((savepoint) => !isSameSavepoint(savepoint.name, name));
    const chunk = this.#parts.length === 0 ? undefined : this.#putChunk();
    const { origin, hasRows } = group;
    const chunks = this.#log.openGroupChunks;
    group.savepoints.push({ name, origin, hasRows, chunks, mark: this.#counters.mark() });
    return chunk;
  }

  /** The place of a savepoint of this group; undefined where none is called so, `ambiguous` where more than one may be meant. */
  findSavepoint(name: string): number | 'ambiguous' | undefined {
    const { savepoints } = this.#open;
    const places = savepoints.flatMap((savepoint, place) =>
      mayBeSameSavepoint(savepoint.name, name) ? [place] : [],
    );
    const [place, ...others] = places;
    return others.length > 0 ? 'ambiguous' : place;
  }

  /** Drops what came since the savepoint at this place; it stays itself. */
  rollBackTo(place: number): void {
    const group = this.#open;
    const { savepoints } = group;
    const { chunks, mark, origin, hasRows } = savepoints[place]!;
    savepoints.length = place + 1;
    this.#parts.clear();
    this.#log.truncateGroup(chunks);
    // A mark that is undone marks nothing.
    if (origin !== group.origin) this.setOrigin(origin);
    group.hasRows = hasRows;
    this.#counters.returnTo(mark, 'rolled-back');
  }

  /** Forgets the savepoint at this place and those set after it. */
  release(place: number): void {
    this.#open.savepoints.length = place;
  }

  /** The group is committed. */
  end(position: SourcePosition): void | Promise<void> {
    const group = this.#open;
    if (group.xid !== undefined)
      return this.#log
        .endPreparedAtOnce(this.#parts.take(), position)
        .then(() => this.#settled(group, 'group-end'));
    this.#log.endGroup(this.#parts.take(), position);
    return this.#settled(group, 'group-end');
  }

  /** The group stays, as an empty one but for what was to be kept: it has its place in the order, and its id is executed. */
  rollBack(position: SourcePosition): void | Promise<void> {
    const { chunks, mark } = this.#open.kept ?? { chunks: 0, mark: groupBegin };
    this.#parts.clear();
    this.#log.truncateGroup(chunks);
    this.#counters.returnTo(mark, 'rolled-back');
    return this.end(position);
  }

  /** The group is prepared: it stays as an empty one, and what it holds waits for its decision. */
  prepare(position: SourcePosition): void | Promise<void> {
    const group = this.#open;
    if (group.xid === undefined) throw new DrcError('INTERNAL', 'A group is prepared that has no XID.');
    this.#log.endPrepare(this.#parts.take(), position);
    this.#counters.prepare(group.xid, group.commitTime);
    this.#group = undefined;
    return this.#hooks?.at?.('prepared');
  }

  /** The open group is the decision to commit what is prepared under the XID. */
  async commitPrepared(xid: string, position: SourcePosition): Promise<void> {
    const group = this.#open;
    await this.#log.commitPrepared(xid, position);
    this.#counters.decide(xid, 'stored');
    await this.#settled(group, 'decided');
  }

  /** The open group is the decision to roll back what is prepared under the XID, if anything is. */
  rollBackPrepared(xid: string, position: SourcePosition): void | Promise<void> {
    const group = this.#open;
    this.#log.rollBackPrepared(xid);
    this.#log.endGroup(this.#parts.take(), position);
    this.#counters.decide(xid, 'rolled-back');
    return this.#settled(group, 'decided');
  }

  /** The group never came to its end. Does nothing where none is open. */
  drop(reason: LeftOutReason): void {
    if (this.#group === undefined) return;
    this.#parts.clear();
    this.#log.abandonGroup();
    this.#counters.returnTo(groupBegin, reason);
    this.#group = undefined;
  }

  get #open(): Group {
    if (this.#group === undefined) throw new DrcError('INTERNAL', 'No transaction is open.');
    return this.#group;
  }

  #settled({ commitTime }: Group, point: 'group-end' | 'decided'): void | Promise<void> {
    this.#counters.settle(commitTime);
    this.#group = undefined;
    return this.#hooks?.at?.(point);
  }

  #putChunk(): void | Promise<void> {
    this.#log.putChunk(this.#parts.take());
    return this.#hooks?.at?.('chunk');
  }
}
