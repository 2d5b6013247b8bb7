// A cluster manager from the build, for tests that kill it:
//   manager-main.mjs <JSON: { settings, zookeeperPassword?, point?, times? }>
// With `point` it kills itself the times-th time that it comes by that point. Prints `url <address>` when it runs, and
// `point <name>` when it has come to the point.
import { writeSync } from 'node:fs';
import { ClusterManager, parseManagerConfig } from '@drc/cluster-manager';
import { pino } from 'pino';

const { settings, zookeeperPassword, point, times = 1 } = JSON.parse(process.argv[2]);
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
const manager = await ClusterManager.start(parseManagerConfig(settings), {
  logger: pino({ level: 'silent' }),
  zookeeperPassword,
  ...(point === undefined ? {} : { hooks }),
});
say(`url ${manager.url}`);
// An orphan ends by itself: stdin ends with the test.
process.stdin.resume();
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL'));
