import { EventType, eventTypeName, type BinlogEvent, type QueryEvent } from './binlog-events.js';
import { rowOperation } from './rows-event-type.js';
import { sqlTokens } from './sql-tokens.js';
import { classifyStatement, plainStatement, type Statement } from './statement.js';
import { statementText } from './statement-text.js';
import { parseTableMap } from './table-schema.js';

/** Names that may be those of functions, at most: beyond it nobody looks. */
const mostCalls = 10_000;

/** What is known of a transaction from the outside: its rows are not looked into. */
export interface ScannedGroup {
  readonly id: string;
  /** µs since 1970, as the source says. */
  readonly commitTime: number;
  /** Its first byte. */
  readonly from: { readonly file: string; readonly offset: number };
  /** Events by the name of their type. */
  readonly events: ReadonlyMap<string, number>;
  readonly rowsEvents: number;
  /** As sent: a compressed transaction counts with its compressed size. */
  readonly bytes: number;
  /** `schema.table` of the row events and of definitions. */
  readonly tables: ReadonlySet<string>;
  /**
   * What statements that stand in the binlog instead of rows name as the one table that each writes, `schema.table`; with
   * the names, in small letters, of all that they call.
   */
  readonly written: ReadonlyMap<string, ReadonlySet<string>>;
  /** Why it may have changed any table; undefined where all of them are in `tables` or in `written`. */
  readonly anyTable: string | undefined;
  /** It was prepared under this XID, and its rows come with the commit. */
  readonly preparedAs: string | undefined;
}

/** What cannot stand outside a transaction. */
type PartEvent = BinlogEvent & {
  readonly kind: 'table-map' | 'rows' | 'xid' | 'xa-prepare' | 'payload' | 'statement-part';
};

interface OpenGroup {
  id: string;
  commitTime: number;
  from: { file: string; offset: number };
  events: Map<string, number>;
  rowsEvents: number;
  bytes: number;
  tables: Set<string>;
  written: Map<string, Set<string>>;
  anyTable: string | undefined;
  preparedAs: string | undefined;
}

export type ScanState =
  /** No transaction has begun. */
  | { readonly kind: 'before' }
  | { readonly kind: 'inside'; readonly id: string }
  /** `offset`: first byte behind it, in the file that is being read. */
  | { readonly kind: 'ended'; readonly group: ScannedGroup; readonly offset: number }
  /** Where it ends cannot be told. */
  | { readonly kind: 'endless'; readonly why: string };

/**
 * Finds where the next transaction begins and ends, and which tables it names, from events some of which nobody can
 * read. Law: what it cannot tell it does not guess: a table that cannot be known makes it all tables, an end that
 * cannot be known makes it endless.
 */
export class GroupScan {
  #group: OpenGroup | undefined = undefined;
  #isBegun = false;
  #state: ScanState = { kind: 'before' };

  get state(): ScanState {
    return this.#state;
  }

  /**
   * @param bytes size of the event as sent; 0 for one out of a compressed transaction
   * @param file the file in which it stands
   */
  push(event: BinlogEvent, bytes: number, file: string): void {
    if (this.#state.kind === 'ended' || this.#state.kind === 'endless') return;
    switch (event.kind) {
      case 'heartbeat':
        return;
      case 'rotate':
        if (this.#group !== undefined) this.#endless('the file ends before it does');
        return;
      case 'gtid':
        if (this.#group !== undefined) return this.#endless(`${event.id} begins before its end was seen`);
        this.#open(event.id, event.commitTime, { file, offset: event.offset - bytes });
        this.#isBegun = event.begins;
        return this.#count(event.type, bytes);
      case 'query':
        return this.#onQuery(event, bytes, file);
      case 'unsupported':
        // One that stands by itself, such as MariaDB's INCIDENT, is passed like a transaction of its own.
        if (this.#group !== undefined) return this.#unknown(event, bytes);
        this.#openAnonymous(event, bytes, file);
        this.#unknown(event, bytes);
        return this.#end(event.offset);
      case 'left-out':
        if (this.#group !== undefined) this.#count(event.type, bytes);
        return;
      case 'table-map':
      case 'rows':
      case 'xid':
      case 'xa-prepare':
      case 'payload':
      case 'statement-part':
        return this.#onPart(event, bytes);
    }
  }

  /** An event that the parser refused. @param type the code in its header */
  unreadable(type: number, bytes: number, isDamaged: boolean): void {
    if (this.#group === undefined) return;
    this.#count(type, bytes);
    // The table of its rows was named before, unless nothing of the event can be believed.
    if (isDamaged || rowOperation(type) === undefined)
      this.#any(`its ${eventTypeName(type)} event cannot be read`);
  }

  /** A compressed transaction could not be unpacked, or not to its end; it is all that stands behind its GTID. */
  payloadUnreadable(offset: number): void {
    if (this.#group === undefined) return;
    this.#any('it is compressed and cannot be unpacked');
    this.#end(offset);
  }

  #onPart(event: PartEvent, bytes: number): void {
    const group = this.#group;
    if (group === undefined)
      return this.#endless(`a ${eventTypeName(event.type)} event stands outside a transaction`);
    this.#count(event.type, bytes);
    switch (event.kind) {
      case 'table-map':
        return this.#onTableMap(event);
      case 'statement-part':
        return this.#any('changes stand in it as a statement that does not name its table here');
      case 'xid':
        return this.#end(event.offset);
      case 'xa-prepare':
        if (!event.onePhase) group.preparedAs = event.xid;
        return this.#end(event.offset);
      case 'rows':
      case 'payload':
        return;
    }
  }

  #onTableMap({ body, bodyAt, end }: BinlogEvent & { kind: 'table-map' }): void {
    try {
      const { schema, table } = parseTableMap(body, bodyAt, end);
      this.#group?.tables.add(`${schema}.${table}`);
    } catch {
      this.#any('the description of one of its tables cannot be read');
    }
  }

  #onQuery(event: QueryEvent, bytes: number, file: string): void {
    const statement = statementOf(event);
    if (statement === undefined) {
      if (this.#group === undefined || !this.#isBegun)
        return this.#endless('a statement cannot be read, which may begin it');
      this.#count(event.type, bytes);
      return this.#any('it has a statement that cannot be read');
    }
    if (this.#group === undefined) this.#openAnonymous(event, bytes, file);
    this.#count(event.type, bytes);
    switch (statement.kind) {
      case 'begin':
        this.#isBegun = true;
        return;
      case 'commit':
      case 'rollback':
        return this.#end(event.offset);
      case 'savepoint':
      case 'rollback-to':
      case 'release':
        return;
      case 'xa':
        return this.#onXa(statement, event.offset);
      case 'ddl':
        for (const target of statement.ddl.targets) this.#group?.tables.add(target);
        if (statement.ddl.targets.length === 0 && !statement.ddl.isAccount)
          this.#any(`${statement.ddl.verb} names no table`);
        break;
      case 'dml':
        if (statement.target === '') this.#any(`${statement.verb} does not tell which tables it writes`);
        else this.#writes(statement.target, event);
        break;
      case 'administrative':
        break;
      case 'unknown':
        this.#any('it has a statement of an unknown kind');
        break;
    }
    if (!this.#isBegun) this.#end(event.offset);
  }

  #writes(target: string, event: QueryEvent): void {
    const { written } = this.#group!;
    const calls = written.get(target) ?? new Set();
    written.set(target, calls);
    let name: string | undefined;
    for (const { kind, text } of sqlTokens(statementText(event.statement, event.charset[0]), event.sqlMode)) {
      if (text === '(' && name !== undefined && calls.size < mostCalls) calls.add(name);
      name = kind === 'word' || kind === 'name' ? text.toLowerCase() : undefined;
    }
    if (calls.size >= mostCalls) this.#any(`statements on ${target} call more than anybody looks for`);
  }

  #onXa({ verb, xid }: Statement & { kind: 'xa' }, offset: number): void {
    if (verb === 'start') this.#isBegun = true;
    if (verb === 'start' || verb === 'end') return;
    if (verb === 'commit' && !this.#isBegun)
      this.#any(`it commits ${xid}, which was prepared before the log begins`);
    this.#end(offset);
  }

  #unknown(event: BinlogEvent & { kind: 'unsupported' }, bytes: number): void {
    this.#count(event.type, bytes);
    // A partial update names its table like any rows event.
    if (event.type !== EventType.PARTIAL_UPDATE_ROWS)
      this.#any(`its ${eventTypeName(event.type)} event is not understood`);
  }

  /** Without a GTID the place of its first event names it. */
  #openAnonymous(event: BinlogEvent, bytes: number, file: string): void {
    const offset = event.offset - bytes;
    this.#open(`${event.serverId}/${file}:${offset}`, event.timestamp * 1_000_000, { file, offset });
    this.#isBegun = false;
  }

  #open(id: string, commitTime: number, from: OpenGroup['from']): void {
    this.#group = {
      id,
      commitTime,
      from,
      events: new Map(),
      rowsEvents: 0,
      bytes: 0,
      tables: new Set(),
      written: new Map(),
      anyTable: undefined,
      preparedAs: undefined,
    };
    this.#state = { kind: 'inside', id };
  }

  #count(type: number, bytes: number): void {
    const group = this.#group;
    if (group === undefined) return;
    const name = eventTypeName(type);
    group.events.set(name, (group.events.get(name) ?? 0) + 1);
    group.bytes += bytes;
    if (rowOperation(type) !== undefined || type === EventType.PARTIAL_UPDATE_ROWS) group.rowsEvents++;
  }

  #any(why: string): void {
    if (this.#group !== undefined) this.#group.anyTable ??= why;
  }

  #end(offset: number): void {
    if (this.#group !== undefined) this.#state = { kind: 'ended', group: this.#group, offset };
  }

  #endless(why: string): void {
    this.#state = { kind: 'endless', why };
  }
}

/** Undefined where it cannot be read. */
function statementOf({ statement, charset, defaultSchema, sqlMode }: QueryEvent): Statement | undefined {
  try {
    return (
      plainStatement(statement) ??
      classifyStatement(statementText(statement, charset[0]), defaultSchema, sqlMode)
    );
  } catch {
    return undefined;
  }
}
