import { DrcError, type Row } from '@drc/protocol';
import type { MatchedColumn } from './matched-column.js';
import type { RowPolicies } from './mapped-change.js';
import {
  type Bound,
  bind,
  countSql,
  deleteSql,
  insertSql,
  keepSql,
  putSql,
  updateSql,
} from './statements.js';
import { nameOf } from './table-name.js';
import type { TableMatch } from './target-table.js';
import { rowNumber, type Target, type Warning } from './target.js';
import { mustFit } from './value-fit.js';

/** Rows a multi-row statement may have: few sizes, so that the prepared statements are used again. */
export const statementSizes = [256, 128, 64, 32, 16, 8, 4, 2, 1] as const;
/** The protocol allows 65,535 parameters a statement. */
const maxParameters = 65_535;
/** A statement of several rows has at most so many bytes, and at most a quarter of what the server takes. */
const maxStatementBytes = 4 * 1024 * 1024;
/** What a statement has beside its values, at most: names, types, lengths. */
const statementOverheadBytes = 64 * 1024;
/** How much of a key an error shows, characters. */
const maxKeyText = 200;

/**
 * Statements that write rows of one table, and what the target says of them. Each answers how many rows it met.
 * @throws DrcError as `Target.write`, naming the table and the keys.
 */
export class RowStatements {
  readonly #target: Target;
  /** How many bytes of values a statement of several rows may have. */
  readonly maxBytes: number;
  /** Statements over all columns, by size: their text is long, and the same each time. */
  readonly #texts = new WeakMap<TableMatch, Map<string, string>>();

  constructor(target: Target) {
    this.#target = target;
    this.maxBytes = Math.min(maxStatementBytes, target.maxPacketBytes / 4);
  }

  /** How many rows of so many columns one statement may have. A key must find each row: without one it is one. */
  maxRows(kind: 'insert' | 'delete', match: TableMatch, columns: readonly MatchedColumn[]): number {
    if (kind === 'delete' && !match.keyed) return 1;
    return Math.floor(maxParameters / Math.max(1, columns.length));
  }

  /** Rows by statements. */
  *parts(
    kind: 'insert' | 'delete',
    match: TableMatch,
    columns: readonly MatchedColumn[],
    rows: readonly Row[],
  ): Generator<readonly Row[]> {
    const most = Math.min(statementSizes[0], this.maxRows(kind, match, columns));
    for (let at = 0; at < rows.length; ) {
      let fit = 0;
      for (let bytes = 0; at + fit < rows.length && fit < most; fit += 1) {
        bytes += rowBytes(rows[at + fit]!, columns);
        if (bytes > this.maxBytes) break;
      }
      const size = statementSizes.find((candidate) => candidate <= fit) ?? 1;
      yield rows.slice(at, at + size);
      at += size;
    }
  }

  async insert(
    match: TableMatch,
    onDuplicate: RowPolicies['onDuplicate'],
    columns: readonly MatchedColumn[],
    rows: readonly Row[],
  ): Promise<number> {
    const makeSql = { error: insertSql, overwrite: putSql, keep: keepSql }[onDuplicate];
    const make = (): string => makeSql(match, columns, rows.length);
    const sql = columns === match.written ? this.#text(match, `${onDuplicate} ${rows.length}`, make) : make();
    return this.#send(match, sql, rows, () => {
      const values: Bound[] = [];
      for (let index = 0; index < rows.length; index += 1)
        pushValues(values, rows[index]!, columns, index + 1);
      return values;
    });
  }

  async delete(match: TableMatch, rows: readonly Row[]): Promise<number> {
    const sql = this.#text(match, `delete ${rows.length}`, () => deleteSql(match, rows.length));
    const lookup: Bound[] = [];
    for (const row of rows) pushLookup(lookup, row, match);
    return this.#send(match, sql, rows, () => lookup);
  }

  /** @param columns of `after`, which are set */
  async update(
    match: TableMatch,
    columns: readonly MatchedColumn[],
    before: Row,
    after: Row,
  ): Promise<number> {
    const make = (): string => updateSql(match, columns);
    const sql = columns === match.written ? this.#text(match, 'update', make) : make();
    const lookup: Bound[] = [];
    pushLookup(lookup, before, match);
    return this.#send(match, sql, [after], () => {
      const values: Bound[] = [];
      pushValues(values, after, columns, 1);
      values.push(...lookup);
      return values;
    });
  }

  /** How many of the rows are there, found by their key. */
  async count(match: TableMatch, rows: readonly Row[]): Promise<number> {
    const values: Bound[] = [];
    for (const row of rows) pushLookup(values, row, match);
    const sql = this.#text(match, `count ${rows.length}`, () => countSql(match, rows.length));
    const [found] = await this.#target.execute<{ count: number | string }[]>(sql, values);
    return Number(found?.count);
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
    bound: () => readonly Bound[],
  ): Promise<number> {
    try {
      const values = bound();
      if (rows.length === 1) this.#assertFits(values);
      return await this.#target.write(
        sql,
        values,
        (warning) => isEnumErrorValue(warning, match, rows) || isKept(warning, match),
      );
    } catch (error) {
      if (!(error instanceof DrcError)) throw error;
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

/** @param number of the row within its statement, from 1 */
function pushValues(values: Bound[], row: Row, columns: readonly MatchedColumn[], number: number): void {
  for (const column of columns) {
    const value = row[column.source.name]!;
    mustFit(value, column, number);
    values.push(bind(value, column));
  }
}

function pushLookup(values: Bound[], row: Row, match: TableMatch): void {
  for (const column of match.lookup) {
    const { name } = column.source;
    if (!Object.hasOwn(row, name)) {
      throw new DrcError(
        'TARGET_REFUSED',
        `${nameOf(match.target)}: the row image lacks column '${name}', which finds the row. Set binlog_row_image=FULL on the source.`,
        { table: nameOf(match.target), column: name },
      );
    }
    values.push(bind(row[name]!, column));
  }
}

/** At least what the row's values take, for limits only; a missing value is nothing. */
export function rowBytes(row: Row, columns: readonly MatchedColumn[]): number {
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

export function missing(match: TableMatch, kind: string, rows: readonly Row[], count: number): DrcError {
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
