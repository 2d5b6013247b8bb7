import { escapeId } from 'mysql2';
import type { Target } from '../target.js';

/** One of the tables of `progressTablesSql`. */
export const controlTableSql = (schema: string): string => `CREATE TABLE IF NOT EXISTS ${nameIn(schema)} (
  task VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  paused_at TIMESTAMP(3) NULL COMMENT 'since when it is to apply nothing; NULL: it is to apply',
  paused_by VARCHAR(255) CHARACTER SET utf8mb4 NULL COMMENT 'user and host of who paused it',
  rows_per_second INT UNSIGNED NULL COMMENT 'the most that it is to apply; NULL: no limit',
  state VARCHAR(16) CHARACTER SET ascii NULL COMMENT 'what its process said last: applying, paused',
  state_at TIMESTAMP(3) NULL COMMENT 'since when',
  lag_ms BIGINT UNSIGNED NULL COMMENT 'how far it was behind the source then; NULL: not known',
  reported_at TIMESTAMP(3) NULL COMMENT 'when it said so'
) ENGINE=InnoDB`;

const nameIn = (schema: string): string => `${escapeId(schema, true)}.congo_control`;

/** Which task on a target. */
export interface TaskName {
  /** Schema of congo's tables. */
  readonly schema: string;
  readonly task: string;
}

/** What the operator wants of a task. */
export interface TaskOrders {
  /** Since when it is to apply nothing, ms since 1970; undefined: it is to apply. */
  readonly pausedAt: number | undefined;
  readonly pausedBy: string | undefined;
  /** The most that it is to apply; undefined: no limit. */
  readonly rowsPerSecond: number | undefined;
}

/** As long as nobody has said anything. */
export const noOrders: TaskOrders = { pausedAt: undefined, pausedBy: undefined, rowsPerSecond: undefined };

/** What the process of a task says of itself. */
export interface TaskReport {
  readonly state: string;
  /** Since when, ms since 1970. */
  readonly since: number;
  /** undefined: not known */
  readonly lagMs: number | undefined;
}

/** A report, and when it was made, ms since 1970. */
export interface DatedReport extends TaskReport {
  readonly at: number;
}

interface ControlRow {
  readonly pausedAt: string | null;
  readonly pausedBy: string | null;
  readonly rowsPerSecond: string | number | null;
  readonly state: string | null;
  readonly stateAt: string | null;
  readonly lagMs: string | number | null;
  readonly reportedAt: string | null;
}

/** Begins a transaction where none is open. */
export async function readControl(
  target: Target,
  { schema, task }: TaskName,
): Promise<{ readonly orders: TaskOrders; readonly report: DatedReport | undefined }> {
  const [row] = await target.query<ControlRow[]>(
    `SELECT UNIX_TIMESTAMP(paused_at) AS pausedAt, paused_by AS pausedBy, rows_per_second AS rowsPerSecond,
       state, UNIX_TIMESTAMP(state_at) AS stateAt, lag_ms AS lagMs, UNIX_TIMESTAMP(reported_at) AS reportedAt
     FROM ${nameIn(schema)} WHERE task = ?`,
    [task],
  );
  if (row === undefined) return { orders: noOrders, report: undefined };
  const orders = {
    pausedAt: milliseconds(row.pausedAt),
    pausedBy: row.pausedBy ?? undefined,
    rowsPerSecond: row.rowsPerSecond === null ? undefined : Number(row.rowsPerSecond),
  };
  const [since, at] = [milliseconds(row.stateAt), milliseconds(row.reportedAt)];
  if (row.state === null || since === undefined || at === undefined) return { orders, report: undefined };
  const lagMs = row.lagMs === null ? undefined : Number(row.lagMs);
  return { orders, report: { state: row.state, since, lagMs, at } };
}

/** Begins a transaction where none is open. By the target's clock. */
export async function writePause(
  target: Target,
  { schema, task }: TaskName,
  by: string | undefined,
): Promise<void> {
  // Who paused it first stays: a second `pause` changes nothing.
  await target.query(
    by === undefined
      ? `UPDATE ${nameIn(schema)} SET paused_at = NULL, paused_by = NULL WHERE task = ?`
      : `INSERT INTO ${nameIn(schema)} (task, paused_at, paused_by) VALUES (?, NOW(3), ?)
         ON DUPLICATE KEY UPDATE paused_by = IF(paused_at IS NULL, VALUES(paused_by), paused_by),
           paused_at = COALESCE(paused_at, VALUES(paused_at))`,
    by === undefined ? [task] : [task, by],
  );
}

/** Begins a transaction where none is open. */
export async function writeThrottle(
  target: Target,
  { schema, task }: TaskName,
  rowsPerSecond: number | undefined,
): Promise<void> {
  await target.query(
    `INSERT INTO ${nameIn(schema)} (task, rows_per_second) VALUES (?, ?)
     ON DUPLICATE KEY UPDATE rows_per_second = VALUES(rows_per_second)`,
    [task, rowsPerSecond ?? null],
  );
}

/** Begins a transaction where none is open. `reported_at` is by the target's clock, as `paused_at` is. */
export async function writeReport(
  target: Target,
  { schema, task }: TaskName,
  { state, since, lagMs }: TaskReport,
): Promise<void> {
  await target.query(
    `INSERT INTO ${nameIn(schema)} (task, state, state_at, lag_ms, reported_at) VALUES (?, ?, FROM_UNIXTIME(?), ?, NOW(3))
     ON DUPLICATE KEY UPDATE state = VALUES(state), state_at = VALUES(state_at), lag_ms = VALUES(lag_ms),
       reported_at = VALUES(reported_at)`,
    [task, state, (since / 1000).toFixed(3), lagMs === undefined ? null : Math.round(lagMs)],
  );
}

const milliseconds = (seconds: string | null): number | undefined =>
  seconds === null ? undefined : Math.round(Number(seconds) * 1000);
