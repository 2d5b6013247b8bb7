import {
  encodeDdl,
  isTransactionId,
  partHeaderBytes,
  PartKind,
  schemaIdOf,
  type Column,
  type ColumnType,
  type Ddl,
  type PartKindCode,
  type Row,
  type TableVersion,
} from '@drc/protocol';
import type { AnyTables, TableOf } from '../change.js';
import { encodeImage } from './image-encoder.js';
import type { MadeSlice, MadeTransaction } from './slice.js';

/**
 * A column: its type, or more than that (of DECIMAL at least `precision` and `scale`). NULL may stand in it unless it is part
 * of the primary key, or `nullable` says otherwise.
 */
export type TestColumn =
  | Exclude<ColumnType, 'decimal'>
  | (Omit<Column, 'name' | 'nullable'> & { readonly nullable?: boolean });

/** A table as a test describes it. */
export interface TestTable {
  /** In the table's order. */
  readonly columns: Readonly<Record<string, TestColumn>>;
  /** Names of its columns, in key order. Default: the table has none. */
  readonly primaryKey?: readonly string[];
}

/** By `schema.table`. A `TableVersion`, as a change carries it, will do too. */
export type TestTables = Readonly<Record<string, TestTable | TableVersion>>;

/** A change of a row, in the types in which the SDK delivers rows; or a statement, of which the verb is enough. */
export type TestChange<S = AnyTables> =
  | {
      [T in TableOf<S>]:
        | { readonly kind: 'insert'; readonly table: T; readonly after: S[T] }
        | { readonly kind: 'update'; readonly table: T; readonly before: S[T]; readonly after: S[T] }
        | { readonly kind: 'delete'; readonly table: T; readonly before: S[T] };
    }[TableOf<S>]
  | { readonly kind: 'ddl'; readonly ddl: Pick<Ddl, 'verb'> & Partial<Ddl> };

export interface TestTransaction<S = AnyTables> {
  /** In the order in which they arrive. */
  readonly changes: readonly TestChange<S>[];
  /** `Transaction.id`. Default: the one behind the transaction before, `0-1-1` at first. */
  readonly id?: string;
  /** Default: a second behind the transaction before; the first is of 2026-01-01T00:00:01Z. */
  readonly commitTime?: Date;
  /** Default: not known. */
  readonly origin?: string;
}

/**
 * Transactions written by hand: each row has a value for each column of its table.
 * @param tables those of the changes; without any transaction: tables that there are
 * @throws TypeError, naming table and column, where a change does not fit its table
 */
export function sliceOf<S = AnyTables>(
  transactions: readonly TestTransaction<S>[],
  tables: TestTables,
): MadeSlice {
  const versions = new Map(
    Object.entries(tables).map(([name, table]) => [name, tableVersionOf(name, table)]),
  );
  const made = transactions.map((transaction) => madeOf(transaction, (name) => versions.get(name)));
  const rows = transactions
    .flatMap(({ changes }) => changes as readonly TestChange[])
    .filter(({ kind }) => kind !== 'ddl').length;
  return { kind: 'made', tables: [...versions.values()], transactions: made.length, rows, made };
}

/** @throws TypeError, as `sliceOf`. */
export function madeOf<S>(
  { changes, id, commitTime, origin = '' }: TestTransaction<S>,
  tableOf: (name: string) => TableVersion | undefined,
): MadeTransaction {
  if (id !== undefined && !isTransactionId(id)) throw new TypeError(`'${id}' is no id of a transaction.`);
  if (changes.length === 0) throw new TypeError('A transaction has at least one change.');
  const time = commitTime?.getTime();
  if (time !== undefined && !(time >= 0)) throw new TypeError('commitTime is no time since 1970.');
  const parts = (changes as readonly TestChange[]).map((change) => partOf(change, tableOf));
  return {
    id,
    commitTime: time === undefined ? undefined : time * 1000,
    origin,
    parts: Buffer.concat(parts),
  };
}

function partOf(change: TestChange, tableOf: (name: string) => TableVersion | undefined): Buffer {
  if (change.kind === 'ddl') return part(PartKind.ddl, encodeDdl({ ...plainDdl, ...change.ddl }));
  const version = tableOf(change.table);
  if (version === undefined) throw new TypeError(`The table ${change.table} was not described.`);
  const images = imagesOf(change).map((row) => encodeImage(version, row));
  const count = Buffer.alloc(4);
  count.writeUInt32LE(1);
  return part(PartKind[change.kind], Buffer.concat([schemaIdOf(version), count, ...images]));
}

function imagesOf(change: Exclude<TestChange, { kind: 'ddl' }>): readonly Row[] {
  switch (change.kind) {
    case 'insert':
      return [change.after];
    case 'update':
      return [change.before, change.after];
    case 'delete':
      return [change.before];
  }
}

function part(kind: PartKindCode, body: Buffer): Buffer {
  const head = Buffer.alloc(partHeaderBytes);
  head[0] = kind;
  head.writeUInt32LE(body.length, 2);
  return Buffer.concat([head, body]);
}

/** 33 and 45: utf8 and utf8mb4_general_ci. */
const plainDdl = {
  tables: [],
  defaultSchema: '',
  sqlMode: 0,
  charset: [33, 45, 45],
  timeZone: 'SYSTEM',
} as const satisfies Omit<Ddl, 'verb'>;

/** @throws TypeError where the description makes no sense. */
export function tableVersionOf(name: string, description: TestTable | TableVersion): TableVersion {
  if ('schema' in description) return description;
  const dot = name.indexOf('.');
  if (dot < 1 || dot === name.length - 1)
    throw new TypeError(`'${name}' names no table; write schema.table.`);
  const { columns: described, primaryKey = [] } = description;
  const names = Object.keys(described);
  const unknown = primaryKey.find((column) => !names.includes(column));
  if (unknown !== undefined) throw new TypeError(`${name}: the primary key's ${unknown} is no column.`);
  return {
    schema: name.slice(0, dot),
    table: name.slice(dot + 1),
    columns: names.map((column) => {
      const version = columnOf(column, described[column]!, !primaryKey.includes(column));
      if (version.type === 'decimal' && version.scale === undefined)
        throw new TypeError(`${name}: ${column} is decimal; say { type: 'decimal', precision, scale }.`);
      return version;
    }),
    primaryKey: primaryKey.map((column) => names.indexOf(column)),
  };
}

function columnOf(name: string, column: TestColumn, nullable: boolean): Column {
  const more = typeof column === 'string' ? { type: column } : column;
  const { type } = more;
  const isInteger = type === 'int' || type === 'bigint';
  return {
    name,
    nullable,
    ...(isInteger || type === 'decimal' ? { unsigned: false } : {}),
    ...more,
  };
}
