import { createHash } from 'node:crypto';

/**
 * What a column delivers (the message type; the SDK's value type stands behind it).
 * - `int` TINYINT…INT, `year`: number · `bigint`: bigint · `decimal`: exact text · `float`, `double`: number
 * - `date`, `datetime`, `time`, `timestamp` (UTC): text as the server prints it
 * - `text`, `json`, `enum`, `set`, `uuid`, `inet4`, `inet6`: text · `bytes`, `bit`, `geometry`: Buffer · `vector`: Float32Array
 */
export type ColumnType =
  | 'int'
  | 'bigint'
  | 'year'
  | 'decimal'
  | 'float'
  | 'double'
  | 'date'
  | 'datetime'
  | 'time'
  | 'timestamp'
  | 'text'
  | 'bytes'
  | 'bit'
  | 'enum'
  | 'set'
  | 'json'
  | 'geometry'
  | 'vector'
  | 'uuid'
  | 'inet4'
  | 'inet6';

/** One column of a table version. Fields that do not apply to the type are absent. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Integers, decimals and floats: true where the column is UNSIGNED. */
  readonly unsigned?: boolean;
  /** `text`, `bytes`: maximum length in bytes. `bit`: in bits. `vector`: in dimensions. `int`: width in bytes. */
  readonly length?: number;
  /** `bytes`: true for BINARY(n), whose values are padded to `length`. `text`: true for CHAR(n). */
  readonly fixed?: boolean;
  /** `decimal`: digits in all and after the point. Temporal types: `scale` is the fractional digits, 0-6. */
  readonly precision?: number;
  readonly scale?: number;
  /** Text, ENUM and SET: the column's collation id in the source, e.g. 45 = utf8mb4_general_ci. */
  readonly collation?: number;
  /** ENUM and SET: the labels in definition order. */
  readonly labels?: readonly string[];
}

/**
 * A table as it was while some rows were written. Never changed: an ALTER makes another version.
 * `primaryKey` holds indexes into `columns`, in key order; empty where the table has none.
 */
export interface TableVersion {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly Column[];
  readonly primaryKey: readonly number[];
}

const columnKeys = [
  'name',
  'type',
  'nullable',
  'unsigned',
  'length',
  'fixed',
  'precision',
  'scale',
  'collation',
  'labels',
] as const satisfies readonly (keyof Column)[];

/** The canonical text of a table version: JSON with keys in the order of the types above, absent keys left out. */
export function canonicalTableVersion(version: TableVersion): string {
  const columns = version.columns.map((column) =>
    Object.fromEntries(
      columnKeys.filter((key) => column[key] !== undefined).map((key) => [key, column[key]]),
    ),
  );
  return JSON.stringify({
    schema: version.schema,
    table: version.table,
    columns,
    primaryKey: version.primaryKey,
  });
}

export const schemaIdBytes = 16;

/** The first 16 bytes of the SHA-256 of the canonical text: equal in all stores of a topic. */
export function schemaIdOf(version: TableVersion): Buffer {
  return createHash('sha256').update(canonicalTableVersion(version)).digest().subarray(0, schemaIdBytes);
}
