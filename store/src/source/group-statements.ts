import { DrcError } from '@drc/protocol';
import type { AssemblerPlace } from './assembler-place.js';
import type { AlterPart, LeftOutReason, QueryEvent } from './binlog-events.js';
import type { CaptureCounters } from './capture-counters.js';
import type { CapturedTables } from './captured-tables.js';
import type { DdlStatement } from './ddl-statement.js';
import type { GroupLog } from './group-log.js';
import type { GroupWriter } from './group-writer.js';
import { originTableName } from './origin-mark.js';
import { isServerTable } from './server-tables.js';
import { statementText } from './statement-text.js';
import { classifyStatement, plainStatement, type Statement } from './statement.js';
import type { TableFilter } from './table-filter.js';
import type { XaStatement } from './xa-xid.js';

export interface GroupStatementsParts {
  readonly log: Pick<GroupLog, 'isPrepared'>;
  readonly group: GroupWriter;
  readonly place: AssemblerPlace;
  readonly tables: CapturedTables;
  readonly filter: TableFilter;
  readonly counters: CaptureCounters;
  readonly warn: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

/**
 * What the source writes as text: where transactions begin and end, savepoints, XA, definitions. A statement that changes rows
 * is an error, since nobody can tell which.
 */
export class GroupStatements {
  readonly #log: GroupStatementsParts['log'];
  readonly #group: GroupWriter;
  readonly #place: AssemblerPlace;
  readonly #tables: CapturedTables;
  readonly #filter: TableFilter;
  readonly #counters: CaptureCounters;
  readonly #warn: GroupStatementsParts['warn'];
  /** Which part of an ALTER the open group is, where it is one. */
  #alterPart: AlterPart['part'] | undefined;
  /** A table was dropped in the open group behind something else of it. */
  #hasDroppedLate = false;

  constructor({ log, group, place, tables, filter, counters, warn }: GroupStatementsParts) {
    this.#log = log;
    this.#group = group;
    this.#place = place;
    this.#tables = tables;
    this.#filter = filter;
    this.#counters = counters;
    this.#warn = warn;
  }

  /** A group begins. @param part of an ALTER, where it is one */
  groupBegins(part: AlterPart['part'] | undefined): void {
    this.#alterPart = part;
    this.#hasDroppedLate = false;
    this.#tables.trim();
  }

  /** The group that has begun ends in an XA PREPARE under this XID. */
  prepareAs(xid: string): void {
    if (this.#log.isPrepared(xid))
      this.#warn('The source prepares an XA transaction anew; what was prepared before was never decided.', {
        xid,
      });
    this.#group.prepareAs(xid);
  }

  /**
   * Takes a QUERY event. Where a promise comes back, wait for it before the next call.
   * @throws DrcError as `TransactionAssembler.push`
   */
  push(event: QueryEvent, bytes: number): void | Promise<void> {
    // The server writes an ALTER when it begins, and again when it has ended.
    if (this.#alterPart === 'start') return this.#leaveStatementOut(event, bytes, 'informational');
    if (this.#alterPart === 'rollback') return this.#leaveStatementOut(event, bytes, 'rolled-back');
    const statement = this.#statement(event);
    switch (statement.kind) {
      case 'begin':
        return this.#onBegin(event, bytes);
      case 'commit':
        this.#place.needBegun(event);
        this.#counters.store(event.type, bytes);
        return this.#group.end(this.#place.behind(event));
      case 'rollback':
        this.#place.needBegun(event);
        if (this.#hasDroppedLate)
          throw this.#place.fault(
            'UNSUPPORTED_EVENT',
            event,
            'it rolls back rows, and not the DROP TABLE behind them',
          );
        this.#counters.store(event.type, bytes);
        return this.#group.rollBack(this.#place.behind(event));
      case 'savepoint':
      case 'rollback-to':
      case 'release':
        return this.#onSavepoint(event, bytes, statement.kind, statement.name);
      case 'ddl':
        return this.#onDdl(event, bytes, statement);
      case 'administrative':
        return this.#leaveStatementOut(event, bytes, 'administrative');
      case 'dml':
        // What marks transactions must not be passed over: they would go round in circles.
        if (statement.target !== originTableName && this.#filter.ignoresStatement(statement.target))
          return this.#leaveStatementOut(event, bytes, 'ignored-statement');
        // Hosted servers write their heartbeats so.
        if (statement.isPlain && isServerTable(statement.target))
          return this.#leaveStatementOut(event, bytes, 'excluded');
        throw this.#place.fault('STATEMENT_EVENT', event, statementFault(statement));
      case 'xa':
        return this.#onXa(event, bytes, statement);
      case 'unknown':
        throw this.#place.fault(
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
      throw error instanceof DrcError ? this.#place.fault(error.code, event, error.message) : error;
    }
  }

  #onBegin(event: QueryEvent, bytes: number): void | Promise<void> {
    if (this.#group.isBegun)
      throw this.#place.fault('EVENT_MALFORMED', event, 'a transaction begins inside another');
    const begun = this.#beginUnlessOpen(event, bytes);
    this.#counters.store(event.type, bytes);
    this.#group.begun();
    return begun;
  }

  /** A server that writes no GTID events at all: the place of its first event names the group. */
  #beginUnlessOpen(event: QueryEvent, bytes: number): void | Promise<void> {
    if (this.#group.id !== undefined) return;
    const id = `${event.serverId}/${this.#place.file}:${event.offset - bytes}`;
    this.groupBegins(undefined);
    return this.#group.begin(id, event.timestamp * 1_000_000, false);
  }

  #onXa(event: QueryEvent, bytes: number, { verb, xid }: XaStatement): void | Promise<void> {
    if (verb === 'start') return after(this.#onBegin(event, bytes), () => this.prepareAs(xid));
    if (verb === 'end' || this.#group.isBegun) {
      this.#place.needBegun(event);
      this.#counters.store(event.type, bytes);
      if (verb === 'end') return;
      const position = this.#place.behind(event);
      return verb === 'commit' ? this.#group.end(position) : this.#group.rollBack(position);
    }
    const begun = this.#beginUnlessOpen(event, bytes);
    if (verb === 'commit' && !this.#log.isPrepared(xid))
      throw this.#place.fault('XA_UNKNOWN', event, `${xid} was prepared before the log begins`);
    this.#counters.store(event.type, bytes);
    const position = this.#place.behind(event);
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
    this.#place.needBegun(event);
    this.#counters.leaveOut(event.type, bytes, 'describes-stream');
    if (kind === 'savepoint') return this.#group.savepoint(name);
    const place = this.#group.findSavepoint(name);
    if (place === 'ambiguous')
      throw this.#place.fault(
        'UNSUPPORTED_EVENT',
        event,
        `savepoint ${name} may be one of several whose names the server takes for equal`,
      );
    if (place !== undefined)
      return kind === 'release' ? this.#group.release(place) : this.#group.rollBackTo(place);
    throw this.#place.fault('EVENT_MALFORMED', event, `savepoint ${name} was not set in this transaction`);
  }

  #onDdl(
    event: QueryEvent,
    bytes: number,
    { ddl, mayHoldPassword }: Statement & { kind: 'ddl' },
  ): void | Promise<void> {
    if (ddl.isTemporary) return this.#leaveStatementOut(event, bytes, 'temporary-table');
    this.#tables.forget(ddl);
    if (!isCaptured(ddl, this.#filter)) return this.#leaveStatementOut(event, bytes, 'excluded');
    const begun = this.#beginUnlessOpen(event, bytes);
    const isFirst = this.#group.isEmpty;
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
    return after(begun, () =>
      ddl.verb === 'DROP TABLE' ? this.#onDropped(event, isFirst) : this.#endStatement(event),
    );
  }

  /** No ROLLBACK brings a table back: MariaDB writes one behind the DROP TABLE of a CREATE OR REPLACE TABLE … SELECT that failed. */
  #onDropped(event: QueryEvent, isFirst: boolean): void | Promise<void> {
    if (!this.#group.isBegun) return this.#endStatement(event);
    if (isFirst) return this.#group.keep();
    this.#hasDroppedLate = true;
  }

  #leaveStatementOut(event: QueryEvent, bytes: number, reason: LeftOutReason): void | Promise<void> {
    this.#counters.leaveOut(event.type, bytes, reason);
    const begun = this.#beginUnlessOpen(event, bytes);
    return after(begun, () => this.#endStatement(event));
  }

  /** A statement by itself ends its group; inside a transaction (CREATE TABLE … SELECT) the rows follow. */
  #endStatement(event: QueryEvent): void | Promise<void> {
    if (!this.#group.isBegun) return this.#group.end(this.#place.behind(event));
  }
}

const statementFault = (statement: Statement & { kind: 'dml' }): string =>
  `${statement.verb} ${statement.target === '' ? '' : `on ${statement.target} `}was written as a statement`;

function isCaptured(ddl: DdlStatement, filter: TableFilter): boolean {
  if (ddl.isAccount) return true;
  if (ddl.targets.length > 0) return ddl.targets.some((name) => filter.capturesName(name));
  return ddl.schema === '' || filter.capturesSchema(ddl.schema);
}

/** The next step, at once where the first one is done. */
export function after(first: void | Promise<void>, then: () => void | Promise<void>): void | Promise<void> {
  return first === undefined ? then() : first.then(then);
}
