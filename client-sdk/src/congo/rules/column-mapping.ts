import {
  type Column,
  compileComputed,
  type Computed,
  DrcError,
  type Row,
  type TableVersion,
  type Value,
} from '@drc/protocol';
import { factColumns } from './change-facts.js';

/** Which columns a rule writes, and under which names. Nothing given: all, under their own. */
export interface ColumnRule {
  /** Source columns that are written; default all. */
  readonly columns?: readonly string[];
  /** Source columns that are not. */
  readonly drop?: readonly string[];
  /** Source column → target column. */
  readonly rename?: Readonly<Record<string, string>>;
  /** Target column → SQL expression over source columns and the change's facts (change-facts.ts), e.g. `'eu'` or `total * 100`. */
  readonly set?: Readonly<Record<string, string>>;
}

/** A column of the mapped rows: taken from the source's row, or computed. */
interface Part {
  readonly column: Column;
  readonly from: Column | Computed;
}

/** Rows of one source table version made into rows of another, which has the target's names. */
export class ColumnMapping {
  /** The mapped columns. The schema and the table are the source's. */
  readonly version: TableVersion;
  readonly #parts: readonly Part[];

  private constructor(version: TableVersion, parts: readonly Part[]) {
    this.version = version;
    this.#parts = parts;
  }

  /**
   * @param extended the version with the columns of facts behind its own; expressions are bound to it
   * @throws DrcError `CONDITION_INVALID`, or `CONFIG_INVALID` where the table lacks a column that the rule names
   */
  static compile(rule: ColumnRule, version: TableVersion, extended: TableVersion): ColumnMapping {
    const taken = takenColumns(rule, version);
    const parts: Part[] = taken.map(([column, name]) => ({ column: { ...column, name }, from: column }));
    const places = new Map(parts.map(({ column }, index) => [column.name.toLowerCase(), index]));
    for (const [name, expression] of Object.entries(rule.set ?? {})) {
      const part = computedPart(name, expression, extended);
      const place = places.get(name.toLowerCase());
      // What is computed goes in the place of a column of the same name.
      if (place === undefined) parts.push(part);
      else parts[place] = part;
    }
    const columns = parts.map(({ column }) => column);
    const key = version.primaryKey.map((index) =>
      parts.findIndex(({ from }) => from === version.columns[index]),
    );
    const primaryKey = key.includes(-1) ? [] : key;
    return new ColumnMapping({ ...version, columns, primaryKey }, parts);
  }

  /**
   * A computed column is absent where all columns that it is made of are: they have not changed.
   * @param values of the extended version
   * @throws DrcError `CONDITION_FAILED`
   */
  map(row: Row, values: readonly unknown[]): Row {
    const mapped: Row = {};
    for (const { column, from } of this.#parts) {
      if ('value' in from) {
        if (from.columns.length > 0 && from.columns.every((index) => values[index] === undefined)) continue;
        mapped[column.name] = asMessage(from.value(values));
      } else if (Object.hasOwn(row, from.name)) mapped[column.name] = row[from.name]!;
    }
    return mapped;
  }
}

/** Whether the rule leaves all columns as they are. */
export const isPlain = ({ columns, drop, rename, set }: ColumnRule): boolean =>
  columns === undefined && drop === undefined && rename === undefined && set === undefined;

/** The source's columns that are written, with their names on the target. */
function takenColumns(rule: ColumnRule, version: TableVersion): (readonly [Column, string])[] {
  const lower = (names: readonly string[]): Set<string> => new Set(names.map((name) => name.toLowerCase()));
  const known = lower(version.columns.map(({ name }) => name));
  const named = [...(rule.columns ?? []), ...(rule.drop ?? []), ...Object.keys(rule.rename ?? {})];
  const unknown = named.filter((name) => !known.has(name.toLowerCase()));
  if (unknown.length > 0) {
    const table = `${version.schema}.${version.table}`;
    const faults = unknown.map((name) => `${table}: the source has no column '${name}'`);
    throw new DrcError('CONFIG_INVALID', `${faults.join('; ')}.`, { faults });
  }
  const only = rule.columns && lower(rule.columns);
  const drop = lower(rule.drop ?? []);
  const names = new Map(Object.entries(rule.rename ?? {}).map(([from, to]) => [from.toLowerCase(), to]));
  return version.columns
    .filter(({ name }) => (only?.has(name.toLowerCase()) ?? true) && !drop.has(name.toLowerCase()))
    .map((column) => [column, names.get(column.name.toLowerCase()) ?? column.name] as const);
}

/**
 * The column that an expression's values make, so that it can be compared with the target's. A constant text is like an ENUM with
 * this one label: it fits wherever the label does.
 */
function computedPart(name: string, expression: string, extended: TableVersion): Part {
  const from = compileComputed(expression, extended);
  const { kind, columns } = from;
  const [only] = columns;
  if (only !== undefined && isName(expression)) return copiedPart(name, only, from, extended);
  // Divisions and CASE give NULL also where no column is NULL.
  const nullable = columns.length > 0;
  switch (kind) {
    case 'text': {
      const isConstant = columns.length === 0;
      const type = isConstant ? { type: 'enum' as const, labels: [String(from.value([]))] } : { type: kind };
      return { column: { name, nullable, ...type }, from };
    }
    case 'integer':
      return { column: { name, nullable, type: 'bigint' }, from };
    case 'boolean':
      return { column: { name, nullable, type: 'int' }, from };
    case 'exact':
      return from.scale === 0
        ? { column: { name, nullable, type: 'bigint' }, from }
        : { column: { name, nullable, type: 'decimal', scale: from.scale ?? 0 }, from };
    case 'double':
    case 'bytes':
    case 'date':
    case 'datetime':
    case 'time':
      return { column: { name, nullable, type: kind }, from };
    case 'null':
    case 'opaque':
      throw new DrcError(
        'CONDITION_INVALID',
        `set.${name}: '${expression}' is no value that can be written; leave the column out, or write what is to be there.`,
        {},
      );
  }
}

/** A column under one more name: as it is, whatever its type. */
function copiedPart(name: string, index: number, fact: Computed, extended: TableVersion): Part {
  const column = extended.columns[index]!;
  return { column: { ...column, name }, from: factColumns.includes(column) ? fact : column };
}

const isName = (expression: string): boolean =>
  /^\s*(?:[\p{L}_$][\p{L}\p{N}_$]*|`(?:[^`]|``)+`)\s*$/u.test(expression);

/** As rows of the SDK have such values. */
const asMessage = (value: ReturnType<Computed['value']>): Value =>
  typeof value === 'boolean' ? Number(value) : value;
