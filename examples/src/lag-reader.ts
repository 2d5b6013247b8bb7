/**
 * Prints, as one JSON line for each transaction, when it reached this loop: `{"mark":"3-17","atMs":…,"rows":6}`.
 * A mark is a row of the table named on the command line, (writer, sequence). The demo reads its lag from this.
 *   node examples/dist/lag-reader.js shop shop.marks
 */
import { connect } from '@drc/client-sdk';
import { fromEnvironment } from './from-environment.js';

const [topic = 'shop', marks = 'shop.marks'] = process.argv.slice(2);

await using hub = await connect(await fromEnvironment());
await using changes = hub.subscribe(topic, { from: 'earliest' });
const stop = (): void => void changes.close();
process.once('SIGTERM', stop).once('SIGINT', stop);
for await (const tx of changes) {
  const atMs = performance.timeOrigin + performance.now();
  let rows = 0;
  let mark: string | undefined;
  for await (const change of tx.changes) {
    if (change.kind === 'ddl') continue;
    rows += 1;
    if (change.kind !== 'delete' && change.table === marks)
      mark = `${String(change.after['writer'])}-${String(change.after['sequence'])}`;
  }
  process.stdout.write(`${JSON.stringify({ mark, atMs, rows })}\n`);
}
