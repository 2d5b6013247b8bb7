import type { NameReader } from './name-reader.js';

const dmlModifiers: ReadonlySet<string> = new Set([
  'LOW_PRIORITY',
  'HIGH_PRIORITY',
  'DELAYED',
  'QUICK',
  'IGNORE',
  'INTO',
]);
/** What follows the table of a DELETE that has one table. */
const behindDeleteTable: ReadonlySet<string> = new Set(['WHERE', 'ORDER', 'LIMIT', 'RETURNING', ';']);

/**
 * The one table that a DML statement writes; empty where that is not plain: an UPDATE or DELETE of which anything else
 * follows the table than its syntax for one table has may write several.
 */
export function dmlTarget(names: NameReader): string {
  const verb = names.take();
  if (verb === 'LOAD') names.skipTo('TABLE');
  while (dmlModifiers.has(names.peek())) names.skip();
  if (verb === 'DELETE' && names.take() !== 'FROM') return '';
  const name = names.name()?.full ?? '';
  switch (verb) {
    case 'INSERT':
    case 'REPLACE':
    case 'LOAD':
      return name;
    case 'UPDATE':
      skipAlias(names);
      return names.peek() === 'SET' ? name : '';
    case 'DELETE':
      skipAlias(names);
      return names.isAtEnd || behindDeleteTable.has(names.peek()) ? name : '';
    default:
      return '';
  }
}

/** `PARTITION (p, …)` and `[AS] alias`, in the order in which either server has them. */
function skipAlias(names: NameReader): void {
  skipPartitions(names);
  if (names.peek() === 'AS') names.skip(2);
  else if (names.peek() !== 'SET' && !behindDeleteTable.has(names.peek()) && names.isIdentifier())
    names.skip();
  skipPartitions(names);
}

function skipPartitions(names: NameReader): void {
  if (names.peek() !== 'PARTITION') return;
  names.skipTo(')');
}
