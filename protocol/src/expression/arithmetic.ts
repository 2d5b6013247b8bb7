import { DrcError } from '../errors.js';
import { isExactNumber, isNumber, scaleOf, toDouble, toExact } from './conversion.js';
import { divideRounded, divisionDigits, inRange, maxScale, parseExact, powerOfTen } from './exact.js';
import type { ArithmeticOperator } from './syntax.js';
import { computedTerm, constantTerm, kindName, nullTerm, type Term } from './term.js';
import { expressionError } from './tokens.js';

/** @throws DrcError `CONDITION_INVALID` where one of the two is no number */
export function arithmetic(operator: ArithmeticOperator, one: Term, other: Term, at: number): Term {
  const [left, right] = [numberOf(one), numberOf(other)];
  if (left.type.kind === 'null' || right.type.kind === 'null') return nullTerm(at);
  if (isExactNumber(left.type) && isExactNumber(right.type)) return exactly(operator, left, right, at);
  if (operator === 'div') throw expressionError('DIV takes exact numbers, not FLOAT or DOUBLE', at);
  const compute = doubles[operator];
  return computedTerm({ kind: 'double' }, at, [toDouble(left), toDouble(right)], (a: number, b: number) =>
    finite(compute(a, b)),
  );
}

/** @throws DrcError `CONDITION_INVALID` where the term is no number */
export function negative(term: Term, at: number): Term {
  const value = numberOf(term);
  if (value.type.kind === 'null') return value;
  if (value.type.kind === 'double') return computedTerm(value.type, at, [value], (number: number) => -number);
  const scale = scaleOf(value.type);
  const negated = (number: bigint): bigint => -number;
  const exact = toExact(value, scale);
  if (exact.constant !== undefined) return constantTerm(exact.type, negated(exact.constant as bigint), at);
  return computedTerm(exact.type, at, [exact], negated);
}

/** The term as a number; a constant text that reads as one is one. @throws DrcError `CONDITION_INVALID` */
export function numberOf(term: Term): Term {
  const { type, constant, at } = term;
  if (isNumber(type) || type.kind === 'null') return term;
  if (typeof constant === 'string' && type.kind === 'text' && /^[+-]?\d+(?:\.\d+)?$/.test(constant)) {
    const { value, scale } = parseExact(constant);
    return constantTerm({ kind: 'exact', scale }, value, at);
  }
  throw expressionError(`a number was expected, not ${kindName(type)}`, at);
}

const doubles: Readonly<
  Record<Exclude<ArithmeticOperator, 'div'>, (left: number, right: number) => number | null>
> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => (right === 0 ? null : left / right),
  '%': (left, right) => (right === 0 ? null : left % right),
};

function finite(value: number | null): number | null {
  if (value === null || Number.isFinite(value)) return value;
  throw new DrcError('CONDITION_FAILED', 'A number in the expression is larger than a DOUBLE can be.');
}

function exactly(operator: ArithmeticOperator, one: Term, other: Term, at: number): Term {
  const [ours, theirs] = [scaleOf(one.type), scaleOf(other.type)];
  const both = Math.max(ours, theirs);
  switch (operator) {
    case '+':
    case '-':
    case '%':
    case 'div': {
      const compute = sameScale[operator];
      const type = { kind: 'exact', scale: operator === 'div' ? 0 : both } as const;
      const [left, right] = [toExact(one, both), toExact(other, both)];
      return computedTerm(type, at, [left, right], (a: bigint, b: bigint) => {
        const value = compute(a, b);
        return value === null ? null : inRange(value);
      });
    }
    case '*': {
      if (ours + theirs > maxScale)
        throw expressionError(`the product has more than ${maxScale} digits behind the point`, at);
      const [left, right] = [toExact(one, ours), toExact(other, theirs)];
      return computedTerm(
        { kind: 'exact', scale: ours + theirs },
        at,
        [left, right],
        (a: bigint, b: bigint) => inRange(a * b),
      );
    }
    case '/': {
      const scale = Math.min(ours + divisionDigits, maxScale);
      const factor = powerOfTen(scale - ours + theirs);
      const [left, right] = [toExact(one, ours), toExact(other, theirs)];
      return computedTerm({ kind: 'exact', scale }, at, [left, right], (a: bigint, b: bigint) =>
        b === 0n ? null : inRange(divideRounded(a * factor, b)),
      );
    }
  }
}

const sameScale: Readonly<Record<'+' | '-' | '%' | 'div', (left: bigint, right: bigint) => bigint | null>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '%': (left, right) => (right === 0n ? null : left % right),
  div: (left, right) => (right === 0n ? null : left / right),
};
