// A service that reads: reader-main.mjs <JSON: managers, machineKey, topic, folder, commitEvery, options, hubName?, leaveOut?>. Writes notes
// (verdict.ts) to <folder>/notes, one JSON a line, each before it commits, and keeps its checkpoint in <folder>/progress; with `hubName`
// at the managers. `options` are those of the subscription. `leaveOut`: the transaction, counted from 1 in each life, that it does not
// write down: for the judge to find.
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, fileCheckpoints, hubCheckpoints } from '../../client-sdk/dist/index.js';

const { managers, machineKey, topic, folder, commitEvery, options, hubName, leaveOut } = JSON.parse(
  process.argv[2],
);
const note = (line) => appendFileSync(join(folder, 'notes'), `${JSON.stringify(line)}\n`);
const text = (_, value) =>
  typeof value === 'bigint'
    ? `${value}n`
    : value?.type === 'Buffer'
      ? Buffer.from(value.data).toString('hex')
      : value;

note({ begin: process.pid });
// Managers may be away when a service starts.
let hub;
while (hub === undefined) {
  try {
    hub = await connect({ clusterManager: managers, credentials: { machineKey } });
  } catch (error) {
    if (!error.retryable) throw error;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
const changes = hub.subscribe(topic, {
  ...options,
  from: 'earliest',
  checkpoints:
    hubName === undefined ? fileCheckpoints(join(folder, 'progress')) : hubCheckpoints({ name: hubName }),
});
process.once('SIGTERM', () => void changes.close());
try {
  let count = 0;
  for await (const tx of changes) {
    const hash = createHash('sha256');
    const numbers = [];
    const ddl = [];
    for await (const change of tx.changes) {
      if (change.kind === 'ddl') {
        ddl.push(change.ddl.verb);
        hash.update(change.ddl.verb);
        continue;
      }
      if (change.table === 'shop.ledger') numbers.push(change.after.number);
      hash.update(JSON.stringify([change.kind, change.table, change.before, change.after], text));
    }
    count += 1;
    const at = Date.now();
    if (count !== leaveOut) note({ id: tx.id, numbers, ddl, hash: hash.digest('hex'), at });
    if (count % commitEvery !== 0) continue;
    await changes.commit(tx);
    // The managers save once a second, and while none is there later still.
    if (hubName === undefined) note({ committed: tx.id });
  }
} catch (error) {
  note({ error: `${error.code ?? error.name}: ${error.message}` });
}
await hub.close().catch(() => undefined);
