// A cluster manager that kills itself: crash-main.mjs <folder> <point> <n> stops at the n-th time it comes by the point.
// It prints its URL when it has started, and the point when it has come to it.
import { writeSync } from 'node:fs';
import { ClusterManager, parseManagerConfig } from '@drc/cluster-manager';
import { pino } from 'pino';

const [directory, point, times] = process.argv.slice(2);
let left = Number(times);
const hooks = {
  at(reached) {
    if (reached !== point || --left > 0) return;
    writeSync(1, `${point}\n`);
    process.kill(process.pid, 'SIGKILL');
    // The signal is on its way; nothing further may be done.
    return new Promise(() => {});
  },
};
const manager = await ClusterManager.start(
  parseManagerConfig({ directory, listen: { port: 0 }, admin: { port: 0 } }),
  { logger: pino({ level: 'silent' }), hooks },
);
writeSync(1, `${manager.url}\n`);
