import { DrcError, type Row } from '@drc/protocol';
import type { MatchedColumn } from '../matched-column.js';
import { RowWriter, type WrittenRows } from '../row-writer.js';
import { RowStatements } from '../row-statements.js';
import { nameOf } from '../table-name.js';
import type { Target } from '../target.js';
import type { TableMatch } from '../target-table.js';
import type { BatchContent } from './batch.js';
import type { NetRows } from './net-changes.js';

/**
 * Writes batches to one session, in few statements. Each row is expected to be there, or not, as the source's changes tell; where one
 * is not, the batch fails as a whole, and whoever applies its changes one by one finds out which.
 */
export class BatchWriter {
  readonly #target: Target;
  readonly #written: WrittenRows;
  readonly #statements: RowStatements;
  readonly #onStatement: () => void | Promise<void>;

  /**
   * @param written of the target transaction that is open
   * @param onStatement after each statement
   */
  constructor(target: Target, written: WrittenRows, onStatement: () => void | Promise<void>) {
    this.#target = target;
    this.#written = written;
    this.#statements = new RowStatements(target);
    this.#onStatement = onStatement;
  }

  /** @throws DrcError as `RowStatements`; `ROW_MISSING` */
  async write({ waves, ordered }: BatchContent): Promise<void> {
    for (const wave of waves) {
      for (const rows of wave) await this.#delete(rows);
      for (const rows of wave) await this.#put(rows);
    }
    if (ordered.length === 0) return;
    const writer = new RowWriter(this.#target, this.#written);
    for (const { match, change } of ordered) await writer.write(match, change);
    await writer.flush();
    await this.#onStatement();
  }

  /** Before anything is inserted, so that keys are free. */
  async #delete({ match, deletes, updates, puts, dropped }: NetRows): Promise<void> {
    await this.#target.setChecks(true, true);
    await this.#each('delete', match, match.lookup, deletes, async (rows) => {
      const found = await this.#statements.delete(match, rows);
      if (found !== rows.length) throw unexpected(match, 'to be deleted', rows.length - found);
      this.#written.delete += found;
    });
    await this.#each('delete', match, match.lookup, dropped, async (rows) => {
      const found = await this.#statements.delete(match, rows);
      this.#written.delete += found;
      this.#written.ignored += rows.length - found;
    });
    if (match.soleKey || updates.length + puts.length === 0) return;
    // Of several unique keys a row must meet none: it goes, and comes again. Tables that the user may not see could refer to it.
    await this.#target.setChecks(false, true);
    const before = updates.map((update) => update.before);
    await this.#each('delete', match, match.lookup, before, async (rows) => {
      const found = await this.#statements.delete(match, rows);
      if (found !== rows.length) throw unexpected(match, 'to be updated', rows.length - found);
    });
    await this.#each('delete', match, match.lookup, puts, async (rows) => {
      const found = await this.#statements.delete(match, rows);
      this.#written.overwritten += found;
      this.#written.insert -= found;
    });
  }

  async #put({ match, updates, moves, inserts, puts }: NetRows): Promise<void> {
    await this.#target.setChecks(true, true);
    const { written } = match;
    const counts = this.#written;
    for (const { before, after } of moves) {
      if ((await this.#statements.update(match, written, before, after)) !== 1)
        throw unexpected(match, 'to be updated', 1);
      counts.update += 1;
      await this.#onStatement();
    }
    const insert = async (rows: readonly Row[]): Promise<void> => {
      await this.#statements.insert(match, 'error', written, rows);
    };
    if (match.soleKey) await this.#update(match, updates);
    else {
      const after = updates.map((update) => update.after);
      await this.#each('insert', match, written, after, async (rows) => {
        await insert(rows);
        counts.update += rows.length;
      });
    }
    await this.#each('insert', match, written, inserts, async (rows) => {
      await insert(rows);
      counts.insert += rows.length;
    });
    await this.#each('insert', match, written, puts, async (rows) => {
      counts.insert += rows.length;
      if (!match.soleKey) return insert(rows);
      // A row that was there counts twice where it is overwritten with another content.
      const met = Math.max(
        0,
        (await this.#statements.insert(match, 'overwrite', written, rows)) - rows.length,
      );
      counts.overwritten += met;
      counts.insert -= met;
    });
  }

  /** The statement that overwrites tells of each row whether it was there, as long as it changes each. */
  async #update(match: TableMatch, updates: NetRows['updates']): Promise<void> {
    const changing: Row[] = [];
    const equal: Row[] = [];
    for (const { before, after } of updates)
      (isEqual(before, after, match.written) ? equal : changing).push(after);
    await this.#each('insert', match, match.written, changing, async (rows) => {
      const found = await this.#statements.insert(match, 'overwrite', match.written, rows);
      if (found !== 2 * rows.length) throw unexpected(match, 'to be updated');
      this.#written.update += rows.length;
    });
    await this.#each('delete', match, match.lookup, equal, async (rows) => {
      const found = await this.#statements.count(match, rows);
      if (found !== rows.length) throw unexpected(match, 'to be updated', rows.length - found);
      this.#written.update += rows.length;
    });
  }

  async #each(
    kind: 'insert' | 'delete',
    match: TableMatch,
    columns: readonly MatchedColumn[],
    rows: readonly Row[],
    write: (rows: readonly Row[]) => Promise<void>,
  ): Promise<void> {
    for (const part of this.#statements.parts(kind, match, columns, rows)) {
      await write(part);
      await this.#onStatement();
    }
  }
}

function unexpected(match: TableMatch, what: string, count?: number): DrcError {
  const table = nameOf(match.target);
  return new DrcError(
    'ROW_MISSING',
    `${table}: ${count === undefined ? 'of the' : `${count} of the`} rows ${what} ${count === undefined ? 'not all are' : 'are not'} on the target.`,
    { table },
  );
}

/** Whether what is written of a row has not changed. */
function isEqual(before: Row, after: Row, columns: readonly MatchedColumn[]): boolean {
  for (const { source } of columns) {
    const one = before[source.name];
    const other = after[source.name];
    if (one === other) continue;
    if (!Buffer.isBuffer(one) || !Buffer.isBuffer(other) || !one.equals(other)) return false;
  }
  return true;
}
