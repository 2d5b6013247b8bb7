/**
 * A piece of a statement. `word` is a key word or a bare identifier, `name` a quoted identifier without its quotes,
 * `string` any literal in quotes (its content is never needed), `symbol` one other character.
 */
export interface SqlToken {
  readonly kind: 'word' | 'name' | 'string' | 'symbol';
  readonly text: string;
  /** `word`: in capitals; otherwise as `text`. */
  readonly upper: string;
}

/** Bits of sql_mode that change how a statement is cut into tokens. */
export const SqlMode = { ansiQuotes: 0x4, mssql: 0x400, noBackslashEscapes: 0x10_0000 } as const;

const space = /\s/u;
const word = /[\p{L}\p{N}_$\u0080-\uffff]+/uy;
/** `/*!`, `/*!50100`, `/*M!` …: what stands inside is executed, so the comment signs are white space. */
const executableComment = /\/\*M?!\d*/y;

/** The tokens of a statement, comments left out. It never fails: an unfinished literal ends with the statement. */
export function* sqlTokens(statement: string, sqlMode: number): Generator<SqlToken> {
  const ansiQuotes = (sqlMode & SqlMode.ansiQuotes) !== 0;
  // MariaDB: `[a name]`.
  const brackets = (sqlMode & SqlMode.mssql) !== 0;
  // sql_mode has more than 32 bits, of which `&` sees the lower ones only: ours are there.
  const escapes = (sqlMode & SqlMode.noBackslashEscapes) === 0;
  for (let at = 0; at < statement.length; ) {
    const character = statement[at]!;
    if (space.test(character)) {
      at++;
    } else if (character === '#' || isDashComment(statement, at)) {
      at = behind(statement, '\n', at);
    } else if (character === '/' && statement[at + 1] === '*') {
      executableComment.lastIndex = at;
      const opening = executableComment.exec(statement);
      at = opening === null ? behind(statement, '*/', at + 2) : at + opening[0].length;
    } else if (character === '*' && statement[at + 1] === '/') {
      at += 2;
    } else if (
      character === '`' ||
      character === '"' ||
      character === "'" ||
      (character === '[' && brackets)
    ) {
      const isName = character === '`' || character === '[' || (character === '"' && ansiQuotes);
      const { text, next } = quoted(statement, at, escapes && !isName);
      yield { kind: isName ? 'name' : 'string', text, upper: text };
      at = next;
    } else {
      word.lastIndex = at;
      const text = word.exec(statement)?.[0];
      if (text === undefined) yield { kind: 'symbol', text: character, upper: character };
      else yield { kind: 'word', text, upper: text.toUpperCase() };
      at += text?.length ?? 1;
    }
  }
}

/** `-- ` opens a comment only before white space, a control character or the end. */
const isDashComment = (statement: string, at: number): boolean =>
  statement.startsWith('--', at) && (at + 2 >= statement.length || statement.charCodeAt(at + 2) <= 0x20);

function behind(statement: string, mark: string, at: number): number {
  const found = statement.indexOf(mark, at);
  return found < 0 ? statement.length : found + mark.length;
}

function quoted(statement: string, at: number, escapes: boolean): { text: string; next: number } {
  const quote = statement[at] === '[' ? ']' : statement[at]!;
  let text = '';
  for (let index = at + 1; index < statement.length; index++) {
    const character = statement[index]!;
    if (character === '\\' && escapes) {
      text += statement[++index] ?? '';
    } else if (character !== quote) {
      text += character;
    } else if (statement[index + 1] === quote) {
      text += quote;
      index++;
    } else {
      return { text, next: index + 1 };
    }
  }
  return { text, next: statement.length };
}
