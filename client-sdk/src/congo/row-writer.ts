import { DrcError, type Row } from '@drc/protocol';
import type { DeleteChange, InsertChange, UpdateChange } from '../index.js';
import { type Bound, bind, deleteSql, insertSql, updateSql } from './statements.js';
import type { Target, Warning } from './target.js';
import type { MatchedColumn, TableMatch } from './target-table.js';

/** Rows a multi-row statement may have: few sizes, so that the prepared statements are used again. */
const statementSizes = [256, 64, 16, 4, 1] as const;
/** The protocol allows 65,535 parameters a statement. */
const maxParameters = 65_535;
/** A statement stays far below the servers' default `max_allowed_packet` (16 MiB); one larger row goes alone. */
const maxStatementBytes = 4 * 1024 * 1024;

/** A change of rows, as it is written. */
export type WritableChange =
  | InsertChange<string, Row>
  | UpdateChange<string, Row>
  | DeleteChange<string, Row>;

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
}

/**
 * Writes row changes in exactly the order given. A run of inserts into one table, or of deletes from it, goes in
 * multi-row statements; holds at most one run, of up to `maxStatementBytes` and one row.
 */
export class RowWriter {
  readonly #target: Target;
  readonly #written: WrittenRows;
  #run: Run | undefined;

  constructor(target: Target, written: WrittenRows) {
    this.#target = target;
    this.#written = written;
  }

  async write(match: TableMatch, change: WritableChange): Promise<void> {
    if (change.kind === 'update') {
      await this.flush();
      await this.#update(match, change);
      return;
    }
    const row = change.kind === 'insert' ? change.after : change.before;
    const columns = change.kind === 'insert' ? presentColumns(match, row) : match.written;
    const run = this.#run;
    if (!run || !continues(run, match, change, columns)) {
      await this.flush();
      this.#run = {
        match,
        kind: change.kind,
        columns,
        foreignKeyChecks: change.foreignKeyChecks,
        uniqueChecks: change.uniqueChecks,
        rows: [row],
        bytes: rowBytes(row),
      };
      return;
    }
    run.rows.push(row);
    run.bytes += rowBytes(row);
    if (run.rows.length >= statementSizes[0] || run.bytes >= maxStatementBytes) await this.flush();
  }

  /** Sends what is held. */
  async flush(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    await this.#target.setChecks(run.foreignKeyChecks, run.uniqueChecks);
    const width = Math.max(1, run.kind === 'insert' ? run.columns.length : run.match.lookup.length);
    const single = run.bytes >= maxStatementBytes || (run.kind === 'delete' && !run.match.keyed);
    for (let at = 0; at < run.rows.length; ) {
      const left = run.rows.length - at;
      const size = single ? 1 : statementSizes.find((rows) => rows <= left && rows * width <= maxParameters)!;
      const rows = run.rows.slice(at, at + size);
      if (run.kind === 'insert') await this.#insert(run, rows);
      else await this.#delete(run, rows);
      at += size;
    }
  }

  async #insert(run: Run, rows: readonly Row[]): Promise<void> {
    const values = rows.flatMap((row) => run.columns.map((column) => bind(row[column.source.name]!, column)));
    await this.#send(run.match, insertSql(run.match, run.columns, rows.length), values, rows);
    this.#written.insert += rows.length;
  }

  async #delete(run: Run, rows: readonly Row[]): Promise<void> {
    const values = rows.flatMap((row) => lookupValues(run.match, row));
    const found = await this.#send(run.match, deleteSql(run.match, rows.length), values, rows);
    if (found !== rows.length) throw missing(run.match, 'delete', rows.length - found);
    this.#written.delete += rows.length;
  }

  async #update(match: TableMatch, change: UpdateChange<string, Row>): Promise<void> {
    const after = change.after;
    const columns = presentColumns(match, after);
    if (columns.length === 0) return;
    await this.#target.setChecks(change.foreignKeyChecks, change.uniqueChecks);
    const values = [
      ...columns.map((column) => bind(after[column.source.name]!, column)),
      ...lookupValues(match, change.before),
    ];
    const found = await this.#send(match, updateSql(match, columns), values, [after]);
    if (found !== 1) throw missing(match, 'update', 1);
    this.#written.update += 1;
  }

  async #send(
    match: TableMatch,
    sql: string,
    values: readonly Bound[],
    rows: readonly Row[],
  ): Promise<number> {
    try {
      return await this.#target.write(sql, values, (warning) => isEnumErrorValue(warning, match, rows));
    } catch (error) {
      if (!(error instanceof DrcError)) throw error;
      const table = `${match.target.schema}.${match.target.table}`;
      throw new DrcError(
        error.code,
        `${table}: ${error.message}`,
        { ...error.details, table },
        { cause: error },
      );
    }
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
  run.columns.length === columns.length &&
  run.columns.every((column, index) => column === columns[index]) &&
  run.foreignKeyChecks === change.foreignKeyChecks &&
  run.uniqueChecks === change.uniqueChecks;

/** A column that the row image does not have is not written: absent is not NULL. */
const presentColumns = (match: TableMatch, row: Row): readonly MatchedColumn[] =>
  match.written.every((column) => Object.hasOwn(row, column.source.name))
    ? match.written
    : match.written.filter((column) => Object.hasOwn(row, column.source.name));

function lookupValues(match: TableMatch, row: Row): Bound[] {
  return match.lookup.map((column) => {
    if (Object.hasOwn(row, column.source.name)) return bind(row[column.source.name]!, column);
    throw new DrcError(
      'TARGET_REFUSED',
      `The row image lacks column '${column.source.name}', which finds the row on the target. Set binlog_row_image=FULL.`,
    );
  });
}

/** A rough measure, for limits only. */
function rowBytes(row: Row): number {
  let bytes = 0;
  for (const value of Object.values(row)) {
    bytes += typeof value === 'string' || Buffer.isBuffer(value) ? value.length + 2 : 9;
  }
  return bytes;
}

/** 1265 "Data truncated" is how the servers store ENUM's error value, which the source has too. */
const isEnumErrorValue = (warning: Warning, match: TableMatch, rows: readonly Row[]): boolean =>
  warning.Code === 1265 &&
  match.written.some(
    ({ source, target }) =>
      source.type === 'enum' &&
      target.dataType === 'enum' &&
      warning.Message.includes(`'${target.name}'`) &&
      rows.some((row) => row[source.name] === ''),
  );

const missing = (match: TableMatch, kind: string, rows: number): DrcError =>
  new DrcError(
    'ROW_MISSING',
    `${match.target.schema}.${match.target.table}: ${rows} row(s) of a ${kind} are not on the target.`,
    { table: `${match.target.schema}.${match.target.table}`, rows },
  );
