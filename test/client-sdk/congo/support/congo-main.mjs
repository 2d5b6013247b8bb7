// Applies the workload to a target, and ends or stops itself at a named point:
//   congo-main.mjs <JSON: { port, transactions, maxBatchRows, point, times, signal }>
// Prints a line for each of: `point <name>` (before it sends itself the signal), `done` (all is applied),
// `failed <code>`. Ends with its stdin, so that it never outlives the test.
import { writeSync } from 'node:fs';
import { Congo } from '../../../../client-sdk/dist/congo/index.js';
import { FakeTopic } from './fake-hub.mjs';
import { workload } from './workload.mjs';

const {
  port,
  transactions,
  maxBatchRows,
  point,
  times = 1,
  signal = 'SIGKILL',
} = JSON.parse(process.argv[2]);
const say = (line) => writeSync(1, `${line}\n`);
process.stdin.on('end', () => process.exit(1)).resume();

const topic = new FakeTopic({ progressMs: 5 });
for (const changes of workload(transactions).transactions) topic.append(changes);

let left = times;
const congo = new Congo({
  hub: topic.hub(),
  task: 'copy',
  topic: 'shop',
  tables: [{ from: 'shop.*' }],
  target: { host: '127.0.0.1', port, user: 'root', password: '' },
  maxBatchRows,
  hooks: {
    at(reached) {
      if (reached !== point || --left !== 0) return undefined;
      say(`point ${reached}`);
      process.kill(process.pid, signal);
      // A stopped process goes on here once it is continued.
      return signal === 'SIGSTOP' ? undefined : new Promise(() => {});
    },
  },
});
const stop = new AbortController();
const last = `0-1-${transactions}`;
const poll = setInterval(() => {
  if (!congo.subscription?.checkpoint?.covers(last) || congo.status.kind !== 'applying') return;
  if (congo.counters.transactions === 0 || congo.status.lastCommitTime === undefined) return;
  if (congo.status.lastCommitTime < Date.UTC(2026, 10, 22) + transactions - 1) return;
  clearInterval(poll);
  stop.abort();
}, 5);
try {
  await congo.run(stop.signal);
  say('done');
} catch (error) {
  say(`failed ${error.code}`);
}
process.exit(0);
