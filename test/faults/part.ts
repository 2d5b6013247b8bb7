import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export interface PartOptions {
  /** The command line, without Node: a script and its arguments. */
  readonly script: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** What is otherwise in one life of a part. */
export interface PartLife {
  /** A program that starts it, with its arguments: strace and its fault. */
  readonly under?: readonly string[];
  /** Options of Node's. */
  readonly node?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** A process of the cluster: ended, frozen and started again as the faults will have it. */
export class Part implements AsyncDisposable {
  readonly name: string;
  #options: PartOptions;
  #child: ChildProcess | undefined;
  #closed: Promise<unknown> = Promise.resolve();
  #frozen = false;
  /** The last lines that it wrote to stderr, over all its lives. */
  readonly lines: string[] = [];

  constructor(name: string, options: PartOptions) {
    this.name = name;
    this.#options = options;
  }

  get runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves once it says on its admin port that it is ready. @throws where it ends, or is not ready in a minute. */
  async ready(): Promise<void> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const address = this.#adminUrl();
      const answer =
        address === undefined ? undefined : await fetch(`${address}/readyz`).catch(() => undefined);
      if (answer?.ok === true) return;
      if (!this.runs || Date.now() > deadline)
        throw new Error(`${this.name} is not ready:\n${this.lines.slice(-3).join('\n')}`);
      await sleep(50);
    }
  }

  /** As the newest life has logged it. */
  #adminUrl(): string | undefined {
    const own = this.lines.findLast(
      (line) => line.includes(`"pid":${this.#child?.pid},`) && line.includes('"adminUrl"'),
    );
    return own && (JSON.parse(own) as { adminUrl: string }).adminUrl;
  }

  /** Of the newest life, once it has ended. */
  get exitCode(): number | null | undefined {
    return this.#child?.exitCode;
  }

  start({ under = [], node = [], environment = {} }: PartLife = {}): void {
    if (this.runs) return;
    const { script } = this.#options;
    const command = [...under, process.execPath, ...node, ...script];
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own: whoever traces a process and the process end together.
      detached: true,
      env: { ...process.env, ...this.#options.environment, ...environment },
    });
    this.#frozen = false;
    this.#child = child;
    const lines = createInterface(child.stderr);
    lines.on('line', (line) => {
      this.lines.push(line);
      if (this.lines.length > 200) this.lines.shift();
    });
    this.#closed = Promise.all([once(child, 'close'), once(lines, 'close')]);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (!this.runs || this.#child?.pid === undefined) return;
    process.kill(-this.#child.pid, signal);
  }

  freeze(): void {
    this.#frozen = true;
    this.kill('SIGSTOP');
  }

  thaw(): void {
    if (this.#frozen) this.kill('SIGCONT');
    this.#frozen = false;
  }

  /** Resolves when it has ended. */
  async ended(): Promise<void> {
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#closed;
  }
}
