import { Rules } from '../../../../client-sdk/src/congo/rules/rules.js';
import { DrcError } from '@drc/protocol';
import { describe, expect, it } from 'vitest';

const faultsOf = (...args: ConstructorParameters<typeof Rules>): readonly string[] => {
  try {
    void new Rules(...args);
    return [];
  } catch (error) {
    if (!(error instanceof DrcError) || error.code !== 'CONFIG_INVALID') throw error;
    return error.details['faults'] as readonly string[];
  }
};

const targets = (rules: Rules, schema: string, table: string): string[] =>
  rules.targetsOf({ schema, table }).map((target) => `${target.schema}.${target.table}`);

describe('Rules', () => {
  it('send a table to where the first rule that names it says, and leave others out', () => {
    const rules = new Rules([
      { from: 'shop.orders', to: 'copy.orders' },
      { from: 'shop.*', to: '{schema}_copy.old_{table}' },
      { from: 'crm.people' },
    ]);
    expect(targets(rules, 'shop', 'orders')).toEqual(['copy.orders']);
    expect(targets(rules, 'shop', 'a.b')).toEqual(['shop_copy.old_a.b']);
    expect(targets(rules, 'crm', 'people')).toEqual(['crm.people']);
    expect(targets(rules, 'crm', 'People')).toEqual([]);
    expect(targets(rules, 'toString', 'constructor')).toEqual([]);
    expect(rules.sourceTables).toEqual(['shop.orders', 'shop.*', 'crm.people']);
    expect(rules.namedTargets).toEqual([
      { schema: 'copy', table: 'orders' },
      { schema: 'crm', table: 'people' },
    ]);
  });

  it('give a table to each rule that names it where all of them count', () => {
    const rules = new Rules(
      [
        { from: 'shop.orders', to: 'a.orders' },
        { from: 'shop.*', to: 'b.{table}' },
      ],
      'all',
    );
    expect(targets(rules, 'shop', 'orders')).toEqual(['a.orders', 'b.orders']);
  });

  it('take the letters of a name as they are, but for * and ?', () => {
    const rules = new Rules([{ from: String.raw`s{a}.t[1]\x`, to: 'copy.{table}' }]);
    expect(rules.sourceTables).toEqual([String.raw`s\{a\}.t\[1\]\\x`]);
    expect(targets(rules, 's{a}', String.raw`t[1]\x`)).toEqual([String.raw`copy.t[1]\x`]);
    expect(targets(new Rules([{ from: 'a.*' }]), 'a', '{schema}$&')).toEqual(['a.{schema}$&']);
  });

  it('fill in what the wild cards stood for, and shards with leading zeros', () => {
    const rules = new Rules([
      { from: 'shop_*.orders_??', to: 'all_{1}.orders_{2}{3}' },
      {
        from: 'shop.lines',
        to: 'lines_{shard.schema:2}.lines_{shard.table}_{shard:3}',
        shard: { by: 'id', into: 4, tablesPerSchema: 2 },
      },
    ]);
    expect(targets(rules, 'shop_eu', 'orders_07')).toEqual(['all_eu.orders_07']);
    expect(targets(rules, 'shop_eu', 'orders_123')).toEqual([]);
    expect(targets(rules, 'shop', 'lines')).toEqual([
      'lines_00.lines_0_000',
      'lines_00.lines_1_001',
      'lines_01.lines_0_002',
      'lines_01.lines_1_003',
    ]);
    expect(rules.namedTargets).toHaveLength(4);
    expect(rules.sourceTables).toEqual(['shop_*.orders_??', 'shop.lines']);
  });

  it('tell all their faults at once', () => {
    expect(
      faultsOf([
        { from: 'orders' },
        { from: 'shop.*', to: 'copy.everything' },
        { from: 'shop.a', to: 'copy.{tabel}' },
        { from: 'shop.b', to: 'copy.*' },
        { from: 'crm.*' },
        { from: 'crm.people' },
        { from: 'crm.p*' },
        { from: 'shop.', to: '.x' },
        { from: 'x.a', where: 'id >', set: { total: '1 +' } },
        { from: 'x.b', shard: { by: 'id', into: 4 } },
        { from: 'x.c', to: 'x.c_{shard}', shard: { by: ' ', into: 6, tablesPerSchema: 4 } },
        { from: 'x.d', action: 'softDelete' },
        { from: 'x.e', before: 'old', columns: ['a'], drop: ['b'] },
        { from: 'x.f', rename: { a: 'c', b: 'C' } },
        { from: 'x.g*', to: 'y.{2}' },
      ]),
    ).toEqual([
      "tables.0.from: 'orders' is not schema.table",
      "tables.1.to: 'copy.everything' would put every table of 'shop.*' into one; use {table}",
      "tables.2.to: 'copy.{tabel}' has the unknown {tabel}; there are {schema} and {table}",
      "tables.3.to: 'copy.*' names no one table; use {table}",
      "tables.5.from: 'crm.people' is never reached, an earlier rule takes it",
      "tables.6.from: 'crm.p*' is never reached, an earlier rule takes it",
      "tables.7.from: 'shop.' is not schema.table",
      'tables.8.where: At character 5 of the expression: a value was expected, not its end.',
      'tables.8.set.total: At character 4 of the expression: a value was expected, not its end.',
      "tables.9.to: '{schema}.{table}' is one table for all shards; use {shard}",
      'tables.10.shard.by: is empty',
      'tables.10.shard.tablesPerSchema: 6 shards cannot be divided by 4',
      'tables.11.deleted: softDelete needs the columns that a delete sets, e.g. deleted_at: $committed_at',
      'tables.12.drop: goes without columns, which names those that are written',
      'tables.12.before: goes with action: append only',
      "tables.12.before: 'old' would be one name for all columns; use {column}",
      "tables.13.rename: two columns become 'c'",
      "tables.14.to: 'y.{2}' has the unknown {2}; there are {schema}, {table} and {1}",
    ]);
    expect(faultsOf([])).toEqual(['tables: at least one rule is needed']);
    const same = [{ from: 'a.b' }, { from: 'a.b', to: 'c.b' }];
    expect(faultsOf(same, 'all')).toEqual([]);
    expect(faultsOf(same)).toEqual(["tables.1.from: 'a.b' is never reached, an earlier rule takes it"]);
  });
});
