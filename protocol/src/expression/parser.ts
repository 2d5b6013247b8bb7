import type { ArithmeticOperator, ComparisonOperator, Syntax } from './syntax.js';
import { charactersOf } from './text.js';
import { expressionError, tokensOf, type Token } from './tokens.js';

/** Brackets, operators and calls within each other, at most: the parser calls itself for each. */
const maxDepth = 64;

const comparisons: ReadonlyMap<string, ComparisonOperator> = new Map([
  ['=', '='],
  ['<=>', '<=>'],
  ['<>', '<>'],
  ['!=', '<>'],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
]);

/** Words that are never a column unless they stand in backticks. */
const reserved: ReadonlySet<string> = new Set(
  'AND OR XOR NOT IN IS LIKE BETWEEN NULL TRUE FALSE CASE WHEN THEN ELSE DIV MOD COLLATE REGEXP RLIKE SELECT EXISTS INTERVAL BINARY'.split(
    ' ',
  ),
);

/**
 * The expression that the text is. How operators bind is MySQL's (Reference Manual, Operator Precedence), from the weakest:
 * OR · XOR · AND · NOT · BETWEEN, CASE · comparison, IS, LIKE, IN · + - · * / DIV MOD % · unary minus · !.
 * @throws DrcError `CONDITION_INVALID` with the place
 */
export function parseExpression(text: string): Syntax {
  return new Parser(tokensOf(text)).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Syntax {
    const syntax = this.#or();
    const rest = this.#token;
    if (rest.kind !== 'end') throw expressionError(`${shown(rest)} was not expected`, rest.at);
    return syntax;
  }

  #or(): Syntax {
    return this.#nested(() => {
      let left = this.#xor();
      for (let at = this.#token.at; this.#isWord('OR'); at = this.#token.at) {
        this.#next += 1;
        left = { kind: 'logical', operator: 'or', left, right: this.#xor(), at };
      }
      // In MySQL it means OR, with PIPES_AS_CONCAT it joins texts.
      if (this.#isSymbol('||'))
        throw expressionError('|| means different things by sql_mode: write OR, or CONCAT', this.#token.at);
      return left;
    });
  }

  #xor(): Syntax {
    let left = this.#and();
    for (let at = this.#token.at; this.#takeWord('XOR'); at = this.#token.at)
      left = { kind: 'logical', operator: 'xor', left, right: this.#and(), at };
    return left;
  }

  #and(): Syntax {
    let left = this.#not();
    for (let at = this.#token.at; this.#takeWord('AND') || this.#takeSymbol('&&'); at = this.#token.at)
      left = { kind: 'logical', operator: 'and', left, right: this.#not(), at };
    return left;
  }

  #not(): Syntax {
    const { at } = this.#token;
    if (!this.#takeWord('NOT')) return this.#predicate();
    return this.#nested(() => ({ kind: 'not', of: this.#not(), at }));
  }

  #predicate(): Syntax {
    let left = this.#sum();
    for (;;) {
      const next = this.#predicateOn(left);
      if (next === undefined) return left;
      left = next;
    }
  }

  /** What follows a value and makes a condition of it. */
  #predicateOn(left: Syntax): Syntax | undefined {
    const token = this.#token;
    const { at } = token;
    const comparison = token.kind === 'symbol' ? comparisons.get(token.text) : undefined;
    if (comparison !== undefined) {
      this.#next += 1;
      return { kind: 'comparison', operator: comparison, left, right: this.#sum(), at };
    }
    if (this.#takeWord('IS')) {
      const negated = this.#takeWord('NOT');
      return negatedIf(negated, { kind: 'is', what: this.#truth(), of: left, at });
    }
    const negated = this.#takeWord('NOT');
    if (this.#takeWord('IN')) return negatedIf(negated, { kind: 'in', of: left, list: this.#list(), at });
    if (this.#takeWord('BETWEEN')) {
      const low = this.#sum();
      this.#need('AND');
      return negatedIf(negated, { kind: 'between', of: left, low, high: this.#sum(), at });
    }
    if (this.#takeWord('LIKE')) return negatedIf(negated, this.#like(left, at));
    if (negated) throw expressionError('IN, BETWEEN or LIKE was expected behind NOT', this.#token.at);
    return undefined;
  }

  #truth(): 'null' | 'true' | 'false' {
    if (this.#takeWord('NULL') || this.#takeWord('UNKNOWN')) return 'null';
    if (this.#takeWord('TRUE')) return 'true';
    if (this.#takeWord('FALSE')) return 'false';
    throw expressionError('NULL, TRUE or FALSE was expected behind IS', this.#token.at);
  }

  #like(of: Syntax, at: number): Syntax {
    const pattern = this.#textConstant('a pattern of LIKE');
    const escape = this.#takeWord('ESCAPE') ? this.#textConstant('what stands behind ESCAPE') : '\\';
    if (charactersOf(escape).length > 1) throw expressionError('ESCAPE takes one character', at);
    return { kind: 'like', of, pattern, escape, at };
  }

  #textConstant(what: string): string {
    const token = this.#token;
    if (token.kind !== 'text') throw expressionError(`${what} must be a text in quotes`, token.at);
    this.#next += 1;
    return token.text;
  }

  #sum(): Syntax {
    let left = this.#product();
    for (;;) {
      const { at } = this.#token;
      const operator = this.#takeSymbol('+') ? '+' : this.#takeSymbol('-') ? '-' : undefined;
      if (operator === undefined) return left;
      left = { kind: 'arithmetic', operator, left, right: this.#product(), at };
    }
  }

  #product(): Syntax {
    let left = this.#unary();
    for (;;) {
      const { at } = this.#token;
      const operator = this.#productOperator();
      if (operator === undefined) return left;
      left = { kind: 'arithmetic', operator, left, right: this.#unary(), at };
    }
  }

  #productOperator(): ArithmeticOperator | undefined {
    if (this.#takeSymbol('*')) return '*';
    if (this.#takeSymbol('/')) return '/';
    if (this.#takeSymbol('%') || this.#takeWord('MOD')) return '%';
    return this.#takeWord('DIV') ? 'div' : undefined;
  }

  #unary(): Syntax {
    const { at } = this.#token;
    if (this.#takeSymbol('-')) return this.#nested(() => ({ kind: 'negative', of: this.#unary(), at }));
    if (this.#takeSymbol('+')) return this.#nested(() => this.#unary());
    if (this.#takeSymbol('!')) return this.#nested(() => ({ kind: 'not', of: this.#unary(), at }));
    return this.#value();
  }

  #value(): Syntax {
    const token = this.#token;
    const { at } = token;
    this.#next += 1;
    switch (token.kind) {
      case 'number':
        return { kind: 'number', text: token.text, at };
      case 'float':
        return { kind: 'float', value: Number(token.text), at };
      case 'text':
        return { kind: 'text', value: token.text, at };
      case 'bytes':
        return { kind: 'bytes', value: token.bytes, at };
      case 'name':
        return { kind: 'column', name: token.text, at };
      case 'word':
        return this.#word(token.text, at);
      case 'symbol':
        if (token.text !== '(') break;
        return this.#closed(() => this.#or());
      case 'end':
        break;
    }
    this.#next -= 1;
    throw expressionError(`a value was expected, not ${shown(token)}`, at);
  }

  #word(text: string, at: number): Syntax {
    const word = text.toUpperCase();
    if (word === 'NULL') return { kind: 'null', at };
    if (word === 'TRUE' || word === 'FALSE') return { kind: 'boolean', value: word === 'TRUE', at };
    if (word === 'CASE') return this.#nested(() => this.#case(at));
    if (this.#isSymbol('(') && (word === 'MOD' || !reserved.has(word)))
      return { kind: 'call', name: word, values: this.#list(), at };
    if (reserved.has(word)) throw expressionError(`${word} was not expected`, at);
    return { kind: 'column', name: text, at };
  }

  #case(at: number): Syntax {
    const of = this.#isWord('WHEN') ? undefined : this.#or();
    const branches: { when: Syntax; gives: Syntax }[] = [];
    while (this.#takeWord('WHEN')) {
      const when = this.#or();
      this.#need('THEN');
      branches.push({ when, gives: this.#or() });
    }
    if (branches.length === 0) throw expressionError('WHEN was expected behind CASE', this.#token.at);
    const otherwise = this.#takeWord('ELSE') ? this.#or() : undefined;
    this.#need('END');
    return { kind: 'case', of, branches, otherwise, at };
  }

  /** `(value, …)`; empty brackets give none. */
  #list(): Syntax[] {
    const { at } = this.#token;
    if (!this.#takeSymbol('(')) throw expressionError('( was expected', at);
    return this.#closed(() => {
      const values: Syntax[] = [];
      if (this.#isSymbol(')')) return values;
      do values.push(this.#or());
      while (this.#takeSymbol(','));
      return values;
    });
  }

  /** What stands in brackets, the first of which was taken. */
  #closed<T>(inner: () => T): T {
    const value = this.#nested(inner);
    const { at } = this.#token;
    if (!this.#takeSymbol(')')) throw expressionError(') was expected', at);
    return value;
  }

  #nested<T>(inner: () => T): T {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw expressionError('it is nested too deeply', this.#token.at);
    const value = inner();
    this.#depth -= 1;
    return value;
  }

  get #token(): Token {
    return this.#tokens[this.#next]!;
  }

  #isWord(word: string): boolean {
    const token = this.#token;
    return token.kind === 'word' && token.text.toUpperCase() === word;
  }

  #takeWord(word: string): boolean {
    const isThere = this.#isWord(word);
    if (isThere) this.#next += 1;
    return isThere;
  }

  #isSymbol(symbol: string): boolean {
    const token = this.#token;
    return token.kind === 'symbol' && token.text === symbol;
  }

  #takeSymbol(symbol: string): boolean {
    const isThere = this.#isSymbol(symbol);
    if (isThere) this.#next += 1;
    return isThere;
  }

  #need(word: string): void {
    const token = this.#token;
    if (!this.#takeWord(word)) throw expressionError(`${word} was expected, not ${shown(token)}`, token.at);
  }
}

const negatedIf = (negated: boolean, of: Syntax): Syntax => (negated ? { kind: 'not', of, at: of.at } : of);

const shown = (token: Token): string =>
  token.kind === 'end' ? 'its end' : token.kind === 'bytes' ? 'a byte string' : JSON.stringify(token.text);
