import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createMachineKey, initManager } from '@drc/cluster-manager';
import { type DatabaseServer, type Flavour, startServer } from '../support/database-server.js';
import { freePort } from '../support/free-port.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';
import { Part } from './part.js';
import type { Note } from './verdict.js';

const drc = fileURLToPath(new URL('../../cli/bin/drc.js', import.meta.url));
const readerMain = fileURLToPath(new URL('reader-main.mjs', import.meta.url));

/** What it has committed it still has after it was killed. */
export const durableSource = ['--sync-binlog=1', '--innodb-flush-log-at-trx-commit=1'];

export interface ClusterSize {
  readonly flavour: Flavour;
  readonly stores: number;
  readonly readers: number;
  /** The first reader does not write down so manieth transaction. Default: it writes down all. */
  readonly leaveOut?: number | undefined;
}

/** A store with what lies between it and its neighbours. */
export interface StorePart {
  readonly part: Part;
  readonly folder: string;
  /** Between it and the source. */
  readonly toSource: TcpProxy;
  /** Between the readers and it. */
  readonly toReaders: TcpProxy;
}

/**
 * A source, a cluster manager, stores and readers, each a process of its own as in production, and a proxy on each
 * connection that a network lies on.
 */
export class FaultCluster implements AsyncDisposable {
  readonly source: DatabaseServer;
  readonly manager: Part;
  readonly stores: readonly StorePart[];
  readonly readers: readonly Part[];
  readonly #folder: TemporaryFolder;

  private constructor(
    source: DatabaseServer,
    manager: Part,
    stores: readonly StorePart[],
    readers: readonly Part[],
    folder: TemporaryFolder,
  ) {
    this.source = source;
    this.manager = manager;
    this.stores = stores;
    this.readers = readers;
    this.#folder = folder;
  }

  static async start({ flavour, stores, readers, leaveOut }: ClusterSize): Promise<FaultCluster> {
    const folder = await temporaryFolder('faults');
    const source = await startServer(flavour, { args: durableSource });
    const directory = folder.file('manager');
    await initManager(directory);
    const storeKey = await createMachineKey(directory, { kind: 'store', topics: ['shop'] });
    const clientKey = await createMachineKey(directory, { kind: 'client', topics: ['shop'] });
    const managerPort = await freePort();
    const managerUrl = `http://127.0.0.1:${managerPort}`;
    const manager = new Part('manager', {
      script: await configured(folder, 'manager', [drc, 'cm', 'start'], {
        directory,
        leaseMs: 2000,
        listen: { port: managerPort },
        admin: { port: 0 },
      }),
    });
    const storeParts: StorePart[] = [];
    for (let index = 1; index <= stores; index += 1)
      storeParts.push(await storePart(folder, `store-${index}`, source, managerUrl, storeKey.key));
    const readerParts: Part[] = [];
    for (let index = 1; index <= readers; index += 1) {
      const name = `reader-${index}`;
      await mkdir(folder.file(name));
      const input = {
        managers: [managerUrl],
        machineKey: clientKey.key,
        topic: 'shop',
        folder: folder.file(name),
        leaveOut: index === 1 ? leaveOut : undefined,
      };
      readerParts.push(new Part(name, { script: [readerMain, JSON.stringify(input)] }));
    }
    const cluster = new FaultCluster(source, manager, storeParts, readerParts, folder);
    for (const part of cluster.parts) part.start();
    return cluster;
  }

  /** All processes but the source's. */
  get parts(): readonly Part[] {
    return [this.manager, ...this.stores.map(({ part }) => part), ...this.readers];
  }

  /** What a reader has written down so far. */
  async notes(reader: Part): Promise<Note[]> {
    const text = await readFile(`${this.#folder.file(reader.name)}/notes`, 'utf8').catch(() => '');
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
    for (const { toSource, toReaders } of this.stores)
      await Promise.all([toSource.close(), toReaders.close()]);
    await this.source.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

async function storePart(
  folder: TemporaryFolder,
  name: string,
  source: DatabaseServer,
  managerUrl: string,
  machineKey: string,
): Promise<StorePart> {
  const toSource = await startTcpProxy({ host: '127.0.0.1', port: source.port });
  const port = await freePort();
  const toReaders = await startTcpProxy({ host: '127.0.0.1', port });
  const directory = folder.file(name);
  const part = new Part(name, {
    script: await configured(folder, name, [drc, 'store', 'start'], {
      topic: 'shop',
      directory,
      source: { host: toSource.host, port: toSource.port, user: source.user },
      log: { reserve: 0, syncInterval: '50ms' },
      listen: { port },
      serve: { address: `ws://127.0.0.1:${toReaders.port}` },
      admin: { port: 0 },
      clusterManagers: [managerUrl],
    }),
    environment: {
      UV_THREADPOOL_SIZE: '1',
      DRC_SOURCE_PASSWORD: source.password,
      DRC_MACHINE_KEY: machineKey,
    },
  });
  return { part, folder: directory, toSource, toReaders };
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
