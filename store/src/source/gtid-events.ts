import { DrcError } from '@drc/protocol';
import { EventType, eventHeaderBytes, type AlterPart, type BinlogEvent } from './binlog-events.js';
import { malformedEvent } from './event-bytes.js';
import { SerializedFields } from './serialized-fields.js';
import { xidKey } from './xa-xid.js';

/** The first event of a group. */
export type GtidEvent = Extract<BinlogEvent, { kind: 'gtid' }>;

const microsPerSecond = 1_000_000;
const wrap = 0x1_0000_0000;

// --- MariaDB --------------------------------------------------------------------------------------------------

const MariadbFlag = { standalone: 1, groupCommitId: 2, preparedXa: 64, completedXa: 128 } as const;
const MariadbExtra = { multiEngine: 1, startAlter: 2, commitAlter: 4, rollbackAlter: 8 } as const;

/*
 * sequence u64 | domain u32 | flags u8 | [commit id u64] | [xid: format u32, lengths u8 u8, bytes]
 * | [extra flags u8 | [engines u8] | [sequence of the ALTER's start u64]] | padding to 19 bytes
 *   (sql/log_event_server.cc, Gtid_log_event::write)
 */

/** @param offset first byte behind the event in its file. @throws DrcError `EVENT_MALFORMED`. */
export function mariadbGtid(event: Buffer, end: number, offset: number): GtidEvent {
  const bodyAt = eventHeaderBytes;
  if (bodyAt + 13 > end) throw malformedEvent('GTID that is too short');
  const serverId = event.readUInt32LE(5);
  const timestamp = event.readUInt32LE(0);
  const domain = event.readUInt32LE(bodyAt + 8);
  const flags = event[bodyAt + 12]!;
  let at = bodyAt + 13;
  if ((flags & MariadbFlag.groupCommitId) !== 0) at += 8;
  const isPrepared = (flags & MariadbFlag.preparedXa) !== 0;
  const isDecided = (flags & MariadbFlag.completedXa) !== 0;
  let xa: GtidEvent['xa'];
  if (isPrepared || isDecided) {
    const { xid, xidEnd } = mariadbXid(event, at, end);
    xa = { state: isPrepared ? 'prepared' : 'decided', xid };
    at = xidEnd;
  }
  const id = `${domain}-${serverId}-${unsigned64(event, bodyAt)}`;
  const alter = at < end ? alterPart(event, at, end, id) : undefined;
  const gtid: GtidEvent = {
    kind: 'gtid',
    type: EventType.MARIADB_GTID,
    timestamp,
    serverId,
    offset,
    id,
    commitTime: timestamp * microsPerSecond,
    begins: (flags & MariadbFlag.standalone) === 0,
  };
  if (xa !== undefined) return { ...gtid, xa };
  return alter === undefined ? gtid : { ...gtid, alter };
}

/** Format id u32 | lengths of gtrid u8 and bqual u8 | gtrid | bqual */
function mariadbXid(event: Buffer, at: number, end: number): { xid: string; xidEnd: number } {
  if (at + 6 > end) throw malformedEvent('GTID whose XID ends too early');
  const gtridAt = at + 6;
  const bqualAt = gtridAt + event[at + 4]!;
  const xidEnd = bqualAt + event[at + 5]!;
  if (xidEnd > end) throw malformedEvent('GTID whose XID ends too early');
  const [gtrid, bqual] = [event.subarray(gtridAt, bqualAt), event.subarray(bqualAt, xidEnd)];
  return { xid: xidKey(event.readUInt32LE(at), gtrid, bqual), xidEnd };
}

function alterPart(event: Buffer, extraAt: number, end: number, id: string): AlterPart | undefined {
  const extra = event[extraAt]!;
  if ((extra & MariadbExtra.startAlter) !== 0) return { part: 'start', startId: id };
  if ((extra & (MariadbExtra.commitAlter | MariadbExtra.rollbackAlter)) === 0) return undefined;
  const at = extraAt + 1 + ((extra & MariadbExtra.multiEngine) === 0 ? 0 : 1);
  if (at + 8 > end) throw malformedEvent('GTID of an ALTER that ends too early');
  const startId = id.replace(/\d+$/, String(unsigned64(event, at)));
  return { part: (extra & MariadbExtra.commitAlter) === 0 ? 'rollback' : 'commit', startId };
}

/** A number while that is exact. */
function unsigned64(bytes: Buffer, at: number): number | bigint {
  const high = bytes.readUInt32LE(at + 4);
  return high < 0x20_0000 ? high * wrap + bytes.readUInt32LE(at) : bytes.readBigUInt64LE(at);
}

// --- MySQL ----------------------------------------------------------------------------------------------------

const largestGno = 2n ** 63n - 2n;

/*
 * flags u8 | uuid 16 B | number u64 | logical timestamps: type u8 (2), u64, u64
 * | commit time u56 µs (bit 55: the original commit time u56 follows) | …
 *   (libs/mysql/binlog/event/control_events.h, Gtid_event)
 */

/**
 * GTID and ANONYMOUS_GTID.
 * @param offset first byte behind the event in its file
 * @param file the file, and
 * @param before the first byte of the event in it: both are the id of an anonymous transaction
 * @throws DrcError `EVENT_MALFORMED`
 */
export function mysqlGtid(
  event: Buffer,
  end: number,
  offset: number,
  file: string,
  before: number,
): GtidEvent {
  const type = event[4]!;
  const serverId = event.readUInt32LE(5);
  const timestamp = event.readUInt32LE(0);
  const uuidAt = eventHeaderBytes + 1;
  const numberAt = uuidAt + 16;
  const commitAt = eventHeaderBytes + 42;
  if (numberAt + 8 > end) throw malformedEvent('GTID that is too short');
  // 5.6 has no commit time; the header's second then stands for it.
  let commitTime = timestamp * microsPerSecond;
  if (commitAt + 7 <= end && event[commitAt - 17] === 2)
    commitTime = event.readUIntLE(commitAt, 6) + (event[commitAt + 6]! & 0x7f) * 2 ** 48;
  return {
    kind: 'gtid',
    type,
    timestamp,
    serverId,
    offset,
    id:
      type === EventType.ANONYMOUS_GTID
        ? `${serverId}/${file}:${before}`
        : `${uuidText(event, uuidAt)}:${gnoText(unsigned64(event, numberAt))}`,
    commitTime,
    begins: false,
  };
}

/** Numbers of the fields of a tagged GTID; the order is that in which the server declares them. */
const TaggedField = {
  flags: 0,
  uuid: 1,
  number: 2,
  tag: 3,
  lastCommitted: 4,
  sequenceNumber: 5,
  commitTime: 6,
  originalCommitTime: 7,
  length: 8,
  serverVersion: 9,
  originalServerVersion: 10,
  commitGroupTicket: 11,
} as const;

const tagPattern = /^[a-z_][a-z0-9_]{0,31}$/;

/**
 * GTID_TAGGED, which MySQL writes from 8.3 for a transaction that has a tag.
 * @param offset first byte behind the event in its file
 * @throws DrcError `EVENT_MALFORMED`; `UNSUPPORTED_EVENT` where it has a field that must be known and is not
 */
export function taggedGtid(event: Buffer, end: number, offset: number): GtidEvent {
  const fields = new SerializedFields(event, eventHeaderBytes, end);
  if (fields.lastNeeded > TaggedField.commitGroupTicket)
    throw new DrcError(
      'UNSUPPORTED_EVENT',
      `A tagged GTID has a field ${fields.lastNeeded}, which this version does not know.`,
    );
  let uuid = '';
  let number: number | bigint = 0;
  let tag = '';
  let commitTime: number | bigint = 0;
  for (let field = fields.next(); field !== undefined; field = fields.next()) {
    if (field === TaggedField.uuid) uuid = uuidText(fields.fixedBytes(16), 0);
    else if (field === TaggedField.number) number = fields.signed();
    else if (field === TaggedField.tag) tag = fields.text();
    else if (field === TaggedField.commitTime) commitTime = fields.unsigned();
    // Behind the last known field stands what a newer server writes and a reader may leave out.
    else if (field > TaggedField.commitGroupTicket) break;
    // Signed numbers take the same room.
    else fields.unsigned();
  }
  if (uuid === '' || !tagPattern.test(tag) || typeof commitTime !== 'number')
    throw malformedEvent('tagged GTID without uuid or tag');
  return {
    kind: 'gtid',
    type: EventType.GTID_TAGGED,
    timestamp: event.readUInt32LE(0),
    serverId: event.readUInt32LE(5),
    offset,
    id: `${uuid}:${tag}:${gnoText(number)}`,
    commitTime,
    begins: false,
  };
}

function gnoText(number: number | bigint): string {
  if (number <= 0 || number > largestGno) throw malformedEvent('GTID whose number is out of range');
  return String(number);
}

const uuidText = (bytes: Buffer, at: number): string =>
  bytes.toString('hex', at, at + 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
