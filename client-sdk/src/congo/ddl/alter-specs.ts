import type { Ddl } from '@drc/protocol';
import { escapeId } from 'mysql2';
import type { TableRule } from '../rules/table-rule.js';
import { nameOf, tableName, type TableName } from '../table-name.js';
import { definitionFault, hasColumnWishes, mapIndex, mentions, targetColumnOf } from './ddl-columns.js';
import type { DdlMapping } from './ddl-mapping.js';
import type { DdlPlanOptions, Made } from './ddl-plan-options.js';
import { split } from './ddl-reader.js';
import { type DdlToken, ddlText } from './ddl-tokens.js';
import { widens } from './widening.js';

/** One change of a table, as the target has it; a note: it is left out; a fault: it cannot be mapped. */
type Change = { readonly sql: string } | { readonly note: string } | { readonly fault: string };

/** The changes of one ALTER TABLE for all targets of a rule. */
export function alterSpecs(
  specs: readonly (readonly DdlToken[])[],
  { rule, targets }: DdlMapping,
  ddl: Ddl,
  options: DdlPlanOptions,
): Made {
  const pieces: { table: TableName; statement: string }[] = [];
  const notes: string[] = [];
  for (const table of targets) {
    const changes: string[] = [];
    for (const spec of specs.flatMap(flattened)) {
      const change = changeOf(spec, { rule, table, ddl, options });
      if ('fault' in change) return `${nameOf(table)}: ${change.fault}`;
      if ('note' in change) notes.push(`${nameOf(table)}: ${change.note}`);
      else changes.push(change.sql);
    }
    if (changes.length > 0)
      pieces.push({ table, statement: `ALTER TABLE ${tableName(table)} ${changes.join(', ')}` });
  }
  return { pieces, notes };
}

/** `ADD (a INT, b INT)` is two. */
function flattened(spec: readonly DdlToken[]): readonly (readonly DdlToken[])[] {
  const start = spec[1]?.upper === 'COLUMN' ? 2 : 1;
  if (spec[0]?.upper !== 'ADD' || spec[start]?.upper !== '(') return [spec];
  return split(spec.slice(start + 1, -1)).map((one) => [spec[0]!, ...one]);
}

interface Place {
  readonly rule: TableRule;
  readonly table: TableName;
  readonly ddl: Ddl;
  readonly options: DdlPlanOptions;
}

const indexWords = /^(INDEX|KEY|UNIQUE|FULLTEXT|SPATIAL|PRIMARY)$/;

function changeOf(spec: readonly DdlToken[], place: Place): Change {
  const [verb, second] = [spec[0]?.upper ?? '', spec[1]?.upper ?? ''];
  const isLenient = place.options.policy === 'lenient';
  const leftOut = { note: `${ddlText(spec)} is left out` };
  if (verb === 'ALGORITHM' || verb === 'LOCK' || verb === 'FORCE') return leftOut;
  if (verb === 'ENGINE')
    return spec.at(-1)?.upper === 'INNODB' ? leftOut : { fault: 'congo writes InnoDB tables only' };
  if (spec.some(({ upper }) => upper === 'EXISTS'))
    return { fault: 'IF [NOT] EXISTS may do another thing on the target than on the source' };
  if (['CONSTRAINT', 'FOREIGN', 'CHECK', 'PERIOD', 'PARTITION', 'SYSTEM'].includes(second))
    return { fault: `${verb} ${second} is not mapped` };
  if (verb === 'ADD' && indexWords.test(second)) return isLenient ? leftOut : addIndex(spec, place);
  if (verb === 'DROP' && indexWords.test(second))
    return isLenient
      ? leftOut
      : hasColumnWishes(place.rule)
        ? { fault: 'the rule changes columns: whether the target has the index cannot be told' }
        : { sql: ddlText(spec) };
  if (verb === 'RENAME' && (second === 'INDEX' || second === 'KEY'))
    return isLenient || hasColumnWishes(place.rule) ? leftOut : { sql: ddlText(spec) };
  const at = second === 'COLUMN' ? 2 : 1;
  const column = spec[at];
  if (
    !['ADD', 'DROP', 'MODIFY', 'CHANGE', 'RENAME'].includes(verb) ||
    (column?.kind !== 'word' && column?.kind !== 'name')
  )
    return { fault: `${ddlText(spec.slice(0, 4))} is not mapped` };
  const rest = spec.slice(at + 1);
  if (verb === 'DROP') return dropColumn(column.text, rest, place);
  if (verb === 'RENAME')
    return rest[0]?.upper === 'TO' && rest.length === 2
      ? renameColumn(column.text, rest[1]!.text, place)
      : { fault: 'a RENAME is not understood' };
  return defineColumn(verb, column.text, rest, place);
}

function addIndex(spec: readonly DdlToken[], { rule, options }: Place): Change {
  if (
    options.source !== options.target &&
    spec.some(({ upper }) => /^(WITH|PARSER|IGNORED|INVISIBLE|VISIBLE|DESC|FULLTEXT|SPATIAL)$/.test(upper))
  )
    return { fault: 'the index is not the same on both kinds of server' };
  if (!spec.some(({ upper }) => upper === '('))
    return { fault: 'the columns of an index are not understood' };
  const mapped = mapIndex(spec, rule);
  if (typeof mapped === 'string') return { fault: mapped };
  if (mapped) return { sql: ddlText(mapped.tokens) };
  return spec.some(({ upper }) => upper === 'UNIQUE' || upper === 'PRIMARY')
    ? { fault: 'a unique key has columns that the rule does not write' }
    : { note: `${ddlText(spec)} is left out: the rule does not write its columns` };
}

function dropColumn(name: string, rest: readonly DdlToken[], { rule, options }: Place): Change {
  const target = targetColumnOf(name, rule);
  if (target === undefined)
    return isInExpression(rule, name)
      ? { fault: `the rule uses '${name}'` }
      : { note: `'${name}' is not written` };
  if (options.policy === 'lenient') return { note: `DROP of '${target}' is left out` };
  if (rest.length > 0 && !/^(RESTRICT|CASCADE)$/.test(rest[0]!.upper))
    return { fault: 'a DROP is not understood' };
  return mentions(rule, name) || mentions(rule, target)
    ? { fault: `the rule speaks of '${name}'` }
    : { sql: `DROP COLUMN ${escapeId(target, true)}` };
}

const isInExpression = ({ columns: _columns, drop: _drop, ...rule }: TableRule, name: string): boolean =>
  mentions(rule, name);

function renameColumn(from: string, to: string, { rule, options }: Place): Change {
  if (mentions(rule, from) || mentions(rule, to)) return { fault: `the rule speaks of '${from}' or '${to}'` };
  const isWritten = targetColumnOf(from, rule) !== undefined;
  if (!isWritten && targetColumnOf(to, rule) === undefined) return { note: `'${from}' is not written` };
  if (options.policy === 'lenient')
    return { fault: `a renamed column ('${from}' to '${to}') can neither be added nor left out` };
  return { sql: `RENAME COLUMN ${escapeId(from, true)} TO ${escapeId(to, true)}` };
}

/** ADD, MODIFY and CHANGE. */
function defineColumn(
  verb: string,
  source: string,
  rest: readonly DdlToken[],
  { rule, table, ddl, options }: Place,
): Change {
  const name = verb === 'CHANGE' ? rest[0]!.text : source;
  const given = verb === 'CHANGE' ? rest.slice(1) : rest;
  if (name.toLowerCase() !== source.toLowerCase() && (mentions(rule, name) || mentions(rule, source)))
    return { fault: `the rule speaks of '${source}' or '${name}'` };
  const target = targetColumnOf(name, rule);
  if (target === undefined) return { note: `'${name}' is not written` };
  const { definition, place } = placed(given);
  const fault = definitionFault(definition, {
    rule,
    isCross: options.source !== options.target,
    fillsRows: verb === 'ADD',
    timeZone: ddl.timeZone,
  });
  if (fault !== undefined) return { fault: `'${name}': ${fault}` };
  if (options.policy === 'lenient') {
    if (name !== source)
      return { fault: `a renamed column ('${source}' to '${name}') can neither be added nor left out` };
    const words = definition.map(({ upper }) => upper);
    const isKey = words.includes('KEY') || words.includes('UNIQUE') || words.includes('CHECK');
    const isRequired = words.includes('NOT') && !words.includes('DEFAULT');
    if (
      verb === 'ADD'
        ? isRequired || isKey
        : !widens(definition, options.targetTable?.(table)?.columns.get(target.toLowerCase()))
    )
      return {
        note: `${verb} of '${target}' is left out: ${verb === 'ADD' ? 'rows must have it' : 'it is not only wider'}`,
      };
  }
  const after = place === undefined ? undefined : targetColumnOf(place, rule);
  const where = place === '' ? ' FIRST' : after === undefined ? '' : ` AFTER ${escapeId(after, true)}`;
  const head =
    verb === 'CHANGE'
      ? `CHANGE COLUMN ${escapeId(targetColumnOf(source, rule) ?? source, true)}`
      : `${verb} COLUMN`;
  return { sql: `${head} ${escapeId(target, true)} ${ddlText(definition)}${where}` };
}

/** FIRST and AFTER apart. `place`: the column before; empty: none. */
function placed(tokens: readonly DdlToken[]): { definition: readonly DdlToken[]; place: string | undefined } {
  if (tokens.at(-1)?.upper === 'FIRST') return { definition: tokens.slice(0, -1), place: '' };
  if (tokens.at(-2)?.upper === 'AFTER')
    return { definition: tokens.slice(0, -2), place: tokens.at(-1)!.text };
  return { definition: tokens, place: undefined };
}
