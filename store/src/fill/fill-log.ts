import type { Logger } from 'pino';
import { AdminServer, type Readiness } from '../admin-server.js';
import { captureDigest } from '../capture-digest.js';
import type { Clock } from '../clock.js';
import type { FillConfig, StoreConfig } from '../config.js';
import { LogCopy } from '../log/copy/log-copy.js';
import type { LogHooks } from '../log/transaction-log.js';
import type { ManagerTransport } from '../manager-transport.js';
import { StoreMetrics } from '../metrics.js';
import { ServeCounters } from '../serve/serve-counters.js';
import { BytePace } from '../byte-pace.js';
import { LogFill, type FillProgress } from './log-fill.js';
import { findSisters } from './sisters.js';

export interface FillDependencies {
  readonly fill: FillConfig;
  readonly transport: ManagerTransport;
  readonly machineKey: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly hooks?: LogHooks | undefined;
}

/**
 * Fills the log of a store that has none from another store of the topic, before it is opened. Nothing happens where the log
 * has begun. Meanwhile `/livez`, `/readyz` and `/metrics` tell how far it is.
 * @throws DrcError as `LogCopy.open` and `LogFill.run`; the signal's reason
 */
export async function fillLog(config: StoreConfig, dependencies: FillDependencies): Promise<void> {
  const { fill, transport, machineKey, clock, logger, signal, hooks } = dependencies;
  const { topic, clusterManagers, directory, log } = config;
  await using copy = await LogCopy.open({
    directory,
    topic,
    clock,
    diskReserveBytes: log.reserveBytes,
    signal,
    waits: (isWaiting) => {
      if (isWaiting)
        logger.warn({ code: 'DISK_RESERVE' }, 'The disk is down to its reserve; filling the log waits');
      else logger.info('The disk has room again; filling the log goes on');
    },
  });
  if (copy === undefined) return;
  const beganAt = clock.monotonic();
  const running = new LogFill({
    topic,
    copy,
    sisters: () =>
      findSisters({
        clusterManagers,
        machineKey,
        transport: () => transport.current(),
        topic,
        captureDigest: captureDigest(config.capture),
        signal,
      }),
    transport: async () => {
      const { tls: { serverName: _, ...tls } = {}, ...rest } = await transport.current();
      return { ...rest, tls };
    },
    pace: new BytePace(fill.rateBytesPerSecond, clock),
    clock,
    logger,
    signal,
    at: (point) => hooks?.at?.(point),
  });
  await using admin = await adminOf(config, running, clock, logger);
  logger.info(
    { adminUrl: `http://${admin.address.host}:${admin.address.port}` },
    'the log is empty: looking for another store to fill it from',
  );
  if (!(await running.run())) {
    logger.warn('No other store of the topic is alive: the log begins at the source');
    return;
  }
  await hooks?.at?.('fill.copied');
  await copy.finish();
  const { store, lsn, bytes } = running.progress;
  logger.info({ store, lsn, bytes, ms: Math.round(clock.monotonic() - beganAt) }, 'the log is filled');
}

const adminOf = (
  config: StoreConfig,
  running: LogFill,
  clock: Clock,
  logger: Logger,
): Promise<AdminServer> => {
  const counters = new ServeCounters();
  const metrics = new StoreMetrics({
    topic: config.topic,
    now: () => clock.now(),
    extent: () => undefined,
    logBytes: () => undefined,
    capture: () => undefined,
    captureState: () => 'filling',
    serve: () => counters,
    sessions: () => [],
    fill: () => running.progress,
  });
  return AdminServer.start({
    listen: config.admin,
    metrics,
    readiness: () => readinessOf(running.progress),
    logger,
  });
};

function readinessOf({ store, lsn, ofLsn, bytes }: FillProgress): Readiness {
  const from = store === undefined ? '' : ` from ${store}: transaction ${lsn} of ${ofLsn}`;
  return {
    ready: false,
    reasons: [`the log is being filled${from}`],
    details: { capture: 'filling', fillFrom: store, fillLsn: lsn, fillOfLsn: ofLsn, fillBytes: bytes },
  };
}
