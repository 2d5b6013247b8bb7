import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runCommand, startCommand } from '../cli/support/command.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { demoMain as main, expectSignalEndsDemo, lastLine, processesIn, runIn } from './demo-process.js';

const tampered = fileURLToPath(new URL('demo-tampered.mjs', import.meta.url));

test('the demo ends equal, its last line is its result, and nothing stays behind', async () => {
  await using folder = await temporaryFolder('tmp');
  const { code, stdout, stderr } = await runIn(folder.path, main, ['--seconds', '4', '--rate', '100']);
  expect(stderr).toBe('');
  expect(lastLine(stdout)).toEqual({
    demo: 'ok',
    transactions: expect.any(Number) as number,
    rows: expect.any(Number) as number,
    lagP50Ms: expect.any(Number) as number,
    lagP99Ms: expect.any(Number) as number,
    applyLagP50Ms: expect.any(Number) as number,
    sourceEqualsTarget: true,
  });
  expect(stdout).toMatch(/^ +\d+ s +\d+ transactions, \d+ rows,/m);
  expect(stdout).toMatch(/shop\.orders +[1-9]\d* rows {2}equal/);
  expect(code).toBe(0);
  expect(await readdir(folder.path)).toEqual([]);
});

test('one row changed by hand on the target makes the demo fail, and is shown', async () => {
  await using folder = await temporaryFolder('tmp');
  const { code, stdout } = await runIn(folder.path, tampered, []);
  expect(lastLine(stdout)).toMatchObject({ demo: 'failed', sourceEqualsTarget: false });
  expect(stdout).toMatch(/shop\.products +200 rows {2}DIFFERENT/);
  expect(stdout).toMatch(/shop\.products 7: source .*, target /);
  expect(code).toBe(1);
});

test('Ctrl-C in the middle ends everything', async () => {
  await using folder = await temporaryFolder('tmp');
  await expectSignalEndsDemo(folder.path, 'SIGINT');
});

test('kill -9 of the demo leaves neither processes nor folders', async () => {
  await using folder = await temporaryFolder('tmp');
  await using demo = startCommand(['--seconds', '60'], { program: main, env: { TMPDIR: folder.path } });
  await demo.prints(/\d+ transactions/);
  // What the demo starts works in its folder, or is told of it.
  const running = await processesIn(folder.path);
  expect(running.length).toBeGreaterThanOrEqual(6);
  await demo.stop('SIGKILL');
  await expect.poll(() => readdir(folder.path), { timeout: 30_000 }).toEqual([]);
  await expect.poll(() => processesIn(folder.path), { timeout: 30_000 }).toEqual([]);
});

test('--keep leaves all of it running, and what it prints can be tried', async () => {
  await using folder = await temporaryFolder('tmp');
  await using demo = startCommand(['--seconds', '1', '--rate', '50', '--keep'], {
    program: main,
    env: { TMPDIR: folder.path },
  });
  const [, manager, token, line] = await demo.prints(
    /DRC_MANAGER=(\S+) DRC_TOKEN=(\S+) npx --no -- drc (.*)/,
  );
  const tail = await runCommand([...line!.split(' '), '--count', '3'], {
    cwd: tmpdir(),
    env: { DRC_MANAGER: manager!, DRC_TOKEN: token! },
  });
  expect(tail.code).toBe(0);
  expect(tail.stdout.trim().split('\n')).toHaveLength(3);
  expect(await demo.stop('SIGINT'), demo.stdout + demo.stderr).toBe(0);
  expect(lastLine(demo.stdout)).toMatchObject({ demo: 'ok' });
  expect(await readdir(folder.path)).toEqual([]);
});

test.each([[['--seconds', 'x']], [['--rate', '0']], [['--second', '1']], [['more']]])(
  '%j is refused with exit code 2',
  async (args) => {
    const { code, stdout, stderr } = await runCommand(args, { program: main });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toMatch(/^ +at /m);
  },
);

test('--help says what the demo does', async () => {
  const { code, stdout } = await runCommand(['--help'], { program: main });
  expect(code).toBe(0);
  expect(stdout).toContain('npm run demo -- --seconds 60 --rate 1000');
});
