import {
  EventFlag,
  EventType,
  eventHeaderBytes,
  type BinlogEvent,
  type LeftOutReason,
  type PayloadEvent,
  type RowsEvent,
} from './binlog-events.js';
import { BinlogPlace } from './binlog-place.js';
import { inflateCompressed, inflateRows } from './compressed-event.js';
import { dataViewOf } from './event-bytes.js';
import { mariadbGtid, mysqlGtid, taggedGtid } from './gtid-events.js';
import { parseQueryBody } from './query-event.js';
import type { RawEvents } from './raw-events.js';
import { hasExtraData, isCompressed, rowOperation } from './rows-event-type.js';
import { SeenTableMap } from './seen-table-map.js';
import { binlogFilePattern, StreamFormat, writerVersion } from './stream-format.js';
import { unpackedEvents } from './transaction-payload.js';
import { parseXaPrepare } from './xa-xid.js';
import type { Zstd } from './zstd.js';

/*
 *   event  = timestamp u32 | type u8 | server id u32 | size u32 (of all of it) | end position u32 | flags u16
 *          | body | [crc32 u32]
 *
 * The end position is that in the file, modulo 2^32; 0 where the server does not say.
 */

export interface EventParserOptions {
  readonly flavour: 'mariadb' | 'mysql';
  /** Where reading begins. */
  readonly file: string;
  readonly offset: number;
}

const wrap = 0x1_0000_0000;
/** Enough for what is being written to; a source may use up table ids without end. */
const maxSeenTableMaps = 4096;
/**
 * Raw events, in order, to parsed ones. It follows the stream: file, 64-bit offset, and what each file's
 * FORMAT_DESCRIPTION event says. One parser lives for one connection.
 */
export class EventParser {
  readonly #flavour: 'mariadb' | 'mysql';
  readonly #place: BinlogPlace;
  readonly #format: StreamFormat;
  /** The buffer in which the last event lay, as a view: its reads are the fastest there are. */
  #bytes: Buffer = Buffer.alloc(0);
  #view = dataViewOf(this.#bytes);
  /** By table id, of the file being read. */
  readonly #tableMaps = new Map<number, SeenTableMap>();

  constructor(options: EventParserOptions) {
    this.#flavour = options.flavour;
    this.#place = new BinlogPlace(options.file, options.offset);
    this.#format = new StreamFormat(this.#place);
  }

  /** The file whose events come now. */
  get file(): string {
    return this.#place.file;
  }

  /** First byte behind the last event parsed. */
  get offset(): number {
    return this.#place.offset;
  }

  /**
   * The event that lies in [start, end) of the bytes; by default all of them.
   * @throws DrcError `CHECKSUM_MISMATCH`, `EVENT_MALFORMED`, `UNSUPPORTED_EVENT`: position in its details.
   */
  parse(bytes: Buffer, start = 0, end = bytes.length): BinlogEvent {
    const size = end - start;
    if (size < eventHeaderBytes) throw this.#place.malformed('it is shorter than a header');
    const view = this.#viewOf(bytes);
    const type = view.getUint8(start + 4);
    if (view.getUint32(start + 9, true) !== size)
      throw this.#place.malformed('its size field is wrong', type);
    const seen =
      type === EventType.TABLE_MAP ? this.#seenTableMap(view, start, end - this.#format.crcBytes) : undefined;
    const bodyEnd = this.#format.checkedEnd(bytes, view, start, end, type, seen);
    const before = this.#place.offset;
    this.#place.advance(view, start, size, type);
    try {
      return this.#parseEvent(bytes, view, start, bodyEnd, type, seen, before);
    } catch (error) {
      this.#place.returnTo(before);
      throw error;
    }
  }

  /**
   * An event out of a compressed transaction, which stands where that does: it has no place in the file of its own, and
   * no checksum.
   * @throws DrcError as `parse`
   */
  parseUnpacked(bytes: Buffer, start: number, end: number): BinlogEvent {
    const view = this.#viewOf(bytes);
    const type = view.getUint8(start + 4);
    const seen = type === EventType.TABLE_MAP ? this.#seenTableMap(view, start, end) : undefined;
    return this.#parseEvent(bytes, view, start, end, type, seen, this.#place.offset);
  }

  /**
   * The events of a compressed transaction, for `parseUnpacked`; let others run between the steps.
   * @throws DrcError as `parse`
   */
  *unpack(zstd: Zstd, { body, bodyAt, end, type }: PayloadEvent): Generator<RawEvents, void, undefined> {
    try {
      yield* unpackedEvents(zstd, body, bodyAt, end);
    } catch (error) {
      throw this.#place.errorOf(error, type);
    }
  }

  #parseEvent(
    bytes: Buffer,
    view: DataView,
    start: number,
    bodyEnd: number,
    type: number,
    seen: SeenTableMap | undefined,
    before: number,
  ): BinlogEvent {
    try {
      if (type === EventType.TABLE_MAP)
        return this.#tableMap(bytes, view, start, bodyEnd, seen !== undefined);
      const operation = rowOperation(type);
      if (operation !== undefined) return this.#rows(bytes, view, start, bodyEnd, type, operation);
      return this.#parseBody(bytes.subarray(start, bodyEnd), type, before);
    } catch (error) {
      throw this.#place.errorOf(error, type);
    }
  }

  /** Many events lie in one buffer. */
  #viewOf(bytes: Buffer): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = dataViewOf(bytes);
    }
    return this.#view;
  }

  /** @param event without its checksum @param before the parser's offset in front of the event */
  #parseBody(event: Buffer, type: number, before: number): BinlogEvent {
    const end = event.length;
    const timestamp = event.readUInt32LE(0);
    const serverId = event.readUInt32LE(5);
    const offset = this.#place.offset;
    const bodyAt = eventHeaderBytes;
    switch (type) {
      case EventType.XID:
        return { kind: 'xid', type, timestamp, serverId, offset };
      case EventType.MARIADB_GTID:
        return mariadbGtid(event, end, offset);
      case EventType.GTID:
        return mysqlGtid(event, end, offset, this.#place.file, before);
      case EventType.ANONYMOUS_GTID:
        return mysqlGtid(event, end, offset, this.#place.file, before);
      case EventType.QUERY:
      case EventType.QUERY_COMPRESSED: {
        const { statementAt, ...context } = parseQueryBody(event, bodyAt, end);
        const text = event.subarray(statementAt, end);
        const statement = type === EventType.QUERY ? text : inflateCompressed(text);
        return { kind: 'query', type, timestamp, serverId, offset, ...context, statement };
      }
      case EventType.ROTATE:
        return this.#rotate(event, end, timestamp, serverId);
      case EventType.HEARTBEAT:
      case EventType.HEARTBEAT_V2:
        return { kind: 'heartbeat', type, timestamp, serverId, offset };
      case EventType.FORMAT_DESCRIPTION:
        return {
          kind: 'left-out',
          type,
          timestamp,
          serverId,
          offset,
          reason: 'describes-stream',
          serverVersion: writerVersion(event),
        };
      case EventType.STOP:
      case EventType.PREVIOUS_GTIDS:
      case EventType.GTID_LIST:
      case EventType.BINLOG_CHECKPOINT:
      case EventType.START_ENCRYPTION:
        return leftOut('describes-stream', event, offset);
      case EventType.ANNOTATE_ROWS:
      case EventType.ROWS_QUERY:
      case EventType.TRANSACTION_CONTEXT:
      case EventType.VIEW_CHANGE:
      // These precede a statement that stands in a QUERY event, and that event decides what is done.
      case EventType.INTVAR:
      case EventType.RAND:
      case EventType.USER_VAR:
        return leftOut('informational', event, offset);
      case EventType.IGNORABLE:
        return leftOut('ignorable', event, offset);
      case EventType.LOAD:
      case EventType.NEW_LOAD:
      case EventType.CREATE_FILE:
      case EventType.APPEND_BLOCK:
      case EventType.EXEC_LOAD:
      case EventType.DELETE_FILE:
      case EventType.BEGIN_LOAD_QUERY:
      case EventType.EXECUTE_LOAD_QUERY:
        return { kind: 'statement-part', type, timestamp, serverId, offset };
      case EventType.XA_PREPARE:
        return {
          kind: 'xa-prepare',
          type,
          timestamp,
          serverId,
          offset,
          ...parseXaPrepare(event, bodyAt, end),
        };
      case EventType.INCIDENT:
        return unsupported('the source itself lost changes here', event, offset);
      case EventType.PARTIAL_UPDATE_ROWS:
        return unsupported(
          "a partial update of a JSON value. SET GLOBAL binlog_row_value_options = '' on the source keeps new sessions from more; " +
            'only drc store skip gets past what is written already',
          event,
          offset,
        );
      case EventType.PARTIAL_ROW_DATA:
        return unsupported('a part of a row; which MariaDB writes from 12.3 on', event, offset);
      case EventType.TRANSACTION_PAYLOAD:
        return { kind: 'payload', type, timestamp, serverId, offset, body: event, bodyAt, end };
      case EventType.GTID_TAGGED:
        return taggedGtid(event, end, offset);
      case EventType.START_V3:
      case EventType.SLAVE:
      case EventType.PRE_GA_WRITE_ROWS:
      case EventType.PRE_GA_UPDATE_ROWS:
      case EventType.PRE_GA_DELETE_ROWS:
        return unsupported('an event of a server version before 5.1', event, offset);
      default:
        // Nobody knows what it does: only its writer's word that it may be left out counts.
        return (event.readUInt16LE(17) & EventFlag.ignorable) !== 0
          ? leftOut('ignorable', event, offset)
          : unsupported(`a type that this version does not know (${this.#flavour})`, event, offset);
    }
  }

  /** What was read before under the table id of this event, where its body is the same. */
  #seenTableMap(view: DataView, start: number, bodyEnd: number): SeenTableMap | undefined {
    if (bodyEnd < start + eventHeaderBytes + 6)
      throw this.#place.malformed('it ends before its table id', EventType.TABLE_MAP);
    const seen = this.#tableMaps.get(u48(view, start + eventHeaderBytes));
    return seen?.isIn(view, start, bodyEnd) === true ? seen : undefined;
  }

  #tableMap(bytes: Buffer, view: DataView, start: number, bodyEnd: number, isRepeated: boolean): BinlogEvent {
    const tableId = u48(view, start + eventHeaderBytes);
    if (!isRepeated) {
      if (this.#tableMaps.size >= maxSeenTableMaps) this.#tableMaps.clear();
      this.#tableMaps.set(tableId, new SeenTableMap(view, start, bodyEnd));
    }
    return {
      kind: 'table-map',
      type: EventType.TABLE_MAP,
      timestamp: view.getUint32(start, true),
      serverId: view.getUint32(start + 5, true),
      offset: this.#place.offset,
      tableId,
      body: bytes,
      bodyAt: start + eventHeaderBytes,
      end: bodyEnd,
      isRepeated,
    };
  }

  /** Table id u48 | flags u16 | [extra data: u16 length, which counts its own two bytes] | columns … */
  #rows(
    bytes: Buffer,
    view: DataView,
    start: number,
    bodyEnd: number,
    type: number,
    operation: RowsEvent['operation'],
  ): RowsEvent {
    const flagsAt = start + eventHeaderBytes + 6;
    const columnsAt = flagsAt + 2 + (hasExtraData(type) ? view.getUint16(flagsAt + 2, true) : 0);
    if (columnsAt >= bodyEnd) throw this.#place.malformed('it ends before its columns', type);
    const event: RowsEvent = {
      kind: 'rows',
      type,
      timestamp: view.getUint32(start, true),
      serverId: view.getUint32(start + 5, true),
      offset: this.#place.offset,
      operation,
      tableId: u48(view, start + eventHeaderBytes),
      flags: view.getUint16(flagsAt, true),
      body: bytes,
      columnsAt,
      end: bodyEnd,
    };
    return isCompressed(type) ? inflated(event) : event;
  }

  /** ROTATE: position u64 | name of the next file. */
  #rotate(event: Buffer, end: number, timestamp: number, serverId: number): BinlogEvent {
    const position = Number(event.readBigUInt64LE(eventHeaderBytes));
    const file = event.toString('utf8', eventHeaderBytes + 8, end);
    if (!binlogFilePattern.test(file)) throw this.#place.malformed('it names no file', EventType.ROTATE);
    this.#place.rotate(file, position);
    // Table ids may mean other tables in the next file.
    this.#tableMaps.clear();
    return {
      kind: 'rotate',
      type: EventType.ROTATE,
      timestamp,
      serverId,
      offset: this.#place.offset,
      file,
      position,
    };
  }
}

const u48 = (view: DataView, at: number): number =>
  view.getUint32(at, true) + view.getUint16(at + 4, true) * wrap;

const leftOut = (reason: LeftOutReason, event: Buffer, offset: number): BinlogEvent => ({
  kind: 'left-out',
  type: event[4]!,
  timestamp: event.readUInt32LE(0),
  serverId: event.readUInt32LE(5),
  offset,
  reason,
});

const unsupported = (why: string, event: Buffer, offset: number): BinlogEvent => ({
  kind: 'unsupported',
  type: event[4]!,
  timestamp: event.readUInt32LE(0),
  serverId: event.readUInt32LE(5),
  offset,
  why,
});

function inflated(event: RowsEvent): RowsEvent {
  const body = inflateRows(event.body, event.columnsAt, event.end, event.operation === 'update' ? 2 : 1);
  return { ...event, body, columnsAt: 0, end: body.length };
}
