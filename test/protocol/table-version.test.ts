import { canonicalTableVersion, schemaIdBytes, schemaIdOf, type TableVersion } from '@drc/protocol';
import { describe, expect, it } from 'vitest';

const orders: TableVersion = {
  schema: 'shop',
  table: 'orders',
  columns: [
    { name: 'id', type: 'bigint', nullable: false, unsigned: true },
    { name: 'amount', type: 'decimal', nullable: true, precision: 12, scale: 2 },
    { name: 'state', type: 'enum', nullable: false, collation: 45, labels: ['new', 'b,c', 'größe'] },
    { name: 'key', type: 'bytes', nullable: false, length: 16, fixed: true },
  ],
  primaryKey: [0],
};

describe('the canonical text of a table version', () => {
  it('is what it has always been: ids in logs depend on it', () => {
    expect(canonicalTableVersion(orders)).toBe(
      '{"schema":"shop","table":"orders","columns":[' +
        '{"name":"id","type":"bigint","nullable":false,"unsigned":true},' +
        '{"name":"amount","type":"decimal","nullable":true,"precision":12,"scale":2},' +
        '{"name":"state","type":"enum","nullable":false,"collation":45,"labels":["new","b,c","größe"]},' +
        '{"name":"key","type":"bytes","nullable":false,"length":16,"fixed":true}],"primaryKey":[0]}',
    );
    expect(schemaIdOf(orders).toString('hex')).toBe('36f91a7fdd9108bc324f3692ea8873b1');
    expect(schemaIdOf(orders).length).toBe(schemaIdBytes);
  });

  it('does not depend on the order in which fields were written, or on absent ones', () => {
    const shuffled: TableVersion = {
      primaryKey: [0],
      columns: orders.columns.map((column) =>
        Object.fromEntries(Object.entries(column).toReversed()),
      ) as unknown as TableVersion['columns'],
      table: 'orders',
      schema: 'shop',
    };
    expect(schemaIdOf(shuffled)).toEqual(schemaIdOf(orders));
    const withUndefined = {
      ...orders,
      columns: orders.columns.map((column) => ({ precision: undefined, ...column })),
    } as unknown as TableVersion;
    expect(schemaIdOf(withUndefined)).toEqual(schemaIdOf(orders));
  });

  it('differs wherever the table differs', () => {
    const [id, amount, state, key] = orders.columns as [object, object, object, object];
    const others = [
      { ...orders, schema: 'Shop' },
      { ...orders, table: 'order' },
      { ...orders, primaryKey: [] },
      { ...orders, columns: [amount, id, state, key] },
      { ...orders, columns: [{ ...id, unsigned: false }, amount, state, key] },
      { ...orders, columns: [id, amount, { ...state, labels: ['new', 'b', 'c', 'größe'] }, key] },
      { ...orders, columns: [id, amount, state, { ...key, length: 17 }] },
    ] as TableVersion[];
    expect(new Set([orders, ...others].map((version) => schemaIdOf(version).toString('hex'))).size).toBe(8);
  });

  it('reads back as the same version', () => {
    expect(JSON.parse(canonicalTableVersion(orders))).toEqual(orders);
  });
});
