/**
 * npm run test:faults: a cluster of real processes under faults that a seed draws (test/faults).
 *   --seed N        one seed; default 1
 *   --seeds A-B     several, one after the other; those in docs/fault-seeds.json are passed over, and the others are added to it
 *   --minutes M     how long each lasts; default 1
 *   --rolling       instead: restarts every process in order, one after the other, and prints the longest pause of a reader
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  build,
  checkNode,
  installPackages,
  provideServers,
  provideTools,
  root,
  runMain,
  SetupError,
} from './setup.mjs';
import { showLines } from './show-lines.mjs';

await runMain(async () => {
  checkNode();
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      minutes: { type: 'string' },
      rolling: { type: 'boolean' },
    },
  });
  const { seed = '1', seeds, minutes = '1', rolling = false } = values;
  const range = seeds ?? seed;
  if (!/^\d+(-\d+)?$/.test(range))
    throw new SetupError(`${range} is no seed, and no range of seeds such as 1-100.`);
  if (!(Number(minutes) > 0)) throw new SetupError(`${minutes} is no number of minutes.`);
  await installPackages();
  const { code, output } = await build();
  if (code !== 0) throw new SetupError(output);
  await provideServers();
  await provideTools();
  process.exitCode = await showLines(
    join(root, 'node_modules', '.bin', 'vitest'),
    ['run', ...(rolling ? ['--project=soak', 'test/soak/rolling-restart.test.ts'] : ['--project=faults'])],
    {
      environment: {
        ...process.env,
        DRC_FAULT_SEEDS: range,
        DRC_FAULT_SECONDS: String(Number(minutes) * 60),
        ...(seeds === undefined ? {} : { DRC_FAULT_RESULTS: join(root, 'docs', 'fault-seeds.json') }),
      },
      show: (line) => console.log(line),
    },
  );
});
