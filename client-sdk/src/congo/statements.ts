import { escapeId } from 'mysql2';
import type { Value } from '@drc/protocol';
import type { MatchedColumn } from './matched-column.js';
import { collatedTypes } from './target-column.js';
import type { TableMatch } from './target-table.js';

/** A value as mysql2 binds it. 64-bit integers go as text: a JavaScript number would change them. */
export type Bound = string | number | Buffer | null;

/** Statements for one table match. All names are quoted, all values are bound. */
export const insertSql = (match: TableMatch, columns: readonly MatchedColumn[], rows: number): string => {
  const names = columns.map((column) => quote(column.target.name)).join(', ');
  const tuple = `(${columns.map(placeholder).join(', ')})`;
  return `INSERT INTO ${tableSql(match)} (${names}) VALUES ${Array<string>(rows).fill(tuple).join(', ')}`;
};

/** Rows whose key is there already overwrite it. Only where no other key could be met: the servers would change any row that has it. */
export const putSql = (match: TableMatch, columns: readonly MatchedColumn[], rows: number): string => {
  const names = columns.map((column) => quote(column.target.name));
  return `${insertSql(match, columns, rows)} ON DUPLICATE KEY UPDATE ${names.map((name) => `${name} = VALUES(${name})`).join(', ')}`;
};

/** Rows whose key is there already are left out, with a warning for each. */
export const keepSql = (match: TableMatch, columns: readonly MatchedColumn[], rows: number): string =>
  insertSql(match, columns, rows).replace('INSERT', 'INSERT IGNORE');

export const updateSql = (match: TableMatch, columns: readonly MatchedColumn[]): string => {
  const sets = columns.map((column) => `${quote(column.target.name)} = ${placeholder(column)}`);
  // A column that the image lacks has not changed: without this the target would put its own clock.
  for (const column of match.written) {
    const name = quote(column.target.name);
    if (column.target.onUpdate && !columns.includes(column)) sets.push(`${name} = ${name}`);
  }
  return `UPDATE ${tableSql(match)} SET ${sets.join(', ')} WHERE ${lookupSql(match)} LIMIT 1`;
};

/** Several rows at once only where a key finds each of them. */
export const deleteSql = (match: TableMatch, rows: number): string =>
  rows === 1
    ? `DELETE FROM ${tableSql(match)} WHERE ${lookupSql(match)} LIMIT 1`
    : `DELETE FROM ${tableSql(match)} WHERE ${anyLookupSql(match, rows)}`;

/** How many of the rows are there. */
export const countSql = (match: TableMatch, rows: number): string =>
  `SELECT COUNT(*) AS count FROM ${tableSql(match)} WHERE ${anyLookupSql(match, rows)}`;

/** Finds each of several rows by its key. A list is read faster than conditions. */
function anyLookupSql({ lookup }: TableMatch, rows: number): string {
  const [only] = lookup;
  if (only !== undefined && lookup.length === 1)
    return `${quote(only.target.name)} IN (${Array<string>(rows).fill(exactParameter(only)).join(', ')})`;
  return Array<string>(rows)
    .fill(`(${lookup.map(keyEquals).join(' AND ')})`)
    .join(' OR ');
}

const tableSql = (match: TableMatch): string => `${quote(match.target.schema)}.${quote(match.target.table)}`;

const quote = (name: string): string => escapeId(name, true);

const lookupSql = (match: TableMatch): string =>
  match.lookup.map(match.keyed ? keyEquals : imageEquals).join(' AND ');

/** MySQL takes the parameter of a bare CAST(? AS UNSIGNED) for a signed integer and cuts it at 2^63 - 1. */
const unsignedParameter = 'CAST(CAST(? AS CHAR) AS UNSIGNED)';

/** A BIT takes bytes as the characters they are; an integer is exact. */
const placeholder = ({ target }: MatchedColumn): string =>
  target.dataType === 'bit' ? unsignedParameter : '?';

/** Equality as the key itself has it, so that the index is used. Without the casts the servers compare as doubles. */
function keyEquals(column: MatchedColumn): string {
  return `${quote(column.target.name)} = ${exactParameter(column)}`;
}

/** Equality of the stored value itself, NULL included: text by its bytes, since a collation would take 'a' for 'A'. */
function imageEquals(column: MatchedColumn): string {
  const name = quote(column.target.name);
  if (collatedTypes.has(column.target.dataType))
    return `CAST(CONVERT(${name} USING utf8mb4) AS BINARY) <=> CAST(CONVERT(? USING utf8mb4) AS BINARY)`;
  switch (column.target.dataType) {
    case 'json':
      return `${name} <=> CAST(? AS JSON)`;
    case 'vector':
      // MySQL compares no vectors.
      return `CAST(${name} AS BINARY) <=> CAST(? AS BINARY)`;
    default:
      return `${name} <=> ${exactParameter(column)}`;
  }
}

function exactParameter({ target }: MatchedColumn): string {
  switch (target.dataType) {
    case 'bigint':
    case 'bit':
      return target.unsigned || target.dataType === 'bit' ? unsignedParameter : 'CAST(? AS SIGNED)';
    case 'decimal':
      return `CAST(? AS DECIMAL(${target.precision}, ${target.scale}))`;
    default:
      return '?';
  }
}

/** The value to bind for a column. */
export function bind(value: Value, column: MatchedColumn): Bound {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Float32Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (column.target.dataType === 'bit' && Buffer.isBuffer(value)) {
    return value.length === 0 ? '0' : BigInt(`0x${value.toString('hex')}`).toString();
  }
  return value;
}
