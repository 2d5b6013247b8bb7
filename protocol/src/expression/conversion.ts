import { formatExact, parseExact, powerOfTen } from './exact.js';
import { kindName, computedTerm, constantTerm, type Term, type TermType, type TermValue } from './term.js';
import { expressionError } from './tokens.js';
import { asDatetime, parseMoment, parseTime } from './temporal.js';

const exactPattern = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/;

export const isExactNumber = ({ kind }: TermType): boolean =>
  kind === 'integer' || kind === 'exact' || kind === 'boolean';

export const isNumber = (type: TermType): boolean => isExactNumber(type) || type.kind === 'double';

export const scaleOf = (type: TermType): number => (type.kind === 'exact' ? type.scale : 0);

/** The same values as exact numbers of this scale, which is no smaller than theirs. */
export function toExact(term: Term, scale: number): Term {
  const { type } = term;
  if (type.kind === 'exact' && type.scale === scale) return term;
  const factor = powerOfTen(scale - scaleOf(type));
  const converted: TermType = { kind: 'exact', scale };
  if (type.kind === 'exact') return mapped(term, converted, (value: bigint) => value * factor);
  return mapped(term, converted, (value: number | boolean) => BigInt(value) * factor);
}

export function toDouble(term: Term): Term {
  const { type } = term;
  if (type.kind === 'double') return term;
  if (type.kind === 'exact')
    return mapped(term, { kind: 'double' }, (value: bigint) => Number(formatExact(value, type.scale)));
  return mapped(term, { kind: 'double' }, (value: number | boolean) => Number(value));
}

/** As a truth value: a number that is not 0 is true. @throws DrcError `CONDITION_INVALID` */
export function toBoolean(term: Term): Term {
  const { type } = term;
  if (type.kind === 'boolean' || type.kind === 'null') return term;
  if (!isNumber(type)) throw expressionError(`a condition was expected, not ${kindName(type)}`, term.at);
  return mapped(term, { kind: 'boolean' }, (value: number | bigint) => value !== 0 && value !== 0n);
}

export function toDatetime(term: Term): Term {
  return term.type.kind === 'datetime'
    ? term
    : mapped(term, { kind: 'datetime' }, (value: string) => asDatetime(value));
}

/**
 * Terms as values of one type, so that they can be compared or stand for each other. A constant text becomes what stands
 * beside it where it reads as such; nothing else changes its kind: what MySQL would guess is an error.
 * @throws DrcError `CONDITION_INVALID`
 */
export function unified(terms: readonly Term[]): {
  readonly type: TermType;
  readonly terms: readonly Term[];
} {
  const typed = terms.filter(({ type }) => type.kind !== 'null');
  const model = typed.find((term) => !isConstantText(term)) ?? typed[0];
  if (model === undefined) return { type: { kind: 'null' }, terms };
  const read = terms.map((term) => (isConstantText(term) ? readAs(term, model.type) : term));
  const kinds = read.filter(({ type }) => type.kind !== 'null');
  const type = commonType(kinds);
  return { type, terms: read.map((term) => (term.type.kind === 'null' ? term : toType(term, type))) };
}

const isConstantText = (term: Term): boolean => term.type.kind === 'text' && term.constant !== undefined;

/** The constant text as a value of the kind that stands beside it. */
function readAs(term: Term, type: TermType): Term {
  const text = term.constant as string;
  const { at } = term;
  if (isNumber(type)) {
    if (!exactPattern.test(text)) throw expressionError(`${JSON.stringify(text)} is no number`, at);
    const { value, scale } = parseExact(text);
    return constantTerm({ kind: 'exact', scale }, value, at);
  }
  if (type.kind === 'date' || type.kind === 'datetime') {
    const moment = parseMoment(text);
    if (moment === undefined)
      throw expressionError(`${JSON.stringify(text)} is no date (YYYY-MM-DD[ HH:MM:SS[.ffffff]])`, at);
    return constantTerm({ kind: moment.length === 10 ? 'date' : 'datetime' }, moment, at);
  }
  if (type.kind === 'time') {
    const time = parseTime(text);
    if (time === undefined)
      throw expressionError(`${JSON.stringify(text)} is no time ([-]HH:MM:SS[.ffffff])`, at);
    return constantTerm({ kind: 'time' }, time, at);
  }
  return type.kind === 'bytes' ? constantTerm(type, Buffer.from(text), at) : term;
}

function commonType(terms: readonly Term[]): TermType {
  const types = terms.map(({ type }) => type);
  const first = types[0]!;
  if (types.every(isNumber)) {
    if (types.some(({ kind }) => kind === 'double')) return { kind: 'double' };
    if (types.every(({ kind }) => kind === first.kind) && first.kind !== 'exact') return first;
    return { kind: 'exact', scale: Math.max(...types.map(scaleOf)) };
  }
  if (types.every(({ kind }) => kind === 'date' || kind === 'datetime'))
    return types.every(({ kind }) => kind === 'date') ? first : { kind: 'datetime' };
  if (types.every(({ kind }) => kind === 'text' || kind === 'bytes'))
    return types.every(({ kind }) => kind === 'text') ? first : { kind: 'bytes' };
  const other = terms.find(({ type }) => type.kind !== first.kind || type.kind === 'opaque');
  if (other === undefined) return first;
  if (other.type.kind === 'opaque')
    throw expressionError(`of ${other.type.what} only IS NULL can be asked`, other.at);
  throw expressionError(`${kindName(other.type)} does not go together with ${kindName(first)}`, other.at);
}

function toType(term: Term, type: TermType): Term {
  switch (type.kind) {
    case 'exact':
      return toExact(term, type.scale);
    case 'double':
      return toDouble(term);
    case 'datetime':
      return toDatetime(term);
    case 'bytes':
      return term.type.kind === 'bytes' ? term : mapped(term, type, (value: string) => Buffer.from(value));
    default:
      return term;
  }
}

/** The term with each value changed. A constant stays one. */
export function mapped(term: Term, type: TermType, change: (value: never) => TermValue): Term {
  if (term.constant === undefined) return computedTerm(type, term.at, [term], change);
  const { constant } = term;
  return constantTerm(
    type,
    constant === null ? null : (change as (value: TermValue) => TermValue)(constant),
    term.at,
  );
}
