import { connect, type Hub, type Subscription, type Transaction } from '@drc/client-sdk';
import { FakeManager } from './fake-manager.js';
import { FakeStore, type FakeStoreOptions, type LoggedTransaction } from './fake-store.js';
import { insertPart, order, type Order } from './rows.js';

export const credentials = { name: 'reader', password: 'secret' };

export interface Shop {
  'shop.orders': Order;
}

/** `rows` inserts in each of `chunks` chunks; the ids of the rows count from `sequence` × 10,000. */
export const transaction = (sequence: number, rows = 1, chunks = 1): LoggedTransaction => ({
  id: `0-1-${sequence}`,
  chunks: Array.from({ length: chunks }, (_, chunk) =>
    insertPart(Array.from({ length: rows }, (_row, row) => order(sequence * 10_000 + chunk * rows + row))),
  ),
});

export const transactions = (count: number, rows = 1, chunks = 1): LoggedTransaction[] =>
  Array.from({ length: count }, (_, index) => transaction(index + 1, rows, chunks));

/** One store of the topic `shop`, its manager, and a hub that is logged in. */
export interface FakeHub extends AsyncDisposable {
  readonly store: FakeStore;
  readonly manager: FakeManager;
  readonly hub: Hub;
}

export async function startFakeHub(options: FakeStoreOptions = {}): Promise<FakeHub> {
  const store = await FakeStore.start(options);
  const manager = await FakeManager.start({ stores: [store.address] });
  const hub = await connect({ clusterManager: manager.address, credentials });
  return {
    store,
    manager,
    hub,
    async [Symbol.asyncDispose]() {
      await hub.close();
      await manager[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** What a reader saw of one transaction. */
export interface Seen {
  readonly id: string;
  /** Ids of the orders, in order. */
  readonly rows: readonly bigint[];
}

export const rowsOf = (log: readonly LoggedTransaction[], rows = 1, chunks = 1): Seen[] =>
  log.map(({ id }) => ({
    id,
    rows: Array.from({ length: rows * chunks }, (_, index) =>
      BigInt(Number(id.split('-')[2]) * 10_000 + index),
    ),
  }));

/** Reads `count` transactions, change by change, and ends the loop. */
export async function read(subscription: Subscription<Shop>, count: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const tx of subscription) {
    seen.push({ id: tx.id, rows: await orderIds(tx) });
    if (seen.length === count) break;
  }
  return seen;
}

export async function orderIds(tx: Transaction<Shop>): Promise<bigint[]> {
  const ids: bigint[] = [];
  for await (const change of tx.changes) if (change.kind === 'insert') ids.push(change.after.id);
  return ids;
}

/** Waits until it is so, at most half a minute. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${isSo.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
