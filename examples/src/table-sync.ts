/**
 * Congo as a library: keeps `shop.orders` of the topic equal to `copy.orders` on another server, exactly once.
 * TARGET_PORT=3307 TARGET_USER=congo TARGET_PASSWORD=… node examples/dist/table-sync.js shop
 */
import { connect } from '@drc/client-sdk';
import { Congo } from '@drc/client-sdk/congo';
import { fromEnvironment } from './from-environment.js';

const [topic = 'shop'] = process.argv.slice(2);
const {
  TARGET_HOST: host = '127.0.0.1',
  TARGET_PORT: port = '3306',
  TARGET_USER: user = 'congo',
  TARGET_PASSWORD: password,
} = process.env;
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

await using hub = await connect(await fromEnvironment());
const congo = new Congo({
  hub,
  task: 'orders-copy',
  topic,
  tables: [{ from: 'shop.orders', to: 'copy.orders' }],
  target: { host, port: Number(port), user, ...(password === undefined ? {} : { password }) },
  ddl: 'ignore',
  onStatus: (status) => console.error(status.kind),
});
await congo.run(stop.signal);
