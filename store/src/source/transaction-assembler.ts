import { DrcError, PartFlag, type ErrorCode } from '@drc/protocol';
import type { SourcePosition } from '../log/transaction-log.js';
import {
  EventType,
  eventTypeName,
  RowsFlag,
  type BinlogEvent,
  type LeftOutReason,
  type QueryEvent,
  type RowsEvent,
} from './binlog-events.js';
import type { CaptureCounters, RowTally, TallyMark } from './capture-counters.js';
import type { DdlStatement } from './ddl-statement.js';
import type { GroupLog } from './group-log.js';
import { begunFault } from './history-check.js';
import type { LearnedTypes } from './learned-types.js';
import { PartWriter, type RowTarget } from './part-writer.js';
import { RowTranscoder } from './row-transcoder.js';
import { statementText } from './statement-text.js';
import { classifyStatement, type Statement } from './statement.js';
import type { TableFilter } from './table-filter.js';
import { needsLearning, parseTableMap, type Flavour, type TableMap } from './table-schema.js';

/** Named points at which a crash test ends the process; real mains pass none. */
export interface CaptureHooks {
  at?(point: 'group-begin' | 'chunk' | 'group-end' | 'flushed'): void | Promise<void>;
}

export interface AssemblerOptions {
  readonly log: GroupLog;
  readonly flavour: Flavour;
  readonly filter: TableFilter;
  readonly learned: LearnedTypes;
  readonly counters: CaptureCounters;
  /** Where the events begin. */
  readonly position: SourcePosition;
  /** Rows are handed to the log in chunks of about so many bytes. Default 256 KiB. */
  readonly chunkBytes?: number;
  /** Told where something was passed over that an operator may want to know of. */
  readonly warn: (message: string, details: Readonly<Record<string, unknown>>) => void;
  readonly hooks?: CaptureHooks;
}

/** A table id of this connection and file, and what was decided about it. */
interface KnownTable {
  readonly name: string;
  /** Undefined: excluded. */
  readonly rows: { readonly target: RowTarget; readonly tally: RowTally } | undefined;
}

interface Savepoint {
  readonly name: string;
  readonly chunks: number;
  readonly mark: TallyMark;
}

/** The transaction that is being read. */
interface Group {
  readonly id: string;
  readonly commitTime: number;
  /** Rows may come: a BEGIN was read, or the GTID stands for one. */
  begun: boolean;
  savepoints: Savepoint[];
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
  readonly #flavour: Flavour;
  readonly #filter: TableFilter;
  readonly #learned: LearnedTypes;
  readonly #counters: CaptureCounters;
  readonly #chunkBytes: number;
  readonly #warn: AssemblerOptions['warn'];
  readonly #hooks: CaptureHooks | undefined;
  readonly #parts = new PartWriter();
  readonly #tables = new Map<number, KnownTable>();
  #file: string;
  /** When the source began the file, s since 1970. */
  #begun: number | undefined;
  /** Until the first rotate event, with which every connection begins. */
  #isAtStart = true;
  #group: Group | undefined = undefined;

  constructor(options: AssemblerOptions) {
    this.#log = options.log;
    this.#flavour = options.flavour;
    this.#filter = options.filter;
    this.#learned = options.learned;
    this.#counters = options.counters;
    this.#chunkBytes = options.chunkBytes ?? defaultChunkBytes;
    this.#warn = options.warn;
    this.#hooks = options.hooks;
    this.#file = options.position.file;
    this.#begun = options.position.begun;
  }

  /** True between a transaction's first event and its end. */
  get inGroup(): boolean {
    return this.#group !== undefined;
  }

  /**
   * Takes the next event. Where a promise comes back, wait for it before the next call.
   * @param bytes the size of the raw event
   * @throws DrcError `UNSUPPORTED_EVENT`, `STATEMENT_EVENT`, `EVENT_MALFORMED`, `UNSUPPORTED_COLUMN`, and
   * `SOURCE_HISTORY_CHANGED` where the file is not the one that the log was captured from
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
        return this.#endGroup(event);
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
        if (this.#group === undefined)
          throw this.#fault('EVENT_MALFORMED', event, 'it stands outside a transaction');
        return this.#counters.store(event.type, bytes);
      case 'statement-part':
        throw this.#fault('STATEMENT_EVENT', event, 'Changes were written as a statement');
      case 'unsupported':
        throw this.#fault('UNSUPPORTED_EVENT', event, event.why);
    }
  }

  /** Drops the open group: the connection is gone, and all of it will be read again. */
  abandon(): void {
    if (this.#group !== undefined) this.#dropGroup('interrupted');
  }

  // --- Groups -------------------------------------------------------------------------------------------------

  #onGtid(event: BinlogEvent & { kind: 'gtid' }, bytes: number): void | Promise<void> {
    if (this.#group !== undefined)
      throw this.#fault('EVENT_MALFORMED', event, `a transaction begins before the end of ${this.#group.id}`);
    if (event.unsupported !== '') throw this.#fault('UNSUPPORTED_EVENT', event, event.unsupported, event.id);
    // A reader's checkpoint would take it for delivered.
    if (this.#log.capture.executed.covers(event.id))
      throw this.#fault('GTID_OUT_OF_ORDER', event, 'its domain has passed this number already', event.id);
    this.#counters.store(event.type, bytes);
    return this.#beginGroup(event.id, event.commitTime, event.begins);
  }

  #beginGroup(id: string, commitTime: number, begun: boolean): void | Promise<void> {
    this.#log.beginGroup({ id, commitTime, origin: '' });
    this.#group = { id, commitTime, begun, savepoints: [] };
    return this.#hooks?.at?.('group-begin');
  }

  #endGroup(event: BinlogEvent): void | Promise<void> {
    const commitTime = this.#group?.commitTime ?? 0;
    this.#log.endGroup(this.#parts.take(), { file: this.#file, offset: event.offset, begun: this.#begun });
    this.#counters.settle(commitTime);
    this.#group = undefined;
    return this.#hooks?.at?.('group-end');
  }

  /** The group stays as an empty one: it has its place in the order, and its id is executed. */
  #rollBack(event: BinlogEvent): void | Promise<void> {
    this.#parts.clear();
    this.#log.truncateGroup(0);
    this.#counters.returnTo({ events: new Map(), rows: new Map() }, 'rolled-back');
    return this.#endGroup(event);
  }

  #dropGroup(reason: LeftOutReason): void {
    this.#parts.clear();
    this.#log.abandonGroup();
    this.#counters.returnTo({ events: new Map(), rows: new Map() }, reason);
    this.#group = undefined;
  }

  #onRotate(event: BinlogEvent & { kind: 'rotate' }, bytes: number): void {
    this.#counters.leaveOut(event.type, bytes, 'describes-stream');
    if (this.#group !== undefined) {
      // Groups never span files: the source crashed while it wrote this one, and has rolled it back since.
      this.#warn(
        'The source left a transaction unfinished at the end of a binlog file; it was rolled back.',
        {
          transaction: this.#group.id,
          file: this.#file,
        },
      );
      this.#dropGroup('rolled-back');
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
  #onFileBegin({ timestamp }: BinlogEvent): void {
    this.#begun = timestamp;
    const { position } = this.#log.capture;
    if (position?.file !== this.#file || position.begun === timestamp) return;
    const fault = begunFault(timestamp, position);
    if (fault !== undefined) throw fault;
    this.#log.movePosition({ ...position, begun: timestamp });
  }

  // --- Rows ---------------------------------------------------------------------------------------------------

  #onTableMap(event: BinlogEvent & { kind: 'table-map' }, bytes: number): void | Promise<void> {
    this.#needBegun(event);
    const known = this.#tables.get(event.tableId);
    if (known !== undefined && event.isRepeated) return this.#countTableMap(event, bytes, known);
    const map = parseTableMap(event.body, event.bodyAt, event.end);
    if (!this.#filter.captures(map.schema, map.table)) return this.#know(event, bytes, map, undefined);
    if (!needsLearning(map, this.#flavour))
      return this.#know(event, bytes, map, this.#rowsOf(map, undefined));
    return this.#learned.of(map.schema, map.table).then((learned) => {
      if (learned === undefined)
        this.#warn('The source no longer has a table, whose types are taken as the binlog shows them.', {
          table: `${map.schema}.${map.table}`,
        });
      this.#know(event, bytes, map, this.#rowsOf(map, learned));
    });
  }

  #rowsOf(map: TableMap, learned: Parameters<typeof transcoderOf>[2]): KnownTable['rows'] {
    const transcoder = transcoderOf(map, this.#flavour, learned, this.#filter);
    return {
      target: {
        transcoder,
        schemaId: this.#log.registerTable(transcoder.version),
        isSequence: this.#flavour === 'mariadb' && isSequence(map),
      },
      tally: this.#counters.table(`${map.schema}.${map.table}`),
    };
  }

  #know(
    event: BinlogEvent & { kind: 'table-map' },
    bytes: number,
    map: TableMap,
    rows: KnownTable['rows'],
  ): void {
    const known = { name: `${map.schema}.${map.table}`, rows };
    this.#tables.set(event.tableId, known);
    this.#countTableMap(event, bytes, known);
  }

  #countTableMap(event: BinlogEvent, bytes: number, known: KnownTable): void {
    if (known.rows === undefined) this.#counters.leaveOut(event.type, bytes, 'excluded');
    else this.#counters.store(event.type, bytes);
  }

  #onRows(event: RowsEvent, bytes: number): void | Promise<void> {
    this.#needBegun(event);
    const known = this.#tables.get(event.tableId);
    if (known === undefined) {
      if (event.tableId === dummyTableId && (event.flags & RowsFlag.statementEnd) !== 0)
        return this.#counters.leaveOut(event.type, bytes, 'describes-stream');
      throw this.#fault('EVENT_MALFORMED', event, `no table map for table id ${event.tableId}`);
    }
    if (known.rows === undefined) return this.#counters.leaveOut(event.type, bytes, 'excluded');
    const { target, tally } = known.rows;
    let rows: number;
    try {
      rows = this.#parts.addRows(event, target, partFlags(event.flags));
    } catch (error) {
      throw this.#rowFault(error, event, known.name);
    }
    this.#counters.store(event.type, bytes);
    this.#counters.storeRows(tally, rows);
    return this.#parts.length < this.#chunkBytes ? undefined : this.#putChunk();
  }

  #putChunk(): void | Promise<void> {
    this.#log.putChunk(this.#parts.take());
    return this.#hooks?.at?.('chunk');
  }

  // --- Statements ---------------------------------------------------------------------------------------------

  #onQuery(event: QueryEvent, bytes: number): void | Promise<void> {
    const statement = plainStatement(event.statement) ?? classified(event);
    switch (statement.kind) {
      case 'begin':
        return this.#onBegin(event, bytes);
      case 'commit':
        this.#needBegun(event);
        this.#counters.store(event.type, bytes);
        return this.#endGroup(event);
      case 'rollback':
        this.#needBegun(event);
        this.#counters.store(event.type, bytes);
        return this.#rollBack(event);
      case 'savepoint':
      case 'rollback-to':
      case 'release':
        return this.#onSavepoint(event, bytes, statement.kind, statement.name);
      case 'ddl':
        return this.#onDdl(event, bytes, statement.ddl);
      case 'administrative':
        return this.#leaveStatementOut(event, bytes, 'administrative');
      case 'dml':
        if (this.#filter.ignoresStatement(statement.target))
          return this.#leaveStatementOut(event, bytes, 'ignored-statement');
        if (this.#filter.isSystem(statement.target.split('.', 1)[0]!))
          return this.#leaveStatementOut(event, bytes, 'excluded');
        throw this.#fault('STATEMENT_EVENT', event, statementFault(statement), this.#group?.id);
      case 'xa':
        throw this.#fault('UNSUPPORTED_EVENT', event, `${statement.verb} of a prepared XA transaction`);
      case 'unknown':
        throw this.#fault(
          'UNSUPPORTED_EVENT',
          event,
          `an unknown statement, ${statement.verb || 'without a verb'}`,
        );
    }
  }

  #onBegin(event: QueryEvent, bytes: number): void | Promise<void> {
    if (this.#group?.begun === true)
      throw this.#fault('EVENT_MALFORMED', event, 'a transaction begins inside another');
    if (this.#group === undefined) {
      const begun = this.#beginAnonymous(event, bytes, true);
      this.#counters.store(event.type, bytes);
      return begun;
    }
    this.#counters.store(event.type, bytes);
    this.#group.begun = true;
  }

  /** A server that writes no GTID events at all: the place of its first event names the group. */
  #beginAnonymous(event: QueryEvent, bytes: number, begun: boolean): void | Promise<void> {
    const id = `${event.serverId}/${this.#file}:${event.offset - bytes}`;
    return this.#beginGroup(id, event.timestamp * 1_000_000, begun);
  }

  #onSavepoint(
    event: QueryEvent,
    bytes: number,
    kind: 'savepoint' | 'rollback-to' | 'release',
    name: string,
  ): void | Promise<void> {
    const group = this.#needBegun(event);
    this.#counters.leaveOut(event.type, bytes, 'describes-stream');
    if (kind === 'savepoint') {
      group.savepoints = group.savepoints.filter((savepoint) => savepoint.name !== name);
      const chunk = this.#parts.length === 0 ? undefined : this.#putChunk();
      group.savepoints.push({ name, chunks: this.#log.openGroupChunks, mark: this.#counters.mark() });
      return chunk;
    }
    const index = group.savepoints.findIndex((savepoint) => savepoint.name === name);
    const savepoint = group.savepoints[index];
    if (savepoint === undefined)
      throw this.#fault('EVENT_MALFORMED', event, `savepoint ${name} was not set in this transaction`);
    // The savepoint itself stays on ROLLBACK TO; those set after it are gone.
    group.savepoints.length = kind === 'release' ? index : index + 1;
    if (kind === 'release') return;
    this.#parts.clear();
    this.#log.truncateGroup(savepoint.chunks);
    this.#counters.returnTo(savepoint.mark, 'rolled-back');
  }

  #onDdl(event: QueryEvent, bytes: number, ddl: DdlStatement): void | Promise<void> {
    if (ddl.isTemporary) return this.#leaveStatementOut(event, bytes, 'temporary-table');
    this.#forgetTables(ddl);
    if (!isCaptured(ddl, this.#filter)) return this.#leaveStatementOut(event, bytes, 'excluded');
    if (ddl.isVersioning)
      throw this.#fault(
        'UNSUPPORTED_EVENT',
        event,
        `${ddl.verb} makes a system-versioned table of ${ddl.targets[0]}`,
      );
    const begun = this.#group === undefined ? this.#beginAnonymous(event, bytes, false) : undefined;
    this.#counters.store(event.type, bytes);
    this.#parts.addDdl({
      verb: ddl.verb,
      tables: ddl.tables,
      defaultSchema: event.defaultSchema,
      ...(ddl.isAccount ? {} : { text: statementText(event.statement, event.charset[0]) }),
      sqlMode: event.sqlMode,
      charset: event.charset,
      timeZone: event.timeZone,
    });
    return after(begun, () => this.#endStatement(event));
  }

  #leaveStatementOut(event: QueryEvent, bytes: number, reason: LeftOutReason): void | Promise<void> {
    this.#counters.leaveOut(event.type, bytes, reason);
    const begun = this.#group === undefined ? this.#beginAnonymous(event, bytes, false) : undefined;
    return after(begun, () => this.#endStatement(event));
  }

  /** A statement by itself ends its group; inside a transaction (CREATE TABLE … SELECT) the rows follow. */
  #endStatement(event: QueryEvent): void | Promise<void> {
    if (this.#group?.begun !== true) return this.#endGroup(event);
  }

  #forgetTables(ddl: DdlStatement): void {
    if (ddl.isAccount) return;
    if (ddl.targets.length === 0) this.#learned.forgetAll();
    for (const target of ddl.targets) this.#learned.forget(target);
    for (const [id, table] of this.#tables)
      if (ddl.targets.length === 0 || ddl.targets.includes(table.name)) this.#tables.delete(id);
  }

  // --- Faults -------------------------------------------------------------------------------------------------

  #needBegun(event: BinlogEvent): Group {
    if (this.#group?.begun !== true)
      throw this.#fault('EVENT_MALFORMED', event, 'it stands outside a transaction');
    return this.#group;
  }

  #fault(code: ErrorCode, event: BinlogEvent, why: string, transaction = this.#group?.id): DrcError {
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

const partFlags = (flags: number): number =>
  ((flags & RowsFlag.foreignKeyChecksOff) === 0 ? 0 : PartFlag.foreignKeyChecksOff) |
  ((flags & RowsFlag.uniqueChecksOff) === 0 ? 0 : PartFlag.uniqueChecksOff);

/** The statements that servers write themselves, known without cutting them into tokens. */
function plainStatement(bytes: Buffer): Statement | undefined {
  if (bytes.length === 5 && bytes.toString('latin1') === 'BEGIN') return { kind: 'begin' };
  if (bytes.length === 6 && bytes.toString('latin1') === 'COMMIT') return { kind: 'commit' };
  return undefined;
}

const classified = (event: QueryEvent): Statement =>
  classifyStatement(statementText(event.statement, event.charset[0]), event.defaultSchema, event.sqlMode);

const statementFault = (statement: Statement & { kind: 'dml' }): string =>
  `${statement.verb} ${statement.target === '' ? '' : `on ${statement.target} `}was written as a statement`;

function isCaptured(ddl: DdlStatement, filter: TableFilter): boolean {
  if (ddl.isAccount) return true;
  if (ddl.targets.length > 0) return ddl.targets.some((name) => filter.capturesName(name));
  return ddl.schema === '' || filter.capturesSchema(ddl.schema);
}

function transcoderOf(
  map: TableMap,
  flavour: Flavour,
  learned: Awaited<ReturnType<LearnedTypes['of']>>,
  filter: TableFilter,
): RowTranscoder {
  const excludeColumns = filter.excludedColumns(
    map.schema,
    map.table,
    map.columns.map((column) => column.name),
  );
  return new RowTranscoder(map, {
    flavour,
    ...(learned === undefined ? {} : { learned }),
    ...(excludeColumns === undefined ? {} : { excludeColumns }),
  });
}

/** The columns of every MariaDB sequence, and of nothing else (MariaDB sql/sql_sequence.cc). */
const sequenceColumns = [
  'next_not_cached_value',
  'minimum_value',
  'maximum_value',
  'start_value',
  'increment',
  'cache_size',
  'cycle_option',
  'cycle_count',
];
const isSequence = (map: TableMap): boolean =>
  map.columns.length === sequenceColumns.length &&
  map.columns.every((column, index) => column.name === sequenceColumns[index]);

function after(first: void | Promise<void>, then: () => void | Promise<void>): void | Promise<void> {
  return first === undefined ? then() : first.then(then);
}
