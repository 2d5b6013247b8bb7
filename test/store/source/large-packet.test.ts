import { randomFillSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { joinLargePackets } from '../../../store/src/source/large-packet.js';

interface Packet {
  readonly sequenceId: number;
  readonly numPackets: number;
  readonly buffer: Buffer;
  readonly offset: number;
  readonly end: number;
}

type ParserClass = new (onPacket: (packet: Packet) => void) => { execute(chunk: Buffer): void };

const require = createRequire(import.meta.url);
const Parser = require(join(dirname(require.resolve('mysql2')), 'lib/packet_parser.js')) as ParserClass;

const largest = 0xff_ffff;

/** What a server sends for one payload, and what comes behind it. */
function sent(payload: Buffer, sequenceId: number): Buffer {
  const packets: Buffer[] = [];
  for (let at = 0; at <= payload.length; at += largest) {
    const piece = payload.subarray(at, at + largest);
    const head = Buffer.alloc(4);
    head.writeUIntLE(piece.length, 0, 3);
    head[3] = sequenceId + packets.length;
    packets.push(head, piece);
    if (piece.length < largest) break;
  }
  return Buffer.concat(packets);
}

/** Reads the bytes in chunks of this many. */
function received(
  bytes: Buffer,
  chunkBytes: number,
): { sequenceId: number; packets: number; payload: Buffer }[] {
  const all: { sequenceId: number; packets: number; payload: Buffer }[] = [];
  const parser = new Parser(({ sequenceId, numPackets, buffer, offset, end }) => {
    all.push({ sequenceId, packets: numPackets, payload: Buffer.from(buffer.subarray(offset, end)) });
  });
  joinLargePackets(parser);
  for (let at = 0; at < bytes.length; at += chunkBytes) parser.execute(bytes.subarray(at, at + chunkBytes));
  return all;
}

/** The status byte, and an event that says its own size. */
function event(size: number, said = size): Buffer {
  const payload = randomFillSync(Buffer.alloc(1 + size));
  payload[0] = 0;
  payload.writeUInt32LE(said, 10);
  return payload;
}

test.each([
  ['an event of two packets and a bit', event(2 * largest + 5)],
  ['an event that fills its packets, and ends in an empty one', event(2 * largest - 1)],
  ['an event that is larger than it says', event(largest + 100, 50)],
  ['an event that is smaller than it says', event(largest + 100, 1_000_000_000)],
  ['something else than an event', Buffer.alloc(largest + 7, 0xff)],
])('%s is put together from its packets, and what follows comes behind it', (_, payload) => {
  const bytes = Buffer.concat([sent(event(30), 1), sent(payload, 2), sent(event(40), 9), sent(payload, 10)]);
  for (const chunkBytes of [65_536, 30_000_001]) {
    const found = received(bytes, chunkBytes);
    expect(found.map(({ sequenceId }) => sequenceId)).toEqual([1, 2, 9, 10]);
    expect(found.map(({ packets }) => packets)).toEqual([
      1,
      Math.floor(payload.length / largest) + 1,
      1,
      Math.floor(payload.length / largest) + 1,
    ]);
    expect(found[1]!.payload.equals(payload)).toBe(true);
    expect(found[3]!.payload.equals(payload)).toBe(true);
  }
});
