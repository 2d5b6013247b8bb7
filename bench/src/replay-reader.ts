/** The reader of the bench `replay`: node replay-reader.js MANAGER all|changes ROWS; prints `{"seconds":…}`. */
import { type Change, connect } from '@drc/client-sdk';

interface Tables {
  'bench.orders': { id: bigint; amount: string; note: string | null };
}

const [clusterManager = '', way = 'all', wanted = '0'] = process.argv.slice(2);
await using hub = await connect({
  clusterManager,
  credentials: { machineKey: process.env['DRC_MACHINE_KEY']! },
});
await using orders = hub.subscribe<Tables>('bench', { from: 'earliest', tables: ['bench.orders'] });

let rows = 0;
let lastId = 0n;
function take(change: Change<Tables>): void {
  if (change.kind !== 'insert') return;
  rows += 1;
  lastId = change.after.id;
}

let began = 0;
for await (const tx of orders) {
  began ||= performance.now();
  if (way === 'all') for (const change of await tx.all()) take(change);
  else for await (const change of tx.changes) take(change);
  if (rows >= Number(wanted)) break;
}
const seconds = (performance.now() - began) / 1000;
// Ids were written in order: the last one proves that none was left out.
if (lastId !== BigInt(wanted)) throw new Error(`The last row is ${lastId}, not ${wanted}`);
console.log(JSON.stringify({ seconds }));
