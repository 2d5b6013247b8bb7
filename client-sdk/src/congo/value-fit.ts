import { DrcError } from '@drc/protocol';
import type { MatchedColumn } from './matched-column.js';

/*
 * What the types of two columns do not tell (column-fit.ts): values that one column has and the other would silently change. The
 * servers round a number into FLOAT(10,2), and take every number with a point in a JSON text for a DOUBLE, without a word.
 */

type Check = (value: unknown) => boolean;

/** Whether the target keeps a value of this column; undefined where it keeps every one. */
export function valueCheck({ source, target }: Pick<MatchedColumn, 'source' | 'target'>): Check | undefined {
  if (source.type === 'json' && target.dataType === 'json')
    return (value) => typeof value !== 'string' || keepsNumbers(value);
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
    source.type === 'json'
      ? 'a number in the JSON has more digits than a DOUBLE, which the target would make of it'
      : `${String(value)} has more than ${target.decimals} decimal places`;
  throw new DrcError('VALUE_TRUNCATED', `The target would change a value: column '${target.name}': ${why}.`, {
    column: target.name,
    row,
  });
}

/** A point, an exponent, or as many digits as a 64-bit integer may lack. */
const mayBeInexact = /\d[.eE]|\d{19}/;
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
const smallestInteger = -(2n ** 63n);
const largestInteger = 2n ** 64n - 1n;

/** Whether all numbers of a JSON text are the same for a server that has 64-bit integers and doubles. */
export function keepsNumbers(text: string): boolean {
  if (!mayBeInexact.test(text)) return true;
  for (const [token] of text.matchAll(stringOrNumber)) {
    if (token.startsWith('"')) continue;
    const isInteger = !/[.eE]/.test(token);
    if (isInteger ? !isInteger64(token) : digitsOf(token) !== digitsOf(String(Number(token)))) return false;
  }
  return true;
}

function isInteger64(token: string): boolean {
  const value = BigInt(token);
  return value >= smallestInteger && value <= largestInteger;
}

/** The significant digits of a number: those of 0.0250e7 are 25. */
function digitsOf(number: string): string {
  const [mantissa = ''] = number.split(/[eE]/);
  return mantissa.replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '');
}
