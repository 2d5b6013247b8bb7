import { DrcError, PartFlag } from '@drc/protocol';
import type { SourcePosition } from '../log/transaction-log.js';
import { EventType, RowsFlag, type BinlogEvent, type RowsEvent } from './binlog-events.js';
import { AssemblerPlace } from './assembler-place.js';
import type { CaptureCounters } from './capture-counters.js';
import { CapturedTables, type KnownTable } from './captured-tables.js';
import type { GroupLog } from './group-log.js';
import { after, GroupStatements } from './group-statements.js';
import { GroupWriter, type CaptureHooks } from './group-writer.js';
import { begunFault } from './history-check.js';
import type { LearnedTypes } from './learned-types.js';
import { originTableName, type OriginMark } from './origin-mark.js';
import type { TableFilter } from './table-filter.js';
import type { Flavour } from './table-schema.js';

export type { CaptureHooks } from './group-writer.js';

export interface AssemblerOptions {
  readonly log: GroupLog;
  readonly flavour: Flavour;
  readonly filter: TableFilter;
  readonly learned: LearnedTypes;
  readonly counters: CaptureCounters;
  /**
   * Whether InnoDB itself does what foreign keys cascade, of which the binlog then has nothing. Default true. MySQL has done it above
   * InnoDB since 9.6, and writes it as rows, unless `innodb_native_foreign_keys` is on.
   */
  readonly nativeForeignKeys?: boolean;
  /** Where the events begin. */
  readonly position: SourcePosition;
  /** Rows are handed to the log in chunks of about so many bytes. Default 256 KiB. */
  readonly chunkBytes?: number;
  /** Told where something was passed over that an operator may want to know of. */
  readonly warn: (message: string, details: Readonly<Record<string, unknown>>) => void;
  readonly hooks?: CaptureHooks;
}

const defaultChunkBytes = 256 * 1024;
/** A rows event for no table, which only ends a statement. */
const dummyTableId = 0xff_ffff;

/**
 * Events to groups in the log. Laws: a group becomes visible with its end and not before; whatever is not understood is
 * an error that names the event, and the position stays in front of its transaction; memory is one chunk, whatever the
 * size of the transaction.
 */
export class TransactionAssembler {
  readonly #log: GroupLog;
  readonly #counters: CaptureCounters;
  readonly #warn: AssemblerOptions['warn'];
  readonly #group: GroupWriter;
  readonly #tables: CapturedTables;
  readonly #place: AssemblerPlace;
  readonly #statements: GroupStatements;
  readonly #nativeForeignKeys: boolean;
  /** Whether what foreign keys cascaded stands in this file as rows of its own. */
  #hasCascades = false;
  /** Until the first rotate event, with which every connection begins. */
  #isAtStart = true;

  constructor(options: AssemblerOptions) {
    const { log, flavour, filter, learned, counters, warn, hooks, position } = options;
    const { chunkBytes = defaultChunkBytes, nativeForeignKeys = true } = options;
    this.#nativeForeignKeys = nativeForeignKeys;
    this.#log = log;
    this.#counters = counters;
    this.#warn = warn;
    this.#group = new GroupWriter(log, counters, chunkBytes, hooks);
    const register = log.registerTable.bind(log);
    this.#tables = new CapturedTables({ flavour, filter, learned, counters, register, warn });
    this.#place = new AssemblerPlace(this.#group, position);
    const [group, place, tables] = [this.#group, this.#place, this.#tables];
    this.#statements = new GroupStatements({ log, group, place, tables, filter, counters, warn });
  }

  /** True between a transaction's first event and its end. */
  get inGroup(): boolean {
    return this.#group.id !== undefined;
  }

  /**
   * Takes the next event. Where a promise comes back, wait for it before the next call.
   * @param bytes the size of the raw event
   * @throws DrcError `UNSUPPORTED_EVENT`, `STATEMENT_EVENT`, `EVENT_MALFORMED`, `UNSUPPORTED_COLUMN`, `GTID_OUT_OF_ORDER`,
   * `XA_UNKNOWN`, and `SOURCE_HISTORY_CHANGED` where the file is not the one that the log was captured from
   */
  push(event: BinlogEvent, bytes: number): void | Promise<void> {
    switch (event.kind) {
      case 'rows':
        return this.#onRows(event, bytes);
      case 'table-map':
        return this.#onTableMap(event, bytes);
      case 'gtid':
        return this.#onGtid(event, bytes);
      case 'xid':
        this.#place.needBegun(event);
        this.#counters.store(event.type, bytes);
        return this.#group.end(this.#place.behind(event));
      case 'xa-prepare':
        return this.#onXaPrepare(event, bytes);
      case 'query':
        return this.#statements.push(event, bytes);
      case 'rotate':
        return this.#onRotate(event, bytes);
      case 'heartbeat':
        return this.#counters.leaveOut(event.type, bytes, 'describes-stream');
      case 'left-out':
        if (event.type === EventType.FORMAT_DESCRIPTION) this.#onFileBegin(event);
        return this.#counters.leaveOut(event.type, bytes, event.reason);
      case 'payload':
        // What it holds comes by itself, as if it had been written without it.
        if (!this.inGroup)
          throw this.#place.fault('EVENT_MALFORMED', event, 'it stands outside a transaction');
        return this.#counters.store(event.type, bytes);
      case 'statement-part':
        throw this.#place.fault('STATEMENT_EVENT', event, 'Changes were written as a statement');
      case 'unsupported':
        throw this.#place.fault('UNSUPPORTED_EVENT', event, event.why);
    }
  }

  /** Drops the open group: the connection is gone, and all of it will be read again. */
  abandon(): void {
    this.#group.drop('interrupted');
  }

  // --- Groups -------------------------------------------------------------------------------------------------

  #onGtid(event: BinlogEvent & { kind: 'gtid' }, bytes: number): void | Promise<void> {
    const { id, xa } = event;
    if (this.inGroup)
      throw this.#place.fault(
        'EVENT_MALFORMED',
        event,
        `a transaction begins before the end of ${this.#group.id}`,
      );
    // A reader's checkpoint would take it for delivered.
    if (this.#log.capture.executed.covers(id))
      throw this.#place.fault('GTID_OUT_OF_ORDER', event, 'its domain has passed this number already', id);
    this.#counters.store(event.type, bytes);
    this.#statements.groupBegins(event.alter?.part);
    const begun = this.#group.begin(id, event.commitTime, event.begins);
    return xa?.state === 'prepared' ? after(begun, () => this.#statements.prepareAs(xa.xid)) : begun;
  }

  #onXaPrepare(event: BinlogEvent & { kind: 'xa-prepare' }, bytes: number): void | Promise<void> {
    this.#place.needBegun(event);
    if (event.xid !== this.#group.xid)
      throw this.#place.fault(
        'EVENT_MALFORMED',
        event,
        `it prepares ${event.xid} in the group of ${this.#group.xid ?? 'no XA transaction'}`,
      );
    this.#counters.store(event.type, bytes);
    const position = this.#place.behind(event);
    return event.onePhase ? this.#group.end(position) : this.#group.prepare(position);
  }

  #onRotate(event: BinlogEvent & { kind: 'rotate' }, bytes: number): void {
    this.#counters.leaveOut(event.type, bytes, 'describes-stream');
    if (this.inGroup) {
      // Groups never span files: the source crashed while it wrote this one, and has rolled it back since.
      this.#warn(
        'The source left a transaction unfinished at the end of a binlog file; it was rolled back.',
        {
          transaction: this.#group.id,
          file: this.#place.file,
        },
      );
      this.#group.drop('rolled-back');
    }
    // Table ids may mean other tables in the next file.
    this.#tables.clear();
    const isFirst = this.#isAtStart;
    this.#isAtStart = false;
    if (event.file === this.#place.file) return;
    this.#place.moveTo(event.file);
    // The first only says where reading begins, which after a start by GTID is not where its events do.
    if (isFirst) return;
    this.#log.movePosition({ file: event.file, offset: event.offset });
  }

  /** Comes first of each file, and first of each connection wherever in the file that begins. */
  #onFileBegin({ timestamp, serverVersion = '' }: BinlogEvent & { kind: 'left-out' }): void {
    this.#place.fileBegan(timestamp);
    this.#hasCascades = !this.#nativeForeignKeys && isSince(serverVersion, 9, 6);
    const { position } = this.#log.capture;
    const known = position?.file === this.#place.file ? position : undefined;
    const fault = known === undefined ? undefined : begunFault(timestamp, known);
    if (fault !== undefined) throw fault;
    // What a file holds was written after it was begun, whatever time its transactions claim. Too late a time in the log
    // repeats to a reader what it has; too early a one lets it miss what the log lacks.
    this.#log.raiseTime(timestamp * 1000);
    if (known !== undefined && known.begun !== timestamp)
      this.#log.movePosition({ ...known, begun: timestamp });
  }

  // --- Rows ---------------------------------------------------------------------------------------------------

  #onTableMap(event: BinlogEvent & { kind: 'table-map' }, bytes: number): void | Promise<void> {
    this.#place.needBegun(event);
    const known = this.#tables.learn(event);
    if (!(known instanceof Promise)) return this.#countTableMap(event, bytes, known);
    return known.then((learned) => this.#countTableMap(event, bytes, learned));
  }

  #countTableMap(event: BinlogEvent, bytes: number, known: KnownTable): void {
    if (known.mark !== undefined) this.#counters.leaveOut(event.type, bytes, 'origin-mark');
    else if (known.rows === undefined) this.#counters.leaveOut(event.type, bytes, 'excluded');
    else this.#counters.store(event.type, bytes);
  }

  #onRows(event: RowsEvent, bytes: number): void | Promise<void> {
    this.#place.needBegun(event);
    const known = this.#tables.of(event.tableId);
    if (known === undefined) {
      if (event.tableId === dummyTableId && (event.flags & RowsFlag.statementEnd) !== 0)
        return this.#counters.leaveOut(event.type, bytes, 'describes-stream');
      throw this.#place.fault('EVENT_MALFORMED', event, `no table map for table id ${event.tableId}`);
    }
    const isFirst = this.#group.rowsCame();
    if (known.mark !== undefined) return this.#onMark(event, bytes, known.mark, isFirst);
    if (known.rows === undefined) return this.#counters.leaveOut(event.type, bytes, 'excluded');
    const { target, tally, versioned } = known.rows;
    const flags = partFlags(event.flags, this.#hasCascades);
    try {
      if (versioned === undefined) {
        this.#group.addRows(event, target, flags, tally);
      } else {
        const { events, history } = versioned.current(event);
        this.#counters.leaveOutRows(tally, history, 'history');
        if (events.length === 0) return this.#counters.leaveOut(event.type, bytes, 'history');
        for (const current of events) this.#group.addRows(current, target, flags, tally);
      }
    } catch (error) {
      throw this.#rowFault(error, event, known.name);
    }
    this.#counters.store(event.type, bytes);
    return this.#group.chunk();
  }

  /** Only the first row can mark its transaction: behind others it would come too late for what is written of them. */
  #onMark(event: RowsEvent, bytes: number, mark: OriginMark, isFirst: boolean): void {
    let site: string | undefined;
    try {
      site = mark.siteOf(event);
    } catch (error) {
      throw this.#rowFault(error, event, originTableName);
    }
    this.#counters.leaveOut(event.type, bytes, 'origin-mark');
    const { origin, id: transaction } = this.#group;
    if (isFirst && site !== undefined && origin === '') return this.#group.setOrigin(site);
    if (site !== origin)
      this.#warn(`Rows of ${originTableName} that do not mark their transaction.`, {
        transaction,
        site,
        origin,
      });
  }

  #rowFault(error: unknown, event: RowsEvent, table: string): unknown {
    if (!(error instanceof DrcError) && !(error instanceof RangeError)) return error;
    const code = error instanceof DrcError ? error.code : 'EVENT_MALFORMED';
    const details = error instanceof DrcError ? error.details : {};
    const fault = this.#place.fault(code, event, `rows of ${table}: ${error.message}`);
    return new DrcError(code, fault.message, { ...details, ...fault.details, table }, { cause: error });
  }
}

// --- Pure ---------------------------------------------------------------------------------------------------------

const partFlags = (flags: number, hasCascades: boolean): number =>
  (hasCascades ? PartFlag.hasCascades : 0) |
  ((flags & RowsFlag.foreignKeyChecksOff) === 0 ? 0 : PartFlag.foreignKeyChecksOff) |
  ((flags & RowsFlag.uniqueChecksOff) === 0 ? 0 : PartFlag.uniqueChecksOff);

/** @param version as a server calls itself: `9.7.4-debug` */
function isSince(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
