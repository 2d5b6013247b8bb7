import type { LearnedColumn } from './row-transcoder.js';

/** What INFORMATION_SCHEMA says of a table's columns, by name; undefined where it does not know the table. */
export type ColumnLookup = (
  schema: string,
  table: string,
) => Promise<ReadonlyMap<string, LearnedColumn> | undefined>;

/**
 * Column types that the binlog does not tell, asked for once and kept until a DDL names the table.
 * Law: only what the source said is kept; a table that it does not know is asked for again.
 */
export class LearnedTypes {
  readonly #lookUp: ColumnLookup;
  readonly #known = new Map<string, ReadonlyMap<string, LearnedColumn>>();

  constructor(lookUp: ColumnLookup) {
    this.#lookUp = lookUp;
  }

  async of(schema: string, table: string): Promise<ReadonlyMap<string, LearnedColumn> | undefined> {
    const name = `${schema}.${table}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const learned = await this.#lookUp(schema, table);
    if (learned !== undefined) this.#known.set(name, learned);
    return learned;
  }

  /** @param name `schema.table` */
  forget(name: string): void {
    this.#known.delete(name);
  }

  /** A statement such as DROP DATABASE concerns tables that it does not name. */
  forgetAll(): void {
    this.#known.clear();
  }
}
