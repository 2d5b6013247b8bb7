import { createHash } from 'node:crypto';
import { DrcError } from '@drc/protocol';
import type { TableName } from '../table-name.js';
import type { Target } from '../target.js';
import { digestOf, type Intent, intentTable, tookEffect } from './ddl-intent.js';
import type { DdlPlan } from './ddl-plan.js';

/** The part of a task's claim that a DDL needs. */
export interface DdlClaim {
  /** Begins a transaction on the task's session, with the epoch's row locked. @throws DrcError `TASK_FENCED` */
  begin(): Promise<void>;
}

export interface DdlRunnerOptions {
  readonly schema: string;
  readonly task: string;
  /** The session of the claim: it holds the epoch's row while a statement runs on another. */
  readonly target: Target;
  readonly claim: DdlClaim;
  /** Runs the statements; entered in `congo_session` (`ProgressTable.onSession`), so that whoever takes over can end it. */
  readonly session: Target;
  /** How long an earlier process's statement may take to end, s. Default 30. */
  readonly patienceSeconds?: number;
  /** Where a test may stop the process. */
  readonly at?: (point: 'intended' | 'ran') => void | Promise<void>;
}

/** Where in the source a statement stands: id of its transaction, and of the change in it, from 0. */
export interface DdlPlace {
  readonly transaction: string;
  readonly place: number;
}

/** The words of the source's session that matter are in the statement already; here nothing is cut or replaced silently. */
const sessionMode = `'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'`;

/**
 * Runs the statements of a plan, each once in effect. DDL commits by itself, so two sessions are needed: the one of the
 * claim holds the epoch's row, so that nobody takes the task over meanwhile without ending both; the other runs the
 * statement under a named lock, which the server keeps until that session has really ended.
 *
 * Nothing else of the task may be under way: what was applied before is committed, and nothing after it is.
 */
export class DdlRunner {
  readonly #options: DdlRunnerOptions;

  constructor(options: DdlRunnerOptions) {
    this.#options = options;
  }

  /**
   * @param record enters the source transaction as applied, in the transaction that is open on the claim's session;
   * where more of the source transaction follows it does nothing, and the rows of `congo_ddl` stay as they are
   * @throws DrcError `TASK_FENCED`; `STATEMENT_UNSUPPORTED` where it cannot be told whether a statement took effect;
   * `TARGET_UNREACHABLE` while an earlier process's statement goes on; what the target refuses as `TARGET_REFUSED`
   */
  async run(
    plan: DdlPlan & { kind: 'statements' },
    place: DdlPlace,
    record: () => Promise<void>,
  ): Promise<void> {
    const { session, target, claim } = this.#options;
    await this.#lock();
    try {
      for (const [part, statement] of plan.statements.entries())
        await this.#one(statement, plan.tables[part]!, place, part);
      await claim.begin();
      await record();
      await target.query('COMMIT');
    } finally {
      await session.query('DO RELEASE_LOCK(?)', [this.#lockName]).catch(() => undefined);
    }
  }

  async #one(
    statement: string,
    table: TableName,
    { transaction, place }: DdlPlace,
    part: number,
  ): Promise<void> {
    const { schema, task, target, claim, session } = this.#options;
    const row = [task, transaction, place, part] as const;
    const where = 'task = ? AND transaction = ? AND place = ? AND part = ?';
    await claim.begin();
    const [known] = await target.query<Intent[]>(
      `SELECT statement, state, definition FROM ${intentTable(schema)} WHERE ${where}`,
      row,
    );
    const now = await digestOf(session, table);
    await session.query('COMMIT');
    const isDone = known !== undefined && (known.state === 'done' || tookEffect(known, now, table));
    if (!known)
      await target.query(
        `INSERT INTO ${intentTable(schema)} (task, transaction, place, part, statement, state, definition) VALUES (?, ?, ?, ?, ?, 'running', ?)`,
        [...row, statement, now],
      );
    await target.query('COMMIT');
    await this.#options.at?.('intended');
    // Held while the statement runs: a process that lost the task finds it out here, and one that would take it waits.
    await claim.begin();
    if (!isDone) await session.query(known?.statement ?? statement);
    await this.#options.at?.('ran');
    await target.query(`UPDATE ${intentTable(schema)} SET state = 'done' WHERE ${where}`, row);
    await target.query('COMMIT');
  }

  /** The server's lock names have at most 64 characters. */
  get #lockName(): string {
    const { schema, task } = this.#options;
    return `drc.ddl.${createHash('sha256').update(`${schema}.${task}`).digest('hex').slice(0, 40)}`;
  }

  /** Waits until a statement of an earlier process has ended: one that was killed may still be finishing. */
  async #lock(): Promise<void> {
    const { session, patienceSeconds = 30 } = this.#options;
    const [row] = await session.query<{ got: number | string | null }[]>('SELECT GET_LOCK(?, ?) AS got', [
      this.#lockName,
      patienceSeconds,
    ]);
    if (Number(row?.got ?? 0) !== 1)
      throw new DrcError(
        'TARGET_UNREACHABLE',
        'A statement of an earlier process of the task is still running on the target.',
      );
    await session.query(
      `SET SESSION sql_mode = ${sessionMode}, time_zone = '+00:00', foreign_key_checks = 1`,
    );
  }
}
