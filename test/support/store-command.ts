import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TestHub } from './hub.js';
import { straceCommand, type Fault } from './strace.js';

const program = fileURLToPath(new URL('../../cli/bin/drc.js', import.meta.url));

export interface StoreCommandOptions {
  readonly fault?: Fault;
  /** A program that starts the store, with its arguments: `['prlimit', '--nofile=64']`. */
  readonly under?: readonly string[];
}

/** `drc store start` in a process of its own, from the build: what a service runs, its reopening of the log included. */
export class StoreCommand implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  /** The group is not ended with the test's process by itself. */
  readonly #killNow = (): void => this.kill();
  /** The codes that it has logged, in order; `started` for each time that it runs. */
  readonly logged: string[] = [];
  #stderr = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    process.once('exit', this.#killNow);
    const lines = createInterface(child.stderr!);
    lines.on('line', (line) => this.#read(line));
    this.#closed = Promise.all([once(child, 'close'), once(lines, 'close')]);
  }

  /** @param settings as in the store's file: `hub.storeSettings()` */
  static async start(
    hub: TestHub,
    settings: object,
    options: StoreCommandOptions = {},
  ): Promise<StoreCommand> {
    const file = hub.folder.file('store-command.yaml');
    await writeFile(file, JSON.stringify(settings));
    const { fault, under = [] } = options;
    const prefix = [...(fault === undefined ? [] : straceCommand(fault)), ...under];
    const command = [...prefix, process.execPath, program, 'store', 'start', '--config', file];
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own: whoever traces the store and the store end together.
      detached: true,
      env: {
        ...process.env,
        UV_THREADPOOL_SIZE: '1',
        DRC_LOG_LEVEL: 'info',
        DRC_SOURCE_PASSWORD: hub.source.password,
        DRC_MACHINE_KEY: hub.storeKey,
      },
    });
    return new StoreCommand(child);
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits until it has logged this so many times. @throws where it ends before. */
  async logs(code: string, times = 1): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (this.logged.filter((one) => one === code).length < times) {
      if (this.hasEnded || Date.now() > deadline)
        throw new Error(`The store ${this.hasEnded ? 'ended' : 'is late'} before ${code}:\n${this.#stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Resolves with the exit code or the signal by which it ended. */
  async ended(): Promise<number | NodeJS.Signals> {
    await this.#closed;
    return this.#child.signalCode ?? this.#child.exitCode!;
  }

  /** Memory of its own, MiB. Not under strace, whose child it then is. */
  async memoryMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  }

  get stderr(): string {
    return this.#stderr;
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.#child.pid === undefined || this.hasEnded) return;
    process.kill(-this.#child.pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#closed;
    process.off('exit', this.#killNow);
  }

  #read(line: string): void {
    this.#stderr += `${line}\n`;
    if (!line.startsWith('{')) return;
    const { msg, code } = JSON.parse(line) as { msg?: string; code?: string; err?: { code?: string } };
    if (msg === 'store started') this.logged.push('started');
    if (code !== undefined) this.logged.push(code);
  }
}
