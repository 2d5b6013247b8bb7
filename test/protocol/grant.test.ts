import { accessOf, grantText, isFull, isUnrestricted, type GrantRule } from '@drc/protocol';
import { describe, expect, it } from 'vitest';

const tables = ['shop.*'];
const access = (...rules: Omit<GrantRule, 'tables'>[]) =>
  accessOf(rules.map((rule) => ({ tables, ...rule })));

describe('The access to a table', () => {
  it('is none where no rule is of it', () => {
    expect(access()).toBeUndefined();
  });

  it('is all of it where one rule has no restriction', () => {
    const whole = access({ where: 'a = 1', drop: ['b'] }, { hash: [], drop: [], snapshot: true })!;
    expect(isFull(whole)).toBe(true);
    expect(isUnrestricted({ tables, where: 'TRUE' })).toBe(false);
  });

  it('joins rows, and keeps back each column that a rule keeps back', () => {
    expect(access({ where: 'a = 1', drop: ['b'] }, { where: 'a = 2', hash: ['c'] })).toEqual({
      anyOf: ['a = 1', 'a = 2'],
      drop: ['b'],
      hash: ['c'],
    });
    expect(access({ where: 'a = 1', drop: ['b'] }, { hash: ['c'] })).toEqual({
      anyOf: [],
      drop: ['b'],
      hash: ['c'],
    });
  });
});

describe('The text of a grant', () => {
  const rules: GrantRule[] = [
    { tables: ['a.b', 'a.c'], where: 'x = 1' },
    { tables: ['d.*'], drop: ['p', 'q'] },
  ];

  it('is the same whatever the order, and whatever else is allowed', () => {
    const same: GrantRule[] = [
      { tables: ['d.*'], drop: ['q', 'p'], backfill: true },
      { tables: ['a.c'], where: 'x = 1' },
      { tables: ['a.b'], where: 'x = 1', hash: [] },
    ];
    expect(grantText(same)).toBe(grantText(rules));
  });

  it('is another where more or less may be read', () => {
    for (const changed of [{ where: 'x = 2' }, { drop: ['p'] }, { hash: ['p'] }, { tables: ['a.b'] }])
      expect(grantText([{ ...rules[0]!, ...changed }, rules[1]!])).not.toBe(grantText(rules));
  });
});
