import {
  ClusterManager,
  addUser,
  createMachineKey,
  initManager,
  parseManagerConfig,
} from '@drc/cluster-manager';
import { DrcError } from '@drc/protocol';
import { type Store, type StoreConfig, parseStoreConfig, summarizeLog } from '@drc/store';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { explainPort, withAdvice } from '../advice.js';
import { defaultDataFolder, profileFile, writeClientProfile } from '../client-profile.js';
import { makeLogger } from '../logger.js';
import { parseAgo } from '../moment.js';
import { readSecret } from '../secret.js';
import { parseSourceUrl } from '../source-url.js';
import { runStore } from './store.js';

export interface DevFlags {
  readonly source: string;
  readonly topic?: string;
  readonly data: string;
  readonly tables?: readonly string[];
  readonly exclude?: readonly string[];
  readonly ignoreStatements?: readonly string[];
  readonly start?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly port: number;
  readonly storePort: number;
}

const userName = 'dev';
const managerName = 'cluster-manager';
const topicsName = 'topics';

/**
 * Cluster manager and store in one process over one folder, with the same HTTP, sockets and tickets as in separate
 * processes. Keys and the user `dev` are made anew at each start: nothing secret outlives the process but in the folder.
 */
export async function dev(flags: DevFlags, signal: AbortSignal): Promise<void> {
  const source = parseSourceUrl(flags.source, 'drc dev');
  const topic = flags.topic ?? (source.path || 'main');
  const topicFolder = join(flags.data, topicsName, topic);
  const sourcePassword =
    process.env['DRC_SOURCE_PASSWORD'] ??
    source.passwordInUrl ??
    (await readSecret({
      variable: 'DRC_SOURCE_PASSWORD',
      prompt: `Password for ${source.user}@${source.host}: `,
    }));
  const logger = await makeLogger('dev', process.env['DRC_LOG_LEVEL'] ?? 'warn');
  const { level } = logger;
  // What goes wrong before the banner is told once, in words, and not also as log lines.
  if (process.env['DRC_LOG_LEVEL'] === undefined) logger.level = 'silent';

  const storeConfig = (manager: string): StoreConfig =>
    parseStoreConfig({
      topic,
      directory: topicFolder,
      source: { url: source.url, tls: flags.tlsCa === undefined ? flags.tls === true : { ca: flags.tlsCa } },
      capture: {
        include: flags.tables ?? [],
        exclude: flags.exclude ?? [],
        ignoreStatements: flags.ignoreStatements ?? [],
        ...(flags.start === undefined ? {} : { start: captureStart(flags.start) }),
      },
      listen: { port: flags.storePort },
      admin: { port: 0 },
      clusterManagers: [manager],
    });
  // Before anything is made: a wrong topic or table is a fault of the command line.
  storeConfig('http://127.0.0.1');
  await makeFolder(flags.data);
  if (flags.start !== undefined && (await hasBegun(topicFolder))) {
    process.stderr.write(
      `Note: --start is for an empty log. ${topicFolder} goes on where it was; remove it to begin anew.\n`,
    );
  }
  const managerFolder = join(flags.data, managerName);
  if (!existsSync(managerFolder)) await initManager(managerFolder);
  const { password } = await addUser(managerFolder, { name: userName, administrator: true, replace: true });
  const storeKey = await createMachineKey(managerFolder, { kind: 'store', topics: [topic] });
  const everything = { topics: ['**'], tables: ['**'], snapshot: true, backfill: true };
  const clientKey = await createMachineKey(managerFolder, { kind: 'client', grants: [everything] });

  const explain = (error: DrcError): DrcError => wayOut(error, topicFolder);
  try {
    await using manager = await ClusterManager.start(
      parseManagerConfig({
        directory: managerFolder,
        listen: { port: flags.port },
        admin: { port: 0 },
        // There is one store, in this process: who asks for what it does not have need not wait for others.
        leaseMs: 3_000,
      }),
      { logger },
    );
    await writeClientProfile(flags.data, { clusterManager: manager.url, machineKey: clientKey.key });
    const config = storeConfig(manager.url);
    const banner = (store: Store): string => `
DRC is running over ${flags.data} (Ctrl-C stops it).

  source           ${source.user}@${source.host}
  topic            ${topic}
  cluster manager  ${manager.url}
  store            ${store.url}
  metrics          ${store.adminUrl}/metrics
  name             ${userName}
  password         ${password}

Try, in another terminal:

  npx --no -- drc tail ${topic} --from ${firstMoment(store)}${resolve(flags.data) === resolve(defaultDataFolder) ? '' : ` --data ${flags.data}`}

`;
    const watch = async (store: Store): Promise<void> => {
      await whenReading(store, signal);
      logger.level = level;
      if (signal.aborted) return;
      process.stdout.write(banner(store));
      tellReconnections(store, logger);
    };
    const secrets = { sourcePassword, machineKey: storeKey.key };
    await runStore(config, secrets, { logger, watch, explain }, signal);
  } catch (error) {
    const explained = error instanceof DrcError ? explain(error) : error;
    throw explainPort(explained, [
      { port: flags.port, setting: '--port' },
      { port: flags.storePort, setting: '--store-port' },
    ]);
  }
}

/** As in a store's file, and `-2h` as everywhere on a command line. */
function captureStart(text: string): string {
  const time = parseAgo(text, Date.now());
  return time === undefined ? text : new Date(time).toISOString();
}

/** Advice for whoever has no file to put a setting into. */
function wayOut(error: DrcError, topicFolder: string): DrcError {
  switch (error.code) {
    case 'STATEMENT_EVENT':
      return withAdvice(
        error,
        'A session wrote its changes as statements instead of rows; the rows cannot be known. Find who sets ' +
          'binlog_format. Then either leave such writes to that table out with --ignore-statements schema.table, or ' +
          `begin behind them: remove ${topicFolder}, and start with --start now (or a later time).`,
      );
    case 'BINLOG_PURGED':
      return withAdvice(
        error,
        `The source has deleted the binlog at which capture must go on. To begin anew, remove ${topicFolder}; what is ` +
          'in the log is gone then. Let the source keep binlogs longer than drc dev stands still.',
      );
    case 'GTID_PURGED':
    case 'BINLOG_RESET':
    case 'SOURCE_CHANGED':
    case 'SOURCE_HISTORY_CHANGED':
      return withAdvice(
        error,
        `${error.advice} The folder is ${topicFolder}: remove it to begin anew, or name another one with --data.`,
      );
    default:
      return error;
  }
}

/** A quarter of an hour, where the log goes back so far. */
const firstMoment = (store: Store): string =>
  store.log.extent().coversFrom <= Date.now() - 15 * 60_000 ? '-15m' : 'earliest';

/** Makes the folder, or takes one of `drc dev`: nobody else's content is to be closed to others, or mixed with ours. */
async function makeFolder(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const names = await readdir(directory);
    if (names.length > 0 && ![managerName, topicsName, profileFile].some((name) => names.includes(name))) {
      throw new DrcError(
        'DATA_FOLDER',
        `${directory} is not empty, and not of drc dev. Name another folder with --data.`,
        { reason: 'notEmpty' },
      );
    }
    await chmod(directory, 0o700);
  } catch (cause) {
    if (cause instanceof DrcError) throw cause;
    throw new DrcError(
      'DATA_FOLDER',
      `${directory} cannot be made (${(cause as Error).message}).`,
      {},
      { cause },
    );
  }
}

/**
 * Resolves once the source has been checked, its binlog is being read, and readers can find the store.
 * @throws DrcError what keeps the source from being read: whoever has just typed its address sits in front of it.
 */
async function whenReading(store: Store, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { state } = store.capture;
    if (state.kind === 'streaming' && store.announcer.state.kind === 'announced') return;
    if ((state.kind === 'waiting' || state.kind === 'stopped') && state.error !== undefined)
      throw state.error;
    await sleep(50);
  }
}

/** The loss of the source is a warning, its return at most information: whoever saw the one waits for the other. */
function tellReconnections(store: Store, logger: Logger): void {
  if (logger.isLevelEnabled('info')) return;
  const { state: first } = store.capture;
  let since = first.kind === 'streaming' ? first.since : 0;
  const timer = setInterval(() => {
    const { state } = store.capture;
    if (state.kind !== 'streaming' || state.since === since) return;
    since = state.since;
    logger.warn('source connected');
  }, 200);
  void store.captureEnded.finally(() => clearInterval(timer));
}

/** Whether capture has a place in this log. A log that nothing can be told of has not begun: what is wrong with it comes later. */
async function hasBegun(folder: string): Promise<boolean> {
  if (!existsSync(folder)) return false;
  const summary = await summarizeLog(folder).catch(() => undefined);
  return summary?.contents?.position !== undefined;
}
