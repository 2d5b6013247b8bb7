import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A program of this folder in a process of its own, which sends messages. */
export class BenchChild implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #messages: unknown[] = [];
  #wake: (() => void) | undefined;

  /** @param name its file, without `.js` */
  constructor(name: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.#name = name;
    this.#child = fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url)), args, {
      env: { ...process.env, ...environment },
      serialization: 'advanced',
    });
    const wake = (): void => this.#wake?.();
    this.#child.on('exit', wake).on('message', (message) => {
      this.#messages.push(message);
      wake();
    });
  }

  /** CPU time that it has used so far is in `/proc/<pid>/stat`. */
  get pid(): number {
    return this.#child.pid!;
  }

  send(message: object): void {
    this.#child.send(message);
  }

  /** Its next message. @throws Error where it ends without one */
  async message<T>(): Promise<T> {
    while (this.#messages.length === 0) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`${this.#name} ended with ${this.#child.exitCode ?? this.#child.signalCode}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#messages.shift() as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }
}
