import type { TableVersion } from '../table-version.js';
import { arithmetic, negative } from './arithmetic.js';
import { columnTerm } from './column-term.js';
import { comparison } from './comparison.js';
import { toBoolean } from './conversion.js';
import { formatExact, parseExact } from './exact.js';
import { choice, functions } from './functions.js';
import { parseExpression } from './parser.js';
import type { Syntax } from './syntax.js';
import {
  computedTerm,
  constantTerm,
  kindName,
  nullTerm,
  type RowValues,
  type Term,
  type TermKind,
  type TermType,
  type TermValue,
} from './term.js';
import { likeMatcher } from './text.js';
import { expressionError } from './tokens.js';

/*
 * Conditions and computed columns: a subset of MySQL's expressions, with its three-valued logic and its exact numbers.
 * Where it says less than MySQL it is on purpose: texts are compared by their bytes, whatever their collation, and no value
 * changes its kind by itself (only a constant text is read as the number, date or time beside it). What MySQL would guess
 * is refused before the first row.
 */

/** A condition, bound to a table version. */
export interface Condition {
  /** Indexes of the columns on which it depends, in order. */
  readonly columns: readonly number[];
  /**
   * Whether it is true of the row: NULL is not.
   * @throws DrcError `CONDITION_FAILED`: nobody may see the row then, nor go on
   */
  holds(row: RowValues): boolean;
}

/** A computed value, bound to a table version. */
export interface Computed {
  readonly columns: readonly number[];
  readonly kind: TermKind;
  /** Of `exact`: its decimal places. */
  readonly scale?: number;
  /** As the SDK delivers such values: numbers, exact numbers as text, texts, bytes; null. @throws DrcError `CONDITION_FAILED` */
  value(row: RowValues): number | boolean | string | Buffer | null;
}

/** @throws DrcError `CONDITION_INVALID`, with the place in the text */
export function compileCondition(text: string, version: TableVersion): Condition {
  const columns = new Set<number>();
  const term = toBoolean(bound(parseExpression(text), version, columns));
  return { columns: sorted(columns), holds: (row) => term.evaluate(row) === true };
}

/** @throws DrcError `CONDITION_INVALID`, with the place in the text */
export function compileComputed(text: string, version: TableVersion): Computed {
  const columns = new Set<number>();
  const term = bound(parseExpression(text), version, columns);
  const { type } = term;
  const shown = shownAs(type);
  return {
    columns: sorted(columns),
    kind: type.kind,
    ...(type.kind === 'exact' ? { scale: type.scale } : {}),
    value: (row) => {
      const value = term.evaluate(row);
      return value === null ? null : shown(value);
    },
  };
}

const sorted = (columns: ReadonlySet<number>): number[] => [...columns].sort((one, other) => one - other);

function shownAs(type: TermType): (value: TermValue) => number | boolean | string | Buffer {
  if (type.kind === 'exact') return (value) => formatExact(value as bigint, type.scale);
  if (type.kind === 'time') return (value) => formatTime(value as number);
  return (value) => value as number | boolean | string | Buffer;
}

function formatTime(microseconds: number): string {
  const magnitude = Math.abs(microseconds);
  const clock = Math.floor(magnitude / 1_000_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const fraction = magnitude % 1_000_000;
  return `${microseconds < 0 ? '-' : ''}${two(Math.floor(clock / 3600))}:${two(Math.floor(clock / 60) % 60)}:${two(clock % 60)}${
    fraction === 0 ? '' : `.${String(fraction).padStart(6, '0')}`
  }`;
}

const boolean: TermType = { kind: 'boolean' };

function bound(syntax: Syntax, version: TableVersion, columns: Set<number>): Term {
  const of = (inner: Syntax): Term => bound(inner, version, columns);
  const { at } = syntax;
  switch (syntax.kind) {
    case 'null':
      return nullTerm(at);
    case 'boolean':
      return constantTerm(boolean, syntax.value, at);
    case 'number':
      return numberTerm(syntax.text, at);
    case 'float':
      return constantTerm({ kind: 'double' }, syntax.value, at);
    case 'text':
      return constantTerm({ kind: 'text' }, syntax.value, at);
    case 'bytes':
      return constantTerm({ kind: 'bytes' }, syntax.value, at);
    case 'column': {
      const term = columnTerm(version, syntax.name, at);
      columns.add(term.column);
      return term;
    }
    case 'not':
      return computedTerm(boolean, at, [toBoolean(of(syntax.of))], (value: boolean) => !value);
    case 'negative':
      return negative(of(syntax.of), at);
    case 'logical':
      return logical(syntax.operator, toBoolean(of(syntax.left)), toBoolean(of(syntax.right)), at);
    case 'comparison':
      return comparison(syntax.operator, of(syntax.left), of(syntax.right), at);
    case 'arithmetic':
      return arithmetic(syntax.operator, of(syntax.left), of(syntax.right), at);
    case 'is':
      return isTerm(syntax.what, of(syntax.of), at);
    case 'in':
      return inTerm(of(syntax.of), syntax.list.map(of), at);
    case 'between': {
      const value = of(syntax.of);
      const above = comparison('>=', value, of(syntax.low), at);
      return logical('and', above, comparison('<=', value, of(syntax.high), at), at);
    }
    case 'like':
      return likeTerm(of(syntax.of), syntax.pattern, syntax.escape, at);
    case 'case': {
      const subject = syntax.of === undefined ? undefined : of(syntax.of);
      const branches = syntax.branches.map(({ when, gives }) => ({
        when: subject === undefined ? of(when) : comparison('=', subject, of(when), when.at),
        gives: of(gives),
      }));
      return choice(branches, syntax.otherwise === undefined ? nullTerm(at) : of(syntax.otherwise), at);
    }
    case 'call':
      return callTerm(syntax.name, syntax.values.map(of), at);
  }
}

function numberTerm(text: string, at: number): Term {
  const { value, scale } = parseExact(text);
  if (scale > 30 || value >= 10n ** 65n)
    throw expressionError('a number with more digits than DECIMAL has', at);
  const isSmall = scale === 0 && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return isSmall
    ? constantTerm({ kind: 'integer' }, Number(value), at)
    : constantTerm({ kind: 'exact', scale }, value, at);
}

/** AND, OR and XOR with NULL as "it is not known". */
function logical(operator: 'and' | 'or' | 'xor', left: Term, right: Term, at: number): Term {
  if (operator === 'xor')
    return computedTerm(boolean, at, [left, right], (one: boolean, other: boolean) => one !== other);
  const decisive = operator === 'or';
  const evaluate = (row: RowValues): TermValue => {
    const one = left.evaluate(row);
    if (one === decisive) return decisive;
    const other = right.evaluate(row);
    if (other === decisive) return decisive;
    return one === null || other === null ? null : !decisive;
  };
  return { type: boolean, at, evaluate };
}

function isTerm(what: 'null' | 'true' | 'false', of: Term, at: number): Term {
  if (what === 'null') return { type: boolean, at, evaluate: (row) => of.evaluate(row) === null };
  const truth = toBoolean(of);
  return { type: boolean, at, evaluate: (row) => truth.evaluate(row) === (what === 'true') };
}

/** As `value = first OR value = second …`. */
function inTerm(value: Term, list: readonly Term[], at: number): Term {
  if (list.length === 0) throw expressionError('IN needs at least one value', at);
  const equalities = list.map((item) => comparison('=', value, item, item.at));
  const evaluate = (row: RowValues): TermValue => {
    let found: boolean | null = false;
    for (const equality of equalities) {
      const isEqual = equality.evaluate(row);
      if (isEqual === true) return true;
      if (isEqual === null) found = null;
    }
    return found;
  };
  return { type: boolean, at, evaluate };
}

function likeTerm(value: Term, pattern: string, escape: string, at: number): Term {
  if (value.type.kind === 'null') return value;
  if (value.type.kind !== 'text') throw expressionError(`LIKE takes a text, not ${kindName(value.type)}`, at);
  return computedTerm(boolean, at, [value], likeMatcher(pattern, escape));
}

function callTerm(name: string, values: readonly Term[], at: number): Term {
  const called = functions.get(name);
  if (called === undefined) throw expressionError(`there is no function ${name} here`, at);
  const { least, most, make } = called;
  if (values.length < least || values.length > most)
    throw expressionError(`${name} takes ${countOf(least, most)}, not ${values.length}`, at);
  return make(values, at, name);
}

function countOf(least: number, most: number): string {
  if (least === most) return least === 1 ? 'one value' : `${least} values`;
  return most === Infinity ? `${least} or more values` : `${least} to ${most} values`;
}
