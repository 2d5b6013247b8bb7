import { type ConnectOptions, type Credentials, type Hub, connect } from '@drc/client-sdk';
import {
  Congo,
  type CongoHooks,
  type CongoOptions,
  type CongoStatus,
  type TaskMarks,
} from '@drc/client-sdk/congo';
import { DrcError, isDrcError } from '@drc/protocol';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { readTransport } from './client-tls.js';
import type { CongoConfig } from './congo-config.js';
import type { StartingTask } from './congo-metrics.js';
import { targetOf } from './congo-target.js';
import { parseBeginning } from './moment.js';
import { readSecret } from './secret.js';

/** A task with all that its file names: nothing further can be missing or faulty. */
export interface PreparedTask {
  readonly config: CongoConfig;
  readonly connect: ConnectOptions;
  readonly congo: Omit<CongoOptions, 'hub'>;
}

/** Reads secrets and certificates. @throws DrcError `CONFIG_INVALID`. */
export async function prepareTask(config: CongoConfig): Promise<PreparedTask> {
  const target = await targetOf(config);
  return {
    config,
    connect: await connectionOf(config),
    congo: {
      task: config.task,
      topic: config.topic,
      tables: config.tables,
      match: config.match,
      from: parseBeginning(config.from, Date.now(), config.topic),
      target,
      progressSchema: config.progressSchema,
      ...(config.snapshot && { snapshot: config.snapshot }),
      acknowledgeGaps: config.acknowledgeGaps,
      ddl: config.ddl,
      triggers: config.triggers,
      maxBatchRows: config.maxBatchRows,
      atomic: config.atomic,
      workers: config.workers,
      ...(config.origin && { origin: config.origin }),
    },
  };
}

/** How to reach the hub. @throws DrcError `CONFIG_INVALID` */
export async function connectionOf(config: CongoConfig): Promise<ConnectOptions> {
  const credentials = await credentialsOf(config);
  const transport = await readTransport(config.managerTls, config.plaintext);
  const client = `congo ${config.task}`.slice(0, 100);
  return { clusterManager: config.clusterManager, credentials, ...transport, client };
}

/** What a running task tells. */
export interface TaskListener {
  readonly logger: Logger;
  readonly onApplied: (commitTimes: readonly number[]) => void;
}

/** Runs it until `signal` is aborted or an error ends it. @param hooks kill points, passed by a test's main only. */
export async function runTask(
  prepared: PreparedTask,
  task: StartingTask,
  { logger, onApplied }: TaskListener,
  signal: AbortSignal,
  hooks?: CongoHooks,
): Promise<void> {
  const onWaiting = (error: DrcError, retryAt: number): void => {
    task.before = { kind: 'waiting', error, retryAt };
    logger.warn({ code: error.code }, error.message);
  };
  const hub = await connectWhenThere(prepared.connect, onWaiting, signal);
  if (hub === undefined) {
    logger.info('congo stopped');
    return;
  }
  await using _closing = hub;
  const congo = new Congo({
    ...prepared.congo,
    hub,
    onApplied,
    onStatus: logChanges(logger),
    onMarks: (marks) => logMarks(logger, marks),
    ...(hooks === undefined ? {} : { hooks }),
  });
  task.congo = congo;
  await congo.run(signal);
  logger.info({ transactions: congo.counters.transactions, rows: congo.counters.rows }, 'congo stopped');
}

/** What was not looked at is said aloud. */
function logMarks(logger: Logger, marks: TaskMarks): void {
  if (marks.areSeen)
    logger.info({ ...marks }, 'what is written is marked, and the mark was seen in the target’s topic');
  else
    logger.warn(
      { ...marks },
      'what is written is marked; whether the mark arrives is not checked: origin.targetTopic is not given',
    );
}

const reconnectPauseMs = 2_000;

/** A service may be started before the manager is: it is waited for, as it is later on. Undefined after `signal`. */
async function connectWhenThere(
  options: ConnectOptions,
  onWaiting: (error: DrcError, retryAt: number) => void,
  signal: AbortSignal,
): Promise<Hub | undefined> {
  while (!signal.aborted) {
    try {
      return await connect(options);
    } catch (error) {
      if (!isDrcError(error) || !error.retryable) throw error;
      onWaiting(error, Date.now() + reconnectPauseMs);
      await sleep(reconnectPauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

/** Each transaction reports `applying`: only a change of state is worth a line. The end has one with its figures. */
function logChanges(logger: Logger): (status: CongoStatus) => void {
  let last: string | undefined;
  return (status) => {
    if (status.kind === last && status.kind !== 'waiting') return;
    last = status.kind;
    if (status.kind === 'waiting') {
      const retryAt = new Date(status.retryAt).toISOString();
      logger.warn({ code: status.error.code, retryAt }, status.error.message);
    } else if (status.kind === 'paused') {
      const since = new Date(status.since).toISOString();
      logger.info({ state: status.kind, since, by: status.by }, 'congo paused by its operator');
    } else if (status.kind !== 'stopped') logger.info({ state: status.kind }, `congo ${status.kind}`);
  };
}

async function credentialsOf(config: CongoConfig): Promise<Credentials> {
  if (config.machineKeyFile !== undefined || process.env['DRC_MACHINE_KEY'] !== undefined) {
    const key = await readSecret({ variable: 'DRC_MACHINE_KEY', file: config.machineKeyFile });
    return { machineKey: key.trim() };
  }
  if (config.user === undefined) {
    throw new DrcError(
      'CONFIG_INVALID',
      'The task needs machineKeyFile (or DRC_MACHINE_KEY), or user with passwordFile.',
    );
  }
  const password = await readSecret({
    variable: 'DRC_PASSWORD',
    file: config.passwordFile,
    prompt: `Password for ${config.user}: `,
    orElse: 'passwordFile',
  });
  return { name: config.user, password };
}
