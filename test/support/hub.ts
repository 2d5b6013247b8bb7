import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Hub } from '@drc/client-sdk';
import {
  ClusterManager,
  createMachineKey,
  initManager,
  parseManagerConfig,
  type Credentials,
  type PasswordCost,
} from '@drc/cluster-manager';
import { parseStoreConfig, Store, type StoreConfig, type StoreDependencies } from '@drc/store';
import { pino } from 'pino';
import { type DatabaseServer, type Flavour, type ServerOptions, startServer } from './database-server.js';
import { newestId } from './gtid.js';
import { Reading, type ReadTransaction } from './reading.js';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.js';

/** Hashes in no time: what they protect lives as long as a test. */
const cheapPasswords: PasswordCost = { cost: 2, blockSize: 1, parallelization: 1 };

const silent = pino({ level: 'silent' });
const deadlineMs = 60_000;

export interface HubOptions {
  /** Default: one of its own, ended with the hub. */
  readonly source?: DatabaseServer;
  /** For a source of its own. Default MariaDB. */
  readonly flavour?: Flavour;
  /** For a source of its own. */
  readonly server?: ServerOptions;
  /** The stores to start with. Default: one, with the defaults of `StoreSettings`. */
  readonly stores?: readonly StoreSettings[];
  /** Topics that stores may announce. Default `shop`. */
  readonly topics?: readonly string[];
  /** Default 1,500: stores tell of themselves twice a second. */
  readonly leaseMs?: number;
  /** Default: the manager's. */
  readonly ticketLifeMs?: number;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** One store. All but `topic`, `folder` and `source` are as in the store's file. */
export interface StoreSettings {
  /** Default `shop`. */
  readonly topic?: string;
  /** Name of its data folder, to use one a second time. Default: a new one. */
  readonly folder?: string;
  /** Where it finds the source. Default: the hub's source itself; a proxy's address, for example. Several: of one topology. */
  readonly source?: Address | readonly Address[];
  readonly capture?: Record<string, unknown>;
  readonly log?: Record<string, unknown>;
  readonly serve?: Record<string, unknown>;
  readonly listen?: Record<string, unknown>;
}

/** A store of the hub in this process, at its first start or a later one. */
export class TestStore implements AsyncDisposable {
  readonly config: StoreConfig;
  readonly #dependencies: StoreDependencies;
  #store: Store | undefined;

  constructor(config: StoreConfig, dependencies: StoreDependencies) {
    this.config = config;
    this.#dependencies = dependencies;
  }

  /** The store that runs. */
  get store(): Store {
    if (this.#store === undefined) throw new Error('The store does not run.');
    return this.#store;
  }

  /** @returns once the store runs and the manager knows of it. */
  async start(): Promise<Store> {
    const store = await Store.start(this.config, this.#dependencies);
    this.#store = store;
    await until(() => store.announcer.state.kind === 'announced', 'The store is not announced.');
    return store;
  }

  async stop(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await store?.close();
  }

  async restart(): Promise<Store> {
    await this.stop();
    return this.start();
  }

  /** Waits until the log has this transaction, by default the source's newest. */
  async reaches(id: string): Promise<void> {
    await until(() => {
      const { log, capture } = this.store;
      if (capture.state.kind === 'stopped') throw capture.state.error ?? new Error('Capture was closed.');
      return log.capture.position !== undefined && log.capture.executed.covers(id) && log.pendingBytes === 0;
    }, `The log does not reach ${id}.`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** As in the store's file. */
const placeOf = (source: Address | readonly Address[]): Record<string, unknown> =>
  'host' in source
    ? { host: source.host, port: source.port }
    : { hosts: source.map(({ host, port }) => `${host}:${port}`) };

/** Source, cluster manager and stores over real sockets and temporary folders, in this process. */
export class TestHub implements AsyncDisposable {
  readonly source: DatabaseServer;
  readonly stores: TestStore[] = [];
  /** For stores; to give to one in a process of its own. */
  readonly storeKey: string;
  /** For clients: all topics, all tables. */
  readonly clientKey: string;
  readonly folder: TemporaryFolder;
  readonly administrator: Credentials;
  readonly #managerSettings: Record<string, unknown>;
  readonly #opened: AsyncDisposable[];
  #manager: ClusterManager | undefined;
  #managerPort = 0;
  #folders = 0;

  private constructor(
    opened: AsyncDisposable[],
    source: DatabaseServer,
    folder: TemporaryFolder,
    keys: { readonly store: string; readonly client: string; readonly administrator: Credentials },
    managerSettings: Record<string, unknown>,
  ) {
    this.#opened = opened;
    this.source = source;
    this.folder = folder;
    this.storeKey = keys.store;
    this.clientKey = keys.client;
    this.administrator = keys.administrator;
    this.#managerSettings = managerSettings;
  }

  static async start(options: HubOptions = {}): Promise<TestHub> {
    const { flavour = 'mariadb', topics = ['shop'], stores = [{}], leaseMs = 1_500, ticketLifeMs } = options;
    const opened: AsyncDisposable[] = [];
    try {
      const folder = await temporaryFolder('hub');
      opened.push(folder);
      const source = options.source ?? (await startServer(flavour, options.server));
      if (options.source === undefined) opened.push(source);
      const directory = folder.file('manager');
      const { administrator } = await initManager(directory, { passwordCost: cheapPasswords });
      const { key: store } = await createMachineKey(directory, { kind: 'store', topics });
      const { key: client } = await createMachineKey(directory, { kind: 'client', topics: ['**'] });
      const hub = new TestHub(
        opened,
        source,
        folder,
        { store, client, administrator },
        {
          directory,
          admin: { port: 0 },
          leaseMs,
          ...(ticketLifeMs === undefined ? {} : { ticketLifeMs }),
        },
      );
      await hub.startManager();
      for (const settings of stores) await hub.startStore(settings);
      return hub;
    } catch (error) {
      await closeAll(opened);
      throw error;
    }
  }

  get manager(): ClusterManager {
    if (this.#manager === undefined) throw new Error('The cluster manager does not run.');
    return this.#manager;
  }

  /** The first store. */
  get store(): TestStore {
    return this.stores[0]!;
  }

  /** What the manager's file says. */
  get managerSettings(): Record<string, unknown> {
    return { ...this.#managerSettings, listen: { port: this.#managerPort } };
  }

  /** Where clients and stores find the manager, whichever process it runs in. */
  get managerUrl(): string {
    return `http://127.0.0.1:${this.#managerPort}`;
  }

  /** Starts the manager over the same folder, and, but for the first time, on the same port. */
  async startManager(): Promise<void> {
    const manager = await ClusterManager.start(parseManagerConfig(this.managerSettings), { logger: silent });
    this.#manager = manager;
    this.#managerPort = Number(new URL(manager.url).port);
  }

  async stopManager(): Promise<void> {
    const manager = this.#manager;
    this.#manager = undefined;
    await manager?.close();
  }

  /** What the file of a store of this hub says. */
  storeSettings(settings: StoreSettings = {}): Record<string, unknown> {
    const { topic = 'shop', folder = `store-${++this.#folders}`, source = this.source } = settings;
    return {
      topic,
      directory: this.folder.file(folder),
      source: { ...placeOf(source), user: this.source.user },
      capture: settings.capture ?? {},
      log: { reserve: 0, ...settings.log },
      listen: { port: 0, ...settings.listen },
      admin: { port: 0 },
      serve: settings.serve ?? {},
      clusterManagers: [this.managerUrl],
    };
  }

  async startStore(settings: StoreSettings = {}): Promise<TestStore> {
    const store = new TestStore(parseStoreConfig(this.storeSettings(settings)), {
      logger: silent,
      sourcePassword: this.source.password,
      machineKey: this.storeKey,
    });
    await store.start();
    this.stores.push(store);
    return store;
  }

  /** An SDK connection of somebody with these rules on topic `shop`, closed with the hub at the latest. */
  async reader(name: string, ...rules: readonly object[]): Promise<Hub> {
    const { token } = (await this.#ask('/v1/login', this.administrator)) as { token: string };
    await this.#ask(
      '/v1/users',
      { name, grants: rules.map((rule) => ({ topics: ['shop'], ...rule })) },
      token,
    );
    const own = (await this.#ask('/v1/tokens', { principal: name, label: 'test' }, token)) as {
      token: string;
    };
    const reader = await connect({ clusterManager: this.managerUrl, credentials: { token: own.token } });
    this.#opened.push(reader);
    return reader;
  }

  async #ask(path: string, body: object, token?: string): Promise<unknown> {
    const response = await fetch(`${this.managerUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** An SDK connection, closed with the hub at the latest. */
  async connect(): Promise<Hub> {
    const hub = await this.#connect();
    this.#opened.push(hub);
    return hub;
  }

  #connect(): Promise<Hub> {
    return connect({ clusterManager: this.managerUrl, credentials: { machineKey: this.clientKey } });
  }

  /** Reads anew from the oldest transaction that is left to this one, which must come. */
  async readAll(lastId: string, topic = 'shop'): Promise<ReadTransaction[]> {
    await using sdk = await this.#connect();
    await using reading = new Reading(sdk.subscribe(topic, { from: 'earliest' }));
    return await reading.until(lastId);
  }

  /** The source's newest transaction. */
  lastId(): Promise<string> {
    return newestId(this.source);
  }

  /** Waits until all stores that run have all that the source has. */
  async caughtUp(): Promise<void> {
    const id = await this.lastId();
    for (const store of this.stores) await store.reaches(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const manager: AsyncDisposable[] = this.#manager === undefined ? [] : [this.#manager];
    // Folder and source were opened first, readers last; stores must say good-bye while the manager is there.
    const [folder, ...others] = this.#opened;
    const source = others.filter((part) => part === this.source);
    const readers = others.filter((part) => part !== this.source);
    await closeAll([folder!, ...source, ...manager, ...this.stores, ...readers]);
  }
}

export const startHub = (options?: HubOptions): Promise<TestHub> => TestHub.start(options);

/** Waits for a condition with a generous deadline. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  otherwise: string,
  pauseMs = 10,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not in time: ${otherwise}`);
    await sleep(pauseMs);
  }
}

async function closeAll(parts: readonly AsyncDisposable[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of parts.toReversed()) {
    try {
      await part[Symbol.asyncDispose]();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'The hub could not be closed cleanly.');
}
