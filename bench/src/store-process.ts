import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '@drc/local-servers';

/** Where the source is. */
export interface SourceLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export interface StoreProcessOptions {
  readonly server: SourceLogin;
  /** Of the store's log. */
  readonly directory: string;
  /** The binlog file at whose beginning an empty log begins. */
  readonly firstFile: string;
  /** What its log line says when it is ready. Default: `capture begins`, just before it asks for events. */
  readonly ready?: string | undefined;
  /** A running manager and a store key for topic `bench`; without them the store serves nobody. */
  readonly manager?: { readonly url: string; readonly storeKey: string };
}

const drc = fileURLToPath(import.meta.resolve('@drc/cli/bin/drc.js'));
/** Answering costs the store's main thread a millisecond. */
const pollMs = 50;
const deadlineMs = 600_000;

/** `drc store start` as a process of its own, with the default configuration. */
export class StoreProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #adminPort: number;
  readonly #failure: Promise<never>;
  /** When it was about to ask the source for events, ms since 1970. */
  readonly beganAt: number;

  private constructor(child: ChildProcess, adminPort: number, beganAt: number, failure: Promise<never>) {
    this.#child = child;
    this.#adminPort = adminPort;
    this.beganAt = beganAt;
    this.#failure = failure;
  }

  static async start({
    server,
    directory,
    firstFile,
    manager,
    ready = 'capture begins',
  }: StoreProcessOptions): Promise<StoreProcess> {
    const adminPort = await freePort();
    const config = `${directory}.yaml`;
    await writeFile(
      config,
      `topic: bench
directory: ${directory}
source: { host: ${server.host}, port: ${server.port}, user: ${server.user} }
capture: { start: { file: ${firstFile} } }
listen: { port: 0 }
serve: { maxSessionsPerPrincipal: 1000 }
admin: { port: ${adminPort} }
clusterManagers: ['${manager?.url ?? 'http://127.0.0.1:9'}']
`,
    );
    const child = spawn(process.execPath, [...process.execArgv, drc, 'store', 'start', '--config', config], {
      env: {
        // As docs/operations.md advises.
        MALLOC_ARENA_MAX: '2',
        ...process.env,
        DRC_SOURCE_PASSWORD: server.password,
        DRC_MACHINE_KEY: manager?.storeKey ?? 'none',
        DRC_LOG_LEVEL: 'info',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const lines: string[] = [];
    const failure = once(child, 'exit').then(([code]) => {
      throw new Error(`The store ended with code ${String(code)}:\n${lines.slice(-10).join('\n')}`);
    });
    failure.catch(() => undefined);
    const began = new Promise<number>((resolve) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        lines.push(line);
        if (line.includes(`"${ready}"`)) resolve((JSON.parse(line) as { time: number }).time);
      });
    });
    return new StoreProcess(child, adminPort, await Promise.race([began, failure]), failure);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Resolves when so many rows of the tables whose names begin so are in the log: with that moment, ms since 1970. */
  async untilRows(tables: string, rows: number): Promise<number> {
    const deadline = Date.now() + deadlineMs;
    while (Date.now() < deadline) {
      const stored = await Promise.race([this.#storedRows(tables), this.#failure]);
      if (stored >= rows) return Date.now();
      await sleep(pollMs);
    }
    throw new Error(`The store did not capture ${rows} rows in time.`);
  }

  async #storedRows(tables: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.#adminPort}/metrics`).catch(() => undefined);
    if (response === undefined) return 0;
    const text = await response.text();
    const lines = text
      .split('\n')
      .filter(
        (entry) =>
          entry.startsWith('drc_store_captured_rows_total') &&
          entry.includes(`"${tables}`) &&
          entry.includes('"stored"'),
      );
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** Resolves when the process has answered that it lives. */
  async ping(): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.#adminPort}/livez`);
    await response.text();
  }

  /** The most memory that the process has held, as the kernel counts it. */
  async maxRssMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) / 1024;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
