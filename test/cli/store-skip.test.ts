import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer, startMariadb } from '../support/database-server.js';
import { newestId } from '../support/gtid.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { type Finished, type RunningCommand, runCommand, startCommand } from './support/command.js';

let source: DatabaseServer;
let folder: TemporaryFolder;
let cm: RunningCommand;
let manager: string;
let clientKey: string;
/** The transaction that was written as a statement. */
let lost: string;

const env = { DRC_SOURCE_PASSWORD: '' };
const run = (...args: readonly string[]): Promise<Finished> => runCommand(args, { cwd: folder.path, env });
const skip = (...args: readonly string[]): Promise<Finished> =>
  run('store', 'skip', '--config', 'store.yaml', ...args);
const tail = (...args: readonly string[]): Promise<Finished> =>
  runCommand(
    ['tail', 'shop', '--manager', manager, '--from', 'earliest', '--table', 'shop.t', '--json', ...args],
    { cwd: folder.path, env: { DRC_MACHINE_KEY: clientKey } },
  );

async function startStore(until: string): Promise<RunningCommand> {
  const store = startCommand(['store', 'start', '--config', 'store.yaml'], { cwd: folder.path, env });
  await store.prints(until);
  return store;
}

beforeAll(async () => {
  source = await startMariadb();
  folder = await temporaryFolder('skip');
  await source.query(
    'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)',
  );
  await run('cm', 'init', '--data', 'cm');
  const keys = await run('cm', 'machine-key', '--data', 'cm', '--topics', 'shop');
  await writeFile(folder.file('store.key'), keys.stdout, { mode: 0o600 });
  clientKey = (await run('cm', 'machine-key', '--data', 'cm', '--client', '--topics', 'shop')).stdout.trim();
  await writeFile(folder.file('cm.yaml'), 'directory: ./cm\nlisten: { port: 0 }\nadmin: { port: 0 }\n');
  cm = startCommand(['cm', 'start', '--config', 'cm.yaml'], { cwd: folder.path });
  manager = (await cm.prints(/"url":"(\S+?)"/))[1]!;
  await writeFile(
    folder.file('store.yaml'),
    `topic: shop
directory: ./store
source: { host: 127.0.0.1, port: ${source.port}, user: root }
log: { reserve: 0 }
listen: { port: 0 }
admin: { port: 0 }
clusterManagers: [${manager}]
machineKeyFile: ./store.key
`,
  );
  await source.query("SET SESSION binlog_format = 'STATEMENT'; INSERT INTO shop.t VALUES (2)");
  lost = await newestId(source);
  await source.query('INSERT INTO shop.t VALUES (3)');
});

afterAll(async () => {
  await cm?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
  await source?.stop();
});

test('what stops capture is shown, left out with --apply, and acknowledged by readers', async () => {
  expect(await skip()).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^DATA_FOLDER: There is no log in \S*store/) as string,
  });
  {
    await using store = await startStore('"code":"STATEMENT_EVENT"');
    const refused = await skip('--transaction', lost);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^LOG_LOCKED: .*\n {2}The store of \S*store runs\. Stop it, /);
    expect(await store.stop()).toBe(0);
  }

  const shown = await skip();
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  expect(shown.stdout).toContain(
    `Capture of shop stops in front of transaction ${lost}:\n  STATEMENT_EVENT: `,
  );
  expect(shown.stdout).toMatch(/^ {2}tables {5}shop\.t$/m);
  expect(shown.stdout).toMatch(/^ {2}binlog {5}binlog\.\d+:\d+ to binlog\.\d+:\d+, \d+ bytes$/m);
  const typed = `drc store skip --config store.yaml --transaction ${lost} --reason 'why' --apply`;
  expect(shown.stdout).toContain(`Nothing was changed. To leave it out for good:\n  ${typed}\n`);

  const done = await skip('--transaction', lost, '--reason', "Anna's batch job", '--apply');
  expect(done).toMatchObject({ code: 0, stderr: '' });
  expect(done.stdout).toContain(`Transaction ${lost} was left out of shop:`);
  expect(done.stdout).toContain(`go on once they acknowledge ${lost}.`);

  await using store = await startStore('"store started"');
  const stopped = await tail();
  expect(stopped.code).toBe(1);
  expect(stopped.stdout).toContain('"after":{"id":1}');
  expect(stopped.stderr).toContain(
    `GAP: Transaction ${lost}, with changes of shop.t, was left out: Anna's batch job`,
  );
  expect(stopped.stderr).toContain('--acknowledge-gap');
  const acknowledged = await tail('--acknowledge-gap', lost, '--count', '4');
  expect(acknowledged).toMatchObject({ code: 0, stderr: '' });
  expect(acknowledged.stdout).toContain('"after":{"id":3}');
  expect(acknowledged.stdout).not.toContain('"after":{"id":2}');
  expect(await store.stop()).toBe(0);
});

test('what cannot be meant is refused before anything is opened', async () => {
  expect(await skip('--apply')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      '--apply needs --transaction: the one that is meant; --apply needs --reason',
    ) as string,
  });
  const wrongs = ['--transaction', 'the last', '--tables', 'shop.*', '--reason', 'x'.repeat(501)];
  const { code, stderr } = await skip(...wrongs);
  expect(code).toBe(2);
  for (const fault of ['reason has at most 500 characters', 'the last is no id', 'shop.* is no name'])
    expect(stderr).toContain(fault);
  const wrong = await tail('--acknowledge-gap', 'the last');
  expect(wrong).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^CONFIG_INVALID: --acknowledge-gap the last is no id/) as string,
  });
});
