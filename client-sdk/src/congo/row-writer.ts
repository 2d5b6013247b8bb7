import type { Row } from '@drc/protocol';
import type { UpdateChange } from '../index.js';
import { letsKeysAct, type WritableChange } from './mapped-change.js';
import type { MatchedColumn } from './matched-column.js';
import { missing, rowBytes, RowStatements, statementSizes } from './row-statements.js';
import type { Target } from './target.js';
import type { TableMatch } from './target-table.js';

/** Consecutive rows that go in as few statements as possible. */
interface Run {
  readonly match: TableMatch;
  readonly kind: 'insert' | 'delete';
  readonly columns: readonly MatchedColumn[];
  readonly foreignKeyChecks: boolean;
  readonly uniqueChecks: boolean;
  readonly rows: Row[];
  bytes: number;
}

export interface WrittenRows {
  insert: number;
  update: number;
  delete: number;
  /** Inserts that met a row: it was overwritten (where it differed), or kept. */
  overwritten: number;
  kept: number;
  /** Updates and deletes that met no row: it was inserted, or they were left out. */
  restored: number;
  ignored: number;
}

export const noRows = (): WrittenRows => ({
  insert: 0,
  update: 0,
  delete: 0,
  overwritten: 0,
  kept: 0,
  restored: 0,
  ignored: 0,
});

/**
 * Writes row changes in exactly the order given. A run of inserts into one table, or of deletes from it, goes in
 * multi-row statements; while one is under way the next is gathered. Holds at most two runs, each of up to
 * `maxStatementBytes` or one row. A failure is thrown by the next call.
 */
export class RowWriter {
  readonly #target: Target;
  /** Rows sent; whether they are committed is the caller's affair. */
  readonly #written: WrittenRows;
  readonly #statements: RowStatements;
  /**
   * From so many rows of the target transaction on each goes in a statement of its own, so that one that is refused can
   * be named.
   */
  singlyFrom: number;
  /** Rows of the target transaction before the statement of several rows that failed; undefined where none has. */
  failedAt: number | undefined;
  #run: Run | undefined;
  /** What is under way: one thing at a time, since warnings are asked for behind each statement. */
  #sending: Promise<void> = Promise.resolve();

  /** @param written of the target transaction that is open */
  constructor(target: Target, written: WrittenRows, singlyFrom = Number.POSITIVE_INFINITY) {
    this.#target = target;
    this.#written = written;
    this.singlyFrom = singlyFrom;
    this.#statements = new RowStatements(target);
  }

  async write(match: TableMatch, change: WritableChange): Promise<void> {
    if (change.kind === 'update') {
      await this.#release();
      await this.#begin(() => this.#update(match, change));
      return;
    }
    const row = change.kind === 'insert' ? change.after : change.before;
    const columns = change.kind === 'insert' ? presentColumns(match, row) : match.lookup;
    const bytes = rowBytes(row, columns);
    let run = this.#run;
    if (run && (run.bytes + bytes > this.#statements.maxBytes || !continues(run, match, change, columns))) {
      await this.#release();
      run = undefined;
    }
    if (!run) {
      const { kind, uniqueChecks } = change;
      const foreignKeyChecks = letsKeysAct(change);
      run = { match, kind, columns, foreignKeyChecks, uniqueChecks, rows: [], bytes: 0 };
      this.#run = run;
    }
    run.rows.push(row);
    run.bytes += bytes;
    if (run.rows.length >= statementSizes[0]) await this.#release();
  }

  /** Sends what is held, and waits until all is written. */
  async flush(): Promise<void> {
    await this.#release();
    await this.#sending;
  }

  async #release(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    await this.#begin(() => this.#writeRun(run));
  }

  /** Begins `work` once what is under way has ended well. */
  async #begin(work: () => Promise<void>): Promise<void> {
    await this.#sending;
    this.#sending = work();
    this.#sending.catch(() => undefined);
  }

  async #writeRun(run: Run): Promise<void> {
    await this.#target.setChecks(run.foreignKeyChecks, run.uniqueChecks);
    const { rows } = run;
    const most = this.#statements.maxRows(run.kind, run.match, run.columns);
    for (let at = 0; at < rows.length; ) {
      const limit = this.#rowsWritten >= this.singlyFrom ? 1 : Math.min(most, rows.length - at);
      const size = statementSizes.find((candidate) => candidate <= limit) ?? 1;
      const part = size === rows.length ? rows : rows.slice(at, at + size);
      try {
        if (run.kind === 'insert') await this.#insert(run, part);
        else await this.#delete(run, part);
      } catch (error) {
        if (size > 1) this.failedAt = this.#rowsWritten;
        throw error;
      }
      at += size;
    }
  }

  async #insert({ match, columns }: Run, rows: readonly Row[]): Promise<void> {
    const { onDuplicate } = match.policies;
    if (onDuplicate === 'overwrite' && !match.soleKey) {
      for (const row of rows) await this.#put(match, columns, row);
      return;
    }
    const found = await this.#statements.insert(match, onDuplicate, columns, rows);
    // A row that was there counts twice where it is overwritten with another content, not at all where it is kept.
    const met = onDuplicate === 'keep' ? rows.length - found : Math.max(0, found - rows.length);
    if (onDuplicate === 'keep') this.#written.kept += met;
    else this.#written.overwritten += met;
    this.#written.insert += rows.length - met;
  }

  /** Where other keys could be met: the row that has this key, and no other, is overwritten. */
  async #put(match: TableMatch, columns: readonly MatchedColumn[], row: Row): Promise<void> {
    const found = await this.#statements.update(match, columns, row, row);
    if (found > 0) {
      this.#written.overwritten += 1;
      return;
    }
    await this.#statements.insert(match, 'error', columns, [row]);
    this.#written.insert += 1;
  }

  async #delete({ match }: Run, rows: readonly Row[]): Promise<void> {
    const found = await this.#statements.delete(match, rows);
    if (found !== rows.length && match.policies.onMissingDelete === 'error')
      throw missing(match, 'a delete', rows, rows.length - found);
    this.#written.delete += found;
    this.#written.ignored += rows.length - found;
  }

  async #update(match: TableMatch, change: UpdateChange<string, Row>): Promise<void> {
    const { before, after } = change;
    const columns = presentColumns(match, after);
    // Only generated columns have changed: the target computes them itself.
    if (columns.length === 0) return;
    await this.#target.setChecks(letsKeysAct(change), change.uniqueChecks);
    const found = await this.#statements.update(match, columns, before, after);
    if (found === 1) this.#written.update += 1;
    else await this.#missed(match, change);
  }

  async #missed(match: TableMatch, { before, after }: UpdateChange<string, Row>): Promise<void> {
    switch (match.policies.onMissingUpdate) {
      case 'error':
        throw missing(match, 'an update', [before], 1);
      case 'ignore':
        this.#written.ignored += 1;
        return;
      case 'insert': {
        // What the image after lacks has not changed.
        const row = { ...before, ...after };
        const columns = presentColumns(match, row);
        await this.#statements.insert(match, 'error', columns, [row]);
        this.#written.restored += 1;
      }
    }
  }

  get #rowsWritten(): number {
    return Object.values<number>({ ...this.#written }).reduce((sum, rows) => sum + rows, 0);
  }
}

const continues = (
  run: Run,
  match: TableMatch,
  change: WritableChange,
  columns: readonly MatchedColumn[],
): boolean =>
  run.match === match &&
  run.kind === change.kind &&
  (run.columns === columns ||
    (run.columns.length === columns.length && run.columns.every((column, i) => column === columns[i]))) &&
  run.foreignKeyChecks === letsKeysAct(change) &&
  run.uniqueChecks === change.uniqueChecks;

/** A column that the row image does not have is not written: absent is not NULL. */
const presentColumns = (match: TableMatch, row: Row): readonly MatchedColumn[] =>
  match.written.every((column) => Object.hasOwn(row, column.source.name))
    ? match.written
    : match.written.filter((column) => Object.hasOwn(row, column.source.name));
