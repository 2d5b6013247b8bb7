/** A reader of the bench `filter`: node filter-reader.js MANAGER OPTIONS; sends its parent `{ seconds, rows }`. */
import { connect, type SubscribeOptions } from '@drc/client-sdk';
import { endTable } from './filter-log.js';

const [clusterManager = '', options = '{}'] = process.argv.slice(2);
await using hub = await connect({
  clusterManager,
  credentials: { machineKey: process.env['DRC_MACHINE_KEY']! },
});
const began = performance.now();
await using rows = hub.subscribe('bench', { from: 'earliest', ...(JSON.parse(options) as SubscribeOptions) });
let count = 0;
for await (const tx of rows) {
  const changes = await tx.all();
  if (changes[0]?.table === endTable) break;
  count += changes.length;
}
process.send!({ seconds: (performance.now() - began) / 1000, rows: count });
