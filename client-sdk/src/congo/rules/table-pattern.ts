import { nameOf, splitName, type TableName } from '../table-name.js';

/**
 * Names tables of the source: `schema.table`, where `*` stands for any letters and `?` for one. What each of them stood for is a
 * capture. All other letters stand for themselves.
 */
export class TablePattern {
  readonly name: TableName;
  readonly #schema: RegExp;
  readonly #table: RegExp;

  private constructor(name: TableName) {
    this.name = name;
    this.#schema = matcher(name.schema);
    this.#table = matcher(name.table);
  }

  /** Undefined where the text is not two names with a dot between. */
  static parse(text: string): TablePattern | undefined {
    const name = splitName(text);
    return name && new TablePattern(name);
  }

  /** How many captures it gives. */
  get captures(): number {
    return [...`${this.name.schema}${this.name.table}`.matchAll(/[*?]/g)].length;
  }

  /** Whether it names one table only. */
  get isLiteral(): boolean {
    return this.captures === 0;
  }

  /** What its wild cards stood for, in order; undefined where it does not name this table. */
  match(source: TableName): readonly string[] | undefined {
    const schema = this.#schema.exec(source.schema);
    if (!schema) return undefined;
    const table = this.#table.exec(source.table);
    return table ? [...schema.slice(1), ...table.slice(1)] : undefined;
  }

  /** Whether it names every table that `other` names. */
  covers(other: TablePattern): boolean {
    // A wild card of the other is a letter that only a wild card of this one takes.
    return this.match(other.name) !== undefined;
  }

  /** The same as a subscription's glob, in which further letters have a meaning. */
  get glob(): string {
    const literal = (name: string): string => name.replaceAll(/[\\[\]{}]/g, String.raw`\$&`);
    return nameOf({ schema: literal(this.name.schema), table: literal(this.name.table) });
  }
}

const matcher = (name: string): RegExp =>
  new RegExp(
    `^${name.replaceAll(/[\\^$.*+?()[\]{}|]/g, (letter) => (letter === '*' ? '(.*)' : letter === '?' ? '(.)' : `\\${letter}`))}$`,
    'su',
  );
