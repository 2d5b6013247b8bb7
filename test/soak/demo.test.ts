import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { demoMain, expectSignalEndsDemo, lastLine, runIn } from '../examples/demo-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

test('the demo ends equal after a minute of 300 transactions a second', async () => {
  await using folder = await temporaryFolder('tmp');
  const args = ['--seconds', '60', '--rate', '300'];
  const { code, stdout, stderr } = await runIn(folder.path, demoMain, args, 300_000);
  expect(stderr).toBe('');
  const result = lastLine(stdout) as { transactions: number };
  expect(result).toMatchObject({ demo: 'ok', sourceEqualsTarget: true });
  // A slow machine may not write so many; a load that stops half way is another thing.
  expect(result.transactions).toBeGreaterThan(2_000);
  expect(code).toBe(0);
  expect(await readdir(folder.path)).toEqual([]);
});

test.each(['SIGHUP', 'SIGTERM'] as const)('%s in the middle of the demo ends everything', async (signal) => {
  await using folder = await temporaryFolder('tmp');
  await expectSignalEndsDemo(folder.path, signal);
});
