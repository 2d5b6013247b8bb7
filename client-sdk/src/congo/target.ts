import { type Connection, type ResultSetHeader, createConnection } from 'mysql2/promise';
import { DrcError } from '@drc/protocol';
import { type Socket, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bound } from './statements.js';
import { connectionError, targetError } from './target-error.js';

/** PEM content. Without `ca` the system's authorities count. */
export interface TargetTls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly rejectUnauthorized?: boolean;
}

/** How to reach the target. */
export interface TargetOptions {
  readonly host: string;
  /** default 3306 */
  readonly port?: number;
  readonly user: string;
  readonly password?: string;
  /** Absent: no encryption. The certificate and the name in it are checked, unless `rejectUnauthorized` is false. */
  readonly tls?: TargetTls;
  /** Time to connect, ms. Default 10,000. */
  readonly connectTimeoutMs?: number;
}

/** A server that has gone without a word is noticed after about twice this, ms; within a statement too. */
const keepAliveMs = 10_000;
/** How long the server may take to say goodbye, ms. */
const farewellMs = 2_000;
/** Each statement of each shape is prepared once; the server holds at most so many for this session. */
const preparedStatements = 512;

/**
 * One session on the target, with the settings under which a source's values are stored as they are: zero and partial
 * dates, 0 in AUTO_INCREMENT columns, UTC, every character. Without strict mode a value that does not fit would be
 * cut silently, therefore each warning of a row statement, also a note (a rounded decimal is one), is an error
 * (`VALUE_TRUNCATED`). A transaction is always open: each statement begins one where none is.
 */
export class Target implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #socket: Socket;
  /** Of this session on the server, for KILL by a process that takes over. */
  readonly connectionId: number;
  /** The largest statement that the server takes. */
  readonly maxPacketBytes: number;
  /** As the row event wrote them; sent only when they change. */
  #checks = { foreignKey: true, unique: true };

  private constructor(connection: Connection, socket: Socket, facts: SessionFacts) {
    this.#connection = connection;
    this.#socket = socket;
    this.connectionId = Number(facts.connectionId);
    this.maxPacketBytes = Number(facts.maxPacketBytes);
  }

  /** @throws DrcError `TARGET_UNREACHABLE`, `TARGET_AUTH`. */
  static async open(options: TargetOptions): Promise<Target> {
    const socket = connect({ host: options.host, port: options.port ?? 3306, noDelay: true });
    socket.setKeepAlive(true, keepAliveMs);
    try {
      const connection = await createConnection({
        stream: () => socket,
        // Not to connect to, but to compare with the name in the certificate.
        host: options.host,
        user: options.user,
        ...(options.password === undefined ? {} : { password: options.password }),
        ...(options.tls === undefined
          ? {}
          : { ssl: { verifyIdentity: options.tls.rejectUnauthorized !== false, ...options.tls } }),
        connectTimeout: options.connectTimeoutMs ?? 10_000,
        charset: 'utf8mb4',
        supportBigNumbers: true,
        bigNumberStrings: true,
        dateStrings: true,
        timezone: 'Z',
        multipleStatements: false,
        flags: ['-LOCAL_FILES'],
        maxPreparedStatements: preparedStatements,
      });
      // The connection reports a loss to whoever waits for an answer; without a listener Node would end the process.
      connection.on('error', () => undefined);
      // A server-wide default must decide nothing here.
      await connection.query(
        `SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00',
         ${await isolationVariable(connection)} = 'READ-COMMITTED', foreign_key_checks = 1, unique_checks = 1,
         sql_notes = 1, completion_type = 'NO_CHAIN', wait_timeout = 86400, autocommit = 0`,
      );
      // MySQL asks for a privilege; without it more warnings than it shows are an error, see #judge.
      await connection.query('SET SESSION max_error_count = 65535').catch(() => undefined);
      // Behind a proxy the handshake may tell another session's number.
      const [[facts]] = (await connection.query(
        'SELECT CONNECTION_ID() AS connectionId, @@max_allowed_packet AS maxPacketBytes',
      )) as unknown as [[SessionFacts]];
      return new Target(connection, socket, facts);
    } catch (cause) {
      socket.destroy();
      throw connectionError(cause, { user: options.user, encrypted: options.tls !== undefined });
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

  /** Like `query`, prepared once: for what runs in each transaction. */
  async execute<Result extends object[] | ResultSetHeader>(
    sql: string,
    values: readonly Bound[] = [],
  ): Promise<Result> {
    try {
      const [result] = await this.#connection.execute(sql, [...values]);
      return result as unknown as Result;
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
      [header] = await this.#connection.execute<ResultSetHeader>(sql, values as Bound[]);
    } catch (cause) {
      throw targetError(cause, 'The target refused a row');
    }
    if (header.warningStatus > 0) await this.#judge(header.warningStatus, mayTruncate);
    return header.affectedRows;
  }

  async #judge(count: number, mayTruncate: (warning: Warning) => boolean): Promise<void> {
    const warnings = await this.query<Warning[]>('SHOW WARNINGS');
    const worst = warnings.find((warning) => !mayTruncate(warning));
    if (!worst && warnings.length >= count) return;
    const what = worst?.Message ?? `${count} warnings, of which it shows ${warnings.length}`;
    throw new DrcError('VALUE_TRUNCATED', `The target would change a value: ${what}.`, {
      row: worst && rowNumber(worst),
    });
  }

  /** Makes the session's checks those under which the source wrote the rows. */
  async setChecks(foreignKey: boolean, unique: boolean): Promise<void> {
    if (foreignKey === this.#checks.foreignKey && unique === this.#checks.unique) return;
    await this.query(
      `SET SESSION foreign_key_checks = ${Number(foreignKey)}, unique_checks = ${Number(unique)}`,
    );
    this.#checks = { foreignKey, unique };
  }

  /** Drops the connection at once: whoever waits for an answer gets `TARGET_UNREACHABLE`. */
  abort(): void {
    this.#socket.destroy();
  }

  /** Ends the session; what was not committed is rolled back by the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    const timer = new AbortController();
    const end = this.#connection.end().catch(() => undefined);
    // A statement under way would hold up the goodbye.
    await Promise.race([end, sleep(farewellMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
    this.#socket.destroy();
  }
}

interface SessionFacts {
  readonly connectionId: number | string;
  readonly maxPacketBytes: number | string;
}

export interface Warning {
  readonly Level: 'Note' | 'Warning' | 'Error';
  readonly Code: number;
  readonly Message: string;
}

/** The row of the statement, from 1, that a warning speaks of: `… at row 3`, in whatever language. */
export const rowNumber = ({ Message }: Warning): number | undefined => {
  const digits = /(\d+)\D*$/.exec(Message)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** MySQL 8 removed `tx_isolation`, MariaDB has `transaction_isolation` from 11.1 only. */
async function isolationVariable(connection: Connection): Promise<string> {
  const [rows] = await connection.query<never[]>(`SHOW VARIABLES LIKE 't%_isolation'`);
  const names = (rows as { Variable_name: string }[]).map((row) => row.Variable_name);
  return names.includes('transaction_isolation') ? 'transaction_isolation' : 'tx_isolation';
}
