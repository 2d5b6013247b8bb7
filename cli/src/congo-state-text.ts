import type { OffsetChange, TaskState } from '@drc/client-sdk/congo';

/** `now` in ms since 1970. */
export interface DatedState extends TaskState {
  readonly now: number;
}

const moment = (ms: number): string => new Date(ms).toISOString();

/** What a report says is of its moment: where no process is there it says nothing any more. */
const stateOf = ({ isRunning, report }: TaskState): string => {
  if (!isRunning) return 'not running';
  return report === undefined ? 'starting' : report.state;
};

/** As `congo status` prints it: a name and its value a line. */
export function stateText(state: DatedState): string {
  const { orders, report, isRunning, workers } = state;
  const name = stateOf(state);
  const since = isRunning && report !== undefined ? `, since ${moment(report.since)}` : '';
  const isPausing = orders.pausedAt !== undefined && name !== 'paused' && isRunning;
  const lines: (readonly [string, string])[] = [
    ['task', state.task],
    ['topic', state.topic],
    ['state', `${name}${since}${isPausing ? '; it is to pause, and does so after what is under way' : ''}`],
    ['owner', `${state.owner}, epoch ${state.epoch}, since ${moment(state.takenAt)}`],
    [
      'paused',
      orders.pausedAt === undefined ? 'no' : `since ${moment(orders.pausedAt)} by ${orders.pausedBy ?? '-'}`,
    ],
    ['throttle', orders.rowsPerSecond === undefined ? 'none' : `${orders.rowsPerSecond} rows/s`],
    ['lag', lagText(state)],
    ...copyLines(state),
    ['applied', state.applied.isEmpty ? 'nothing' : state.applied.toString()],
    ...workers.map(
      ({ worker, at }) => [`worker ${worker}`, `recorded something last at ${moment(at)}`] as const,
    ),
  ];
  return lines.map(([label, text]) => `${label.padEnd(9)} ${text}`).join('\n');
}

/** Tables whose rows are still to come, one a line. */
function copyLines({ snapshot }: TaskState): (readonly [string, string])[] {
  if (snapshot === undefined) return [];
  if (!snapshot.isPlanned) return [['copy', 'not begun']];
  const tables = [...snapshot.tables];
  const done = tables.filter(([, progress]) => progress === 'done').length;
  const open = tables.flatMap(([table, progress]): (readonly [string, string])[] => {
    if (progress === 'done') return [];
    return [['', `${table}: ${progress === 'pending' ? 'not begun' : `${progress.rows} rows`}`]];
  });
  return [['copy', `${done} of ${tables.length} tables are done`], ...open];
}

function lagText({ report, isRunning }: TaskState): string {
  if (!isRunning || report?.lagMs === undefined) return 'not known';
  return `${(report.lagMs / 1000).toFixed(1)} s, as told at ${moment(report.at)}`;
}

export function stateJson(state: DatedState): Record<string, unknown> {
  const { orders, report, isRunning } = state;
  return {
    task: state.task,
    topic: state.topic,
    state: stateOf(state),
    stateSince: isRunning && report !== undefined ? moment(report.since) : null,
    owner: state.owner,
    epoch: state.epoch,
    takenAt: moment(state.takenAt),
    paused:
      orders.pausedAt === undefined ? null : { since: moment(orders.pausedAt), by: orders.pausedBy ?? null },
    rowsPerSecond: orders.rowsPerSecond ?? null,
    lag: isRunning && report?.lagMs !== undefined ? { ms: report.lagMs, at: moment(report.at) } : null,
    copy:
      state.snapshot === undefined
        ? null
        : Array.from(state.snapshot.tables, ([table, progress]) => ({
            table,
            state: typeof progress === 'string' ? progress : 'copying',
            rows: typeof progress === 'string' ? null : progress.rows,
          })),
    applied: state.applied.toString(),
    workers: state.workers.map(({ worker, applied, at }) => ({
      worker,
      applied: applied.toString(),
      at: moment(at),
    })),
  };
}

/** What `congo offset set` did or would do. */
export function changeText({ repeated, leftOut }: OffsetChange, isApplied: boolean): string {
  const will = isApplied ? 'Will' : 'Would';
  const lines = [
    ...repeated.map((part) => `${will} be applied once more: ${part}`),
    ...leftOut.map((part) => `${will} be left out for good: ${part}`),
  ];
  if (lines.length === 0) return 'The target has exactly this on record; nothing changes.';
  lines.push(isApplied ? 'The record is set. Start the task.' : 'Nothing was changed: --apply does it.');
  return lines.join('\n');
}
