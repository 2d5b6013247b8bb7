import { TargetProgress, TaskControl, type TaskState } from '@drc/client-sdk/congo';
import { Checkpoint, DrcError } from '@drc/protocol';
import { hostname, userInfo } from 'node:os';
import { readConfig } from '../config-file.js';
import type { CongoConfig } from '../congo-config.js';
import { parseCongoFile } from '../congo-file.js';
import { changeText, type DatedState, stateJson, stateText } from '../congo-state-text.js';
import { targetOf } from '../congo-target.js';
import { printLine } from '../print-line.js';

/** Which tasks of which file. */
export interface TaskFlags {
  readonly config: string;
  readonly task?: string;
}

export interface OutputFlags {
  readonly output: 'text' | 'json';
  readonly json?: boolean;
}

export async function congoStatus(flags: TaskFlags & OutputFlags): Promise<void> {
  const states: DatedState[] = [];
  for (const config of await tasksOf(flags)) {
    states.push({ ...(await withControl(config, (control) => control.state(config.task))), now: Date.now() });
  }
  const text = isJson(flags)
    ? JSON.stringify(states.map(stateJson), undefined, 2)
    : states.map(stateText).join('\n\n');
  process.stdout.write(`${text}\n`);
}

export async function congoPause(flags: TaskFlags): Promise<void> {
  const config = await taskOf(flags);
  await withControl(config, (control) => control.pause(config.task, operator()));
  printLine('paused', config.task);
}

export async function congoResume(flags: TaskFlags): Promise<void> {
  const config = await taskOf(flags);
  await withControl(config, (control) => control.resume(config.task));
  printLine('resumed', config.task);
}

export interface ThrottleFlags extends TaskFlags {
  readonly rowsPerSecond?: number;
  readonly off?: boolean;
}

export async function congoThrottle(flags: ThrottleFlags): Promise<void> {
  const { rowsPerSecond, off } = flags;
  if ((rowsPerSecond === undefined) === (off !== true))
    throw new DrcError('CONFIG_INVALID', 'Give --rows-per-second, or --off.');
  const config = await taskOf(flags);
  await withControl(config, (control) => control.throttle(config.task, rowsPerSecond));
  printLine(rowsPerSecond === undefined ? 'no throttle' : `${rowsPerSecond} rows/s`, config.task);
}

export async function congoOffsetGet(flags: TaskFlags & OutputFlags): Promise<void> {
  const config = await taskOf(flags);
  const { task, topic, applied }: TaskState = await withControl(config, (control) =>
    control.state(config.task),
  );
  if (!isJson(flags)) return printLine(applied.toString());
  const checkpoint = new Checkpoint({ topic, set: applied }).toString();
  printLine(JSON.stringify({ task, topic, applied: applied.toString(), checkpoint }));
}

export interface OffsetSetFlags extends TaskFlags, OutputFlags {
  readonly to: string;
  readonly apply?: boolean;
  readonly dryRun?: boolean;
}

export async function congoOffsetSet(flags: OffsetSetFlags): Promise<void> {
  if (flags.apply === true && flags.dryRun === true)
    throw new DrcError('CONFIG_INVALID', 'Give --apply, or --dry-run.');
  const config = await taskOf(flags);
  const isApplied = flags.apply === true;
  const change = await withControl(config, (control) =>
    control.setOffset(config.task, flags.to, operator(), isApplied),
  );
  printLine(
    isJson(flags)
      ? JSON.stringify({ task: config.task, applied: isApplied, ...change })
      : changeText(change, isApplied),
  );
}

export interface WaitFlags extends TaskFlags {
  readonly transaction: string;
  /** ms, default 30,000 */
  readonly timeout?: number;
}

export async function congoWait(flags: WaitFlags): Promise<void> {
  const config = await taskOf(flags);
  const { task, progressSchema } = config;
  await using progress = await TargetProgress.open({ target: await targetOf(config), task, progressSchema });
  await progress.waitFor(flags.transaction, { timeoutMs: flags.timeout ?? 30_000 });
}

async function withControl<Result>(
  config: CongoConfig,
  work: (control: TaskControl) => Promise<Result>,
): Promise<Result> {
  const { progressSchema } = config;
  await using control = await TaskControl.open({ target: await targetOf(config), progressSchema });
  return await work(control);
}

async function tasksOf({ config: path, task }: TaskFlags): Promise<readonly CongoConfig[]> {
  const { tasks } = await readConfig(path, parseCongoFile);
  if (task === undefined) return tasks;
  const named = tasks.filter((config) => config.task === task);
  if (named.length > 0) return named;
  const names = tasks.map((config) => config.task).join(', ');
  throw new DrcError('CONFIG_INVALID', `${path} has no task '${task}'; it has ${names}.`);
}

/** The one task that is meant. @throws DrcError `CONFIG_INVALID` */
export async function taskOf(flags: TaskFlags): Promise<CongoConfig> {
  const [config, ...others] = await tasksOf(flags);
  if (config !== undefined && others.length === 0) return config;
  throw new DrcError('CONFIG_INVALID', `${flags.config} has several tasks: name one with --task.`);
}

const isJson = ({ output, json }: OutputFlags): boolean => json === true || output === 'json';

/** Shown to whoever wonders who did it. */
const operator = (): string => `${userInfo().username}@${hostname()}`;
