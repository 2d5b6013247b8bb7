/**
 * npm test: set-up, format, lint, types, tests. The last line is `N passed, N failed`; `, N skipped` may follow, and
 * then the lines before it name what was skipped.
 * Arguments go to vitest (`npm test -- test/protocol`); then only types and the tests named are checked.
 * npm run test:soak (`--soak` comes first): set-up, types, and the tests that take long.
 */
import { join } from 'node:path';
import {
  build,
  capture,
  checkNode,
  installPackages,
  provideServers,
  provideTools,
  root,
  runMain,
} from './setup.mjs';
import { showLines } from './show-lines.mjs';
import { addTotals, noTests, parseTotals, totalsLine, totalsOf } from './totals.mjs';

const program = (name) => join(root, 'node_modules', '.bin', name);

const checks = {
  format: () => capture(program('prettier'), ['--check', '--log-level', 'warn', '.']),
  lint: () => capture(program('oxlint'), ['--type-aware', '--deny-warnings']),
  types: build,
};

await runMain(async () => {
  const isSoak = process.argv[2] === '--soak';
  const filters = process.argv.slice(isSoak ? 3 : 2);
  checkNode();
  await installPackages();
  // Types come first: they build what lint and the processes that tests start need.
  const names = filters.length === 0 && !isSoak ? ['types', 'format', 'lint'] : ['types'];
  let total = noTests;
  for (const name of names) total = addTotals(total, await runCheck(name));
  await provideServers();
  await provideTools();
  total = addTotals(total, await runTests(isSoak, filters));
  process.exitCode = total.failed > 0 ? 1 : 0;
  console.log(totalsLine(total));
});

async function runCheck(name) {
  const { code, output } = await checks[name]();
  const ok = code === 0;
  console.log(`${ok ? '✓' : '✗'} ${name}`);
  if (!ok) console.log(output.trimEnd());
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

/** Passes on what vitest prints, but for the totals that the reporter ends with: these are added to ours. */
async function runTests(isSoak, filters) {
  const colours = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  const long = isSoak ? { DRC_TEST_LONG: '1' } : {};
  let counted;
  // Those of vitest.config.ts.
  const projects = (isSoak ? ['soak'] : ['shared', 'alone']).map((name) => `--project=${name}`);
  const code = await showLines(program('vitest'), ['run', ...projects, ...filters], {
    environment: { ...colours, ...process.env, ...long },
    show(line) {
      const counts = parseTotals(line);
      if (counts === undefined) console.log(line);
      else counted = counts;
    },
  });
  return totalsOf(counted, code);
}
