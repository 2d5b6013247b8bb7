import picomatch from 'picomatch';

/** What capture takes. All globs are picomatch's; names are matched as the source stores them, case included. */
export interface TableFilterOptions {
  /** Globs over `schema.table`; default: all. */
  readonly include?: readonly string[];
  /** Globs over `schema.table`, stronger than `include`; default: none. */
  readonly exclude?: readonly string[];
  /** Globs over `schema.table.column`; default: none. */
  readonly excludeColumns?: readonly string[];
  /** Globs over `schema.table`: statements in text that write such a table are left out instead of stopping capture. */
  readonly ignoreStatements?: readonly string[];
}

/**
 * Never captured: they describe the server, or are made anew by it. Servers know the first two by exactly these names (`SYS` is
 * anybody's), the others in any letters.
 */
const isSystemSchema = (schema: string): boolean =>
  schema === 'mysql' || schema === 'sys' || /^(information|performance)_schema$/i.test(schema);

type Matcher = (name: string) => boolean;

/** `bash`: a star stands for any character, "/" too, which is nothing special in a table's name. */
const matcherOf = (globs: readonly string[] | undefined): Matcher | undefined =>
  globs === undefined || globs.length === 0 ? undefined : picomatch([...globs], { dot: true, bash: true });

/** Decides at capture time. What it excludes is never on disk. */
export class TableFilter {
  /** As given; empty: everything. */
  readonly include: readonly string[];
  readonly #includes: Matcher | undefined;
  readonly #includesSchema: Matcher | undefined;
  readonly #excludes: Matcher | undefined;
  readonly #excludesColumn: Matcher | undefined;
  readonly #ignoresStatements: Matcher | undefined;

  constructor(options: TableFilterOptions = {}) {
    this.include = options.include ?? [];
    this.#includes = matcherOf(options.include);
    this.#includesSchema = matcherOf(options.include?.map(schemaGlob));
    this.#excludes = matcherOf(options.exclude);
    this.#excludesColumn = matcherOf(options.excludeColumns);
    this.#ignoresStatements = matcherOf(options.ignoreStatements);
  }

  captures(schema: string, table: string): boolean {
    return !isSystemSchema(schema) && this.#matches(`${schema}.${table}`);
  }

  /** @param name `schema.table`; of more than one dot nobody can tell where the schema ends, and it counts as no system schema. */
  capturesName(name: string): boolean {
    const [schema = '', , ...others] = name.split('.');
    return !(others.length === 0 && isSystemSchema(schema)) && this.#matches(name);
  }

  #matches(name: string): boolean {
    return this.#includes?.(name) !== false && this.#excludes?.(name) !== true;
  }

  /** Whether anything in the schema can be captured. */
  capturesSchema(schema: string): boolean {
    if (isSystemSchema(schema)) return false;
    // `schema.*` among the excluded takes the schema out as a whole.
    return this.#includesSchema?.(schema) !== false && this.#excludes?.(`${schema}.\u{10ffff}`) !== true;
  }

  /** Those of the columns that are not captured; undefined where all are. */
  excludedColumns(
    schema: string,
    table: string,
    columns: readonly string[],
  ): ReadonlySet<string> | undefined {
    const excludes = this.#excludesColumn;
    if (excludes === undefined) return undefined;
    const excluded = columns.filter((column) => excludes(`${schema}.${table}.${column}`));
    return excluded.length === 0 ? undefined : new Set(excluded);
  }

  /** @param name `schema.table` that a statement writes; empty where that is not known. */
  ignoresStatement(name: string): boolean {
    return name !== '' && this.#ignoresStatements?.(name) === true;
  }
}

function schemaGlob(glob: string): string {
  const dot = glob.indexOf('.');
  return dot < 0 ? glob : glob.slice(0, dot);
}
