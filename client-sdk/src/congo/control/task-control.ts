import { Checkpoint, DrcError, isDrcError, type SnapshotProgress, TransactionSet } from '@drc/protocol';
import { appliedBy, tableSql } from '../progress-table.js';
import { readSnapshot, snapshotTableSql } from '../snapshot-record.js';
import { Target, type TargetOptions } from '../target.js';
import {
  controlTableSql,
  type DatedReport,
  readControl,
  type TaskName,
  type TaskOrders,
  writePause,
  writeThrottle,
} from './control-table.js';
import { type OffsetChange, offsetChange } from './offset-change.js';
import { askOf, readRecords, unknownTask } from './task-record.js';

export interface TaskControlOptions {
  readonly target: TargetOptions;
  /** Schema of congo's own tables on the target. Default `drc`. */
  readonly progressSchema?: string;
}

/** What one worker has applied. */
export interface WorkerRecord {
  readonly worker: number;
  readonly applied: TransactionSet;
  /** When it last recorded something, ms since 1970, by the target's clock. */
  readonly at: number;
}

/** A task as the target knows it. Times in ms since 1970. */
export interface TaskState {
  readonly task: string;
  readonly topic: string;
  /** Host and process id of who took the task last. */
  readonly owner: string;
  readonly epoch: string;
  readonly takenAt: number;
  /** Whether the session of that process is there. */
  readonly isRunning: boolean;
  readonly orders: TaskOrders;
  /** What its process said last; undefined before the first time. Its lag holds while the state does, see `at`. */
  readonly report: DatedReport | undefined;
  readonly applied: TransactionSet;
  readonly workers: readonly WorkerRecord[];
  /** How far tables have been copied; undefined where the task has never copied any. */
  readonly snapshot: SnapshotProgress | undefined;
}

/** How long a target transaction under way may hold up a change of the record, s. */
const lockWaitSeconds = 5;

/**
 * What an operator does to tasks: looks at them, pauses them, holds them back, sets what they have. All of it lies on the
 * target; a running process looks at it each second.
 */
export class TaskControl implements AsyncDisposable {
  readonly #target: Target;
  readonly #schema: string;

  private constructor(target: Target, schema: string) {
    this.#target = target;
    this.#schema = schema;
  }

  /** @throws DrcError `TARGET_UNREACHABLE`, `TARGET_AUTH`. */
  static async open(options: TaskControlOptions): Promise<TaskControl> {
    return new TaskControl(await Target.open(options.target), options.progressSchema ?? 'drc');
  }

  /** @throws DrcError `TASK_UNKNOWN`. */
  async state(task: string): Promise<TaskState> {
    const name = this.#name(task);
    const found = await askOf(name, () => readTask(this.#target, name, ''));
    const records = (await askOf(name, () => readRecords(this.#target, name))) ?? [];
    await this.#ensureTables();
    const control = await readControl(this.#target, name);
    const snapshot = await readSnapshot(this.#target, name.schema, task);
    await this.#target.query('COMMIT');
    return {
      task,
      topic: found.topic,
      owner: found.owner,
      epoch: String(found.epoch),
      takenAt: milliseconds(found.takenAt),
      isRunning: Number(found.sessions) > 0,
      ...control,
      snapshot,
      applied: appliedBy(records),
      workers: records.map(({ worker, applied, updatedAt }) => ({
        worker: Number(worker),
        applied: TransactionSet.parse(applied),
        at: milliseconds(updatedAt),
      })),
    };
  }

  /**
   * The task applies nothing more, from the next target transaction on: within a second, once what is under way is committed.
   * Holds over restarts, until `resume`. @param by shown to whoever wonders
   * @throws DrcError `TASK_UNKNOWN`.
   */
  async pause(task: string, by: string): Promise<void> {
    await this.#order(task, (name) => writePause(this.#target, name, by));
  }

  /** @throws DrcError `TASK_UNKNOWN`. */
  async resume(task: string): Promise<void> {
    await this.#order(task, (name) => writePause(this.#target, name, undefined));
  }

  /** Holds over restarts. @param rowsPerSecond a whole number from 1; undefined: no limit. @throws DrcError `TASK_UNKNOWN`. */
  async throttle(task: string, rowsPerSecond: number | undefined): Promise<void> {
    if (rowsPerSecond !== undefined && (!Number.isInteger(rowsPerSecond) || rowsPerSecond < 1))
      throw new TypeError('A throttle is a whole number of rows a second.');
    await this.#order(task, (name) => writeThrottle(this.#target, name, rowsPerSecond));
  }

  /**
   * Puts another record in the place of what the task has applied: what it lacks is applied (again), what it has beyond is
   * never applied. Takes the task over, so that no process that had it can write a row.
   * @param offset a set of transactions, or a checkpoint of the task's topic
   * @param apply without it nothing is changed, only told
   * @throws DrcError `TASK_RUNNING` while a process has the task; `TASK_UNKNOWN`; `CHECKPOINT_INVALID`; `TARGET_CONFIG`.
   */
  async setOffset(task: string, offset: string, by: string, apply: boolean): Promise<OffsetChange> {
    const name = this.#name(task);
    const target = this.#target;
    try {
      await askOf(name, () => readTask(target, name, ''));
      // CREATE TABLE commits; behind the lock it would let go of it.
      if (apply) await this.#ensureTables();
      await target.query('COMMIT');
      await target.query(`SET SESSION innodb_lock_wait_timeout = ${lockWaitSeconds}`);
      // With the lock nobody can take the task or apply anything until this is committed.
      const found = await askOf(name, () => readTask(target, name, apply ? 'FOR UPDATE' : ''));
      if (Number(found.sessions) > 0) throw running(task, found.owner);
      const next = setOf(offset, found.topic);
      const change = offsetChange(appliedBy((await readRecords(target, name)) ?? []), next);
      if (apply) {
        await this.#assertNothingIsCopied(name);
        await this.#record(name, next, by);
      }
      await target.query('COMMIT');
      return change;
    } catch (error) {
      await target.query('ROLLBACK').catch(() => undefined);
      if (isDrcError(error) && error.details['errno'] === 1205) throw running(task, 'another process');
      throw error;
    }
  }

  async #record({ schema, task }: TaskName, applied: TransactionSet, by: string): Promise<void> {
    await this.#target.query(
      `UPDATE ${tableSql(schema, 'congo_task')} SET epoch = epoch + 1, owner = ?, connection = 0, taken_at = NOW(3)
       WHERE task = ?`,
      [by, task],
    );
    const progress = tableSql(schema, 'congo_progress');
    await this.#target.query(`UPDATE ${progress} SET applied = '', updated_at = NOW(3) WHERE task = ?`, [
      task,
    ]);
    await this.#target.query(
      `INSERT INTO ${progress} (task, worker, applied) VALUES (?, 0, ?)
       ON DUPLICATE KEY UPDATE applied = VALUES(applied)`,
      [task, applied.toString()],
    );
  }

  async #order(task: string, write: (name: TaskName) => Promise<void>): Promise<void> {
    const name = this.#name(task);
    await askOf(name, () => readTask(this.#target, name, ''));
    await this.#ensureTables();
    await write(name);
    await this.#target.query('COMMIT');
  }

  /** Rows that are still to come are exact with the changes behind their place only. */
  async #assertNothingIsCopied({ schema, task }: TaskName): Promise<void> {
    const snapshot = await readSnapshot(this.#target, schema, task);
    if (snapshot === undefined || snapshot.isComplete) return;
    throw new DrcError(
      'CONFIG_INVALID',
      `Task '${task}' has not copied all of its tables; let it do so first.`,
      { task },
    );
  }

  /** A congo of an earlier version made the others only. */
  async #ensureTables(): Promise<void> {
    const found = await this.#target.query<{ name: string }[]>(
      `SELECT TABLE_NAME AS name FROM information_schema.TABLES
       WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN ('congo_control', 'congo_snapshot')`,
      [this.#schema],
    );
    const names = found.map(({ name }) => name);
    if (!names.includes('congo_control')) await this.#target.query(controlTableSql(this.#schema));
    if (!names.includes('congo_snapshot')) await this.#target.query(snapshotTableSql(this.#schema));
  }

  #name(task: string): TaskName {
    return { schema: this.#schema, task };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#target[Symbol.asyncDispose]();
  }

  async close(): Promise<void> {
    await this[Symbol.asyncDispose]();
  }
}

interface TaskRow {
  readonly topic: string;
  readonly owner: string;
  readonly epoch: string | number;
  readonly takenAt: string;
  readonly sessions: string | number;
}

/** @throws DrcError `TASK_UNKNOWN`. */
async function readTask(target: Target, name: TaskName, lock: '' | 'FOR UPDATE'): Promise<TaskRow> {
  const [row] = await target.query<(Omit<TaskRow, 'sessions'> & { connection: string | number })[]>(
    `SELECT topic, owner, epoch, connection, UNIX_TIMESTAMP(taken_at) AS takenAt
     FROM ${tableSql(name.schema, 'congo_task')} WHERE task = ? ${lock}`,
    [name.task],
  );
  if (row === undefined) throw unknownTask(name);
  return { ...row, sessions: await sessionsOf(target, row) };
}

/** Ids of sessions are used again after a restart of the server: one that is older than the server's start is another's. */
async function sessionsOf(
  target: Target,
  { connection, takenAt }: { readonly connection: string | number; readonly takenAt: string },
): Promise<number> {
  const [uptime] = await target.query<{ Value: string }[]>(`SHOW GLOBAL STATUS LIKE 'Uptime'`);
  const rows = await target.query(
    `SELECT ID FROM information_schema.PROCESSLIST
     WHERE ID = ? AND ID <> CONNECTION_ID() AND FROM_UNIXTIME(?) >= NOW(3) - INTERVAL ? SECOND`,
    [String(connection), takenAt, Number(uptime?.Value ?? 0) + 1],
  );
  return rows.length;
}

/** @throws DrcError `CHECKPOINT_INVALID`. */
function setOf(offset: string, topic: string): TransactionSet {
  const text = offset.trim();
  if (/^[A-Za-z0-9_-]*$/.test(text) && !/^\d+-\d+-\d+$/.test(text) && text !== '') {
    const checkpoint = Checkpoint.parse(text);
    if (checkpoint.topic !== topic) {
      const message = `The checkpoint is of topic '${checkpoint.topic}', and the task reads '${topic}'.`;
      throw new DrcError('CHECKPOINT_INVALID', message, { topic });
    }
    if (checkpoint.snapshot !== undefined)
      throw new DrcError(
        'CHECKPOINT_INVALID',
        'The checkpoint holds tables that were copied, which a record does not.',
      );
    return checkpoint.set;
  }
  return TransactionSet.parse(text.replace(/^after:/, ''));
}

const running = (task: string, owner: string): DrcError =>
  new DrcError('TASK_RUNNING', `Task '${task}' is run by ${owner}. Stop it first.`, { task, owner });

const milliseconds = (seconds: string): number => Math.round(Number(seconds) * 1000);
