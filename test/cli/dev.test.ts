import { spawn } from 'node:child_process';
import { chmod, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorTable } from '@drc/protocol';
import { freePort } from '../support/free-port.js';
import { startMariadb, startServer } from '../support/database-server.js';
import { onEachServer } from '../support/on-each-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { runCommand, startCommand } from './support/command.js';
import { addReplicaUser, devArguments, replicaUser, startDev } from './support/dev-hub.js';

onEachServer('the source', (flavour) => {
  test('drc dev checks the source, prints a banner, and what it names works', async () => {
    await using source = await startServer(flavour);
    await source.query(
      'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)',
    );
    await using hub = await startDev(source);
    expect(hub.manager).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(hub.store).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);

    // The very command of the banner, beside the folder.
    const [, line] = /npx --no -- drc (.*)/.exec(hub.command.stdout)!;
    const tailed = await runCommand([...line!.split(' '), '--count', '3'], { cwd: hub.folder.path });
    expect(tailed.stderr).toBe('');
    expect(
      tailed.stdout
        .split('\n')
        .filter(Boolean)
        .map((text) => (JSON.parse(text) as { kind: string }).kind),
    ).toEqual(['ddl', 'ddl', 'insert']);

    const topics = await runCommand(['topics', '--manager', hub.manager, '--user', 'dev'], {
      env: { DRC_PASSWORD: hub.password },
    });
    expect(topics).toEqual({ code: 0, stdout: 'shop\t1\n', stderr: '' });

    const metrics = /metrics +(\S+)/.exec(hub.command.stdout)![1]!;
    expect(await (await fetch(metrics)).text()).toContain(
      'drc_store_capture_state{state="streaming",topic="shop"} 1',
    );

    expect(await hub.command.stop()).toBe(0);
    expect(hub.command.stderr).toBe('');
  });

  test('a password in the URL works, with a warning, and is shown nowhere', async () => {
    await using source = await startServer(flavour);
    await addReplicaUser(source);
    await using folder = await temporaryFolder('dev');
    const { user, password } = replicaUser;
    const url = `mysql://${user}:${encodeURIComponent(password)}@127.0.0.1:${source.port}/shop`;
    await using command = startCommand(['dev', '--source', url, '--port', '0', '--store-port', '0'], {
      cwd: folder.path,
      env: { DRC_LOG_LEVEL: 'trace' },
    });
    await command.prints('drc tail shop');
    expect(command.stderr).toContain('Warning: a password on the command line can be seen by other users');
    const seen = [
      await readFile(`/proc/${command.child.pid}/cmdline`, 'utf8'),
      command.output,
      await filesOf(folder.path),
    ].join('\n');
    await command.stop();
    for (const form of [password, encodeURIComponent(password)])
      expect(seen + command.output).not.toContain(form);
  });
});

async function filesOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return (
    await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')))
  ).join('\n');
}

test('without a password and without a terminal to ask on, drc dev says how to give one', async () => {
  await using folder = await temporaryFolder('dev');
  const { code, stderr, stdout } = await runCommand(devArguments({ port: 3306 }), { cwd: folder.path });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe(
    'CONFIG_INVALID: A secret is missing: set DRC_SOURCE_PASSWORD, or run on a terminal to be asked.\n',
  );
});

test('on a terminal drc dev asks for the password, and does not show what is typed', async () => {
  await using source = await startMariadb();
  await addReplicaUser(source);
  await using folder = await temporaryFolder('dev');
  const drc = join(import.meta.dirname, '../../cli/bin/drc.js');
  // exec: a shell in between may answer Ctrl-C itself, and which shell script(1) takes the environment decides.
  const line = [
    'exec',
    process.execPath,
    drc,
    ...devArguments({ port: source.port, user: replicaUser.user }),
  ].join(' ');
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: folder.path,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  try {
    await expect.poll(() => shown, { timeout: 30_000 }).toContain('Password for repl@127.0.0.1');
    child.stdin.write(`${replicaUser.password}\r`);
    await expect.poll(() => shown, { timeout: 30_000 }).toContain('drc tail shop');
    child.stdin.write('\u0003');
    expect(await ended).toBe(0);
  } finally {
    child.kill();
  }
  expect(shown).not.toContain(replicaUser.password);
});

test('a wrong source is refused with exit code 2, and not repeated', async () => {
  await using folder = await temporaryFolder('dev');
  const args = ['dev', '--source', 'mysql://me:se%cret@localhost'];
  const { code, stderr } = await runCommand(args, { cwd: folder.path });
  expect(code).toBe(2);
  expect(stderr).toMatch(/write %25/);
  expect(stderr).not.toContain('cret');
});

test('a source that lacks settings gets all of them listed, with the statements to run', async () => {
  await using source = await startMariadb({
    args: ['--binlog-format=STATEMENT', '--binlog-row-image=MINIMAL', '--binlog-row-metadata=NO_LOG'],
  });
  await using folder = await temporaryFolder('dev');
  const env = { DRC_SOURCE_PASSWORD: '' };
  const { code, stdout, stderr } = await runCommand(devArguments(source), { cwd: folder.path, env });
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: '',
    stderr: `SOURCE_CONFIG: The source cannot be captured yet.
  - binlog_format is STATEMENT, not ROW
    SET GLOBAL binlog_format = 'ROW';
  - binlog_row_image is MINIMAL, not FULL
    SET GLOBAL binlog_row_image = 'FULL';
  - binlog_row_metadata is NO_LOG, not FULL
    SET GLOBAL binlog_row_metadata = 'FULL';
  ${errorTable.SOURCE_CONFIG.advice}
`,
  });
  expect(errorTable.SOURCE_CONFIG.advice).toMatch(
    /option file.*\[mysqld\].*Sessions opened before.*drc doctor/,
  );

  // What it prints is what helps.
  for (const [, statement] of stderr.matchAll(/^ {4}(.*;)$/gm)) await source.query(statement!);
  await using command = startCommand(devArguments(source), { cwd: folder.path, env });
  await command.prints('drc tail shop');
});

test('a user without the rights to replicate is told the GRANT to run', async () => {
  await using source = await startMariadb();
  await using folder = await temporaryFolder('dev');
  const { user, password } = source.plainUser;
  const args = devArguments({ port: source.port, user });
  const env = { DRC_SOURCE_PASSWORD: password };
  const { code, stderr } = await runCommand(args, { cwd: folder.path, env });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^SOURCE_PRIVILEGE: The source cannot be captured yet\.\n {2}- .* lacks .*\n {4}GRANT .* TO .*;\n/,
  );

  for (const [, grant] of stderr.matchAll(/^ {4}(GRANT .*;)$/gm)) await source.query(grant!);
  await using command = startCommand(args, { cwd: folder.path, env });
  await command.prints('drc tail shop');
});

test('a wrong password, and a source that does not answer, end drc dev with their codes', async () => {
  await using source = await startMariadb();
  await using folder = await temporaryFolder('dev');
  const wrong = await runCommand(devArguments({ port: source.port, user: 'plain' }), {
    cwd: folder.path,
    env: { DRC_SOURCE_PASSWORD: 'not-this-one' },
  });
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toMatch(/^SOURCE_AUTH: [^\n]*\n {2}[^\n]*\n$/);
  expect(wrong.stderr).not.toContain('not-this-one');
  expect(wrong.stderr).not.toMatch(/again/);

  const away = await runCommand(devArguments({ port: await freePort() }), {
    cwd: folder.path,
    env: { DRC_SOURCE_PASSWORD: '' },
  });
  expect(away.code).toBe(1);
  expect(away.stderr).toMatch(/^SOURCE_UNREACHABLE: [^\n]*\n {2}[^\n]*\n$/);
  expect(away.stderr).not.toMatch(/again|goes on/);

  // Neither attempt began a log: its beginning can still be chosen.
  await using right = startCommand([...devArguments(source), '--start', 'now'], {
    cwd: folder.path,
    env: { DRC_SOURCE_PASSWORD: '' },
  });
  await right.prints('drc tail shop');
  expect(right.stderr).not.toContain('--start is for');
  await right.stop();
});

test('a port in use, a folder in use and a folder of another source end drc dev with their codes', async () => {
  await using source = await startMariadb();
  await using other = await startMariadb({ serverId: 7 });
  await using hub = await startDev(source);
  const env = { DRC_SOURCE_PASSWORD: '' };
  const cwd = hub.folder.path;

  const port = new URL(hub.manager).port;
  const taken = await runCommand([...devArguments(source), '--data', 'second', '--port', port], { cwd, env });
  expect(taken.code).toBe(1);
  expect(taken.stderr).toBe(
    `PORT_IN_USE: 127.0.0.1:${port} is in use.\n  Stop the process that listens there, or set --port; 0 takes a free port.\n`,
  );
  const storePort = new URL(hub.store).port;
  const takenStore = await runCommand(
    [...devArguments(source), '--data', 'third', '--store-port', storePort],
    { cwd, env },
  );
  expect(takenStore.code).toBe(1);
  expect(takenStore.stderr).toBe(
    `PORT_IN_USE: 127.0.0.1:${storePort} is in use.\n  Stop the process that listens there, or set --store-port; 0 takes a free port.\n`,
  );

  const locked = await runCommand(devArguments(source), { cwd, env });
  expect(locked.code).toBe(1);
  expect(locked.stderr).toMatch(/^DATA_FOLDER: .*\n/);

  expect(await hub.command.stop()).toBe(0);
  const changed = await runCommand(devArguments(other), { cwd, env });
  expect(changed.code).toBe(1);
  expect(changed.stderr).toMatch(/^SOURCE_CHANGED: .*\n/);

  expect(changed.stderr).toContain(
    'The folder is drc-data/topics/shop: remove it to begin anew, or name another one',
  );

  const noFolder = await runCommand([...devArguments(source), '--data', '/dev/null/x'], { cwd, env });
  expect(noFolder.code).toBe(1);
  expect(noFolder.stderr).toMatch(/^DATA_FOLDER: .*\n/);
});

test('a folder with something else in it is refused and left alone', async () => {
  await using folder = await temporaryFolder('dev');
  await writeFile(folder.file('letter.txt'), 'Dear Anna');
  await chmod(folder.path, 0o755);
  const { code, stderr } = await runCommand([...devArguments({ port: 1 }), '--data', folder.path], {
    cwd: folder.path,
    env: { DRC_SOURCE_PASSWORD: '' },
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^DATA_FOLDER: .* is not empty, and not of drc dev\. Name another folder with --data/,
  );
  expect(await readdir(folder.path)).toEqual(['letter.txt']);
  expect((await stat(folder.path)).mode & 0o777).toBe(0o755);
});

test('a statement in the binlog ends drc dev with the ways out, and each of them works', async () => {
  await using source = await startMariadb();
  await source.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)');
  await source.query("SET SESSION binlog_format = 'STATEMENT'; INSERT INTO shop.t VALUES (1)");
  await source.query('INSERT INTO shop.t VALUES (2)');
  await using folder = await temporaryFolder('dev');
  const options = { cwd: folder.path, env: { DRC_SOURCE_PASSWORD: '' } };
  await using stopped = startCommand(devArguments(source), options);
  // Readers may have been let in by then: the log goes on being served.
  await stopped.prints(
    /--ignore-statements schema\.table.*remove drc-data\/topics\/shop, and start with --start now/,
  );
  await stopped.stop();

  await using ignoring = startCommand([...devArguments(source), '--ignore-statements', 'shop.*'], options);
  await ignoring.prints('drc tail shop');
  const tailed = await runCommand(['tail', 'shop', '--from', 'earliest', '--count', '3'], options);
  expect(tailed.stdout).toMatch(/"after":\{"id":2\}/);
  expect(await ignoring.stop()).toBe(0);

  await using noted = startCommand([...devArguments(source), '--start', 'now'], options);
  await noted.prints('Note: --start is for an empty log. drc-data/topics/shop goes on where it was');
  await noted.stop();

  await rm(folder.file('drc-data', 'topics', 'shop'), { recursive: true });
  await using anew = startCommand([...devArguments(source), '--start', 'now'], options);
  // The log begins now: the banner names a moment that it has.
  await anew.prints('drc tail shop --from earliest');
  await source.query('INSERT INTO shop.t VALUES (3)');
  const [first] = (
    await runCommand(['tail', 'shop', '--from', 'earliest', '--count', '1'], options)
  ).stdout.split('\n');
  expect(first).toContain('"after":{"id":3}');
  const old = await runCommand(['tail', 'shop', '--from', '-15m'], options);
  expect(old.code).toBe(1);
  expect(old.stderr).toMatch(
    /^RETENTION_EXPIRED: [^\n]*\n {2}The oldest moment left is reached with --from earliest, or --from 2/m,
  );
});

test('a binlog that is gone ends drc dev with the folder to remove', async () => {
  await using source = await startMariadb();
  await using hub = await startDev(source);
  await hub.command.stop();
  await source.query('FLUSH BINARY LOGS; FLUSH BINARY LOGS');
  const logs = (await source.query('SHOW BINARY LOGS')) as { Log_name: string }[];
  await source.query(`PURGE BINARY LOGS TO '${logs.at(-1)!.Log_name}'`);
  const { code, stderr } = await runCommand(devArguments(source), {
    cwd: hub.folder.path,
    env: { DRC_SOURCE_PASSWORD: '' },
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^BINLOG_PURGED: [^\n]*\n {2}.*To begin anew, remove drc-data\/topics\/shop;/);
});

test('a moment to start at that is none is refused', async () => {
  await using folder = await temporaryFolder('dev');
  const options = { cwd: folder.path, env: { DRC_SOURCE_PASSWORD: '' } };
  const wrong = await runCommand([...devArguments({ port: 1 }), '--start', 'soon'], options);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/capture\.start: must be retention, now/);
});

test('what is excluded is not captured', async () => {
  await using source = await startMariadb();
  await source.query(
    'CREATE DATABASE shop; CREATE TABLE shop.secret (id INT PRIMARY KEY); CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.secret VALUES (1); INSERT INTO shop.t VALUES (2)',
  );
  await using hub = await startDev(source, ['--exclude', 'shop.secret', '--start', '-2h']);
  const { stdout } = await runCommand(['tail', 'shop', '--from', 'earliest', '--count', '3'], {
    cwd: hub.folder.path,
  });
  expect(stdout).toContain('"id":2');
  expect(stdout).not.toContain('secret');
});

test('a source that comes back is told in one line', async () => {
  await using source = await startMariadb();
  await using hub = await startDev(source);
  await source.kill('SIGKILL');
  await hub.command.prints('capture waits');
  expect(hub.command.stderr).not.toContain('source connected');
  await source.restart();
  await hub.command.prints('source connected');
  expect(hub.command.stderr.match(/source connected/g)).toHaveLength(1);
});

test('drc dev started again goes on in its folder, and a tail from -15m still finds everything', async () => {
  await using source = await startMariadb();
  await source.query(
    'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)',
  );
  await using hub = await startDev(source);
  await hub.command.stop();
  await source.query('INSERT INTO shop.t VALUES (2)');
  await using again = startCommand(devArguments(source), {
    cwd: hub.folder.path,
    env: { DRC_SOURCE_PASSWORD: '' },
  });
  await again.prints('drc tail shop');
  const { stdout } = await runCommand(
    ['tail', 'shop', '--from', '-15m', '--count', '3', '--table', 'shop.t'],
    { cwd: hub.folder.path },
  );
  expect(stdout).toContain('"id":1');
});

test('a wrong topic or table pattern is refused before anything is made', async () => {
  await using folder = await temporaryFolder('dev');
  const env = { DRC_SOURCE_PASSWORD: '' };
  const args = ['dev', '--source', 'mysql://me@127.0.0.1', '--topic', '../x', '--tables', 'nodot'];
  const { code, stderr } = await runCommand(args, { cwd: folder.path, env });
  expect(code).toBe(2);
  expect(stderr).toMatch(/- topic: must be letters/);
  expect(stderr).toMatch(/- capture\.include\.0: must read schema\.table/);
  expect(await filesOf(folder.path)).toBe('');
});
