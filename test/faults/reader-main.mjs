// A service that reads: reader-main.mjs <JSON: managers, machineKey, topic, folder, leaveOut?>. Writes notes (verdict.ts) to <folder>/notes,
// one JSON a line, each before it commits, and keeps its checkpoint in <folder>/progress.
// `leaveOut`: the transaction, counted from 1 in each life, that it does not write down: for the judge to find.
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, fileCheckpoints } from '../../client-sdk/dist/index.js';

const { managers, machineKey, topic, folder, leaveOut } = JSON.parse(process.argv[2]);
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
    if (error.code !== 'MANAGER_UNREACHABLE') throw error;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
const changes = hub.subscribe(topic, {
  from: 'earliest',
  checkpoints: fileCheckpoints(join(folder, 'progress')),
});
process.once('SIGTERM', () => void changes.close());
try {
  let count = 0;
  for await (const tx of changes) {
    const hash = createHash('sha256');
    const numbers = [];
    for await (const change of tx.changes) {
      if (change.kind === 'ddl') {
        hash.update(change.ddl.verb);
        continue;
      }
      if (change.table === 'shop.ledger') numbers.push(change.after.number);
      hash.update(JSON.stringify([change.kind, change.table, change.before, change.after], text));
    }
    count += 1;
    if (count !== leaveOut) note({ id: tx.id, numbers, hash: hash.digest('hex') });
    if (count % 5 !== 0) continue;
    await changes.commit(tx);
    note({ committed: tx.id });
  }
} catch (error) {
  note({ error: `${error.code ?? error.name}: ${error.message}` });
}
await hub.close();
