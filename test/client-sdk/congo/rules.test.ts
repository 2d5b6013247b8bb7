import { Rules } from '../../../client-sdk/src/congo/rules.js';
import { DrcError } from '@drc/protocol';
import { describe, expect, it } from 'vitest';

const faultsOf = (rules: ConstructorParameters<typeof Rules>[0]): readonly string[] => {
  try {
    void new Rules(rules);
    return [];
  } catch (error) {
    if (!(error instanceof DrcError) || error.code !== 'CONFIG_INVALID') throw error;
    return error.details['faults'] as readonly string[];
  }
};

describe('Rules', () => {
  it('send a table to where the first rule that names it says, and leave others out', () => {
    const rules = new Rules([
      { from: 'shop.orders', to: 'copy.orders' },
      { from: 'shop.*', to: '{schema}_copy.old_{table}' },
      { from: 'crm.people' },
    ]);
    const targetOf = (schema: string, table: string) => rules.targetOf({ schema, table });
    expect(targetOf('shop', 'orders')).toEqual({ schema: 'copy', table: 'orders' });
    expect(targetOf('shop', 'a.b')).toEqual({ schema: 'shop_copy', table: 'old_a.b' });
    expect(targetOf('crm', 'people')).toEqual({ schema: 'crm', table: 'people' });
    expect(targetOf('crm', 'People')).toBeUndefined();
    expect(targetOf('toString', 'constructor')).toBeUndefined();
    expect(rules.sourceTables).toEqual(['shop.orders', 'shop.*', 'crm.people']);
    expect(rules.namedTargets).toEqual([
      { schema: 'copy', table: 'orders' },
      { schema: 'crm', table: 'people' },
    ]);
  });

  it('take the letters of a name as they are', () => {
    const rules = new Rules([{ from: String.raw`s{a}.t[1]\x`, to: 'copy.{table}' }]);
    expect(rules.sourceTables).toEqual([String.raw`s\{a\}.t\[1\]\\x`]);
    expect(rules.targetOf({ schema: 's{a}', table: String.raw`t[1]\x` })).toEqual({
      schema: 'copy',
      table: String.raw`t[1]\x`,
    });
    expect(new Rules([{ from: 'a.*' }]).targetOf({ schema: 'a', table: '{schema}$&' })).toEqual({
      schema: 'a',
      table: '{schema}$&',
    });
  });

  it('tell all their faults at once', () => {
    expect(
      faultsOf([
        { from: 'orders' },
        { from: 'shop.ord*' },
        { from: '*.orders' },
        { from: 'shop.*', to: 'copy.everything' },
        { from: 'shop.a', to: 'copy.{tabel}' },
        { from: 'shop.b', to: 'copy.*' },
        { from: 'crm.*' },
        { from: 'crm.people' },
        { from: 'shop.', to: '.x' },
      ]),
    ).toEqual([
      "tables.0.from: 'orders' is not schema.table or schema.*",
      "tables.1.from: 'ord*' in 'shop.ord*' is a pattern; only schema.* is allowed",
      "tables.2.from: '*' in '*.orders' is a pattern; only schema.* is allowed",
      "tables.3.to: 'copy.everything' would put every table of 'shop.*' into one; use {table}",
      "tables.4.to: 'copy.{tabel}' has the unknown {tabel}; there are {schema} and {table}",
      "tables.5.to: 'copy.*' names no one table; use {table}",
      "tables.7.from: 'crm.people' is never reached, an earlier rule takes it",
      "tables.8.from: 'shop.' is not schema.table or schema.*",
      "tables.8.to: '.x' is not schema.table",
    ]);
    expect(faultsOf([])).toEqual(['tables: at least one rule is needed']);
  });
});
