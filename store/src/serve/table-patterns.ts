import { DrcError } from '@drc/protocol';
import picomatch from 'picomatch';

/*
 * A table pattern is a name `schema.table` or a glob over it: `*` (any characters, also dots and slashes), `?`,
 * `[abc]`, `{a,b}`; a backslash takes a character's meaning away. Everything else means itself.
 *
 * Patterns come from clients, and a glob becomes a regular expression: wildcards and lengths are limited so that no
 * pattern costs more than some milliseconds on any name, and characters that picomatch would pass on to the
 * expression are escaped.
 */
const maxPatternLength = 300;
const maxPatterns = 1000;
const maxStars = 4;
const maxAlternatives = 64;

const globCharacter = /[*?[\]{}]/;
const passedOn = /[()|+!@^$]/;
/** Brackets within brackets, and ranges in braces: picomatch has readings of its own for them. */
const nested = /[[{][^\]}]*[[{]|\{[^}]*\.\./;

/** One pattern, ready to use. */
interface Pattern {
  readonly text: string;
  /** The one table it names; undefined for a glob. */
  readonly name: string | undefined;
  readonly matches: (table: string) => boolean;
  /** Whether tables of this schema can match, and whether all of them do. */
  readonly touchesSchema: (schema: string) => boolean;
  readonly coversSchema: (schema: string) => boolean;
}

/** A list of patterns; a table matches where one of them does. */
export class TablePatterns {
  readonly texts: readonly string[];
  /** The names without a glob, which must therefore exist. */
  readonly names: readonly string[];
  /** The globs, with what they match. */
  readonly globs: readonly Pick<Pattern, 'text' | 'matches'>[];
  /** True where every table matches, whatever its name. */
  readonly all: boolean;
  readonly #patterns: readonly Pattern[];

  /** @throws DrcError `PROTOCOL_VIOLATION` where a limit is exceeded or a pattern makes no sense. */
  constructor(texts: readonly string[]) {
    if (texts.length > maxPatterns) throw refused(`more than ${maxPatterns} table patterns`);
    this.texts = texts;
    this.#patterns = texts.map(compile);
    this.names = this.#patterns.flatMap(({ name }) => name ?? []);
    this.globs = this.#patterns.filter(({ name }) => name === undefined);
    this.all = texts.some((text) => /^\*\*?(\.\*\*?)?$/.test(text));
  }

  matches(table: string): boolean {
    return this.#patterns.some((pattern) => pattern.matches(table));
  }

  touchesSchema(schema: string): boolean {
    return this.#patterns.some((pattern) => pattern.touchesSchema(schema));
  }

  coversSchema(schema: string): boolean {
    return this.#patterns.some((pattern) => pattern.coversSchema(schema));
  }
}

/**
 * What is left of `wish` under `grant`, as patterns for people to read. Where of two globs neither contains the
 * other, the wish stands there, and the grant hides more of it.
 */
export function effectivePatterns(wish: TablePatterns, grant: TablePatterns): readonly string[] {
  if (wish.texts.length === 0) return grant.texts;
  if (grant.all) return wish.texts;
  const left = wish.texts.flatMap((text) => {
    // A glob's own text, its wildcards taken as letters, matches a glob that contains it.
    if (grant.matches(text)) return [text];
    const single = new TablePatterns([text]);
    const within = grant.texts.filter((granted) => single.matches(granted));
    return within.length > 0 ? within : [text];
  });
  return [...new Set(left)];
}

function compile(text: string): Pattern {
  if (text.length === 0 || text.length > maxPatternLength) {
    throw refused(`a table pattern of ${text.length} characters`);
  }
  const plain = text.replaceAll(/\\(.)/g, '');
  if (plain.endsWith('\\')) throw refused('a table pattern that ends in a backslash');
  if (!globCharacter.test(plain)) return exact(text);
  if (count(plain, '*') > maxStars || count(plain, ',') > maxAlternatives || nested.test(plain)) {
    throw refused(`the table pattern ${JSON.stringify(text)}: too many wildcards`);
  }
  const matches = globMatcher(text);
  const dot = plain === text ? text.indexOf('.') : -1;
  // A dot in braces or brackets, as in `{shop.orders,crm.people}`, parts nothing: any schema may be meant.
  const parts = dot >= 0 && !/[[{][^\]}]*$/.test(text.slice(0, dot));
  const matchesSchema = parts ? globMatcher(text.slice(0, dot)) : () => true;
  const wholeSchema = /^\*\*?$/.test(text) || /^[^.]*\.\*\*?$/.test(text);
  return {
    text,
    name: undefined,
    matches,
    touchesSchema: matchesSchema,
    coversSchema: (schema) => wholeSchema && matchesSchema(schema),
  };
}

function exact(text: string): Pattern {
  const name = text.replaceAll(/\\(.)/g, '$1');
  if (!name.includes('.')) throw refused(`the table name ${JSON.stringify(text)}: it must read schema.table`);
  return {
    text,
    name,
    matches: (table) => table === name,
    touchesSchema: (schema) => name.startsWith(`${schema}.`),
    coversSchema: () => false,
  };
}

/** @throws DrcError `PROTOCOL_VIOLATION` where the glob makes no sense. */
export function globMatcher(glob: string): (text: string) => boolean {
  if (!globCharacter.test(glob)) return (text) => text === glob;
  const escaped = glob.replaceAll(/\\.|[()|+!@^$]/g, (found) =>
    passedOn.test(found[0]!) ? `\\${found}` : found,
  );
  // `bash`: a star takes slashes and dots too, since both may stand in the name of a table.
  const options = { bash: true, dot: true, nonegate: true, noextglob: true, strictBrackets: true } as const;
  try {
    const expression = picomatch.makeRe(escaped, options);
    return (text) => expression.test(text);
  } catch (cause) {
    throw new DrcError(
      'PROTOCOL_VIOLATION',
      `Refused: the table pattern ${JSON.stringify(glob)}.`,
      {},
      { cause },
    );
  }
}

const count = (text: string, character: string): number => text.split(character).length - 1;

const refused = (what: string): DrcError => new DrcError('PROTOCOL_VIOLATION', `Refused: ${what}.`);
