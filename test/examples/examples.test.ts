import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type CommandOptions,
  type Finished,
  type RunningCommand,
  runCommand,
  startCommand,
} from '../cli/support/command.js';
import { type DevHub, startDev } from '../cli/support/dev-hub.js';
import { type DatabaseServer, startMariadb } from '../support/database-server.js';

/** Each example as its first lines say to run it, beside a running `drc dev`. */
let source: DatabaseServer;
let hub: DevHub;

beforeAll(async () => {
  source = await startMariadb();
  await source.query(`
    CREATE DATABASE shop;
    CREATE TABLE shop.orders (id BIGINT PRIMARY KEY, buyer_id BIGINT, total DECIMAL(12,2), created_at DATETIME(3));
    CREATE TABLE shop.marks (writer INT, sequence BIGINT, PRIMARY KEY (writer, sequence));
    INSERT INTO shop.orders VALUES (1, 7, 10.5, '2026-11-22 08:00:00.125');
    INSERT INTO shop.orders VALUES (9007199254740993, 8, 0, '2026-11-22 08:00:01');
    UPDATE shop.orders SET total = 11 WHERE id = 1;
    INSERT INTO shop.marks VALUES (3, 17);
    DELETE FROM shop.orders WHERE id = 1`);
  hub = await startDev(source);
});

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  await source?.stop();
});

const options = (name: string, env: Record<string, string> = {}): CommandOptions => ({
  program: fileURLToPath(new URL(`../../examples/dist/${name}.js`, import.meta.url)),
  cwd: hub.folder.path,
  env,
});
const run = (name: string, ...args: string[]): Promise<Finished> => runCommand(args, options(name));
const start = (name: string, ...args: string[]): RunningCommand => startCommand(args, options(name));

test('typed-rows prints the orders, exactly', async () => {
  expect(await run('typed-rows', 'shop', '2')).toEqual({
    code: 0,
    stdout: '1\t10.50\t2026-11-22 08:00:00.125\n9007199254740993\t0.00\t2026-11-22 08:00:01.000\n',
    stderr: '',
  });
});

test('from-timestamp counts what has happened since, and ends', async () => {
  const { code, stdout } = await run('from-timestamp', 'shop', new Date(Date.now() - 900_000).toISOString());
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ DDL: 3, 'shop.orders': 4, 'shop.marks': 1 });
});

test('resume goes on where it stopped', async () => {
  const first = await run('resume', 'shop', './progress', '4');
  const second = await run('resume', 'shop', './progress', '2');
  const ids = (text: string): string[] =>
    text
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]!);
  const all = await run('resume', 'shop', './other-progress', '6');
  expect([...ids(first.stdout), ...ids(second.stdout)]).toEqual(ids(all.stdout));
  expect(new Set(ids(all.stdout)).size).toBe(6);
});

test('tail prints what happens from now on', async () => {
  await using tail = start('tail', 'shop');
  const metrics = /metrics +(\S+)/.exec(hub.command.stdout)![1]!;
  await expect
    .poll(async () => (await fetch(metrics)).text(), { timeout: 30_000 })
    .toMatch(/drc_store_sessions\{state="live",topic="shop"\} [1-9]/);
  await source.query('INSERT INTO shop.marks VALUES (5, 1); DELETE FROM shop.marks WHERE writer = 5');
  await tail.prints(/insert shop\.marks \{ writer: 5, sequence: 1n \}/);
  await tail.prints(/delete shop\.marks/);
});

test('lag-reader prints a line for each transaction, with its mark', async () => {
  await using reader = start('lag-reader', 'shop', 'shop.marks');
  await reader.prints('"mark":"3-17"');
  const line = reader.lines.find((text) => text.includes('3-17'))!;
  expect(JSON.parse(line)).toEqual({ mark: '3-17', atMs: expect.any(Number) as number, rows: 1 });
  expect(await reader.stop()).toBe(0);
});

test('table-sync keeps a table of another server equal', async () => {
  await using target = await startMariadb({ serverId: 2 });
  await target.query(`
    CREATE DATABASE copy;
    CREATE TABLE copy.orders (id BIGINT PRIMARY KEY, buyer_id BIGINT, total DECIMAL(12,2), created_at DATETIME(3))`);
  await using sync = startCommand(
    ['shop'],
    options('table-sync', { TARGET_PORT: String(target.port), TARGET_USER: 'root' }),
  );
  const rows = async (): Promise<unknown> =>
    target.query('SELECT CAST(id AS CHAR) AS id, CAST(total AS CHAR) AS total FROM copy.orders');
  await expect.poll(rows, { timeout: 60_000 }).toEqual([{ id: '9007199254740993', total: '0.00' }]);
  expect(await sync.stop()).toBe(0);
});

test('an example takes the address and a key from the environment', async () => {
  const profile = await readFile(hub.folder.file('drc-data', 'client.json'), 'utf8');
  const { machineKey: key } = JSON.parse(profile) as { machineKey: string };
  const env = { DRC_MANAGER: hub.manager, DRC_MACHINE_KEY: key };
  const { stdout } = await runCommand(['shop', '1'], { ...options('typed-rows', env), cwd: '/' });
  expect(stdout).toContain('10.50');
});
