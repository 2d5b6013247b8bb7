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
  // CHAR strips blanks, which may end a text of JSON.
  json: ['json', ...texts.filter((type) => type !== 'char')],
  geometry: geometries,
  vector: ['vector', 'varbinary', 'blob', 'mediumblob', 'longblob'],
  uuid: ['uuid', 'char', 'varchar'],
  inet4: ['inet4', 'char', 'varchar'],
  inet6: ['inet6', 'char', 'varchar'],
};

/** Why the target's column would silently change values of the source's; undefined where it would not. */
export function columnFault(source: Column, target: TargetColumn): string | undefined {
  const types = `${source.type} into ${target.dataType}`;
  if (!fitting[source.type].includes(target.dataType)) return `${types} would change values`;
  // ENUM's error value is '', too, and written as '' it becomes the label: the rows would differ without a word.
  if (source.type === 'enum' && target.dataType === 'enum') {
    if ([...(source.labels ?? []), ...target.labels].includes(''))
      return "the label '' and ENUM's error value cannot be told apart";
  }
  // The servers take a text for the label that their collation finds equal, or for the number of one: '2' for the second.
  const isLabelled = target.dataType === 'enum' || target.dataType === 'set';
  const missing = isLabelled ? source.labels?.find((label) => !target.labels.includes(label)) : undefined;
  if (missing !== undefined) return `the label '${missing}' is missing`;
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
