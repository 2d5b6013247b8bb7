/** Rows with types: the compiler knows what `shop.orders` has. `node examples/dist/typed-rows.js shop` */
import { connect } from '@drc/client-sdk';
import { fromEnvironment } from './from-environment.js';

interface Shop {
  'shop.orders': { id: bigint; buyer_id: bigint; total: string; created_at: string };
  'shop.customers': { id: bigint; name: string };
}

const [topic = 'shop', count = '10'] = process.argv.slice(2);
let left = Number(count);

await using hub = await connect(await fromEnvironment());
await using orders = hub.subscribe<Shop>(topic, {
  from: 'earliest',
  tables: ['shop.orders'],
  operations: ['insert'],
});
for await (const tx of orders) {
  for await (const change of tx.changes) {
    if (change.kind !== 'insert' || change.table !== 'shop.orders') continue;
    // DECIMAL is exact text, BIGINT a bigint: no value changes on its way.
    console.log(`${change.after.id}\t${change.after.total}\t${change.after.created_at}`);
    left -= 1;
  }
  if (left <= 0) break;
}
