import { DrcError } from '@drc/protocol';
import mysql from 'mysql2/promise';
import type { RowDataPacket } from 'mysql2/promise';
import type { LearnedColumn } from './row-transcoder.js';
import { sourceError } from './source-error.js';
import type { Flavour } from './table-schema.js';
import { addressOf, driverOptions, type SourceOptions } from './source-options.js';

export type SourceRow = Readonly<Record<string, string | number | null>>;

/** No such database, no such table. */
const goneErrors: ReadonlySet<unknown> = new Set([1049, 1146]);

/** How long the source may take for one answer. */
const answerMs = 60_000;

/**
 * A connection for questions to the source, beside the one that carries the events. Aborting ends every wait, with the
 * signal's reason.
 */
export class SourceControl implements AsyncDisposable {
  /** `host:port` */
  readonly address: string;
  readonly #connection: mysql.Connection;
  readonly #signal: AbortSignal | undefined;
  #failure: unknown = undefined;

  private constructor(address: string, connection: mysql.Connection, signal: AbortSignal | undefined) {
    this.address = address;
    this.#connection = connection;
    this.#signal = signal;
    connection.on('error', (error: unknown) => {
      this.#failure = error;
    });
  }

  /** @throws DrcError `SOURCE_UNREACHABLE`, `SOURCE_AUTH`, … */
  static async connect(source: SourceOptions, signal?: AbortSignal): Promise<SourceControl> {
    const connecting = mysql.createConnection(driverOptions(source));
    try {
      const control = new SourceControl(addressOf(source), await abortable(connecting, signal), signal);
      // Questions can be days apart; the server's default ends an idle connection after eight hours.
      await control.rows('SET SESSION wait_timeout = 2147483');
      return control;
    } catch (error) {
      connecting.then((connection) => connection.destroy()).catch(() => undefined);
      signal?.throwIfAborted();
      throw sourceError(error);
    }
  }

  /** @throws DrcError as the source's answer says. */
  async rows(sql: string, values: readonly (string | number)[] = []): Promise<readonly SourceRow[]> {
    if (this.#failure !== undefined) throw sourceError(this.#failure);
    try {
      const answer = this.#connection.query<RowDataPacket[]>({ sql, timeout: answerMs }, [...values]);
      const [rows] = await abortable(answer, this.#signal);
      return rows;
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw sourceError(error);
    }
  }

  /** The first column of the first row, as text; undefined where there is none or it is NULL. */
  async value(sql: string, values: readonly (string | number)[] = []): Promise<string | undefined> {
    const [row] = await this.rows(sql, values);
    const value = row === undefined ? undefined : Object.values(row)[0];
    return value === undefined || value === null ? undefined : String(value);
  }

  /** What the source's clock shows, ms since 1970. */
  async time(): Promise<number> {
    // The session's own, which nobody sets here; NOW() would be ambiguous where clocks are put back.
    return Number((await this.value('SELECT @@SESSION.timestamp')) ?? 0) * 1000;
  }

  /** Whether InnoDB does what foreign keys cascade, and writes nothing of it to the binlog; MySQL before 9.6 has no such switch. */
  async hasNativeForeignKeys(flavour: Flavour): Promise<boolean> {
    if (flavour === 'mariadb') return true;
    const [row] = await this.rows("SHOW GLOBAL VARIABLES LIKE 'innodb_native_foreign_keys'");
    return row?.['Value'] === 'ON';
  }

  /**
   * Column types by name; undefined where there is no such table any more.
   * @throws DrcError `SOURCE_PRIVILEGE` where the user may not see the table
   */
  async columnTypes(schema: string, table: string): Promise<ReadonlyMap<string, LearnedColumn> | undefined> {
    const rows = await this.rows(
      'SELECT c.COLUMN_NAME AS name, c.DATA_TYPE AS dataType, c.COLUMN_TYPE AS columnType, ' +
        'c.GENERATION_EXPRESSION AS generation ' +
        'FROM information_schema.COLUMNS c ' +
        'WHERE c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ? ORDER BY c.ORDINAL_POSITION',
      [schema, table],
    );
    if (rows.length === 0) {
      await this.#assertGone(schema, table);
      return undefined;
    }
    const json = await this.#jsonColumns(schema, table);
    const tableType = await this.#tableType(schema, table);
    const isPlain = tableType !== undefined && tableType !== 'SEQUENCE';
    const isOfTable = isPlain ? ({ isOfTable: true } as const) : {};
    return new Map(
      rows.map((row) => {
        const name = String(row['name']);
        const dataType = json.has(name) ? 'json' : String(row['dataType']).toLowerCase();
        const isRowEnd = row['generation'] === 'ROW END' ? ({ isRowEnd: true } as const) : {};
        return [name, { dataType, columnType: String(row['columnType']), ...isRowEnd, ...isOfTable }];
      }),
    );
  }

  /** INFORMATION_SCHEMA shows neither tables that are gone nor those that one may not read. */
  async #assertGone(schema: string, table: string): Promise<void> {
    try {
      await this.rows('SELECT 1 FROM ??.?? LIMIT 0', [schema, table]);
    } catch (error) {
      if (error instanceof DrcError && goneErrors.has(error.details['errno'])) return;
      if (!(error instanceof DrcError) || error.code !== 'SOURCE_PRIVILEGE') throw error;
      const remedy = `GRANT SELECT ON ${mysql.escapeId(schema, true)}.${mysql.escapeId(table, true)} TO …`;
      throw new DrcError(
        'SOURCE_PRIVILEGE',
        `The column types of ${schema}.${table} cannot be told without the right to see it: ${remedy}.`,
        { table: `${schema}.${table}`, remedies: [remedy] },
        { cause: error },
      );
    }
  }

  async #tableType(schema: string, table: string): Promise<string | undefined> {
    return await this.value(
      'SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
      [schema, table],
    );
  }

  async #jsonColumns(schema: string, table: string): Promise<ReadonlySet<string>> {
    const rows = await this.rows(
      'SELECT CHECK_CLAUSE AS clause FROM information_schema.CHECK_CONSTRAINTS ' +
        'WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?',
      [schema, table],
    );
    return new Set(
      rows.flatMap((row) => {
        const match = /^json_valid\(`((?:[^`]|``)+)`\)$/i.exec(String(row['clause']));
        return match === null ? [] : [match[1]!.replaceAll('``', '`')];
      }),
    );
  }

  /** Does not wait for the source. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.destroy();
  }
}

/** The promise, or the signal's reason as soon as it aborts; what the promise comes to later is nobody's concern. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  promise.catch(() => undefined);
  signal.throwIfAborted();
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
