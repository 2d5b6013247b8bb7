import { createHash } from 'node:crypto';
import type { Flavour } from './database-server.js';
import type { SpecChange, SpecRow, SpecStatement, SpecTransaction, SpecValue } from './spec-hub.js';

/** What a file of test/specs says of one server: statements, and exactly the changes that a reader gets from them. */
export interface Spec {
  readonly title: string;
  readonly statements: readonly SpecStatement[];
  readonly expected: readonly SpecTransaction[];
  /** The one server that it is about. */
  readonly only?: Flavour;
  /** Why it does not hold yet on this server. */
  readonly pending?: string;
  /** The code of the error with which capture stops at the end. */
  readonly stop?: string;
  /** What the server is started with, beside what all servers of tests are. */
  readonly serverArguments?: readonly string[];
}

/** A list of transactions, flat. */
type Entry = 'begin' | SpecChange | 'commit';

/**
 * Whether two lists of transactions are the same: equal transactions in equal order, equal changes in equal order,
 * equal columns, and values equal in type and content (1 is not 1n, text is not bytes, -0 is not 0). Only the order
 * of columns within a row does not count.
 */
export const matches = (expected: readonly SpecTransaction[], actual: readonly SpecTransaction[]): boolean =>
  firstDifference(entriesOf(expected), entriesOf(actual)) === undefined;

/** Where two lists of transactions do not match, as a diff for people; undefined where they do. */
export function difference(
  expected: readonly SpecTransaction[],
  actual: readonly SpecTransaction[],
): string | undefined {
  const wanted = entriesOf(expected);
  const got = entriesOf(actual);
  const first = firstDifference(wanted, got);
  if (first === undefined) return undefined;
  const show = (entries: readonly Entry[], sign: string): string[] =>
    entries.map((entry) => `${sign} ${printEntry(entry)}`);
  return [
    ...show(wanted.slice(Math.max(0, first - 3), first), ' '),
    ...show(wanted.slice(first, first + 10), '-'),
    ...show(got.slice(first, first + 10), '+'),
  ].join('\n');
}

function firstDifference(wanted: readonly Entry[], got: readonly Entry[]): number | undefined {
  const length = Math.max(wanted.length, got.length);
  for (let at = 0; at < length; at++) if (!areSame(wanted[at], got[at])) return at;
  return undefined;
}

const entriesOf = (transactions: readonly SpecTransaction[]): Entry[] =>
  transactions.flatMap(({ changes }): Entry[] => ['begin', ...changes, 'commit']);

function areSame(left: Entry | undefined, right: Entry | undefined): boolean {
  if (typeof left !== 'object' || typeof right !== 'object') return left === right;
  if (left.kind === 'ddl' || right.kind === 'ddl')
    return left.kind === right.kind && printChange(left) === printChange(right);
  if (left.kind !== right.kind || left.table !== right.table || printFlags(left) !== printFlags(right))
    return false;
  const images = (change: SpecChange): (SpecRow | undefined)[] => [
    'before' in change ? change.before : undefined,
    'after' in change ? change.after : undefined,
  ];
  const others = images(right);
  return images(left).every((row, at) => areSameRows(row ?? {}, others[at] ?? {}));
}

const areSameRows = (left: SpecRow, right: SpecRow): boolean =>
  Object.keys(left).length === Object.keys(right).length &&
  Object.entries(left).every(
    ([name, value]) => Object.hasOwn(right, name) && areSameValues(value, right[name]!),
  );

function areSameValues(left: SpecValue, right: SpecValue): boolean {
  if (left instanceof Float32Array && right instanceof Float32Array)
    return left.length === right.length && left.every((value, at) => Object.is(value, right[at]));
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  return Object.is(left, right);
}

const printEntry = (entry: Entry): string => (typeof entry === 'string' ? entry : `  ${printChange(entry)}`);

function printChange(change: SpecChange): string {
  switch (change.kind) {
    case 'ddl': {
      const { verb, tables, text } = change.ddl;
      const shown = text === undefined ? ' without text' : `: ${printValue(text)}`;
      return `ddl ${JSON.stringify(verb)} ${tables.map((table) => JSON.stringify(table)).join(', ')}${shown}`;
    }
    case 'sequence':
      return `sequence ${JSON.stringify(change.table)} ${printRow(change.after)}`;
    case 'update':
      return `update ${JSON.stringify(change.table)} ${printRow(change.before)} -> ${printRow(change.after)}${printFlags(change)}`;
    case 'insert':
      return `insert ${JSON.stringify(change.table)} ${printRow(change.after)}${printFlags(change)}`;
    case 'delete':
      return `delete ${JSON.stringify(change.table)} ${printRow(change.before)}${printFlags(change)}`;
  }
}

/** Checks are on unless said otherwise; a sequence has none. */
const printFlags = (change: SpecChange): string =>
  ('foreignKeyChecks' in change && !change.foreignKeyChecks ? ' foreign_key_checks=0' : '') +
  ('uniqueChecks' in change && !change.uniqueChecks ? ' unique_checks=0' : '');

function printRow(row: SpecRow): string {
  const names = Object.keys(row).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}: ${printValue(row[name]!)}`).join(', ')}}`;
}

const longestShown = 200;

function printValue(value: SpecValue): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'string':
      return value.length <= longestShown
        ? JSON.stringify(value)
        : `${JSON.stringify(value.slice(0, 40))}… (${value.length} long, ${digest(Buffer.from(value))})`;
    case 'bigint':
      return `${value}n`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'object':
      return value instanceof Float32Array ? `[${value.join(', ')}]` : printBytes(value);
    default:
      return `not a value: ${typeof value}`;
  }
}

function printBytes(value: Uint8Array): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.length <= longestShown) return `x"${bytes.toString('hex')}"`;
  return `x"${bytes.toString('hex', 0, 40)}"… (${bytes.length} long, ${digest(bytes)})`;
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Expectations that differ from the given one in one place each: every one of them must fail. */
export function alterations(expected: readonly SpecTransaction[]): (readonly SpecTransaction[])[] {
  const altered: (readonly SpecTransaction[])[] = [[...expected, { changes: [] }]];
  expected.forEach((transaction, index) => {
    const replace = (...by: SpecTransaction[]): void => {
      altered.push([...expected.slice(0, index), ...by, ...expected.slice(index + 1)]);
    };
    const { changes } = transaction;
    replace();
    replace(transaction, transaction);
    // The borders of transactions count, too.
    if (changes.length > 1) replace({ changes: changes.slice(0, 1) }, { changes: changes.slice(1) });
    changes.forEach((change, at) => {
      for (const other of alterChange(change)) replace({ changes: changes.with(at, other) });
      replace({ changes: changes.toSpliced(at, 1) });
      replace({ changes: changes.toSpliced(at, 0, change) });
    });
  });
  return altered;
}

function alterChange(change: SpecChange): SpecChange[] {
  switch (change.kind) {
    case 'ddl':
      return [{ kind: 'ddl', ddl: { ...change.ddl, text: `${change.ddl.text ?? ''} ` } }];
    case 'sequence':
      return alterRow(change.after).map((after) => ({ ...change, after }));
    case 'insert':
      return [
        { ...change, foreignKeyChecks: !change.foreignKeyChecks },
        { ...change, table: `${change.table}2` },
        ...alterRow(change.after).map((after) => ({ ...change, after })),
      ];
    case 'delete':
      return alterRow(change.before).map((before) => ({ ...change, before }));
    case 'update':
      return [
        ...alterRow(change.before).map((before) => ({ ...change, before })),
        ...alterRow(change.after).map((after) => ({ ...change, after })),
      ];
  }
}

function alterRow(row: SpecRow): SpecRow[] {
  const entries = Object.entries(row);
  const rows = entries.map(([name, value], at) => rowOf(entries.with(at, [name, alterValue(value)])));
  const fewer = entries.length > 0 ? [rowOf(entries.slice(1))] : [];
  return [...rows, ...fewer, rowOf([...entries, ['one column more', null]])];
}

function alterValue(value: SpecValue): SpecValue {
  if (value === null) return '';
  switch (typeof value) {
    case 'bigint':
      return value < Number.MAX_SAFE_INTEGER ? Number(value) : value + 1n;
    case 'number':
      return Object.is(value, 0) ? -0 : String(value);
    case 'string':
      return `${value} `;
    default:
      return value instanceof Float32Array ? null : Buffer.concat([value, Buffer.of(0)]);
  }
}

/** A row with these columns. `__proto__` is a column like any other. */
export const rowOf = (entries: readonly (readonly [string, SpecValue])[]): SpecRow =>
  Object.fromEntries(entries);
