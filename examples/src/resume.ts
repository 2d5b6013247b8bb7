/**
 * Works through a topic and goes on where it stopped, however it stopped. `node examples/dist/resume.js shop ./progress 100`
 * The work and the commit are two steps: after a crash between them a transaction comes once more (at least once).
 */
import { connect, fileCheckpoints } from '@drc/client-sdk';
import { fromEnvironment } from './from-environment.js';

const [topic = 'shop', progress = './progress', count = '100'] = process.argv.slice(2);
let left = Number(count);

await using hub = await connect(await fromEnvironment());
await using changes = hub.subscribe(topic, {
  from: 'earliest', // used only until ./progress exists
  checkpoints: fileCheckpoints(progress),
});
for await (const tx of changes) {
  console.log(tx.id, (await tx.all()).length);
  await changes.commit(tx);
  left -= 1;
  if (left <= 0) break;
}
