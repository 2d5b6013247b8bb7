import { DrcError, type Row } from '@drc/protocol';
import type { UpdateChange } from '../index.js';
import type { WritableChange } from './mapped-change.js';
import { type Bound, bind, deleteSql, insertSql, keepSql, putSql, updateSql } from './statements.js';
import { rowNumber, type Target, type Warning } from './target.js';
import type { MatchedColumn } from './matched-column.js';
import { nameOf } from './table-name.js';
import type { TableMatch } from './target-table.js';
import { mustFit } from './value-fit.js';

/** Rows a multi-row statement may have: few sizes, so that the prepared statements are used again. */
const statementSizes = [256, 128, 64, 32, 16, 8, 4, 2, 1] as const;
/** The protocol allows 65,535 parameters a statement. */
const maxParameters = 65_535;
/** A statement of several rows has at most so many bytes, and at most a quarter of what the server takes. */
const maxStatementBytes = 4 * 1024 * 1024;
/** What a statement has beside its values, at most: names, types, lengths. */
const statementOverheadBytes = 64 * 1024;
/** How much of a key an error shows, characters. */
const maxKeyText = 200;

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
  readonly #runBytes: number;
  /**
   * From so many rows of the target transaction on each goes in a statement of its own, so that one that is refused can
   * be named.
   */
  singlyFrom: number;
  /** Rows of the target transaction before the statement of several rows that failed; undefined where none has. */
  failedAt: number | undefined;
  /** Statements over all columns, by size: their text is long, and the same each time. */
  readonly #texts = new WeakMap<TableMatch, Map<string, string>>();
  #run: Run | undefined;
  /** What is under way: one thing at a time, since warnings are asked for behind each statement. */
  #sending: Promise<void> = Promise.resolve();

  /** @param written of the target transaction that is open */
  constructor(target: Target, written: WrittenRows, singlyFrom = Number.POSITIVE_INFINITY) {
    this.#target = target;
    this.#written = written;
    this.singlyFrom = singlyFrom;
    this.#runBytes = Math.min(maxStatementBytes, target.maxPacketBytes / 4);
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
    if (run && (run.bytes + bytes > this.#runBytes || !continues(run, match, change, columns))) {
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
    const width = Math.max(1, run.columns.length);
    // Without a key two equal rows would be found by one condition.
    const most = run.kind === 'delete' && !run.match.keyed ? 1 : Math.floor(maxParameters / width);
    for (let at = 0; at < rows.length; ) {
      const limit = this.#rowsWritten >= this.singlyFrom ? 1 : Math.min(most, rows.length - at);
      const size = statementSizes.find((candidate) => candidate <= limit) ?? 1;
      const part = size === rows.length ? rows : rows.slice(at, at + size);
      if (run.kind === 'insert') await this.#insert(run, part);
      else await this.#delete(run, part);
      at += size;
    }
  }

  async #insert({ match, columns }: Run, rows: readonly Row[]): Promise<void> {
    const { onDuplicate } = match.policies;
    if (onDuplicate === 'overwrite' && !match.soleKey) {
      for (const row of rows) await this.#put(match, columns, row);
      return;
    }
    const makeSql = { error: insertSql, overwrite: putSql, keep: keepSql }[onDuplicate];
    const make = (): string => makeSql(match, columns, rows.length);
    const sql = columns === match.written ? this.#text(match, `${onDuplicate} ${rows.length}`, make) : make();
    const found = await this.#send(match, sql, rows, (values) => {
      rows.forEach((row, index) => pushValues(values, row, columns, index + 1));
    });
    // A row that was there counts twice where it is overwritten with another content, not at all where it is kept.
    const met = onDuplicate === 'keep' ? rows.length - found : Math.max(0, found - rows.length);
    if (onDuplicate === 'keep') this.#written.kept += met;
    else this.#written.overwritten += met;
    this.#written.insert += rows.length - met;
  }

  /** Where other keys could be met: the row that has this key, and no other, is overwritten. */
  async #put(match: TableMatch, columns: readonly MatchedColumn[], row: Row): Promise<void> {
    const lookup = lookupValues(row, match);
    const found = await this.#send(match, updateSql(match, columns), [row], (values) => {
      pushValues(values, row, columns, 1);
      values.push(...lookup);
    });
    if (found > 0) {
      this.#written.overwritten += 1;
      return;
    }
    await this.#send(match, insertSql(match, columns, 1), [row], (values) =>
      pushValues(values, row, columns, 1),
    );
    this.#written.insert += 1;
  }

  async #delete({ match }: Run, rows: readonly Row[]): Promise<void> {
    const sql = this.#text(match, `delete ${rows.length}`, () => deleteSql(match, rows.length));
    const lookup = rows.flatMap((row) => lookupValues(row, match));
    const found = await this.#send(match, sql, rows, (values) => values.push(...lookup));
    if (found !== rows.length && match.policies.onMissingDelete === 'error') {
      if (rows.length > 1) this.failedAt = this.#rowsWritten;
      throw missing(match, 'a delete', rows, rows.length - found);
    }
    this.#written.delete += found;
    this.#written.ignored += rows.length - found;
  }

  async #update(match: TableMatch, change: UpdateChange<string, Row>): Promise<void> {
    const { before, after } = change;
    const columns = presentColumns(match, after);
    // Only generated columns have changed: the target computes them itself.
    if (columns.length === 0) return;
    await this.#target.setChecks(letsKeysAct(change), change.uniqueChecks);
    const sql =
      columns === match.written
        ? this.#text(match, 'update', () => updateSql(match, columns))
        : updateSql(match, columns);
    const lookup = lookupValues(before, match);
    const found = await this.#send(match, sql, [after], (values) => {
      pushValues(values, after, columns, 1);
      values.push(...lookup);
    });
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
        await this.#send(match, insertSql(match, columns, 1), [row], (values) =>
          pushValues(values, row, columns, 1),
        );
        this.#written.restored += 1;
      }
    }
  }

  get #rowsWritten(): number {
    return Object.values<number>({ ...this.#written }).reduce((sum, rows) => sum + rows, 0);
  }

  #text(match: TableMatch, name: string, make: () => string): string {
    let texts = this.#texts.get(match);
    if (!texts) this.#texts.set(match, (texts = new Map<string, string>()));
    let text = texts.get(name);
    if (text === undefined) texts.set(name, (text = make()));
    return text;
  }

  async #send(
    match: TableMatch,
    sql: string,
    rows: readonly Row[],
    push: (values: Bound[]) => unknown,
  ): Promise<number> {
    try {
      const values: Bound[] = [];
      push(values);
      if (rows.length === 1) this.#assertFits(values);
      return await this.#target.write(
        sql,
        values,
        (warning) => isEnumErrorValue(warning, match, rows) || isKept(warning, match),
      );
    } catch (error) {
      if (!(error instanceof DrcError)) throw error;
      if (rows.length > 1) this.failedAt = this.#rowsWritten;
      const table = nameOf(match.target);
      const { row, ...others } = error.details;
      const key = keyText(match, rowAt(row, rows));
      const message = `${table}, ${keyNamed(key)}: ${error.message}`;
      throw new DrcError(error.code, message, { ...others, table, key }, { cause: error.cause });
    }
  }

  /** The server would end the connection in the middle of the row, and so would each further attempt. */
  #assertFits(values: readonly Bound[]): void {
    const limit = this.#target.maxPacketBytes;
    const atMost = values.reduce<number>((sum, value) => sum + valueBytes(value), statementOverheadBytes);
    if (atMost <= limit) return;
    const bytes = values.reduce<number>((sum, value) => sum + exactBytes(value), 0);
    if (bytes + statementOverheadBytes <= limit) return;
    throw new DrcError(
      'TARGET_CONFIG',
      `A row needs a statement of ${bytes} bytes, and the target's max_allowed_packet is ${limit}. Run SET GLOBAL max_allowed_packet = ${roundUp(bytes)}.`,
      { bytes, maxAllowedPacket: limit },
    );
  }
}

/** Foreign keys act as they did for the source, unless what they did comes by itself. */
const letsKeysAct = ({ foreignKeyChecks, hasCascades }: WritableChange): boolean =>
  foreignKeyChecks && hasCascades !== true;

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

/** @param number of the row within its statement, from 1 */
function pushValues(values: Bound[], row: Row, columns: readonly MatchedColumn[], number: number): void {
  for (const column of columns) {
    const value = row[column.source.name]!;
    mustFit(value, column, number);
    values.push(bind(value, column));
  }
}

function lookupValues(row: Row, match: TableMatch): Bound[] {
  return match.lookup.map((column) => {
    const { name } = column.source;
    if (!Object.hasOwn(row, name)) {
      throw new DrcError(
        'TARGET_REFUSED',
        `${nameOf(match.target)}: the row image lacks column '${name}', which finds the row. Set binlog_row_image=FULL on the source.`,
        { table: nameOf(match.target), column: name },
      );
    }
    return bind(row[name]!, column);
  });
}

/** At least what the row's values take, for limits only; a missing value is nothing. */
function rowBytes(row: Row, columns: readonly MatchedColumn[]): number {
  let bytes = 0;
  for (const { source } of columns) {
    const value = row[source.name];
    bytes += value instanceof Float32Array ? value.byteLength : valueBytes(value);
  }
  return bytes;
}

/** At most, and quickly: a UTF-16 unit is up to three bytes of UTF-8. */
const valueBytes = (value: Bound | bigint | undefined): number =>
  typeof value === 'string' ? 9 + 3 * value.length : Buffer.isBuffer(value) ? 9 + value.length : 24;

const exactBytes = (value: Bound): number =>
  typeof value === 'string' ? 9 + Buffer.byteLength(value) : valueBytes(value);

/** To whole MiB, with room for the names: the servers take multiples of 1,024. */
const roundUp = (bytes: number): number =>
  Math.ceil((bytes + statementOverheadBytes) / 1_048_576) * 1_048_576;

/** 1265 "Data truncated" is how the servers store ENUM's error value, which the source has too. */
const isEnumErrorValue = (warning: Warning, match: TableMatch, rows: readonly Row[]): boolean =>
  warning.Code === 1265 &&
  match.written.some(
    ({ source, target }) =>
      source.type === 'enum' &&
      target.dataType === 'enum' &&
      warning.Message.includes(`'${target.name}'`) &&
      rowOf(warning, rows).some((row) => row[source.name] === ''),
  );

/** 1062: INSERT IGNORE met a row, which is kept. */
const isKept = (warning: Warning, match: TableMatch): boolean =>
  warning.Code === 1062 && match.policies.onDuplicate === 'keep';

/** The row that a warning speaks of, else all. */
const rowOf = (warning: Warning, rows: readonly Row[]): readonly Row[] => rowAt(rowNumber(warning), rows);

function rowAt(number: unknown, rows: readonly Row[]): readonly Row[] {
  const row = typeof number === 'number' ? rows[number - 1] : undefined;
  return row === undefined ? rows : [row];
}

/** The keys of the first and the last row; of a table without a key nothing, a whole row is too much to show. */
function keyText(match: TableMatch, rows: readonly Row[]): string | undefined {
  if (!match.keyed) return undefined;
  const text = (row: Row): string =>
    match.lookup
      .map(({ source }) => shown(row[source.name]))
      .join(', ')
      .slice(0, maxKeyText);
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  return rows.length === 1 ? text(first) : `${text(first)} … ${text(last)}`;
}

const keyNamed = (key: string | undefined): string => (key === undefined ? 'which has no key' : `key ${key}`);

const shown = (value: Row[string] | undefined): string =>
  Buffer.isBuffer(value) ? `0x${value.toString('hex', 0, 32)}` : String(value);

function missing(match: TableMatch, kind: string, rows: readonly Row[], count: number): DrcError {
  const table = nameOf(match.target);
  const key = keyText(match, rows);
  return new DrcError(
    'ROW_MISSING',
    rows.length === 1
      ? `${table}, ${keyNamed(key)}: the row of ${kind} is not on the target.`
      : `${table}, ${keyNamed(key)}: ${count} of the ${rows.length} rows of ${kind} are not on the target.`,
    { table, key, rows: count },
  );
}
