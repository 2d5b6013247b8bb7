import type { Column, ColumnType } from '@drc/protocol';
import type { TargetColumn } from './target-column.js';

/*
 * The servers say nothing when they round a number into an INT, cut a DATETIME's fraction, strip a CHAR's trailing
 * blanks or pad a BINARY. What they do say is an error while writing (`VALUE_TRUNCATED`); what they would keep to
 * themselves is refused here, before the first row of the table is written.
 */

const integers = ['tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'decimal'];
const texts = ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext'];
const blobs = ['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'];
const geometries = [
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geometrycollection',
  'geomcollection',
];

/** Types of the target that keep every value of the source's type, or warn where they do not. */
const fitting: Record<ColumnType, readonly string[]> = {
  int: [...integers, 'double'],
  bigint: integers,
  year: ['year', ...integers],
  decimal: ['decimal'],
  float: ['float', 'double'],
  double: ['double'],
  date: ['date', 'datetime'],
  datetime: ['datetime', 'timestamp'],
  timestamp: ['timestamp', 'datetime'],
  time: ['time'],
  text: texts,
  bytes: blobs,
  bit: ['bit'],
  enum: ['enum', ...texts],
  set: ['set', ...texts],
  json: ['json', ...texts],
  geometry: geometries,
  vector: ['vector', 'varbinary', 'blob', 'mediumblob', 'longblob'],
  uuid: ['uuid', 'char', 'varchar'],
  inet4: ['inet4', 'char', 'varchar'],
  inet6: ['inet6', 'char', 'varchar'],
};

/**
 * Whether a server takes the text for another label than the one that is missing, and says nothing: '2' for the second, 'A' for 'a'.
 * For anything else that is no label it warns.
 */
const isMistaken = (label: string, labels: readonly string[]): boolean =>
  !labels.includes(label) &&
  (/^\s*[-+]?\d/.test(label) || labels.some((other) => folded(other) === folded(label)));

/** Without case, accents and blanks at the end, which collations may not see. */
const folded = (label: string): string =>
  label.normalize('NFKD').replace(/\p{M}/gu, '').toUpperCase().toLowerCase().trimEnd();

/** Why the target's column would silently change values of the source's; undefined where it would not. */
export function columnFault(source: Column, target: TargetColumn): string | undefined {
  const types = `${source.type} into ${target.dataType}`;
  if (!fitting[source.type].includes(target.dataType)) return `${types} would change values`;
  // Both arrive as '', and written as '' both become the label: the rows would differ without a word.
  if (source.type === 'enum' && target.dataType === 'enum' && source.labels?.includes('')) {
    return "the label '' of the source and ENUM's error value cannot be told apart";
  }
  const mistaken = source.labels?.find((label) => isMistaken(label, target.labels));
  if (mistaken !== undefined && target.labels.length > 0) return `the label '${mistaken}' is missing`;
  if (source.type === 'decimal' && target.scale < (source.scale ?? 0)) {
    return `${source.scale} decimal places into ${target.scale} would round`;
  }
  if (target.fraction !== undefined && source.scale !== undefined && target.fraction < source.scale) {
    return `${source.scale} fractional digits of seconds into ${target.fraction} would cut`;
  }
  if (source.type === 'text' && target.dataType === 'char' && source.fixed !== true) {
    return `${types} would strip trailing blanks`;
  }
  if (
    source.type === 'bytes' &&
    target.dataType === 'binary' &&
    !(source.fixed === true && source.length === target.length)
  ) {
    return `${types}(${target.length}) would pad values`;
  }
  // A NULL does not warn there: the servers put the current time, or the next number.
  if (source.nullable && !target.nullable && (target.dataType === 'timestamp' || target.autoIncrement)) {
    return 'NULL into a NOT NULL column would become another value';
  }
  return undefined;
}
