import mysql, { type RowDataPacket } from 'mysql2/promise';
import ZongJi from '@vlasky/zongji';
import type { Column, TableVersion } from '@drc/protocol';
import type { DatabaseServer } from '../../support/database-server.js';

/*
 * The two other opinions on a value: the server's own SELECT, and zongji's row decoding; and one form in which the
 * three can be compared: numbers of FLOAT and DOUBLE as numbers, bytes as hex, everything else as text.
 */
export type Plain = string | number | null | undefined;

/** Ours, as msgpackr reads it. */
export function plainOf(value: unknown): Plain {
  if (value === null || value === undefined) return value;
  if (typeof value === 'bigint') return value.toString();
  if (Buffer.isBuffer(value)) return value.toString('hex');
  return typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value);
}

export const plainRow = (version: TableVersion, values: readonly unknown[]): Plain[] =>
  values.map((value, index) => plainAs(version.columns[index]!, value));

export const plainAs = (column: Column, value: unknown): Plain => {
  const plain = plainOf(value);
  return typeof plain === 'number' && column.type !== 'float' && column.type !== 'double'
    ? String(plain)
    : plain;
};

export async function connectPlainly(server: DatabaseServer): Promise<mysql.Connection> {
  const connection = await server.connect({ charset: 'utf8mb4', multipleStatements: true });
  await connection.query("SET time_zone = '+00:00', sql_mode = ''");
  return connection;
}

/** What SELECT shows, ordered by the first column. */
export async function selectRows(connection: mysql.Connection, version: TableVersion): Promise<Plain[][]> {
  const names = version.columns.map(({ name, type }) =>
    // FLOAT alone is printed with six digits.
    type === 'float' ? `CAST(${escaped(name)} AS DOUBLE)` : escaped(name),
  );
  const table = `${escaped(version.schema)}.${escaped(version.table)}`;
  const [rows] = await connection.query<RowDataPacket[][]>({
    sql: `SELECT ${names.join(', ')} FROM ${table} ORDER BY 1`,
    rowsAsArray: true,
    typeCast: (field) => field.buffer(),
  });
  return rows.map((row) =>
    row.map((bytes, index) => plainOfText(version.columns[index]!, bytes as Buffer | null)),
  );
}

const escaped = (name: string): string => mysql.escapeId(name, true);

function plainOfText(column: Column, bytes: Buffer | null): Plain {
  if (bytes === null) return null;
  switch (column.type) {
    case 'float':
    case 'double':
      return Number(bytes.toString('latin1'));
    case 'year':
      return String(Number(bytes.toString('latin1')));
    case 'bytes':
    case 'bit':
    case 'geometry':
    case 'vector':
      return bytes.toString('hex');
    default:
      return bytes.toString('utf8');
  }
}

interface ZongjiRow {
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
}

/**
 * Rows as zongji decodes them, by table: an insert or delete is one, an update two. Reads a binlog file from its
 * beginning up to the table `last`.
 * @param excludeSchema tables by schema that it would fail at
 */
export async function zongjiRows(
  server: DatabaseServer,
  filename: string,
  last: string,
  excludeSchema: Record<string, string[]> = {},
): Promise<Map<string, Readonly<Record<string, unknown>>[]>> {
  const zongji = new ZongJi({
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    dateStrings: true,
    timezone: 'Z',
    jsonStrings: true,
  });
  const tables = new Map<string, Readonly<Record<string, unknown>>[]>();
  try {
    await new Promise<void>((resolve, reject) => {
      zongji.on('error', reject);
      zongji.on('binlog', (event) => {
        const { rows, tableId, tableMap } = event as unknown as {
          rows?: readonly (ZongjiRow & Readonly<Record<string, unknown>>)[];
          tableId: number;
          tableMap: Readonly<Record<number, { tableName: string }>>;
        };
        if (rows === undefined) return;
        const table = tableMap[tableId]!.tableName;
        if (table === last) resolve();
        const list = tables.get(table) ?? [];
        tables.set(table, list);
        const isUpdate = event.getEventName() === 'updaterows';
        for (const row of rows) {
          if (isUpdate) list.push(row.before!, row.after!);
          else list.push(row);
        }
      });
      zongji.start({
        serverId: 4_000_000 + Math.floor(Math.random() * 1_000_000),
        filename,
        position: 4,
        excludeSchema,
        includeEvents: ['tablemap', 'writerows', 'updaterows', 'deleterows', 'rotate'],
      });
    });
  } finally {
    zongji.stop();
  }
  return tables;
}
