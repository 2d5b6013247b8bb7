import { join } from 'node:path';
import { ClusterManager, createMachineKey, initManager, parseManagerConfig } from '@drc/cluster-manager';
import { pino } from 'pino';
import { type SourceLogin, StoreProcess } from './store-process.js';

/** A cluster manager in this process and a store in its own: what the benches of readers read from, as topic `bench`. */
export class BenchHub implements AsyncDisposable {
  readonly #manager: ClusterManager;
  readonly store: StoreProcess;
  /** A machine key that may read the topic. */
  readonly clientKey: string;

  private constructor(manager: ClusterManager, store: StoreProcess, clientKey: string) {
    this.#manager = manager;
    this.store = store;
    this.clientKey = clientKey;
  }

  /**
   * @param folder holds a log in its folder `store`, or nothing
   * @param firstFile the binlog file at whose beginning an empty log begins
   * @param ready what the store's log line says when it is ready
   */
  static async start(
    server: SourceLogin,
    folder: string,
    firstFile: string,
    ready?: string,
  ): Promise<BenchHub> {
    const directory = join(folder, 'manager');
    await initManager(directory);
    const storeKey = await createMachineKey(directory, { kind: 'store', topics: ['bench'] });
    const clientKey = await createMachineKey(directory, { kind: 'client', topics: ['bench'] });
    const manager = await ClusterManager.start(
      parseManagerConfig({ directory, listen: { port: 0 }, admin: { port: 0 } }),
      { logger: pino({ level: 'silent' }) },
    );
    try {
      const store = await StoreProcess.start({
        server,
        directory: join(folder, 'store'),
        firstFile,
        ready,
        manager: { url: manager.url, storeKey: storeKey.key },
      });
      return new BenchHub(manager, store, clientKey.key);
    } catch (error) {
      await manager.close();
      throw error;
    }
  }

  get url(): string {
    return this.#manager.url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.stop();
    await this.#manager.close();
  }
}
