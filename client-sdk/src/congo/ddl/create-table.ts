import type { Ddl } from '@drc/protocol';
import { escapeId } from 'mysql2';
import { nameOf, tableName, type TableName } from '../table-name.js';
import { charsetFault, definitionFault, lacksCharset, mapIndex, targetColumnOf } from './ddl-columns.js';
import type { DdlMapping } from './ddl-mapping.js';
import type { DdlPlanOptions, Made } from './ddl-plan-options.js';
import type { TableDdl } from './ddl-reader.js';
import { type DdlToken, ddlText } from './ddl-tokens.js';

type Create = TableDdl & { kind: 'create' };

/** A new table for each target of a rule. */
export function createTable(
  read: Create,
  { rule, targets }: DdlMapping,
  ddl: Ddl,
  options: DdlPlanOptions,
  mappings: (name: TableName) => readonly DdlMapping[],
): Made {
  if (read.replaces) return 'CREATE OR REPLACE drops what is there';
  if (rule.set) return 'the rule computes columns (set), whose types the statement does not tell';
  const head = (table: TableName): string =>
    `CREATE TABLE ${read.ifNotExists ? 'IF NOT EXISTS ' : ''}${tableName(table)}`;
  if (read.like) {
    const models = mappings(read.like).find((mapping) => mapping.rule === rule)?.targets;
    if (models?.length !== targets.length)
      return `no rule makes tables of ${nameOf(read.like)} like those of ${nameOf(read.table)}`;
    return {
      pieces: targets.map((table, at) => ({
        table,
        statement: `${head(table)} LIKE ${tableName(models[at]!)}`,
      })),
      notes: [],
    };
  }
  const items: string[] = [];
  const notes: string[] = [];
  let needsCharset = false;
  for (const item of read.body) {
    const first = item[0]!;
    if (/^(CONSTRAINT|FOREIGN|CHECK|PERIOD|LIKE|SELECT|EXCLUDE)$/.test(first.upper))
      return `${first.upper} in CREATE TABLE is not mapped`;
    if (/^(INDEX|KEY|UNIQUE|FULLTEXT|SPATIAL|PRIMARY)$/.test(first.upper)) {
      const index = mapIndex(item, rule);
      if (typeof index === 'string') return index;
      if (index) items.push(ddlText(index.tokens));
      else if (first.upper === 'UNIQUE' || first.upper === 'PRIMARY')
        return 'a unique key has columns that the rule does not write';
      else notes.push(`${ddlText(item)} is left out: the rule does not write its columns`);
      continue;
    }
    const target = targetColumnOf(first.text, rule);
    if (target === undefined) continue;
    const definition = item.slice(1);
    const fault = definitionFault(definition, {
      rule,
      isCross: options.source !== options.target,
      fillsRows: false,
      timeZone: ddl.timeZone,
    });
    if (fault !== undefined) return `'${first.text}': ${fault}`;
    needsCharset ||= lacksCharset(definition);
    items.push(`${escapeId(target, true)} ${ddlText(definition)}`);
  }
  if (items.length === 0) return 'it has no columns';
  const tail = tableOptions(read.options, read.table, needsCharset, options);
  if ('fault' in tail) return tail.fault;
  return {
    pieces: targets.map((table) => ({ table, statement: `${head(table)} (${items.join(', ')})${tail.sql}` })),
    notes,
  };
}

function tableOptions(
  tokens: readonly DdlToken[],
  table: TableName,
  needsCharset: boolean,
  options: DdlPlanOptions,
): { sql: string } | { fault: string } {
  const kept: DdlToken[] = [];
  let hasCharset = false;
  for (let at = 0; at < tokens.length; ) {
    const start = at;
    if (tokens[at]?.upper === 'DEFAULT') at++;
    let word = tokens[at++]!.upper;
    if (word === 'CHARACTER' && tokens[at]?.upper === 'SET') word += ` ${tokens[at++]!.upper}`;
    if (word === 'START' && tokens[at]?.upper === 'TRANSACTION') {
      at++;
      continue;
    }
    if (word === ',') continue;
    if (tokens[at]?.upper === '=') at++;
    const value = tokens[at++];
    if (
      !/^(ENGINE|CHARSET|CHARACTER SET|COLLATE|COMMENT|ROW_FORMAT|AUTO_INCREMENT)$/.test(word) ||
      value === undefined
    )
      return { fault: `the option ${word} of a table is not mapped` };
    if (word === 'ENGINE' && value.text.toUpperCase() !== 'INNODB')
      return { fault: 'congo writes InnoDB tables only' };
    if (word === 'COLLATE' || word.startsWith('CHAR')) hasCharset = true;
    if (word !== 'AUTO_INCREMENT') kept.push(...tokens.slice(start, at));
  }
  const fault = charsetFault(
    kept.map(({ upper }) => upper),
    kept,
    { isCross: options.source !== options.target },
  );
  if (fault !== undefined) return { fault };
  const text = kept.length === 0 ? '' : ` ${ddlText(kept)}`;
  if (hasCharset || !needsCharset) return { sql: text };
  const collation = options.schemaCollation?.(table.schema);
  return collation === undefined
    ? {
        fault: `it has text without a character set, and the default of the source's schema ${table.schema} is not known`,
      }
    : { sql: `${text} COLLATE=${collation}` };
}
