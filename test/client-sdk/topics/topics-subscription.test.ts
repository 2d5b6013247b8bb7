import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connect,
  fileCheckpoints,
  memoryCheckpoints,
  TopicsCheckpoint,
  type Hub,
  type SubscribeOptions,
  type Transaction,
  type TopicsSubscription,
} from '@drc/client-sdk';
import { describe, expect, it } from 'vitest';
import { FakeManager } from '../support/fake-manager.js';
import { FakeStore, type LoggedTransaction } from '../support/fake-store.js';
import { credentials, orderIds, transactions, until, type Shop } from '../support/hub.js';

interface Shops extends AsyncDisposable {
  readonly hub: Hub;
  readonly stores: Readonly<Record<string, FakeStore>>;
}

/** A store for each topic of `logs`; those of `away` have none. */
async function startShops(
  logs: Readonly<Record<string, readonly LoggedTransaction[]>>,
  away: readonly string[] = [],
): Promise<Shops> {
  const stores: Record<string, FakeStore> = {};
  for (const [topic, log] of Object.entries(logs)) stores[topic] = await FakeStore.start({ topic, log });
  const others = {
    ...Object.fromEntries(Object.entries(stores).map(([topic, { address }]) => [topic, [address]])),
    ...Object.fromEntries(away.map((topic) => [topic, []])),
  };
  const manager = await FakeManager.start({ others });
  const hub = await connect({ clusterManager: manager.address, credentials });
  return {
    hub,
    stores,
    async [Symbol.asyncDispose]() {
      await hub.close();
      await manager[Symbol.asyncDispose]();
      for (const store of Object.values(stores)) await store[Symbol.asyncDispose]();
    },
  };
}

/** `topic id` of so many transactions, with the number of their rows read; each is committed. */
async function read(subscription: TopicsSubscription<Shop>, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const tx of subscription) {
    const rows = await orderIds(tx);
    seen.push(`${tx.topic} ${tx.id}${rows.length === 1 ? '' : ` ${rows.length}`}`);
    await subscription.commit(tx);
    if (seen.length === count) break;
  }
  return seen;
}

/** The next transaction, which must come. */
async function nextOf(loop: AsyncIterator<Transaction<Shop>, unknown>): Promise<Transaction<Shop>> {
  const { value, done } = await loop.next();
  if (done === true) throw new Error('The loop is over.');
  return value;
}

const ofTopic = (seen: readonly string[], topic: string): string[] =>
  seen.filter((each) => each.startsWith(`${topic} `));

const idsOf = (topic: string, log: readonly LoggedTransaction[], from = 0): string[] =>
  log.slice(from).map(({ id }) => `${topic} ${id}`);

const earliest = { from: 'earliest' } satisfies SubscribeOptions;

describe('a subscription of several topics', () => {
  it('delivers all of each in its order, and takes turns', async () => {
    const logs = { a: transactions(300), b: transactions(20), c: transactions(300) };
    await using shops = await startShops(logs);
    await using subscription = shops.hub.subscribe<Shop>(['a', 'b', 'c'], earliest);
    const loop = subscription[Symbol.asyncIterator]();
    const seen: string[] = [];
    for (let count = 0; count < 620; count++) {
      const { topic, id } = await nextOf(loop);
      seen.push(`${topic} ${id}`);
      if (count === 0) await until(() => /streaming|caughtUp/.test(subscription.status().kind));
    }
    for (const [topic, log] of Object.entries(logs)) expect(ofTopic(seen, topic)).toEqual(idsOf(topic, log));
    const half = ofTopic(seen.slice(0, 310), 'a').length;
    // How evenly depends on what arrives when: neither waits for the other's end.
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(300);
  });

  it('is not held up by a topic that is quiet, or that no store has', async () => {
    const logs = { a: transactions(5), quiet: [] };
    await using shops = await startShops(logs, ['gone']);
    await using subscription = shops.hub.subscribe<Shop>(['gone', 'quiet', 'a'], earliest);
    const loop = subscription[Symbol.asyncIterator]();
    for (const { id } of logs.a) expect(await nextOf(loop)).toMatchObject({ topic: 'a', id });
    const { kind, topics } = subscription.status();
    expect(topics.get('gone')?.kind).toMatch(/connecting|disconnected/);
    expect(kind).toBe(topics.get('gone')?.kind);
    await until(() => subscription.status().topics.get('quiet')?.kind === 'caughtUp');
    expect([...topics.keys()]).toEqual(['gone', 'quiet', 'a']);
    expect(subscription.checkpoint?.topics).toEqual(['a', 'quiet']);
  });

  it('leaves a transaction in the loop’s hands until it asks for the next', async () => {
    await using shops = await startShops({ a: transactions(100, 20, 2), b: transactions(100, 20, 2) });
    await using subscription = shops.hub.subscribe<Shop>(['a', 'b'], earliest);
    const loop = subscription[Symbol.asyncIterator]();
    let before = await nextOf(loop);
    let now = await nextOf(loop);
    while (now.topic === before.topic) [before, now] = [now, await nextOf(loop)];
    // Its topic was asked for the next one, too: it is over.
    await expect(before.all()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await now.all()).toHaveLength(40);
    expect(now.checkpoint.topic).toBe(now.topic);
    expect(now.checkpoint.covers(now.id)).toBe(true);
    expect(subscription.checkpoint!.covers(now.topic, now.id)).toBe(false);
    expect(subscription.checkpoint!.covers(before.topic, before.id)).toBe(true);
    await subscription.commit(now);
    expect(subscription.checkpoint!.covers(now.topic, now.id)).toBe(true);
  });

  it('goes on behind what was committed, of each topic, and repeats what was not', async () => {
    const logs = { a: transactions(10), b: transactions(10) };
    await using shops = await startShops(logs);
    const checkpoints = memoryCheckpoints();
    const seen = await read(shops.hub.subscribe<Shop>(['a', 'b'], { ...earliest, checkpoints }), 7);
    const rest = await read(shops.hub.subscribe<Shop>(['b', 'a'], { ...earliest, checkpoints }), 13);
    for (const topic of ['a', 'b'] as const)
      expect(ofTopic([...seen, ...rest], topic)).toEqual(idsOf(topic, logs[topic]));
  });

  it('counts what had arrived, but was never handed out, as not done', async () => {
    const logs = { a: transactions(20), b: transactions(20) };
    await using shops = await startShops(logs);
    const subscription = shops.hub.subscribe<Shop>(['a', 'b'], earliest);
    const loop = subscription[Symbol.asyncIterator]();
    const given = [await nextOf(loop)];
    await until(() => subscription.checkpoint?.topics.length === 2);
    while (given.length < 6) given.push(await nextOf(loop));
    const at = subscription.checkpoint!;
    await subscription.close();
    const onward = await read(shops.hub.subscribe<Shop>(['a', 'b'], { from: { checkpoint: at } }), 35);
    const all = [...given.slice(0, -1).map(({ topic, id }) => `${topic} ${id}`), ...onward];
    for (const topic of ['a', 'b'] as const) expect(ofTopic(all, topic)).toEqual(idsOf(topic, logs[topic]));
  });

  it('keeps one file for all, takes over that of one topic, and leaves the places of others in it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drc-topics-'));
    try {
      const logs = { a: transactions(6), b: transactions(6), c: transactions(6) };
      await using shops = await startShops(logs);
      const options = { ...earliest, checkpoints: fileCheckpoints(join(folder, 'progress')) };
      const alone = shops.hub.subscribe<Shop>('a', options);
      for await (const tx of alone) {
        await alone.commit(tx);
        if (tx.id === '0-1-2') break;
      }
      const both = await read(shops.hub.subscribe<Shop>(['a', 'b'], options), 4 + 6);
      expect(ofTopic(both, 'a')).toEqual(idsOf('a', logs.a, 2));
      expect(ofTopic(both, 'b')).toEqual(idsOf('b', logs.b));
      const others = await read(shops.hub.subscribe<Shop>(['c', 'b'], options), 6);
      expect(others).toEqual(idsOf('c', logs.c));
      const kept = TopicsCheckpoint.parse((await options.checkpoints.load())!);
      for (const topic of ['a', 'b', 'c']) expect(kept.covers(topic, '0-1-6'), topic).toBe(true);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('ends with the first error, which names the topic', async () => {
    await using shops = await startShops({ a: transactions(3), b: transactions(3) });
    shops.stores['b']!.faults.push({ error: { code: 'FORBIDDEN', details: { table: 'shop.secret' } } });
    const subscription = shops.hub.subscribe<Shop>(['a', 'b'], earliest);
    await expect(read(subscription, 6)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringMatching(/^b: /) as string,
      details: { topic: 'b', table: 'shop.secret' },
    });
    expect(subscription.status().kind).toBe('closed');
    await until(() => shops.stores['a']!.sessions.every(({ isOver }) => isOver));
  });

  it('says which topic there is not', async () => {
    await using shops = await startShops({ a: [] });
    const subscription = shops.hub.subscribe<Shop>(['a', 'nope'], earliest);
    await expect(read(subscription, 1)).rejects.toMatchObject({
      code: 'TOPIC_UNKNOWN',
      details: { topic: 'nope' },
    });
  });

  it('goes on over the loss of one store', async () => {
    const logs = { a: transactions(30), b: transactions(30) };
    await using shops = await startShops(logs);
    shops.stores['a']!.faults.push({ cutAfterRecords: 7 }, { cutAfterRecords: 3 });
    const seen = await read(shops.hub.subscribe<Shop>(['a', 'b'], earliest), 60);
    for (const topic of ['a', 'b'] as const) expect(ofTopic(seen, topic)).toEqual(idsOf(topic, logs[topic]));
  });

  it('ends its loop quietly when it is closed, with its hub too, and by its signal with the reason', async () => {
    await using shops = await startShops({ a: [], b: [] });
    const closed = shops.hub.subscribe<Shop>(['a', 'b']);
    const waiting = read(closed, 1);
    await closed.close();
    expect(await waiting).toEqual([]);
    await closed.close();

    const controller = new AbortController();
    const aborted = read(shops.hub.subscribe<Shop>(['a', 'b'], { signal: controller.signal }), 1);
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(
      read(shops.hub.subscribe<Shop>(['a', 'b'], { signal: controller.signal }), 1),
    ).rejects.toThrow('enough');

    const open = read(shops.hub.subscribe<Shop>(['a', 'b']), 1);
    await shops.hub.close();
    expect(await open).toEqual([]);
  });

  it('is read by one loop, and takes only its own transactions', async () => {
    await using shops = await startShops({ a: transactions(1), b: transactions(1), c: transactions(1) });
    await using subscription = shops.hub.subscribe<Shop>(['a', 'b'], earliest);
    await using other = shops.hub.subscribe<Shop>('c', earliest);
    const value = await nextOf(other[Symbol.asyncIterator]());
    await expect(subscription.commit(value)).rejects.toThrow(TypeError);
    subscription[Symbol.asyncIterator]();
    expect(() => subscription[Symbol.asyncIterator]()).toThrow(
      expect.objectContaining({ code: 'SUBSCRIPTION_BUSY' }),
    );
  });

  it('does not share a store of checkpoints with another one that is open', async () => {
    await using shops = await startShops({ a: transactions(1), b: [] });
    const { hub } = shops;
    const checkpoints = memoryCheckpoints();
    const both = hub.subscribe(['a', 'b'], { checkpoints });
    expect(() => hub.subscribe('a', { checkpoints })).toThrow(/of its own/);
    expect(() => hub.subscribe(['b'], { checkpoints })).toThrow(/of its own/);
    await both.close();
    const one = hub.subscribe('a', { checkpoints });
    await one.close();
    const file = hub.subscribe('a', { checkpoints: fileCheckpoints('./progress/') });
    expect(() => hub.subscribe('b', { checkpoints: fileCheckpoints('progress') })).toThrow(/of its own/);
    hub.subscribe('b', { checkpoints: fileCheckpoints('progress-b') });
    await file.close();
    hub.subscribe('b', { checkpoints: fileCheckpoints('progress') });
  });

  it('refuses what cannot be meant', async () => {
    await using shops = await startShops({ a: transactions(1), b: [] });
    const { hub } = shops;
    expect(() => hub.subscribe([])).toThrow(/empty/);
    expect(() => hub.subscribe(['a', 'a'])).toThrow(/twice/);
    expect(() => hub.subscribe(['a', ''])).toThrow(TypeError);
    expect(() => hub.subscribe(['a', 'b'], { from: { transaction: '0-1-1' } })).toThrow(/one topic/);
    const one = hub.subscribe<Shop>('a', earliest);
    for await (const _ of one) break;
    const checkpoint = one.checkpoint!;
    expect(() => hub.subscribe(['a', 'b'], { from: { checkpoint } })).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_INVALID', details: { topic: 'b' } }),
    );
    const several = hub.subscribe<Shop>(['a', 'b'], earliest);
    await several[Symbol.asyncIterator]().next();
    await until(() => several.checkpoint?.topics.length === 2);
    expect(() => hub.subscribe('a', { from: { checkpoint: several.checkpoint! } })).toThrow(/topics a, b/);
    expect(
      hub.subscribe(['b', 'a'], { from: { checkpoint: several.checkpoint!.toString() } }).topics,
    ).toEqual(['b', 'a']);
  });
});
