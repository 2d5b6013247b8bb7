import {
  type Column,
  ImageDecoder,
  isDrcError,
  type Row,
  type TableVersion,
  type Value,
} from '@drc/protocol';
import fc from 'fast-check';
import { pack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { interpretedProgram } from '../../protocol/src/image-program.js';
import { column, encodeImage, encodeValue, tableOf, tableWithRows } from './support/images.js';
import { notRefused, refusal } from './support/refusal.js';

const violation = refusal('PROTOCOL_VIOLATION');
const imagesOf = (columns: readonly Column[], rows: readonly (readonly Value[])[]): Buffer =>
  Buffer.concat(rows.map((values) => encodeImage(columns, values)));
const rowOf = (columns: readonly Column[], values: readonly Value[]): Row =>
  Object.fromEntries(columns.map(({ name }, index) => [name, values[index] ?? null]));
const decodeAll = (version: TableVersion, bytes: Buffer): Row[] =>
  new ImageDecoder(version).decodeMany(bytes, 0, bytes.length);

describe('an image decoder', () => {
  it('gives each value as it was written, for any columns and names', () => {
    fc.assert(
      fc.property(tableWithRows, fc.nat(20), fc.nat(20), ([columns, rows], before, behind) => {
        const images = imagesOf(columns, rows);
        const bytes = Buffer.concat([Buffer.alloc(before, 0xc1), images, Buffer.alloc(behind, 0xc1)]);
        const decoded = new ImageDecoder(tableOf(...columns)).decodeMany(
          bytes,
          before,
          before + images.length,
        );
        expect(decoded).toEqual(rows.map((values) => rowOf(columns, values)));
        for (const [index, row] of decoded.entries()) {
          expect(Object.entries(row)).toEqual(Object.entries(rowOf(columns, rows[index]!)));
          expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('gives the same, compiled and interpreted, at once and one by one', () => {
    fc.assert(
      fc.property(tableWithRows, ([columns, rows]) => {
        const bytes = imagesOf(columns, rows);
        const decoder = new ImageDecoder(tableOf(...columns));
        const interpreted: Row[] = [];
        interpretedProgram(columns)(bytes, 0, bytes.length, Infinity, interpreted);
        const single: Row[] = [];
        for (let at = 0; at < bytes.length; ) {
          const { row, next } = decoder.decodeOne(bytes, at);
          single.push(row);
          at = next;
        }
        expect(single).toEqual(decoder.decodeMany(bytes, 0, bytes.length));
        expect(interpreted).toEqual(single);
      }),
      { numRuns: 500 },
    );
  });

  it('either refuses damaged bytes as both programs do, or reads the same rows from them', () => {
    const rowsOrRefusal = (read: () => Row[]): unknown => {
      try {
        return read();
      } catch (error) {
        // A program may throw a RangeError at the end of the bytes; the decoder turns it into a DrcError.
        if (error instanceof RangeError || isDrcError(error, 'PROTOCOL_VIOLATION')) return 'refused';
        throw error;
      }
    };
    fc.assert(
      fc.property(
        tableWithRows.filter(([, rows]) => rows.length > 0),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        fc.nat(30),
        ([columns, rows], damages, cut) => {
          const whole = imagesOf(columns, rows);
          for (const [at, value] of damages) whole[at % whole.length] = value;
          const bytes = whole.subarray(0, Math.max(0, whole.length - cut));
          const compiled = rowsOrRefusal(() => decodeAll(tableOf(...columns), bytes));
          const interpreted = rowsOrRefusal(() => {
            const list: Row[] = [];
            interpretedProgram(columns)(bytes, 0, bytes.length, Infinity, list);
            return list;
          });
          expect(compiled).toEqual(interpreted);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('reads the images of an update in pairs', () => {
    const columns = [column('id', 'int'), column('note', 'text')];
    const bytes = imagesOf(columns, [
      [1, 'before'],
      [1, 'after'],
    ]);
    expect(decodeAll(tableOf(...columns), bytes)).toEqual([
      { id: 1, note: 'before' },
      { id: 1, note: 'after' },
    ]);
  });

  it('leaves out columns that the bitmap leaves out: absent is not null', () => {
    const columns = Array.from({ length: 9 }, (_, index) => column(`c${index}`, 'int'));
    const decoder = new ImageDecoder(tableOf(...columns), Buffer.of(0b0000_0010, 0b1));
    const bytes = imagesOf([columns[1]!, columns[8]!], [[5, null]]);
    expect(decoder.columns).toEqual([columns[1], columns[8]]);
    expect(decoder.decodeMany(bytes, 0, bytes.length)).toEqual([{ c1: 5, c8: null }]);
    expect(() => new ImageDecoder(tableOf(...columns), Buffer.of(1))).toThrow(violation);
  });

  it('reads images without any column', () => {
    expect(decodeAll(tableOf(), Buffer.of(0x40, 0x40))).toEqual([{}, {}]);
    expect(decodeAll(tableOf(), Buffer.alloc(0))).toEqual([]);
  });

  it('gives a column named __proto__ as an own property, and nothing of it reaches the prototype', () => {
    const columns = [column('__proto__', 'text'), column('constructor', 'int')];
    const [row] = decodeAll(tableOf(...columns), imagesOf(columns, [['mine', 1]]));
    expect(Object.entries(row!)).toEqual([
      ['__proto__', 'mine'],
      ['constructor', 1],
    ]);
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
  });

  it('reads 4,096 columns, in column order', () => {
    const columns = Array.from({ length: 4096 }, (_, index) =>
      column(index === 9 ? '__proto__' : `c${index}`, index % 2 === 0 ? 'int' : 'text'),
    );
    const values = columns.map((_, index) => (index % 2 === 0 ? index : `text ${index}`));
    const rows = decodeAll(tableOf(...columns), imagesOf(columns, [values, values]));
    expect(Object.entries(rows[1]!)).toEqual(columns.map(({ name }, index) => [name, values[index]]));
  });

  it('keeps a byte order mark, whatever the length of the text', () => {
    const columns = [column('note', 'text')];
    for (const length of [1, 30, 100, 5000, 70_000])
      expect(decodeAll(tableOf(...columns), imagesOf(columns, [[`\ufeff${'é'.repeat(length)}`]]))).toEqual([
        { note: `\ufeff${'é'.repeat(length)}` },
      ]);
  });
});

describe('bytes and vectors', () => {
  const columns = [column('data', 'bytes'), column('place', 'vector')];

  it('are copies when they are a small part of the memory behind them', () => {
    const bytes = Buffer.concat([imagesOf(columns, [[Buffer.from('key'), null]]), Buffer.alloc(100_000)]);
    const { row } = new ImageDecoder(tableOf(...columns)).decodeOne(bytes, 0);
    const data = row['data'] as Buffer;
    expect(Buffer.isBuffer(data)).toBe(true);
    expect(data.buffer).not.toBe(bytes.buffer);
    bytes.fill(0);
    expect(data.toString()).toBe('key');
  });

  it('are slices when they are most of the memory behind them', () => {
    const bytes = imagesOf(columns, [[Buffer.alloc(1_000_000, 7), null]]);
    const { row } = new ImageDecoder(tableOf(...columns)).decodeOne(bytes, 0);
    expect((row['data'] as Buffer).buffer).toBe(bytes.buffer);
  });

  it('of a vector are floats, wherever in the chunk they lie', () => {
    for (const shift of [0, 1, 2, 3]) {
      const image = imagesOf(columns, [[Buffer.alloc(0), Float32Array.of(1.5, -0, Infinity)]]);
      const bytes = Buffer.concat([Buffer.alloc(shift), image]);
      expect(new ImageDecoder(tableOf(...columns)).decodeOne(bytes, shift).row).toEqual({
        data: Buffer.alloc(0),
        place: Float32Array.of(1.5, -0, Infinity),
      });
    }
  });
});

describe('bytes that are no row images', () => {
  const columns = [column('id', 'int'), column('note', 'text')];
  const image = (...values: readonly Buffer[]): Buffer => Buffer.concat([Buffer.of(0x40), ...values]);
  const one = Buffer.of(1);

  it.each<[string, Buffer]>([
    ['a wrong marker', Buffer.of(0x41, 1, 0xa0)],
    ['an image cut off', Buffer.of(0x40, 1)],
    ['a text cut off', Buffer.of(0x40, 1, 0xa5, 0x61)],
    ['a text that claims 4 GiB', image(one, Buffer.of(0xdb, 0xff, 0xff, 0xff, 0xff, 0x61))],
    ['a length cut off', image(one, Buffer.of(0xdb, 0))],
    ['a value too many', image(one, Buffer.of(0xa0, 1))],
    ['a text where a number belongs', image(Buffer.of(0xa1, 0x61), Buffer.of(0xa0))],
    ['a number where a text belongs', image(one, one)],
    ['an integer 64-127 in one byte', image(Buffer.of(0x50), Buffer.of(0xa0))],
    ['a record within a record', image(Buffer.of(0x40, 1, 0xa0), Buffer.of(0xa0))],
    ['a map', image(one, Buffer.of(0x81, 0xa1, 0x61, 1))],
    ['an array', image(one, Buffer.of(0x91, 1))],
    ['the byte 0xc1', image(one, Buffer.of(0xc1))],
    ['a boolean', image(Buffer.of(0xc3), Buffer.of(0xa0))],
    ['a record definition', image(one, Buffer.of(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x78, 1))],
    ['a record definition of two bytes', image(one, Buffer.of(0xd5, 0x72, 0x40, 0, 0x91, 0xa1, 0x78, 1))],
    ['a record definition before the first image', Buffer.of(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x78, 1)],
    ['a date', image(one, Buffer.of(0xd6, 0xff, 0, 0, 0, 0))],
    ['a regular expression', image(one, pack(/(a+)+$/))],
    ['a set', image(one, Buffer.of(0xd4, 0x73, 0, 0x91, 1))],
    ['a large integer extension', image(Buffer.of(0xc7, 1, 0x42, 1), Buffer.of(0xa0))],
  ])('are refused: %s', (_, bytes) => {
    const decoder = new ImageDecoder(tableOf(...columns));
    expect(() => decoder.decodeMany(bytes, 0, bytes.length)).toThrow(violation);
    expect(() => {
      const { next } = decoder.decodeOne(bytes, 0);
      decoder.decodeOne(bytes, next);
    }).toThrow(violation);
    expect(decodeAll(tableOf(...columns), imagesOf(columns, [[1, 'x']]))).toEqual([{ id: 1, note: 'x' }]);
  });

  it('are refused where a value of another width stands for the type', () => {
    const wrong: readonly [Column['type'], Buffer][] = [
      ['bigint', Buffer.of(5)],
      ['int', encodeValue('bigint', 5n)],
      ['float', encodeValue('double', 1)],
      ['double', encodeValue('float', 1)],
      ['bytes', encodeValue('text', 'x')],
      ['text', encodeValue('bytes', Buffer.from('x'))],
      ['vector', encodeValue('bytes', Buffer.alloc(5))],
    ];
    const decode = ([type, bytes]: (typeof wrong)[number]): Row[] =>
      decodeAll(tableOf(column('c', type)), image(bytes));
    expect(notRefused('PROTOCOL_VIOLATION', wrong, decode)).toEqual([]);
  });

  it('are refused where the range goes beyond the bytes, or ends within an image', () => {
    const bytes = imagesOf(columns, [[1, 'x'.repeat(50)]]);
    const decoder = new ImageDecoder(tableOf(...columns));
    expect(() => decoder.decodeMany(bytes, 0, bytes.length + 1)).toThrow(violation);
    const ends = Array.from({ length: bytes.length - 1 }, (_, index) => index + 1);
    expect(notRefused('PROTOCOL_VIOLATION', ends, (end) => decoder.decodeMany(bytes, 0, end))).toEqual([]);
    expect(() => decoder.decodeOne(bytes, bytes.length)).toThrow(violation);
  });
});
