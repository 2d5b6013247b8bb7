import { describe, expect, it } from 'vitest';
import { TableFilter } from '../../../store/src/source/table-filter.js';

describe('TableFilter', () => {
  it('takes everything but the system schemas by default', () => {
    const filter = new TableFilter();
    expect(filter.captures('shop', 'orders')).toBe(true);
    expect(filter.captures('shop', 'a/b.c')).toBe(true);
    for (const schema of ['mysql', 'information_schema', 'PERFORMANCE_SCHEMA', 'sys'])
      expect([schema, filter.captures(schema, 't')]).toEqual([schema, false]);
    for (const schema of ['MySQL', 'SYS', 'mysql.backup', 'mysql2'])
      expect([schema, filter.captures(schema, 't')]).toEqual([schema, true]);
  });

  it('takes what is included and not excluded', () => {
    const filter = new TableFilter({ include: ['shop.*', 'crm.{a,b}'], exclude: ['*.secret_*'] });
    expect(filter.captures('shop', 'orders')).toBe(true);
    expect(filter.captures('shop', 'odd/name')).toBe(true);
    expect(filter.captures('shop', 'secret_x')).toBe(false);
    expect(filter.captures('crm', 'b')).toBe(true);
    expect(filter.captures('crm', 'c')).toBe(false);
    expect(filter.captures('shops', 'orders')).toBe(false);
    expect(filter.capturesSchema('crm')).toBe(true);
    expect(filter.capturesSchema('other')).toBe(false);
  });

  it('never takes a system schema, even when it is named', () => {
    expect(new TableFilter({ include: ['mysql.*'] }).captures('mysql', 'user')).toBe(false);
  });

  it('knows a schema that is excluded as a whole', () => {
    const filter = new TableFilter({ exclude: ['hidden.*', 'shop.t'] });
    expect(filter.capturesSchema('hidden')).toBe(false);
    expect(filter.capturesSchema('shop')).toBe(true);
  });

  it('names the columns that are left out', () => {
    const filter = new TableFilter({ excludeColumns: ['*.*.password', 'shop.t.b*'] });
    expect(filter.excludedColumns('shop', 't', ['a', 'b', 'bc', 'password'])).toEqual(
      new Set(['b', 'bc', 'password']),
    );
    expect(filter.excludedColumns('shop', 'u', ['a', 'b'])).toBeUndefined();
  });

  it('ignores statements on named tables only', () => {
    const filter = new TableFilter({ ignoreStatements: ['percona.*'] });
    expect(filter.ignoresStatement('percona.checksums')).toBe(true);
    expect(filter.ignoresStatement('shop.t')).toBe(false);
    expect(filter.ignoresStatement('')).toBe(false);
    expect(new TableFilter().ignoresStatement('percona.checksums')).toBe(false);
  });
});
