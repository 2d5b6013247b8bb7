import { recordHeader, RecordKind, RecordReader, type StreamRecord } from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusal } from './support/refusal.js';

const violation = refusal('PROTOCOL_VIOLATION');
const recordOf = (kind: 1 | 2 | 3 | 4, body: Buffer): Buffer =>
  Buffer.concat([recordHeader(kind, body.length), body]);
type Told = Pick<StreamRecord, 'kind' | 'body'>;
const read = (payloads: readonly Buffer[], reader = new RecordReader()): Told[] =>
  payloads.flatMap((payload) => reader.push(payload)).map(({ kind, body }) => ({ kind, body }));

const records: readonly Told[] = [
  { kind: RecordKind.schema, body: Buffer.from('schema') },
  { kind: RecordKind.chunk, body: Buffer.alloc(0) },
  { kind: RecordKind.chunk, body: Buffer.from('a longer one') },
  { kind: RecordKind.progress, body: Buffer.of(0x80) },
  { kind: RecordKind.snapshot, body: Buffer.from('rows') },
];
const stream = Buffer.concat(records.map(({ kind, body }) => recordOf(kind, body)));

describe('a record reader', () => {
  it('gives the same records wherever the stream is cut, at each place and at each two', () => {
    for (let first = 0; first <= stream.length; first++)
      for (let second = first; second <= stream.length; second++)
        expect(
          read([stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)]),
        ).toEqual(records);
  });

  it('gives the same records byte by byte', () => {
    expect(read([...stream].map((byte) => Buffer.of(byte)))).toEqual(records);
  });

  it('puts large records together whatever the sizes of frames', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1_500_000 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1000, max: 65_531 }),
        (lengths, frameBytes) => {
          const bodies = lengths.map((length, index) => Buffer.alloc(length, index + 1));
          const bytes = Buffer.concat(bodies.map((body) => recordOf(RecordKind.chunk, body)));
          const payloads = Array.from({ length: Math.ceil(bytes.length / frameBytes) }, (_, index) =>
            bytes.subarray(index * frameBytes, (index + 1) * frameBytes),
          );
          const got = read(payloads);
          expect(got.length).toBe(bodies.length);
          for (const [index, { body }] of got.entries()) expect(body.equals(bodies[index]!)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('gives slices of a frame that holds a whole record: nothing is copied', () => {
    const payload = recordOf(RecordKind.chunk, Buffer.from('whole'));
    expect(read([payload])[0]!.body.buffer).toBe(payload.buffer);
  });

  it('says how much it holds', () => {
    const reader = new RecordReader();
    read([stream.subarray(0, 3)], reader);
    expect(reader.pendingBytes).toBe(3);
    read([stream.subarray(3)], reader);
    expect(reader.pendingBytes).toBe(0);
  });

  it('takes memory as bytes arrive, not as a length claims', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 50 }, () => new RecordReader());
    for (const reader of readers) {
      const head = recordHeader(RecordKind.chunk, 1024 ** 3 - 1);
      expect(read([Buffer.concat([head, Buffer.alloc(1000)])], reader)).toEqual([]);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 1024 ** 2);
    expect(readers[0]!.pendingBytes).toBe(1005);
  });

  it('refuses lengths outside the limits, at once, also when the length comes byte by byte', () => {
    const zero = Buffer.alloc(5);
    const large = recordHeader(RecordKind.chunk, 1000);
    for (const bytes of [zero, large]) {
      expect(() => read([bytes], new RecordReader(1000))).toThrow(violation);
      expect(() =>
        read(
          [...bytes].map((byte) => Buffer.of(byte)),
          new RecordReader(1000),
        ),
      ).toThrow(violation);
    }
    expect(read([recordOf(RecordKind.chunk, Buffer.alloc(999))], new RecordReader(1000)).length).toBe(1);
  });

  it('refuses unknown kinds', () => {
    for (const kind of [0, 5, 255]) expect(() => read([Buffer.of(1, 0, 0, 0, kind)])).toThrow(violation);
  });
});
