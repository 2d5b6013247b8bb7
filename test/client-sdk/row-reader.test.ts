import { PartFlag, PartKind, canonicalTableVersion, schemaIdOf } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { RowReader } from '../../client-sdk/src/row-reader.js';
import { ddlPart, image, insertPart, order, orders, rowsPart } from './support/rows.js';

const schemaRecord = Buffer.concat([schemaIdOf(orders), Buffer.from(canonicalTableVersion(orders), 'utf8')]);
const reader = (): RowReader => {
  const made = new RowReader();
  made.learn(schemaRecord);
  return made;
};
const read = (bytes: Buffer, skip = 0): unknown[] =>
  [...reader().read({ bytes, partsAt: 0, end: bytes.length, skip })].flat();
const ddl = {
  verb: 'DROP TABLE',
  tables: ['shop.old'],
  defaultSchema: '',
  sqlMode: 0,
  charset: [45, 45, 45] as const,
  timeZone: '',
};

describe('a row reader', () => {
  it('gives each change its table version and all of its columns', () => {
    expect(read(insertPart([order(1)]))).toEqual([
      {
        kind: 'insert',
        table: 'shop.orders',
        after: order(1),
        columns: orders.columns,
        tableVersion: orders,
        foreignKeyChecks: true,
        uniqueChecks: true,
      },
    ]);
  });

  it('leaves absent what the binlog left out, in each image for itself', () => {
    const bitmaps = [Buffer.of(0b001), Buffer.of(0b110)];
    const images = [1, 2].flatMap((id) => [
      image(order(id), ['id']),
      image(order(id, null), ['status', 'note']),
    ]);
    const changes = read(rowsPart(PartKind.update, 2, images, { bitmaps }));
    expect(changes).toMatchObject([
      { before: { id: 1n }, after: { status: 1, note: null } },
      { before: { id: 2n }, after: { status: 2, note: null } },
    ]);
    expect(changes[0]).toMatchObject({ columns: [orders.columns[1], orders.columns[2]] });
    expect(Object.keys((changes[0] as { before: object }).before)).toEqual(['id']);
    const deletes = rowsPart(PartKind.delete, 1, [image(order(1), ['id'])], { bitmaps: [Buffer.of(1)] });
    expect(read(deletes)).toMatchObject([
      { kind: 'delete', before: { id: 1n }, columns: [orders.columns[0]] },
    ]);
  });

  it('tells a sequence from a table, and the flags of the row event', () => {
    const flags = PartFlag.foreignKeyChecksOff | PartFlag.uniqueChecksOff;
    expect(read(rowsPart(PartKind.sequence, 1, [image(order(1))], { flags }))).toMatchObject([
      { kind: 'sequence', after: order(1), foreignKeyChecks: false, uniqueChecks: false },
    ]);
  });

  it('leaves out as many changes as it is told, over parts and within them', () => {
    const parts = Buffer.concat([
      insertPart([order(1), order(2), order(3)]),
      ddlPart(ddl),
      rowsPart(
        PartKind.update,
        2,
        [1, 1, 2, 2].map((id) => image(order(id))),
      ),
    ]);
    expect(reader().count({ bytes: parts, partsAt: 0, end: parts.length })).toBe(6);
    const all = read(parts);
    for (let skip = 0; skip <= 6; skip++) expect(read(parts, skip)).toEqual(all.slice(skip));
  });

  it('refuses what does not fit together', () => {
    const id = schemaIdOf(orders);
    const violation: unknown = expect.objectContaining({ code: 'PROTOCOL_VIOLATION' });
    const rows = insertPart([order(1), order(2)]);
    expect(() => [...new RowReader().read({ bytes: rows, partsAt: 0, end: rows.length, skip: 0 })]).toThrow(
      violation,
    );
    expect(() => read(rowsPart(PartKind.insert, 3, [image(order(1))]))).toThrow(violation);
    expect(() => read(rowsPart(PartKind.update, 1, [image(order(1))]))).toThrow(violation);
    expect(() => read(rowsPart(PartKind.insert, 1, [], { flags: PartFlag.partial }))).toThrow(violation);
    for (const record of [
      Buffer.alloc(3),
      id,
      Buffer.concat([id, Buffer.from('{}')]),
      Buffer.concat([id, Buffer.from('{"schema":"shop","table":"x","columns":[],"primaryKey":[]}')]),
      Buffer.concat([id, Buffer.from('{"schema":"shop","table":"x","columns":[null],"primaryKey":[]}')]),
    ])
      expect(() => new RowReader().learn(record)).toThrow(violation);
  });
});
