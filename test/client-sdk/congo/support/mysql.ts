import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { freePort } from '../../../support/free-port.js';
import { guardServer } from '../../../support/server-guard.js';

const startDeadlineMs = 90_000;

/** A MySQL server of one's own, on a free port of 127.0.0.1, in a temporary folder. */
export async function startMysql(program: string, args: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'drc-my-'));
  const guard = guardServer(folder);
  const port = await freePort();
  const common = [
    '--no-defaults',
    `--datadir=${join(folder, 'data')}`,
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
  const made = spawnSync(program, [...common, '--initialize-insecure'], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`mysqld --initialize-insecure: ${made.stderr}`);
  const server = spawn(
    program,
    [
      ...common,
      `--socket=${join(folder, 's')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--mysqlx=OFF',
      '--secure-file-priv=NULL',
      '--innodb-flush-log-at-trx-commit=2',
      '--sync-binlog=0',
      '--max-allowed-packet=1G',
      ...args,
    ],
    { stdio: 'ignore' },
  );
  guard.watch(server.pid);
  const connect = (options: mysql.ConnectionOptions = {}): Promise<mysql.Connection> =>
    mysql.createConnection({ host: '127.0.0.1', port, user: 'root', ...options });
  const stop = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
    }
    await guard.end();
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  const deadline = Date.now() + startDeadlineMs;
  for (;;) {
    try {
      await (await connect()).end();
      break;
    } catch (error) {
      if (server.exitCode !== null || Date.now() > deadline) {
        await stop();
        throw error;
      }
      await sleep(100);
    }
  }
  return {
    port,
    connect,
    async query(sql: string): Promise<unknown> {
      const connection = await connect({ multipleStatements: true });
      try {
        const [result] = await connection.query(sql);
        return result;
      } finally {
        await connection.end();
      }
    },
    [Symbol.asyncDispose]: stop,
  };
}
