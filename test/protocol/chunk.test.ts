import {
  parseChunkHeader,
  parseRowsHeader,
  PartFlag,
  PartKind,
  type PartSlice,
  partsOf,
  schemaIdOfPart,
} from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeChunk, encodePart, encodeRowsPart, header } from './support/chunks.js';
import { notRefused, refusal } from './support/refusal.js';

const violation = refusal('PROTOCOL_VIOLATION');
const schemaId = Buffer.from('0123456789abcdef');
const partsIn = (chunk: Buffer): PartSlice[] => [...partsOf(chunk, parseChunkHeader(chunk).partsAt)];

describe('a chunk header', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(
        fc.record({
          lsn: fc.maxSafeNat(),
          chunk: fc.nat(2 ** 32 - 1),
          last: fc.boolean(),
          logTime: fc.maxSafeNat(),
          commitTime: fc.maxSafeNat(),
          id: fc.string({ unit: 'binary-ascii', maxLength: 100 }),
          origin: fc.string({ unit: 'grapheme', maxLength: 50 }),
        }),
        (fields) => {
          const bytes = encodeChunk(fields);
          expect(parseChunkHeader(bytes)).toEqual({ ...fields, partsAt: bytes.length });
        },
      ),
    );
  });

  it('has the bytes that the grammar says', () => {
    const bytes = encodeChunk({
      lsn: 1,
      chunk: 2,
      last: true,
      logTime: 3,
      commitTime: 4,
      id: '0-1-5',
      origin: '',
    });
    expect(bytes.toString('hex')).toBe(
      '01 01 0100000000000000 02000000 0300000000000000 0400000000000000 0500302d312d35 0000'.replaceAll(
        ' ',
        '',
      ),
    );
  });

  it('is refused when it is cut off anywhere, and never read beyond its bytes', () => {
    const bytes = encodeChunk(header);
    const cut = (length: number): unknown => parseChunkHeader(bytes.subarray(0, length));
    expect(notRefused('PROTOCOL_VIOLATION', bytes.keys(), cut)).toEqual([]);
  });

  it('is refused with another version, unknown flags, or a number that is not exact', () => {
    const changes = [
      [0, 0],
      [0, 2],
      [1, 2],
      [8, 0x20],
      [20, 0x20],
      [28, 0x20],
    ] as const;
    const changed = ([at, value]: (typeof changes)[number]): unknown => {
      const bytes = encodeChunk(header);
      bytes[at] = value;
      return parseChunkHeader(bytes);
    };
    expect(notRefused('PROTOCOL_VIOLATION', changes, changed)).toEqual([]);
  });
});

describe('the parts of a chunk', () => {
  it('are found one after the other', () => {
    const chunk = encodeChunk(
      {},
      encodeRowsPart(PartKind.insert, PartFlag.uniqueChecksOff, schemaId, 1, Buffer.of(0x40)),
      encodePart(PartKind.ddl, 0, Buffer.of(0x80)),
      encodeRowsPart(PartKind.update, 0, schemaId, 1, Buffer.of(0x40, 0x40)),
    );
    const parts = partsIn(chunk);
    expect(parts.map(({ kind, flags }) => [kind, flags])).toEqual([
      [1, 2],
      [4, 0],
      [2, 0],
    ]);
    expect(parts.at(-1)!.end).toBe(chunk.length);
    expect(schemaIdOfPart(chunk, parts[0]!)).toEqual(schemaId);
  });

  it('are none in the chunk of an empty transaction', () => {
    expect(partsIn(encodeChunk({}))).toEqual([]);
  });

  it('are refused when cut off, longer than the chunk, too short for rows, or of an unknown kind', () => {
    const part = encodeRowsPart(PartKind.insert, 0, schemaId, 1, Buffer.of(0x40));
    const cut = (length: number): unknown => partsIn(encodeChunk({}, part.subarray(0, length)));
    expect(notRefused('PROTOCOL_VIOLATION', [...part.keys()].slice(1), cut)).toEqual([]);
    for (const bad of [
      encodePart(PartKind.insert, 0, schemaId),
      encodePart(0 as typeof PartKind.insert, 0, part),
      encodePart(8 as typeof PartKind.insert, 0, part),
      encodePart(PartKind.gap, 0, Buffer.alloc(19)),
      Buffer.of(4, 0, 0xff, 0xff, 0xff, 0xff),
    ])
      expect(() => partsIn(encodeChunk({}, bad))).toThrow(violation);
  });
});

describe('the head of a rows part', () => {
  const headOf = (part: Buffer, columns = 9): unknown => {
    const chunk = encodeChunk({}, part);
    const slice = partsIn(chunk)[0]!;
    const { imagesAt, ...rest } = parseRowsHeader(chunk, slice, columns);
    return { ...rest, images: slice.end - imagesAt };
  };
  const [before, after, images] = [Buffer.of(1, 0), Buffer.of(2, 1), Buffer.of(0x40, 0x40)];

  it('has the bitmaps that kind and flag call for', () => {
    const { partial } = PartFlag;
    expect(headOf(encodeRowsPart(PartKind.insert, 0, schemaId, 2, images))).toEqual({ rows: 2, images: 2 });
    expect(headOf(encodeRowsPart(PartKind.insert, partial, schemaId, 2, after, images))).toEqual({
      rows: 2,
      after,
      images: 2,
    });
    expect(headOf(encodeRowsPart(PartKind.delete, partial, schemaId, 2, before, images))).toEqual({
      rows: 2,
      before,
      images: 2,
    });
    expect(headOf(encodeRowsPart(PartKind.update, partial, schemaId, 1, before, after, images))).toEqual({
      rows: 1,
      before,
      after,
      images: 2,
    });
    expect(headOf(encodeRowsPart(PartKind.sequence, 0, schemaId, 1, images))).toEqual({ rows: 1, images: 2 });
  });

  it('is refused where more rows are claimed than bytes came, or bitmaps are cut off', () => {
    expect(() => headOf(encodeRowsPart(PartKind.insert, 0, schemaId, 3, images))).toThrow(violation);
    expect(() => headOf(encodeRowsPart(PartKind.update, 0, schemaId, 2, images))).toThrow(violation);
    expect(() => headOf(encodeRowsPart(PartKind.insert, 0, schemaId, 2 ** 32 - 1, images))).toThrow(
      violation,
    );
    expect(() =>
      headOf(encodeRowsPart(PartKind.insert, PartFlag.partial, schemaId, 0, Buffer.of(1))),
    ).toThrow(violation);
    expect(() => headOf(encodePart(PartKind.ddl, 0, images))).toThrow(violation);
    expect(() => headOf(encodePart(PartKind.gap, 0, Buffer.alloc(40)))).toThrow(violation);
  });
});
