import { type ConnectOptions, type Credentials, type Hub, connect } from '@drc/client-sdk';
import { Congo, type CongoHooks, type CongoStatus } from '@drc/client-sdk/congo';
import { DrcError, isDrcError } from '@drc/protocol';
import { setTimeout as sleep } from 'node:timers/promises';
import { explainPort } from '../advice.js';
import { readTransport } from '../client-tls.js';
import { readConfig } from '../config-file.js';
import { StartingTask, startCongoAdmin } from '../congo-admin.js';
import { type CongoConfig, parseCongoConfig } from '../congo-config.js';
import { makeLogger } from '../logger.js';
import { portFrom } from '../port-from.js';
import { parseMoment } from '../moment.js';
import { readSecret } from '../secret.js';
import { readTls } from '../tls-files.js';

export interface CongoRunFlags {
  readonly config: string;
  readonly adminPort?: number;
}

/** Runs a task until `signal` is aborted or an error ends it. @param hooks kill points, passed by a test's main only. */
export async function congoRun(flags: CongoRunFlags, signal: AbortSignal, hooks?: CongoHooks): Promise<void> {
  const config = await readConfig(flags.config, parseCongoConfig, {
    'admin.port': flags.adminPort ?? portFrom('CONGO_ADMIN_PORT'),
  });
  const logger = await makeLogger('congo');
  const tls = await readTls(config.target.tls);
  const password = await readSecret({
    variable: 'CONGO_TARGET_PASSWORD',
    file: config.target.passwordFile,
    prompt: `Password for ${config.target.user}@${config.target.host}: `,
    orElse: 'target.passwordFile',
  });
  const credentials = await credentialsOf(config);
  const transport = await readTransport(config.managerTls, config.plaintext);
  const task = new StartingTask();
  await using admin = await startCongoAdmin(config.admin, task).catch((error: unknown) => {
    const setting = 'admin.port (--admin-port, CONGO_ADMIN_PORT)';
    throw explainPort(error, [{ port: config.admin.port, setting }]);
  });
  logger.info({ task: config.task, topic: config.topic, adminUrl: admin.url }, 'congo started');
  const hub = await connectWhenThere(
    {
      clusterManager: config.clusterManager,
      credentials,
      ...transport,
      client: `congo ${config.task}`.slice(0, 100),
    },
    (error, retryAt) => {
      task.waiting = { kind: 'waiting', error, retryAt };
      logger.warn({ code: error.code }, error.message);
    },
    signal,
  );
  if (hub === undefined) {
    logger.info('congo stopped');
    return;
  }
  await using _closing = hub;
  const congo = new Congo({
    hub,
    task: config.task,
    topic: config.topic,
    tables: config.tables,
    match: config.match,
    from: parseMoment(config.from, Date.now(), config.topic),
    target: {
      host: config.target.host,
      port: config.target.port,
      user: config.target.user,
      password,
      ...(tls === undefined ? {} : { tls }),
    },
    progressSchema: config.progressSchema,
    acknowledgeGaps: config.acknowledgeGaps,
    ddl: config.ddl,
    triggers: config.triggers,
    maxBatchRows: config.maxBatchRows,
    onStatus: logChanges((status) => {
      if (status.kind === 'waiting') {
        logger.warn(
          { code: status.error.code, retryAt: new Date(status.retryAt).toISOString() },
          status.error.message,
        );
      } else if (status.kind !== 'stopped') logger.info({ state: status.kind }, `congo ${status.kind}`);
    }),
    ...(hooks === undefined ? {} : { hooks }),
  });
  task.congo = congo;
  await congo.run(signal);
  logger.info({ transactions: congo.counters.transactions, rows: congo.counters.rows }, 'congo stopped');
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
function logChanges(log: (status: CongoStatus) => void): (status: CongoStatus) => void {
  let last: string | undefined;
  return (status) => {
    if (status.kind === last && status.kind !== 'waiting') return;
    last = status.kind;
    log(status);
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
