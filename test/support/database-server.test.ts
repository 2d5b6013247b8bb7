import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer, startMysql, startServer } from './database-server.js';
import { onEachServer, onServer } from './on-each-server.js';

onEachServer('a server of one’s own', (flavour) => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startServer(flavour);
  });
  afterAll(() => server?.stop());

  test('a test server answers root and writes full row events', async () => {
    const rows = await server.query(
      'SELECT @@log_bin b, @@binlog_format f, @@binlog_row_metadata m, @@server_id s',
    );
    expect(rows).toEqual([{ b: 1, f: 'ROW', m: 'FULL', s: 1 }]);
  });

  test('arguments of a test override the defaults', async () => {
    await using other = await startServer(flavour, {
      serverId: 7,
      args: ['--binlog-row-image=MINIMAL', '--skip-log-bin'],
    });
    const rows = await other.query('SELECT @@log_bin b, @@binlog_row_image i, @@server_id s');
    expect(rows).toEqual([{ b: 0, i: 'MINIMAL', s: 7 }]);
  });

  test('the plain user may log in and nothing else', async () => {
    const connection = await server.connect({ ...server.plainUser });
    await expect(connection.query('SELECT * FROM mysql.user')).rejects.toThrow(/denied/);
    await connection.end();
  });

  test('committed rows outlive a kill and a restart, and stopping removes everything', async () => {
    await server.query(
      'CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY); INSERT INTO a.t VALUES (1)',
    );
    await server.kill('SIGKILL');
    await server.restart();
    expect(await server.query('SELECT id FROM a.t')).toEqual([{ id: 1 }]);
    await server.restart(['--read-only']);
    expect(await server.query('SELECT @@read_only r')).toEqual([{ r: 1 }]);
    await server.stop();
    await server.stop();
    expect(existsSync(dirname(server.dataDir))).toBe(false);
    expect(() => process.kill(server.pid, 0)).toThrow();
  });
});

onServer('mysql', 'servers made from one template', () => {
  test('have a server_uuid of their own each', async () => {
    await using one = await startMysql();
    await using other = await startMysql({ serverId: 2 });
    const uuids = await Promise.all(
      [one, other].map((server) => server.query('SELECT @@server_uuid AS uuid')),
    );
    expect(uuids[0]).not.toEqual(uuids[1]);
  });
});
