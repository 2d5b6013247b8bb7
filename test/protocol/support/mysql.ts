import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { guardServer } from '../../support/server-guard.js';

/** A real MySQL server, where there is one; MariaDB is not one. */
const program = process.env['DRC_TEST_MYSQLD'] ?? '/opt/mysql-lts/bin/mysqld';
export const hasMysql = existsSync(program);

const startDeadlineMs = 90_000;

export interface MysqlForFunctions extends AsyncDisposable {
  readonly connection: mysql.Connection;
}

/** A server of one's own that is only asked for its functions: no binlog, no port. */
export async function startMysqlForFunctions(): Promise<MysqlForFunctions> {
  const folder = await mkdtemp(join(tmpdir(), 'drc-my-'));
  const guard = guardServer(folder);
  const data = join(folder, 'data');
  const socket = join(folder, 's');
  const common = ['--no-defaults', `--datadir=${data}`, ...(process.getuid?.() === 0 ? ['--user=root'] : [])];
  const made = spawnSync(program, [...common, '--initialize-insecure'], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`mysqld --initialize-insecure: ${made.stderr}`);
  const server = spawn(
    program,
    [
      ...common,
      `--socket=${socket}`,
      '--skip-networking',
      '--mysqlx=OFF',
      '--secure-file-priv=NULL',
      '--skip-log-bin',
    ],
    { stdio: 'ignore' },
  );
  guard.watch(server.pid);
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
      const connection = await mysql.createConnection({ socketPath: socket, user: 'root' });
      return {
        connection,
        async [Symbol.asyncDispose]() {
          connection.destroy();
          await stop();
        },
      };
    } catch (error) {
      if (server.exitCode !== null || Date.now() > deadline) {
        await stop();
        throw error;
      }
      await sleep(100);
    }
  }
}
