/**
 * What kind of values a term has. It depends on the columns and constants only, never on a value.
 * - `integer`: number, safe · `exact`: bigint, the value times 10^scale · `double`: number · `boolean`: boolean
 * - `text`: string · `bytes`: Buffer
 * - `date`: `YYYY-MM-DD` · `datetime`: `YYYY-MM-DD HH:MM:SS[.f…]`, its fraction without zeros at its end
 * - `time`: number of microseconds · `null`: null only · `opaque`: what may only be asked whether it is NULL
 */
export type TermType =
  | {
      readonly kind:
        | 'integer'
        | 'double'
        | 'boolean'
        | 'text'
        | 'bytes'
        | 'date'
        | 'datetime'
        | 'time'
        | 'null';
    }
  | { readonly kind: 'exact'; readonly scale: number }
  | { readonly kind: 'opaque'; readonly what: string };

export type TermKind = TermType['kind'];

/** The values of a row, by the table version's columns; undefined where the row image does not have the column. */
export type RowValues = readonly unknown[];

export type TermValue = number | bigint | boolean | string | Buffer | null;

/** A part of an expression, bound to a table version. */
export interface Term {
  readonly type: TermType;
  /** Given where it is the same for all rows. */
  readonly constant?: TermValue;
  /** In characters from 0. */
  readonly at: number;
  /** @throws DrcError `CONDITION_FAILED` */
  evaluate(row: RowValues): TermValue;
}

export const constantTerm = (type: TermType, constant: TermValue, at: number): Term => ({
  type,
  constant,
  at,
  evaluate: () => constant,
});

export const nullTerm = (at: number): Term => constantTerm({ kind: 'null' }, null, at);

/** A term of values that are computed from those of others; NULL where one of these is. */
export function computedTerm(
  type: TermType,
  at: number,
  of: readonly Term[],
  compute: (...values: never[]) => TermValue,
): Term {
  const [first, second] = of as readonly [Term, Term];
  const call = compute as (...values: TermValue[]) => TermValue;
  const evaluate =
    of.length === 1
      ? (row: RowValues): TermValue => {
          const value = first.evaluate(row);
          return value === null ? null : call(value);
        }
      : of.length === 2
        ? (row: RowValues): TermValue => {
            const left = first.evaluate(row);
            if (left === null) return null;
            const right = second.evaluate(row);
            return right === null ? null : call(left, right);
          }
        : (row: RowValues): TermValue => {
            const values: TermValue[] = [];
            for (const term of of) {
              const value = term.evaluate(row);
              if (value === null) return null;
              values.push(value);
            }
            return call(...values);
          };
  return { type, at, evaluate };
}

/** The kind as people name it. */
export function kindName(type: TermType): string {
  switch (type.kind) {
    case 'integer':
    case 'exact':
    case 'double':
      return 'a number';
    case 'boolean':
      return 'a truth value';
    case 'text':
      return 'a text';
    case 'bytes':
      return 'a byte string';
    case 'date':
      return 'a date';
    case 'datetime':
      return 'a date and time';
    case 'time':
      return 'a time';
    case 'null':
      return 'NULL';
    case 'opaque':
      return type.what;
  }
}
