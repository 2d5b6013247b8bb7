import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import {
  findServer,
  flavours,
  userArguments,
  type Flavour,
  type ServerProgram,
} from '../../scripts/servers.mjs';
import { copyDatabase, databaseTemplate, plainUser } from './database-template.js';
import { freePort } from './free-port.js';
import { defaultArguments, storageArguments } from './server-arguments.js';
import { guardServer, type ServerGuard } from './server-guard.js';

const host = '127.0.0.1';
const startDeadlineMs = 60_000;

export interface ServerOptions {
  /** Further server arguments; the last one of a name wins, so any default can be overridden. */
  readonly args?: readonly string[];
  /** default 1 */
  readonly serverId?: number;
}

/** A MariaDB or MySQL server of one's own, on a free port of 127.0.0.1, in a temporary folder. */
export class DatabaseServer implements AsyncDisposable {
  readonly host = host;
  readonly user = 'root';
  readonly password = '';
  readonly plainUser = plainUser;
  readonly port: number;
  readonly program: ServerProgram;
  readonly socketPath: string;
  readonly dataDir: string;
  readonly #folder: string;
  readonly #fixedArguments: readonly string[];
  readonly #guard: ServerGuard;
  #process: ChildProcess;
  #stopped = false;

  private constructor(launch: Launch, process: ChildProcess) {
    this.port = launch.port;
    this.program = launch.program;
    this.socketPath = launch.socketPath;
    this.dataDir = launch.dataDir;
    this.#folder = launch.folder;
    this.#fixedArguments = launch.fixedArguments;
    this.#guard = launch.guard;
    this.#process = process;
  }

  static async start(flavour: Flavour, options: ServerOptions = {}): Promise<DatabaseServer> {
    const program = await findServer(flavour);
    if (program === undefined) {
      const { title, variable } = flavours[flavour];
      throw new Error(`No ${title} server found on this machine; ${variable} can name its program.`);
    }
    const folder = await mkdtemp(join(tmpdir(), 'drc-db-'));
    const guard = guardServer(folder);
    try {
      const dataDir = join(folder, 'data');
      await copyDatabase(await databaseTemplate(program), dataDir);
      const socketPath = join(folder, 'socket');
      const temporary = join(folder, 'tmp');
      await mkdir(temporary);
      for (let attempt = 1; ; attempt++) {
        const port = await freePort();
        const fixedArguments = [
          '--no-defaults',
          ...userArguments(),
          `--datadir=${dataDir}`,
          // A server that starts deletes what others have in a shared tmpdir, and these crash then.
          `--tmpdir=${temporary}`,
          `--socket=${socketPath}`,
          `--pid-file=${join(folder, 'pid')}`,
          `--port=${port}`,
          ...storageArguments[flavour],
          ...defaultArguments[flavour],
          `--server-id=${options.serverId ?? 1}`,
        ];
        const launch = { program, folder, dataDir, socketPath, port, guard, fixedArguments };
        try {
          return new DatabaseServer(launch, await launchServer(launch, options.args ?? []));
        } catch (error) {
          // Between the choice of the port and its use somebody else may have taken it.
          if (attempt === 5 || !/Bind on TCP|Address already in use/.test(String(error))) throw error;
        }
      }
    } catch (error) {
      await guard.end();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get flavour(): Flavour {
    return this.program.flavour;
  }

  /** The server process; another one after `restart`. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** A new connection as root; `options` can name another user, database or anything else that mysql2 knows. */
  async connect(options: mysql.ConnectionOptions = {}): Promise<mysql.Connection> {
    return mysql.createConnection({
      host,
      port: this.port,
      user: this.user,
      password: this.password,
      ...options,
    });
  }

  /** Runs one statement, or several, as root on a connection of its own; the rows of the (last) one. */
  async query(sql: string): Promise<unknown> {
    const connection = await this.connect({ multipleStatements: true });
    try {
      const [result] = await connection.query(sql);
      return result;
    } finally {
      await connection.end();
    }
  }

  /** Sends the signal and waits until the process has ended (SIGSTOP and SIGCONT: returns at once). */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (hasEnded(this.#process)) return;
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') {
      this.#process.kill(signal);
      return;
    }
    const ended = whenEnded(this.#process);
    this.#process.kill(signal);
    await ended;
    this.#guard.watch(undefined);
  }

  /** Ends the server (cleanly, if it still runs) and starts it anew on the same port and data. */
  async restart(args: readonly string[] = []): Promise<void> {
    if (this.#stopped) throw new Error('The server was stopped and its data removed.');
    await this.kill('SIGTERM');
    this.#process = await launchServer(
      {
        program: this.program,
        folder: this.#folder,
        dataDir: this.dataDir,
        socketPath: this.socketPath,
        port: this.port,
        guard: this.#guard,
        fixedArguments: this.#fixedArguments,
      },
      args,
    );
  }

  /** What the server wrote to its error log. */
  async errorLog(): Promise<string> {
    return readFile(errorLogPath(this.#folder), 'utf8');
  }

  /** Ends the server at once and removes its data. Stopping twice is fine. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.kill('SIGKILL');
    await this.#guard.end();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export const startServer = (flavour: Flavour, options?: ServerOptions): Promise<DatabaseServer> =>
  DatabaseServer.start(flavour, options);

export const startMariadb = (options?: ServerOptions): Promise<DatabaseServer> =>
  startServer('mariadb', options);

export const startMysql = (options?: ServerOptions): Promise<DatabaseServer> => startServer('mysql', options);

interface Launch {
  readonly program: ServerProgram;
  readonly folder: string;
  readonly dataDir: string;
  readonly socketPath: string;
  readonly port: number;
  readonly guard: ServerGuard;
  readonly fixedArguments: readonly string[];
}

const errorLogPath = (folder: string): string => join(folder, 'error.log');

/** Starts the process and waits until it answers. */
async function launchServer(launch: Launch, args: readonly string[]): Promise<ChildProcess> {
  const log = await open(errorLogPath(launch.folder), 'a');
  // Its own process group: Ctrl-C goes to the test, which then decides; the guard ends the server in any case.
  const server = spawn(launch.program.program, [...launch.fixedArguments, ...args], {
    stdio: ['ignore', log.fd, log.fd],
    detached: true,
  });
  await log.close();
  server.unref();
  const failed = new Promise<never>((_, reject) => {
    server.once('error', reject);
    server.once('exit', (code, signal) => reject(new Error(`ended with ${code ?? signal}`)));
  });
  launch.guard.watch(server.pid);
  try {
    await Promise.race([answers(launch.port), failed]);
  } catch (error) {
    server.kill('SIGKILL');
    const text = await readFile(errorLogPath(launch.folder), 'utf8');
    throw new Error(
      `${flavours[launch.program.flavour].title} did not start: ${String(error)}\n${text.slice(-4000)}`,
      { cause: error },
    );
  }
  // From here on an end of the process is the test's affair.
  failed.catch(() => undefined);
  return server;
}

async function answers(port: number): Promise<void> {
  const deadline = Date.now() + startDeadlineMs;
  for (;;) {
    try {
      await somebodyListens(port);
      const connection = await mysql.createConnection({ host, port, user: 'root' });
      await connection.end();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(20);
    }
  }
}

/** Costs a tenth of what a database connection does that is refused. */
async function somebodyListens(port: number): Promise<void> {
  const socket = createConnection({ host, port });
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}

const hasEnded = (server: ChildProcess): boolean => server.exitCode !== null || server.signalCode !== null;

/** From here on the process counts again as work under way: else this one, having no other, would end in the middle. */
const whenEnded = (server: ChildProcess): Promise<void> => {
  if (hasEnded(server)) return Promise.resolve();
  server.ref();
  return new Promise((resolve) => server.once('exit', () => resolve()));
};
