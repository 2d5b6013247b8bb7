import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessGuard } from './process-guard.js';

export interface CommandOptions {
  /** The program and its arguments, run by this Node. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Ends the process where this one is killed. */
  readonly guard: ProcessGuard;
  /** Takes what the process writes to stderr. */
  readonly logFile: string;
  /** Called with each line of stdout. */
  readonly onLine?: (line: string) => void;
}

export interface Addresses {
  /** Not of congo, which serves nobody. */
  readonly url?: string;
  /** `/livez`, `/readyz`, `/metrics`. */
  readonly adminUrl: string;
}

const keptLines = 10;

/** A process of its own, as a user would start it. Ends with SIGTERM when disposed of, with SIGKILL if that takes long. */
export class Command implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #name: string;
  #log: readonly string[] = [];
  #addresses: Addresses | undefined;

  constructor(options: CommandOptions) {
    this.#name = basename(options.logFile, '.log');
    this.#child = spawn(process.execPath, options.args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    options.guard.watch(this.#child.pid);
    const endAtOnce = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', endAtOnce);
    this.#exited = once(this.#child, 'exit').finally(() => process.off('exit', endAtOnce));
    this.#child.stderr!.pipe(createWriteStream(options.logFile, { flags: 'a' }));
    createInterface({ input: this.#child.stderr! }).on('line', (line) => this.#note(line));
    createInterface({ input: this.#child.stdout! }).on('line', (line) => options.onLine?.(line));
  }

  /** Where it listens, as its first log lines say. @throws Error where it ends before, or says nothing. */
  async addresses(): Promise<Addresses> {
    await this.until(() => this.#addresses !== undefined);
    return this.#addresses!;
  }

  /** @throws Error where the process ends before `condition` becomes true, or it does not within the deadline. */
  async until(condition: () => boolean | Promise<boolean>, deadlineMs = 60_000): Promise<void> {
    const deadline = Date.now() + deadlineMs;
    while (!(await condition())) {
      if (this.hasEnded) throw this.failure();
      if (Date.now() > deadline)
        throw new Error(`${this.#name} was not ready in time:\n${this.#lastWords()}`);
      await sleep(50);
    }
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Says how it has ended, with its last words: its log goes with the demo's folder. */
  failure(): Error {
    const { exitCode, signalCode } = this.#child;
    return new Error(`${this.#name} ended with ${exitCode ?? signalCode}:\n${this.#lastWords()}`);
  }

  #lastWords(): string {
    return this.#log.map((line) => `  ${line}`).join('\n');
  }

  #note(line: string): void {
    this.#log = [...this.#log, line].slice(-keptLines);
    if (this.#addresses !== undefined || !line.includes('"adminUrl"')) return;
    this.#addresses = JSON.parse(line) as Addresses;
  }

  async stop(): Promise<void> {
    if (this.hasEnded) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#exited;
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Runs a command to its end and returns its stdout. @throws Error with its stderr where it fails. */
export async function runCommand(args: readonly string[], cwd: string): Promise<string> {
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { out: '', error: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.error += text));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${args.slice(1).join(' ')} failed with code ${code}: ${output.error}`);
  return output.out;
}
