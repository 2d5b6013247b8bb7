/**
 * What .ci/run does: the long tests, then `npm test` as a user of another time zone has it. The last line is the sum
 * of both, behind the names of what failed, were it once; the exit code is 1 where either has failed.
 */
import { checkNode, runMain } from './setup.mjs';
import { showLines } from './show-lines.mjs';
import { addTotals, parseTotals, totalsLine, totalsOf } from './totals.mjs';

/** West of Greenwich, with a summer time: what depends on the zone of the process differs from UTC. */
const zone = 'America/New_York';

/** Lines of the reporter that name a failure, or a test that passed only when it was tried again. */
const failures = [];

await runMain(async () => {
  checkNode();
  const soak = await run('npm run test:soak', ['run', 'test:soak']);
  const main = await run(`npm test, in ${zone}`, ['test'], { TZ: zone });
  const total = addTotals(soak, main);
  for (const line of failures) console.log(line);
  process.exitCode = total.failed > 0 ? 1 : 0;
  console.log(totalsLine(total));
});

async function run(title, args, environment = {}) {
  console.log(`== ${title}`);
  const begun = Date.now();
  let counted;
  const code = await showLines('npm', args, {
    environment: { ...process.env, ...environment },
    show(line) {
      counted = parseTotals(line) ?? counted;
      if (/^(failed|flaky): /.test(line)) failures.push(line);
      console.log(line);
    },
  });
  console.log(`== ${title}: exit code ${code} after ${Math.round((Date.now() - begun) / 1000)} s`);
  return totalsOf(counted, code);
}
