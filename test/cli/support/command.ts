import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const bin = (name: string): string => fileURLToPath(new URL(`../../../cli/bin/${name}.js`, import.meta.url));

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another program than `drc`: a path, or `congo`. */
  readonly program?: string;
  /** The Node that runs it. Default: the one that runs the tests. */
  readonly node?: string;
}

/** A command as a user starts it: a process of its own, with nothing of this machine's DRC_… variables. */
export class RunningCommand implements AsyncDisposable {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #closed: Promise<unknown>;

  constructor(
    args: readonly string[],
    { cwd, env, program = 'drc', node = process.execPath }: CommandOptions = {},
  ) {
    const file = program.includes('/') ? program : bin(program);
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(DRC|CONGO|FORCE_COLOR|NO_COLOR)/.test(name),
    );
    this.child = spawn(node, [file, ...args], {
      cwd,
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#closed = once(this.child, 'close');
  }

  get output(): string {
    return this.stdout + this.stderr;
  }

  get lines(): string[] {
    return this.stdout.split('\n').filter(Boolean);
  }

  /** The exit code, once it has ended by itself; null after a signal. */
  async ended(deadlineMs = 100_000): Promise<number | null> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), deadlineMs);
    await this.#closed;
    clearTimeout(timer);
    return this.child.exitCode;
  }

  /** Waits until `text` has been printed, on either stream. @throws Error with what was printed instead. */
  async prints(text: string | RegExp, deadlineMs = 100_000): Promise<RegExpExecArray> {
    const wanted =
      typeof text === 'string' ? new RegExp(text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)) : text;
    return this.#wait(() => wanted.exec(this.output) ?? undefined, String(text), deadlineMs);
  }

  async printsLines(count: number, deadlineMs = 100_000): Promise<string[]> {
    return this.#wait(
      () => (this.lines.length >= count ? this.lines : undefined),
      `${count} lines`,
      deadlineMs,
    );
  }

  async #wait<Result>(look: () => Result | undefined, what: string, deadlineMs: number): Promise<Result> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const ended = this.child.exitCode !== null || this.child.signalCode !== null;
      if (ended || Date.now() > deadline) {
        if (ended) await this.#closed;
        const last = look();
        if (last !== undefined) return last;
        throw new Error(
          `${ended ? `Ended with ${this.child.exitCode}` : 'Too late'} before ${what}:\n${this.output}`,
        );
      }
      await sleep(20);
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return this.ended(20_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export const startCommand = (args: readonly string[], options?: CommandOptions): RunningCommand =>
  new RunningCommand(args, options);

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function runCommand(
  args: readonly string[],
  options?: CommandOptions,
  deadlineMs?: number,
): Promise<Finished> {
  await using command = startCommand(args, options);
  const code = await command.ended(deadlineMs);
  return { code, stdout: command.stdout, stderr: command.stderr };
}
