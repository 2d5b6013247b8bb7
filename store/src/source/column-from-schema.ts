import type { Column, ColumnType } from '@drc/protocol';
import type { SourceRow } from './source-control.js';

/** By DATA_TYPE, what capture makes of a column (column-plan.ts). */
const types: Readonly<Record<string, ColumnType>> = {
  tinyint: 'int',
  smallint: 'int',
  mediumint: 'int',
  int: 'int',
  bigint: 'bigint',
  decimal: 'decimal',
  float: 'float',
  double: 'double',
  year: 'year',
  date: 'date',
  datetime: 'datetime',
  timestamp: 'timestamp',
  time: 'time',
  bit: 'bit',
  char: 'text',
  varchar: 'text',
  tinytext: 'text',
  text: 'text',
  mediumtext: 'text',
  longtext: 'text',
  binary: 'bytes',
  varbinary: 'bytes',
  tinyblob: 'bytes',
  blob: 'bytes',
  mediumblob: 'bytes',
  longblob: 'bytes',
  enum: 'enum',
  set: 'set',
  json: 'json',
  geometry: 'geometry',
  point: 'geometry',
  linestring: 'geometry',
  polygon: 'geometry',
  multipoint: 'geometry',
  multilinestring: 'geometry',
  multipolygon: 'geometry',
  geometrycollection: 'geometry',
  geomcollection: 'geometry',
  vector: 'vector',
  uuid: 'uuid',
  inet4: 'inet4',
  inet6: 'inet6',
};

const numeric: readonly ColumnType[] = ['int', 'bigint', 'decimal', 'float', 'double'];

/** What MariaDB's JSON can stand for: the binlog has all of them as one type, and VARCHAR as another. */
const texts: ReadonlySet<string> = new Set(['tinytext', 'text', 'mediumtext', 'longtext']);

/**
 * A column as INFORMATION_SCHEMA.COLUMNS shows it, made what capture makes of the binlog (column-plan.ts). Undefined for a type that capture
 * does not know either.
 * @param isJson whether a check of the table makes it JSON
 * @param collations ids by name
 */
export function columnFromSchema(
  row: SourceRow,
  isJson: boolean,
  collations: ReadonlyMap<string, number>,
): Column | undefined {
  const dataType = String(row['dataType']).toLowerCase();
  const columnType = String(row['columnType']);
  const type = isJson && texts.has(dataType) ? 'json' : types[dataType];
  if (type === undefined) return undefined;
  const collation = collations.get(String(row['collation'] ?? 'binary'));
  return {
    name: String(row['name']),
    type,
    nullable: row['nullable'] === 'YES',
    ...(numeric.includes(type) && /\bunsigned\b/i.test(columnType) ? { unsigned: true } : {}),
    ...extentOf(type, dataType, row),
    ...(hasCollation(type, dataType) && collation !== undefined ? { collation } : {}),
    ...(type === 'enum' || type === 'set' ? { labels: labelsOf(columnType) } : {}),
  };
}

/** Bytes of the length in front of a value. */
export const blobLengths: Readonly<Record<string, number>> = {
  tinytext: 1,
  tinyblob: 1,
  text: 2,
  blob: 2,
  mediumtext: 3,
  mediumblob: 3,
  longtext: 4,
  longblob: 4,
};
const integerBytes: Readonly<Record<string, number>> = { tinyint: 1, smallint: 2, mediumint: 3, int: 4 };

/** MySQL's own JSON is no text. */
const hasCollation = (type: ColumnType, dataType: string): boolean =>
  type === 'text' || type === 'enum' || type === 'set' || texts.has(dataType);

function extentOf(
  type: ColumnType,
  dataType: string,
  row: SourceRow,
): Pick<Column, 'length' | 'fixed' | 'precision' | 'scale'> {
  const numberOf = (name: string): number => Number(row[name] ?? 0);
  switch (type) {
    case 'int':
      return { length: integerBytes[dataType]! };
    case 'decimal':
      return { precision: numberOf('numericPrecision'), scale: numberOf('numericScale') };
    case 'datetime':
    case 'timestamp':
    case 'time':
      return { scale: numberOf('fraction') };
    case 'bit':
      return { length: numberOf('numericPrecision') };
    case 'vector':
      return { length: Number(/\((\d+)\)/.exec(String(row['columnType']))?.[1] ?? 0) };
    case 'text':
    case 'bytes':
    case 'json': {
      if (dataType === 'json') return {};
      const blob = blobLengths[dataType];
      if (blob !== undefined) return { length: 256 ** blob - 1 };
      const fixed = dataType === 'char' || dataType === 'binary';
      return { length: numberOf('octets'), ...(fixed ? { fixed } : {}) };
    }
    default:
      return {};
  }
}

const escapes: Readonly<Record<string, string>> = { 0: '\0', n: '\n', r: '\r', Z: '\x1a' };

/** `enum('a','it''s')`: quotes are doubled, and both servers write a backslash in front of what they do not print. */
export function labelsOf(columnType: string): string[] {
  const list = columnType.slice(columnType.indexOf('(') + 1, columnType.lastIndexOf(')'));
  return [...list.matchAll(/'((?:[^'\\]|''|\\.)*)'/gs)].map(([, text = '']) =>
    text.replaceAll(/''|\\(.)/gs, (_, escaped?: string) =>
      escaped === undefined ? "'" : (escapes[escaped] ?? escaped),
    ),
  );
}
