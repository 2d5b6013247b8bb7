import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TestHub } from './hub.js';

export interface KillPoint {
  /** Where it kills itself; default: nowhere. */
  readonly point?: string | undefined;
  /** The how manieth time that it comes by the point. Default 1. */
  readonly times?: number;
}

/** A store, cluster manager or congo in a process of its own, run from the build. */
export class HubProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #started: Promise<void>;
  /** The point at which it killed itself. */
  point: string | undefined;

  private constructor(main: string, input: object) {
    const path = fileURLToPath(new URL(main, import.meta.url));
    const child = spawn(process.execPath, [path, JSON.stringify(input)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    const lines = createInterface(child.stdout);
    this.#ended = Promise.all([once(child, 'exit'), once(lines, 'close')]);
    this.#started = new Promise((resolve) => {
      lines.on('line', (line) => {
        const [word, value] = line.split(' ');
        if (word === 'point') this.point = value;
        resolve();
      });
      child.once('exit', () => resolve());
    });
  }

  /**
   * A store of the hub. @param settings as in the store's file: `hub.storeSettings()`
   * @returns once it runs; or has ended: it may come by its point before.
   */
  static async store(hub: TestHub, settings: object, kill: KillPoint = {}): Promise<HubProcess> {
    const { source, storeKey } = hub;
    const input = { settings, sourcePassword: source.password, machineKey: storeKey, ...kill };
    const store = new HubProcess('store-main.mjs', input);
    await store.#started;
    return store;
  }

  /** The manager of the hub, in place of the one in this process, which must not run. */
  static async manager(hub: TestHub, kill: KillPoint = {}): Promise<HubProcess> {
    const manager = new HubProcess('manager-main.mjs', { settings: hub.managerSettings, ...kill });
    await manager.#started;
    return manager;
  }

  /**
   * A congo that copies the topic `shop`, all tables to the same names. @param target a connection, as JSON
   * @returns once it reads the topic; or has ended
   */
  static async congo(hub: TestHub, target: object, kill: KillPoint = {}): Promise<HubProcess> {
    const { managerUrl: clusterManager, clientKey: machineKey } = hub;
    const congo = new HubProcess('congo-main.mjs', { clusterManager, machineKey, target, ...kill });
    await congo.#started;
    return congo;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Memory of its own that it has now, in MiB; files that LevelDB has mapped are the kernel’s. */
  async memoryMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  /** Resolves with the signal by which it ended. */
  async ended(): Promise<NodeJS.Signals | null> {
    await this.#ended;
    return this.#child.signalCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#ended;
  }
}
