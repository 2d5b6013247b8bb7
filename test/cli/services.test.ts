import { chmod, cp, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Level } from 'level';
import { seal, unseal } from '../../store/src/log/chunk-record.js';
import { metaKey } from '../../store/src/log/keys.js';
import { freePort } from '../support/free-port.js';
import { type DatabaseServer, startMariadb } from '../support/database-server.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { type Finished, type RunningCommand, runCommand, startCommand } from './support/command.js';

/** A cluster manager and a store as their own processes, from files, as in production. */
let source: DatabaseServer;
let folder: TemporaryFolder;
let made: Finished;
let password: string;
let manager: string;
let admin: string;
let cm: RunningCommand;

beforeAll(async () => {
  source = await startMariadb();
  folder = await temporaryFolder('services');
  await source.query(
    'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)',
  );
  made = await runCommand(['cm', 'init', '--data', 'cm'], { cwd: folder.path });
  password = /password: (.*)/.exec(made.stdout)![1]!;
  const key = await runCommand(['cm', 'machine-key', '--data', 'cm', '--topics', 'shop'], {
    cwd: folder.path,
  });
  await writeFile(folder.file('store.key'), key.stdout, { mode: 0o600 });
  await writeFile(folder.file('cm.yaml'), 'directory: ./cm\nlisten: { port: 1 }\nadmin: { port: 0 }\n');
  cm = startCommand(['cm', 'start', '--config', 'cm.yaml', '--port', '0'], {
    cwd: folder.path,
    env: { DRC_CM_PORT: '2' },
  });
  [, manager, admin] = (await cm.prints(/"url":"(\S+?)","adminUrl":"(\S+?)"/)) as unknown as [
    string,
    string,
    string,
  ];
});

afterAll(async () => {
  await cm?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
  await source?.stop();
});

const storeFile = (extra = ''): string => `topic: shop
directory: ./store
source: { host: 127.0.0.1, port: ${source.port}, user: root }
listen: { port: 0 }
admin: { port: 0 }
clusterManagers: [${manager}]
machineKeyFile: ./store.key
${extra}`;

const env = { DRC_SOURCE_PASSWORD: '' };

async function startStore(name: string, text: string): Promise<RunningCommand> {
  await writeFile(folder.file(name), text);
  return startCommand(['store', 'start', '--config', name], { cwd: folder.path, env });
}

test('init prints the first administrator, once', () => {
  expect(made).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^name: admin\npassword: \S{16,}\n$/) as string,
    stderr: 'Made cm. The first administrator; the password is shown this once:\n',
  });
});

test('the folder and the signing key are closed to others, and init refuses a folder that is not empty', async () => {
  expect((await stat(folder.file('cm'))).mode & 0o077).toBe(0);
  expect((await stat(folder.file('cm', 'signing-key.pem'))).mode & 0o077).toBe(0);
  const again = await runCommand(['cm', 'init', '--data', 'cm'], { cwd: folder.path });
  expect(again.code).toBe(1);
  expect(again.stderr).toMatch(/^DATA_FOLDER: cm is not empty/);
});

test('a flag wins over the environment, and that over the file', () => {
  expect(new URL(manager).port).not.toBe('1');
  expect(new URL(manager).port).not.toBe('2');
});

test('a running manager makes machine keys for an administrator, and says so to whoever asks its folder', async () => {
  const args = ['cm', 'machine-key', '--topics', 'shop', '--client'];
  const cwd = folder.path;
  const refused = await runCommand([...args, '--data', 'cm'], { cwd });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /^DATA_FOLDER: cm is in use by a running manager\.\n {2}Ask that manager: --manager URL in the place of --data/,
  );

  await writeFile(folder.file('admin.password'), password);
  for (const ways of [
    ['--data', 'cm', '--manager', manager, '--password-file', 'admin.password'],
    ['--manager', manager, '--password-file', 'admin.password'],
  ]) {
    const made = await runCommand([...args, ...ways], { cwd });
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const topics = await runCommand(['topics', '--manager', manager], {
      cwd,
      env: { DRC_MACHINE_KEY: made.stdout.trim() },
    });
    expect(topics.code).toBe(0);
  }
  const nameless = await runCommand(args, { cwd });
  expect(nameless.code).toBe(2);
  expect(nameless.stderr).toContain('Name the folder with --data, or a running manager with --manager.');
  const wrong = await runCommand([...args, '--manager', manager], { cwd, env: { DRC_PASSWORD: 'guess' } });
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/^UNAUTHENTICATED: /) as string });
});

test('users are added while the manager is stopped, and read what they may', async () => {
  await using other = await temporaryFolder('users');
  const cwd = other.path;
  await runCommand(['cm', 'init', '--data', 'cm', '--administrator', 'root', '--cluster', 'test'], { cwd });
  const anna = ['cm', 'user', 'anna', '--data', 'cm', '--topics', 'shop', '--tables', 'shop.orders'];
  expect(await runCommand(anna, { cwd })).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^name: anna\npassword: \S+\n$/) as string,
  });
  expect(await runCommand(anna, { cwd })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^REQUEST_INVALID: .*anna.*\n {2}--replace gives the user a new password/,
    ) as string,
  });
  expect(await runCommand([...anna, '--replace'], { cwd })).toMatchObject({ code: 0 });
  expect(await runCommand(['cm', 'user', 'ben', '--data', 'nowhere'], { cwd })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^DATA_FOLDER: /) as string,
  });
});

// Some 25 processes, one after the other.
test('users and keys are listed and removed, in the folder of a stopped manager and through a running one', async () => {
  await using other = await temporaryFolder('access');
  const cwd = other.path;
  const init = await runCommand(['cm', 'init', '--data', 'cm'], { cwd });
  const env = { DRC_PASSWORD: /password: (.*)/.exec(init.stdout)![1]! };
  const drcCm = (...args: string[]): Promise<Finished> => runCommand(['cm', ...args], { cwd, env });
  const stopped = ['--data', 'cm'];
  await drcCm('user', 'anna', '--topics', 'shop', '--tables', 'shop.*', ...stopped);
  await drcCm('user', 'ben', ...stopped);
  expect(await drcCm('remove-user', 'ben', ...stopped)).toEqual({ code: 0, stdout: '', stderr: '' });
  const users = 'admin\tadministrator\t**\t**\nanna\tuser\tshop\tshop.*\n';
  expect((await drcCm('users', ...stopped)).stdout).toBe(users);
  expect((await drcCm('remove-user', 'admin', ...stopped)).stderr).toMatch(
    /^REQUEST_INVALID: admin is the only administrator\./,
  );

  // Without a file: all is as by default.
  await using running = startCommand(['cm', 'start', '--data', 'cm', '--port', '0', '--admin-port', '0'], {
    cwd,
  });
  const [, url] = await running.prints(/"url":"(\S+?)"/);
  const asked = ['--manager', url!];
  expect((await drcCm('users', ...asked)).stdout).toBe(users);
  expect((await drcCm('user', 'anna', ...asked)).stderr).toMatch(/--replace gives/);
  expect((await drcCm('user', 'carl', ...asked)).stdout).toMatch(/^name: carl\npassword: \S+\n$/);
  expect(await drcCm('remove-user', 'carl', ...asked)).toEqual({ code: 0, stdout: '', stderr: '' });
  expect((await drcCm('remove-user', 'carl', ...asked)).stderr).toMatch(
    /^REQUEST_INVALID: There is no user carl\./,
  );
  const key = (await drcCm('machine-key', '--topics', 'shop', ...asked)).stdout.trim();
  expect((await drcCm('machine-keys', ...asked)).stdout).toMatch(
    /^[0-9a-f]{16}\tstore\tshop\t-\t\d{4}-\S+Z\n$/,
  );
  expect(await drcCm('remove-machine-key', key, ...asked)).toEqual({ code: 0, stdout: '', stderr: '' });
  expect((await drcCm('machine-keys', ...asked)).stdout).toBe('');
  expect(await drcCm('remove-machine-key', 'nonsense', ...asked)).toMatchObject({ code: 2 });
  expect((await drcCm('users', ...stopped)).stderr).toMatch(/Ask that manager: --manager URL/);
  const nothing = await drcCm('start');
  expect(nothing).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--config, or the folder') as string,
  });
}, 300_000);

test('a machine key that the manager does not take is named where it can be corrected', async () => {
  await writeFile(folder.file('wrong.key'), `drcmk_${'0'.repeat(16)}_${'A'.repeat(43)}`);
  await using store = await startStore(
    'wrong-key.yaml',
    storeFile().replace('./store.key', './wrong.key').replace('./store', './wrong'),
  );
  await store.prints(/"The store is not announced: [^"]*machineKeyFile, DRC_MACHINE_KEY/);
});

test('a store from a file announces itself, serves, and SIGTERM ends it with exit code 0', async () => {
  await using store = await startStore('store.yaml', storeFile());
  const [, adminUrl] = (await store.prints(/"adminUrl":"(\S+?)"/)) as unknown as [string, string];
  await expect.poll(async () => (await fetch(`${adminUrl}/readyz`)).status, { timeout: 30_000 }).toBe(200);
  const tail = await runCommand(
    ['tail', 'shop', '--from', 'earliest', '--count', '3', '--manager', manager, '--user', 'admin'],
    {
      cwd: folder.path,
      env: { DRC_PASSWORD: password },
    },
  );
  expect(tail.stdout).toContain('"after":{"id":1}');

  await using second = await startStore('second.yaml', storeFile());
  expect(await second.ended()).toBe(1);
  expect(second.stderr).toMatch(/^LOG_LOCKED: .*\n {2}Another process/m);

  expect(await store.stop()).toBe(0);
  expect(store.stdout).toBe('');
  for (const line of store.stderr.trim().split('\n')) expect(() => JSON.parse(line) as unknown).not.toThrow();
});

test.each<[string, (text: string) => string, number, RegExp]>([
  [
    'an address that is not loopback',
    (text) => text.replace('listen: {', 'listen: { host: 0.0.0.0,'),
    2,
    /^CONFIG_INVALID: [^]*bad\.yaml:\d+:\d+ listen\.host: .*loopback/m,
  ],
  [
    'an admin port in use',
    (text) => text.replace('admin: { port: 0', `admin: { port: ${new URL(admin).port}`),
    1,
    /^PORT_IN_USE: 127\.0\.0\.1:\d+ is in use\.\n {2}Stop the process that listens there, or set admin\.port \(--admin-port, DRC_STORE_ADMIN_PORT\); 0 takes a free port\.$/m,
  ],
  [
    'a wrong file',
    (text) => text.replace('topic: shop', 'topic: "a b"').replace('source: {', 'source: { shape: 1,'),
    2,
    /^CONFIG_INVALID: .* has 2 faults:\n {2}- bad\.yaml:1:1 topic: .*\n {2}- bad\.yaml:3:\d+ source\.shape: is not a setting\n$/,
  ],
  [
    'a key file that is not there',
    (text) => text.replace('./store.key', './no.key'),
    2,
    /^CONFIG_INVALID: \.\/no\.key: cannot be read/,
  ],
])('%s keeps a store from starting', async (_what, change, code, message) => {
  await using store = await startStore('bad.yaml', change(storeFile()));
  expect(await store.ended()).toBe(code);
  expect(store.stderr).toMatch(message);
  expect(store.stderr).not.toMatch(/^ +at /m);
});

test('a source without the settings keeps a store from starting, a source of another server from capturing', async () => {
  await using bad = await startMariadb({ args: ['--binlog-row-image=MINIMAL'], serverId: 5 });
  const to = (directory: string): string =>
    storeFile().replace(`port: ${source.port}`, `port: ${bad.port}`).replace('./store', directory);
  await using refused = await startStore('fresh.yaml', to('./fresh'));
  expect(await refused.ended()).toBe(1);
  expect(refused.stderr).toMatch(
    /^SOURCE_CONFIG: .*\n {2}- binlog_row_image is MINIMAL, not FULL\n {4}SET GLOBAL binlog_row_image = 'FULL';$/m,
  );

  await bad.query("SET GLOBAL binlog_row_image = 'FULL'");
  await using stale = await startStore('stale.yaml', to('./store'));
  await stale.prints('"code":"SOURCE_CHANGED"');
  const [, adminUrl] = (await stale.prints(/"adminUrl":"(\S+?)"/)) as unknown as [string, string];
  // It serves what it has, and says why it captures no more.
  await expect
    .poll(async () => (await fetch(`${adminUrl}/readyz`)).text(), { timeout: 30_000 })
    .toContain('SOURCE_CHANGED');
  expect(await stale.stop()).toBe(0);
});

test('a store waits for a source that is away or refuses its password, and says so', async () => {
  await using away = await startStore(
    'away.yaml',
    storeFile()
      .replace(`port: ${source.port}`, `port: ${await freePort()}`)
      .replace('./store', './away'),
  );
  await away.prints('"code":"SOURCE_UNREACHABLE"');
  await using refused = await startStore(
    'refused.yaml',
    storeFile().replace('user: root', 'user: plain').replace('./store', './refused'),
  );
  await refused.prints('"code":"SOURCE_AUTH"');
  expect(await away.stop()).toBe(0);
  expect(await refused.stop()).toBe(0);
});

test('a log of a newer format is refused with LOG_FORMAT', async () => {
  const from = folder.file('store');
  await cp(from, folder.file('newer'), { recursive: true });
  const names = await readdir(folder.file('newer'), { withFileTypes: true });
  const database = names.find((entry) => entry.isDirectory())!.name;
  const level = new Level<Buffer, Buffer>(join(folder.file('newer'), database), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  await level.open();
  const key = metaKey('identity');
  const identity = JSON.parse(unseal(key, await level.get(key), 'the identity').toString()) as object;
  await level.put(key, seal(key, Buffer.from(JSON.stringify({ ...identity, format: 99 }))));
  await level.close();
  await using store = await startStore('newer.yaml', storeFile().replace('./store', './newer'));
  expect(await store.ended()).toBe(1);
  expect(store.stderr).toMatch(/^LOG_FORMAT: /m);
});

test('a manager refuses an address that is not loopback, a port in use, a folder in use and a folder that others can read', async () => {
  const cwd = folder.path;
  const port = new URL(manager).port;
  await using other = await temporaryFolder('cm');
  await runCommand(['cm', 'init', '--data', other.file('cm')]);
  const start = async (directory: string, listen: string): Promise<string> => {
    await writeFile(
      folder.file('other.yaml'),
      `directory: ${directory}\nlisten: ${listen}\nadmin: { port: 0 }\n`,
    );
    const { code, stderr } = await runCommand(['cm', 'start', '--config', 'other.yaml'], { cwd });
    return `${code} ${stderr.split('\n').find((line) => /^[A-Z_]+: /.test(line))}`;
  };
  expect(await start(other.file('cm'), '{ host: 192.0.2.1, port: 0 }')).toMatch(/^2 CONFIG_INVALID: /);
  expect(await start(other.file('cm'), `{ port: ${port} }`)).toMatch(/^1 PORT_IN_USE: /);
  expect(await start(folder.file('cm'), '{ port: 0 }')).toMatch(/^1 DATA_FOLDER: /);
  expect(await start(other.file('nothing'), '{ port: 0 }')).toMatch(/^1 DATA_FOLDER: /);
  await chmod(other.file('cm'), 0o755);
  expect(await start(other.file('cm'), '{ port: 0 }')).toMatch(/^1 DATA_FOLDER: .*chmod 700/);
});

test('the logs of a manager hold no secret, and SIGTERM ends it with exit code 0', async () => {
  expect(await cm.stop()).toBe(0);
  const key = (await readFile(folder.file('store.key'), 'utf8')).trim();
  expect(cm.output).not.toContain(password);
  expect(cm.output).not.toContain(key);
});
