import type { Column } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import type { TargetColumn } from '../../../client-sdk/src/congo/target-column.js';
import { type TargetTable, matchTable } from '../../../client-sdk/src/congo/target-table.js';
import { int, tableVersion, targetColumn as column } from './support/tables.js';

const table = (columns: readonly TargetColumn[], more: Partial<TargetTable> = {}): TargetTable => ({
  schema: 'copy',
  table: 't',
  columns: new Map(columns.map((each) => [each.name.toLowerCase(), each])),
  key: [],
  uniqueKeys: [],
  transactional: true,
  foreignKeys: false,
  triggers: [],
  ...more,
});

describe('A table of the target', () => {
  it('is matched by the names of columns, small and capital letters alike', () => {
    const source = tableVersion('shop.t', [int('Id'), int('n')]);
    const target = table([column('n', 'int'), column('iD', 'int'), column('more', 'int')], { key: ['iD'] });
    const { match, faults } = matchTable(source, target);
    expect(faults).toEqual([]);
    expect(match.written.map(({ target: { name } }) => name)).toEqual(['iD', 'n']);
    expect(match.lookup.map(({ source: { name } }) => name)).toEqual(['Id']);
    expect(match.keyed).toBe(true);
  });

  it('whose key the source lacks, or that computes it, is searched by the whole row', () => {
    const source = tableVersion('shop.t', [int('a'), int('b')]);
    const columns = [column('a', 'int'), column('b', 'int', { generated: true }), column('own', 'int')];
    for (const key of [['own'], ['b'], ['a', 'b'], []]) {
      const { match } = matchTable(source, table(columns, { key }));
      expect(match.keyed).toBe(false);
      expect(match.lookup.map(({ source: { name } }) => name)).toEqual(['a']);
    }
  });

  it('is refused with all its faults at once', () => {
    const source = tableVersion('shop.t', [int('id'), int('gone'), { ...int('n'), nullable: true }]);
    const target = table(
      [
        column('id', 'varchar'),
        column('n', 'int', { autoIncrement: true, nullable: false }),
        column('must', 'int', { optional: false, nullable: false }),
      ],
      { transactional: false, triggers: ['audit'] },
    );
    expect(matchTable(source, target).faults).toEqual([
      'copy.t: its storage engine cannot roll back; use InnoDB',
      expect.stringMatching(/^copy\.t: trigger 'audit' would write a second time/),
      "copy.t: column 'id': int into varchar would change values",
      "copy.t: column 'gone' is missing",
      "copy.t: column 'n': NULL into a NOT NULL column would become another value",
      "copy.t: column 'must' is not in the source and has no default",
    ]);
  });

  it('with triggers is taken where the task allows them', () => {
    const target = table([column('id', 'int')], { triggers: ['audit'] });
    expect(matchTable(tableVersion('shop.t', [int('id')]), target, 'allow').faults).toEqual([]);
  });

  it.each<[string, Omit<Column, 'name' | 'nullable'>, string, Partial<TargetColumn>, boolean]>([
    ['a wider integer', { type: 'int', length: 4 }, 'bigint', {}, true],
    ['a narrower integer, which warns', { type: 'bigint' }, 'int', {}, true],
    ['a floating number for an integer', { type: 'bigint' }, 'double', {}, false],
    [
      'fewer decimals, which rounds',
      { type: 'decimal', precision: 10, scale: 2 },
      'decimal',
      { scale: 1 },
      false,
    ],
    ['more decimals', { type: 'decimal', precision: 10, scale: 2 }, 'decimal', { scale: 4 }, true],
    ['single precision for double', { type: 'double' }, 'float', {}, false],
    ['double precision for single', { type: 'float' }, 'double', {}, true],
    ['fewer digits of a second', { type: 'datetime', scale: 6 }, 'datetime', { fraction: 3 }, false],
    ['more digits of a second', { type: 'time', scale: 3 }, 'time', { fraction: 6 }, true],
    ['a date for a moment', { type: 'datetime', scale: 0 }, 'date', {}, false],
    [
      "an ENUM for one with the label ''",
      { type: 'enum', labels: ['a', ''] },
      'enum',
      { labels: ['a', ''] },
      false,
    ],
    [
      'an ENUM with more labels',
      { type: 'enum', labels: ['b', '2'] },
      'enum',
      { labels: ['a', '2', 'b'] },
      true,
    ],
    [
      'an ENUM that lacks a label',
      { type: 'enum', labels: ['a', '2'] },
      'enum',
      { labels: ['a', 'b'] },
      false,
    ],
    [
      'an ENUM with a label in other letters',
      { type: 'enum', labels: ['a', 'A'] },
      'enum',
      { labels: ['a'] },
      false,
    ],
    [
      'an ENUM that lacks a label of which the server would warn',
      { type: 'enum', labels: ['a', 'b'] },
      'enum',
      { labels: ['a'] },
      false,
    ],
    ['a SET that lacks a label', { type: 'set', labels: ['1', '4'] }, 'set', { labels: ['1', '2'] }, false],
    ["text for an ENUM with the label ''", { type: 'enum', labels: ['a', ''] }, 'varchar', {}, true],
    ['CHAR for VARCHAR', { type: 'text', length: 40 }, 'char', {}, false],
    ['VARCHAR for CHAR', { type: 'text', length: 40, fixed: true }, 'varchar', {}, true],
    ['a wider BINARY', { type: 'bytes', length: 4, fixed: true }, 'binary', { length: 8 }, false],
    ['the same BINARY', { type: 'bytes', length: 4, fixed: true }, 'binary', { length: 4 }, true],
    ['an integer for bits', { type: 'bit', length: 8 }, 'int', {}, false],
    ['text for a UUID', { type: 'uuid' }, 'char', { length: 36 }, true],
  ])(
    'takes values that it keeps or warns about, and refuses those it would change: %s',
    (_, source, dataType, more, fits) => {
      const version = tableVersion('shop.t', [{ name: 'v', nullable: true, ...source }]);
      expect(matchTable(version, table([column('v', dataType, more)])).faults).toHaveLength(fits ? 0 : 1);
    },
  );
});
