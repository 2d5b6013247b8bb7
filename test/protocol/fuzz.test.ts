import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  decodeClientMessage,
  decodeDdl,
  decodeProgress,
  decodeStoreMessage,
  encodeDdl,
  encodeMessage,
  encodeProgress,
  frameHeaderBytes,
  FrameKind,
  ImageDecoder,
  isDrcError,
  openFrame,
  parseChunkHeader,
  parseRowsHeader,
  PartFlag,
  PartKind,
  partsOf,
  recordHeader,
  RecordKind,
  type RecordKindCode,
  RecordReader,
  schemaIdOf,
  schemaIdOfPart,
  sealFrame,
  type TableVersion,
} from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { rounds } from '../support/rounds.js';
import { encodeChunk, encodePart, encodeRowsPart } from './support/chunks.js';
import { column, encodeImage, tableOf } from './support/images.js';
import { randomFrom, type Random } from './support/random.js';

/*
 * Whatever bytes come, each frame is decoded, or refused with a DrcError. What fails is replayed with the seed that the
 * test prints: DRC_FUZZ_SEED=… npx vitest run test/protocol/fuzz.test.ts (DRC_FUZZ_FRAMES for more of them).
 */
const seed = Number(process.env['DRC_FUZZ_SEED'] ?? Date.now() % 2 ** 32);
const frames = Number(process.env['DRC_FUZZ_FRAMES'] ?? rounds(120_000, 2_000_000));

const table = tableOf(
  column('id', 'bigint'),
  column('status', 'int'),
  column('amount', 'decimal'),
  column('note', 'text'),
  column('data', 'bytes'),
  column('rate', 'double'),
  column('share', 'float'),
  column('place', 'vector'),
  column('__proto__', 'text'),
);
const image = encodeImage(table.columns, [
  2n ** 63n,
  77,
  '12.50',
  'größe 😀',
  Buffer.from('data'),
  0.1,
  0.5,
  Float32Array.of(1, 2),
  'x'.repeat(40),
]);
const some = encodeImage([table.columns[1]!, table.columns[3]!], [-5, null]);
const bitmap = Buffer.of(0b1010, 0);
const id = schemaIdOf(table);

const chunk = encodeChunk(
  {},
  encodeRowsPart(PartKind.insert, 0, id, 3, image, image, image),
  encodeRowsPart(PartKind.update, PartFlag.partial, id, 1, bitmap, bitmap, some, some),
  encodePart(
    PartKind.ddl,
    0,
    encodeDdl({
      verb: 'ALTER TABLE',
      tables: ['a.b'],
      defaultSchema: 'a',
      sqlMode: 0,
      charset: [45, 45, 8],
      timeZone: '',
    }),
  ),
  encodeRowsPart(PartKind.delete, 0, id, 1, image),
);
const record = (kind: RecordKindCode, body: Buffer): Buffer =>
  Buffer.concat([recordHeader(kind, body.length), body]);
const stream = Buffer.concat([
  record(RecordKind.schema, Buffer.concat([id, Buffer.from('{}')])),
  record(RecordKind.chunk, chunk),
  record(RecordKind.progress, encodeProgress({ lsn: 7, logTime: 1, set: '0-1-5' })),
]);
const sealed = (payload: Buffer): Buffer =>
  sealFrame(Buffer.concat([Buffer.alloc(frameHeaderBytes), payload]), FrameKind.data);

const originals: readonly Buffer[] = [
  sealed(stream),
  sealed(record(RecordKind.chunk, chunk)),
  sealed(record(RecordKind.chunk, encodeChunk({}, encodeRowsPart(PartKind.insert, 0, id, 1, image)))),
  encodeMessage({ type: 'hello', versions: [1], client: 'fuzz', topic: 'shop' }),
  encodeMessage({
    type: 'subscribe',
    from: { kind: 'timestamp', time: 1 },
    tables: ['a.*'],
    operations: ['insert'],
    credit: 1,
  }),
  encodeMessage({ type: 'describe', tables: ['a.*', 'b.c'] }),
  encodeMessage({
    type: 'described',
    tables: [
      {
        schema: 'a',
        table: 'b',
        columns: [{ name: 'c', type: 'enum', nullable: true, labels: ['x', ''], key: 1 }],
        more: true,
      },
    ],
    last: false,
  }),
  encodeMessage({ type: 'credit', bytes: 65_536 }),
  encodeMessage({ type: 'subscribed', lineage: 'ab', lsn: 1, set: '0-1-5', grant: { tables: ['*.*'] } }),
  encodeMessage({ type: 'error', code: 'INTERNAL', message: 'No.', details: { tables: ['a.b'], count: 1 } }),
];

/** Everything that a client or a store does with a frame; the number of values that came out. */
function consume(frame: Buffer, reader: RecordReader, decoders: Decoders): number {
  const { kind, payload } = openFrame(frame);
  if (kind === FrameKind.control) return eitherMessage(payload);
  let values = 0;
  for (const { kind: recordKind, body } of reader.push(payload)) {
    if (recordKind === RecordKind.progress) decodeProgress(body);
    if (recordKind === RecordKind.chunk) values += consumeChunk(body, decoders);
    values += 1;
  }
  return values;
}

function eitherMessage(payload: Buffer): number {
  try {
    decodeClientMessage(payload);
  } catch (error) {
    if (!isDrcError(error)) throw error;
    decodeStoreMessage(payload);
  }
  return 1;
}

type Decoders = (present: Buffer | undefined) => ImageDecoder;
/** Decoders are kept, as a client keeps them. */
function decodersOf(version: TableVersion): Decoders {
  const kept = new Map<string, ImageDecoder>();
  return (present) => {
    const key = present?.toString('hex') ?? '';
    const decoder = kept.get(key) ?? new ImageDecoder(version, present);
    kept.set(key, decoder);
    return decoder;
  };
}

function consumeChunk(body: Buffer, decoders: Decoders): number {
  const { partsAt } = parseChunkHeader(body);
  let values = 0;
  for (const part of partsOf(body, partsAt)) {
    if (part.kind === PartKind.ddl) {
      decodeDdl(body.subarray(part.bodyAt, part.end));
    } else {
      schemaIdOfPart(body, part);
      const { imagesAt, before, after } = parseRowsHeader(body, part, table.columns.length);
      if (before === undefined || after === undefined) {
        values += decoders(before ?? after).decodeMany(body, imagesAt, part.end).length;
      } else {
        const pair = [decoders(before), decoders(after)] as const;
        for (let at = imagesAt; at < part.end; values += 1)
          at = pair[values & 1]!.decodeOne(body, at, part.end).next;
      }
    }
    values += 1;
  }
  return values;
}

/** Bytes that mean something to somebody: lengths, tokens, markers. */
const telling = [
  0, 1, 0x3f, 0x40, 0x41, 0x72, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xc4, 0xc6, 0xc7, 0xd4, 0xd5, 0xdb, 0xdd,
  0xdf, 0xff,
];

function mutated(random: Random, whole: Buffer): Buffer {
  const bytes = Buffer.from(whole);
  const from = frameHeaderBytes;
  const anywhere = (): number => from + random.below(bytes.length - from);
  switch (random.below(7)) {
    case 0:
      return bytes.subarray(0, from + random.below(bytes.length - from + 1));
    case 1: {
      const at = anywhere();
      return Buffer.concat([bytes.subarray(0, at), random.bytes(random.below(9)), bytes.subarray(at)]);
    }
    case 2: {
      const at = anywhere();
      return Buffer.concat([
        bytes.subarray(0, at),
        bytes.subarray(Math.min(bytes.length, at + 1 + random.below(9))),
      ]);
    }
    case 3:
      bytes.writeUInt32LE(random.below(2 ** 32), from + random.below(bytes.length - from - 3));
      return bytes;
    case 4: {
      const at = anywhere();
      bytes.copyWithin(at, anywhere());
      return bytes;
    }
    case 5:
      return Buffer.concat([bytes.subarray(0, from), random.bytes(1 + random.below(200))]);
    default:
      for (let count = 1 + random.below(4); count > 0; count--)
        bytes[anywhere()] =
          random.below(2) === 0 ? random.below(256) : telling[random.below(telling.length)]!;
      return bytes;
  }
}

/** Heap and buffers that are still held after a collection. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('mutated frames', () => {
  it(`end in a typed error or decode, and the memory stays flat (${frames} frames, DRC_FUZZ_SEED=${seed})`, () => {
    console.log(`DRC_FUZZ_SEED=${seed}`);
    const random = randomFrom(seed);
    const decoders = decodersOf(table);
    let reader = new RecordReader();
    const outcomes = { decoded: 0, refused: 0, corrupt: 0 };
    for (const whole of originals) expect(consume(whole, new RecordReader(), decoders)).toBeGreaterThan(0);
    const before = heldBytes();
    const rssBefore = process.memoryUsage.rss();
    let peakRss = 0;
    for (let count = 0; count < frames; count++) {
      if (count % 10_000 === 0) peakRss = Math.max(peakRss, process.memoryUsage.rss());
      const frame = mutated(random, originals[random.below(originals.length)]!);
      // Of half of them the CRC is right again, so that what is inside is looked at.
      if (random.below(2) === 0 && frame.length >= frameHeaderBytes)
        sealFrame(frame, random.below(20) === 0 ? FrameKind.control : frame[0] === 1 ? 1 : 2);
      try {
        consume(frame, reader, decoders);
        outcomes.decoded += 1;
      } catch (error) {
        if (!isDrcError(error)) throw new Error(`frame ${count}: ${frame.toString('hex')}`, { cause: error });
        if (error.code === 'FRAME_CORRUPT') outcomes.corrupt += 1;
        else if (error.code === 'PROTOCOL_VIOLATION') outcomes.refused += 1;
        else throw new Error(`frame ${count}: ${frame.toString('hex')}`, { cause: error });
        // The session has ended; the next frame comes on a new connection.
        reader = new RecordReader();
      }
    }
    expect(heldBytes() - before).toBeLessThan(16 * 1024 ** 2);
    expect(peakRss - rssBefore).toBeLessThan(512 * 1024 ** 2);
    for (const outcome of Object.values(outcomes)) expect(outcome).toBeGreaterThan(frames / 100);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
