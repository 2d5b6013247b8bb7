import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as ZooKeeperClient from 'node-zookeeper-client';
import { describe } from 'vitest';
import { findZooKeeper, type ZooKeeperProgram } from '../../scripts/servers.mjs';
import { freePort } from './free-port.js';
import { guardServer, type ServerGuard } from './server-guard.js';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.js';

const host = '127.0.0.1';
const deadlineMs = 120_000;

const program = await findZooKeeper();

/** Tests that need ZooKeeper: skipped where it is not installed, and the title says so. */
export function withZooKeeper(title: string, tests: () => void): void {
  describe.skipIf(program === undefined)(
    `${title} with ZooKeeper${program === undefined ? ', which is not installed' : ''}`,
    () => {
      tests();
    },
  );
}

/** A ZooKeeper server of one's own, on a free port of 127.0.0.1, in a temporary folder. */
export class ZooKeeperServer implements AsyncDisposable {
  readonly host = host;
  readonly port: number;
  readonly #folder: TemporaryFolder;
  readonly #guard: ServerGuard;
  #process: ChildProcess;

  private constructor(folder: TemporaryFolder, guard: ServerGuard, port: number, child: ChildProcess) {
    this.#folder = folder;
    this.#guard = guard;
    this.port = port;
    this.#process = child;
  }

  /** Sessions of 0.4 s to 20 s are to be had. */
  static async start(): Promise<ZooKeeperServer> {
    if (program === undefined) throw new Error('ZooKeeper is not installed.');
    const folder = await temporaryFolder('zookeeper');
    const guard = guardServer(folder.path);
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      await mkdir(folder.file('data'), { recursive: true });
      await writeFile(folder.file('zoo.cfg'), configuration(folder.file('data'), port));
      try {
        return new ZooKeeperServer(folder, guard, port, await launch(program, folder, port, guard));
      } catch (error) {
        if (attempt < 3) continue;
        await guard.end();
        await folder[Symbol.asyncDispose]();
        throw error;
      }
    }
  }

  get address(): string {
    return `${host}:${this.port}`;
  }

  /** SIGSTOP and SIGCONT return at once; all others when the process has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
    await ended;
    this.#guard.watch(undefined);
  }

  /** On the same port and data, after it was killed. */
  async restart(): Promise<void> {
    await this.kill();
    this.#process = await launch(program!, this.#folder, this.port, this.#guard);
  }

  /** Sessions that the server counts as alive. */
  async sessions(): Promise<number> {
    const text = await ask(this.port, 'mntr');
    return Number(/^zk_global_sessions\s+(\d+)/m.exec(text)?.[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#guard.end();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Lets everybody use a node, as one who does not think of it does. */
export async function openToAll(
  server: { readonly port: number },
  login: { readonly user: string; readonly password: string },
  path: string,
): Promise<void> {
  // The manager's own library, as it finds it.
  const require = createRequire(new URL('../../cluster-manager/package.json', import.meta.url));
  const { ACL, createClient } = require('node-zookeeper-client') as typeof ZooKeeperClient;
  const client = createClient(`${host}:${server.port}`, { sessionTimeout: 10_000 });
  client.addAuthInfo('digest', Buffer.from(`${login.user}:${login.password}`));
  client.connect();
  await once(client, 'connected');
  try {
    await new Promise<void>((resolve, reject) => {
      client.setACL(path, ACL.OPEN_ACL_UNSAFE, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    client.close();
  }
}

const configuration = (data: string, port: number): string => `tickTime=200
dataDir=${data}
clientPort=${port}
clientPortAddress=${host}
maxSessionTimeout=20000
maxClientCnxns=0
admin.enableServer=false
4lw.commands.whitelist=*
`;

async function launch(
  { java, jar }: ZooKeeperProgram,
  folder: TemporaryFolder,
  port: number,
  guard: ServerGuard,
): Promise<ChildProcess> {
  const options = [
    '-Xmx128m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    // Its log file is made as large as this at once, in KiB.
    '-Dzookeeper.preAllocSize=256',
    // Killed processes lose nothing without it; the machine does not lose its power here.
    '-Dzookeeper.forceSync=no',
  ];
  const main = 'org.apache.zookeeper.server.ZooKeeperServerMain';
  const child = spawn(java, [...options, '-cp', jar, main, folder.file('zoo.cfg')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  guard.watch(child.pid);
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const deadline = Date.now() + deadlineMs;
  while ((await ask(port, 'ruok').catch(() => '')) !== 'imok') {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`ZooKeeper did not start:\n${complaints}`);
    }
    await sleep(50);
  }
  return child;
}

/** One of ZooKeeper's words of four letters. */
async function ask(port: number, word: string): Promise<string> {
  const socket = connect(port, host);
  socket.setTimeout(5_000, () => socket.destroy());
  socket.write(word);
  let text = '';
  for await (const piece of socket.setEncoding('utf8')) text += String(piece);
  return text;
}
