/**
 * npm test: set-up, format, lint, types, tests. The last line is `N passed, N failed`; `, N skipped` may follow, and
 * then the lines before it name what was skipped.
 * Arguments go to vitest (`npm test -- test/protocol`); then only types and the tests named are checked.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, capture, checkNode, installPackages, provideServers, root, runMain } from './setup.mjs';

const program = (name) => join(root, 'node_modules', '.bin', name);

const checks = {
  format: () => capture(program('prettier'), ['--check', '--log-level', 'warn', '.']),
  lint: () => capture(program('oxlint'), ['--type-aware', '--deny-warnings']),
  types: build,
};

await runMain(async () => {
  const filters = process.argv.slice(2);
  checkNode();
  await installPackages();
  // Types come first: they build what lint and the processes that tests start need.
  const names = filters.length === 0 ? ['types', 'format', 'lint'] : ['types'];
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const name of names) add(total, await runCheck(name));
  await provideServers();
  add(total, await runTests(filters));
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  process.exitCode = total.failed > 0 ? 1 : 0;
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
});

function add(total, part) {
  total.passed += part.passed;
  total.failed += part.failed;
  total.skipped += part.skipped;
}

async function runCheck(name) {
  const { code, output } = await checks[name]();
  const ok = code === 0;
  console.log(`${ok ? '✓' : '✗'} ${name}`);
  if (!ok) console.log(output.trimEnd());
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

/** Passes on what vitest prints, but for the totals that the reporter ends with: these are added to ours. */
async function runTests(filters) {
  const colours = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  const child = spawn(program('vitest'), ['run', ...filters], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...colours, ...process.env },
  });
  let counted;
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const counts = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(line);
      if (counts === null) console.log(line);
      else counted = { passed: +counts[1], failed: +counts[2], skipped: +(counts[3] ?? 0) };
    }
  });
  const code = await new Promise((resolve) => {
    child.once('error', (error) => {
      console.log(String(error));
      resolve(127);
    });
    child.once('close', (exitCode) => resolve(exitCode ?? 1));
  });
  if (rest !== '') console.log(rest);
  const result = counted ?? { passed: 0, failed: 0, skipped: 0 };
  // No test found, a crash before the end, an error outside of all tests: never green.
  return code !== 0 && result.failed === 0 ? { ...result, failed: 1 } : result;
}
