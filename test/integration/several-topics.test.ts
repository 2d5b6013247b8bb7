import {
  hubCheckpoints,
  memoryCheckpoints,
  type Hub,
  type SubscribeOptions,
  type TopicsSubscription,
} from '@drc/client-sdk';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommand } from '../cli/support/command.js';
import type { DatabaseServer } from '../support/database-server.js';
import { startServer } from '../support/database-server.js';
import { startHub, until, type TestHub } from '../support/hub.js';
import { Ledger } from '../support/ledger.js';
import { onServer } from '../support/on-each-server.js';

onServer('mysql', 'One logical database over a MariaDB and a MySQL source', () => {
  const topics = ['eu', 'us'] as const;
  let hub: TestHub;
  let other: DatabaseServer;
  let ledgers: Readonly<Record<(typeof topics)[number], Ledger>>;
  let sdk: Hub;
  beforeAll(async () => {
    other = await startServer('mysql');
    hub = await startHub({ topics, stores: [{ topic: 'eu' }, { topic: 'us', source: other }] });
    ledgers = { eu: await Ledger.open(hub.source), us: await Ledger.open(other) };
    sdk = await hub.connect();
  });
  afterAll(async () => {
    for (const ledger of Object.values(ledgers ?? {})) await ledger[Symbol.asyncDispose]();
    await hub?.[Symbol.asyncDispose]();
    await other?.stop();
  });

  /** Writes to both; the ids of the last transactions. */
  async function write(count: number): Promise<Readonly<Record<string, string>>> {
    const [eu, us] = await Promise.all([ledgers.eu.write(count), ledgers.us.write(count)]);
    return { eu, us };
  }

  /** Reads and commits until each topic's last transaction was there; what came, by topic. */
  async function readUpTo(
    subscription: TopicsSubscription,
    last: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, readonly string[]>>> {
    const seen: Record<string, string[]> = { eu: [], us: [] };
    const missing = new Set(Object.values(last));
    for await (const tx of subscription) {
      seen[tx.topic]!.push(tx.id);
      await subscription.commit(tx);
      missing.delete(tx.id);
      if (missing.size === 0) break;
    }
    return seen;
  }

  const subscribe = (options: SubscribeOptions): TopicsSubscription =>
    sdk.subscribe(topics, { from: 'earliest', ...options });

  it('arrives whole, in the order of each, and goes on from one checkpoint', async () => {
    const checkpoints = memoryCheckpoints();
    const middle = await write(20);
    const first = await readUpTo(subscribe({ checkpoints }), middle);
    const last = await write(20);
    const second = await readUpTo(subscribe({ checkpoints }), last);
    for (const topic of topics) {
      const alone = await hub.readAll(last[topic]!, topic);
      expect([...first[topic]!, ...second[topic]!]).toEqual(alone.map(({ id }) => id));
    }
  });

  it('goes on with one source while the store of the other is away', async () => {
    const begun = await write(1);
    await using subscription = subscribe({ from: 'latest' });
    const loop = subscription[Symbol.asyncIterator]();
    const following = loop.next();
    await until(() => subscription.status().kind === 'caughtUp', 'both are read');
    const away = hub.stores.find(({ config }) => config.topic === 'us')!;
    await away.stop();
    await until(() => subscription.status().topics.get('us')?.kind === 'disconnected', 'the loss is seen');
    const [missed, here] = [await ledgers.us.transact(), await ledgers.eu.transact()];
    expect((await following).value).toMatchObject({ topic: 'eu', id: here });
    await away.start();
    expect((await loop.next()).value).toMatchObject({ topic: 'us', id: missed });
    expect(subscription.checkpoint!.covers('us', begun['us']!)).toBe(true);
  });

  it('is what the example reads, and goes on reading', async () => {
    const last = await write(2);
    const run = async (count: number): Promise<string[]> => {
      const { code, stdout } = await runCommand(['eu,us', hub.folder.file('progress'), String(count)], {
        program: fileURLToPath(new URL('../../examples/dist/several-topics.js', import.meta.url)),
        env: { DRC_MANAGER: hub.managerUrl, DRC_MACHINE_KEY: hub.clientKey },
      });
      expect(code).toBe(0);
      return stdout.trim().split('\n');
    };
    const alone = await Promise.all(topics.map((topic) => hub.readAll(last[topic]!, topic)));
    const all = alone.flat().length;
    const lines = [...(await run(5)), ...(await run(all - 5))];
    for (const [index, topic] of topics.entries())
      expect(lines.filter((line) => line.startsWith(`${topic} `)).map((line) => line.split(' ')[1])).toEqual(
        alone[index]!.map(({ id }) => id),
      );
  });

  it('has its places kept by the hub, each under its topic', async () => {
    const last = await write(3);
    const options = { checkpoints: hubCheckpoints({ name: 'both' }) };
    await readUpTo(subscribe(options), last);
    const next = await write(1);
    expect(await readUpTo(subscribe(options), next)).toEqual({ eu: [next['eu']], us: [next['us']] });
    // One of them alone, under the same name, takes its part over.
    await using loser = subscribe(options);
    const lost = readUpTo(loser, { never: '0-0-0' });
    await until(() => loser.status().kind === 'caughtUp', 'all is read');
    await using other = await hub.connect();
    await using alone = other.subscribe('eu', { from: 'earliest', ...options });
    const took = alone[Symbol.asyncIterator]().next();
    await until(() => alone.status().kind === 'caughtUp', 'it was taken over');
    await ledgers.eu.transact();
    await took;
    await expect(lost).rejects.toMatchObject({ code: 'CHECKPOINT_FENCED', details: { topic: 'eu' } });
  });
});
