/** Prints every change of a topic from now on. `node examples/dist/tail.js shop` beside a running `drc dev`. */
import { connect } from '@drc/client-sdk';
import { fromEnvironment } from './from-environment.js';

const [topic = 'shop'] = process.argv.slice(2);

await using hub = await connect(await fromEnvironment());
await using changes = hub.subscribe(topic, { from: 'latest' });
for await (const tx of changes) {
  for await (const change of tx.changes) {
    if (change.kind === 'ddl') console.log(tx.id, change.ddl.verb, change.ddl.tables);
    else if (change.kind === 'delete') console.log(tx.id, change.kind, change.table, change.before);
    else console.log(tx.id, change.kind, change.table, change.after);
  }
}
