/*
 * Globs over `schema.table`, as stores take them: `*` (any characters, also dots), `?`, `[abc]`, `{a,b}`; a backslash takes a
 * character's meaning away, everything else means itself.
 */

/** Some tables, by name or glob. */
export class TableGlobs {
  /** Those without a glob: such a table must exist. */
  readonly names: readonly string[];
  /** The globs, as they were written. */
  readonly globs: readonly string[];
  readonly #expressions: readonly RegExp[];
  /** Of their schemas. */
  readonly #schemas: readonly RegExp[];

  constructor(texts: readonly string[]) {
    const isGlob = (text: string): boolean => /[*?[{]/.test(text.replaceAll(/\\./g, ''));
    this.names = texts.filter((text) => !isGlob(text)).map((text) => text.replaceAll(/\\(.)/g, '$1'));
    this.globs = texts.filter(isGlob);
    this.#expressions = texts.map(expressionOf);
    // Without a dot outside of its wildcards a glob may name any schema.
    this.#schemas = texts.map((text) => expressionOf(/^((?:\\.|[^.\\])*)\./.exec(text)?.[1] ?? '*'));
  }

  get isEmpty(): boolean {
    return this.#expressions.length === 0;
  }

  matches(table: string): boolean {
    return this.#expressions.some((expression) => expression.test(table));
  }

  touchesSchema(schema: string): boolean {
    return this.#schemas.some((expression) => expression.test(schema));
  }
}

const token =
  /\\(?<escaped>.)|(?<stars>\*+)|(?<any>\?)|\[(?<set>[^\]]+)\]|\{(?<either>[^{}]*)\}|(?<plain>[^])/gu;

function expressionOf(glob: string): RegExp {
  return new RegExp(`^(?:${sourceOf(glob)})$`, 'u');
}

function sourceOf(glob: string): string {
  return [...glob.matchAll(token)]
    .map(({ groups = {} }) => {
      const { escaped, stars, any, set, either, plain } = groups;
      if (stars !== undefined) return '.*';
      if (any !== undefined) return '.';
      if (set !== undefined) return setSource(set);
      if (either !== undefined) return `(?:${either.split(',').map(sourceOf).join('|')})`;
      return literal(escaped ?? plain ?? '');
    })
    .join('');
}

/** `a-z` is a range; nothing means all others. */
const setSource = (set: string): string => `[${set.replaceAll(/[\\\]^[]/g, String.raw`\$&`)}]`;

const literal = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
