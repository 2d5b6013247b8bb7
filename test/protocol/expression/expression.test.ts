import { compileComputed, compileCondition, DrcError, type TableVersion } from '@drc/protocol';
import { describe, expect, it } from 'vitest';

const version: TableVersion = {
  schema: 'shop',
  table: 'orders',
  columns: [
    { name: 'id', type: 'int', nullable: false },
    { name: 'Total', type: 'decimal', nullable: true, precision: 12, scale: 2 },
    { name: 'region', type: 'text', nullable: true },
    { name: 'doc', type: 'json', nullable: true },
    { name: 'at', type: 'datetime', nullable: true, scale: 0 },
    { name: 'bits', type: 'bit', nullable: true, length: 12 },
    { name: 'key', type: 'bytes', nullable: true },
    { name: '__proto__', type: 'int', nullable: true },
    { name: 'end', type: 'int', nullable: true },
  ],
  primaryKey: [0],
};
const row = [
  7,
  '100.50',
  'eu',
  '{}',
  '2026-11-22 08:00:00',
  Buffer.from([0x0f, 0xff]),
  Buffer.from([0, 1]),
  3,
  4,
];

const holds = (text: string, values: readonly unknown[] = row): boolean =>
  compileCondition(text, version).holds(values);
const value = (text: string): unknown => compileComputed(text, version).value(row);

function faultOf(work: () => unknown): DrcError {
  try {
    work();
  } catch (error) {
    if (error instanceof DrcError) return error;
    throw error;
  }
  throw new Error('There was no error.');
}

describe('A condition', () => {
  it.each([
    ["region = 'eu' AND total > 100"],
    ['total = 100.5'],
    ["total = '100.50'"],
    ["at >= '2026-11-22' AND at < '2026-11-22 08:00:01'"],
    ['bits = 4095'],
    ["`key` = x'0001'"],
    ['doc IS NOT NULL'],
    ['`__proto__` = 3'],
    ["region IN ('us', 'eu')"],
    ["region NOT LIKE 'E%'"],
    ['NOT id = 8'],
    ['id = 1 OR id = 7 AND total > 0'],
    ['`end` BETWEEN 1 AND 4 AND TRUE'],
    ['- -id = 7'],
    ["region = 'e''u' IS FALSE"],
    ['id'],
  ])('holds: %s', (text) => {
    expect(holds(text)).toBe(true);
  });

  it('is not true of what is not known', () => {
    const unknown = [7, null, null, null, null, null, null, null, null];
    for (const text of [
      'total > 100',
      'NOT total > 100',
      "region IN ('eu', NULL)",
      "region NOT IN ('eu')",
      'total / 0 = 1',
    ])
      expect(holds(text, unknown), text).toBe(false);
    expect(holds('total > 100 OR id = 7', unknown)).toBe(true);
    expect(holds('total <=> NULL', unknown)).toBe(true);
    expect(holds('(total > 100) IS NULL', unknown)).toBe(true);
  });

  it('fails where the row image lacks a column on which it depends', () => {
    const partial: unknown[] = [...row];
    partial[2] = undefined;
    const condition = compileCondition("id = 7 AND region = 'eu'", version);
    expect(condition.columns).toEqual([0, 2]);
    const fault = faultOf(() => condition.holds(partial));
    expect([fault.code, fault.details['column']]).toEqual(['CONDITION_FAILED', 'shop.orders.region']);
    expect(holds('id = 7', partial)).toBe(true);
  });

  it('fails where a number gets larger than DECIMAL', () => {
    const product = Array.from({ length: 9 }, () => '999999999').join(' * ');
    expect(faultOf(() => holds(`${product} > id`)).code).toBe('CONDITION_FAILED');
    expect(faultOf(() => holds('1e308 * 10 > id')).code).toBe('CONDITION_FAILED');
  });

  it('takes time in proportion to its text, whatever the pattern', () => {
    const long = [7, null, 'a'.repeat(100_000), null, null, null, null, null, null];
    expect(holds(`region LIKE '${'%a'.repeat(20)}%b'`, long)).toBe(false);
  });

  it('compares texts by the bytes of UTF-8', () => {
    expect(holds("'\u{1f600}' > '\u{ffee}' AND region > 'EU'")).toBe(true);
  });
});

describe('A computed value', () => {
  it.each([
    ['total * 2', '201.00'],
    ['total / 3', '33.500000'],
    ['-2 / 3', '-0.6667'],
    ['7 DIV 2', '3'],
    ['-7 % 4', '-3'],
    ['id / 0', null],
    ['ROUND(2.5)', '3'],
    ['ROUND(-2.5)', '-3'],
    ['TRUNCATE(-2.56, 1)', '-2.5'],
    ['0.1 + 0.2', '0.3'],
    ['9007199254740993 + 1', '9007199254740994'],
    ["CONCAT(region, '-', UPPERCASE)", undefined],
    ["CASE region WHEN 'eu' THEN 1 ELSE 2.5 END", '1.0'],
    ["IF(id > 5, region, 'none')", 'eu'],
    ["CHAR_LENGTH('😀é')", 2],
    ["LENGTH('😀é')", 6],
    ["SUBSTRING('añb😀', -2)", 'b😀'],
    ['DATE(at)', '2026-11-22'],
    ['YEAR(at) + 1', '2027'],
    ['1.5e2', 150],
    ["'a\\'b\\n'", "a'b\n"],
    ['"say ""x"""', 'say "x"'],
  ])('%s is %s', (text, expected) => {
    if (expected === undefined) expect(faultOf(() => value(text)).code).toBe('CONDITION_INVALID');
    else expect(value(text)).toBe(expected);
  });
});

describe('What is no expression is refused before the first row', () => {
  it.each([
    ['total >', 8, 'a value was expected'],
    ['totl > 1', 1, 'has no column "totl"'],
    ["total > 'many'", 9, 'is no number'],
    ["at > 'yesterday'", 6, 'is no date'],
    ['region > 5', 10, 'does not go together'],
    ["doc = '{}'", 1, 'only IS NULL can be asked'],
    ["region = 'eu", 10, 'is not closed'],
    ['id = 1 id', 8, 'was not expected'],
    ['SLEEP(5)', 1, 'there is no function SLEEP'],
    ['ABS(1, 2)', 1, 'ABS takes one value, not 2'],
    ["region || 'x' = 'eux'", 8, 'sql_mode'],
    ['(SELECT 1)', 2, 'SELECT was not expected'],
    ['id = 1; DROP TABLE x', 7, 'has no meaning'],
    ["region COLLATE utf8mb4_bin = 'a'", 8, 'was not expected'],
    ['region', 1, 'a condition was expected'],
    ['', 1, 'a value was expected'],
    ['id NOT 5', 8, 'IN, BETWEEN or LIKE'],
    ['id IN ()', 4, 'IN needs at least one value'],
    ['CASE END', 9, 'WHEN was expected'],
    ['0.00000000000000000000000000000001 > id', 1, 'more digits'],
  ])('%s', (text, character, why) => {
    const fault = faultOf(() => compileCondition(text, version));
    expect([fault.code, fault.details['at']]).toEqual(['CONDITION_INVALID', character - 1]);
    expect(fault.message).toContain(why);
  });

  it('as is what is too long or nested too deeply', () => {
    expect(faultOf(() => holds('('.repeat(5_000))).message).toContain('nested too deeply');
    expect(faultOf(() => holds(`${'NOT '.repeat(4_000)}id`)).message).toContain('nested too deeply');
    expect(faultOf(() => holds(`id = ${'1'.repeat(20_000)}`)).message).toContain('longer than');
    expect(holds(`id IN (${Array.from({ length: 5_000 }, (_, index) => index % 10).join(',')})`)).toBe(true);
    expect(holds(Array.from({ length: 2_000 }, () => 'id').join(' AND '))).toBe(true);
  });
});
