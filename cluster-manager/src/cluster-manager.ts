import { DrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import { startAdminServer } from './admin-server.js';
import { Administration } from './administration.js';
import { createApi } from './api.js';
import { Audit } from './audit.js';
import { Authenticator } from './authenticate.js';
import { Checkpoints } from './checkpoints.js';
import { systemClock, type Clock } from './clock.js';
import { mustBeLoopback, type ManagerConfig } from './config.js';
import { HttpServer } from './http-server.js';
import { LiveReaders } from './live-readers.js';
import { mustBePrivate } from './manager-folder.js';
import { ManagerMetrics } from './metrics.js';
import { PasswordHasher, type PasswordCost } from './password.js';
import { EmbeddedRegistry } from './registry/embedded.js';
import type { Registry, RegistryHooks } from './registry/registry.js';
import {
  loadZooKeeperRegistry,
  readinessOf,
  zooKeeperOptions,
  type SharedRegistrySecrets,
} from './shared-registry.js';
import { Revocations } from './revocations.js';
import { SigningKeys } from './signing-keys.js';
import { StoreDirectory } from './store-directory.js';
import { Tickets } from './tickets.js';
import { Topics } from './topics.js';

export interface ManagerDependencies extends SharedRegistrySecrets {
  readonly logger: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** What an unknown name costs. Default: what `defaultPasswordCost` says. */
  readonly passwordCost?: PasswordCost;
  /** For crash tests. */
  readonly hooks?: RegistryHooks;
}

/** Who a client is, what it may read, and which store has it. */
export class ClusterManager implements AsyncDisposable {
  /** Where clients and stores find it, e.g. `https://cm.internal:7370`. */
  readonly url: string;
  /** `/livez`, `/readyz`, `/metrics`. */
  readonly adminUrl: string;
  readonly cluster: string;
  /** In the order in which they were opened. */
  readonly #parts: readonly AsyncDisposable[];
  #closed: Promise<void> | undefined;

  private constructor(
    cluster: string,
    api: HttpServer,
    admin: HttpServer,
    parts: readonly AsyncDisposable[],
  ) {
    this.cluster = cluster;
    this.url = api.url;
    this.adminUrl = admin.url;
    this.#parts = parts;
  }

  /**
   * Starts the manager of a folder that `initManager`, or `initSharedManager`, made. `DATA_FOLDER`, `REGISTRY_CORRUPT`,
   * `REGISTRY_UNAVAILABLE` (no ZooKeeper server in 15 s), `CONFIG_INVALID` (its password), `PORT_IN_USE`,
   * `ADDRESS_NOT_LOOPBACK`; nothing is left open then.
   */
  static async start(config: ManagerConfig, dependencies: ManagerDependencies): Promise<ClusterManager> {
    mustBeLoopback(config.admin.host);
    const parts: AsyncDisposable[] = [];
    try {
      return await ClusterManager.#open(config, dependencies, parts);
    } catch (error) {
      await closeAll(parts);
      throw error;
    }
  }

  static async #open(
    config: ManagerConfig,
    dependencies: ManagerDependencies,
    parts: AsyncDisposable[],
  ): Promise<ClusterManager> {
    const { logger, clock = systemClock } = dependencies;
    await mustBePrivate(config.directory);
    const registry = await openRegistry(config, dependencies, clock);
    parts.push(registry);
    const cluster = await clusterOf(registry, config);
    const signingKeys = await SigningKeys.open({
      directory: config.directory,
      registry,
      clock,
      leaseMs: config.leaseMs,
      longestLifeMs: Math.max(config.ticketLifeMs, config.tokenLifeMs),
      failed: (error) => logger.error({ err: error }, 'the end of a rotation of keys could not be written'),
    });
    parts.push(signingKeys);
    const publicKeys = () => signingKeys.publicKeys();
    const signingKey = () => signingKeys.current;

    const tickets = new Tickets({ ...config, cluster, signingKey, publicKeys, clock });
    const passwords = new PasswordHasher(dependencies.passwordCost);
    const authenticator = new Authenticator({ registry, tickets, passwords, clock });
    const topics = new Topics(registry);
    const stores = new StoreDirectory({ clock, leaseMs: config.leaseMs });
    const readers = new LiveReaders({ clock });
    const checkpoints = new Checkpoints({ registry, clock });
    const metrics = new ManagerMetrics(
      async () => new Map((await topics.list()).map((topic) => [topic, stores.storesOf(topic).length])),
      () => (registry.state.kind === 'live' ? 0 : registry.state.ageMs / 1000),
    );
    const audit = new Audit(logger, metrics);
    const revocations = new Revocations({ registry, clock });
    const administration = new Administration({
      registry,
      passwords,
      clock,
      topics,
      revocations,
      signingKeys,
      stores,
      readers,
    });

    const { leaseMs } = config;
    const app = createApi({
      cluster,
      publicKeys,
      leaseMs,
      administration,
      revocations,
      topics,
      stores,
      checkpoints,
      readers,
      authenticator,
      tickets,
      audit,
      metrics,
      clock,
      logger,
    });
    const admin = await startAdminServer({
      listen: config.admin,
      metrics,
      logger,
      readiness: () => readinessOf(registry.state),
    });
    parts.push(admin);
    const api = await HttpServer.listen({
      listen: config.listen,
      fetch: app.fetch,
      logger,
      tls: config.tls,
      plaintext: config.plaintext,
      refused: (reason) => metrics.refused(reason),
    });
    parts.push(api);
    logger.info({ url: api.url, adminUrl: admin.url, cluster }, 'cluster manager started');
    return new ClusterManager(cluster, api, admin, parts);
  }

  /** Answers what is under way, then closes the registry. Closing twice is fine. */
  close(): Promise<void> {
    this.#closed ??= closeAll(this.#parts);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The last first: what is outside ends before what it stands on. */
async function closeAll(parts: readonly AsyncDisposable[]): Promise<void> {
  for (const part of parts.toReversed()) await part[Symbol.asyncDispose]();
}

async function clusterOf(registry: Registry, config: ManagerConfig): Promise<string> {
  const name = (await registry.get('cluster', 'cluster'))?.value.name;
  if (name === undefined) {
    throw new DrcError('REGISTRY_CORRUPT', `The registry in ${config.directory} does not name its cluster.`);
  }
  if (config.cluster !== undefined && config.cluster !== name) {
    throw new DrcError(
      'DATA_FOLDER',
      `${config.directory} is of the cluster ${name}, not ${config.cluster}.`,
      {
        reason: 'cluster',
      },
    );
  }
  return name;
}

async function openRegistry(
  config: ManagerConfig,
  dependencies: ManagerDependencies,
  clock: Clock,
): Promise<Registry> {
  const { directory, registry } = config;
  if (registry === undefined) return EmbeddedRegistry.open({ directory, hooks: dependencies.hooks ?? {} });
  const { zookeeper } = registry;
  const ZooKeeperRegistry = await loadZooKeeperRegistry();
  return ZooKeeperRegistry.open(
    zooKeeperOptions({ directory, zookeeper }, dependencies, clock, dependencies.logger),
  );
}
