import { DrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import { startAdminServer } from './admin-server.js';
import { Administration } from './administration.js';
import { createApi } from './api.js';
import { Audit } from './audit.js';
import { Authenticator } from './authenticate.js';
import { systemClock, type Clock } from './clock.js';
import { mustBeLoopback, type ManagerConfig } from './config.js';
import { HttpServer } from './http-server.js';
import { mustBePrivate, signingKeyPath } from './manager-folder.js';
import { ManagerMetrics } from './metrics.js';
import { PasswordHasher, type PasswordCost } from './password.js';
import { EmbeddedRegistry } from './registry/embedded.js';
import type { Registry, RegistryHooks } from './registry/registry.js';
import { readSigningKey, type SigningKey } from './signing-key.js';
import { StoreDirectory } from './store-directory.js';
import { Tickets } from './tickets.js';
import { Topics } from './topics.js';

export interface ManagerDependencies {
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
  /** Where clients and stores find it, e.g. `http://127.0.0.1:7370`. */
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
   * Starts the manager of a folder that `initManager` made. `DATA_FOLDER`, `REGISTRY_CORRUPT`, `PORT_IN_USE`,
   * `ADDRESS_NOT_LOOPBACK`; nothing is left open then.
   */
  static async start(config: ManagerConfig, dependencies: ManagerDependencies): Promise<ClusterManager> {
    mustBeLoopback(config.listen.host);
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
    const registry = await EmbeddedRegistry.open({
      directory: config.directory,
      hooks: dependencies.hooks ?? {},
    });
    parts.push(registry);
    const cluster = await clusterOf(registry, config);
    const signingKey = await readSigningKey(signingKeyPath(config.directory));
    const publicKeys = await publicKeysOf(registry, signingKey);

    const tickets = new Tickets({ ...config, cluster, signingKey, publicKeys, clock });
    const passwords = new PasswordHasher(dependencies.passwordCost);
    const authenticator = new Authenticator({ registry, tickets, passwords, clock });
    const topics = new Topics(registry);
    const stores = new StoreDirectory({ clock, leaseMs: config.leaseMs });
    const metrics = new ManagerMetrics(
      async () => new Map((await topics.list()).map((topic) => [topic, stores.storesOf(topic).length])),
    );
    const audit = new Audit(logger, metrics);
    const administration = new Administration({ registry, passwords, clock });

    const { leaseMs } = config;
    const app = createApi({
      cluster,
      publicKeys,
      leaseMs,
      administration,
      topics,
      stores,
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
      isReady: () => isReadable(registry),
    });
    parts.push(admin);
    const api = await HttpServer.listen(config.listen, app.fetch, logger);
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

async function publicKeysOf(registry: Registry, signingKey: SigningKey) {
  const keys = (await registry.list('signingKey')).map((stored) => stored.value);
  if (!keys.some((key) => key.kid === signingKey.kid)) {
    throw new DrcError(
      'DATA_FOLDER',
      `The registry does not know the signing key (kid ${signingKey.kid}): the two are of different folders.`,
      { reason: 'signingKey' },
    );
  }
  return keys;
}

const isReadable = (registry: Registry): Promise<boolean> =>
  registry.get('cluster', 'cluster').then(
    (found) => found !== undefined,
    () => false,
  );
