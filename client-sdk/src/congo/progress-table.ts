import { DrcError, type SnapshotProgress, TransactionSet, isDrcError } from '@drc/protocol';
import { escapeId } from 'mysql2';
import type { ResultSetHeader } from 'mysql2/promise';
import { controlTableSql } from './control/control-table.js';
import { originTableIn } from './origin-mark.js';
import { readSnapshot, snapshotTableSql, writeSnapshot } from './snapshot-record.js';
import type { Target } from './target.js';

/*
 * What makes congo exactly once. The tables lie on the target, in a schema of their own:
 *
 *   congo_task      one row a task: its epoch, raised by each process that takes the task over
 *   congo_progress  one row a worker of a task: the source transactions that it has applied
 *   congo_session   one row a session of the owner that writes: whoever takes over ends them where they stand still
 *   congo_snapshot  one row a task that copies tables: how far it has come
 *   congo_control   one row a task: what its operator wants, and how it does; a table of its own, since whoever pauses
 *                   a task must not wait for the lock of the target transaction that is under way
 *
 * Each target transaction begins with a shared lock on the epoch row and ends by recording what it applied. So a
 * process that was taken over cannot commit a row more: either its transaction ends before the epoch is raised, or
 * it finds another epoch. On start the union of all workers' records is what the target has.
 */
export const progressTablesSql = (schema: string): readonly string[] => [
  `CREATE DATABASE IF NOT EXISTS ${escapeId(schema, true)}`,
  `CREATE TABLE IF NOT EXISTS ${tableSql(schema, 'congo_task')} (
  task VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY COMMENT 'name of the task',
  epoch BIGINT UNSIGNED NOT NULL COMMENT 'raised by each process that takes the task over',
  owner VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL COMMENT 'host and process id of the last one',
  connection BIGINT UNSIGNED NOT NULL COMMENT 'its session on this server',
  topic VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL COMMENT 'what the task reads',
  taken_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) COMMENT 'when that session began'
) ENGINE=InnoDB`,
  `CREATE TABLE IF NOT EXISTS ${tableSql(schema, 'congo_progress')} (
  task VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  worker INT UNSIGNED NOT NULL,
  applied LONGTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'set of source transactions',
  updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (task, worker)
) ENGINE=InnoDB`,
  `CREATE TABLE IF NOT EXISTS ${tableSql(schema, 'congo_session')} (
  task VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  worker INT UNSIGNED NOT NULL,
  connection BIGINT UNSIGNED NOT NULL COMMENT 'its number on this server; 0: it is over',
  taken_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) COMMENT 'when the session began',
  PRIMARY KEY (task, worker)
) ENGINE=InnoDB`,
  controlTableSql(schema),
  snapshotTableSql(schema),
  ...originTableIn(schema),
];

export const tableSql = (schema: string, table: string): string =>
  `${escapeId(schema, true)}.${escapeId(table, true)}`;

export interface ProgressOptions {
  /** The schema of congo's tables. Default `drc`. */
  readonly schema?: string;
  /** 1-128 ASCII characters. Two tasks of one name on one server are one task. */
  readonly task: string;
  readonly topic: string;
  /** Shown to whoever wonders who has the task. */
  readonly owner: string;
}

/** An owner that holds its lock for longer (a stopped process, a dead network) loses its session. */
const defaultPatienceMs = 5_000;

/** One process's claim on a task, and the record of what the target was given. */
export class ProgressTable {
  readonly #target: Target;
  readonly #options: Required<ProgressOptions>;
  readonly #epoch: string;
  /** What had been recorded when the claim was made. */
  readonly applied: TransactionSet;
  /** What had been copied then; undefined where the task copies nothing. */
  readonly snapshot: SnapshotProgress | undefined;
  /** Whether anything had ever been recorded: until then the task's `from` decides where reading begins. */
  readonly isEmpty: boolean;
  /** Which session of the task this one's rows come through; 0 is the one that made the claim. */
  readonly #worker: number;
  readonly #records: readonly ProgressRow[];
  /** Whether this worker has its row. */
  #hasRow: boolean;

  private constructor(
    target: Target,
    options: Required<ProgressOptions>,
    epoch: string,
    records: readonly ProgressRow[],
    snapshot: SnapshotProgress | undefined,
    worker = 0,
  ) {
    this.#target = target;
    this.#options = options;
    this.#epoch = epoch;
    this.#records = records;
    this.applied = appliedBy(records);
    this.snapshot = snapshot;
    this.isEmpty = records.length === 0;
    this.#worker = worker;
    this.#hasRow = records.some((record) => Number(record.worker) === worker);
  }

  /**
   * The same claim on a further session, which from now on ends with it. @param worker from 1
   * @throws DrcError `TASK_FENCED` where another took over.
   */
  async onSession(target: Target, worker: number): Promise<ProgressTable> {
    const { schema, task } = this.#options;
    const own = new ProgressTable(target, this.#options, this.#epoch, this.#records, this.snapshot, worker);
    await own.begin();
    await target.query(
      `INSERT INTO ${tableSql(schema, 'congo_session')} (task, worker, connection, taken_at)
       VALUES (?, ?, ?, NOW(3)) ON DUPLICATE KEY UPDATE connection = VALUES(connection), taken_at = NOW(3)`,
      [task, worker, target.connectionId],
    );
    await target.query('COMMIT');
    return own;
  }

  /**
   * Takes the task over: makes the tables where they are missing, raises the epoch, reads what was applied. Waits for
   * a transaction of the previous owner that is under way, at most for `patienceMs`.
   * @throws DrcError `TARGET_CONFIG` where the tables cannot be made, or the task reads another topic.
   */
  static async claim(
    target: Target,
    options: ProgressOptions,
    patienceMs: number = defaultPatienceMs,
  ): Promise<ProgressTable> {
    const full = { schema: 'drc', ...options };
    await makeTables(target, full.schema);
    // Committed by itself: while the row is new nobody else can wait for it.
    await target.query(
      `INSERT IGNORE INTO ${tableSql(full.schema, 'congo_task')} (task, epoch, owner, connection, topic)
       VALUES (?, 0, '', 0, ?)`,
      [full.task, full.topic],
    );
    await target.query('COMMIT');
    return ProgressTable.#take(target, full, patienceMs, (epoch) => String(BigInt(epoch) + 1n));
  }

  /**
   * Goes on as the owner after the connection was lost. Locking the epoch row waits until a COMMIT that was under way
   * when the connection broke has been decided: what is read then is what the target has.
   * @throws DrcError `TASK_FENCED` where another process took over meanwhile.
   */
  async resume(target: Target, patienceMs: number = defaultPatienceMs): Promise<ProgressTable> {
    const options = this.#options;
    const check = (epoch: string): string => {
      if (epoch !== this.#epoch) throw fenced(options.task);
      return epoch;
    };
    // Without this look a fenced process would end its successor's session.
    check(await readEpoch(target, options));
    await target.query('COMMIT');
    return ProgressTable.#take(target, options, patienceMs, check);
  }

  /**
   * In one transaction, since two who come at once must not both read the epoch of the later: locks the task's row,
   * enters this session in it, reads the record.
   */
  static async #take(
    target: Target,
    options: Required<ProgressOptions>,
    patienceMs: number,
    nextEpoch: (epoch: string) => string,
  ): Promise<ProgressTable> {
    const task = await lockTask(target, options, patienceMs);
    if (task.topic !== options.topic) {
      throw new DrcError(
        'TARGET_CONFIG',
        `Task '${options.task}' on this target reads topic '${task.topic}', not '${options.topic}'. Name this task differently.`,
      );
    }
    const epoch = nextEpoch(String(task.epoch));
    await target.query(
      `UPDATE ${tableSql(options.schema, 'congo_task')}
       SET epoch = ?, owner = ?, connection = ?, taken_at = NOW(3) WHERE task = ?`,
      [epoch, options.owner, target.connectionId, options.task],
    );
    const records = await target.query<ProgressRow[]>(
      `SELECT worker, applied FROM ${tableSql(options.schema, 'congo_progress')} WHERE task = ?`,
      [options.task],
    );
    const snapshot = await readSnapshot(target, options.schema, options.task);
    // They were the previous owner's, and can do nothing any more.
    await target.query(
      `UPDATE ${tableSql(options.schema, 'congo_session')} SET connection = 0 WHERE task = ?`,
      [options.task],
    );
    await target.query('COMMIT');
    return new ProgressTable(target, options, epoch, records, snapshot);
  }

  /** Looks, outside of a target transaction, whether the task is still ours. @throws DrcError `TASK_FENCED`. */
  async confirm(): Promise<void> {
    const epoch = await readEpoch(this.#target, this.#options);
    await this.#target.query('COMMIT');
    if (epoch !== this.#epoch) throw fenced(this.#options.task);
  }

  /** Begins a target transaction as the task's owner. @throws DrcError `TASK_FENCED` where another took over. */
  async begin(): Promise<void> {
    const [row] = await this.#target.execute<EpochRow[]>(
      `SELECT epoch FROM ${tableSql(this.#options.schema, 'congo_task')} WHERE task = ? LOCK IN SHARE MODE`,
      [this.#options.task],
    );
    if (row === undefined || String(row.epoch) !== this.#epoch) throw fenced(this.#options.task);
  }

  /** Records, within the open transaction, how far tables have been copied. The caller commits. */
  recordSnapshot(progress: SnapshotProgress): Promise<void> {
    return writeSnapshot(this.#target, this.#options.schema, this.#options.task, progress);
  }

  /** Records, within the open transaction, that the target now has `set`. The caller commits. */
  async record(set: TransactionSet): Promise<void> {
    const { schema, task } = this.#options;
    const table = tableSql(schema, 'congo_progress');
    const { affectedRows } = await this.#target.execute<ResultSetHeader>(
      this.#hasRow
        ? `UPDATE ${table} SET applied = ?, updated_at = NOW(3) WHERE task = ? AND worker = ?`
        : `INSERT INTO ${table} (applied, task, worker, updated_at) VALUES (?, ?, ?, NOW(3))`,
      [set.toString(), task, this.#worker],
    );
    if (affectedRows !== 1) {
      throw new DrcError('TASK_FENCED', `The record of task '${task}' was deleted while the task ran.`, {
        task,
      });
    }
    this.#hasRow = true;
  }
}

interface EpochRow {
  readonly epoch: string | number;
}

interface TaskRow extends EpochRow {
  readonly topic: string;
}

export interface ProgressRow {
  readonly worker: string | number;
  readonly applied: string;
}

/** What the target has, by the records of all workers. */
export const appliedBy = (records: readonly Pick<ProgressRow, 'applied'>[]): TransactionSet =>
  records.reduce(
    (union, record) => union.union(TransactionSet.parse(record.applied)),
    TransactionSet.parse(''),
  );

const fenced = (task: string): DrcError =>
  new DrcError('TASK_FENCED', `Another process took over task '${task}'.`, { task });

/** Only where one is missing (one came with a later version): afterwards the user needs no CREATE any more. */
async function makeTables(target: Target, schema: string): Promise<void> {
  const found = await target.query(
    `SELECT TABLE_NAME FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN ('congo_task', 'congo_progress', 'congo_control', 'congo_snapshot', 'congo_session')`,
    [schema],
  );
  if (found.length === 5) return;
  for (const sql of progressTablesSql(schema)) await target.query(sql);
}

async function readEpoch(target: Target, options: Required<ProgressOptions>): Promise<string> {
  const [row] = await target.query<EpochRow[]>(
    `SELECT epoch FROM ${tableSql(options.schema, 'congo_task')} WHERE task = ?`,
    [options.task],
  );
  if (!row) throw fenced(options.task);
  return String(row.epoch);
}

/** Locks the task's row, which no transaction of its owner can overlap; ends the session of an owner that keeps it. */
async function lockTask(
  target: Target,
  options: Required<ProgressOptions>,
  patienceMs: number,
): Promise<TaskRow> {
  const lock = async (): Promise<TaskRow> => {
    const [row] = await target.query<TaskRow[]>(
      `SELECT epoch, topic FROM ${tableSql(options.schema, 'congo_task')} WHERE task = ? FOR UPDATE`,
      [options.task],
    );
    if (!row) throw fenced(options.task);
    return row;
  };
  await target.query(`SET SESSION innodb_lock_wait_timeout = ${Math.max(1, Math.ceil(patienceMs / 1000))}`);
  try {
    return await lock();
  } catch (error) {
    if (!isDrcError(error) || error.details['errno'] !== 1205) throw error;
    await target.query('ROLLBACK');
    await endOwner(target, options);
    return await lock();
  } finally {
    // On a broken session this fails too, and what broke it is the error to report.
    await target.query('SET SESSION innodb_lock_wait_timeout = DEFAULT').catch(() => undefined);
  }
}

/**
 * Ends the owner's sessions: by the ids that it entered, if they are sessions of our own user, and entered since the
 * server started. Ids are used again after a restart.
 */
async function endOwner(target: Target, { schema, task }: Required<ProgressOptions>): Promise<void> {
  const [uptime] = await target.query<{ Value: string }[]>(`SHOW GLOBAL STATUS LIKE 'Uptime'`);
  const sessions = await target.query<{ id: number | string }[]>(
    `SELECT p.ID AS id FROM information_schema.PROCESSLIST p
     JOIN (SELECT connection, taken_at FROM ${tableSql(schema, 'congo_task')} WHERE task = ?
           UNION SELECT connection, taken_at FROM ${tableSql(schema, 'congo_session')} WHERE task = ?) t
       ON t.connection = p.ID
     WHERE p.USER = SUBSTRING_INDEX(USER(), '@', 1) AND t.taken_at >= NOW(3) - INTERVAL ? SECOND`,
    [task, task, Number(uptime?.Value ?? 0)],
  );
  await target.query('COMMIT');
  // Gone meanwhile is as good.
  for (const { id } of sessions) await target.query(`KILL ${BigInt(id)}`).catch(() => undefined);
}
