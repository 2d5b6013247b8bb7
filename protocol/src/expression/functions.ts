import { arithmetic, numberOf } from './arithmetic.js';
import { comparison, compareOf } from './comparison.js';
import { isExactNumber, scaleOf, toBoolean, toExact, unified } from './conversion.js';
import { floorOf, inRange, powerOfTen, rescaled } from './exact.js';
import {
  computedTerm,
  kindName,
  nullTerm,
  type RowValues,
  type Term,
  type TermKind,
  type TermType,
  type TermValue,
} from './term.js';
import { charactersOf, substring, trimmedEnd, trimmedStart } from './text.js';
import { expressionError } from './tokens.js';

type MakeTerm = (values: readonly Term[], at: number, name: string) => Term;

/** A function of an expression: how many values it takes, and what it makes of them. */
interface SqlFunction {
  readonly least: number;
  readonly most: number;
  readonly make: MakeTerm;
}

const integer: TermType = { kind: 'integer' };
const text: TermType = { kind: 'text' };

const takes = (least: number, most: number, make: MakeTerm): SqlFunction => ({ least, most, make });

/** A function of texts, numbers as given by `kinds`; NULL where one of its values is. */
const plain = (
  kinds: readonly TermKind[],
  type: TermType,
  compute: (...values: never[]) => TermValue,
  optional = 0,
): SqlFunction =>
  takes(kinds.length - optional, kinds.length, (values, at, name) => {
    const given = values.map((value, index) => ofKind(value, kinds[index]!, name));
    return given.some((term) => term.type.kind === 'null')
      ? nullTerm(at)
      : computedTerm(type, at, given, compute);
  });

function ofKind(term: Term, kind: TermKind, name: string): Term {
  if (term.type.kind === kind || term.type.kind === 'null') return term;
  if (kind === 'integer' && isExactNumber(term.type) && scaleOf(term.type) === 0)
    return computedTerm(integer, term.at, [term], (value: bigint | boolean) => Number(value));
  throw expressionError(`${name} does not take ${kindName(term.type)} here`, term.at);
}

/** A number in a date, a datetime or a time. */
const field = (name: string, ofMoment: (moment: string) => string, kinds: readonly TermKind[]): SqlFunction =>
  takes(1, 1, ([value], at) => {
    const term = value!;
    if (term.type.kind === 'null') return term;
    if (!kinds.includes(term.type.kind))
      throw expressionError(`${name} does not take ${kindName(term.type)}`, at);
    return computedTerm(integer, at, [term], (moment: string) => Number(ofMoment(moment)));
  });

const days = ['date', 'datetime'] as const;

/** ABS, FLOOR …: `ofExact` of the value times 10^scale. */
const rounding = (
  scaleAfter: (scale: number) => number,
  ofExact: (value: bigint, scale: number) => bigint,
  ofDouble: (value: number) => number,
): SqlFunction =>
  takes(1, 1, ([value], at) => {
    const term = numberOf(value!);
    if (term.type.kind === 'null') return term;
    if (term.type.kind === 'double') return computedTerm(term.type, at, [term], ofDouble);
    const scale = scaleOf(term.type);
    const type: TermType = { kind: 'exact', scale: scaleAfter(scale) };
    return computedTerm(type, at, [toExact(term, scale)], (number: bigint) => ofExact(number, scale));
  });

/** ROUND and TRUNCATE: to a constant number of digits behind the point, 0 where none is given. */
const toDigits = (round: (value: bigint, from: number, to: number) => bigint): SqlFunction =>
  takes(1, 2, ([value, places], at, name) => {
    const term = numberOf(value!);
    if (term.type.kind === 'null') return term;
    if (!isExactNumber(term.type))
      throw expressionError(`${name} takes exact numbers, not FLOAT or DOUBLE`, at);
    const wanted = places === undefined ? 0n : (toExactConstant(places) ?? -1n);
    if (wanted < 0n || wanted > 30n)
      throw expressionError(`${name} takes a constant from 0 to 30 as its second value`, at);
    const scale = scaleOf(term.type);
    const to = Math.min(Number(wanted), scale);
    return computedTerm({ kind: 'exact', scale: to }, at, [toExact(term, scale)], (number: bigint) =>
      inRange(round(number, scale, to)),
    );
  });

function toExactConstant(term: Term): bigint | undefined {
  if (term.constant === undefined || !isExactNumber(term.type) || scaleOf(term.type) !== 0) return undefined;
  return toExact(term, 0).constant as bigint;
}

/** GREATEST and LEAST: NULL where one value is. */
const extreme = (sign: 1 | -1): SqlFunction =>
  takes(2, Infinity, (values, at) => {
    const { type, terms } = unified(values);
    if (terms.some((term) => term.type.kind === 'null')) return nullTerm(at);
    const compare = compareOf(type, at) as (left: TermValue, right: TermValue) => number;
    return computedTerm(type, at, terms, (...all: TermValue[]) =>
      all.reduce((best, value) => (compare(value, best) * sign > 0 ? value : best)),
    );
  });

/** The first value that is not NULL. */
export function coalesce(values: readonly Term[], at: number): Term {
  const { type, terms } = unified(values);
  const evaluate = (row: RowValues): TermValue => {
    for (const term of terms) {
      const value = term.evaluate(row);
      if (value !== null) return value;
    }
    return null;
  };
  return { type, at, evaluate };
}

/** The value behind the first condition that is true; `otherwise` where none is. */
export function choice(
  branches: readonly { readonly when: Term; readonly gives: Term }[],
  otherwise: Term,
  at: number,
): Term {
  const { type, terms } = unified([...branches.map(({ gives }) => gives), otherwise]);
  const conditions = branches.map(({ when }) => toBoolean(when));
  const evaluate = (row: RowValues): TermValue => {
    const chosen = conditions.findIndex((condition) => condition.evaluate(row) === true);
    return terms.at(chosen)!.evaluate(row);
  };
  return { type, at, evaluate };
}

/** Every function that an expression can call, by its name in capitals. */
export const functions: ReadonlyMap<string, SqlFunction> = new Map<string, SqlFunction>([
  ['COALESCE', takes(1, Infinity, coalesce)],
  ['IFNULL', takes(2, 2, coalesce)],
  [
    'IF',
    takes(3, 3, ([when, gives, otherwise], at) => choice([{ when: when!, gives: gives! }], otherwise!, at)),
  ],
  [
    'NULLIF',
    takes(2, 2, ([value, other], at) =>
      choice([{ when: comparison('=', value!, other!, at), gives: nullTerm(at) }], value!, at),
    ),
  ],
  ['GREATEST', extreme(1)],
  ['LEAST', extreme(-1)],
  [
    'ABS',
    rounding(
      (scale) => scale,
      (value) => (value < 0n ? -value : value),
      Math.abs,
    ),
  ],
  [
    'SIGN',
    rounding(
      () => 0,
      (value) => (value > 0n ? 1n : value < 0n ? -1n : 0n),
      Math.sign,
    ),
  ],
  ['FLOOR', rounding(() => 0, floorOf, Math.floor)],
  [
    'CEIL',
    rounding(
      () => 0,
      (value, scale) => -floorOf(-value, scale),
      Math.ceil,
    ),
  ],
  [
    'CEILING',
    rounding(
      () => 0,
      (value, scale) => -floorOf(-value, scale),
      Math.ceil,
    ),
  ],
  ['ROUND', toDigits(rescaled)],
  ['TRUNCATE', toDigits((value, from, to) => value / powerOfTen(from - to))],
  ['MOD', takes(2, 2, ([left, right], at) => arithmetic('%', left!, right!, at))],
  ['LENGTH', takes(1, 1, ([value], at, name) => lengthOf(value!, at, name))],
  ['CHAR_LENGTH', plain(['text'], integer, (value: string) => charactersOf(value).length)],
  ['CONCAT', takes(1, Infinity, (values, at, name) => concatenation(values, at, name))],
  ['LEFT', plain(['text', 'integer'], text, (value: string, count: number) => substring(value, 1, count))],
  [
    'RIGHT',
    plain(['text', 'integer'], text, (value: string, count: number) =>
      count < 1 ? '' : charactersOf(value).slice(-count).join(''),
    ),
  ],
  ['SUBSTRING', plain(['text', 'integer', 'integer'], text, substring, 1)],
  ['SUBSTR', plain(['text', 'integer', 'integer'], text, substring, 1)],
  ['TRIM', plain(['text'], text, (value: string) => trimmedStart(trimmedEnd(value)))],
  ['LTRIM', plain(['text'], text, trimmedStart)],
  ['RTRIM', plain(['text'], text, trimmedEnd)],
  [
    'REPLACE',
    plain(['text', 'text', 'text'], text, (value: string, from: string, to: string) =>
      from === '' ? value : value.replaceAll(from, () => to),
    ),
  ],
  ['HEX', plain(['bytes'], text, (value: Buffer) => value.toString('hex').toUpperCase())],
  ['DATE', takes(1, 1, ([value], at, name) => dateOf(value!, at, name))],
  ['YEAR', field('YEAR', (moment) => moment.slice(0, 4), days)],
  ['MONTH', field('MONTH', (moment) => moment.slice(5, 7), days)],
  ['DAY', field('DAY', (moment) => moment.slice(8, 10), days)],
  ['DAYOFMONTH', field('DAYOFMONTH', (moment) => moment.slice(8, 10), days)],
  ['HOUR', field('HOUR', (moment) => moment.slice(11, 13), ['datetime'])],
  ['MINUTE', field('MINUTE', (moment) => moment.slice(14, 16), ['datetime'])],
  ['SECOND', field('SECOND', (moment) => moment.slice(17, 19), ['datetime'])],
]);

function lengthOf(term: Term, at: number, name: string): Term {
  if (term.type.kind === 'null') return term;
  if (term.type.kind === 'bytes') return computedTerm(integer, at, [term], (value: Buffer) => value.length);
  return computedTerm(integer, at, [ofKind(term, 'text', name)], (value: string) => Buffer.byteLength(value));
}

function concatenation(values: readonly Term[], at: number, name: string): Term {
  const terms = values.map((value) => ofKind(value, 'text', name));
  if (terms.some((term) => term.type.kind === 'null')) return nullTerm(at);
  return computedTerm(text, at, terms, (...parts: string[]) => parts.join(''));
}

function dateOf(term: Term, at: number, name: string): Term {
  if (term.type.kind === 'null' || term.type.kind === 'date') return term;
  if (term.type.kind !== 'datetime')
    throw expressionError(`${name} does not take ${kindName(term.type)}`, at);
  return computedTerm({ kind: 'date' }, at, [term], (value: string) => value.slice(0, 10));
}
