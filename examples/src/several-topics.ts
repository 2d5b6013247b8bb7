/**
 * Reads one logical database that lies on several sources, and goes on where it stopped, in each of them.
 * `node examples/dist/several-topics.js shop-0,shop-1 ./progress 100`
 */
import { connect, fileCheckpoints } from '@drc/client-sdk';
import { fromEnvironment } from './from-environment.js';

const [topics = 'shop-0,shop-1', progress = './progress', count = '100'] = process.argv.slice(2);
let left = Number(count);

await using hub = await connect(await fromEnvironment());
await using changes = hub.subscribe(topics.split(','), {
  from: 'earliest', // of a topic that ./progress does not know yet
  checkpoints: fileCheckpoints(progress), // one file for all
});
for await (const tx of changes) {
  console.log(tx.topic, tx.id, (await tx.all()).length);
  await changes.commit(tx);
  left -= 1;
  if (left <= 0) break;
}
