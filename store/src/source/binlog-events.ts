import type { XaPrepare } from './xa-xid.js';

/*
 * Every event type that MariaDB (up to 11.x) and MySQL (up to 9.x) can write, by the code in the event's header.
 * Sources: MariaDB sql/log_event.h, MySQL libs/mysql/binlog/event/binlog_event.h.
 */
export const EventType = {
  START_V3: 1,
  QUERY: 2,
  STOP: 3,
  ROTATE: 4,
  INTVAR: 5,
  LOAD: 6,
  SLAVE: 7,
  CREATE_FILE: 8,
  APPEND_BLOCK: 9,
  EXEC_LOAD: 10,
  DELETE_FILE: 11,
  NEW_LOAD: 12,
  RAND: 13,
  USER_VAR: 14,
  FORMAT_DESCRIPTION: 15,
  XID: 16,
  BEGIN_LOAD_QUERY: 17,
  EXECUTE_LOAD_QUERY: 18,
  TABLE_MAP: 19,
  PRE_GA_WRITE_ROWS: 20,
  PRE_GA_UPDATE_ROWS: 21,
  PRE_GA_DELETE_ROWS: 22,
  WRITE_ROWS_V1: 23,
  UPDATE_ROWS_V1: 24,
  DELETE_ROWS_V1: 25,
  INCIDENT: 26,
  HEARTBEAT: 27,
  IGNORABLE: 28,
  ROWS_QUERY: 29,
  WRITE_ROWS: 30,
  UPDATE_ROWS: 31,
  DELETE_ROWS: 32,
  GTID: 33,
  ANONYMOUS_GTID: 34,
  PREVIOUS_GTIDS: 35,
  TRANSACTION_CONTEXT: 36,
  VIEW_CHANGE: 37,
  XA_PREPARE: 38,
  PARTIAL_UPDATE_ROWS: 39,
  TRANSACTION_PAYLOAD: 40,
  HEARTBEAT_V2: 41,
  GTID_TAGGED: 42,
  ANNOTATE_ROWS: 160,
  BINLOG_CHECKPOINT: 161,
  MARIADB_GTID: 162,
  GTID_LIST: 163,
  START_ENCRYPTION: 164,
  QUERY_COMPRESSED: 165,
  WRITE_ROWS_COMPRESSED_V1: 166,
  UPDATE_ROWS_COMPRESSED_V1: 167,
  DELETE_ROWS_COMPRESSED_V1: 168,
  WRITE_ROWS_COMPRESSED: 169,
  UPDATE_ROWS_COMPRESSED: 170,
  DELETE_ROWS_COMPRESSED: 171,
  PARTIAL_ROW_DATA: 172,
} as const;

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(EventType).map(([name, code]) => [code, name]),
);

/** The name by which an event type is counted, logged and reported. */
export const eventTypeName = (code: number): string => names.get(code) ?? `UNKNOWN_${code}`;

export const eventHeaderBytes = 19;

/** Flags of the event header. */
export const EventFlag = {
  /** Made by the dump thread; it is in no file. */
  artificial: 0x20,
  /** A reader that does not know the type may leave the event out. */
  ignorable: 0x80,
} as const;

/** Why an event, or rows, are not in the log. Each is counted under its name. */
export type LeftOutReason =
  /** It describes the file or the stream, and has done its work once it is read. */
  | 'describes-stream'
  /**
   * An aid for people or for replicas: annotations, the text of a statement whose rows follow, that an ALTER has begun,
   * certification data.
   */
  | 'informational'
  /** The source marks it as one that a reader may leave out. */
  | 'ignorable'
  /** The rows of a table, or a statement about objects, that the capture filter excludes. */
  | 'excluded'
  /** A statement that changes neither rows nor definitions: FLUSH, ANALYZE, OPTIMIZE, … */
  | 'administrative'
  /** It concerns a temporary table, which nobody else ever sees. */
  | 'temporary-table'
  /** A statement about a table that `statements.ignore` names. */
  | 'ignored-statement'
  /** Rows of the table that says where a transaction comes from: it stands in the transaction's origin. */
  | 'origin-mark'
  /** The history of a system-versioned table, which MariaDB logs like rows. */
  | 'history'
  /** The source undid it: ROLLBACK, or ROLLBACK TO a savepoint. */
  | 'rolled-back'
  /** The connection ended within its transaction, which is read again. */
  | 'interrupted'
  /** It came again, since reading could not begin behind it. */
  | 'already-stored'
  /** An operator left its transaction out (`drc store skip`); counted in the process that did it. */
  | 'skipped';

/** Where an event stands. All fields are set for each event. */
interface EventPlace {
  /** The code in the header. */
  readonly type: number;
  /** Seconds since 1970, from the header: what the session's clock, or its `SET timestamp`, said. */
  readonly timestamp: number;
  readonly serverId: number;
  /** First byte behind the event in its file; 64 bits. */
  readonly offset: number;
}

export interface RowsEvent extends EventPlace {
  readonly kind: 'rows';
  readonly operation: 'insert' | 'update' | 'delete';
  readonly tableId: number;
  /** Row event flags, see `RowsFlag`. */
  readonly flags: number;
  readonly body: Buffer;
  /** Offset in `body` of the number of columns. */
  readonly columnsAt: number;
  readonly end: number;
}

export interface QueryEvent extends EventPlace {
  readonly kind: 'query';
  readonly defaultSchema: string;
  readonly sqlMode: number;
  readonly charset: readonly [client: number, connection: number, server: number];
  readonly timeZone: string;
  /** The statement in the session's character set. */
  readonly statement: Buffer;
}

/** A compressed transaction: the events of a group behind its GTID event. */
export interface PayloadEvent extends EventPlace {
  readonly kind: 'payload';
  readonly body: Buffer;
  readonly bodyAt: number;
  readonly end: number;
}

/** A part of an ALTER that MariaDB logs when it begins and again when it has ended. */
export interface AlterPart {
  readonly part: 'start' | 'commit' | 'rollback';
  /** Of the start: the id of its group. */
  readonly startId: string;
}

/** One parsed event. Buffers are slices of the event as it arrived (or of its inflated body). */
export type BinlogEvent =
  | RowsEvent
  | QueryEvent
  | PayloadEvent
  | (EventPlace & {
      readonly kind: 'table-map';
      readonly tableId: number;
      /** The event's body lies in [bodyAt, end). */
      readonly body: Buffer;
      readonly bodyAt: number;
      readonly end: number;
      /** The last event for this table id was the same, byte for byte. */
      readonly isRepeated: boolean;
    })
  | (EventPlace & {
      readonly kind: 'gtid';
      /** Transaction id; for an anonymous transaction `server/file:offset`, of the first byte of its group. */
      readonly id: string;
      /** µs since 1970 */
      readonly commitTime: number;
      /** It stands for a BEGIN (MariaDB); otherwise a BEGIN query follows, or the one statement that is all of the group. */
      readonly begins: boolean;
      /** MariaDB: the group ends in an XA PREPARE, or is the decision over a prepared transaction. */
      readonly xa?: { readonly state: 'prepared' | 'decided'; readonly xid: string };
      /** MariaDB: the group is a part of an ALTER that is logged in two. */
      readonly alter?: AlterPart;
    })
  | (EventPlace & { readonly kind: 'xid' })
  /** The end of a group that waits for its decision, or (`onePhase`) of one that is committed. */
  | (EventPlace & { readonly kind: 'xa-prepare' } & XaPrepare)
  | (EventPlace & { readonly kind: 'rotate'; readonly file: string; readonly position: number })
  | (EventPlace & { readonly kind: 'heartbeat' })
  | (EventPlace & {
      readonly kind: 'left-out';
      readonly reason: LeftOutReason;
      /** Of a FORMAT_DESCRIPTION: the version of the server that wrote the file, such as `9.7.4`. */
      readonly serverVersion?: string;
    })
  /** The source wrote changes as a statement, of which this event is a part. */
  | (EventPlace & { readonly kind: 'statement-part' })
  | (EventPlace & { readonly kind: 'unsupported'; readonly why: string });

/** Flags of a rows event (MariaDB `Rows_log_event::enum_flag`). */
export const RowsFlag = { statementEnd: 1, foreignKeyChecksOff: 2, uniqueChecksOff: 4 } as const;
