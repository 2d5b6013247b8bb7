import { Rules } from '../../../../client-sdk/src/congo/rules/rules.js';
import type { TableRule } from '../../../../client-sdk/src/congo/rules/table-rule.js';
import type { WritableChange } from '../../../../client-sdk/src/congo/mapped-change.js';
import type { Row, TableVersion } from '@drc/protocol';
import { describe, expect, it } from 'vitest';

const orders: TableVersion = {
  schema: 'shop',
  table: 'orders',
  columns: [
    { name: 'id', type: 'bigint', nullable: false },
    { name: 'buyer', type: 'int', nullable: true },
    { name: 'region', type: 'text', nullable: true },
    { name: 'total', type: 'decimal', nullable: false, precision: 10, scale: 2 },
  ],
  primaryKey: [0],
};

const transaction = { id: '0-1-7', topic: 'shop', commitTimeMicros: 1_769_000_000_123_456 };
const context = {
  table: 'shop.orders',
  tableVersion: orders,
  columns: orders.columns,
  foreignKeyChecks: true,
  uniqueChecks: true,
};
const row = (id: number, buyer: number | null, region: string | null, total: string): Row => ({
  id: BigInt(id),
  buyer,
  region,
  total,
});
const insert = (after: Row): WritableChange => ({ ...context, kind: 'insert', after });
const update = (before: Row, after: Row): WritableChange => ({ ...context, kind: 'update', before, after });
const remove = (before: Row): WritableChange => ({ ...context, kind: 'delete', before });

/** What a rule makes of a change, as text: target, kind, images. */
function mapped(rule: Omit<TableRule, 'from'>, change: WritableChange): unknown[] {
  const rules = new Rules([{ from: 'shop.orders', ...rule }]);
  return rules.map(change, transaction).map(({ target, change: made }) => ({
    to: `${target.schema}.${target.table}`,
    kind: made.kind,
    ...(made.kind === 'insert' ? {} : { before: made.before }),
    ...(made.kind === 'delete' ? {} : { after: made.after }),
  }));
}

const codeOf = (work: () => unknown): unknown => {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as { code: unknown }).code;
  }
};

describe('A rule', () => {
  it('passes changes on as they are where it says nothing else', () => {
    const rules = new Rules([{ from: 'shop.orders', to: 'copy.orders' }]);
    const change = insert(row(1, 2, 'eu', '3.00'));
    const [made] = rules.map(change, transaction);
    expect(made?.change).toBe(change);
    expect(made?.mapped.version).toBe(orders);
  });

  it('makes an update that crosses its condition an insert or a delete', () => {
    const rule = { where: "region = 'eu' AND total > 2" };
    const eu = row(1, 2, 'eu', '3.00');
    const us = row(1, 2, 'us', '3.00');
    expect(mapped(rule, insert(us))).toEqual([]);
    expect(mapped(rule, insert(row(1, 2, null, '3.00')))).toEqual([]);
    expect(mapped(rule, update(us, eu))).toEqual([{ to: 'shop.orders', kind: 'insert', after: eu }]);
    expect(mapped(rule, update(eu, us))).toEqual([{ to: 'shop.orders', kind: 'delete', before: eu }]);
    expect(mapped(rule, update(us, us))).toEqual([]);
    expect(mapped(rule, remove(us))).toEqual([]);
    expect(mapped(rule, remove(eu))).toEqual([{ to: 'shop.orders', kind: 'delete', before: eu }]);
  });

  it('moves a row between shards as a delete there and an insert here', () => {
    const rule = { to: 'o.orders_{shard}', shard: { by: 'buyer', into: 4 } };
    const at = (buyer: number | null): Row => row(1, buyer, 'eu', '3.00');
    expect(mapped(rule, insert(at(-1)))).toEqual([{ to: 'o.orders_3', kind: 'insert', after: at(-1) }]);
    expect(mapped(rule, update(at(1), at(2)))).toEqual([
      { to: 'o.orders_1', kind: 'delete', before: at(1) },
      { to: 'o.orders_2', kind: 'insert', after: at(2) },
    ]);
    expect(mapped(rule, update(at(1), at(5)))).toEqual([
      { to: 'o.orders_1', kind: 'update', before: at(1), after: at(5) },
    ]);
    expect(codeOf(() => mapped(rule, insert(at(null))))).toBe('SHARD_UNKNOWN');
  });

  it('divides by hash, range and list as MySQL would', () => {
    const to = 'o.{shard}';
    const shardOf = (shard: TableRule['shard'], change: Row): unknown =>
      (mapped({ to, shard: shard! }, insert(change))[0] as { to: string }).to;
    const one = row(18_446_744_073, 2, 'eu', '3.00');
    // SELECT CRC32('eu') is 2033977518.
    expect(shardOf({ by: 'region', with: 'hash', into: 10 }, one)).toBe('o.8');
    expect(shardOf({ by: 'id', into: 10 }, one)).toBe('o.3');
    const ranges = [{ name: 'low', below: 100 }, { name: 'high' }];
    expect(shardOf({ by: 'id', with: 'range', into: ranges }, one)).toBe('o.high');
    expect(shardOf({ by: 'id', with: 'range', into: ranges }, row(99, 1, 'eu', '1.00'))).toBe('o.low');
    const letters = [{ name: 'a_m', below: 'n' }, { name: 'n_z' }];
    expect(shardOf({ by: 'region', with: 'range', into: letters }, one)).toBe('o.a_m');
    const list = { europe: ['eu', 'uk'], rest: '*' } as const;
    expect(shardOf({ by: 'region', with: 'list', into: list }, one)).toBe('o.europe');
    expect(shardOf({ by: 'region', with: 'list', into: list }, row(1, 1, 'us', '1.00'))).toBe('o.rest');
    expect(codeOf(() => shardOf({ by: 'total', into: 2 }, one))).toBe(undefined);
    expect(codeOf(() => shardOf({ by: 'total', into: 2 }, row(1, 1, 'eu', '1.50')))).toBe('SHARD_UNKNOWN');
    expect(codeOf(() => shardOf({ by: 'region', into: 2 }, one))).toBe('CONDITION_INVALID');
  });

  it('writes fewer, renamed, computed and constant columns', () => {
    const rule = {
      columns: ['ID', 'total'],
      rename: { total: 'amount' },
      set: { site: "'a'", cents: 'total * 100', ref: 'id', is_large: 'total > 100', op: '$operation' },
    };
    const rules = new Rules([{ from: 'shop.orders', ...rule }]);
    const [made] = rules.map(insert(row(7, 2, 'eu', '3.50')), transaction);
    expect(made?.change).toMatchObject({
      after: { id: 7n, amount: '3.50', site: 'a', cents: '350.00', ref: 7n, is_large: 0, op: 'insert' },
    });
    expect(made?.mapped.version.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id bigint',
      'amount decimal',
      'site enum',
      'cents decimal',
      'ref bigint',
      'is_large int',
      'op enum',
    ]);
    expect(made?.mapped.version.primaryKey).toEqual([0]);
  });

  it('puts a computed column in the place of one of the same name', () => {
    expect(mapped({ set: { region: "'x'" } }, remove(row(1, 2, 'eu', '3.00')))).toEqual([
      { to: 'shop.orders', kind: 'delete', before: row(1, 2, 'x', '3.00') },
    ]);
  });

  it('appends each change as a new row, with the image before where it is wanted', () => {
    const rule: Omit<TableRule, 'from'> = {
      to: 'h.his',
      action: 'append',
      drop: ['buyer', 'region'],
      before: 'old_{column}',
      set: { op: '$operation', at: '$committed_at_us', tx: '$transaction' },
    };
    const facts = { at: '2026-01-21 12:53:20.123456', tx: '0-1-7' };
    const [one, two] = [row(1, 2, 'eu', '3.00'), row(1, 2, 'eu', '4.00')];
    expect(mapped(rule, insert(one))).toEqual([
      { to: 'h.his', kind: 'insert', after: { id: 1n, total: '3.00', op: 'insert', ...facts } },
    ]);
    expect(mapped(rule, update(one, two))).toEqual([
      {
        to: 'h.his',
        kind: 'insert',
        after: { id: 1n, total: '4.00', old_id: 1n, old_total: '3.00', op: 'update', ...facts },
      },
    ]);
    expect(mapped(rule, remove(two))).toEqual([
      {
        to: 'h.his',
        kind: 'insert',
        after: { id: 1n, total: '4.00', old_id: 1n, old_total: '4.00', op: 'delete', ...facts },
      },
    ]);
  });

  it('deletes softly, and lets the row live again', () => {
    const rule: Omit<TableRule, 'from'> = {
      action: 'softDelete',
      columns: ['id'],
      set: { alive: '1' },
      deleted: { alive: '0', deleted_at: '$committed_at' },
    };
    const one = row(1, 2, 'eu', '3.00');
    const alive = { id: 1n, alive: 1 };
    expect(mapped(rule, insert(one))).toEqual([
      { to: 'shop.orders', kind: 'insert', after: { ...alive, deleted_at: null } },
    ]);
    expect(mapped(rule, remove(one))).toEqual([
      {
        to: 'shop.orders',
        kind: 'update',
        before: alive,
        after: { alive: 0, deleted_at: '2026-01-21 12:53:20' },
      },
    ]);
    const rules = new Rules([{ from: 'shop.orders', ...rule }]);
    expect(rules.map(insert(one), transaction)[0]?.mapped.policies.onDuplicate).toBe('overwrite');
  });

  it('leaves updates and deletes out where only inserts count', () => {
    const rule = { action: 'insertOnly' } as const;
    const one = row(1, 2, 'eu', '3.00');
    expect(mapped(rule, insert(one))).toHaveLength(1);
    expect(mapped(rule, update(one, one))).toEqual([]);
    expect(mapped(rule, remove(one))).toEqual([]);
  });

  it('completes a partial image that becomes a new row, and fails where it cannot', () => {
    const rule = { to: 'o.orders_{shard}', shard: { by: 'buyer', into: 4 } };
    const whole = row(1, 1, 'eu', '3.00');
    expect(mapped(rule, update(whole, { buyer: 2 }))).toEqual([
      { to: 'o.orders_1', kind: 'delete', before: whole },
      { to: 'o.orders_2', kind: 'insert', after: { ...whole, buyer: 2 } },
    ]);
    expect(codeOf(() => mapped(rule, update({ id: 1n, buyer: 1 }, { buyer: 2 })))).toBe('CONDITION_FAILED');
    // What the images lack and nobody needs stays absent.
    expect(mapped({ set: { cents: 'total * 100' } }, update({ id: 1n }, { region: 'us' }))).toEqual([
      { to: 'shop.orders', kind: 'update', before: { id: 1n }, after: { region: 'us' } },
    ]);
  });

  it('refuses columns that the table does not have, and values that nothing can hold', () => {
    const refused = (rule: Omit<TableRule, 'from'>): unknown =>
      codeOf(() => mapped(rule, insert(row(1, 2, 'eu', '3.00'))));
    expect(refused({ drop: ['nothing'] })).toBe('CONFIG_INVALID');
    expect(refused({ where: 'nothing = 1' })).toBe('CONDITION_INVALID');
    expect(refused({ set: { a: 'NULL' } })).toBe('CONDITION_INVALID');
    expect(refused({ set: { a: '$nothing' } })).toBe('CONDITION_INVALID');
  });
});
