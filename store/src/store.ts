import { join } from 'node:path';
import { type DrcError, ServerTls } from '@drc/protocol';
import type { Logger } from 'pino';
import { AdminServer, type Readiness } from './admin-server.js';
import { readColumnHashKey } from './column-hash-key.js';
import { BytePace } from './byte-pace.js';
import { captureDigest } from './capture-digest.js';
import { type Clock, systemClock } from './clock.js';
import type { StoreConfig } from './config.js';
import { Drain } from './drain.js';
import { announcedStatus } from './announced-status.js';
import { SourceBackfills } from './backfill/source-backfills.js';
import { fillLog } from './fill/fill-log.js';
import { historyEnd } from './history-end.js';
import { type LogHooks, TransactionLog } from './log/transaction-log.js';
import { ManagerTransport } from './manager-transport.js';
import { StoreMetrics } from './metrics.js';
import { Announcer } from './serve/announcer.js';
import { TicketVerifier } from './serve/authorize.js';
import type { ManagerContact } from './serve/manager-contact.js';
import { keptMs, readerReports } from './serve/reader-reports.js';
import { ReaderReporter } from './serve/reader-reporter.js';
import { Revocations } from './serve/revocations.js';
import { ServeCounters } from './serve/serve-counters.js';
import { StreamServer } from './serve/server.js';
import { TicketKeys } from './serve/ticket-keys.js';
import { sourceOptions } from './source-access.js';
import { Capture } from './source/capture.js';
import { SourceColumns } from './source/source-columns.js';
import { SourceTables } from './source/source-tables.js';
import { TableFilter } from './source/table-filter.js';
import { DatabaseSnapshots } from './snapshot/snapshot-source.js';
import { Snapshots } from './table-copy/snapshots.js';

export interface StoreDependencies {
  readonly logger: Logger;
  /** Of the source's user. */
  readonly sourcePassword: string;
  /** With which the store announces itself; made by `drc cm machine-key`. */
  readonly machineKey: string;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Kill points of crash tests, passed by a test's main only. */
  readonly hooks?: LogHooks;
  /** Ends a start that takes long: filling an empty log. Default: nothing does. */
  readonly signal?: AbortSignal;
}

/** MariaDB's commit times are whole seconds; a seek by time goes back so far that none is missed. */
const defaultSeekMarginMs = 10_000;

/**
 * A store: source → capture → log → server → readers, and the announcement that lets readers find it.
 * Losing the source stops capture, never serving.
 */
export class Store implements AsyncDisposable {
  readonly capture: Capture;
  readonly log: TransactionLog;
  readonly server: StreamServer;
  readonly admin: AdminServer;
  readonly announcer: Announcer;
  readonly drain: Drain;
  /** In the order in which they were opened. */
  readonly #parts: readonly AsyncDisposable[];
  #closing: Promise<void> | undefined;

  private constructor(parts: Parts, opened: readonly AsyncDisposable[]) {
    this.log = parts.log;
    this.capture = parts.capture;
    this.server = parts.server;
    this.admin = parts.admin;
    this.announcer = parts.announcer;
    this.drain = parts.drain;
    this.#parts = opened;
  }

  /**
   * @returns when it serves; with `fill`, that is when an empty log has been filled
   * @throws DrcError for a data folder, a port or a configuration that cannot be used, and the signal's reason; nothing is
   * left open then
   */
  static async start(config: StoreConfig, dependencies: StoreDependencies): Promise<Store> {
    const opened: AsyncDisposable[] = [];
    try {
      return new Store(await open(config, dependencies, opened), opened);
    } catch (error) {
      await closeAll(opened);
      throw error;
    }
  }

  /** Where readers connect, e.g. `wss://127.0.0.1:7380`. */
  get url(): string {
    return this.server.url;
  }

  /** `/livez`, `/readyz`, `/metrics`. */
  get adminUrl(): string {
    const { host, port } = this.admin.address;
    return `http://${host}:${port}`;
  }

  /** Resolves when capture has ended for good: with the error that stopped it. The store goes on serving. */
  get captureEnded(): Promise<DrcError | undefined> {
    return this.capture.ended;
  }

  /** Takes itself off the managers' lists, ends sessions behind a whole burst, writes what is complete. */
  close(): Promise<void> {
    this.drain[Symbol.dispose]();
    return (this.#closing ??= closeAll(this.#parts));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

interface Parts {
  readonly log: TransactionLog;
  readonly capture: Capture;
  readonly server: StreamServer;
  readonly admin: AdminServer;
  readonly announcer: Announcer;
  readonly drain: Drain;
}

async function open(
  config: StoreConfig,
  dependencies: StoreDependencies,
  opened: AsyncDisposable[],
): Promise<Parts> {
  const { logger, clock = systemClock, hooks } = dependencies;
  const keep = <Part extends AsyncDisposable>(part: Part): Part => {
    opened.push(part);
    return part;
  };
  const source = await sourceOptions(config.source, dependencies.sourcePassword);
  const filter = new TableFilter(config.capture);
  const transport = await ManagerTransport.open(config.managerTls, config.plaintext);
  if (config.fill !== undefined) {
    const { machineKey, signal = new AbortController().signal } = dependencies;
    await fillLog(config, { fill: config.fill, transport, machineKey, clock, logger, signal, hooks });
  }
  const log = keep(
    await TransactionLog.open({
      directory: config.directory,
      topic: config.topic,
      retentionMs: config.log.retentionMs,
      ...(config.log.retentionBytes === undefined ? {} : { retentionBytes: config.log.retentionBytes }),
      syncIntervalMs: config.log.syncIntervalMs,
      ...(config.log.reserveBytes === undefined ? {} : { diskReserveBytes: config.log.reserveBytes }),
      clock,
      logger,
      ...(hooks === undefined ? {} : { hooks }),
    }),
  );
  const tables = new SourceTables(() => capture.source, filter, clock);
  const columns = new SourceColumns(() => capture.source, filter);
  const keys = await TicketKeys.open(join(config.directory, 'ticket-keys.json'), config.cluster, logger);
  const revocations = await Revocations.open(join(config.directory, 'revocations.json'), clock, logger);
  const counters = new ServeCounters();
  const tls = config.tls && (await ServerTls.open(config.tls, tlsEvents(logger, counters)));
  const columnHashKey =
    config.columnHashKeyFile === undefined ? undefined : await readColumnHashKey(config.columnHashKeyFile);
  const storeId = log.lineage;
  const backfills =
    config.backfill &&
    keep(
      await SourceBackfills.create({
        config: config.backfill,
        directory: config.directory,
        topic: config.topic,
        log,
        source: () => capture.source,
        filter,
        clock,
        logger,
        diskReserveBytes: config.log.reserveBytes,
      }),
    );
  const snapshots =
    config.snapshots &&
    keep(
      new Snapshots({
        source: new DatabaseSnapshots({ source: () => capture.source, filter }),
        pace: new BytePace(config.snapshots.rateBytesPerSecond, clock),
        maxReaders: config.snapshots.maxReaders,
      }),
    );
  // The server is announced, and asks whoever announces it.
  const contact: ManagerContact = {
    answers: () => announcer.answers(),
    get backSince() {
      return announcer.backSince;
    },
  };
  const server = keep(
    await StreamServer.start({
      listen: config.listen,
      tls,
      allowsPlaintext: config.plaintext === 'allow',
      topic: config.topic,
      storeId,
      log,
      backfills,
      snapshots,
      copyable: log,
      verifier: new TicketVerifier({ keys, topic: config.topic, clock, revocations }),
      contact,
      revocations,
      counters,
      columnHashKey,
      hasTable: async (table) => (await log.someTable((name) => name === table)) || (await tables.has(table)),
      topicTables: { written: () => log.newestTables(), atSource: (wants) => columns.of(wants) },
      someTable: async (matches) => (await log.someTable(matches)) || (await tables.some(matches)),
      logger,
      clock,
      limits: {
        maxSessions: config.serve.maxSessions,
        maxSessionsPerPrincipal: config.serve.maxSessionsPerPrincipal,
        origins: config.serve.origins,
        ticketGraceMs: config.serve.ticketGraceMs,
        seekMarginMs: config.serve.seekMarginMs ?? defaultSeekMarginMs,
      },
    }),
  );
  const capture = keep(
    new Capture({
      log,
      source,
      filter,
      clock,
      logger,
      start: config.capture.start,
      retentionMs: config.log.retentionMs,
      ...(hooks === undefined ? {} : { hooks }),
    }),
  );
  void endHistory(capture, log, server, logger);
  const drain = new Drain({
    executedBefore: (lsn) => log.executedBefore(lsn),
    moveSessions: (canGo) => server.moveSessions(canGo),
    readers: () => server.sessions.length,
    announce: () => announcer.hurry(),
    logger,
  });
  const announcer: Announcer = keep(
    Announcer.start({
      clusterManagers: config.clusterManagers,
      machineKey: dependencies.machineKey,
      transport: () => transport.current(),
      topic: config.topic,
      storeId,
      address: config.serve.address ?? server.url,
      status: announcedStatus({ log, capture, server, drain, maxSessions: config.serve.maxSessions }),
      others: (others) => drain.heard(others),
      captureDigest: captureDigest(config.capture),
      keys,
      revocations,
      clock,
      logger,
    }),
  );
  const retentionMs = () => keptMs(config.log, log.extent(), log.bytes);
  keep(
    ReaderReporter.start({
      clusterManagers: config.clusterManagers,
      machineKey: dependencies.machineKey,
      transport: () => transport.current(),
      topic: config.topic,
      storeId,
      retentionMs,
      readers: () => readerReports(server.readers, log, retentionMs(), clock.now()),
      logger,
    }),
  );
  const metrics = new StoreMetrics({
    topic: config.topic,
    now: () => clock.now(),
    extent: () => log.extent(),
    logBytes: () => log.bytes,
    gaps: () => log.gaps,
    capture: () => capture.counters.snapshot(),
    captureState: () => capture.state.kind,
    draining: () => drain.isDraining,
    serve: () => server.counters,
    sessions: () => server.sessions,
    ...(backfills === undefined ? {} : { backfills: () => backfills.active }),
    ...(snapshots === undefined ? {} : { snapshots: () => snapshots.readers }),
  });
  const readiness = (): Readiness => readinessOf(capture, announcer, drain);
  const admin = keep(await AdminServer.start({ listen: config.admin, metrics, readiness, drain, logger }));
  return { log, capture, server, admin, announcer, drain };
}

/** Where the source's past has changed, readers get no further than it was the same. */
async function endHistory(
  capture: Capture,
  log: TransactionLog,
  server: StreamServer,
  logger: Logger,
): Promise<void> {
  try {
    const error = await capture.ended;
    const end = error && (await historyEnd(log, error));
    if (end === undefined) return;
    logger.error({ lsn: end.lsn, ...end.error.details }, `Readers are refused: ${end.error.message}`);
    server.endHistory(end);
  } catch (error) {
    // The log failed, or was closed meanwhile: no reader waits for anything.
    logger.info({ err: error }, 'Not looked for where the history of the source has changed');
  }
}

/** Ready: readers can find it and be let in. Whether the source answers is told beside it: the log can be read without. */
function readinessOf(capture: Capture, announcer: Announcer, drain: Drain): Readiness {
  const announced = announcer.state;
  const why =
    announced.kind === 'failing' ? `${announced.error.code}: ${announced.error.message}` : announced.kind;
  const reasons = announced.kind === 'announced' ? [] : [`the store is not announced: ${why}`];
  const { state } = capture;
  return {
    ready: reasons.length === 0,
    reasons,
    details: {
      capture: state.kind,
      captureError:
        'error' in state && state.error ? `${state.error.code}: ${state.error.message}` : undefined,
      ...(drain.isDraining ? { draining: true } : {}),
    },
  };
}

const tlsEvents = (logger: Logger, counters: ServeCounters) => ({
  reloaded: (certificate: object) => logger.info(certificate, 'The certificate was read anew'),
  failed: ({ message }: DrcError) =>
    logger.warn({ reason: message }, 'The new certificate cannot be used; the one before stays in force'),
  refused: () => counters.refuse('tls'),
});

/** The last first: what is outside ends before what it stands on; each of them, whatever the others do. */
async function closeAll(parts: readonly AsyncDisposable[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of parts.toReversed()) {
    try {
      await part[Symbol.asyncDispose]();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'The store could not be closed cleanly.');
}
