import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { startMariadb } from '../support/database-server.js';
import { runCommand, startCommand } from './support/command.js';
import { startDev } from './support/dev-hub.js';

test('several tasks run in one process and are led by their operator; one that fails stops no other', async () => {
  await using source = await startMariadb();
  await using target = await startMariadb({ serverId: 2 });
  await source.query(
    'CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY); INSERT INTO shop.orders VALUES (1)',
  );
  await target.query('CREATE DATABASE copy; CREATE TABLE copy.orders (id INT PRIMARY KEY)');
  await using hub = await startDev(source);
  const cwd = hub.folder.path;
  const key = await runCommand(
    ['cm', 'machine-key', '--manager', hub.manager, '--user', 'dev', '--client', '--topics', 'shop'],
    { cwd, env: { DRC_PASSWORD: hub.password } },
  );
  await writeFile(hub.folder.file('congo.key'), key.stdout);
  await writeFile(
    hub.folder.file('congo.yaml'),
    `clusterManager: ${hub.manager}
machineKeyFile: ./congo.key
topic: shop
ddl: ignore
target: { host: 127.0.0.1, port: ${target.port}, user: root }
admin: { port: 0 }
tasks:
  - task: copy
    tables: [{ from: shop.orders, to: copy.orders }]
  - task: broken
    tables: [{ from: shop.orders, to: copy.missing }]
`,
  );
  const options = { program: 'congo', cwd, env: { CONGO_TARGET_PASSWORD: '' } };
  const run = (...args: string[]) => runCommand([...args, '--config', 'congo.yaml'], options);
  const ask = (...args: string[]) => run(...args, '--task', 'copy');
  const status = async (): Promise<Record<string, unknown>> => {
    const { stdout } = await ask('status', '--json');
    return (JSON.parse(stdout) as Record<string, unknown>[])[0]!;
  };
  const insert = async (id: number): Promise<string> => {
    await source.query(`INSERT INTO shop.orders VALUES (${id})`);
    const [row] = (await source.query('SELECT @@gtid_binlog_pos AS id')) as { id: string }[];
    return row!.id;
  };

  expect(await ask('status')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('TASK_UNKNOWN') as string,
  });
  await using congo = startCommand(['run', '--config', 'congo.yaml'], options);
  const [, adminUrl] = await congo.prints(/"adminUrl":"(\S+?)"/);
  await congo.prints('copy.missing: there is no such table');
  await congo.prints('"congo applying"');
  expect(await (await fetch(`${adminUrl}/readyz`)).json()).toMatchObject({
    ready: false,
    tasks: [
      { task: 'copy', ready: true, state: 'applying' },
      { task: 'broken', ready: false, state: 'stopped', code: 'TARGET_CONFIG' },
    ],
  });
  expect((await ask('wait', '--transaction', await insert(2))).code).toBe(0);
  expect(await target.query('SELECT MAX(id) AS id FROM copy.orders')).toEqual([{ id: 2 }]);

  expect(await ask('pause')).toMatchObject({ code: 0, stdout: 'paused\tcopy\n' });
  await congo.prints('"congo paused by its operator"');
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  expect(metrics).toMatch(/^congo_paused\{task="copy"\} 1$/m);
  expect(metrics).toMatch(/^congo_applying\{task="copy"\} 0$/m);
  const third = await insert(3);
  const late = await ask('wait', '--transaction', third, '--timeout', '1s');
  expect(late).toMatchObject({ code: 10, stderr: expect.stringContaining('WAIT_TIMEOUT') as string });
  await expect.poll(status, { timeout: 60_000 }).toMatchObject({ task: 'copy', state: 'paused', epoch: '1' });
  expect((await ask('status')).stdout).toMatch(/^state {5}paused, since .*\nowner {5}\S+:\d+, epoch 1/m);
  expect((await ask('throttle', '--rows-per-second', '500')).stdout).toBe('500 rows/s\tcopy\n');
  expect((await ask('resume')).stdout).toBe('resumed\tcopy\n');
  expect((await ask('wait', '--transaction', third)).code).toBe(0);
  expect(await status()).toMatchObject({ rowsPerSecond: 500, paused: null });
  const plan = await ask('plan', '--from', 'earliest', '--limit', '2', '-o', 'json');
  expect(plan).toMatchObject({
    code: 0,
    stderr: '2 changes of the source, 2 on the target. Nothing was written.\n',
  });
  expect(
    plan.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toMatchObject([
    {
      kind: 'insert',
      table: 'shop.orders',
      after: { id: 1 },
      becomes: [{ table: 'copy.orders', after: { id: 1 } }],
    },
    {
      kind: 'insert',
      table: 'shop.orders',
      after: { id: 2 },
      becomes: [{ table: 'copy.orders', after: { id: 2 } }],
    },
  ]);
  const which = await run('throttle', '--off');
  expect(which.code).toBe(2);
  expect(which.stderr).toContain('has several tasks: name one with --task');

  const running = await ask('offset', 'set', '--to', '0-1-1', '--apply');
  expect(running).toMatchObject({ code: 1, stderr: expect.stringContaining('TASK_RUNNING') as string });
  expect(await congo.stop()).toBe(1);
  expect(congo.stderr).toContain('TARGET_CONFIG: 1 of 2 tasks ended by an error');

  const { stdout: applied } = await ask('offset', 'get');
  expect(applied.trim()).toBe(third);
  const back = third.replace(/\d+$/, (sequence) => String(Number(sequence) - 1));
  expect((await ask('offset', 'set', '--to', back)).stdout).toBe(
    `Would be applied once more: ${third}\nNothing was changed: --apply does it.\n`,
  );
  const set = await ask('offset', 'set', '--to', back, '--apply', '--json');
  expect(JSON.parse(set.stdout)).toEqual({ task: 'copy', applied: true, repeated: [third], leftOut: [] });
  expect(await status()).toMatchObject({ state: 'not running', applied: back, epoch: '2' });
});
