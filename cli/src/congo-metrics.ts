import {
  noRows,
  type ApplierCounters,
  type Congo,
  type CongoStatus,
  type TaskOrders,
} from '@drc/client-sdk/congo';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** What the admin port tells of a task. */
export interface TaskView {
  readonly task: string;
  readonly status: CongoStatus;
  readonly counters: ApplierCounters;
  readonly lagMs: number | undefined;
  readonly orders: TaskOrders | undefined;
}

/** A task from the start of its process on: before it is made, it waits for a cluster manager. */
export class StartingTask implements TaskView {
  readonly task: string;
  /** Set once there is a manager. */
  congo: Congo | undefined;
  /** Why it is not there yet, or how it ended without ever being there. */
  before: CongoStatus = { kind: 'starting' };

  constructor(task: string) {
    this.task = task;
  }

  get status(): CongoStatus {
    return this.congo?.status ?? this.before;
  }

  get counters(): ApplierCounters {
    return this.congo?.counters ?? nothingYet;
  }

  get lagMs(): number | undefined {
    return this.congo?.lagMs;
  }

  get orders(): TaskOrders | undefined {
    return this.congo?.orders;
  }
}

const nothingYet: ApplierCounters = {
  rows: noRows(),
  transactions: 0,
  targetTransactions: 0,
  ddlIgnored: 0,
  sequencesIgnored: 0,
};

type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

/** Of a source that tells whole seconds (MariaDB) the second that is lost is in the figure. */
const commitToApplyBuckets = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600];

/** What Prometheus reads of a congo process. Each task counts for itself, each scrape reads it; `applied` alone is told. */
export class CongoMetrics {
  readonly registry = new Registry();
  readonly #commitToApply: Histogram;

  constructor(tasks: readonly TaskView[]) {
    collectDefaultMetrics({ register: this.registry });
    const counter = (
      name: string,
      help: string,
      read: (task: TaskView) => readonly Sample[],
      labels: string[] = [],
    ): void => {
      const made: Counter = new Counter({
        name,
        help,
        labelNames: ['task', ...labels],
        registers: [this.registry],
        collect() {
          made.reset();
          for (const task of tasks)
            for (const [value, own] of read(task)) made.inc({ task: task.task, ...own }, value);
        },
      });
    };
    const gauge = (name: string, help: string, read: (task: TaskView) => number | undefined): void => {
      const made: Gauge = new Gauge({
        name,
        help,
        labelNames: ['task'],
        registers: [this.registry],
        collect() {
          // no figure is not the figure zero
          made.reset();
          for (const task of tasks) {
            const value = read(task);
            if (value !== undefined) made.set({ task: task.task }, value);
          }
        },
      });
    };
    counter(
      'congo_rows_applied_total',
      'Rows that came for the target, by what became of them: insert, update, delete; overwritten, kept, restored, ignored by policy.',
      ({ counters }) => Object.entries(counters.rows).map(([op, rows]): Sample => [rows, { op }]),
      ['op'],
    );
    counter('congo_transactions_applied_total', 'Source transactions applied.', ({ counters }) => [
      [counters.transactions],
    ]);
    counter('congo_target_transactions_total', 'Transactions committed on the target.', ({ counters }) => [
      [counters.targetTransactions],
    ]);
    counter('congo_ddl_ignored_total', 'DDL statements left out by the policy `ignore`.', ({ counters }) => [
      [counters.ddlIgnored],
    ]);
    counter('congo_sequences_ignored_total', 'Changes of sequences left out.', ({ counters }) => [
      [counters.sequencesIgnored],
    ]);
    gauge(
      'congo_applying',
      '1 while the task applies, 0 while it waits, is paused or has stopped.',
      ({ status }) => Number(status.kind === 'applying'),
    );
    gauge('congo_paused', '1 while the task is paused by its operator.', ({ status }) =>
      Number(status.kind === 'paused'),
    );
    gauge(
      'congo_throttle_rows_per_second',
      'The most that the task is to apply; not there without a throttle.',
      ({ orders }) => orders?.rowsPerSecond,
    );
    gauge(
      'congo_apply_lag_seconds',
      'How far the target is behind the source; 0 while all that was committed is applied.',
      ({ lagMs }) => (lagMs === undefined ? undefined : lagMs / 1000),
    );
    gauge(
      'congo_last_commit_timestamp_seconds',
      'When the source committed what was applied last.',
      ({ status }) => {
        const time = status.kind === 'applying' ? status.lastCommitTime : undefined;
        return time === undefined ? undefined : time / 1000;
      },
    );
    this.#commitToApply = new Histogram({
      name: 'congo_commit_to_apply_seconds',
      help: 'From the commit on the source to that on the target, of each source transaction.',
      labelNames: ['task'],
      buckets: commitToApplyBuckets,
      registers: [this.registry],
    });
  }

  /** The target has these. @param commitTimes of the source, ms since 1970 */
  applied(task: string, commitTimes: readonly number[], now = Date.now()): void {
    for (const time of commitTimes) this.#commitToApply.observe({ task }, Math.max(0, now - time) / 1000);
  }
}
