/**
 * A service that writes to customers, and how it is tested without a network or a database: order-mail-test.ts.
 * A part of a program; it is given its hub, its mail server and its checkpoints.
 */
import type { CheckpointStore, Hub } from '@drc/client-sdk';

export interface Shop {
  'shop.orders': { id: bigint; customer: string; total: string };
}

export interface Mail {
  /** The mail server sends one mail for each key, however often it is handed over. */
  readonly key: string;
  readonly to: string;
  readonly text: string;
}

/** Confirms each order by mail. Ends when the hub is closed. */
export async function confirmOrders(
  hub: Hub,
  send: (mail: Mail) => Promise<void>,
  checkpoints: CheckpointStore,
): Promise<void> {
  await using orders = hub.subscribe<Shop>('shop', {
    from: 'earliest', // used only until `checkpoints` has one
    checkpoints,
    tables: ['shop.orders'],
    operations: ['insert'],
  });
  for await (const tx of orders) {
    for await (const change of tx.changes) {
      if (change.kind !== 'insert') continue;
      const { id, customer, total } = change.after;
      // After a crash in front of `commit` the transaction comes once more: the key is the same then.
      await send({ key: `order-${id}`, to: customer, text: `Thank you for order ${id}: ${total} €.` });
    }
    await orders.commit(tx);
  }
}
