import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { KillPoint } from '@drc/client-sdk/congo';
import { setTimeout as sleep } from 'node:timers/promises';

const main = fileURLToPath(new URL('congo-main.mjs', import.meta.url));

export interface CongoProcessOptions {
  readonly port: number;
  readonly transactions: number;
  readonly maxBatchRows: number;
  /** Where it sends itself `signal`, the `times`-th time that it comes there. Default: nowhere. */
  readonly point?: KillPoint;
  readonly times?: number;
  /** default SIGKILL */
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
}

/** A congo of its own process, which applies the workload. */
export class CongoProcess implements AsyncDisposable {
  readonly #child;
  readonly #ended: Promise<unknown>;
  readonly lines: string[] = [];

  constructor(options: CongoProcessOptions) {
    this.#child = spawn(process.execPath, [main, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exit = once(this.#child, 'exit');
    const lines = createInterface(this.#child.stdout);
    lines.on('line', (line) => this.lines.push(line));
    this.#ended = Promise.all([exit, once(lines, 'close')]);
  }

  /** Resolves with all that it said, once it has ended. */
  async ended(): Promise<readonly string[]> {
    await this.#ended;
    return this.lines;
  }

  async said(line: string): Promise<void> {
    while (!this.lines.includes(line)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`It ended without '${line}': ${this.lines.join(', ')}`);
      }
      await sleep(5);
    }
  }

  continue(): void {
    this.#child.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
