// A congo from the build, for tests that kill it:
//   congo-main.mjs <JSON: { clusterManager, machineKey, target, point?, times? }>
// With `point` it kills itself the times-th time that it comes by that point. Prints a line for each of: `applying` (once),
// `point <name>` (it has come to the point), `failed <code>`.
import { writeSync } from 'node:fs';
import { connect } from '@drc/client-sdk';
import { Congo } from '@drc/client-sdk/congo';

const { clusterManager, machineKey, target, point, times = 1 } = JSON.parse(process.argv[2]);
const say = (line) => writeSync(1, `${line}\n`);
// An orphan ends by itself: stdin ends with the test.
process.stdin.resume();
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL'));
let left = times;
let isSaid = false;
const congo = new Congo({
  hub: await connect({ clusterManager, credentials: { machineKey } }),
  task: 'copy',
  topic: 'shop',
  tables: [{ from: 'shop.*' }],
  target,
  ddl: 'ignore',
  maxBatchRows: 50,
  onStatus({ kind }) {
    if (kind === 'applying' && !isSaid) say(kind);
    isSaid ||= kind === 'applying';
  },
  hooks: {
    at(reached) {
      if (reached !== point || --left > 0) return undefined;
      say(`point ${reached}`);
      process.kill(process.pid, 'SIGKILL');
      // The signal is on its way; nothing further may be done.
      return new Promise(() => undefined);
    },
  },
});
try {
  await congo.run(new AbortController().signal);
} catch (error) {
  say(`failed ${error.code}`);
  console.error(error);
  process.exit(1);
}
