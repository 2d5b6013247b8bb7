import { DrcError } from './errors.js';

/**
 * How far the copy of a table has come. `pending`: its rows have not begun to come · `done`: all have come · else the place behind the
 * last row that has: `key` as the store made it (base64url of bytes), and how many rows came.
 */
export type TableProgress = 'pending' | 'done' | { readonly key: string; readonly rows: number };

/** What a reader has of the rows that were there before its stream began. Immutable. */
export class SnapshotProgress {
  readonly #tables: ReadonlyMap<string, TableProgress>;
  /** Whether the store has said which tables are copied. Before that it may be any. */
  readonly isPlanned: boolean;

  constructor(tables: Iterable<readonly [table: string, progress: TableProgress]> = [], isPlanned = true) {
    this.#tables = new Map(tables);
    this.isPlanned = isPlanned;
  }

  /** Of a reader that wants tables copied, and does not know yet which. */
  static wanted(): SnapshotProgress {
    return new SnapshotProgress([], false);
  }

  /** `schema.table` of all tables that are copied or to be copied, in the order in which they were asked for. */
  get tables(): ReadonlyMap<string, TableProgress> {
    return this.#tables;
  }

  /** Whether all tables are done. */
  get isComplete(): boolean {
    return this.isPlanned && [...this.#tables.values()].every((progress) => progress === 'done');
  }

  /** Undefined for a table that nobody asked to be copied. */
  of(table: string): TableProgress | undefined {
    return this.#tables.get(table);
  }

  /** Whether rows of the table may still come. */
  isCopying(table: string): boolean {
    const progress = this.#tables.get(table);
    return progress === undefined ? !this.isPlanned : progress !== 'done';
  }

  with(table: string, progress: TableProgress): SnapshotProgress {
    return new SnapshotProgress([...this.#tables, [table, progress]], this.isPlanned);
  }

  /** These tables are to be copied, too; those that are known stay as they are. */
  plan(tables: readonly string[]): SnapshotProgress {
    const added = tables.filter((table) => !this.#tables.has(table));
    return new SnapshotProgress([...this.#tables, ...added.map((table) => [table, 'pending'] as const)]);
  }

  /** For JSON: `[table, 0]` pending, `[table, 1]` done, `[table, key, rows]`; null where nothing is planned yet. */
  toJSON(): readonly (readonly [string, ...(string | number)[]])[] | null {
    if (!this.isPlanned) return null;
    return Array.from(this.#tables, ([table, progress]) => {
      if (progress === 'pending') return [table, 0];
      return progress === 'done' ? [table, 1] : [table, progress.key, progress.rows];
    });
  }

  /** @throws DrcError `CHECKPOINT_INVALID` */
  static fromJSON(value: unknown): SnapshotProgress {
    if (value === null) return SnapshotProgress.wanted();
    if (!Array.isArray(value)) throw malformed();
    return new SnapshotProgress(value.map(entryOf));
  }
}

function entryOf(entry: unknown): [string, TableProgress] {
  if (!Array.isArray(entry) || typeof entry[0] !== 'string') throw malformed();
  const [table, state, rows] = entry as [string, unknown, unknown];
  if (entry.length === 2 && state === 0) return [table, 'pending'];
  if (entry.length === 2 && state === 1) return [table, 'done'];
  if (entry.length !== 3 || typeof state !== 'string' || !Number.isSafeInteger(rows)) throw malformed();
  return [table, { key: state, rows: rows as number }];
}

const malformed = (): DrcError =>
  new DrcError('CHECKPOINT_INVALID', 'The checkpoint cannot be read: its snapshot is malformed.');
