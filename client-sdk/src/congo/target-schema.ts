import { isDrcError } from '@drc/protocol';
import { escapeId } from 'mysql2';
import type { TableName } from './table-name.js';
import type { Target } from './target.js';
import type { TargetColumn } from './target-column.js';
import type { TargetTable } from './target-table.js';

/**
 * What the target has under this name; undefined where that is no table. A view is none. Until the transaction ends nobody
 * can alter the table.
 */
export async function readTable(target: Target, name: TableName): Promise<TargetTable | undefined> {
  await holdDefinition(target, name);
  const place = [name.schema, name.table];
  const [table] = await target.query<{ transactional: string | null }[]>(
    `SELECT e.TRANSACTIONS AS transactional FROM information_schema.TABLES t
     LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
     WHERE t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ? AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')`,
    place,
  );
  if (!table) return undefined;
  const columns = await target.query<ColumnRow[]>(
    `SELECT COLUMN_NAME AS name, LOWER(DATA_TYPE) AS dataType, COLUMN_TYPE AS columnType, LOWER(EXTRA) AS extra,
            NUMERIC_PRECISION AS numericPrecision, NUMERIC_SCALE AS numericScale, DATETIME_PRECISION AS fraction,
            CHARACTER_MAXIMUM_LENGTH AS length, IS_NULLABLE AS nullable, COLUMN_DEFAULT AS defaultText
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    place,
  );
  const keys = await target.query<KeyRow[]>(
    `SELECT INDEX_NAME AS name, COLUMN_NAME AS columnName, NULLABLE AS nullable, SUB_PART AS prefix
     FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX`,
    place,
  );
  // Shown only to who has the privilege TRIGGER on the table; nothing else tells of them.
  const triggers = await target.query<{ name: string }[]>(
    `SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS
     WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? ORDER BY TRIGGER_NAME`,
    place,
  );
  const [references] = await target.query<{ count: number | string }[]>(
    `SELECT COUNT(*) AS count FROM information_schema.REFERENTIAL_CONSTRAINTS
     WHERE (CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?) OR (UNIQUE_CONSTRAINT_SCHEMA = ? AND REFERENCED_TABLE_NAME = ?)`,
    [...place, ...place],
  );
  return {
    ...name,
    columns: new Map(columns.map((column) => [column.name.toLowerCase(), targetColumn(column)])),
    ...keysOf(keys),
    transactional: table.transactional === 'YES',
    foreignKeys: Number(references?.count ?? 0) > 0,
    triggers: triggers.map((trigger) => trigger.name),
  };
}

/**
 * To a session whose transaction has any table MariaDB's INFORMATION_SCHEMA leaves out, without an error, what is being
 * altered: the table, its columns, its keys or its triggers.
 */
async function holdDefinition(target: Target, { schema, table }: TableName): Promise<void> {
  try {
    await target.query(`SELECT 1 FROM ${escapeId(schema, true)}.${escapeId(table, true)} LIMIT 0`);
  } catch (error) {
    // What is not there, or may not be read, is told by whoever asks next.
    if (!isDrcError(error) || error.retryable) throw error;
  }
}

/** Numbers may come as text: they are 64-bit integers to the server. */
interface ColumnRow {
  readonly name: string;
  readonly dataType: string;
  readonly columnType: string;
  readonly extra: string;
  readonly numericPrecision: number | string | null;
  readonly numericScale: number | string | null;
  readonly fraction: number | string | null;
  readonly length: number | string | null;
  readonly nullable: string;
  readonly defaultText: string | null;
}

interface KeyRow {
  readonly name: string;
  /** NULL: an expression (MySQL). */
  readonly columnName: string | null;
  readonly nullable: string | null;
  readonly prefix: number | string | null;
}

function targetColumn(row: ColumnRow): TargetColumn {
  const nullable = row.nullable === 'YES';
  const autoIncrement = row.extra.includes('auto_increment');
  // 'STORED GENERATED', 'VIRTUAL GENERATED'; 'DEFAULT_GENERATED' is only a default.
  const generated = /(^|\s)(stored|virtual|persistent) generated/.test(row.extra);
  const isApproximate = row.dataType === 'float' || row.dataType === 'double';
  return {
    name: row.name,
    dataType: row.dataType,
    unsigned: /\bunsigned\b/i.test(row.columnType),
    precision: Number(row.numericPrecision ?? 0),
    scale: Number(row.numericScale ?? 0),
    decimals: isApproximate && row.numericScale !== null ? Number(row.numericScale) : undefined,
    labels: row.dataType === 'enum' || row.dataType === 'set' ? labelsOf(row.columnType) : [],
    fraction: row.fraction === null ? undefined : Number(row.fraction),
    length: Number(row.length ?? 0),
    nullable,
    autoIncrement,
    onUpdate: row.extra.includes('on update'),
    optional: nullable || autoIncrement || generated || row.defaultText !== null,
    generated,
  };
}

/** From `enum('a','it''s')`. The servers write a quote twice, and a backslash before what would not show. */
function labelsOf(columnType: string): string[] {
  const quoted = columnType.matchAll(/'((?:[^'\\]|''|\\.)*)'/gs);
  return Array.from(quoted, ([, text = '']) =>
    text.replace(/''|\\(.)/gs, (_, escaped: string | undefined) =>
      escaped === undefined ? "'" : (unescaped[escaped] ?? escaped),
    ),
  );
}

const unescaped: Readonly<Record<string, string>> = { 0: '\0', n: '\n', r: '\r' };

/** All unique keys; and the primary key, else the first that finds exactly one row. */
function keysOf(rows: readonly KeyRow[]): Pick<TargetTable, 'key' | 'uniqueKeys'> {
  const parts = new Map<string, KeyRow[]>();
  for (const row of rows) parts.set(row.name, [...(parts.get(row.name) ?? []), row]);
  const uniqueKeys = Array.from(parts, ([name, columns]) => ({
    name,
    columns: columns.map(({ columnName, prefix }) => ({
      name: columnName ?? undefined,
      prefix: prefix === null ? undefined : Number(prefix),
    })),
    nullable: columns.some(({ nullable }) => nullable === 'YES'),
  }));
  const usable = uniqueKeys.filter(
    ({ columns, nullable }) =>
      !nullable && columns.every(({ name, prefix }) => name !== undefined && prefix === undefined),
  );
  const best = usable.find(({ name }) => name === 'PRIMARY') ?? usable[0];
  return { uniqueKeys, key: best?.columns.map(({ name }) => name!) ?? [] };
}
