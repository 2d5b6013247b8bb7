import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  administerShared,
  createMachineKey,
  initManager,
  initSharedManager,
  parseManagerConfig,
  type AdministrationCalls,
} from '@drc/cluster-manager';
import { type DatabaseServer, type Flavour, startServer } from '../support/database-server.js';
import { freePort } from '../support/free-port.js';
import { promote, replicated, startReplica } from '../support/replication.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { tinyDisk, type TinyDisk } from '../support/tiny-disk.js';
import { ZooKeeperServer } from '../support/zookeeper.js';
import { Part } from './part.js';
import type { ReaderKind } from './reader-kind.js';
import type { Note } from './verdict.js';

const drc = fileURLToPath(new URL('../../cli/bin/drc.js', import.meta.url));
const readerMain = fileURLToPath(new URL('reader-main.mjs', import.meta.url));

/** What it has committed it still has after it was killed; and what it replicates it writes down for others. */
const sourceArguments = {
  mariadb: ['--sync-binlog=1', '--innodb-flush-log-at-trx-commit=1', '--log-slave-updates=ON'],
  mysql: ['--sync-binlog=1', '--innodb-flush-log-at-trx-commit=1', '--log-replica-updates=ON'],
} satisfies Record<Flavour, readonly string[]>;

const zookeeperPassword = 'a password of the managers alone';
/** Parts are frozen for longer than this, too. */
const sessionTimeoutMs = 4000;
const diskBytes = 512 * 1024 * 1024;

export interface ClusterSize {
  readonly flavour: Flavour;
  readonly stores: number;
  /** One has its registry in its folder, several in ZooKeeper. */
  readonly managers: number;
  readonly readers: readonly ReaderKind[];
  /** Whether there is a replica of the source, which the stores know. */
  readonly replica: boolean;
  /** The first reader does not write down so manieth transaction. Default: it writes down all. */
  readonly leaveOut?: number | undefined;
}

/** A store with what lies between it and its neighbours. */
export interface StorePart {
  readonly part: Part;
  readonly folder: string;
  /** Between it and the source, and between it and the replica. */
  readonly toServers: readonly TcpProxy[];
  /** Between the readers and it. */
  readonly toReaders: TcpProxy;
  /** Where its folder lies on a disk of its own. */
  readonly disk: TinyDisk | undefined;
}

export interface ReaderPart {
  readonly part: Part;
  readonly kind: ReaderKind;
}

/** What is made before the processes are. */
interface Ground {
  readonly folder: TemporaryFolder;
  /** The source, and its replica. */
  readonly servers: readonly DatabaseServer[];
  readonly zookeeper: ZooKeeperServer | undefined;
}

/**
 * A source and its replica, ZooKeeper, cluster managers, stores and readers, each a process of its own as in production, and a
 * proxy on each connection that a network lies on.
 */
export class FaultCluster implements AsyncDisposable {
  readonly managers: readonly Part[];
  readonly stores: readonly StorePart[];
  readonly readers: readonly ReaderPart[];
  readonly #ground: Ground;
  #isPromoted = false;
  readonly #killAll = (): void => {
    for (const part of this.parts) part.kill();
  };

  private constructor(
    ground: Ground,
    managers: readonly Part[],
    stores: readonly StorePart[],
    readers: readonly ReaderPart[],
  ) {
    this.#ground = ground;
    this.managers = managers;
    this.stores = stores;
    this.readers = readers;
    process.on('exit', this.#killAll);
  }

  static async start(size: ClusterSize): Promise<FaultCluster> {
    const { flavour } = size;
    const folder = await temporaryFolder('faults');
    const source = await startServer(flavour, { args: sourceArguments[flavour] });
    const servers = size.replica ? [source, await startReplica(source)] : [source];
    const zookeeper = size.managers > 1 ? await ZooKeeperServer.start() : undefined;
    const ground = { folder, servers, zookeeper };
    const { managers, urls, storeKey, clientKey } = await managerParts(ground, size.managers);
    const stores: StorePart[] = [];
    for (let index = 1; index <= size.stores; index += 1)
      stores.push(await storePart(ground, `store-${index}`, urls, storeKey, index === 1));
    const readers: ReaderPart[] = [];
    for (const [index, kind] of size.readers.entries()) {
      const name = `reader-${index + 1}`;
      await mkdir(folder.file(name));
      const input = {
        managers: urls,
        machineKey: clientKey,
        topic: 'shop',
        folder: folder.file(name),
        commitEvery: kind.commitEvery,
        options: kind.options,
        hubName: kind.isHub ? name : undefined,
        leaveOut: index === 0 ? size.leaveOut : undefined,
      };
      readers.push({ part: new Part(name, { script: [readerMain, JSON.stringify(input)] }), kind });
    }
    const cluster = new FaultCluster(ground, managers, stores, readers);
    for (const part of cluster.parts) part.start();
    return cluster;
  }

  /** The server that is written to. */
  get source(): DatabaseServer {
    return this.#ground.servers[this.#isPromoted ? 1 : 0]!;
  }

  get zookeeper(): ZooKeeperServer | undefined {
    return this.#ground.zookeeper;
  }

  /** All processes but those of databases and of ZooKeeper. */
  get parts(): readonly Part[] {
    return [
      ...this.managers,
      ...this.stores.map(({ part }) => part),
      ...this.readers.map(({ part }) => part),
    ];
  }

  /** The connections of this store to the server that is written to. */
  toSource({ toServers }: StorePart): TcpProxy {
    return toServers[this.#isPromoted ? 1 : 0]!;
  }

  /** After it was killed. */
  async restartSource(): Promise<void> {
    await this.source.restart(sourceArguments[this.source.flavour]);
  }

  /** Whether there is a replica that has not taken over yet. */
  get canPromote(): boolean {
    return this.#ground.servers.length > 1 && !this.#isPromoted;
  }

  /** The source, which nobody writes to now, ends for good, and its replica, which has all of it, takes its place. */
  async promote(): Promise<void> {
    const [source, replica] = this.#ground.servers as [DatabaseServer, DatabaseServer];
    await replicated(source, replica);
    await source.kill();
    await promote(replica);
    this.#isPromoted = true;
  }

  /** Where a transaction stands in the order of the source: greater is later. */
  orderOf(): Promise<(id: string) => number> {
    return this.source.flavour === 'mariadb' ? Promise.resolve(sequenceOf) : this.#orderOfMysql();
  }

  /** What a reader has written down so far. */
  async notes({ part }: ReaderPart): Promise<Note[]> {
    const text = await readFile(`${this.#ground.folder.file(part.name)}/notes`, 'utf8').catch(() => '');
    // A reader that was killed while it wrote leaves half a line.
    return text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as Note];
      } catch {
        return [];
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.parts.toReversed()) await part[Symbol.asyncDispose]();
    process.off('exit', this.#killAll);
    for (const { toServers, toReaders, disk } of this.stores) {
      await Promise.all([...toServers, toReaders].map((proxy) => proxy.close()));
      await disk?.[Symbol.asyncDispose]();
    }
    const { folder, servers, zookeeper } = this.#ground;
    await zookeeper?.[Symbol.asyncDispose]();
    for (const server of servers) await server.stop();
    await folder[Symbol.asyncDispose]();
  }

  /** Each server numbers its own; what the replica wrote itself is behind all that it replicated. */
  async #orderOfMysql(): Promise<(id: string) => number> {
    if (!this.#isPromoted) return sequenceOf;
    const [{ uuid }] = (await this.source.query('SELECT @@server_uuid AS uuid')) as [{ uuid: string }];
    const behindAll = 1e9;
    return (id) => sequenceOf(id) + (id.startsWith(uuid) ? behindAll : 0);
  }
}

/** Of a GTID of one source: its number is its place. */
const sequenceOf = (id: string): number => Number(/(\d+)$/.exec(id)![1]);

interface ManagerParts {
  readonly managers: readonly Part[];
  readonly urls: readonly string[];
  readonly storeKey: string;
  readonly clientKey: string;
}

async function managerParts({ folder, zookeeper }: Ground, count: number): Promise<ManagerParts> {
  const managers: Part[] = [];
  const urls: string[] = [];
  const keys: string[] = [];
  const makeKeys = async (administration: AdministrationCalls): Promise<void> => {
    for (const kind of ['store', 'client'] as const)
      keys.push((await administration.machineKeys.make({ kind, topics: ['shop'] })).key);
  };
  for (let index = 1; index <= count; index += 1) {
    const name = `manager-${index}`;
    const directory = folder.file(name);
    const port = await freePort();
    const settings = {
      directory,
      leaseMs: 2000,
      listen: { port },
      admin: { port: 0 },
      ...(zookeeper === undefined
        ? {}
        : { registry: { zookeeper: { servers: [zookeeper.address], sessionTimeoutMs } } }),
    };
    if (zookeeper === undefined) {
      await initManager(directory);
      for (const kind of ['store', 'client'] as const)
        keys.push((await createMachineKey(directory, { kind, topics: ['shop'] })).key);
    } else {
      const { registry } = parseManagerConfig(settings);
      const shared = { directory, zookeeper: registry!.zookeeper };
      await initSharedManager(shared, { zookeeperPassword });
      if (keys.length === 0) await administerShared(shared, { zookeeperPassword }, makeKeys);
    }
    managers.push(
      new Part(name, {
        script: await configured(folder, name, [drc, 'cm', 'start'], settings),
        environment: { DRC_ZOOKEEPER_PASSWORD: zookeeperPassword },
      }),
    );
    urls.push(`http://127.0.0.1:${port}`);
  }
  const [storeKey, clientKey] = keys as [string, string];
  return { managers, urls, storeKey, clientKey };
}

async function storePart(
  { folder, servers }: Ground,
  name: string,
  clusterManagers: readonly string[],
  machineKey: string,
  hasDisk: boolean,
): Promise<StorePart> {
  const toServers: TcpProxy[] = [];
  for (const { port } of servers) toServers.push(await startTcpProxy({ host: '127.0.0.1', port }));
  const port = await freePort();
  const toReaders = await startTcpProxy({ host: '127.0.0.1', port });
  const disk = hasDisk ? await tinyDisk(diskBytes) : undefined;
  const directory = disk === undefined ? folder.file(name) : `${disk.path}/${name}`;
  const part = new Part(name, {
    script: await configured(folder, name, [drc, 'store', 'start'], {
      topic: 'shop',
      directory,
      source: {
        hosts: toServers.map((server) => `${server.host}:${server.port}`),
        user: servers[0]!.user,
      },
      log: { reserve: 0, syncInterval: '50ms' },
      listen: { port },
      serve: { address: `ws://127.0.0.1:${toReaders.port}` },
      admin: { port: 0 },
      clusterManagers,
    }),
    environment: {
      UV_THREADPOOL_SIZE: '1',
      DRC_SOURCE_PASSWORD: servers[0]!.password,
      DRC_MACHINE_KEY: machineKey,
    },
  });
  return { part, folder: directory, toServers, toReaders, disk };
}

/** An operator gives the store up and starts it with an empty log. */
export async function beginAnew({ part, folder }: StorePart): Promise<void> {
  part.kill();
  await part.ended();
  await rm(folder, { recursive: true, force: true });
  part.start();
}

async function configured(
  folder: TemporaryFolder,
  name: string,
  command: readonly string[],
  settings: object,
): Promise<string[]> {
  const file = folder.file(`${name}.yaml`);
  // JSON is YAML.
  await writeFile(file, JSON.stringify(settings));
  return [...command, '--config', file];
}
