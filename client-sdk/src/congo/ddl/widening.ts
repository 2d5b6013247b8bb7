import type { TargetColumn } from '../target-column.js';
import type { DdlToken } from './ddl-tokens.js';

const families = [
  ['tinyint', 'smallint', 'mediumint', 'int', 'bigint'],
  ['tinytext', 'text', 'mediumtext', 'longtext'],
  ['tinyblob', 'blob', 'mediumblob', 'longblob'],
];

/** Whether a column of the target takes all that it took before, and more or the same. What is not sure is no widening. */
export function widens(definition: readonly DdlToken[], now: TargetColumn | undefined): boolean {
  if (!now) return false;
  const words = definition.map(({ upper }) => upper);
  // Another character set is another column.
  if (
    words.some((word) =>
      /^(CHARACTER|CHARSET|COLLATE|AS|GENERATED|CHECK|AUTO_INCREMENT|UNIQUE|KEY|ZEROFILL)$/.test(word),
    )
  )
    return false;
  if (
    now.autoIncrement ||
    now.generated ||
    (now.nullable && words.some((word, at) => word === 'NOT' && words[at + 1] === 'NULL'))
  )
    return false;
  const type = words[0] === 'INTEGER' ? 'int' : (words[0] ?? '').toLowerCase();
  const [length = 0, scale = 0] =
    words[1] === '(' ? [Number(words[2]), words[3] === ',' ? Number(words[4]) : 0] : [];
  if (now.unsigned !== words.includes('UNSIGNED')) return false;
  const family = families.find((each) => each.includes(type) && each.includes(now.dataType));
  if (family) return family.indexOf(type) >= family.indexOf(now.dataType);
  if (type !== now.dataType)
    return type === 'double' && now.dataType === 'float' && now.decimals === undefined && length === 0;
  if (type === 'varchar' || type === 'varbinary') return length >= now.length;
  return type === 'decimal' && scale >= now.scale && length - scale >= now.precision - now.scale;
}
