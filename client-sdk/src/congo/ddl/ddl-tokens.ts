/** A piece of a statement: a bare word, a quoted name, a literal in quotes, or another character. */
export interface DdlToken {
  readonly kind: 'word' | 'name' | 'string' | 'symbol';
  /** Without quotes. */
  readonly text: string;
  /** `word` and `symbol`: in capitals; else empty, so that a quoted name is never taken for a key word. */
  readonly upper: string;
  /** Whether nothing stood between it and the one before: `b'1'` and `1e-5` are literals only so. */
  readonly tight: boolean;
}

/** Bits of sql_mode that change what a statement says. They are the same on both servers. */
export const ModeBit = {
  realAsFloat: 1,
  pipesAsConcat: 2,
  ansiQuotes: 4,
  oracle: 0x200,
  mssql: 0x400,
  noBackslashEscapes: 0x10_0000,
} as const;

const word = /[\p{L}\p{N}_$@\u0080-\uffff]+(?:\.\p{N}+)?/uy;
const openComment = /\/\*(M?)!(\d*)/y;
/** What a comment with a higher version does depends on the server: MariaDB passes over those of MySQL 5.7 and later. */
const lastCommonVersion = 50_699;

/**
 * The tokens of a statement that is to be run on another server than the one it was written for. Executable comments
 * that every server executes are read as what they hold.
 * @returns a reason where it cannot be told what all servers would read
 */
export function ddlTokens(statement: string, sqlMode: number): readonly DdlToken[] | string {
  const has = (bit: number): boolean => (sqlMode & bit) !== 0;
  if (has(ModeBit.oracle) || has(ModeBit.mssql))
    return 'its sql_mode is that of another database (ORACLE, MSSQL)';
  const tokens: DdlToken[] = [];
  let inComment = false;
  /** Behind the token before. */
  let end = -1;
  for (let at = 0; at < statement.length; ) {
    const character = statement[at]!;
    if (/\s/u.test(character)) at++;
    else if (character === '#' || /^--(?:[\0- ]|$)/.test(statement.slice(at, at + 3))) {
      const newline = statement.indexOf('\n', at);
      at = newline < 0 ? statement.length : newline;
    } else if (statement.startsWith('/*', at)) {
      openComment.lastIndex = at;
      const opening = openComment.exec(statement);
      if (opening) {
        if (opening[1] === 'M' || Number(opening[2]) > lastCommonVersion || inComment)
          return `only some servers execute its comment ${opening[0]}`;
        inComment = true;
        at += opening[0].length;
      } else {
        const close = statement.indexOf('*/', at + 2);
        if (close < 0) return 'a comment has no end';
        at = close + 2;
      }
    } else if (inComment && statement.startsWith('*/', at)) {
      inComment = false;
      at += 2;
    } else if (character === '`' || character === '"' || character === "'") {
      const isName = character === '`' || (character === '"' && has(ModeBit.ansiQuotes));
      const read = quoted(statement, at, !isName && !has(ModeBit.noBackslashEscapes));
      if (!read) return 'a quote has no end';
      tokens.push({ kind: isName ? 'name' : 'string', text: read.text, upper: '', tight: at === end });
      at = end = read.next;
    } else {
      word.lastIndex = at;
      const text = word.exec(statement)?.[0];
      if (text === undefined)
        tokens.push({ kind: 'symbol', text: character, upper: character, tight: at === end });
      // The point between two names is none of a number.
      else if (/^\d+\.\d+$/.test(text) || !text.includes('.'))
        tokens.push({ kind: 'word', text, upper: text.toUpperCase(), tight: at === end });
      else {
        const [first = ''] = text.split('.');
        tokens.push({ kind: 'word', text: first, upper: first.toUpperCase(), tight: at === end });
        at = end = at + first.length;
        continue;
      }
      at = end = at + (text?.length ?? 1);
    }
  }
  if (inComment) return 'a comment has no end';
  while (tokens.at(-1)?.upper === ';') tokens.pop();
  if (tokens.some(({ upper }) => upper === ';')) return 'it is several statements';
  if (has(ModeBit.pipesAsConcat) && tokens.some(({ upper }) => upper === '|'))
    return 'its sql_mode has PIPES_AS_CONCAT, and it has ||';
  return tokens.map((token) =>
    token.upper === 'REAL'
      ? {
          ...token,
          text: has(ModeBit.realAsFloat) ? 'FLOAT' : 'DOUBLE',
          upper: has(ModeBit.realAsFloat) ? 'FLOAT' : 'DOUBLE',
        }
      : token,
  );
}

const escapes: Readonly<Record<string, string>> = { 0: '\0', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\x1a' };

function quoted(
  statement: string,
  at: number,
  backslash: boolean,
): { text: string; next: number } | undefined {
  const quote = statement[at]!;
  let text = '';
  for (let index = at + 1; index < statement.length; index++) {
    const character = statement[index]!;
    if (character === '\\' && backslash) {
      const escaped = statement[++index] ?? '';
      text += escapes[escaped] ?? escaped;
    } else if (character !== quote) text += character;
    else if (statement[index + 1] === quote) text += statement[++index];
    else return { text, next: index + 1 };
  }
  return undefined;
}

/** As a session with the usual quotes and escapes reads them. */
export const ddlText = (tokens: readonly DdlToken[]): string =>
  tokens.map((token, at) => (at === 0 || token.tight ? '' : ' ') + tokenText(token)).join('');

function tokenText({ kind, text }: DdlToken): string {
  if (kind === 'name') return `\`${text.replaceAll('`', '``')}\``;
  if (kind !== 'string') return text;
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\0', '\\0')}'`;
}

export const nameToken = (text: string, tight = false): DdlToken => ({
  kind: 'name',
  text,
  upper: '',
  tight,
});
