import { setImmediate as others } from 'node:timers/promises';
import { DrcError } from '@drc/protocol';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { EventType, eventHeaderBytes } from '../../../store/src/source/binlog-events.js';
import { unpackedEvents } from '../../../store/src/source/transaction-payload.js';
import { loadZstd, unpackedPieces, type Zstd } from '../../../store/src/source/zstd.js';
import { type FileEvent, serverBinlog } from '../../support/binlog-file.js';
import { startMysql } from '../../support/database-server.js';
import { onServer } from '../../support/on-each-server.js';
import { inBlocks, zstdFrame, type Block } from './zstd-frame.js';

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

const packed = (value: number): Buffer => {
  if (value < 251) return Buffer.from([value]);
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xfe;
  bytes.writeBigUInt64LE(BigInt(value), 1);
  return bytes;
};

const field = (type: number, value: number): Buffer =>
  Buffer.concat([packed(type), packed(packed(value).length), packed(value)]);

/** The body of a TRANSACTION_PAYLOAD. */
function payloadBody(payload: Buffer, unpackedBytes: number | undefined, compression = 0): Buffer {
  return Buffer.concat([
    field(2, compression),
    ...(unpackedBytes === undefined ? [] : [field(3, unpackedBytes)]),
    field(1, payload.length),
    packed(0),
    payload,
  ]);
}

/** As it stands in a payload: no CRC, no end position. */
function innerEvent(body: Buffer, type: number = EventType.QUERY): Buffer {
  const event = Buffer.alloc(eventHeaderBytes + body.length);
  event[4] = type;
  event.writeUInt32LE(event.length, 9);
  body.copy(event, eventHeaderBytes);
  return event;
}

function unpacked(body: Buffer): Buffer[] {
  const events: Buffer[] = [];
  // The body stands somewhere within an event.
  const event = Buffer.concat([Buffer.alloc(eventHeaderBytes), body, Buffer.from('CRC!')]);
  for (const step of unpackedEvents(zstd, event, eventHeaderBytes, event.length - 4))
    for (let index = 0; index < step.length; index++) events.push(Buffer.from(step.view(index)));
  return events;
}

const outcome = (body: Buffer): string => {
  try {
    return `${unpacked(body).length} events`;
  } catch (error) {
    return error instanceof DrcError ? error.code : String(error);
  }
};

const query = innerEvent(Buffer.from('BEGIN'));
const sample = zstdFrame([query]);

describe('a compressed transaction', () => {
  it('gives its events as they were, wherever the pieces are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(40), fc.nat(3000), fc.integer({ min: 120_000, max: 140_000 })), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.integer({ min: 1, max: 128 * 1024 }),
        fc.nat(255),
        fc.boolean(),
        (sizes, blockSize, seed, isCompressed) => {
          const events = sizes.map((size, index) => innerEvent(Buffer.alloc(size, (seed + index) & 0xff)));
          const bytes = Buffer.concat(events);
          // Blocks of a few bytes are for short streams.
          const block = Math.max(blockSize, Math.ceil(bytes.length / 2000));
          const payload = isCompressed ? zstdFrame(inBlocks(bytes, block)) : bytes;
          const found = unpacked(payloadBody(payload, bytes.length, isCompressed ? 0 : 255));
          expect(found.length).toBe(events.length);
          expect(found.every((event, index) => event.equals(events[index]!))).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('may stand in several frames', () => {
    const frames = Buffer.concat([zstdFrame([query.subarray(0, 7)]), zstdFrame([query.subarray(7), query])]);
    expect(unpacked(payloadBody(frames, 2 * query.length))).toEqual([query, query]);
  });

  it('need not say how much it holds where it is not compressed', () => {
    expect(unpacked(payloadBody(query, undefined, 255))).toEqual([query]);
  });

  it('is unpacked step by step: a hundred kilobytes that hold half a gigabyte need no more memory, and let others run', async () => {
    const body: Block = { byte: 7, times: 120_000 };
    const eventBytes = eventHeaderBytes + body.times;
    const header = innerEvent(Buffer.alloc(body.times)).subarray(0, eventHeaderBytes);
    const events = 4_000;
    const payload = zstdFrame(Array.from({ length: events }, () => [header, body]).flat());
    const event = payloadBody(payload, events * eventBytes);
    const before = process.memoryUsage();
    let bytes = 0;
    let steps = 0;
    let mostMemory = 0;
    for (const step of unpackedEvents(zstd, event, 0, event.length)) {
      for (let index = 0; index < step.length; index++) bytes += step.end(index) - step.start(index);
      if (++steps % 256 === 0) {
        await others();
        mostMemory = Math.max(mostMemory, process.memoryUsage().rss - before.rss);
      }
    }
    expect(bytes).toBe(events * eventBytes);
    expect(steps).toBeGreaterThanOrEqual(bytes / (128 * 1024));
    expect(event.length).toBeLessThan(120_000);
    expect(mostMemory).toBeLessThan(256 * 1024 * 1024);
  });

  it('gives its memory back when it is left early', () => {
    // 2,000 windows of 8 MiB are more than the decompressor can ever have.
    const frame = zstdFrame([...inBlocks(Buffer.alloc(64 * 1024), 1024), { byte: 1, times: 1000 }], 23);
    for (let round = 0; round < 2000; round++)
      for (const piece of unpackedPieces(zstd, frame)) {
        expect(piece.length).toBeGreaterThan(0);
        break;
      }
    expect(unpacked(payloadBody(sample, query.length))).toEqual([query]);
  });

  it('can be read beside another', () => {
    const other = innerEvent(Buffer.alloc(300_000, 5));
    const first = payloadBody(zstdFrame([query, ...inBlocks(other)]), query.length + other.length);
    const second = payloadBody(zstdFrame([...inBlocks(other), query]), query.length + other.length);
    const steps = [
      unpackedEvents(zstd, first, 0, first.length),
      unpackedEvents(zstd, second, 0, second.length),
    ];
    const found: Buffer[][] = [[], []];
    for (let going = true; going; ) {
      going = false;
      steps.forEach((events, index) => {
        const step = events.next();
        if (step.done === true) return;
        going = true;
        for (let at = 0; at < step.value.length; at++) found[index]!.push(step.value.view(at));
      });
    }
    expect(found[0]!.map((event) => event.length)).toEqual([query.length, other.length]);
    expect(found[1]!.map((event) => event.length)).toEqual([other.length, query.length]);
    expect(found[0]![1]!.equals(other) && found[1]![0]!.equals(other)).toBe(true);
  });
});

describe('a compressed transaction that cannot be trusted', () => {
  const holding = (...events: readonly Buffer[]): Buffer => {
    const bytes = Buffer.concat(events);
    return payloadBody(zstdFrame([bytes]), bytes.length);
  };
  const withSize = (size: number): Buffer => {
    const event = Buffer.from(query);
    event.writeUInt32LE(size, 9);
    return event;
  };

  it.each<[string, () => Buffer, string]>([
    ['is whole', () => payloadBody(sample, query.length), '1 events'],
    ['has an unknown compression', () => payloadBody(sample, query.length, 1), 'UNSUPPORTED_EVENT'],
    [
      'has an unknown field',
      () => Buffer.concat([field(4, 1), payloadBody(sample, query.length)]),
      'UNSUPPORTED_EVENT',
    ],
    [
      'names no compression',
      () => Buffer.concat([field(1, 3), Buffer.from([0, 1, 2, 3])]),
      'UNSUPPORTED_EVENT',
    ],
    [
      'has a field twice',
      () => Buffer.concat([field(2, 0), payloadBody(sample, query.length)]),
      'EVENT_MALFORMED',
    ],
    ['has a field of a wrong length', () => Buffer.from([2, 2, 0, 0]), 'EVENT_MALFORMED'],
    ['ends in its header', () => field(2, 0), 'EVENT_MALFORMED'],
    ['does not say how much it holds', () => payloadBody(sample, undefined), 'EVENT_MALFORMED'],
    ['holds more than it says', () => payloadBody(sample, query.length - 1), 'EVENT_MALFORMED'],
    ['holds less than it says', () => payloadBody(sample, query.length + 1), 'EVENT_MALFORMED'],
    [
      'has bytes behind its payload',
      () => Buffer.concat([payloadBody(sample, query.length), Buffer.from([0])]),
      'EVENT_MALFORMED',
    ],
    [
      'has bytes behind its last frame',
      () => payloadBody(Buffer.concat([sample, Buffer.from('trail')]), query.length),
      'EVENT_MALFORMED',
    ],
    ['is cut short', () => payloadBody(sample.subarray(0, -1), query.length), 'EVENT_MALFORMED'],
    [
      'lacks its last block',
      () => payloadBody(zstdFrame([query, query]).subarray(0, -query.length - 3), query.length),
      'EVENT_MALFORMED',
    ],
    ['is no zstd', () => payloadBody(Buffer.alloc(500, 'x'), 500), 'EVENT_MALFORMED'],
    ['wants a window of 2 GiB', () => payloadBody(zstdFrame([query], 31), query.length), 'EVENT_MALFORMED'],
    ['holds nothing', () => payloadBody(zstdFrame([Buffer.alloc(0)]), 0), 'EVENT_MALFORMED'],
    ['holds an event shorter than a header', () => holding(withSize(18)), 'EVENT_MALFORMED'],
    ['holds an event longer than the rest', () => holding(withSize(query.length + 1)), 'EVENT_MALFORMED'],
    ['holds an event of 4 GiB', () => holding(withSize(0xffff_ffff)), 'EVENT_MALFORMED'],
    ['ends in a header', () => holding(query, query.subarray(0, 10)), 'EVENT_MALFORMED'],
    [
      'holds another compressed transaction',
      () => holding(innerEvent(holding(query), EventType.TRANSACTION_PAYLOAD)),
      'EVENT_MALFORMED',
    ],
    [
      'holds the description of a file',
      () => holding(innerEvent(Buffer.alloc(80), EventType.FORMAT_DESCRIPTION)),
      'EVENT_MALFORMED',
    ],
    [
      'holds the begin of another transaction',
      () => holding(innerEvent(Buffer.alloc(40), EventType.GTID)),
      'EVENT_MALFORMED',
    ],
  ])('%s', (_, body, expected) => {
    expect(outcome(body())).toBe(expected);
  });

  it('ends with a typed error, or gives as many bytes as it says, whatever was turned in it', () => {
    const body = payloadBody(
      zstdFrame([query, ...inBlocks(innerEvent(Buffer.alloc(5000, 3)), 700)]),
      query.length + 5019,
    );
    fc.assert(
      fc.property(fc.array(fc.nat(body.length * 8 - 1), { minLength: 1, maxLength: 4 }), (bits) => {
        const damaged = Buffer.from(body);
        for (const bit of bits) damaged[bit >> 3]! ^= 1 << (bit & 7);
        expect(outcome(damaged)).toMatch(/^(EVENT_MALFORMED|UNSUPPORTED_EVENT|\d+ events)$/);
      }),
      { numRuns: 500 },
    );
    expect(outcome(body)).toBe('2 events');
  });
});

onServer('mysql', 'the compressed transactions', () => {
  const bodiesOf = (events: readonly Buffer[], crcBytes: number, ...types: number[]): string[] =>
    events
      .filter((event) => types.includes(event[4]!))
      .map((event) => {
        const body = Buffer.from(event.subarray(eventHeaderBytes, event.length - crcBytes));
        // A QUERY event says how many seconds its statement took: the one thing that may differ between two runs.
        if (event[4] === EventType.QUERY) body.writeUInt32LE(0, 4);
        return body.toString('hex');
      });
  const unpackedFrom = ({ bytes, bodyEnd }: FileEvent): Buffer[] =>
    unpacked(bytes.subarray(eventHeaderBytes, bodyEnd));

  it('hold the very events that it writes without compression', async () => {
    await using server = await startMysql();
    await server.query(`
      CREATE DATABASE shop; USE shop;
      CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(200), data LONGBLOB);
      SET SESSION binlog_rows_query_log_events = ON, cte_max_recursion_depth = 10000;
      FLUSH BINARY LOGS`);
    const work = `
      BEGIN;
      INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        SELECT i, REPEAT(CHAR(65 + i % 26), i % 150), REPEAT(UNHEX(SHA2(i, 256)), 20) FROM n;
      INSERT INTO t VALUES (5000, 'large', REPEAT('0123456789', 300000));
      UPDATE t SET name = CONCAT(name, id) WHERE id < 2000;
      DELETE FROM t;
      COMMIT;`;
    await server.query(`USE shop; SET SESSION binlog_rows_query_log_events = ON, cte_max_recursion_depth = 10000; ${work}
      SET SESSION binlog_transaction_compression = ON; ${work}
      SET SESSION binlog_transaction_compression_level_zstd = 1; ${work}
      XA START 'a'; INSERT INTO t (id) VALUES (1); XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a'`);
    const file = await serverBinlog(server, 'binlog.000002');
    const compressed = file.filter(({ type }) => type === EventType.TRANSACTION_PAYLOAD).map(unpackedFrom);
    const rows = [EventType.WRITE_ROWS, EventType.UPDATE_ROWS, EventType.DELETE_ROWS, EventType.TABLE_MAP];
    const plain = file.map(({ bytes }) => bytes);
    const expected = bodiesOf(plain, 4, ...rows, EventType.ROWS_QUERY, EventType.QUERY).slice(0, -1);
    expect(compressed.length).toBe(3);
    for (const events of compressed.slice(0, 2)) {
      expect(bodiesOf(events, 0, ...rows, EventType.ROWS_QUERY, EventType.QUERY)).toEqual(expected);
      expect(events.at(-1)![4]).toBe(EventType.XID);
      // They have no place in the file.
      expect(new Set(events.map((event) => event.readUInt32LE(13)))).toEqual(new Set([0]));
    }
    expect(compressed[2]!.map((event) => event[4])).toEqual([
      EventType.QUERY,
      EventType.ROWS_QUERY,
      EventType.TABLE_MAP,
      EventType.WRITE_ROWS,
      EventType.QUERY,
      EventType.XA_PREPARE,
    ]);
  });
});
