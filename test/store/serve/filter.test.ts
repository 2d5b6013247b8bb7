import { isDrcError, PartKind, type Ddl, type GrantRule } from '@drc/protocol';
import { expect, test } from 'vitest';
import { Filter, type Wish } from '../../../store/src/serve/filter.js';

const filter = (wish: Partial<Wish>, grant: readonly string[] = ['**']): Filter =>
  new Filter({ tables: [], operations: [], ...wish }, { rules: [{ tables: grant }] });

const ddl = (changes: Partial<Ddl>): Ddl => ({
  verb: 'ALTER TABLE',
  tables: ['shop.orders'],
  defaultSchema: 'shop',
  text: 'ALTER TABLE orders ADD secret INT',
  sqlMode: 0,
  charset: [45, 45, 45],
  timeZone: 'SYSTEM',
  ...changes,
});

test('a table passes where both the wish and the grant have it', () => {
  const both = filter({ tables: ['shop.*'] }, ['*.orders']);
  expect(['shop.orders', 'shop.users', 'other.orders'].map((table) => both.wantsTable(table))).toEqual([
    true,
    false,
    false,
  ]);
});

test('no wish is all that the grant allows, and an empty grant is nothing', () => {
  expect(filter({}, ['shop.*']).wantsTable('shop.orders')).toBe(true);
  expect(filter({}, ['shop.*']).wantsTable('hr.wages')).toBe(false);
  expect(filter({}, []).wantsTable('shop.orders')).toBe(false);
});

test('a table asked for by name that the grant hides is forbidden by name', () => {
  try {
    filter({ tables: ['shop.orders', 'hr.wages'] }, ['shop.*']);
    expect.unreachable();
  } catch (error) {
    expect(isDrcError(error, 'FORBIDDEN') && error.details).toEqual({ table: 'hr.wages' });
  }
});

test('a glob matches the tables that the grant has too, and a name is no glob', () => {
  const { globs } = filter({ tables: ['shop.*', 'hr.*', 'shop.orders'] }, ['shop.orders', 'hr.staff']);
  const tables = ['shop.orders', 'shop.secrets', 'hr.staff', 'hr.wages'];
  expect(globs.map(({ text, matches }) => [text, tables.filter(matches)])).toEqual([
    ['shop.*', ['shop.orders']],
    ['hr.*', ['hr.staff']],
  ]);
});

test('operations choose the kinds of row parts; steps of sequences come only where all do', () => {
  const kinds = Object.values(PartKind).filter((kind) => kind !== PartKind.ddl);
  const wanted = (operations: Wish['operations']): unknown =>
    kinds.filter((kind) => filter({ operations }).wantsKind(kind));
  expect(wanted([])).toEqual(kinds);
  expect(wanted(['insert', 'delete'])).toEqual([PartKind.insert, PartKind.delete]);
  expect(wanted(['update'])).toEqual([PartKind.update]);
});

test('a statement is shown in full only to those who may read all its tables', () => {
  const rename = ddl({ verb: 'RENAME TABLE', tables: ['shop.orders', 'hr.wages'], text: 'RENAME …' });
  expect(filter({}).ddl(rename)).toBe(rename);
  expect(filter({}, ['shop.*']).ddl(rename)).toEqual({ ...without(rename), tables: ['shop.orders'] });
  expect(filter({}, ['crm.*']).ddl(rename)).toBeUndefined();
});

test('a statement is delivered only for tables wanted, whatever the operations', () => {
  expect(filter({ tables: ['shop.users'] }).ddl(ddl({}))).toBeUndefined();
  expect(filter({ tables: ['shop.orders'], operations: ['insert'] }).ddl(ddl({}))).toEqual(ddl({}));
  // Wanted is one of its tables; the reader may read the other one too, so the text may stand.
  const both = ddl({ tables: ['shop.orders', 'shop.users'] });
  expect(filter({ tables: ['shop.users'] }, ['shop.*']).ddl(both)).toBe(both);
});

test('account statements never have text', () => {
  const account = ddl({ verb: 'CREATE USER', tables: [], text: "CREATE USER a IDENTIFIED BY 'x'" });
  expect(filter({}).ddl(account)).toEqual(without(account));
  expect(filter({}, ['shop.*']).ddl(account)).toBeUndefined();
});

test('a statement without tables goes with its text to unlimited readers only', () => {
  const procedure = ddl({ verb: 'CREATE PROCEDURE', tables: [] });
  expect(filter({}).ddl(procedure)).toBe(procedure);
  expect(filter({ tables: ['shop.*'] }).ddl(procedure)).toBeUndefined();
  expect(filter({}, ['shop.*']).ddl(procedure)).toBeUndefined();
});

test('the end of a schema reaches those who read any of its tables', () => {
  const drop = ddl({ verb: 'DROP DATABASE', tables: [], text: 'DROP DATABASE shop' });
  expect(filter({ tables: ['shop.orders'] }).ddl(drop)).toBe(drop);
  expect(filter({ tables: ['shop.*'] }, ['shop.*']).ddl(drop)).toBe(drop);
  expect(filter({}, ['shop.orders']).ddl(drop)).toEqual(without(drop));
  expect(filter({ tables: ['hr.*'] }).ddl(drop)).toBeUndefined();
  expect(filter({}, ['hr.*']).ddl(drop)).toBeUndefined();
});

function without(statement: Ddl): Omit<Ddl, 'text'> {
  const { text: _, ...rest } = statement;
  return rest;
}

test('of grants with which the reader gets the same the access is the same', () => {
  const textOf = (rules: readonly GrantRule[], ...tables: string[]): string =>
    new Filter({ tables, operations: [] }, { rules }).accessText;
  const before: GrantRule[] = [{ tables: ['shop.*'], drop: ['card'] }];
  const wider: GrantRule[] = [...before, { tables: ['hr.wages'], where: 'id = 1' }];
  expect(textOf(wider, 'shop.orders')).toBe(textOf(before, 'shop.orders'));
  expect(textOf(wider, 'shop.*')).not.toBe(textOf(before, 'shop.*'));
  const lifted: GrantRule[] = [...before, { tables: ['shop.orders'] }];
  expect(textOf(lifted, 'shop.orders')).not.toBe(textOf(before, 'shop.orders'));
});

test('what is in force of tables asked for by name changes with what is read of them alone', () => {
  const effective = (rules: readonly GrantRule[], ...tables: string[]) =>
    new Filter({ tables, operations: [] }, { rules }).effective;
  const card: GrantRule = { tables: ['shop.*'], drop: ['card'] };
  const wages: GrantRule = { tables: ['hr.wages'], where: 'id = 1' };
  expect(effective([card, wages], 'shop.orders')).toEqual(effective([card], 'shop.orders'));
  expect(effective([card], 'shop.orders').restricted).toEqual([card]);
  expect(effective([card, { tables: ['shop.orders'] }], 'shop.orders')).not.toHaveProperty('restricted');
  expect(effective([card, wages]).restricted).toEqual([card, wages]);
  expect(effective([card, wages], 'shop.*').restricted).toEqual([card, wages]);
});

test('a grant that hashes is refused by a store without a key, where it concerns what is read', () => {
  const rules: GrantRule[] = [{ tables: ['shop.orders'], hash: ['email'] }, { tables: ['shop.users'] }];
  const filterOf = (tables: readonly string[], key?: Buffer): Filter =>
    new Filter({ tables, operations: [] }, { rules }, key);
  expect(() => filterOf([])).toThrow(
    expect.objectContaining({ code: 'FORBIDDEN', details: { reason: 'noHashKey' } }) as Error,
  );
  expect(filterOf(['shop.users']).effective.tables).toEqual(['shop.users']);
  expect(filterOf([], Buffer.alloc(32)).effective.restricted).toEqual([rules[0]]);
});

test('the text of a statement stays away from whoever may read only a part of a table that it names', () => {
  const rules: GrantRule[] = [{ tables: ['shop.orders'], drop: ['secret'] }, { tables: ['shop.users'] }];
  const seen = new Filter({ tables: [], operations: [] }, { rules });
  expect(seen.ddl(ddl({}))).not.toHaveProperty('text');
  expect(seen.ddl(ddl({}))?.tables).toEqual(['shop.orders']);
  expect(seen.ddl(ddl({ tables: ['shop.users'] }))).toHaveProperty('text');
});
