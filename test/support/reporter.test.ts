import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a project of one test file with our reporter; what it prints, in lines. */
async function linesOf(source: string): Promise<readonly string[]> {
  // Within the packages, so that vitest is found; not within test, so that nobody else runs it.
  const cache = join(root, 'node_modules', '.cache', 'drc');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'reporter-'));
  try {
    const reporter = JSON.stringify(join(root, 'test', 'support', 'reporter.ts'));
    await writeFile(
      join(folder, 'vitest.config.ts'),
      `import { TotalsReporter } from ${reporter};
       export default { root: ${JSON.stringify(folder)}, test: { reporters: ['default', new TotalsReporter()], include: ['a.test.ts'], exclude: [] } };`,
    );
    await writeFile(
      join(folder, 'a.test.ts'),
      `import { beforeAll, describe, test } from 'vitest';\n${source}`,
    );
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const run = promisify(execFile)(process.execPath, [vitest, 'run'], { cwd: folder });
    const { stdout } = await run.catch((error: unknown) => error as { stdout: string });
    return stdout.trimEnd().split('\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const lastLine = async (source: string): Promise<string | undefined> => (await linesOf(source)).at(-1);

test('passed, failed, skipped and unfinished tests are counted', async () => {
  const source = `
    test('a', () => undefined);
    test('b', () => { throw new Error('b'); });
    test.skip('c', () => undefined);
    test.todo('d');
    test.fails('e', () => { throw new Error('e'); });`;
  expect(await lastLine(source)).toBe('2 passed, 1 failed, 2 skipped');
});

test('failures outside of tests are failures', async () => {
  expect(await lastLine(`throw new Error('at import');`)).toBe('0 passed, 1 failed');
  expect(await lastLine(`test('a', () => { void Promise.reject(new Error('late')); });`)).toBe(
    '1 passed, 1 failed',
  );
  const hook = `describe('s', () => { beforeAll(() => { throw new Error('hook'); }); test('a', () => undefined); });`;
  expect(await lastLine(hook)).toMatch(/^0 passed, [1-9] failed/);
});

test('what failed is named right before the totals, with the reason', async () => {
  const source = `
    describe('s', () => { test('b', () => { throw new Error('why\\nand how'); }); test('c', () => undefined); });
    test.fails('d', () => { throw new Error('d'); });`;
  expect((await linesOf(source)).slice(-2)).toEqual(['failed: a.test.ts > s > b: why', '2 passed, 1 failed']);
  expect((await linesOf(`throw new Error('at import');`)).slice(-2)).toEqual([
    'failed: a.test.ts: at import',
    '0 passed, 1 failed',
  ]);
});

test('what passed only when it was tried again is named, too', async () => {
  const source = `
    let times = 0;
    test('a', { retry: 1 }, () => { times += 1; if (times < 2) throw new Error('once'); });`;
  expect((await linesOf(source)).slice(-2)).toEqual(['flaky: a.test.ts > a: once', '1 passed, 0 failed']);
});

test('what is skipped is named right before the totals, a whole suite by its own name', async () => {
  const source = `
    describe('on one server', () => { test('a', () => undefined); test.skip('b, pending: c', () => undefined); });
    describe.skip('on another', () => { describe('s', () => { test('a', () => undefined); }); test('b', () => undefined); });`;
  expect((await linesOf(source)).slice(-3)).toEqual([
    'skipped: a.test.ts > on one server > b, pending: c',
    'skipped: a.test.ts > on another (2 tests)',
    '1 passed, 0 failed, 3 skipped',
  ]);
});

test('what a skipped suite skips again is skipped, not unfinished', async () => {
  const source = `
    describe.skip('on one server', () => { describe.skip('to itself', () => { test('a', () => undefined); }); });
    test('b', () => undefined);`;
  expect((await linesOf(source)).slice(-2)).toEqual([
    'skipped: a.test.ts > on one server',
    '1 passed, 0 failed, 1 skipped',
  ]);
});
