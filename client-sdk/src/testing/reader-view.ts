import {
  canonicalTableVersion,
  decodeDdl,
  DrcError,
  PartKind,
  partsOf,
  schemaIdBytes,
  schemaIdOf,
  wantsOrigin,
  type EffectiveFilter,
  type PartKindCode,
  type RowRule,
  type Subscribe,
  type TableVersion,
} from '@drc/protocol';
import { RowShape } from './row-shape.js';
import { TableGlobs } from './table-globs.js';

/** What a reader gets of one part. */
export interface SeenPart {
  readonly bytes: Buffer;
  /** Of rows: the table version, which must have been announced before. */
  readonly table?: SeenTable;
}

/** A table version as the reader sees it. */
export interface SeenTable {
  /** The body of its schema record. */
  readonly announcement: Buffer;
  /** Undefined: rows go out as they stand. */
  readonly shape: RowShape | undefined;
}

interface Rule {
  readonly tables: TableGlobs;
  readonly wish: RowRule;
}

const schemaVerb = /^(CREATE|DROP|ALTER)( OR REPLACE)? (DATABASE|SCHEMA)\b/i;

/** What one reader sees of a log: what it asked for, as a store would give it to a reader that may read everything. */
export class ReaderView {
  readonly #asked: Subscribe;
  readonly #tables: TableGlobs;
  readonly #rules: readonly Rule[];
  readonly #known: (id: string) => TableVersion | undefined;
  /** By schema id; undefined: not wanted. */
  readonly #seen = new Map<string, SeenTable | undefined>();

  /** @param known the table versions of the log, by schema id (latin1) */
  constructor(asked: Subscribe, known: (id: string) => TableVersion | undefined) {
    this.#asked = asked;
    this.#tables = new TableGlobs(asked.tables);
    this.#rules = (asked.rules ?? []).map((wish) => ({ tables: new TableGlobs(wish.tables), wish }));
    this.#known = known;
  }

  /**
   * @param tables those that the topic has
   * @returns the globs that match none of them
   * @throws DrcError `TABLE_UNKNOWN`, for one that was asked for by name
   */
  checked(tables: readonly string[]): readonly string[] {
    const named = [this.#tables, ...this.#rules.map((rule) => rule.tables)].flatMap(({ names }) => names);
    const unknown = named.find((name) => !tables.includes(name));
    if (unknown !== undefined)
      throw new DrcError(
        'TABLE_UNKNOWN',
        `The topic has no table ${unknown}. A slice knows the tables of its rows; sliceOf([], tables) adds more.`,
        { table: unknown },
      );
    return this.#tables.globs.filter((glob) => {
      const one = new TableGlobs([glob]);
      return !tables.some((table) => one.matches(table));
    });
  }

  get effective(): EffectiveFilter {
    const { tables, rules = [], partition, origins } = this.#asked;
    return {
      tables: tables.length === 0 ? ['**'] : tables,
      ...(rules.length === 0 ? {} : { rules }),
      ...(partition === undefined ? {} : { partition }),
      ...(origins === undefined ? {} : { origins }),
    };
  }

  wantsOrigin(origin: string): boolean {
    return wantsOrigin(this.#asked.origins, origin);
  }

  wantsTable(table: string): boolean {
    return this.#tables.isEmpty || this.#tables.matches(table);
  }

  /** What is left of some parts, each by itself. @throws DrcError `CONDITION_INVALID`, `CONDITION_FAILED`. */
  *select(bytes: Buffer): Generator<SeenPart> {
    for (const part of partsOf(bytes, 0)) {
      if (part.kind === PartKind.ddl) {
        if (this.#wantsDdl(bytes.subarray(part.bodyAt, part.end)))
          yield { bytes: bytes.subarray(part.at, part.end) };
        continue;
      }
      const table = this.#table(bytes.toString('latin1', part.bodyAt, part.bodyAt + schemaIdBytes));
      if (table === undefined) continue;
      if (table.shape !== undefined)
        for (const left of table.shape.select(bytes, part, (kind) => this.#wantsKind(kind)))
          yield { bytes: left, table };
      else if (this.#wantsKind(part.kind)) yield { bytes: bytes.subarray(part.at, part.end), table };
    }
  }

  /** Of an empty list, sequences move too. */
  #wantsKind(kind: PartKindCode): boolean {
    const { operations } = this.#asked;
    return operations.length === 0 || operations.some((operation) => PartKind[operation] === kind);
  }

  #wantsDdl(body: Buffer): boolean {
    const { tables, verb, defaultSchema } = decodeDdl(body);
    if (this.#tables.isEmpty) return true;
    if (tables.length > 0) return tables.some((table) => this.#tables.matches(table));
    return schemaVerb.test(verb) && this.#tables.touchesSchema(defaultSchema);
  }

  #table(id: string): SeenTable | undefined {
    if (this.#seen.has(id)) return this.#seen.get(id);
    const version = this.#known(id);
    if (version === undefined)
      throw new DrcError('LOG_CORRUPT', 'The slice has rows of a table that it does not describe.');
    const table = this.wantsTable(`${version.schema}.${version.table}`) ? this.#seenAs(version) : undefined;
    this.#seen.set(id, table);
    return table;
  }

  #seenAs(version: TableVersion): SeenTable {
    const { partition } = this.#asked;
    const rules = this.#rules.filter(({ tables }) => tables.matches(`${version.schema}.${version.table}`));
    const shape =
      rules.length === 0 && partition === undefined
        ? undefined
        : new RowShape(version, {
            where: rules.flatMap(({ wish }) => wish.where ?? []),
            columns: rules.flatMap(({ wish }) => (wish.columns === undefined ? [] : [wish.columns])),
            partition,
          });
    const seen = shape?.version ?? version;
    return {
      announcement: Buffer.concat([schemaIdOf(seen), Buffer.from(canonicalTableVersion(seen), 'utf8')]),
      shape,
    };
  }
}
