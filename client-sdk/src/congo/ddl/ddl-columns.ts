import type { TableRule } from '../rules/table-rule.js';
import { type DdlToken, nameToken } from './ddl-tokens.js';

/** Where a definition is to be read again. */
export interface DdlPlace {
  readonly rule: TableRule;
  /** The two servers are not of one kind: only what both read alike may pass. */
  readonly isCross: boolean;
  /** The rows that are there get the column's default. */
  readonly fillsRows: boolean;
  readonly timeZone: string;
}

/** What both servers write and mean alike in a column's definition. */
const common = new Set(
  (
    'TINYINT SMALLINT MEDIUMINT INT INTEGER BIGINT DECIMAL NUMERIC DEC FLOAT DOUBLE PRECISION DATE DATETIME TIMESTAMP TIME YEAR CHAR VARCHAR ' +
    'TINYTEXT TEXT MEDIUMTEXT LONGTEXT BINARY VARBINARY TINYBLOB BLOB MEDIUMBLOB LONGBLOB BIT ENUM SET UNSIGNED ZEROFILL NOT NULL DEFAULT ' +
    'AUTO_INCREMENT COMMENT PRIMARY KEY UNIQUE CHARACTER CHARSET COLLATE ON UPDATE CURRENT_TIMESTAMP TRUE FALSE BOOL BOOLEAN FIRST AFTER'
  ).split(' '),
);
const clockOrChance =
  /^(CURRENT_TIMESTAMP|NOW|LOCALTIME|LOCALTIMESTAMP|CURRENT_DATE|CURDATE|CURRENT_TIME|CURTIME|UUID|RAND|UTC_TIMESTAMP|SYSDATE|NEXTVAL|NEXT)$/;
const textType = /^(CHAR|VARCHAR|TINYTEXT|TEXT|MEDIUMTEXT|LONGTEXT|ENUM|SET|NCHAR|NVARCHAR)$/;

/** The name of a source column on the target; undefined where the rule does not write it. */
export function targetColumnOf(name: string, { columns, drop, rename }: TableRule): string | undefined {
  const is = (other: string): boolean => other.toLowerCase() === name.toLowerCase();
  if (columns ? !columns.some(is) : drop?.some(is)) return undefined;
  return Object.entries(rename ?? {}).find(([from]) => is(from))?.[1] ?? name;
}

/** Whether a rule speaks of a column by its name, also in its expressions. */
export function mentions(rule: TableRule, column: string): boolean {
  const texts = [
    rule.where,
    rule.shard?.by,
    ...Object.values(rule.set ?? {}),
    ...Object.values(rule.deleted ?? {}),
  ];
  const names = [
    ...(rule.columns ?? []),
    ...(rule.drop ?? []),
    ...(rule.key ?? []),
    ...Object.entries(rule.rename ?? {}).flat(),
    ...Object.keys(rule.set ?? {}),
  ];
  const lower = column.toLowerCase();
  return (
    names.some((name) => name.toLowerCase() === lower) ||
    texts.some((text) => text?.toLowerCase().includes(lower))
  );
}

export const hasColumnWishes = ({ columns, drop, rename, set }: TableRule): boolean =>
  [columns, drop, rename, set].some((wish) => wish !== undefined);

/** Whether what stands there has text whose character set is not said. */
export const lacksCharset = (definition: readonly DdlToken[]): boolean =>
  textType.test(definition[0]?.upper ?? '') &&
  !definition.some(({ upper }) => /^(CHARACTER|CHARSET|COLLATE|BINARY|ASCII|UNICODE)$/.test(upper));

/** Why a column's type and attributes may mean something else on the target; undefined where they mean the same. */
export function definitionFault(definition: readonly DdlToken[], place: DdlPlace): string | undefined {
  const words = definition.map(({ upper }) => upper);
  const has = (word: string): boolean => words.includes(word);
  if (has('SELECT') || has('REFERENCES')) return 'it refers to other tables';
  if (hasColumnWishes(place.rule) && (has('AS') || has('GENERATED') || has('CHECK')))
    return 'it has an expression, and the rule changes columns';
  const fault = charsetFault(words, definition, place);
  if (fault !== undefined) return fault;
  const byDefault = words.indexOf('DEFAULT');
  const value = words.slice(byDefault + 1);
  if (words[0] === 'TIMESTAMP') {
    const isNullable =
      has('NULL') &&
      words[words.indexOf('NULL') - 1] !== 'NOT' &&
      words[words.indexOf('NULL') - 1] !== 'DEFAULT';
    if (!isNullable && byDefault < 0)
      return 'what a TIMESTAMP without NULL and DEFAULT is depends on a setting of the server';
    if (!isNullable && !words.join(' ').includes('NOT NULL'))
      return 'whether a TIMESTAMP without NULL or NOT NULL takes NULL depends on a setting of the server';
    if (
      byDefault >= 0 &&
      definition[byDefault + 1]?.kind === 'string' &&
      !['+00:00', 'UTC'].includes(place.timeZone)
    )
      return `the default of a TIMESTAMP is in the time zone of the source's session`;
  }
  if (place.fillsRows && has('AUTO_INCREMENT'))
    return 'the rows that are there would be numbered in another order';
  if (place.fillsRows && byDefault >= 0 && (clockOrChance.test(value[0] ?? '') || value[0] === '('))
    return 'the rows that are there would get other values than on the source';
  if (!place.isCross) return undefined;
  const strange = definition.find(
    ({ kind, upper, text }, at) =>
      kind === 'word' && !common.has(upper) && !/^\d/.test(text) && !isNameAt(words, at),
  );
  if (strange) return `'${strange.text}' is not the same on both kinds of server`;
  return value[0] === '(' && byDefault >= 0
    ? 'a default that is an expression is not the same on both kinds of server'
    : undefined;
}

/** Behind AFTER, CHARACTER SET, CHARSET or COLLATE. */
const isNameAt = (words: readonly string[], at: number): boolean => {
  const before = words[at - 1] === '=' ? words[at - 2] : words[at - 1];
  return (
    before === 'AFTER' ||
    before === 'CHARSET' ||
    before === 'COLLATE' ||
    (before === 'SET' && /^(CHARACTER|CHAR)$/.test(words[at - (words[at - 1] === '=' ? 3 : 2)] ?? ''))
  );
};

/** Of a column or a table. */
export function charsetFault(
  words: readonly string[],
  tokens: readonly DdlToken[],
  { isCross }: Pick<DdlPlace, 'isCross'>,
): string | undefined {
  if (!isCross) return undefined;
  const collate = words.indexOf('COLLATE');
  const collation = tokens[words[collate + 1] === '=' ? collate + 2 : collate + 1]?.text ?? '';
  if (collate >= 0 && /0900|uca1400|_nopad_/i.test(collation))
    return `the collation ${collation} is not on both kinds of server`;
  const hasCharset = words.some(
    (word, at) => word === 'CHARSET' || (word === 'SET' && words[at - 1] === 'CHARACTER'),
  );
  return hasCharset && collate < 0
    ? "a character set without COLLATE has each server's own collation"
    : undefined;
}

/** The columns of an index, by their names on the target. Undefined: the rule does not write one; a text: why it cannot be told. */
export function mapIndex(
  tokens: readonly DdlToken[],
  rule: TableRule,
): { readonly tokens: readonly DdlToken[] } | string | undefined {
  if (!hasColumnWishes(rule)) return { tokens };
  const open = tokens.findIndex(({ upper }) => upper === '(');
  const mapped = [...tokens];
  let depth = 0;
  for (let at = Math.max(0, open); at < tokens.length; at++) {
    const token = tokens[at]!;
    if (token.upper === ')' && --depth === 0) return { tokens: mapped };
    if (token.upper === '(') depth++;
    const isFirst = ['(', ','].includes(tokens[at - 1]?.upper ?? '') && depth === 1;
    if (!isFirst || token.upper === '(') {
      if (isFirst) return 'an index over an expression, and the rule changes columns';
      continue;
    }
    const target = targetColumnOf(token.text, rule);
    if (target === undefined) return undefined;
    mapped[at] = nameToken(target, token.tight);
  }
  return 'the columns of an index are not understood';
}
