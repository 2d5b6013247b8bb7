import { DrcError } from '@drc/protocol';
import { type StoreConfig, Store, parseStoreConfig } from '@drc/store';
import type { Logger } from 'pino';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../config-file.js';
import { makeLogger } from '../logger.js';
import { readSecret } from '../secret.js';
import { aborted, portFrom } from './cm.js';

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
  const { source } = config;
  const logger = makeLogger('store');
  const secrets = {
    sourcePassword:
      source.password ??
      (await readSecret({
        variable: 'DRC_SOURCE_PASSWORD',
        file: source.passwordFile,
        prompt: `Password for ${source.user}@${source.host}: `,
        orElse: 'source.passwordFile',
      })),
    machineKey: (
      await readSecret({ variable: 'DRC_MACHINE_KEY', file: config.machineKeyFile, orElse: 'machineKeyFile' })
    ).trim(),
  };
  await runStore(config, secrets, logger, signal);
}

export interface StoreSecrets {
  readonly sourcePassword: string;
  readonly machineKey: string;
}

const reopenPauseMs = 1_000;

/**
 * Keeps a store running. After a failed write it is opened anew: what the log then says is where capture goes on.
 * @param watch called with each running store; what it throws ends the store.
 * @throws DrcError that stopped capture of a log which never began: there is nothing to serve, and the reason is a
 * setting that somebody must change.
 */
export async function runStore(
  config: StoreConfig,
  secrets: StoreSecrets,
  logger: Logger,
  signal: AbortSignal,
  watch: (store: Store) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  while (!signal.aborted) {
    const failure = await runOnce(config, secrets, logger, signal, watch);
    if (failure === undefined) return;
    logger.error({ code: failure.code }, `${failure.message} Opening the log again.`);
    await sleep(reopenPauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** @returns the error after which the store must be opened anew; nothing after `signal`. */
async function runOnce(
  config: StoreConfig,
  secrets: StoreSecrets,
  logger: Logger,
  signal: AbortSignal,
  watch: (store: Store) => Promise<void>,
): Promise<DrcError | undefined> {
  await using store = await Store.start(config, { logger, ...secrets });
  logger.info({ topic: config.topic, url: store.url, adminUrl: store.adminUrl }, 'store started');
  const stop = aborted(signal);
  const failure = await Promise.race([watch(store).then(() => store.captureEnded), stop]);
  if (!(failure instanceof DrcError)) {
    logger.info('stopping');
    return undefined;
  }
  if (failure.code === 'LOG_WRITE_FAILED') return failure;
  if (store.log.capture.identity === undefined) throw failure;
  logger.error(
    { code: failure.code, ...failure.details },
    `Capture has stopped: ${failure.message} ${failure.advice}`,
  );
  await stop;
  logger.info('stopping');
  return undefined;
}
