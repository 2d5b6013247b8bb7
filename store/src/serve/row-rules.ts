import {
  DrcError,
  isDrcError,
  type Access,
  type Partition,
  type RowRule,
  type TableVersion,
} from '@drc/protocol';
import { columnMatcher, columnsNamed } from './column-wish.js';
import { RowFilter } from './row-filter.js';
import { TablePatterns } from './table-patterns.js';

interface Rule {
  readonly patterns: TablePatterns;
  readonly where: string | undefined;
  readonly columns: readonly string[] | undefined;
  /** All columns that it uses. */
  readonly used: readonly string[];
}

export interface RowRulesOptions {
  readonly rules: readonly RowRule[];
  readonly partition: Partition | undefined;
  /** The key of hashed columns; undefined: the store has none. */
  readonly hashKey: Buffer | undefined;
}

/** What a client asks for of rows and columns, to be ANDed with its access to each table. */
export class RowRules {
  readonly #rules: readonly Rule[];
  readonly #options: RowRulesOptions;

  /** @throws DrcError `PROTOCOL_VIOLATION` for a pattern outside the limits, `CONDITION_INVALID`. */
  constructor(options: RowRulesOptions) {
    this.#options = options;
    this.#rules = options.rules.map(({ tables, where, columns }) => ({
      patterns: new TablePatterns(tables),
      where,
      columns,
      used: [...(where === undefined ? [] : columnsNamed(where)), ...(columns ?? [])],
    }));
  }

  /** The tables named without a glob. */
  get namedTables(): readonly string[] {
    return this.#rules.flatMap(({ patterns }) => patterns.names);
  }

  /** Whether the reader's own wish keeps rows or columns back, of whatever table. */
  get isEmpty(): boolean {
    return this.#rules.length === 0 && this.#options.partition === undefined;
  }

  /** @throws DrcError `FORBIDDEN` where a rule for this table uses a column that the reader may not read in clear */
  mustBeReadable(table: string, access: Access): void {
    this.#mustBeClear(
      table,
      access,
      this.#rulesOf(table).flatMap(({ used }) => used),
    );
  }

  /**
   * What a table version is to the reader; undefined where it has all of it.
   * @throws DrcError `FORBIDDEN`, naming table and column, or with the reason `noHashKey`; `CONDITION_INVALID` where a
   *   condition cannot be asked of this version, or a wanted column is not there
   */
  filterOf(version: TableVersion, access: Access): RowFilter | undefined {
    const table = `${version.schema}.${version.table}`;
    const rules = this.#rulesOf(table);
    const { partition, hashKey } = this.#options;
    const { anyOf, drop, hash } = access;
    const isWhole = anyOf.length === 0 && drop.length === 0 && hash.length === 0;
    if (isWhole && rules.length === 0 && partition === undefined) return undefined;
    this.#mustBeClear(
      table,
      access,
      rules.flatMap(({ used }) => used),
    );
    if (partition !== undefined) {
      this.#mustBeClear(
        table,
        access,
        version.primaryKey.map((column) => version.columns[column]!.name),
      );
    }
    if (hash.length > 0) mustHaveKey(hashKey);
    const lists = rules.flatMap(({ columns }) => (columns === undefined ? [] : [columns]));
    for (const name of lists.flat()) mustExist(version, table, name);
    const wanted = lists.map((names) => new Set(names.map((name) => name.toLowerCase())));
    const dropped = columnMatcher(drop);
    const hashed = columnMatcher(hash);
    try {
      return new RowFilter(version, {
        where: rules.flatMap(({ where }) => where ?? []),
        anyOf,
        columns: (name) => !dropped(name) && wanted.every((names) => names.has(name.toLowerCase())),
        partition,
        ...(hash.length === 0 || hashKey === undefined ? {} : { hash: { of: hashed, key: hashKey } }),
      });
    } catch (error) {
      if (!isDrcError(error, 'CONDITION_INVALID')) throw error;
      const details = { ...error.details, table };
      throw new DrcError('CONDITION_INVALID', `${table}: ${error.message}`, details, { cause: error });
    }
  }

  #rulesOf(table: string): readonly Rule[] {
    return this.#rules.filter(({ patterns }) => patterns.matches(table));
  }

  /** What it asks of a hidden column would tell what is in it. */
  #mustBeClear(table: string, { drop, hash }: Access, columns: readonly string[]): void {
    const isHidden = columnMatcher([...drop, ...hash]);
    const column = columns.find(isHidden);
    if (column === undefined) return;
    throw new DrcError('FORBIDDEN', `The column ${column} of ${table} may not be read in clear.`, {
      table,
      column,
    });
  }
}

/** @throws DrcError `FORBIDDEN` */
export function mustHaveKey(hashKey: Buffer | undefined): void {
  if (hashKey !== undefined) return;
  throw new DrcError(
    'FORBIDDEN',
    'The grant hashes columns, and this store has no key for it (columnHashKeyFile).',
    { reason: 'noHashKey' },
  );
}

function mustExist(version: TableVersion, table: string, column: string): void {
  if (version.columns.some(({ name }) => name.toLowerCase() === column.toLowerCase())) return;
  throw new DrcError('CONDITION_INVALID', `${table} has no column ${column}, which was asked for.`, {
    table,
    column,
  });
}
