import { DrcError, type ErrorCode } from '@drc/protocol';
import { type StoreConfig, Store, parseStoreConfig } from '@drc/store';
import type { Logger } from 'pino';
import { setTimeout as sleep } from 'node:timers/promises';
import { adviceOf, explainPort } from '../advice.js';
import { readConfig } from '../config-file.js';
import { makeLogger } from '../logger.js';
import { portFrom } from '../port-from.js';
import { readSecret } from '../secret.js';
import { sourcePasswordOf } from '../source-password.js';
import { aborted } from '../stop-signal.js';

export interface StoreStartFlags {
  readonly config: string;
  readonly data?: string;
  readonly port?: number;
  readonly adminPort?: number;
}

/** Runs a store until `signal` is aborted. */
export async function storeStart(flags: StoreStartFlags, signal: AbortSignal): Promise<void> {
  const config = await readConfig(flags.config, parseStoreConfig, {
    directory: flags.data ?? process.env['DRC_STORE_DATA'],
    'listen.port': flags.port ?? portFrom('DRC_STORE_PORT'),
    'admin.port': flags.adminPort ?? portFrom('DRC_STORE_ADMIN_PORT'),
  });
  const logger = await makeLogger('store');
  const secrets = {
    sourcePassword: await sourcePasswordOf(config),
    machineKey: (
      await readSecret({ variable: 'DRC_MACHINE_KEY', file: config.machineKeyFile, orElse: 'machineKeyFile' })
    ).trim(),
  };
  try {
    await runStore(config, secrets, { logger }, signal);
  } catch (error) {
    throw explainPort(error, [
      { port: config.listen.port, setting: 'listen.port (--port, DRC_STORE_PORT)' },
      { port: config.admin.port, setting: 'admin.port (--admin-port, DRC_STORE_ADMIN_PORT)' },
    ]);
  }
}

export interface StoreSecrets {
  readonly sourcePassword: string;
  readonly machineKey: string;
}

export interface StoreRun {
  readonly logger: Logger;
  /** Called with each running store; what it throws ends the store. */
  readonly watch?: (store: Store) => Promise<void>;
  /** Puts what stopped capture into the words of whoever runs the store. Default: as it is. */
  readonly explain?: (error: DrcError) => DrcError;
}

const reopenPauseMs = 1_000;

/** After a failed write, what may pass while the store cannot be opened: a disk that is full, or does not answer. */
const passingCodes: readonly ErrorCode[] = ['DISK_RESERVE', 'DATA_FOLDER', 'STORE_UNAVAILABLE'];

/**
 * Keeps a store running. After a failed write it is opened anew, for as long as it takes: what the log then says is where
 * capture goes on.
 * @throws DrcError that stopped capture of a log which never began: there is nothing to serve, and the reason is a
 * setting that somebody must change.
 */
export async function runStore(
  config: StoreConfig,
  secrets: StoreSecrets,
  run: StoreRun,
  signal: AbortSignal,
): Promise<void> {
  for (let hasFailed = false; !signal.aborted; hasFailed = true) {
    const failure = await runOnce(config, secrets, run, signal).catch((error: unknown) => {
      // It was ended while it filled its log.
      if (signal.aborted && error === signal.reason) return undefined;
      if (hasFailed && error instanceof DrcError && passingCodes.includes(error.code)) return error;
      throw error;
    });
    if (failure === undefined) return;
    run.logger.error({ code: failure.code }, `${failure.message} Opening the log again.`);
    await sleep(reopenPauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** @returns the error after which the store must be opened anew; nothing after `signal`. */
async function runOnce(
  config: StoreConfig,
  secrets: StoreSecrets,
  { logger, watch, explain = (error) => error }: StoreRun,
  signal: AbortSignal,
): Promise<DrcError | undefined> {
  await using store = await Store.start(config, { logger, ...secrets, signal });
  logger.info({ topic: config.topic, url: store.url, adminUrl: store.adminUrl }, 'store started');
  // `drc store drain --stop`: no reader is left.
  const stop = Promise.race([aborted(signal), store.drain.emptied]);
  const watched = watch?.(store) ?? Promise.resolve();
  const failure = await Promise.race([watched.then(() => store.captureEnded), store.log.failed, stop]);
  if (!(failure instanceof DrcError)) {
    logger.info('stopping');
    return undefined;
  }
  if (failure.code === 'LOG_WRITE_FAILED') return failure;
  if (store.log.capture.identity === undefined) throw failure;
  logger.error(
    { code: failure.code, ...failure.details },
    `Capture has stopped: ${failure.message} ${adviceOf(explain(failure))}`,
  );
  // The log may fail although nothing is captured any more: retention writes, too.
  const failed = await Promise.race([store.log.failed, stop]);
  if (failed instanceof DrcError) {
    if (failed.code === 'LOG_CORRUPT') throw failed;
    return failed;
  }
  logger.info('stopping');
  return undefined;
}
