import { parseExpression, type RowRule } from '@drc/protocol';
import type { SubscribeOptions } from './subscribe-options.js';

const maxTables = 100;
const maxPartitions = 1024;

/** One rule for each table or glob that is named. */
export function rowRulesOf({ where = {}, columns = {} }: SubscribeOptions): RowRule[] {
  const tables = [...new Set([...Object.keys(where), ...Object.keys(columns)])];
  return tables.map((table) => ({
    tables: [table],
    ...(Object.hasOwn(where, table) ? { where: where[table]! } : {}),
    ...(Object.hasOwn(columns, table) ? { columns: columns[table]! } : {}),
  }));
}

/**
 * Checks `where`, `columns` and `partition`.
 * @throws TypeError or RangeError, naming the option; DrcError `CONDITION_INVALID`, with the place in the text
 */
export function checkRowOptions(options: SubscribeOptions): void {
  const { where, columns, partition } = options;
  if (where !== undefined) checkByTable('where', where, checkCondition);
  if (columns !== undefined) checkByTable('columns', columns, checkColumns);
  if (partition !== undefined) checkPartition(partition);
  if (rowRulesOf(options).length > maxTables)
    throw new RangeError(`where and columns: at most ${maxTables} tables or globs together.`);
}

function checkByTable(option: string, value: unknown, check: (place: string, value: unknown) => void): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError(`${option}: it is an object with one entry for each table, as 'schema.table'.`);
  for (const [table, wish] of Object.entries(value)) {
    if (!/[.*?[{]/.test(table))
      throw new TypeError(`${option}: '${table}' names no table; write schema.table, or a glob over it.`);
    check(`${option}['${table}']`, wish);
  }
}

function checkCondition(place: string, condition: unknown): void {
  if (typeof condition !== 'string' || condition === '')
    throw new TypeError(`${place}: it is a condition in SQL, as text.`);
  parseExpression(condition);
}

function checkColumns(place: string, columns: unknown): void {
  if (!Array.isArray(columns) || columns.length === 0)
    throw new TypeError(`${place}: it is a list of columns, with at least one.`);
  if (!columns.every((name) => typeof name === 'string' && name !== ''))
    throw new TypeError(`${place}: each is the name of a column.`);
}

function checkPartition(value: unknown): void {
  const { of, index } = (value ?? {}) as { readonly of?: unknown; readonly index?: unknown };
  if (!isCount(of) || !isCount(index))
    throw new TypeError('partition: it is { of, index }, e.g. { of: 4, index: 0 }.');
  if (of < 1 || of > maxPartitions || index >= of)
    throw new RangeError(`partition: of is 1 to ${maxPartitions}, and index 0 to of - 1.`);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
