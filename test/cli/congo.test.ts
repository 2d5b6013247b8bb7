import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.js';
import { startMariadb } from '../support/database-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { runCommand, startCommand } from './support/command.js';
import { startDev } from './support/dev-hub.js';

const taskFile = (manager: string, port: number): string => `task: copy
clusterManager: ${manager}
machineKeyFile: ./congo.key
topic: shop
tables: [{ from: shop.orders, to: copy.orders }]
ddl: ignore
target: { host: 127.0.0.1, port: ${port}, user: root }
admin: { port: 0 }
`;

test('congo run applies, tells its figures as counters, and SIGTERM ends it with exit code 0', async () => {
  await using source = await startMariadb();
  await using target = await startMariadb({ serverId: 2 });
  await source.query(
    'CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY); INSERT INTO shop.orders VALUES (1), (2); DELETE FROM shop.orders WHERE id = 1',
  );
  await target.query('CREATE DATABASE copy; CREATE TABLE copy.orders (id INT PRIMARY KEY)');
  await using hub = await startDev(source);
  const cwd = hub.folder.path;
  const keyArguments = [
    'cm',
    'machine-key',
    '--manager',
    hub.manager,
    '--user',
    'dev',
    '--client',
    '--topics',
    'shop',
  ];
  const key = await runCommand(keyArguments, { cwd, env: { DRC_PASSWORD: hub.password } });
  await writeFile(hub.folder.file('congo.key'), key.stdout);
  await writeFile(hub.folder.file('congo.yaml'), taskFile(hub.manager, target.port));
  await using congo = startCommand(['run', '--config', 'congo.yaml'], {
    program: 'congo',
    cwd,
    env: { CONGO_TARGET_PASSWORD: '' },
  });
  const [, adminUrl] = await congo.prints(/"adminUrl":"(\S+?)"/);
  await expect
    .poll(() => target.query('SELECT id FROM copy.orders'), { timeout: 60_000 })
    .toEqual([{ id: 2 }]);

  expect(await (await fetch(`${adminUrl}/readyz`)).json()).toEqual({
    ready: true,
    tasks: [{ task: 'copy', ready: true, state: 'applying' }],
  });
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  expect(metrics).toContain('# TYPE congo_rows_applied_total counter');
  expect(metrics).toContain('congo_rows_applied_total{task="copy",op="insert"} 2');
  expect(metrics).toContain('congo_rows_applied_total{task="copy",op="delete"} 1');
  expect(metrics).toMatch(/^congo_ddl_ignored_total\{task="copy"\} 1$/m);
  expect(metrics).toMatch(/^congo_last_commit_timestamp_seconds\{task="copy"\} \d/m);
  expect(metrics).toMatch(/^congo_commit_to_apply_seconds_count\{task="copy"\} [1-9]/m);
  expect(metrics).toMatch(/^congo_paused\{task="copy"\} 0$/m);
  expect(metrics).not.toMatch(/^congo_throttle_rows_per_second\{/m);
  expect(await (await fetch(`${adminUrl}/metrics`)).text()).toContain(
    'congo_rows_applied_total{task="copy",op="insert"} 2',
  );

  await expect.poll(() => metric(adminUrl!, 'congo_apply_lag_seconds'), { timeout: 60_000 }).toBe(0);

  // The later of two has the task; the earlier must not be started again by whoever watches it.
  await using later = startCommand(['run', '--config', 'congo.yaml'], {
    program: 'congo',
    cwd,
    env: { CONGO_TARGET_PASSWORD: '' },
  });
  expect(await congo.ended()).toBe(6);
  expect(congo.stderr).toContain('TASK_FENCED');
  await later.prints('"congo applying"');
  expect(await later.stop()).toBe(0);
  expect(later.stderr.split('"congo stopped"')).toHaveLength(2);
});

async function metric(adminUrl: string, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const value = new RegExp(`^${name}\\{task="copy"\\} (.*)$`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

test('a manager that is not there yet is waited for; a wrong file and a missing password end it at once', async () => {
  await using folder = await temporaryFolder('congo');
  const cwd = folder.path;
  const options = { program: 'congo', cwd, env: { CONGO_TARGET_PASSWORD: '' } };
  await writeFile(folder.file('congo.key'), 'a-key\n');
  await writeFile(folder.file('congo.yaml'), taskFile(`http://127.0.0.1:${await freePort()}`, 3306));
  await using waiting = startCommand(['run', '--config', 'congo.yaml'], options);
  await waiting.prints('"code":"MANAGER_UNREACHABLE"');
  const [, adminUrl] = await waiting.prints(/"adminUrl":"(\S+?)"/);
  expect((await fetch(`${adminUrl}/livez`)).status).toBe(200);
  const ready = await fetch(`${adminUrl}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({
    ready: false,
    tasks: [{ ready: false, state: 'waiting', code: 'MANAGER_UNREACHABLE' }],
  });
  expect(await metric(adminUrl!, 'congo_applying')).toBe(0);
  expect(await metric(adminUrl!, 'congo_apply_lag_seconds')).toBeUndefined();
  const taken = new URL(adminUrl!).port;
  const second = await runCommand(['run', '--config', 'congo.yaml', '--admin-port', taken], options);
  expect(second.code).toBe(1);
  expect(second.stderr).toContain(
    `PORT_IN_USE: 127.0.0.1:${taken} is in use.\n  Stop the process that listens there, or set admin.port (--admin-port, CONGO_ADMIN_PORT); 0 takes a free port.`,
  );
  expect(await waiting.stop()).toBe(0);
  expect(waiting.stderr.split('"congo stopped"')).toHaveLength(2);

  const noPassword = await runCommand(['run', '--config', 'congo.yaml'], { program: 'congo', cwd });
  expect(noPassword.code).toBe(2);
  expect(noPassword.stderr).toContain('set CONGO_TARGET_PASSWORD, or name a file with target.passwordFile');

  await writeFile(
    folder.file('bad.yaml'),
    taskFile('nowhere', 3306).replace('admin: { port: 0 }', 'admin: { prt: 0 }'),
  );
  const bad = await runCommand(['run', '--config', 'bad.yaml'], options);
  expect(bad.code).toBe(2);
  expect(bad.stderr).toMatch(/- bad\.yaml:2:1 clusterManager: must be an address/);
  expect(bad.stderr).toMatch(/- bad\.yaml:8:10 admin\.prt: is not a setting/);
});
