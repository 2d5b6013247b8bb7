import {
  connect,
  hubCheckpoints,
  memoryCheckpoints,
  type SubscriptionStatus,
  type Transaction,
} from '@drc/client-sdk';
import { PartFlag, PartKind } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { FakeManager } from './support/fake-manager.js';
import {
  credentials,
  orderIds,
  read,
  rowsOf,
  startFakeHub,
  transaction,
  transactions,
  until,
  type Shop,
} from './support/hub.js';
import { ddlPart, image, insertPart, order, rowsPart } from './support/rows.js';

describe('a subscription', () => {
  it('delivers the transactions of the log in order', async () => {
    await using fake = await startFakeHub({ log: transactions(200, 3) });
    const seen = await read(fake.hub.subscribe<Shop>('shop', { from: 'earliest' }), 200);
    expect(seen).toEqual(rowsOf(fake.store.log, 3));
  });

  it('tells what the transaction and its changes are', async () => {
    const ddl = {
      verb: 'ALTER TABLE',
      tables: ['shop.orders'],
      defaultSchema: 'shop',
      text: 'ALTER TABLE orders ADD note2 TEXT',
      sqlMode: 0,
      charset: [45, 45, 45] as const,
      timeZone: '',
    };
    const [before, after] = [order(1, 'before'), order(1, null)];
    const parts = [
      insertPart([before]),
      rowsPart(PartKind.update, 1, [image(before), image(after)], { flags: PartFlag.foreignKeyChecksOff }),
      rowsPart(PartKind.delete, 1, [image(after)], { flags: PartFlag.uniqueChecksOff }),
      ddlPart(ddl),
    ];
    const commitTime = 1_764_000_000_123_456;
    const log = [{ id: '0-1-1', chunks: [Buffer.concat(parts)], commitTime, origin: 'congo/eu' }];
    await using fake = await startFakeHub({ log });
    for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest' })) {
      expect(tx).toMatchObject({ id: '0-1-1', commitTimeMicros: commitTime, origin: 'congo/eu' });
      expect(tx.commitTime).toEqual(new Date(1_764_000_000_123));
      const common = { table: 'shop.orders', foreignKeyChecks: true, uniqueChecks: true };
      expect(await tx.all()).toMatchObject([
        { ...common, kind: 'insert', after: before },
        { ...common, kind: 'update', before, after, foreignKeyChecks: false },
        { ...common, kind: 'delete', before: after, uniqueChecks: false },
        { kind: 'ddl', ddl },
      ]);
      break;
    }
  });

  it('is over before it begins with a signal that was aborted before', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    const reason = new Error('not wanted any more');
    for (const checkpoints of [memoryCheckpoints(), hubCheckpoints(), hubCheckpoints()]) {
      const signal = AbortSignal.abort(reason);
      const subscription = fake.hub.subscribe<Shop>('shop', { checkpoints, signal });
      expect(subscription.status()).toMatchObject({ kind: 'closed', error: reason });
      await expect(read(subscription, 1)).rejects.toBe(reason);
    }
  });

  it('asks the store for what its options say', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    const from = { timestamp: new Date('2026-11-22T08:00:00Z') };
    const options = { from, tables: ['shop.*'], operations: ['insert'], windowBytes: 123_456 } as const;
    await read(fake.hub.subscribe<Shop>('shop', options), 1);
    expect(fake.store.sessions[0]!.subscribes).toEqual([
      {
        type: 'subscribe',
        from: { kind: 'timestamp', time: Date.parse('2026-11-22T08:00:00Z') },
        tables: ['shop.*'],
        operations: ['insert'],
        credit: 123_456,
      },
    ]);
    expect(fake.manager.questions).toEqual([`timestamp:${Date.parse('2026-11-22T08:00:00Z')}`]);
  });

  it('asks for nothing before it is iterated', async () => {
    await using fake = await startFakeHub();
    const subscription = fake.hub.subscribe('shop');
    expect(subscription.status()).toMatchObject({ kind: 'connecting', attempt: 0 });
    expect(subscription.checkpoint).toBeUndefined();
    await subscription.close();
    expect(fake.manager.questions).toEqual([]);
  });

  it('refuses a second iterator', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    const subscription = fake.hub.subscribe('shop', { from: 'earliest' });
    const iterator = subscription[Symbol.asyncIterator]();
    await iterator.next();
    expect(() => subscription[Symbol.asyncIterator]()).toThrow(
      expect.objectContaining({ code: 'SUBSCRIPTION_BUSY' }),
    );
  });

  it('is closed by break', async () => {
    await using fake = await startFakeHub({ log: transactions(5) });
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
    await read(subscription, 1);
    expect(subscription.status()).toMatchObject({ kind: 'closed' });
    await until(() => fake.store.sessions.every((session) => session.isOver));
  });

  it('ends the loop quietly when it is closed, also twice', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
    const seen: string[] = [];
    for await (const tx of subscription) {
      seen.push(tx.id);
      setTimeout(() => void subscription.close().then(() => subscription.close()), 20);
    }
    expect(seen).toEqual(['0-1-1']);
    expect(subscription.status()).not.toHaveProperty('error');
  });

  it('ends quietly when the hub is closed', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    for await (const _ of fake.hub.subscribe('shop', { from: 'earliest' }))
      setTimeout(() => void fake.hub.close(), 20);
    expect(() => fake.hub.subscribe('shop')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('rejects the loop with the reason of an aborted signal, its own or that of connect', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    const clusterManager = fake.manager.address;
    const [own, outer] = [new AbortController(), new AbortController()];
    await using hub = await connect({ clusterManager, credentials, signal: outer.signal });
    const loop = async (signal?: AbortSignal): Promise<void> => {
      const options = signal === undefined ? {} : { signal };
      for await (const _ of hub.subscribe('shop', { from: 'earliest', ...options })) continue;
    };
    const loops = [loop(own.signal), loop()];
    await until(() => fake.store.sessions.length === 2);
    own.abort(new Error('enough'));
    await expect(loops[0]).rejects.toThrow('enough');
    outer.abort(new Error('all enough'));
    await expect(loops[1]).rejects.toThrow('all enough');
  });

  it('never takes a transaction that is cut short by close for a whole one', async () => {
    await using fake = await startFakeHub({ log: [transaction(1, 10, 100)], frameBytes: 1024 });
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest', windowBytes: 4096 });
    const failure = (async () => {
      for await (const tx of subscription)
        for await (const _ of tx.changes) setTimeout(() => void subscription.close(), 0);
    })();
    await expect(failure).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('gives calls of next that do not wait for each other their turns', async () => {
    await using fake = await startFakeHub({ log: transactions(6) });
    const iterator = fake.hub.subscribe('shop', { from: 'earliest' })[Symbol.asyncIterator]();
    const results = await Promise.all(Array.from({ length: 6 }, () => iterator.next()));
    const ids = results.map(({ value }) => (value as Transaction).id);
    expect(ids).toEqual(fake.store.log.map(({ id }) => id));
  });

  it('skips what a loop does not read of a transaction', async () => {
    const log = transactions(20, 5, 4);
    await using fake = await startFakeHub({ log, frameBytes: 512 });
    const seen: string[] = [];
    let firstRow: bigint | undefined;
    for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest', windowBytes: 2048 })) {
      seen.push(tx.id);
      if (seen.length === 10)
        for await (const change of tx.changes) {
          if (change.kind === 'insert') firstRow = change.after.id;
          break;
        }
      if (seen.length === 20) break;
    }
    expect(seen).toEqual(log.map(({ id }) => id));
    expect(firstRow).toBe(100_000n);
  });

  it('gives a transaction up when the loop has gone on', async () => {
    await using fake = await startFakeHub({ log: transactions(2) });
    const iterator = fake.hub.subscribe<Shop>('shop', { from: 'earliest' })[Symbol.asyncIterator]();
    const first = (await iterator.next()).value as Transaction<Shop>;
    await iterator.next();
    await expect(first.all()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(first.checkpoint.set.toString()).toBe('0-1-1');
  });

  it('lets changes be read once', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest' })) {
      await tx.all();
      await expect(tx.all()).rejects.toThrow(TypeError);
      await expect(orderIds(tx)).rejects.toThrow(TypeError);
      break;
    }
  });

  it('refuses to read more than all() may, and can then still be iterated from the first change', async () => {
    await using fake = await startFakeHub({ log: [transaction(1, 50, 20)] });
    for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest' })) {
      const failure = { code: 'TRANSACTION_TOO_LARGE', details: { transaction: '0-1-1', maxBytes: 5000 } };
      await expect(tx.all({ maxBytes: 5000 })).rejects.toMatchObject(failure);
      await expect(tx.all({ maxBytes: 100 })).rejects.toMatchObject({ code: 'TRANSACTION_TOO_LARGE' });
      expect(await orderIds(tx)).toEqual(rowsOf(fake.store.log, 50, 20)[0]!.rows);
      break;
    }
  });

  it('tells its states in their order', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
    const kinds = [subscription.status().kind as string];
    /** Each look is written down: a state may be over before the next timer. */
    const look = (): SubscriptionStatus => {
      const status = subscription.status();
      if (kinds.at(-1) !== status.kind) kinds.push(status.kind);
      return status;
    };
    const iterator = subscription[Symbol.asyncIterator]();
    await iterator.next();
    const second = iterator.next();
    await until(() => look().kind === 'caughtUp');
    expect(subscription.status()).toMatchObject({ store: 'store-1' });
    fake.manager.stores = [];
    fake.store.cut();
    // First because the connection was lost, then because no store is to be had.
    await until(() => {
      const status = look();
      return status.kind === 'disconnected' && status.error.code === 'STORE_UNAVAILABLE';
    });
    fake.manager.stores = [fake.store.address];
    fake.store.append(transaction(2));
    await second;
    await subscription.close();
    expect(subscription.status()).toMatchObject({ kind: 'closed' });
    expect(kinds.filter((kind) => kind !== 'streaming').slice(0, 3)).toEqual([
      'connecting',
      'caughtUp',
      'disconnected',
    ]);
  });

  it('does not say that it has caught up while it holds up the stream', async () => {
    await using fake = await startFakeHub({ frameBytes: 1024 });
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest', windowBytes: 100_000 });
    const iterator = subscription[Symbol.asyncIterator]();
    const first = iterator.next();
    await until(() => subscription.status().kind === 'caughtUp');
    fake.store.append(...transactions(100, 100));
    await first;
    await until(() => subscription.status().kind === 'streaming');
    for (let i = 1; i < 100; i++) await iterator.next();
    expect(subscription.status().kind).toBe('caughtUp');
  });

  it('takes no checkpoint of another topic, and no moment that is none', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    const checkpoint = await checkpointOf(fake);
    expect(() => fake.hub.subscribe('depot', { from: { checkpoint } })).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_INVALID' }),
    );
    expect(() => fake.hub.subscribe('shop', { from: { checkpoint: 'junk' } })).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_INVALID' }),
    );
    expect(() => fake.hub.subscribe('shop', { from: { timestamp: Number.NaN } })).toThrow(TypeError);
    expect(() => fake.hub.subscribe('shop', { windowBytes: 0 })).toThrow(RangeError);
    const other = fake.hub.subscribe('depot', { checkpoints: memoryCheckpoints(checkpoint) });
    await expect(other[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
  });
});

async function checkpointOf({ hub }: Awaited<ReturnType<typeof startFakeHub>>): Promise<string> {
  for await (const tx of hub.subscribe('shop', { from: 'earliest' })) return tx.checkpoint.toString();
  throw new Error('There was no transaction.');
}

describe('a hub', () => {
  it('lists the topics', async () => {
    await using fake = await startFakeHub();
    expect(await fake.hub.topics()).toEqual([{ topic: 'shop', stores: 1 }]);
  });

  it('is refused to who gives a wrong password', async () => {
    await using manager = await FakeManager.start();
    const options = { clusterManager: manager.address, credentials: { name: 'reader', password: 'wrong' } };
    await expect(connect(options)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});
