import { DrcError } from '../errors.js';

/** A piece of an expression's text. `at`: where it begins, in characters from 0. */
export type Token =
  /** A bare word, as written: a keyword, a function or a column. */
  | { readonly kind: 'word'; readonly text: string; readonly at: number }
  /** A name in backticks, which is never a keyword. */
  | { readonly kind: 'name'; readonly text: string; readonly at: number }
  | { readonly kind: 'text'; readonly text: string; readonly at: number }
  /** `12`, `1.50`: exact. */
  | { readonly kind: 'number'; readonly text: string; readonly at: number }
  /** `1e3`: a double. */
  | { readonly kind: 'float'; readonly text: string; readonly at: number }
  /** `x'00ff'`, `0x00ff`. */
  | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly at: number }
  | { readonly kind: 'symbol'; readonly text: string; readonly at: number }
  | { readonly kind: 'end'; readonly text: ''; readonly at: number };

/** An expression is no program: what is longer was made by a mistake or by an attacker. Characters. */
const maxLength = 16 * 1024;

/** The first alternative that fits counts. */
const patterns = {
  space: /\s+/y,
  hex: /x'([0-9a-f]*)'|0x([0-9a-f]+)(?![\w$])/iy,
  float: /(?:\d+\.?\d*|\.\d+)e[+-]?\d+(?![\w$])/iy,
  number: /(?:\d+(?:\.\d*)?|\.\d+)(?![\w$])/y,
  word: /[\p{L}_$][\p{L}\p{N}_$]*/uy,
  name: /`((?:[^`]|``)+)`/y,
  text: /'((?:[^'\\]|''|\\[^])*)'|"((?:[^"\\]|""|\\[^])*)"/y,
  symbol: /<=>|<=|>=|<>|!=|&&|\|\||[-+*/%(),.=<>!]/y,
} as const;

/** What a backslash and this character stand for, as MySQL reads them; any other stands for itself. */
const escapes: ReadonlyMap<string, string> = new Map([
  ['0', '\0'],
  ['b', '\b'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['Z', '\x1a'],
]);

/** An error in an expression. @param at in characters from 0 */
export function expressionError(why: string, at: number): DrcError {
  return new DrcError('CONDITION_INVALID', `At character ${at + 1} of the expression: ${why}.`, { at });
}

/** @throws DrcError `CONDITION_INVALID` */
export function tokensOf(text: string): Token[] {
  if (text.length > maxLength) throw expressionError(`it is longer than ${maxLength} characters`, 0);
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  while (at < text.length) {
    const from = at;
    const space = match(patterns.space);
    const [found, token] = space === null ? tokenAt(match, from) : [space, undefined];
    if (found === null) throw expressionError(faultAt(text[from]!), from);
    if (token !== undefined) tokens.push(token);
    at += found[0].length;
  }
  return [...tokens, { kind: 'end', text: '', at }];
}

function tokenAt(
  match: (pattern: RegExp) => RegExpExecArray | null,
  at: number,
): [RegExpExecArray | null, Token | undefined] {
  const hex = match(patterns.hex);
  if (hex !== null) {
    const digits = hex[1] ?? hex[2]!;
    if (hex[1] !== undefined && digits.length % 2 === 1)
      throw expressionError('a byte in x’…’ has two digits', at);
    const even = digits.length % 2 === 1 ? `0${digits}` : digits;
    return [hex, { kind: 'bytes', bytes: Buffer.from(even, 'hex'), at }];
  }
  for (const kind of ['float', 'number', 'word'] as const) {
    const found = match(patterns[kind]);
    if (found !== null) return [found, { kind, text: found[0], at }];
  }
  const name = match(patterns.name);
  if (name !== null) return [name, { kind: 'name', text: name[1]!.replaceAll('``', '`'), at }];
  const quoted = match(patterns.text);
  if (quoted !== null) return [quoted, { kind: 'text', text: unquoted(quoted), at }];
  const symbol = match(patterns.symbol);
  return [symbol, symbol === null ? undefined : { kind: 'symbol', text: symbol[0], at }];
}

/** `\%` and `\_` keep their backslash: they mean something to LIKE. */
function unquoted(found: RegExpExecArray): string {
  const isSingle = found[1] !== undefined;
  const quote = isSingle ? "'" : '"';
  return (found[1] ?? found[2]!).replaceAll(
    isSingle ? /''|\\([^])/g : /""|\\([^])/g,
    (all, escaped: string | undefined) => {
      if (escaped === undefined) return quote;
      return escaped === '%' || escaped === '_' ? all : (escapes.get(escaped) ?? escaped);
    },
  );
}

function faultAt(character: string): string {
  if (character === "'" || character === '"') return 'a text is not closed';
  if (character === '`') return 'a name in backticks is not closed, or empty';
  return `${JSON.stringify(character)} has no meaning here`;
}
