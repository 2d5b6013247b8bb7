import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';

const ciRun = fileURLToPath(new URL('../../.ci/run', import.meta.url));

interface Ended {
  readonly code: number;
  readonly lines: readonly string[];
}

/** Runs .ci/run with an npm that does as it is told for `test:soak` and for `test`: lines of a shell script. */
async function runCi(soak: string, main: string): Promise<Ended> {
  await using folder = await temporaryFolder('ci');
  const npm = folder.file('npm');
  await writeFile(npm, `#!/bin/sh\ncase "$*" in\n'run test:soak')\n${soak};;\ntest)\n${main};;\nesac\n`);
  await chmod(npm, 0o755);
  // No more than that: SHELL, for example, is not everywhere.
  const env = {
    HOME: folder.path,
    PATH: [folder.path, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
  };
  const run = promisify(execFile)('bash', [ciRun], { env });
  const { code, stdout } = await run.then(
    (ended) => ({ code: 0, stdout: ended.stdout }),
    (error: unknown) => error as { code: number; stdout: string },
  );
  return { code, lines: stdout.trimEnd().split('\n') };
}

test('the long tests run first, then npm test in another time zone; the last line is the sum of both', async () => {
  const require = 'echo "$CI $DRC_REQUIRE_SERVERS $DRC_REQUIRE_STRACE"';
  const { code, lines } = await runCi(
    `${require}; echo "zone $TZ"; echo 20 passed, 0 failed, 2 skipped`,
    `${require}; echo "zone $TZ"; echo 300 passed, 0 failed`,
  );
  expect(code).toBe(0);
  expect(lines.filter((line) => !line.startsWith('=='))).toEqual([
    'true mariadb,mysql,zookeeper 1',
    'zone ',
    '20 passed, 0 failed, 2 skipped',
    'true mariadb,mysql,zookeeper 1',
    'zone America/New_York',
    '300 passed, 0 failed',
    '320 passed, 0 failed, 2 skipped',
  ]);
});

test.each([
  ['the long tests fail', 'echo 3 passed, 2 failed; exit 1', 'echo 5 passed, 0 failed', '8 passed, 2 failed'],
  ['npm test fails', 'echo 3 passed, 0 failed', 'echo 5 passed, 1 failed; exit 1', '8 passed, 1 failed'],
  ['one ends without a word', 'exit 1', 'echo 5 passed, 0 failed', '5 passed, 1 failed'],
  [
    'one ends badly after its line',
    'echo 3 passed, 0 failed',
    'echo 5 passed, 0 failed; exit 3',
    '8 passed, 1 failed',
  ],
])('where %s, the whole fails, and the other one runs, too', async (_title, soak, main, last) => {
  const { code, lines } = await runCi(soak, main);
  expect([code, lines.at(-1)]).toEqual([1, last]);
});
