import { DrcError } from '../errors.js';
import type { Column, TableVersion } from '../table-version.js';
import { parseExact } from './exact.js';
import { parseTime, withoutZeros } from './temporal.js';
import type { RowValues, Term, TermType, TermValue } from './term.js';
import { expressionError } from './tokens.js';

/**
 * The values of a column. Names are compared as both servers do, without regard to case.
 * @throws DrcError `CONDITION_INVALID` where the table has no such column
 */
export function columnTerm(
  version: TableVersion,
  name: string,
  at: number,
): Term & { readonly column: number } {
  const wanted = name.toLowerCase();
  const column = version.columns.findIndex((candidate) => candidate.name.toLowerCase() === wanted);
  if (column < 0)
    throw expressionError(`${version.schema}.${version.table} has no column ${JSON.stringify(name)}`, at);
  const { type, read } = readerOf(version.columns[column]!);
  const place = `${version.schema}.${version.table}.${version.columns[column]!.name}`;
  const evaluate = (row: RowValues): TermValue => {
    const value = row[column];
    if (value === null) return null;
    if (value === undefined)
      throw new DrcError(
        'CONDITION_FAILED',
        `The row image does not have ${place}, on which the expression depends (binlog_row_image is not FULL).`,
        { column: place },
      );
    return read(value as never);
  };
  return { type, at, column, evaluate };
}

interface Reader {
  readonly type: TermType;
  readonly read: (value: never) => TermValue;
}

function readerOf({ type, scale = 0 }: Column): Reader {
  switch (type) {
    case 'int':
    case 'year':
      return { type: { kind: 'integer' }, read: (value: number) => value };
    case 'bigint':
      return { type: { kind: 'exact', scale: 0 }, read: (value: bigint) => value };
    case 'decimal':
      return { type: { kind: 'exact', scale }, read: (value: string) => parseExact(value).value };
    case 'float':
    case 'double':
      return { type: { kind: 'double' }, read: (value: number) => value };
    case 'bit':
      return {
        type: { kind: 'exact', scale: 0 },
        read: (value: Buffer) => BigInt(`0x${value.toString('hex')}`),
      };
    case 'date':
      return { type: { kind: 'date' }, read: (value: string) => value };
    case 'datetime':
    case 'timestamp':
      return { type: { kind: 'datetime' }, read: (value: string) => withoutZeros(value) };
    case 'time':
      return { type: { kind: 'time' }, read: (value: string) => parseTime(value)! };
    case 'text':
    case 'enum':
    case 'set':
    case 'uuid':
    case 'inet4':
    case 'inet6':
      return { type: { kind: 'text' }, read: (value: string) => value };
    case 'bytes':
      return { type: { kind: 'bytes' }, read: (value: Buffer) => value };
    case 'json':
    case 'geometry':
    case 'vector':
      return { type: { kind: 'opaque', what: type.toUpperCase() }, read: () => true };
  }
}
