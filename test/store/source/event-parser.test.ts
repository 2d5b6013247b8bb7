import { crc32, deflateSync } from 'node:zlib';
import { DrcError } from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventFlag, EventType, eventTypeName } from '../../../store/src/source/binlog-events.js';
import { EventParser } from '../../../store/src/source/event-parser.js';

interface Fields {
  readonly type: number;
  readonly body?: Buffer;
  readonly end?: number;
  readonly flags?: number;
  readonly serverId?: number;
  readonly timestamp?: number;
  readonly crc?: boolean;
}

/** An event as a server writes it. */
function eventOf({
  type,
  body = Buffer.alloc(0),
  end = 0,
  flags = 0,
  serverId = 1,
  timestamp = 1000,
  crc = true,
}: Fields): Buffer {
  const event = Buffer.alloc(19 + body.length + (crc ? 4 : 0));
  event.writeUInt32LE(timestamp, 0);
  event[4] = type;
  event.writeUInt32LE(serverId, 5);
  event.writeUInt32LE(event.length, 9);
  event.writeUInt32LE(end % 2 ** 32, 13);
  event.writeUInt16LE(flags, 17);
  body.copy(event, 19);
  if (crc) event.writeUInt32LE(crc32(event.subarray(0, -4)), event.length - 4);
  return event;
}

function description(algorithm: number, end = 0): Buffer {
  const body = Buffer.alloc(58);
  body.writeUInt16LE(4, 0);
  body[56] = 19;
  body[57] = algorithm;
  return eventOf({ type: EventType.FORMAT_DESCRIPTION, body, end });
}

function rotate(file: string, position = 4, fields: Partial<Fields> = {}): Buffer {
  const body = Buffer.alloc(8 + file.length);
  body.writeBigUInt64LE(BigInt(position), 0);
  body.write(file, 8);
  return eventOf({ type: EventType.ROTATE, body, flags: EventFlag.artificial, ...fields });
}

const started = (offset = 4, algorithm = 1): EventParser => {
  const parser = new EventParser({ flavour: 'mariadb', file: 'binlog.000001', offset });
  parser.parse(rotate('binlog.000001', offset));
  parser.parse(description(algorithm));
  return parser;
};

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'none';
  } catch (error) {
    return error instanceof DrcError ? error.code : String(error);
  }
};

describe('EventParser', () => {
  it('follows 64-bit offsets over the wrap of the 32 bits in the header', () => {
    const parser = started(2 ** 32 - 40);
    const xid = (end: number): Buffer => eventOf({ type: EventType.XID, body: Buffer.alloc(8), end });
    expect(parser.parse(xid(2 ** 32 - 9))).toMatchObject({ kind: 'xid', offset: 2 ** 32 - 9 });
    expect(parser.parse(xid(2 ** 32 + 22))).toMatchObject({ offset: 2 ** 32 + 22 });
    // Where the server does not say, the sizes add up.
    expect(parser.parse(xid(0))).toMatchObject({ offset: 2 ** 32 + 53 });
    // What is not sent leaves a gap.
    expect(parser.parse(xid(2 ** 32 + 500))).toMatchObject({ offset: 2 ** 32 + 500 });
  });

  it('stays beyond 4 GiB where a start by GTID makes the source send the beginning of the file', () => {
    const stored = 2 ** 32 + 500;
    const parser = new EventParser({ flavour: 'mysql', file: 'binlog.000001', offset: stored });
    parser.parse(rotate('binlog.000001'));
    parser.parse(description(1, 126));
    const body = Buffer.alloc(17);
    for (const [type, end] of [
      [EventType.START_ENCRYPTION, 166],
      [EventType.PREVIOUS_GTIDS, 197],
      [EventType.GTID_LIST, 240],
      [EventType.BINLOG_CHECKPOINT, 280],
    ] as const) {
      parser.parse(eventOf({ type, body, end }));
      expect([type, parser.offset]).toEqual([type, stored]);
    }
    const xid = eventOf({ type: EventType.XID, body: Buffer.alloc(8), end: 900 });
    expect(parser.parse(xid)).toMatchObject({ offset: 2 ** 32 + 900 });
  });

  it('reads table ids of 48 bits', () => {
    const parser = started();
    const body = Buffer.alloc(30);
    const tableId = 2 ** 40 + 2 ** 31 + 5;
    body.writeUIntLE(tableId, 0, 6);
    expect(parser.parse(eventOf({ type: EventType.TABLE_MAP, body }))).toMatchObject({ tableId });
    body.writeUInt16LE(2, 8);
    expect(parser.parse(eventOf({ type: EventType.WRITE_ROWS, body }))).toMatchObject({ tableId });
  });

  it('refuses a position that goes back', () => {
    const parser = started(5000);
    expect(
      codeOf(() => parser.parse(eventOf({ type: EventType.XID, body: Buffer.alloc(8), end: 4000 }))),
    ).toBe('EVENT_MALFORMED');
  });

  it('does not count what the dump thread made', () => {
    const parser = started(500);
    parser.parse(eventOf({ type: EventType.HEARTBEAT, end: 900, body: Buffer.from('binlog.000001') }));
    parser.parse(
      eventOf({ type: EventType.GTID_LIST, body: Buffer.alloc(4), flags: EventFlag.artificial, end: 900 }),
    );
    expect(parser.offset).toBe(500);
  });

  it('takes from each file whether its events carry a checksum', () => {
    const parser = started(4, 0);
    const xid = { type: EventType.XID, body: Buffer.alloc(8) };
    expect(parser.parse(eventOf({ ...xid, crc: false })).kind).toBe('xid');
    // The rotate event between two files may follow the rule of either.
    parser.parse(rotate('binlog.000002', 4, { crc: false }));
    parser.parse(description(1, 81));
    expect(parser.parse(eventOf({ ...xid, end: 112 }))).toMatchObject({ kind: 'xid', offset: 112 });
    expect(codeOf(() => parser.parse(eventOf({ ...xid, crc: false })))).toBe('CHECKSUM_MISMATCH');
    parser.parse(rotate('binlog.000003', 4));
    parser.parse(description(0, 81));
    expect(parser.parse(eventOf({ ...xid, crc: false, end: 108 })).kind).toBe('xid');
    expect(parser.file).toBe('binlog.000003');
  });

  it('finds every turned bit of an event that carries a checksum', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), (bytes, bit) => {
        const event = eventOf({ type: EventType.XID, body: Buffer.from(bytes) });
        const at = bit % (event.length * 8);
        event[at >> 3]! ^= 1 << (at & 7);
        expect(['CHECKSUM_MISMATCH', 'EVENT_MALFORMED', 'UNSUPPORTED_EVENT']).toContain(
          codeOf(() => started().parse(event)),
        );
      }),
    );
  });

  it('answers mutated events by a typed error or an event, and by nothing else', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array({ maxLength: 200 }), fc.nat(65535), (type, body, flags) => {
        const code = codeOf(() => started().parse(eventOf({ type, body: Buffer.from(body), flags })));
        expect(['none', 'EVENT_MALFORMED', 'UNSUPPORTED_EVENT', 'CHECKSUM_MISMATCH']).toContain(code);
      }),
      { numRuns: 3000 },
    );
  });

  it('reads MariaDB GTIDs of any size', () => {
    const gtid = (sequence: bigint, flags: number, rest: number[] = []): Buffer => {
      const body = Buffer.alloc(13 + rest.length);
      body.writeBigUInt64LE(sequence, 0);
      body.writeUInt32LE(7, 8);
      body[12] = flags;
      Buffer.from(rest).copy(body, 13);
      return eventOf({
        type: EventType.MARIADB_GTID,
        body,
        serverId: 4_000_000_000,
        timestamp: 1_700_000_000,
      });
    };
    const parser = started();
    expect(parser.parse(gtid(5n, 0, [0, 0, 0, 0, 0, 0]))).toMatchObject({
      kind: 'gtid',
      id: '7-4000000000-5',
      begins: true,
      commitTime: 1_700_000_000_000_000,
    });
    expect(parser.parse(gtid(2n ** 53n + 1n, 1))).toMatchObject({
      id: '7-4000000000-9007199254740993',
      begins: false,
    });
    expect(parser.parse(gtid(2n ** 64n - 1n, 0))).toMatchObject({ id: '7-4000000000-18446744073709551615' });
    // A group commit id is no extra flag.
    const plain = parser.parse(gtid(1n, 2, [255, 255, 255, 255, 255, 255, 255, 255]));
    expect(plain).not.toHaveProperty('alter');
    expect(plain).not.toHaveProperty('xa');
    const xid = [1, 0, 0, 0, 1, 0, 65];
    expect(parser.parse(gtid(1n, 64, xid))).toMatchObject({ xa: { state: 'prepared', xid: "X'41',X'',1" } });
    expect(parser.parse(gtid(1n, 128, xid))).toMatchObject({ xa: { state: 'decided', xid: "X'41',X'',1" } });
    expect(parser.parse(gtid(1n, 1, [2]))).toMatchObject({ alter: { part: 'start' } });
  });

  it('reads MySQL GTIDs with their commit time', () => {
    const body = Buffer.alloc(56);
    Buffer.from('3e11fa4771ca11e19e33c80aa9429562', 'hex').copy(body, 1);
    body.writeBigUInt64LE(23n, 17);
    body[25] = 2;
    body.writeUIntLE(1_700_000_000_123_456 % 2 ** 48, 42, 6);
    body[48] = Math.floor(1_700_000_000_123_456 / 2 ** 48);
    expect(started().parse(eventOf({ type: EventType.GTID, body }))).toMatchObject({
      id: '3e11fa47-71ca-11e1-9e33-c80aa9429562:23',
      commitTime: 1_700_000_000_123_456,
      begins: false,
    });
    expect(started(700).parse(eventOf({ type: EventType.ANONYMOUS_GTID, body, end: 779 }))).toMatchObject({
      id: '1/binlog.000001:700',
    });
  });

  it('inflates compressed statements and rows', () => {
    const packed = (bytes: Buffer): Buffer =>
      Buffer.concat([Buffer.from([0x82, bytes.length >> 8, bytes.length & 255]), deflateSync(bytes)]);
    const query = Buffer.concat([
      Buffer.alloc(8),
      Buffer.from([1, 0, 0, 0, 0]),
      Buffer.from('d\0'),
      packed(Buffer.from('x'.repeat(400))),
    ]);
    const event = started().parse(eventOf({ type: EventType.QUERY_COMPRESSED, body: query }));
    expect(event).toMatchObject({
      kind: 'query',
      defaultSchema: 'd',
      statement: Buffer.from('x'.repeat(400)),
    });
    const head = Buffer.from([9, 0, 0, 0, 0, 0, 1, 0, 2, 3, 3]);
    const rows = Buffer.concat([head, packed(Buffer.alloc(300, 7))]);
    const update = started().parse(eventOf({ type: EventType.UPDATE_ROWS_COMPRESSED_V1, body: rows }));
    expect(update).toMatchObject({
      kind: 'rows',
      operation: 'update',
      tableId: 9,
      flags: 1,
      columnsAt: 0,
      end: 303,
    });
    const wrong = Buffer.concat([head, Buffer.from([0x82, 0, 1]), deflateSync(Buffer.alloc(300))]);
    expect(
      codeOf(() => started().parse(eventOf({ type: EventType.UPDATE_ROWS_COMPRESSED_V1, body: wrong }))),
    ).toBe('EVENT_MALFORMED');
  });

  it('reads the context of a statement', () => {
    const variables = Buffer.concat([
      Buffer.from([0, 1, 2, 3, 4]),
      Buffer.from([1, 0, 0, 32, 84, 1, 0, 0, 0]),
      Buffer.from([6, 3]),
      Buffer.from('std'),
      Buffer.from([3, 1, 0, 1, 0]),
      Buffer.from([4, 45, 0, 224, 0, 8, 0]),
      Buffer.from([5, 6]),
      Buffer.from('+02:00'),
      Buffer.from([99, 1, 2, 3]),
    ]);
    const body = Buffer.concat([
      Buffer.alloc(8),
      Buffer.from([4, 0, 0, variables.length, 0]),
      variables,
      Buffer.from('shop\0DROP TABLE t'),
    ]);
    expect(started().parse(eventOf({ type: EventType.QUERY, body }))).toMatchObject({
      defaultSchema: 'shop',
      sqlMode: 0x1_5420_0000,
      charset: [45, 224, 8],
      timeZone: '+02:00',
      statement: Buffer.from('DROP TABLE t'),
    });
  });

  it('stops at what it does not know, unless the source says that it may be left out', () => {
    const parser = started();
    expect(parser.parse(eventOf({ type: 200 })).kind).toBe('unsupported');
    expect(parser.parse(eventOf({ type: 200, flags: EventFlag.ignorable }))).toMatchObject({
      kind: 'left-out',
      reason: 'ignorable',
    });
    expect(eventTypeName(200)).toBe('UNKNOWN_200');
    for (const type of [EventType.INCIDENT, EventType.PARTIAL_UPDATE_ROWS, EventType.PARTIAL_ROW_DATA])
      expect([eventTypeName(type), parser.parse(eventOf({ type })).kind]).toEqual([
        eventTypeName(type),
        'unsupported',
      ]);
    for (const type of [EventType.BEGIN_LOAD_QUERY, EventType.EXECUTE_LOAD_QUERY, EventType.LOAD])
      expect(parser.parse(eventOf({ type })).kind).toBe('statement-part');
  });

  it('begins behind what is stored when a start by GTID names the beginning of the file', () => {
    const parser = new EventParser({ flavour: 'mariadb', file: 'binlog.000001', offset: 5 * 2 ** 32 + 100 });
    parser.parse(rotate('binlog.000001', 4));
    parser.parse(description(1));
    expect(parser.parse(eventOf({ type: EventType.XID, body: Buffer.alloc(8), end: 131 }))).toMatchObject({
      offset: 5 * 2 ** 32 + 131,
    });
  });
});
