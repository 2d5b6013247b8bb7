import type { Row, Value } from '@drc/protocol';
import type { MatchedColumn } from '../matched-column.js';
import { collatedTypes } from '../target-column.js';
import type { TableMatch } from '../target-table.js';

/** One text for each key, exactly by its values. @param columns that the row has */
export function keyText(row: Row, columns: readonly MatchedColumn[]): string {
  const [first] = columns;
  if (first !== undefined && columns.length === 1) return exactText(row[first.source.name]!);
  let text = '';
  for (const { source } of columns) {
    const part = exactText(row[source.name]!);
    text += `${part.length}:${part}`;
  }
  return text;
}

/** Values of one column have one type, but for NULL, which no key that finds a row has. */
const exactText = (value: Value): string =>
  Buffer.isBuffer(value) ? value.toString('latin1') : String(value);

/** What the rows of a table may be equal in: each unique key of the target by the columns that are written. */
export type LooseKey = (row: Row) => string | undefined;

/**
 * Keys that are equal on the target have one text; so may others. Undefined where nothing can be told of a unique key: one over an
 * expression, a generated column, a column that is not written, or of a type whose equality is not that of its text.
 */
export function looseKeys({ target, written }: TableMatch): readonly LooseKey[] | undefined {
  const byName = new Map(written.map((column) => [column.target.name.toLowerCase(), column]));
  const keys: LooseKey[] = [];
  for (const { columns } of target.uniqueKeys) {
    const parts: LooseKey[] = [];
    for (const { name, prefix } of columns) {
      const column = name === undefined ? undefined : byName.get(name.toLowerCase());
      const part = column && loosePart(column, prefix);
      if (part === undefined) return undefined;
      parts.push(part);
    }
    keys.push(parts.length === 1 ? parts[0]! : joined(parts));
  }
  return keys;
}

/** A text that no other begins with: a key of which nothing can be told is equal to each. */
export const anyKey = '*';

/** Undefined: no key, since NULL is equal to nothing. */
function joined(parts: readonly LooseKey[]): LooseKey {
  return (row) => {
    let text = '';
    for (const part of parts) {
      const own = part(row);
      if (own === undefined || own === anyKey) return own;
      text += `${own.length}:${own}`;
    }
    return text;
  };
}

function loosePart({ source, target }: MatchedColumn, prefix: number | undefined): LooseKey | undefined {
  const { name } = source;
  if (collatedTypes.has(target.dataType)) return (row) => foldedText(row[name], prefix);
  switch (target.dataType) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'bigint':
    case 'decimal':
    case 'year':
    case 'date':
    case 'time':
    case 'datetime':
    case 'timestamp':
    case 'uuid':
    case 'inet4':
    case 'inet6':
      return (row) => {
        const value = row[name];
        return value === null || value === undefined ? undefined : exactText(value);
      };
    case 'binary':
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
    case 'bit':
      return (row) => {
        const value = row[name];
        if (value === null || value === undefined) return undefined;
        if (!Buffer.isBuffer(value)) return anyKey;
        return value.subarray(0, prefix).toString('latin1').replace(/\0+$/, '');
      };
    default:
      return undefined;
  }
}

/** Whatever the collation: of letters beyond ASCII and of control characters it may hold anything for equal. */
function foldedText(value: Value | undefined, prefix: number | undefined): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'string' || !printable.test(value)) return anyKey;
  const part = prefix === undefined ? value : value.slice(0, prefix);
  return `=${part.trimEnd().toLowerCase()}`;
}

const printable = /^[ -~]*$/;
