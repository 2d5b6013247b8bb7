import { DrcError } from '@drc/protocol';
import { changeByMysql } from './json-text.js';
import type { MatchedColumn } from './matched-column.js';

/*
 * What the types of two columns do not tell (column-fit.ts): values that one column has and the other would silently change. The
 * servers round a number into FLOAT(10,2), and MySQL makes of a JSON text what it can hold (json-text.ts), without a word.
 */

type Check = (value: unknown) => boolean;

/** Whether the target keeps a value of this column; undefined where it keeps every one. */
export function valueCheck({ source, target }: Pick<MatchedColumn, 'source' | 'target'>): Check | undefined {
  if (source.type === 'json' && target.dataType === 'json')
    return (value) => typeof value !== 'string' || changeByMysql(value) === undefined;
  const { decimals } = target;
  if ((source.type !== 'float' && source.type !== 'double') || decimals === undefined) return undefined;
  const exact = target.dataType === 'float' ? Math.fround : Number;
  return (value) => typeof value !== 'number' || exact(Number(value.toFixed(decimals))) === exact(value);
}

/**
 * @param row number of the row within its statement, from 1
 * @throws DrcError `VALUE_TRUNCATED`
 */
export function mustFit(value: unknown, { source, target, keeps }: MatchedColumn, row: number): void {
  if (keeps === undefined || keeps(value)) return;
  const why =
    source.type === 'json' && typeof value === 'string'
      ? changeByMysql(value)
      : `${String(value)} has more than ${target.decimals} decimal places`;
  throw new DrcError('VALUE_TRUNCATED', `The target would change a value: column '${target.name}': ${why}.`, {
    column: target.name,
    row,
  });
}
