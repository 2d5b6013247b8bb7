import {
  type DrcError,
  ImageDecoder,
  parseRowsHeader,
  PartFlag,
  PartKind,
  type PartKindCode,
  partsOf,
  schemaIdOf,
  schemaIdOfPart,
  type TableVersion,
  type Value,
} from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { RowFilter, type RowWish } from '../../../store/src/serve/row-filter.js';
import { encodeRowsPart } from '../../protocol/support/chunks.js';
import { column, encodeImage, tableOf } from '../../protocol/support/images.js';

const orders: TableVersion = {
  ...tableOf(
    column('id', 'bigint'),
    column('region', 'text'),
    column('total', 'decimal'),
    column('note', 'text'),
  ),
  primaryKey: [0],
};
const typed: TableVersion = {
  ...orders,
  columns: orders.columns.map((item) =>
    item.type === 'decimal' ? { ...item, precision: 12, scale: 2 } : item,
  ),
};
type Values = readonly Value[];
const row = (id: bigint, region: string | null, total: string, note = 'n'): Values => [
  id,
  region,
  total,
  note,
];

/** A part of whole images. */
const partOf = (kind: PartKindCode, rows: readonly Values[], flags = 0): Buffer =>
  encodeRowsPart(
    kind,
    flags,
    schemaIdOf(typed),
    kind === PartKind.update ? rows.length / 2 : rows.length,
    ...rows.map((values) => encodeImage(typed.columns, values)),
  );

interface Seen {
  readonly kind: PartKindCode;
  readonly flags: number;
  readonly rows: number;
  readonly images: readonly (readonly unknown[])[];
}

const filterOf = (wish: Partial<RowWish>): RowFilter => new RowFilter(typed, { where: [], ...wish });

/** What a reader makes of the parts, by the table version that it is told. */
function read(filter: RowFilter, part: Buffer, wants: (kind: PartKindCode) => boolean = () => true): Seen[] {
  const slice = [...partsOf(part, 0)][0]!;
  const { parts, rows } = filter.filter(part, slice, wants);
  const seen = [...partsOf(parts, 0)].map((found) => {
    expect(schemaIdOfPart(parts, found)).toEqual(schemaIdOf(filter.version));
    const header = parseRowsHeader(parts, found, filter.version.columns.length);
    const decoder = new ImageDecoder(filter.version, header.before ?? header.after);
    const images = decoder.decodeMany(parts, header.imagesAt, found.end).map((image) => Object.values(image));
    return { kind: found.kind, flags: found.flags, rows: header.rows, images };
  });
  expect(seen.reduce((sum, found) => sum + found.rows, 0)).toBe(rows);
  return seen;
}

describe('A condition', () => {
  const europe = filterOf({ where: ["region = 'eu' AND total > 100"] });

  it('keeps the rows of which it is true; not known is not true', () => {
    const rows = [
      row(1n, 'eu', '100.01'),
      row(2n, 'us', '500.00'),
      row(3n, null, '500.00'),
      row(4n, 'eu', '100.00'),
    ];
    expect(read(europe, partOf(PartKind.insert, rows, PartFlag.uniqueChecksOff))).toEqual([
      { kind: PartKind.insert, flags: PartFlag.uniqueChecksOff, rows: 1, images: [rows[0]] },
    ]);
    expect(read(europe, partOf(PartKind.delete, [rows[1]!]))).toEqual([]);
  });

  it('makes an insert or a delete of an update that carries a row across it', () => {
    const [cheap, dear] = [row(1n, 'eu', '5.00'), row(1n, 'eu', '500.00')];
    const dearer = row(1n, 'eu', '600.00');
    const updates = [cheap, dear, dear, dearer, dearer, cheap, cheap, cheap];
    expect(read(europe, partOf(PartKind.update, updates))).toEqual([
      { kind: PartKind.insert, flags: 0, rows: 1, images: [dear] },
      { kind: PartKind.update, flags: 0, rows: 1, images: [dear, dearer] },
      { kind: PartKind.delete, flags: 0, rows: 1, images: [dearer] },
    ]);
    const inserts = read(europe, partOf(PartKind.update, updates), (kind) => kind === PartKind.insert);
    expect(inserts.map(({ kind }) => kind)).toEqual([PartKind.insert]);
  });

  it('ends the reading where the image lacks what it needs, and passes no row', () => {
    const before = Buffer.of(0b0001);
    const after = Buffer.of(0b0101);
    const part = encodeRowsPart(
      PartKind.update,
      PartFlag.partial,
      schemaIdOf(typed),
      1,
      before,
      after,
      encodeImage([typed.columns[0]!], [1n]),
      encodeImage([typed.columns[0]!, typed.columns[2]!], [1n, '500.00']),
    );
    expect(() => read(europe, part)).toThrow(
      expect.objectContaining({ code: 'CONDITION_FAILED' }) as DrcError,
    );
    // What the images have is enough for another.
    const keyed = filterOf({ where: ['id = 1'] });
    const slice = [...partsOf(part, 0)][0]!;
    expect(keyed.filter(part, slice, () => true)).toEqual({ parts: part, rows: 1 });
  });

  it('is refused for a table that does not have its columns', () => {
    expect(() => filterOf({ where: ["country = 'de'"] })).toThrow(
      expect.objectContaining({ code: 'CONDITION_INVALID' }) as DrcError,
    );
  });
});

describe('A choice of columns', () => {
  it('delivers these, of a table version of its own', () => {
    const filter = filterOf({ columns: (name) => name !== 'total' && name !== 'note' });
    expect(filter.version.columns.map(({ name }) => name)).toEqual(['id', 'region']);
    expect(filter.version.primaryKey).toEqual([0]);
    const rows = [row(1n, 'eu', '1.00', 'x'.repeat(300)), row(2n, null, '2.00')];
    expect(read(filter, partOf(PartKind.insert, rows))).toMatchObject([
      {
        rows: 2,
        images: [
          [1n, 'eu'],
          [2n, null],
        ],
      },
    ]);
  });

  it('leaves no key where a column of it is not delivered', () => {
    expect(filterOf({ columns: (name) => name !== 'id' }).version.primaryKey).toEqual([]);
  });

  it('may leave out what a condition depends on', () => {
    const filter = filterOf({ where: ['total > 1'], columns: (name) => name === 'id' });
    const part = partOf(PartKind.insert, [row(1n, 'eu', '1.00'), row(2n, 'eu', '2.00')]);
    expect(read(filter, part)).toMatchObject([{ rows: 1, images: [[2n]] }]);
  });

  it('says of partial images which of its columns they have', () => {
    const part = encodeRowsPart(
      PartKind.delete,
      PartFlag.partial,
      schemaIdOf(typed),
      1,
      Buffer.of(0b1001),
      encodeImage([typed.columns[0]!, typed.columns[3]!], [1n, 'x']),
    );
    const filter = filterOf({ columns: (name) => name !== 'region' });
    const found = read(filter, part);
    expect(found).toMatchObject([{ flags: PartFlag.partial, images: [[1n, 'x']] }]);
  });
});

describe('A share of the rows', () => {
  const shares = (of: number): RowFilter[] =>
    Array.from({ length: of }, (_, index) => filterOf({ partition: { of, index } }));

  it('is by key: each row has one reader, and a key always the same', () => {
    const rows = Array.from({ length: 200 }, (_, id) => row(BigInt(id), 'eu', '1.00'));
    const taken = shares(4).map((filter) =>
      read(filter, partOf(PartKind.insert, rows))[0]!.images.map(([id]) => id),
    );
    expect(taken.flat().toSorted((one, other) => Number((one as bigint) - (other as bigint)))).toEqual(
      rows.map(([id]) => id),
    );
    for (const share of taken) expect(share.length).toBeGreaterThan(20);
    const later = rows.map(([id]) => row(id as bigint, 'us', '2.00'));
    const again = shares(4).map((filter) =>
      read(filter, partOf(PartKind.delete, later))[0]!.images.map(([id]) => id),
    );
    expect(again).toEqual(taken);
  });

  it('gives up a row that an update carries to another share, whose reader gets it as an insert', () => {
    const moved = Array.from({ length: 20 }, (_, id) => [
      row(1n, 'eu', '1.00'),
      row(BigInt(id + 2), 'eu', '1.00'),
    ]).flat();
    const kinds = shares(2).map((filter) => read(filter, partOf(PartKind.update, moved)));
    const counts = kinds.map((parts) =>
      Object.fromEntries(
        [PartKind.insert, PartKind.update, PartKind.delete].map((kind) => [
          kind,
          parts.filter((part) => part.kind === kind).reduce((sum, { rows }) => sum + rows, 0),
        ]),
      ),
    );
    const [home, other] =
      counts[0]![PartKind.delete]! > 0 ? [counts[0]!, counts[1]!] : [counts[1]!, counts[0]!];
    expect(home[PartKind.delete]).toBe(other[PartKind.insert]);
    expect(home[PartKind.update]! + home[PartKind.delete]!).toBe(20);
    expect([other[PartKind.update], other[PartKind.delete]]).toEqual([0, 0]);
  });

  it('of a table without a key is all of it, or nothing', () => {
    const keyless = { ...typed, primaryKey: [] };
    const filters = [0, 1, 2].map(
      (index) => new RowFilter(keyless, { where: [], partition: { of: 3, index } }),
    );
    const part = partOf(PartKind.insert, [row(1n, 'eu', '1.00'), row(2n, 'eu', '2.00')]);
    const slice = [...partsOf(part, 0)][0]!;
    expect(
      filters
        .map((filter) => filter.filter(part, slice, () => true).rows)
        .toSorted((one, other) => one - other),
    ).toEqual([0, 0, 2]);
  });
});
