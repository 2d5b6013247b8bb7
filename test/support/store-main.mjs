// A store as `drc store start` runs it, from the build, for tests that kill it or measure it:
//   store-main.mjs <JSON: { settings, sourcePassword, machineKey, point?, times? }>
// With `point` it kills itself the times-th time that it comes by that point. Prints a line for each of: `url <address>` (it
// runs), `point <name>` (it has come to the point).
import { writeSync } from 'node:fs';
import { parseStoreConfig, Store } from '@drc/store';
import { pino } from 'pino';

const { settings, sourcePassword, machineKey, point, times = 1 } = JSON.parse(process.argv[2]);
const say = (line) => writeSync(1, `${line}\n`);
let left = times;
const hooks = {
  at(reached) {
    if (reached !== point || --left > 0) return undefined;
    say(`point ${reached}`);
    process.kill(process.pid, 'SIGKILL');
    // The signal is on its way; nothing further may be done.
    return new Promise(() => undefined);
  },
};
const store = await Store.start(parseStoreConfig(settings), {
  logger: pino({ level: 'silent' }),
  sourcePassword,
  machineKey,
  ...(point === undefined ? {} : { hooks }),
});
say(`url ${store.url}`);
// An orphan ends by itself: stdin ends with the test.
process.stdin.resume();
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL'));
