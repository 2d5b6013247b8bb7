import type { CongoHooks } from '@drc/client-sdk/congo';
import { DrcError, isDrcError } from '@drc/protocol';
import { explainPort } from '../advice.js';
import { readConfig } from '../config-file.js';
import { startCongoAdmin } from '../congo-admin.js';
import { parseCongoFile } from '../congo-file.js';
import { CongoMetrics, StartingTask } from '../congo-metrics.js';
import { type PreparedTask, prepareTask, runTask } from '../congo-task.js';
import { makeLogger } from '../logger.js';
import { portFrom } from '../port-from.js';

export interface CongoRunFlags {
  readonly config: string;
  readonly adminPort?: number;
}

/**
 * Runs the tasks of a file until `signal` is aborted, or an error has ended the last of them: one that ends stops none of the others.
 * @param hooks kill points, passed by a test's main only
 */
export async function congoRun(flags: CongoRunFlags, signal: AbortSignal, hooks?: CongoHooks): Promise<void> {
  const file = await readConfig(flags.config, parseCongoFile, {
    'admin.port': flags.adminPort ?? portFrom('CONGO_ADMIN_PORT'),
  });
  const logger = await makeLogger('congo');
  const prepared: PreparedTask[] = [];
  // One after the other: each may ask for a password.
  for (const config of file.tasks) prepared.push(await prepareTask(config));
  const tasks = prepared.map(({ config }) => new StartingTask(config.task));
  const metrics = new CongoMetrics(tasks);
  await using admin = await startCongoAdmin(file.admin, tasks, metrics).catch((error: unknown) => {
    const setting = 'admin.port (--admin-port, CONGO_ADMIN_PORT)';
    throw explainPort(error, [{ port: file.admin.port, setting }]);
  });
  const isOne = tasks.length === 1;
  const failures: unknown[] = [];
  const run = async (task: StartingTask, index: number): Promise<void> => {
    const { config } = prepared[index]!;
    const own = isOne ? logger : logger.child({ task: config.task });
    own.info({ task: config.task, topic: config.topic, adminUrl: admin.url }, 'congo started');
    const onApplied = (times: readonly number[]): void => metrics.applied(config.task, times);
    try {
      await runTask(prepared[index]!, task, { logger: own, onApplied }, signal, hooks);
    } catch (error) {
      failures.push(error);
      if (isDrcError(error) && task.congo === undefined) task.before = { kind: 'stopped', error };
      if (!isOne) own.error({ code: isDrcError(error) ? error.code : undefined }, String(error));
    }
  };
  await Promise.all(tasks.map(run));
  if (failures.length === 0) return;
  // A task that was taken over runs elsewhere; any other failure is worth a restart of the process.
  const worst = failures.find((error) => !isDrcError(error, 'TASK_FENCED')) ?? failures[0];
  if (isOne || !isDrcError(worst)) throw worst;
  const message = `${failures.length} of ${tasks.length} tasks ended by an error; this is one: ${worst.message}`;
  throw new DrcError(worst.code, message, worst.details, { cause: worst });
}
