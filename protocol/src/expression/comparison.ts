import { unified } from './conversion.js';
import type { ComparisonOperator } from './syntax.js';
import {
  computedTerm,
  kindName,
  nullTerm,
  type RowValues,
  type Term,
  type TermType,
  type TermValue,
} from './term.js';
import { compareTexts } from './text.js';
import { expressionError } from './tokens.js';

type Compare = (left: never, right: never) => number;

const boolean: TermType = { kind: 'boolean' };

/** @throws DrcError `CONDITION_INVALID` where the two cannot be compared */
export function comparison(operator: ComparisonOperator, one: Term, other: Term, at: number): Term {
  const { type, terms } = unified([one, other]);
  const [left, right] = terms as [Term, Term];
  if (operator === '<=>') return nullSafeEqual(compareOf(type, at), left, right, at);
  if (left.type.kind === 'null' || right.type.kind === 'null') return nullTerm(at);
  const compare = compareOf(type, at);
  const holds = verdicts[operator];
  return computedTerm(boolean, at, [left, right], (a, b) => holds(compare(a, b)));
}

const verdicts: Readonly<Record<Exclude<ComparisonOperator, '<=>'>, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '<>': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

function nullSafeEqual(compare: Compare, left: Term, right: Term, at: number): Term {
  const order = compare as (left: TermValue, right: TermValue) => number;
  const evaluate = (row: RowValues): boolean => {
    const a = left.evaluate(row);
    const b = right.evaluate(row);
    return a === null || b === null ? a === b : order(a, b) === 0;
  };
  return { type: boolean, at, evaluate };
}

/** How values of a type are put in order: below 0, 0, above 0. */
export function compareOf(type: TermType, at: number): Compare {
  switch (type.kind) {
    case 'integer':
    case 'double':
    case 'time':
      return (left: number, right: number) => left - right;
    case 'boolean':
      return (left: boolean, right: boolean) => Number(left) - Number(right);
    case 'exact':
      return (left: bigint, right: bigint) => (left < right ? -1 : left > right ? 1 : 0);
    case 'text':
      return compareTexts;
    case 'date':
    case 'datetime':
      return (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0);
    case 'bytes':
      return (left: Buffer, right: Buffer) => left.compare(right);
    case 'null':
      return () => 0;
    case 'opaque':
      throw expressionError(`of ${kindName(type)} only IS NULL can be asked`, at);
  }
}
