/** Counts the changes of each table since a moment. `node examples/dist/from-timestamp.js shop 2026-11-22T08:00Z` */
import { connect } from '@drc/client-sdk';
import { fromEnvironment } from './from-environment.js';

const [topic = 'shop', since = new Date(Date.now() - 3_600_000).toISOString()] = process.argv.slice(2);
const counts = new Map<string, number>();

await using hub = await connect(await fromEnvironment());
await using changes = hub.subscribe(topic, { from: { timestamp: new Date(since) } });
const upToNow = Date.now();
const idle = setInterval(() => {
  // A topic never ends: stop where the stream has caught up with the moment at which we began.
  if (changes.status().kind === 'caughtUp') void changes.close();
}, 100);
for await (const tx of changes) {
  if (tx.commitTime.getTime() > upToNow) break;
  for await (const change of tx.changes) {
    const name = change.kind === 'ddl' ? 'DDL' : change.table;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
}
clearInterval(idle);
console.log(JSON.stringify(Object.fromEntries(counts)));
