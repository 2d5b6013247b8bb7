import type { Random } from '../../support/random.js';

/**
 * Columns of the table of the tests, by what an expression may do with them. An unsigned number below 0 is an error to the
 * servers where it is a number to us, and a YEAR beside a small constant makes a year of that.
 */
const columns = {
  number: ['i', 'b', 'd'],
  double: ['f'],
  text: ['s', 'c', 'e'],
  date: ['dt'],
  datetime: ['m', 'ts'],
  time: ['t'],
} as const;

const texts = ['', 'a', 'A', 'ab', 'a%b', 'a_b', 'é', '€uro', '😀', '\u{ffee}', ' x ', 'x  ', "it''s"];
const quoted = (text: string): string => `'${text}'`;

/** Random expressions that both we and the servers understand, typed so that neither has to guess. */
export class RandomExpressions {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  condition(depth: number): string {
    const inner = (): string => this.condition(depth - 1);
    if (depth <= 0) return this.#predicate(0);
    return this.#random.pick([
      () => `(${inner()} AND ${inner()})`,
      () => `(${inner()} OR ${inner()})`,
      () => `(${inner()} XOR ${inner()})`,
      () => `(NOT ${inner()})`,
      () =>
        `(${inner()} IS ${this.#random.pick(['', 'NOT '])}${this.#random.pick(['TRUE', 'FALSE', 'NULL'])})`,
      () => this.#predicate(depth - 1),
      () => this.#predicate(depth - 1),
    ])();
  }

  number(depth: number): string {
    const inner = (): string => this.number(depth - 1);
    if (depth <= 0)
      return this.#random.pick([
        () => this.#random.pick(columns.number),
        () => String(this.#random.below(200) - 100),
        () => `${this.#random.below(100)}.${String(this.#random.below(1000)).padStart(3, '0')}`,
        // A bare NULL would make a double of what MySQL computes with it.
        () => 'NULLIF(i, i)',
      ])();
    return this.#random.pick([
      () => `(${inner()} ${this.#random.pick(['+', '-'])} ${inner()})`,
      () => `(${this.#leaf()} * ${this.#random.pick(['3', '-1.25', '0.5'])})`,
      () => `(${this.#leaf()} ${this.#random.pick(['%', 'DIV'])} ${this.#leaf()})`,
      () => `(- ${inner()})`,
      () => `ABS(${inner()})`,
      () => `FLOOR(${this.#leaf()})`,
      () => `CEIL(${this.#leaf()})`,
      () => `ROUND(${this.#leaf()}, ${this.#random.below(4)})`,
      () => `TRUNCATE(${this.#leaf()}, ${this.#random.below(4)})`,
      () => `SIGN(${inner()})`,
      () => `COALESCE(${inner()}, ${inner()})`,
      () => `IF(${this.condition(0)}, ${inner()}, ${inner()})`,
      () => `NULLIF(${inner()}, ${inner()})`,
      () => `CASE WHEN ${this.condition(0)} THEN ${inner()} ELSE ${inner()} END`,
      () => `CASE i WHEN 1 THEN ${inner()} WHEN 7 THEN ${inner()} END`,
      () => `GREATEST(${inner()}, ${inner()})`,
      () => `LEAST(${inner()}, ${inner()}, ${inner()})`,
      () => `CHAR_LENGTH(${this.text(0)})`,
      () => `LENGTH(${this.text(0)})`,
      () =>
        `${this.#random.pick(['YEAR', 'MONTH', 'DAY'])}(${this.#random.pick([...columns.date, ...columns.datetime])})`,
      () => `${this.#random.pick(['HOUR', 'MINUTE', 'SECOND'])}(${this.#random.pick(columns.datetime)})`,
    ])();
  }

  text(depth: number): string {
    const inner = (): string => this.text(depth - 1);
    if (depth <= 0)
      return this.#random.pick([
        () => this.#random.pick(columns.text),
        () => this.#random.pick(columns.text),
        () => quoted(this.#random.pick(texts)),
      ])();
    return this.#random.pick([
      () => `CONCAT(${inner()}, ${inner()})`,
      () => `LEFT(${inner()}, ${this.#random.below(4)})`,
      () => `RIGHT(${inner()}, ${this.#random.below(4)})`,
      () => `SUBSTRING(${inner()}, ${this.#random.below(7) - 3})`,
      () => `SUBSTRING(${inner()}, ${this.#random.below(7) - 3}, ${this.#random.below(4)})`,
      () => `${this.#random.pick(['TRIM', 'LTRIM', 'RTRIM'])}(${inner()})`,
      () => `REPLACE(${inner()}, 'a', 'bb')`,
      () => `IFNULL(${inner()}, ${inner()})`,
      () => `IF(${this.condition(0)}, ${inner()}, ${inner()})`,
    ])();
  }

  #leaf(): string {
    return this.number(0);
  }

  #predicate(depth: number): string {
    const comparison = this.#random.pick(['=', '<', '<=', '>', '>=', '<>', '!=', '<=>']);
    const not = this.#random.pick(['', 'NOT ']);
    return this.#random.pick([
      () => `(${this.number(depth)} ${comparison} ${this.number(depth)})`,
      () => `(f ${comparison} ${this.number(0)})`,
      () => `(ub ${comparison} ${this.number(0)})`,
      () => `(y ${comparison} ${this.#random.pick(['2026', '1901', '2155'])})`,
      () => `(${this.text(depth)} ${comparison} ${this.text(depth)})`,
      () => `(${this.number(depth)} ${not}BETWEEN ${this.number(0)} AND ${this.number(0)})`,
      () => `(${this.number(depth)} ${not}IN (${this.number(0)}, ${this.number(0)}, ${this.number(0)}))`,
      () => `(${this.text(0)} ${not}IN (${this.text(0)}, ${this.text(0)}))`,
      () =>
        `(${this.text(0)} ${not}LIKE ${quoted(this.#random.pick(['a%', '%b', '_', '%', 'a\\\\%b', 'a\\\\_b', '%a%b%', '']))})`,
      () => `(${this.#random.pick(Object.values(columns).flat())} IS ${not}NULL)`,
      () =>
        `(dt ${comparison} ${quoted(this.#random.pick(['2026-01-01', '2020-02-29', '0000-00-00', '2026-01-01 10:00:00']))})`,
      () =>
        `(m ${comparison} ${quoted(this.#random.pick(['2026-01-01', '2026-01-01 10:00:00', '2026-01-01 10:00:00.500']))})`,
      () => `(ts ${comparison} '2026-01-01 10:00:00')`,
      () => `(dt ${comparison} m)`,
      () =>
        `(t ${comparison} ${quoted(this.#random.pick(['-01:00:00', '00:00:00', '100:00:00', '12:30:00.25']))})`,
      () => `(DATE(m) ${comparison} dt)`,
    ])();
  }
}
