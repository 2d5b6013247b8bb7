import { DrcError, PartFlag, type ErrorCode } from '@drc/protocol';
import type { SourcePosition } from '../log/transaction-log.js';
import {
  EventType,
  eventTypeName,
  RowsFlag,
  type AlterPart,
  type BinlogEvent,
  type LeftOutReason,
  type QueryEvent,
  type RowsEvent,
} from './binlog-events.js';
import type { CaptureCounters } from './capture-counters.js';
import { CapturedTables, type KnownTable } from './captured-tables.js';
import type { DdlStatement } from './ddl-statement.js';
import type { GroupLog } from './group-log.js';
import { GroupWriter, type CaptureHooks } from './group-writer.js';
import { begunFault } from './history-check.js';
import type { LearnedTypes } from './learned-types.js';
import { statementText } from './statement-text.js';
import { classifyStatement, plainStatement, type Statement } from './statement.js';
import type { TableFilter } from './table-filter.js';
import type { Flavour } from './table-schema.js';
import type { XaStatement } from './xa-xid.js';

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
  readonly #filter: TableFilter;
  readonly #counters: CaptureCounters;
  readonly #warn: AssemblerOptions['warn'];
  readonly #group: GroupWriter;
  readonly #tables: CapturedTables;
  readonly #nativeForeignKeys: boolean;
  /** Whether what foreign keys cascaded stands in this file as rows of its own. */
  #hasCascades = false;
  #file: string;
  /** When the source began the file, s since 1970. */
  #begun: number | undefined;
  /** Until the first rotate event, with which every connection begins. */
  #isAtStart = true;
  /** Which part of an ALTER the open group is, where it is one. */
  #alterPart: AlterPart['part'] | undefined;

  constructor(options: AssemblerOptions) {
    const { log, flavour, filter, learned, counters, warn, hooks, position } = options;
    const { chunkBytes = defaultChunkBytes, nativeForeignKeys = true } = options;
    this.#nativeForeignKeys = nativeForeignKeys;
    this.#log = log;
    this.#filter = filter;
    this.#counters = counters;
    this.#warn = warn;
    this.#group = new GroupWriter(log, counters, chunkBytes, hooks);
    const register = log.registerTable.bind(log);
    this.#tables = new CapturedTables({ flavour, filter, learned, counters, register, warn });
    this.#file = position.file;
    this.#begun = position.begun;
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
        this.#needBegun(event);
        this.#counters.store(event.type, bytes);
        return this.#group.end(this.#behind(event));
      case 'xa-prepare':
        return this.#onXaPrepare(event, bytes);
      case 'query':
        return this.#onQuery(event, bytes);
      case 'rotate':
        return this.#onRotate(event, bytes);
      case 'heartbeat':
        return this.#counters.leaveOut(event.type, bytes, 'describes-stream');
      case 'left-out':
        if (event.type === EventType.FORMAT_DESCRIPTION) this.#onFileBegin(event);
        return this.#counters.leaveOut(event.type, bytes, event.reason);
      case 'payload':
        // What it holds comes by itself, as if it had been written without it.
        if (!this.inGroup) throw this.#fault('EVENT_MALFORMED', event, 'it stands outside a transaction');
        return this.#counters.store(event.type, bytes);
      case 'statement-part':
        throw this.#fault('STATEMENT_EVENT', event, 'Changes were written as a statement');
      case 'unsupported':
        throw this.#fault('UNSUPPORTED_EVENT', event, event.why);
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
      throw this.#fault('EVENT_MALFORMED', event, `a transaction begins before the end of ${this.#group.id}`);
    // A reader's checkpoint would take it for delivered.
    if (this.#log.capture.executed.covers(id))
      throw this.#fault('GTID_OUT_OF_ORDER', event, 'its domain has passed this number already', id);
    this.#counters.store(event.type, bytes);
    this.#alterPart = event.alter?.part;
    this.#tables.trim();
    const begun = this.#group.begin(id, event.commitTime, event.begins);
    return xa?.state === 'prepared' ? after(begun, () => this.#prepareAs(xa.xid)) : begun;
  }

  #prepareAs(xid: string): void {
    if (this.#log.isPrepared(xid))
      this.#warn('The source prepares an XA transaction anew; what was prepared before was never decided.', {
        xid,
      });
    this.#group.prepareAs(xid);
  }

  #onXaPrepare(event: BinlogEvent & { kind: 'xa-prepare' }, bytes: number): void | Promise<void> {
    this.#needBegun(event);
    if (event.xid !== this.#group.xid)
      throw this.#fault(
        'EVENT_MALFORMED',
        event,
        `it prepares ${event.xid} in the group of ${this.#group.xid ?? 'no XA transaction'}`,
      );
    this.#counters.store(event.type, bytes);
    const position = this.#behind(event);
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
          file: this.#file,
        },
      );
      this.#group.drop('rolled-back');
    }
    // Table ids may mean other tables in the next file.
    this.#tables.clear();
    const isFirst = this.#isAtStart;
    this.#isAtStart = false;
    if (event.file === this.#file) return;
    this.#file = event.file;
    this.#begun = undefined;
    // The first only says where reading begins, which after a start by GTID is not where its events do.
    if (isFirst) return;
    this.#log.movePosition({ file: event.file, offset: event.offset });
  }

  /** Comes first of each file, and first of each connection wherever in the file that begins. */
  #onFileBegin({ timestamp, serverVersion = '' }: BinlogEvent & { kind: 'left-out' }): void {
    this.#begun = timestamp;
    this.#hasCascades = !this.#nativeForeignKeys && isSince(serverVersion, 9, 6);
    const { position } = this.#log.capture;
    const known = position?.file === this.#file ? position : undefined;
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
    this.#needBegun(event);
    const known = this.#tables.learn(event);
    if (!(known instanceof Promise)) return this.#countTableMap(event, bytes, known);
    return known.then((learned) => this.#countTableMap(event, bytes, learned));
  }

  #countTableMap(event: BinlogEvent, bytes: number, known: KnownTable): void {
    if (known.rows === undefined) this.#counters.leaveOut(event.type, bytes, 'excluded');
    else this.#counters.store(event.type, bytes);
  }

  #onRows(event: RowsEvent, bytes: number): void | Promise<void> {
    this.#needBegun(event);
    const known = this.#tables.of(event.tableId);
    if (known === undefined) {
      if (event.tableId === dummyTableId && (event.flags & RowsFlag.statementEnd) !== 0)
        return this.#counters.leaveOut(event.type, bytes, 'describes-stream');
      throw this.#fault('EVENT_MALFORMED', event, `no table map for table id ${event.tableId}`);
    }
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

  // --- Statements ---------------------------------------------------------------------------------------------

  #onQuery(event: QueryEvent, bytes: number): void | Promise<void> {
    // The server writes an ALTER when it begins, and again when it has ended.
    if (this.#alterPart === 'start') return this.#leaveStatementOut(event, bytes, 'informational');
    if (this.#alterPart === 'rollback') return this.#leaveStatementOut(event, bytes, 'rolled-back');
    const statement = this.#statement(event);
    switch (statement.kind) {
      case 'begin':
        return this.#onBegin(event, bytes);
      case 'commit':
        this.#needBegun(event);
        this.#counters.store(event.type, bytes);
        return this.#group.end(this.#behind(event));
      case 'rollback':
        this.#needBegun(event);
        this.#counters.store(event.type, bytes);
        return this.#group.rollBack(this.#behind(event));
      case 'savepoint':
      case 'rollback-to':
      case 'release':
        return this.#onSavepoint(event, bytes, statement.kind, statement.name);
      case 'ddl':
        return this.#onDdl(event, bytes, statement);
      case 'administrative':
        return this.#leaveStatementOut(event, bytes, 'administrative');
      case 'dml':
        if (this.#filter.ignoresStatement(statement.target))
          return this.#leaveStatementOut(event, bytes, 'ignored-statement');
        // Hosted servers write their heartbeats so.
        if (statement.isPlain && statement.target.startsWith('mysql.'))
          return this.#leaveStatementOut(event, bytes, 'excluded');
        throw this.#fault('STATEMENT_EVENT', event, statementFault(statement));
      case 'xa':
        return this.#onXa(event, bytes, statement);
      case 'unknown':
        throw this.#fault(
          'UNSUPPORTED_EVENT',
          event,
          `an unknown statement, ${statement.verb || 'without a verb'}`,
        );
    }
  }

  #statement(event: QueryEvent): Statement {
    try {
      const { statement, charset, defaultSchema, sqlMode } = event;
      return (
        plainStatement(statement) ??
        classifyStatement(statementText(statement, charset[0]), defaultSchema, sqlMode)
      );
    } catch (error) {
      throw error instanceof DrcError ? this.#fault(error.code, event, error.message) : error;
    }
  }

  #onBegin(event: QueryEvent, bytes: number): void | Promise<void> {
    if (this.#group.isBegun)
      throw this.#fault('EVENT_MALFORMED', event, 'a transaction begins inside another');
    const begun = this.inGroup ? undefined : this.#beginAnonymous(event, bytes);
    this.#counters.store(event.type, bytes);
    this.#group.begun();
    return begun;
  }

  /** A server that writes no GTID events at all: the place of its first event names the group. */
  #beginAnonymous(event: QueryEvent, bytes: number): void | Promise<void> {
    const id = `${event.serverId}/${this.#file}:${event.offset - bytes}`;
    this.#alterPart = undefined;
    this.#tables.trim();
    return this.#group.begin(id, event.timestamp * 1_000_000, false);
  }

  #onXa(event: QueryEvent, bytes: number, { verb, xid }: XaStatement): void | Promise<void> {
    if (verb === 'start') return after(this.#onBegin(event, bytes), () => this.#prepareAs(xid));
    if (verb === 'end' || this.#group.isBegun) {
      this.#needBegun(event);
      this.#counters.store(event.type, bytes);
      if (verb === 'end') return;
      const position = this.#behind(event);
      return verb === 'commit' ? this.#group.end(position) : this.#group.rollBack(position);
    }
    const begun = this.inGroup ? undefined : this.#beginAnonymous(event, bytes);
    if (verb === 'commit' && !this.#log.isPrepared(xid))
      throw this.#fault('XA_UNKNOWN', event, `${xid} was prepared before the log begins`);
    this.#counters.store(event.type, bytes);
    const position = this.#behind(event);
    return after(begun, () =>
      verb === 'commit'
        ? this.#group.commitPrepared(xid, position)
        : this.#group.rollBackPrepared(xid, position),
    );
  }

  #onSavepoint(
    event: QueryEvent,
    bytes: number,
    kind: 'savepoint' | 'rollback-to' | 'release',
    name: string,
  ): void | Promise<void> {
    this.#needBegun(event);
    this.#counters.leaveOut(event.type, bytes, 'describes-stream');
    if (kind === 'savepoint') return this.#group.savepoint(name);
    const place = this.#group.findSavepoint(name);
    if (place === 'ambiguous')
      throw this.#fault(
        'UNSUPPORTED_EVENT',
        event,
        `savepoint ${name} may be one of several whose names the server takes for equal`,
      );
    if (place !== undefined)
      return kind === 'release' ? this.#group.release(place) : this.#group.rollBackTo(place);
    throw this.#fault('EVENT_MALFORMED', event, `savepoint ${name} was not set in this transaction`);
  }

  #onDdl(
    event: QueryEvent,
    bytes: number,
    { ddl, mayHoldPassword }: Statement & { kind: 'ddl' },
  ): void | Promise<void> {
    if (ddl.isTemporary) return this.#leaveStatementOut(event, bytes, 'temporary-table');
    this.#tables.forget(ddl);
    if (!isCaptured(ddl, this.#filter)) return this.#leaveStatementOut(event, bytes, 'excluded');
    const begun = this.inGroup ? undefined : this.#beginAnonymous(event, bytes);
    this.#counters.store(event.type, bytes);
    this.#group.addDdl({
      verb: ddl.verb,
      tables: ddl.tables,
      defaultSchema: event.defaultSchema,
      ...(mayHoldPassword ? {} : { text: statementText(event.statement, event.charset[0]) }),
      sqlMode: event.sqlMode,
      charset: event.charset,
      timeZone: event.timeZone,
    });
    return after(begun, () => this.#endStatement(event));
  }

  #leaveStatementOut(event: QueryEvent, bytes: number, reason: LeftOutReason): void | Promise<void> {
    this.#counters.leaveOut(event.type, bytes, reason);
    const begun = this.inGroup ? undefined : this.#beginAnonymous(event, bytes);
    return after(begun, () => this.#endStatement(event));
  }

  /** A statement by itself ends its group; inside a transaction (CREATE TABLE … SELECT) the rows follow. */
  #endStatement(event: QueryEvent): void | Promise<void> {
    if (!this.#group.isBegun) return this.#group.end(this.#behind(event));
  }

  // --- Faults -------------------------------------------------------------------------------------------------

  #needBegun(event: BinlogEvent): void {
    if (!this.#group.isBegun) throw this.#fault('EVENT_MALFORMED', event, 'it stands outside a transaction');
  }

  #behind(event: BinlogEvent): SourcePosition {
    return { file: this.#file, offset: event.offset, begun: this.#begun };
  }

  #fault(code: ErrorCode, event: BinlogEvent, why: string, transaction = this.#group.id): DrcError {
    const name = eventTypeName(event.type);
    const place = `${this.#file}:${event.offset}`;
    return new DrcError(code, `${name} event that ends at ${place}: ${why}.`, {
      event: name,
      file: this.#file,
      offset: event.offset,
      ...(transaction === undefined ? {} : { transaction }),
    });
  }

  #rowFault(error: unknown, event: RowsEvent, table: string): unknown {
    if (!(error instanceof DrcError) && !(error instanceof RangeError)) return error;
    const code = error instanceof DrcError ? error.code : 'EVENT_MALFORMED';
    const details = error instanceof DrcError ? error.details : {};
    const fault = this.#fault(code, event, `rows of ${table}: ${error.message}`);
    return new DrcError(code, fault.message, { ...details, ...fault.details, table }, { cause: error });
  }
}

// --- Pure ---------------------------------------------------------------------------------------------------------

const partFlags = (flags: number, hasCascades: boolean): number =>
  (hasCascades ? PartFlag.hasCascades : 0) |
  ((flags & RowsFlag.foreignKeyChecksOff) === 0 ? 0 : PartFlag.foreignKeyChecksOff) |
  ((flags & RowsFlag.uniqueChecksOff) === 0 ? 0 : PartFlag.uniqueChecksOff);

const statementFault = (statement: Statement & { kind: 'dml' }): string =>
  `${statement.verb} ${statement.target === '' ? '' : `on ${statement.target} `}was written as a statement`;

/** @param version as a server calls itself: `9.7.4-debug` */
function isSince(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function isCaptured(ddl: DdlStatement, filter: TableFilter): boolean {
  if (ddl.isAccount) return true;
  if (ddl.targets.length > 0) return ddl.targets.some((name) => filter.capturesName(name));
  return ddl.schema === '' || filter.capturesSchema(ddl.schema);
}

function after(first: void | Promise<void>, then: () => void | Promise<void>): void | Promise<void> {
  return first === undefined ? then() : first.then(then);
}
