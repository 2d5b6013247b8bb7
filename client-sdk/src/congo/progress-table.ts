import { DrcError, TransactionSet, isDrcError } from '@drc/protocol';
import { escapeId } from 'mysql2';
import type { Target } from './target.js';

/*
 * What makes congo exactly once. Both tables lie on the target, in a schema of their own:
 *
 *   congo_task      one row a task: its epoch, raised by each process that takes the task over
 *   congo_progress  one row a worker of a task: the source transactions that it has applied
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
  taken_at TIMESTAMP(3) NOT NULL
) ENGINE=InnoDB`,
  `CREATE TABLE IF NOT EXISTS ${tableSql(schema, 'congo_progress')} (
  task VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  worker INT UNSIGNED NOT NULL,
  applied LONGTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'set of source transactions',
  updated_at TIMESTAMP(3) NOT NULL,
  PRIMARY KEY (task, worker)
) ENGINE=InnoDB`,
];

const tableSql = (schema: string, table: string): string =>
  `${escapeId(schema, true)}.${escapeId(table, true)}`;

export interface ProgressOptions {
  /** The schema of the two tables. Default `drc`. */
  readonly schema?: string;
  /** 1-128 ASCII characters. Two tasks of one name on one server are one task. */
  readonly task: string;
  readonly topic: string;
  /** Shown to whoever wonders who has the task. */
  readonly owner: string;
}

/** One process's claim on a task, and the record of what the target was given. */
export class ProgressTable {
  readonly #target: Target;
  readonly #options: Required<ProgressOptions>;
  readonly #epoch: string;
  /** What has been recorded and committed. */
  readonly applied: TransactionSet;
  /** Whether anything was ever recorded: until then the task's `from` decides where reading begins. */
  readonly isEmpty: boolean;

  private constructor(
    target: Target,
    options: Required<ProgressOptions>,
    epoch: string,
    applied: TransactionSet,
    isEmpty: boolean,
  ) {
    this.#target = target;
    this.#options = options;
    this.#epoch = epoch;
    this.applied = applied;
    this.isEmpty = isEmpty;
  }

  /**
   * Takes the task over: makes the tables where they are missing, raises the epoch, reads what was applied. Waits for
   * a transaction of the previous owner that is under way; one that holds its lock for more than `patienceMs`
   * (a stopped process, a dead network) loses its session.
   * @throws DrcError `TARGET_CONFIG` where the tables cannot be made, or the task reads another topic.
   */
  static async claim(target: Target, options: ProgressOptions, patienceMs = 5_000): Promise<ProgressTable> {
    const full = { schema: 'drc', ...options };
    for (const sql of progressTablesSql(full.schema)) await target.query(sql);
    const tasks = tableSql(full.schema, 'congo_task');
    await target.query(
      `INSERT IGNORE INTO ${tasks} (task, epoch, owner, connection, topic, taken_at) VALUES (?, 0, '', 0, ?, NOW(3))`,
      [full.task, full.topic],
    );
    await lockEpoch(target, full, 'epoch = epoch + 1', patienceMs);
    return ProgressTable.#read(target, full);
  }

  /**
   * Goes on as the owner after the connection was lost. Touching the epoch row waits until a COMMIT that was under way
   * when the connection broke has been decided: what is read then is what the target has.
   * @throws DrcError `TASK_FENCED` where another process took over meanwhile.
   */
  async resume(target: Target, patienceMs = 5_000): Promise<ProgressTable> {
    await lockEpoch(target, this.#options, 'epoch = epoch', patienceMs);
    const resumed = await ProgressTable.#read(target, this.#options);
    if (resumed.#epoch !== this.#epoch) throw fenced(this.#options.task);
    return resumed;
  }

  static async #read(target: Target, options: Required<ProgressOptions>): Promise<ProgressTable> {
    const [task] = await target.query<{ epoch: string | number; topic: string }[]>(
      `SELECT epoch, topic FROM ${tableSql(options.schema, 'congo_task')} WHERE task = ?`,
      [options.task],
    );
    if (task?.topic !== options.topic) {
      throw new DrcError(
        'TARGET_CONFIG',
        `Task '${options.task}' on this target reads topic '${task?.topic}', not '${options.topic}'. Name this task differently.`,
      );
    }
    const records = await target.query<{ applied: string }[]>(
      `SELECT applied FROM ${tableSql(options.schema, 'congo_progress')} WHERE task = ?`,
      [options.task],
    );
    const applied = records.reduce(
      (union, record) => union.union(TransactionSet.parse(record.applied)),
      TransactionSet.parse(''),
    );
    return new ProgressTable(target, options, String(task.epoch), applied, records.length === 0);
  }

  /** Begins a target transaction as the task's owner. @throws DrcError `TASK_FENCED` where another took over. */
  async begin(): Promise<void> {
    await this.#target.query('START TRANSACTION');
    const [row] = await this.#target.query<{ epoch: string | number }[]>(
      `SELECT epoch FROM ${tableSql(this.#options.schema, 'congo_task')} WHERE task = ? LOCK IN SHARE MODE`,
      [this.#options.task],
    );
    if (String(row?.epoch) !== this.#epoch) throw fenced(this.#options.task);
  }

  /** Records, within the open transaction, that the target now has `set`. The caller commits. */
  async record(set: TransactionSet): Promise<void> {
    await this.#target.query(
      `INSERT INTO ${tableSql(this.#options.schema, 'congo_progress')} (task, worker, applied, updated_at)
       VALUES (?, 0, ?, NOW(3)) ON DUPLICATE KEY UPDATE applied = VALUES(applied), updated_at = VALUES(updated_at)`,
      [this.#options.task, set.toString()],
    );
  }
}

const fenced = (task: string): DrcError =>
  new DrcError('TASK_FENCED', `Another process took over task '${task}'.`, { task });

/** Changes the epoch row, which no transaction of the task can overlap; ends the session of an owner that holds it. */
async function lockEpoch(
  target: Target,
  options: Required<ProgressOptions>,
  assignment: 'epoch = epoch + 1' | 'epoch = epoch',
  patienceMs: number,
): Promise<void> {
  const tasks = tableSql(options.schema, 'congo_task');
  const [previous] = await target.query<{ connection: string | number }[]>(
    `SELECT connection FROM ${tasks} WHERE task = ?`,
    [options.task],
  );
  const change = (): Promise<unknown> =>
    target.query(
      `UPDATE ${tasks} SET ${assignment}, owner = ?, connection = ?, taken_at = NOW(3) WHERE task = ?`,
      [options.owner, target.connectionId, options.task],
    );
  await target.query(`SET SESSION innodb_lock_wait_timeout = ${Math.max(1, Math.ceil(patienceMs / 1000))}`);
  try {
    await change();
  } catch (error) {
    if (!isDrcError(error) || error.details['errno'] !== 1205) throw error;
    await endSession(target, Number(previous?.connection ?? 0));
    await change();
  } finally {
    await target.query('SET SESSION innodb_lock_wait_timeout = DEFAULT').catch(() => undefined);
  }
}

/** Ends the previous owner's session, if it is still a session of our own user: ids are used again. */
async function endSession(target: Target, connectionId: number): Promise<void> {
  const [own] = await target.query<{ own: number }[]>(
    `SELECT 1 AS own FROM information_schema.PROCESSLIST
     WHERE ID = ? AND USER = SUBSTRING_INDEX(USER(), '@', 1)`,
    [connectionId],
  );
  if (own) await target.query(`KILL ${Math.trunc(connectionId)}`).catch(() => undefined);
}
