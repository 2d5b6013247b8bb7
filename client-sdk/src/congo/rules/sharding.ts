import { compileComputed, type Computed, DrcError, type TableVersion } from '@drc/protocol';
import { crc32 } from 'node:zlib';

/**
 * Divides the rows of a table among several.
 * `by`: an SQL expression over the source's columns, as a rule one column's name.
 * `with`: `mod`, the rest of an integer divided by the number of shards, never negative (the default) · `hash`, CRC32 of the value's text as
 * MySQL's CRC32() has it, divided likewise · `range` and `list`, by the values that `into` gives.
 * `into`: `mod` and `hash`: how many · `range`: shards with their upper ends, in rising order, the last without one · `list`: by name,
 * the values; `'*'` takes what no other names.
 * `tablesPerSchema`: for `{shard.schema}` and `{shard.table}`: shard 5 with four tables a schema is table 1 of schema 1.
 */
export interface ShardRule {
  readonly by: string;
  readonly with?: 'mod' | 'hash' | 'range' | 'list';
  readonly into: number | readonly ShardRange[] | Readonly<Record<string, ShardValues>>;
  readonly tablesPerSchema?: number;
}

/** Values below `below` that no earlier range has; without it, all that is left. */
export interface ShardRange {
  readonly name: string;
  readonly below?: string | number;
}

export type ShardValues = '*' | readonly (string | number)[];

/** One of the parts, as `to` names it. */
export interface Shard {
  readonly name: string;
  readonly schema: string;
  readonly table: string;
}

export const maxShards = 4096;

/** All shards of a rule, whatever rows come. */
export function shardsOf(rule: ShardRule): readonly Shard[] {
  if (typeof rule.into === 'number')
    return Array.from({ length: rule.into }, (_, index) => numbered(index, rule));
  const names = isRanges(rule.into) ? rule.into.map(({ name }) => name) : Object.keys(rule.into);
  return names.map(named);
}

/** What is wrong with the rule itself, each `field: what`. */
export function shardFaults(rule: ShardRule): string[] {
  const { into, tablesPerSchema } = rule;
  const how = rule.with ?? 'mod';
  const faults: string[] = [];
  if (how === 'mod' || how === 'hash') {
    if (typeof into !== 'number' || !Number.isInteger(into) || into < 1 || into > maxShards)
      return [`into: ${how} needs a number of shards, 1 to ${maxShards}`];
    if (tablesPerSchema !== undefined && (tablesPerSchema < 1 || into % tablesPerSchema !== 0))
      faults.push(`tablesPerSchema: ${into} shards cannot be divided by ${tablesPerSchema}`);
    return faults;
  }
  if (tablesPerSchema !== undefined) faults.push(`tablesPerSchema: goes with mod and hash only`);
  if (how === 'range') {
    if (typeof into === 'number' || !isRanges(into) || into.length === 0)
      return [...faults, 'into: range needs a list of shards, each with name and below'];
    const open = into.findIndex(({ below }) => below === undefined);
    if (open >= 0 && open < into.length - 1)
      faults.push(`into.${open + 1}: is never reached, the one before takes all that is left`);
    return faults;
  }
  if (typeof into === 'number' || isRanges(into) || Object.keys(into).length === 0)
    return [...faults, "into: list needs shards by name, each with its values or '*'"];
  const seen = new Map<string, string>();
  for (const [name, values] of Object.entries(into)) {
    for (const value of values === '*' ? ['*'] : values.map(String)) {
      const other = seen.get(value);
      if (other !== undefined) faults.push(`into.${name}: '${value}' belongs to ${other} already`);
      else seen.set(value, name);
    }
  }
  return faults;
}

/** A shard rule, bound to a table version. */
export interface Sharding {
  /** Indexes of the columns on which it depends. */
  readonly columns: readonly number[];
  /** @throws DrcError `SHARD_UNKNOWN` where no shard takes the value */
  of(row: readonly unknown[]): Shard;
}

/** @throws DrcError `CONDITION_INVALID` */
export function compileSharding(rule: ShardRule, version: TableVersion): Sharding {
  const by = compileComputed(rule.by, version);
  const find = finder(rule, by);
  return {
    columns: by.columns,
    of: (row) => {
      const value = by.value(row);
      const shard = value === null ? undefined : find(value);
      if (shard) return shard;
      throw new DrcError(
        'SHARD_UNKNOWN',
        `No shard takes ${shown(value)}, which '${rule.by}' gives for a row of ${version.schema}.${version.table}.`,
        { by: rule.by, value: shown(value) },
      );
    },
  };
}

type ByValue = NonNullable<ReturnType<Computed['value']>>;

function finder(rule: ShardRule, by: Computed): (value: ByValue) => Shard | undefined {
  const { into } = rule;
  if (typeof into === 'number') {
    const shards = shardsOf(rule);
    if (rule.with === 'hash') return (value) => shards[crc32(bytesOf(value)) % into];
    mustBeInteger(by, rule);
    const count = BigInt(into);
    return (value) => {
      const key = integerOf(value);
      return key === undefined ? undefined : shards[Number(((key % count) + count) % count)];
    };
  }
  if (isRanges(into)) return rangeFinder(into, by, rule);
  const byValue = new Map<string, Shard>();
  let rest: Shard | undefined;
  for (const [name, values] of Object.entries(into)) {
    if (values === '*') rest = named(name);
    else for (const value of values) byValue.set(String(value), named(name));
  }
  return (value) => byValue.get(bytesOf(value).toString()) ?? rest;
}

function rangeFinder(
  ranges: readonly ShardRange[],
  by: Computed,
  rule: ShardRule,
): (value: ByValue) => Shard | undefined {
  const isNumber = by.kind === 'integer' || by.kind === 'exact';
  const ends = ranges.map(({ name, below }) => ({
    shard: named(name),
    below: below === undefined ? undefined : isNumber ? integerEnd(below, rule) : Buffer.from(String(below)),
  }));
  if (isNumber) mustBeInteger(by, rule);
  return (value) => {
    const key = isNumber ? integerOf(value) : bytesOf(value);
    if (key === undefined) return undefined;
    const isBelow = (end: bigint | Buffer): boolean =>
      typeof key === 'bigint' ? key < (end as bigint) : Buffer.compare(key, end as Buffer) < 0;
    return ends.find(({ below }) => below === undefined || isBelow(below))?.shard;
  };
}

function integerEnd(below: string | number, rule: ShardRule): bigint {
  if (/^-?\d+$/.test(String(below))) return BigInt(below);
  throw new DrcError(
    'CONDITION_INVALID',
    `shard.into: '${below}' is no integer, and '${rule.by}' gives integers.`,
    {},
  );
}

/** Undefined for an exact number with decimal places. */
const integerOf = (value: ByValue): bigint | undefined => {
  const digits = /^(-?\d+)(?:\.0*)?$/.exec(String(value))?.[1];
  return digits === undefined ? undefined : BigInt(digits);
};

function mustBeInteger({ kind }: Computed, { by }: ShardRule): void {
  // An exact number may have decimal places: no shard takes a row that has them.
  if (kind === 'integer' || kind === 'exact') return;
  throw new DrcError(
    'CONDITION_INVALID',
    `shard.by: '${by}' gives no integer; use with: hash, range or list.`,
    {},
  );
}

const isRanges = (into: Exclude<ShardRule['into'], number>): into is readonly ShardRange[] =>
  Array.isArray(into);

/** As CRC32() of MySQL sees it. */
const bytesOf = (value: ByValue): Buffer =>
  Buffer.isBuffer(value)
    ? value
    : Buffer.from(typeof value === 'boolean' ? String(Number(value)) : String(value));

const shown = (value: ByValue | null): string =>
  value === null ? 'NULL' : Buffer.isBuffer(value) ? `0x${value.toString('hex')}` : String(value);

const named = (name: string): Shard => ({ name, schema: name, table: name });

function numbered(index: number, { tablesPerSchema, into }: ShardRule): Shard {
  const perSchema = tablesPerSchema ?? (into as number);
  return {
    name: String(index),
    schema: String(Math.floor(index / perSchema)),
    table: String(index % perSchema),
  };
}
