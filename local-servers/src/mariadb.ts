import { spawn, type ChildProcess } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import mysql from 'mysql2/promise';
import { findMariadb, installDatabase, userArguments, type ServerProgram } from '../../scripts/servers.mjs';
import { freePort } from './free-port.js';
import { guardServer, type ServerGuard } from './server-guard.js';

const host = '127.0.0.1';
const startDeadlineMs = 60_000;

/** A user who may do nothing at all, until a test grants it something. */
const plainUser = { user: 'plain', password: 'plain' } as const;

export interface MariadbOptions {
  /** Further server arguments; the last one of a name wins, so any default below can be overridden. */
  readonly args?: readonly string[];
  /** default 1 */
  readonly serverId?: number;
}

/** Small and fast: data survive a kill of the server, not of the machine. */
const innodbArguments = [
  '--innodb-log-file-size=32M',
  '--innodb-buffer-pool-size=32M',
  '--innodb-flush-log-at-trx-commit=2',
  '--innodb-doublewrite=0',
];

const defaultArguments = [
  '--log-bin=binlog',
  '--binlog-format=ROW',
  '--binlog-row-image=FULL',
  '--binlog-row-metadata=FULL',
  '--sync-binlog=0',
  '--character-set-server=utf8mb4',
  '--bind-address=127.0.0.1',
  '--skip-name-resolve',
  '--max-allowed-packet=1G',
  '--key-buffer-size=1M',
  '--aria-pagecache-buffer-size=4M',
];

/** A MariaDB server of one's own, on a free port of 127.0.0.1, in a temporary folder. */
export class MariadbServer implements AsyncDisposable {
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

  static async start(options: MariadbOptions = {}): Promise<MariadbServer> {
    const program = await findMariadb();
    if (program === undefined) throw new Error('No MariaDB server found; `npm test` installs one on Debian.');
    const folder = await mkdtemp(join(tmpdir(), 'drc-db-'));
    const guard = guardServer(folder);
    try {
      const dataDir = join(folder, 'data');
      await cp(await template(program), dataDir, { recursive: true, mode: constants.COPYFILE_FICLONE });
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
          ...innodbArguments,
          ...defaultArguments,
          `--server-id=${options.serverId ?? 1}`,
        ];
        const launch = { program, folder, dataDir, socketPath, port, guard, fixedArguments };
        try {
          return new MariadbServer(launch, await launchServer(launch, options.args ?? []));
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

export const startMariadb = (options?: MariadbOptions): Promise<MariadbServer> =>
  MariadbServer.start(options);

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
    throw new Error(`MariaDB did not start: ${String(error)}\n${text.slice(-4000)}`, { cause: error });
  }
  // From here on an end of the process is the test's affair.
  failed.catch(() => undefined);
  return server;
}

async function answers(port: number): Promise<void> {
  const deadline = Date.now() + startDeadlineMs;
  for (;;) {
    try {
      const connection = await mysql.createConnection({ host, port, user: 'root' });
      await connection.end();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(20);
    }
  }
}

const hasEnded = (server: ChildProcess): boolean => server.exitCode !== null || server.signalCode !== null;

/** From here on the process counts again as work under way: else this one, having no other, would end in the middle. */
const whenEnded = (server: ChildProcess): Promise<void> => {
  if (hasEnded(server)) return Promise.resolve();
  server.ref();
  return new Promise((resolve) => server.once('exit', () => resolve()));
};

/** A new database to copy from, made once for each server version and kept beside the installed packages. */
async function template(program: ServerProgram): Promise<string> {
  const cache = fileURLToPath(new URL('../../node_modules/.cache/drc/', import.meta.url));
  const path = join(cache, `mariadb-${program.version}-1`);
  if (existsSync(path)) return path;
  await mkdir(cache, { recursive: true });
  const making = await mkdtemp(join(cache, 'making-'));
  try {
    const dataDir = join(making, 'data');
    await installDatabase(program, dataDir, innodbArguments);
    await addPlainUser(program, dataDir);
    await rename(dataDir, path);
  } catch (error) {
    // Another test process may have been faster.
    if (!existsSync(path)) throw error;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return path;
}

/** By a server without network that reads its statements from stdin and ends. */
async function addPlainUser(program: ServerProgram, dataDir: string): Promise<void> {
  const sql = join(dirname(dataDir), 'plain.sql');
  await writeFile(
    sql,
    `FLUSH PRIVILEGES;\nCREATE USER '${plainUser.user}'@'127.0.0.1' IDENTIFIED BY '${plainUser.password}';\n`,
  );
  const input = await open(sql, 'r');
  const server = spawn(
    program.program,
    [
      '--no-defaults',
      ...userArguments(),
      '--bootstrap',
      `--datadir=${dataDir}`,
      `--tmpdir=${dirname(dataDir)}`,
      ...innodbArguments,
    ],
    { stdio: [input.fd, 'ignore', 'pipe'] },
  );
  let output = '';
  server.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${program.program} --bootstrap failed:\n${output}`)),
    );
  });
  await input.close();
}
