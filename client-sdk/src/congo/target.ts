import {
  type Connection,
  type ConnectionOptions,
  type ResultSetHeader,
  createConnection,
} from 'mysql2/promise';
import { DrcError } from '@drc/protocol';
import type { Bound } from './statements.js';
import type { TableName } from './rules.js';
import type { TargetColumn, TargetTable } from './target-table.js';

/** How to reach the target. */
export interface TargetOptions {
  readonly host: string;
  /** default 3306 */
  readonly port?: number;
  readonly user: string;
  readonly password?: string;
  readonly ssl?: ConnectionOptions['ssl'];
  /** Time to connect, ms. Default 10,000. */
  readonly connectTimeoutMs?: number;
}

/**
 * One session on the target, with the settings under which a source's values are stored as they are: zero and partial
 * dates, 0 in AUTO_INCREMENT columns, UTC, every character. Without strict mode a value that does not fit would be
 * cut silently, therefore each warning of a row statement is an error (`VALUE_TRUNCATED`).
 */
export class Target implements AsyncDisposable {
  readonly #connection: Connection;
  /** Of this session on the server, for KILL by a process that takes over. */
  readonly connectionId: number;
  /** As the row event wrote them; sent only when they change. */
  #checks = { foreignKey: true, unique: true };

  private constructor(connection: Connection, connectionId: number) {
    this.#connection = connection;
    this.connectionId = connectionId;
  }

  /** @throws DrcError `TARGET_UNREACHABLE`, `TARGET_CONFIG`. */
  static async open(options: TargetOptions): Promise<Target> {
    try {
      const connection = await createConnection({
        host: options.host,
        port: options.port ?? 3306,
        user: options.user,
        ...(options.password === undefined ? {} : { password: options.password }),
        ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
        connectTimeout: options.connectTimeoutMs ?? 10_000,
        charset: 'utf8mb4',
        supportBigNumbers: true,
        bigNumberStrings: true,
        dateStrings: true,
        timezone: 'Z',
        multipleStatements: false,
        flags: ['-LOCAL_FILES'],
      });
      // The connection reports a loss to whoever waits for an answer; without a listener Node would end the process.
      connection.on('error', () => undefined);
      await connection.query(
        `SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00',
         ${await isolationVariable(connection)} = 'READ-COMMITTED'`,
      );
      return new Target(connection, connection.threadId);
    } catch (cause) {
      throw targetError(cause, 'Connecting to the target failed');
    }
  }

  /** Runs a statement that is not a row change. */
  async query<Rows extends object[]>(sql: string, values: readonly Bound[] = []): Promise<Rows> {
    try {
      const [rows] = await this.#connection.query(sql, [...values]);
      return rows as unknown as Rows;
    } catch (cause) {
      throw targetError(cause, 'The target refused a statement');
    }
  }

  /**
   * Runs one row statement. @returns the rows it matched (an update that changes nothing counts).
   * @throws DrcError `VALUE_TRUNCATED`, `ROW_DUPLICATE`, `TARGET_REFUSED`, `TARGET_CONFIG`, `TARGET_UNREACHABLE`.
   */
  async write(
    sql: string,
    values: readonly Bound[],
    mayTruncate: (warning: Warning) => boolean,
  ): Promise<number> {
    let header: ResultSetHeader;
    try {
      [header] = await this.#connection.execute<ResultSetHeader>(sql, [...values]);
    } catch (cause) {
      throw targetError(cause, 'The target refused a row');
    }
    if (header.warningStatus > 0) {
      const warnings = await this.query<Warning[]>('SHOW WARNINGS');
      const worst = warnings.find((warning) => warning.Level !== 'Note' && !mayTruncate(warning));
      if (worst) throw new DrcError('VALUE_TRUNCATED', `The target would change a value: ${worst.Message}.`);
    }
    return header.affectedRows;
  }

  /** Makes the session's checks those under which the source wrote the rows. */
  async setChecks(foreignKey: boolean, unique: boolean): Promise<void> {
    if (foreignKey === this.#checks.foreignKey && unique === this.#checks.unique) return;
    await this.query(
      `SET SESSION foreign_key_checks = ${Number(foreignKey)}, unique_checks = ${Number(unique)}`,
    );
    this.#checks = { foreignKey, unique };
  }

  /** What the target has under this name, or undefined. */
  async table(name: TableName): Promise<TargetTable | undefined> {
    const [table] = await this.query<{ transactional: string | null }[]>(
      `SELECT e.TRANSACTIONS AS transactional FROM information_schema.TABLES t
       LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
       WHERE t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ? AND t.TABLE_TYPE = 'BASE TABLE'`,
      [name.schema, name.table],
    );
    if (!table) return undefined;
    const columns = await this.query<ColumnRow[]>(
      `SELECT COLUMN_NAME AS name, LOWER(DATA_TYPE) AS dataType, COLUMN_TYPE AS columnType, EXTRA AS extra,
              NUMERIC_PRECISION AS numericPrecision, NUMERIC_SCALE AS numericScale
       FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
      [name.schema, name.table],
    );
    const keys = await this.query<KeyRow[]>(
      `SELECT INDEX_NAME AS name, COLUMN_NAME AS columnName, NULLABLE AS nullable, SUB_PART AS prefix
       FROM information_schema.STATISTICS
       WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX`,
      [name.schema, name.table],
    );
    return {
      ...name,
      columns: new Map(columns.map((column) => [column.name.toLowerCase(), targetColumn(column)])),
      key: bestKey(keys),
      transactional: table.transactional === 'YES',
    };
  }

  /** Ends the session; what was not committed is rolled back by the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.end().catch(() => this.#connection.destroy());
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#connection.destroy();
  }
}

export interface Warning {
  readonly Level: 'Note' | 'Warning' | 'Error';
  readonly Code: number;
  readonly Message: string;
}

interface ColumnRow {
  readonly name: string;
  readonly dataType: string;
  readonly columnType: string;
  readonly extra: string;
  readonly numericPrecision: number | string | null;
  readonly numericScale: number | string | null;
}

interface KeyRow {
  readonly name: string;
  readonly columnName: string | null;
  readonly nullable: string | null;
  readonly prefix: number | string | null;
}

const targetColumn = (row: ColumnRow): TargetColumn => ({
  name: row.name,
  dataType: row.dataType,
  unsigned: /\bunsigned\b/i.test(row.columnType),
  precision: Number(row.numericPrecision ?? 0),
  scale: Number(row.numericScale ?? 0),
  // 'STORED GENERATED', 'VIRTUAL GENERATED'; 'DEFAULT_GENERATED' is only a default
  generated: /(^|\s)(STORED|VIRTUAL|PERSISTENT) GENERATED/i.test(row.extra),
});

/** The primary key, else the first unique key that finds exactly one row. */
function bestKey(rows: readonly KeyRow[]): readonly string[] {
  const keys = new Map<string, KeyRow[]>();
  for (const row of rows) keys.set(row.name, [...(keys.get(row.name) ?? []), row]);
  const usable = [...keys].filter(([, parts]) =>
    parts.every((part) => part.columnName !== null && part.nullable !== 'YES' && part.prefix === null),
  );
  const [, parts] = usable.find(([name]) => name === 'PRIMARY') ?? usable[0] ?? ['', []];
  return parts.map((part) => part.columnName!);
}

/** MySQL 8 removed `tx_isolation`, MariaDB has `transaction_isolation` from 11.1 only. */
async function isolationVariable(connection: Connection): Promise<string> {
  const [rows] = await connection.query<never[]>(`SHOW VARIABLES LIKE 't%_isolation'`);
  const names = (rows as { Variable_name: string }[]).map((row) => row.Variable_name);
  return names.includes('transaction_isolation') ? 'transaction_isolation' : 'tx_isolation';
}

/** Losses and refusals that pass: the transaction is tried again as a whole. */
const passing = new Set([
  1040, // too many connections
  1053, // server shutdown in progress
  1205, // lock wait timeout
  1213, // deadlock
  1290, // read-only
  1317, // query interrupted
  1792, // read-only transaction
  1836, // read-only mode
  1927, // connection was killed
  2006, // server has gone away
  2013, // lost connection
  3101, // rolled back by the group
  3169, // session was killed
]);
const configuration = new Set([1044, 1045, 1049, 1054, 1142, 1143, 1146, 1227]);

/** Sorts an error of mysql2 by number, never by its text. */
export function targetError(cause: unknown, what: string): DrcError {
  if (cause instanceof DrcError) return cause;
  if (cause instanceof TypeError) return new DrcError('INTERNAL', `${what}: ${cause.message}`, {}, { cause });
  const error = cause as { errno?: number; code?: string; message?: string; fatal?: boolean };
  const details = {
    ...(error.errno === undefined ? {} : { errno: error.errno }),
    ...(error.code ? { reason: error.code } : {}),
  };
  const message = `${what}: ${error.message ?? String(cause)}`;
  if (error.errno === 1062) return new DrcError('ROW_DUPLICATE', message, details, { cause });
  if (error.errno !== undefined && configuration.has(error.errno)) {
    return new DrcError('TARGET_CONFIG', message, details, { cause });
  }
  const lost = error.errno === undefined || error.errno < 1000 || error.fatal === true;
  if (lost || passing.has(error.errno!))
    return new DrcError('TARGET_UNREACHABLE', message, details, { cause });
  return new DrcError('TARGET_REFUSED', message, details, { cause });
}
