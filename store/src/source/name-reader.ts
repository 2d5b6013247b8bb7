import type { SqlToken } from './sql-tokens.js';

/** Of a table, `full` with its schema. */
export interface Name {
  readonly schema: string;
  readonly full: string;
}

/** Reads words and names from the tokens of one statement, one behind the other. */
export class NameReader {
  readonly defaultSchema: string;
  readonly #tokens: readonly SqlToken[];
  #at: number;

  constructor(tokens: readonly SqlToken[], at: number, defaultSchema: string) {
    this.#tokens = tokens;
    this.#at = at;
    this.defaultSchema = defaultSchema;
  }

  /** Index of the next token. */
  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  /** The next token and all behind it. */
  get rest(): readonly SqlToken[] {
    return this.#tokens.slice(this.#at);
  }

  /** The next token, or the one so many behind it. */
  token(ahead = 0): SqlToken | undefined {
    return this.#tokens[this.#at + ahead];
  }

  skip(tokens = 1): void {
    this.#at += tokens;
  }

  /** Reads on from a token that was read before. */
  returnTo(at: number): void {
    this.#at = at;
  }

  /** The next name, as a list of one; none where none comes next. */
  oneName(): Name[] {
    const name = this.name();
    return name === undefined ? [] : [name];
  }

  /** A list of names; an alias behind a name is passed over. */
  names(): Name[] {
    const found: Name[] = [];
    for (;;) {
      const name = this.name();
      if (name === undefined) return found;
      found.push(name);
      if (this.peek() === 'AS') this.#at += 2;
      else if (this.token(1)?.text === ',' && this.peek() !== ',') this.#at++;
      if (this.peek() !== ',') return found;
      this.#at++;
    }
  }

  /** Undefined where none comes next. */
  name(): Name | undefined {
    const first = this.identifier();
    if (first === undefined) return undefined;
    if (this.peek() !== '.') return { schema: this.defaultSchema, full: `${this.defaultSchema}.${first}` };
    this.#at++;
    const second = this.identifier() ?? '';
    return { schema: first, full: `${first}.${second}` };
  }

  identifier(): string | undefined {
    const token = this.token();
    if (token === undefined || (token.kind !== 'word' && token.kind !== 'name')) return undefined;
    this.#at++;
    return token.text;
  }

  /** Behind the next such word, or at the end. */
  skipTo(upper: string): void {
    while (this.#at < this.#tokens.length && this.take() !== upper);
  }

  /** The next word in capitals, or symbol; empty for a quoted one, so that names are never taken for key words. */
  peek(): string {
    const token = this.token();
    return token === undefined || token.kind === 'name' || token.kind === 'string' ? '' : token.upper;
  }

  /** The word before, in capitals. */
  peekBack(): string {
    return this.#tokens[this.#at - 1]?.upper ?? '';
  }

  /** As `peek`, and goes on behind it. */
  take(): string {
    const upper = this.peek();
    this.#at++;
    return upper;
  }

  /** Whether a word or a quoted name comes next. */
  isIdentifier(): boolean {
    const kind = this.token()?.kind;
    return kind === 'word' || kind === 'name';
  }
}
