import { DrcError } from '@drc/protocol';
import mysql from 'mysql2/promise';
import type { RowDataPacket } from 'mysql2/promise';
import { abortable, SourceControl, type SourceRow } from '../source/source-control.js';
import { sourceError } from '../source/source-error.js';
import { driverOptions, type SourceOptions } from '../source/source-options.js';
import type { Flavour } from '../source/table-schema.js';

/*
 * The parts of mysql2 3.24.6 that are not its public interface: an execution's rows go through a parser that it builds
 * from the columns, and this is one that hands on the bytes. It is pinned exactly, and tests fail when this moves.
 */
interface Packet {
  readonly buffer: Buffer;
  /** Where the payload begins. */
  readonly offset: number;
  readonly end: number;
}

/** A column of a result set. */
export interface ResultField {
  /** As `ColumnCode`, but for CHAR, ENUM and such, which come as strings. */
  readonly columnType: number;
  /** The collation id of the bytes, which come as they are stored. */
  readonly characterSet: number;
}

interface Execution {
  buildParserFromFields: (fields: readonly ResultField[]) => new () => { next(packet: Packet): undefined };
}

interface InnerConnection {
  execute(options: { sql: string; timeout: number }, done: (error: Error | null) => void): Execution;
  unprepare(options: { sql: string }): unknown;
}

/** Takes the rows of one result, as bytes. */
export interface RowSink {
  columns(fields: readonly ResultField[]): void;
  /** One row in [at, end) of bytes that stay as they are. @returns whether more are wanted */
  row(bytes: Buffer, at: number, end: number): boolean;
}

/** What becomes of the rows of one statement. */
interface Fate {
  isWanted: boolean;
  /** Bytes of rows that came nevertheless. */
  unwanted: number;
  /** What the sink threw. */
  fault: Error | undefined;
  /** Set where the server was told to stop; resolves when it knows. */
  stopping: Promise<void> | undefined;
}

/** How long the source may take for one answer. The server itself gives up a statement before that. */
const answerMs = 90_000;
const statementSeconds = 60;
/** Bytes of unwanted rows that are waited for; where more come the server is told to stop. */
const unwantedBytes = 4 * 1024 * 1024;
const interrupted = 1317;
/** The server's last words on a connection: shutdown, killed, idle for too long. */
const sessionEnds = [1053, 1927, 3169, 4031];
/** How long the server may take to stop what it is told to stop. */
const killMs = 3_000;

/**
 * The connection that snapshots are read by. It writes nothing and waits for no lock longer than a second. Values come as they are
 * stored: text in its column's charset, TIMESTAMPs in UTC, zero dates as zeros.
 *
 * One statement at a time. Aborting ends every wait with the signal's reason; the session is of no use afterwards, and what the
 * server was at is killed.
 */
export class SnapshotSession implements AsyncDisposable {
  readonly flavour: Flavour;
  readonly #source: SourceOptions;
  readonly #connection: mysql.Connection;
  readonly #inner: InnerConnection;
  readonly #id: number;
  #failure: DrcError | undefined = undefined;
  #isBusy = false;

  private constructor(
    source: SourceOptions,
    connection: mysql.Connection,
    facts: { readonly id: number; readonly flavour: Flavour },
  ) {
    this.#source = source;
    this.#connection = connection;
    this.#inner = (connection as unknown as { connection: InnerConnection }).connection;
    this.#id = facts.id;
    this.flavour = facts.flavour;
    connection.on('error', (error: unknown) => {
      this.#failure ??= lost(error);
    });
  }

  /** @throws DrcError `SOURCE_UNREACHABLE`, `SOURCE_AUTH`, … · the signal's reason */
  static async open(source: SourceOptions, signal: AbortSignal): Promise<SnapshotSession> {
    const connecting = mysql.createConnection({ ...driverOptions(source), maxPreparedStatements: 4 });
    try {
      const connection = await abortable(connecting, signal);
      const ask = async (sql: string): Promise<RowDataPacket[]> =>
        (await abortable(connection.query<RowDataPacket[]>({ sql, timeout: answerMs }), signal))[0];
      const [facts] = await ask('SELECT CONNECTION_ID() AS id, VERSION() AS version');
      const flavour = String(facts?.['version']).includes('MariaDB') ? 'mariadb' : 'mysql';
      for (const sql of settings(flavour)) await ask(sql);
      return new SnapshotSession(source, connection, { id: Number(facts?.['id']), flavour });
    } catch (error) {
      connecting.then((connection) => connection.destroy()).catch(() => undefined);
      signal.throwIfAborted();
      throw sourceError(error);
    }
  }

  /** Whether the connection is lost, or was given up: open another. */
  get isLost(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws DrcError as the source's answer says · the signal's reason */
  async rows(
    sql: string,
    values: readonly (string | number)[] = [],
    signal?: AbortSignal,
  ): Promise<readonly SourceRow[]> {
    return await this.#run(signal, async () => {
      const [rows] = await this.#connection.query<RowDataPacket[]>({ sql, timeout: answerMs }, [...values]);
      return rows;
    });
  }

  /** The first row of an answer, or one without columns. */
  async row(sql: string, signal?: AbortSignal): Promise<SourceRow> {
    const [row] = await this.rows(sql, [], signal);
    return row ?? {};
  }

  /**
   * Runs a SELECT by the binary protocol. When the sink wants no more, the rest is passed over, or not sent any more.
   * @throws DrcError as the source's answer says · the signal's reason · what the sink throws
   */
  async stream(sql: string, sink: RowSink, signal: AbortSignal): Promise<void> {
    const fate: Fate = { isWanted: true, unwanted: 0, fault: undefined, stopping: undefined };
    await this.#run(signal, async () => await this.#execute(sql, sink, fate));
    if (fate.stopping !== undefined) {
      // The order to stop may have come too late for that statement: it would end the next one.
      await this.rows('DO 0', [], signal).catch((error: unknown) => {
        if (!isErrno(error, interrupted)) throw error;
      });
    }
    if (fate.fault !== undefined) throw fate.fault;
  }

  async #execute(sql: string, sink: RowSink, fate: Fate): Promise<void> {
    const attempt = (act: () => boolean): void => {
      try {
        fate.isWanted = act();
      } catch (error) {
        fate.fault = error as Error;
        fate.isWanted = false;
      }
    };
    const take = ({ buffer, offset, end }: Packet): undefined => {
      if (fate.isWanted) attempt(() => sink.row(buffer, offset, end));
      else {
        fate.unwanted += end - offset;
        if (fate.unwanted > unwantedBytes) fate.stopping ??= this.#kill('QUERY');
      }
      return undefined;
    };
    try {
      await new Promise<void>((resolve, reject) => {
        const execution = this.#inner.execute({ sql, timeout: answerMs }, (error) => {
          if (error === null) resolve();
          else reject(error);
        });
        execution.buildParserFromFields = (fields) => {
          attempt(() => {
            sink.columns(fields);
            return true;
          });
          return class {
            next = take;
          };
        };
      });
    } catch (error) {
      if (fate.stopping === undefined || (error as { errno?: number }).errno !== interrupted) throw error;
    } finally {
      this.#inner.unprepare({ sql });
      await fate.stopping;
    }
  }

  async #run<T>(signal: AbortSignal | undefined, statement: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    this.#isBusy = true;
    try {
      return await abortable(statement(), signal);
    } catch (error) {
      if (signal?.aborted === true) {
        this.#failure ??= new DrcError('SOURCE_LOST', 'What was read from the source was given up.');
        this.#connection.destroy();
        void this.#kill('CONNECTION');
        signal.throwIfAborted();
      }
      const fault = sourceError(error);
      // Without a number it is not the server's answer: the connection is gone, or nobody knows what state it is in.
      if (fault.details['errno'] === undefined || isErrno(fault, ...sessionEnds)) {
        this.#failure ??= fault;
        this.#connection.destroy();
      }
      throw fault;
    } finally {
      this.#isBusy = false;
    }
  }

  /** By another connection of the same user, who may do that. What fails leaves the server to find out by itself. */
  async #kill(what: 'QUERY' | 'CONNECTION'): Promise<void> {
    try {
      await using control = await SourceControl.connect(this.#source, AbortSignal.timeout(killMs));
      await control.rows(`KILL ${what} ${this.#id}`);
    } catch {
      // The statement has its own limit of time.
    }
  }

  /** Does not wait for the source, unless it is at a statement, which it is told to give up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#failure ??= new DrcError('CLOSED', 'The snapshot source is closed.');
    this.#connection.destroy();
    if (this.#isBusy) await this.#kill('CONNECTION');
  }
}

/** Whatever the server's configuration says, and what may have been set for the user (`init_connect`). */
const settings = (flavour: Flavour): readonly string[] => [
  "SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00', character_set_results = NULL, " +
    'autocommit = 1, sql_select_limit = 18446744073709551615, sql_big_selects = 1, wait_timeout = 2147483, ' +
    'lock_wait_timeout = 1, innodb_lock_wait_timeout = 1, net_write_timeout = 120',
  flavour === 'mariadb'
    ? `SET SESSION max_statement_time = ${statementSeconds}`
    : `SET SESSION max_execution_time = ${statementSeconds * 1000}, information_schema_stats_expiry = 0`,
  'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY',
];

export const isErrno = (error: unknown, ...numbers: readonly number[]): boolean =>
  error instanceof DrcError && numbers.includes(Number(error.details['errno'] ?? -1));

function lost(error: unknown): DrcError {
  const fault = sourceError(error);
  return fault.retryable
    ? fault
    : new DrcError('SOURCE_LOST', fault.message, fault.details, { cause: error });
}
