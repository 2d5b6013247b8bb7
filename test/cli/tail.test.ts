import { spawn } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer, startMariadb } from '../support/database-server.js';
import { freePort } from '../support/free-port.js';
import { type CommandOptions, type Finished, runCommand, startCommand } from './support/command.js';
import { type DevHub, startDev } from './support/dev-hub.js';

let source: DatabaseServer;
let hub: DevHub;

beforeAll(async () => {
  source = await startMariadb();
  await source.query(
    'CREATE DATABASE shop; CREATE TABLE shop.orders (id BIGINT PRIMARY KEY, total DECIMAL(10,2)); CREATE TABLE shop.notes (id INT PRIMARY KEY)',
  );
  await source.query(
    'INSERT INTO shop.orders VALUES (1, 9.5), (2, 3); INSERT INTO shop.notes VALUES (1); UPDATE shop.orders SET total = 10 WHERE id = 1; DELETE FROM shop.orders WHERE id = 2',
  );
  hub = await startDev(source);
});

afterAll(async () => {
  await hub?.[Symbol.asyncDispose]();
  await source?.stop();
});

const tail = (args: readonly string[], options: CommandOptions = {}): Promise<Finished> =>
  runCommand(['tail', 'shop', ...args], { cwd: hub.folder.path, ...options });

interface Line {
  readonly kind: string;
  readonly table?: string;
  readonly before?: Record<string, unknown>;
  readonly after?: Record<string, unknown>;
}

const parsed = (stdout: string): Line[] =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

test('changes are one JSON object a line, in order, and --count ends the command', async () => {
  const { code, stdout, stderr } = await tail(['--from', 'earliest', '--count', '8']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(parsed(stdout)).toEqual([
    expect.objectContaining({ kind: 'ddl', verb: 'CREATE DATABASE' }),
    expect.objectContaining({ kind: 'ddl', verb: 'CREATE TABLE', tables: ['shop.orders'] }),
    expect.objectContaining({ kind: 'ddl', verb: 'CREATE TABLE', tables: ['shop.notes'] }),
    expect.objectContaining({ kind: 'insert', table: 'shop.orders', after: { id: '1', total: '9.50' } }),
    expect.objectContaining({ kind: 'insert', table: 'shop.orders', after: { id: '2', total: '3.00' } }),
    expect.objectContaining({ kind: 'insert', table: 'shop.notes', after: { id: 1 } }),
    expect.objectContaining({
      kind: 'update',
      before: { id: '1', total: '9.50' },
      after: { id: '1', total: '10.00' },
    }),
    expect.objectContaining({ kind: 'delete', before: { id: '2', total: '3.00' } }),
  ]);
});

test('--no-json is readable also in a pipe, and --table keeps to a table', async () => {
  const { stdout } = await tail(['--from', '-15m', '--no-json', '--table', 'shop.notes', '--count', '3']);
  expect(stdout).toMatch(/! CREATE TABLE shop\.notes/);
  expect(stdout).toMatch(/\+ shop\.notes id: 1\n$/);
  expect(stdout).not.toContain('+ shop.orders');
});

test('--where, --columns and --partition choose rows, columns and a share of the rows', async () => {
  const rows = [
    '--from',
    'earliest',
    '--table',
    'shop.orders',
    '--where',
    'shop.orders: total >= 9.5 AND id < 2',
  ];
  const { stdout } = await tail([...rows, '--columns', 'shop.orders: id', '--count', '4']);
  expect(parsed(stdout).filter(({ kind }) => kind !== 'ddl')).toEqual([
    expect.objectContaining({ kind: 'insert', after: { id: '1' } }),
    expect.objectContaining({ kind: 'update', before: { id: '1' }, after: { id: '1' } }),
  ]);
  const ids = Array.from({ length: 20 }, (_, index) => `(${index + 1})`).join(', ');
  await source.query(`CREATE TABLE shop.shares (id INT PRIMARY KEY); INSERT INTO shop.shares VALUES ${ids}`);
  // The schema's statement, the table's, and the first row of the share.
  const firstOf = async (partition: string): Promise<unknown> => {
    const shares = ['--from', 'earliest', '--table', 'shop.shares', '--count', '3'];
    return parsed((await tail([...shares, '--partition', partition])).stdout).at(-1)?.after?.['id'];
  };
  const firsts = [await firstOf('0/2'), await firstOf('1/2')];
  expect(firsts).toEqual([expect.any(Number), expect.any(Number)]);
  expect(firsts[0]).not.toBe(firsts[1]);
});

test('what cannot be meant of rows, columns and shares is said at once', async () => {
  const faults: readonly (readonly [readonly string[], RegExp])[] = [
    [['--where', 'total > 1'], /It reads TABLE: …/],
    [['--where', 'orders: total > 1'], /--where orders names no schema\. Did you mean shop\.orders\?/],
    [['--where', 'shop.orders: total >'], /CONFIG_INVALID: --where shop\.orders: /],
    [['--columns', 'shop.orders:'], /It reads TABLE: …/],
    [
      ['--columns', 'shop.orders: id', '--columns', 'shop.orders: total'],
      /It is given twice for shop\.orders\./,
    ],
    [['--partition', '4/4'], /It reads INDEX\/OF/],
  ];
  for (const [args, message] of faults) {
    const { code, stdout, stderr } = await tail(args);
    expect([args, code, stdout]).toEqual([args, 2, '']);
    expect(stderr).toMatch(message);
  }
});

test('a glob that matches no table is said to, on stderr, and the command goes on', async () => {
  await using command = startCommand(['tail', 'shop', '--table', 'shop.ordres*', '--table', 'shop.n*'], {
    cwd: hub.folder.path,
  });
  await expect
    .poll(() => command.stderr, { timeout: 60_000 })
    .toBe('Note: no table that you may read matches shop.ordres* so far.\n');
  expect(await command.stop()).toBe(0);
});

test('without --from it begins now, and SIGTERM ends it with exit code 0', async () => {
  await using command = startCommand(['tail', 'shop'], { cwd: hub.folder.path });
  // "Now" is when it has connected; the store counts its sessions.
  const metrics = /metrics +(\S+)/.exec(hub.command.stdout)![1]!;
  await expect
    .poll(async () => (await fetch(metrics)).text(), { timeout: 30_000 })
    .toMatch(/drc_store_sessions\{state="live",topic="shop"\} [1-9]/);
  await source.query('REPLACE INTO shop.notes VALUES (100)');
  const [line] = await command.printsLines(1);
  expect(JSON.parse(line!)).toMatchObject({ kind: 'insert', after: { id: 100 } });
  expect(await command.stop()).toBe(0);
  expect(command.stderr).toBe('');
});

test('with --checkpoint it goes on behind the last whole transaction that it printed', async () => {
  const common = ['--from', 'earliest', '--table', 'shop.*', '--checkpoint', 'progress'];
  const first = parsed((await tail([...common, '--count', '4'])).stdout);
  // The fourth is the first of two rows of one transaction: it comes again, whole, and that is said.
  const again = await tail([...common, '--count', '1']);
  expect(again.stderr).toMatch(
    /^Note: --count ended within transaction \S+; the checkpoint stays before it, so it comes again\.\n$/,
  );
  const second = parsed((await tail([...common, '--count', '3'])).stdout);
  // A path that is no folder is the file itself.
  expect((await stat(hub.folder.file('progress'))).isFile()).toBe(true);
  const third = parsed((await tail([...common, '--count', '1'])).stdout);
  expect(first.map(({ kind }) => kind)).toEqual(['ddl', 'ddl', 'ddl', 'insert']);
  expect(second.map(({ after }) => after?.['id'])).toEqual(['1', '2', 1]);
  expect(third).toMatchObject([{ kind: 'update' }]);
});

test('a pipe that is closed ends it quietly', async () => {
  const drc = new URL('../../cli/bin/drc.js', import.meta.url).pathname;
  const shell = spawn('sh', ['-c', `"${process.execPath}" "${drc}" tail shop --from earliest | head -n 1`], {
    cwd: hub.folder.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  shell.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  // A pipe is known to be closed when something is written to it.
  let id = 1000;
  const again = setInterval(() => {
    id += 1;
    source.query(`INSERT INTO shop.notes VALUES (${id})`).catch(() => undefined);
  }, 200);
  await new Promise((resolve) => shell.once('close', resolve));
  clearInterval(again);
  expect(errors).toBe('');
});

test.each<[string, readonly string[], number, RegExp]>([
  ['an unknown table', ['--from', 'earliest', '--table', 'shop.nothing'], 1, /^TABLE_UNKNOWN: .*nothing/],
  ['a moment that is none', ['--from', 'noon'], 2, /^CONFIG_INVALID: 'noon' is not a moment/],
  ['a checkpoint that is none', ['--from', 'AAAAAAAAAAAAAAAAAAAAAAAA'], 1, /^CHECKPOINT_INVALID: /],
  ['a count that is none', ['--count', '0'], 2, /positive whole number/],
  ['an option that does not exist', ['--form', 'earliest'], 2, /unknown option '--form'/],
  ['a table without a schema', ['--table', 'orders'], 2, /^CONFIG_INVALID: .*Did you mean shop\.orders\?/],
  ['a manager that is no address', ['--manager', 'foo'], 2, /^CONFIG_INVALID: 'foo' is not the address of/],
  ['a socket as a manager', ['--manager', 'ws://127.0.0.1:7380'], 2, /^CONFIG_INVALID: .*, but of a store/],
  [
    'a manager that does not answer',
    ['--manager', 'http://127.0.0.1:1'],
    1,
    /^MANAGER_UNREACHABLE: [^\n]*\n {2}No cluster manager answers\. Check its address, and whether it runs\./,
  ],
])('%s ends the command with its code', async (_what, args, exitCode, message) => {
  const { code, stdout, stderr } = await tail(args);
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^ +at /m);
});

test('a store and an admin port are told from a manager', async () => {
  const metrics = /metrics +(\S+)/.exec(hub.command.stdout)![1]!;
  const store = await tail(['--manager', hub.store.replace('ws:', 'http:')]);
  expect(store.code).toBe(2);
  expect(store.stderr).toMatch(/^CONFIG_INVALID: http:\S+ is a store, not a cluster manager\./);
  const admin = await tail(['--manager', new URL(metrics).origin]);
  expect(admin.code).toBe(2);
  expect(admin.stderr).toMatch(/answered with status 404, not like a cluster manager/);
});

test('a moment that has not come is said to be one', async () => {
  await using command = startCommand(['tail', 'shop', '--from', '2999-01-01T00:00Z'], {
    cwd: hub.folder.path,
  });
  await command.prints('Note: --from lies in the future: nothing comes until then.');
  expect(await command.stop()).toBe(0);
});

test('a wrong command line is one line and where to read on', async () => {
  const { stderr } = await tail(['--form', 'earliest']);
  expect(stderr).toMatch(
    /^error: unknown option '--form'\n(\(Did you mean --from\?\)\n)?See drc tail --help\.\n$/,
  );
  for (const args of [['bogus', '--help'], ['bogus'], ['cm', 'bogus', '-h']]) {
    const { code, stdout, stderr: said } = await runCommand(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(said).toMatch(/^error: unknown command 'bogus'\nSee drc( cm)? --help\.\n$/);
  }
  const help = await runCommand(['cm', 'user', '--help']);
  expect({ code: help.code, stderr: help.stderr }).toEqual({ code: 0, stderr: '' });
});

test('a topic that does not exist is TOPIC_UNKNOWN', async () => {
  const { code, stderr } = await runCommand(['tail', 'shoop'], { cwd: hub.folder.path });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^TOPIC_UNKNOWN: .*\n {2}There is no such topic/);
});

test('without credentials it says which there are; wrong ones are UNAUTHENTICATED', async () => {
  const none = await tail([], { cwd: hub.folder.file('drc-data') });
  expect(none.code).toBe(2);
  expect(none.stderr).toMatch(/^CONFIG_INVALID: No credentials: use --user NAME/);

  const wrong = await tail(['--manager', hub.manager, '--user', 'dev'], { env: { DRC_PASSWORD: 'guess' } });
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toMatch(
    /^UNAUTHENTICATED: .*\n {2}http:\S+ does not take the name dev with this password\.\n$/,
  );
});

test('a flag wins over the environment, and that over the folder of drc dev', async () => {
  const passwordFile = hub.folder.file('password');
  await writeFile(passwordFile, `${hub.password}\n`);
  const flags = ['topics', '--manager', hub.manager, '--user', 'dev', '--password-file', passwordFile];
  const env = {
    DRC_MANAGER: `http://127.0.0.1:${await freePort()}`,
    DRC_PASSWORD: 'guess',
    DRC_MACHINE_KEY: 'guess',
  };
  expect((await runCommand(flags, { cwd: hub.folder.path, env })).stdout).toBe('shop\t1\n');
  expect((await runCommand(['topics'], { cwd: hub.folder.path, env })).stderr).toMatch(
    /^MANAGER_UNREACHABLE/,
  );
  expect(
    (await runCommand(['topics'], { cwd: hub.folder.path, env: { DRC_MACHINE_KEY: 'guess' } })).stderr,
  ).toMatch(/^UNAUTHENTICATED: .*\n {2}http:\S+ does not take the machine key of DRC_MACHINE_KEY\.\n$/);
});
