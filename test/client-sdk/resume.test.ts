import { connect, memoryCheckpoints, type Subscription, type Transaction } from '@drc/client-sdk';
import { Checkpoint } from '@drc/protocol';
import { Directory } from '../../client-sdk/src/directory.js';
import { SessionSource } from '../../client-sdk/src/session-source.js';
import { TopicSubscription } from '../../client-sdk/src/subscription.js';
import { describe, expect, it } from 'vitest';
import { FakeManager } from './support/fake-manager.js';
import { FakeStore } from './support/fake-store.js';
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

describe('a subscription whose session is lost', () => {
  it('goes on without a gap or a repeat, wherever in the record stream it was cut', async () => {
    // Records: one schema, then eight transactions of three chunks each.
    const records = 1 + 8 * 3;
    for (let cut = 0; cut <= records; cut++) {
      await using fake = await startFakeHub({ log: transactions(8, 2, 3), frameBytes: 128 });
      fake.store.faults.push({ cutAfterRecords: cut });
      const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
      const seen = await read(subscription, 8);
      expect(seen, `cut behind record ${cut}`).toEqual(rowsOf(fake.store.log, 2, 3));
    }
  });

  it('reads a transaction again that it was in the middle of, and leaves out what it has given, however it is cut into chunks now', async () => {
    const log = (rows: number) => [transaction(1, 60), transaction(2, rows, 60 / rows), transaction(3, 60)];
    await using fake = await startFakeHub({ log: log(60), frameBytes: 128 });
    // Each session gets a little further: it ends behind 8, 12, 14 … rows of the second transaction.
    const sessions = [
      [4, 2],
      [6, 2],
      [1, 14],
      [20, 1],
      [5, 5],
      [2, 14],
      [3, 11],
      [10, 4],
      [1, 49],
    ] as const;
    for (const [index, [rows, chunks]] of sessions.entries())
      fake.store.faults.push({ log: log(rows), cutAfterRecords: chunks + (index === 0 ? 2 : 1) });
    fake.store.faults.push({ log: log(15) });
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest', windowBytes: 256 });
    expect(await read(subscription, 3)).toEqual(rowsOf(fake.store.log, 60));
    expect(fake.store.sessions.length).toBe(sessions.length + 1);
  });

  it('does not read the rest of a transaction again that the loop has gone on from', async () => {
    await using fake = await startFakeHub({ log: transactions(3, 5, 20), frameBytes: 128 });
    // In the first transaction's middle, while it is being skipped.
    fake.store.faults.push({ cutAfterRecords: 10 });
    const ids: string[] = [];
    for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest', windowBytes: 200 })) {
      ids.push(tx.id);
      if (ids.length === 3) break;
    }
    expect(ids).toEqual(['0-1-1', '0-1-2', '0-1-3']);
    const from = fake.store.sessions[1]!.subscribes[0]!.from;
    expect(from.kind === 'checkpoint' && Checkpoint.parse(from.checkpoint).set.toString()).toBe('0-1-1');
  });

  it('fails where the next store has another transaction, or fewer changes, in the place of the one being read', async () => {
    for (const replaced of [transaction(9, 5, 20), transaction(1, 5, 2)]) {
      await using fake = await startFakeHub({ log: transactions(2, 5, 20), frameBytes: 128 });
      fake.store.faults.push({ cutAfterRecords: 10 });
      const reading = (async () => {
        for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest', windowBytes: 200 })) {
          fake.store.log[0] = replaced;
          await orderIds(tx);
        }
      })();
      await expect(reading).rejects.toMatchObject({
        code: 'CHECKPOINT_DIVERGED',
        details: { transaction: '0-1-1' },
      });
    }
  });

  it('resumes behind a damaged frame', async () => {
    for (let frame = 1; frame <= 12; frame++) {
      await using fake = await startFakeHub({ log: transactions(20, 3), frameBytes: 300 });
      fake.store.faults.push({ corruptFrame: frame });
      expect(await read(fake.hub.subscribe<Shop>('shop', { from: 'earliest' }), 20)).toEqual(
        rowsOf(fake.store.log, 3),
      );
      expect(fake.store.sessions.length).toBe(2);
    }
  });

  it('takes a ping or pong that a damaged frame could have become for what it is', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
    const reading = read(subscription, 3);
    await until(() => subscription.status().kind === 'caughtUp');
    fake.store.sessions[0]!.ping();
    fake.store.append(transaction(2));
    fake.store.sessions[0]!.ping(Buffer.from('once a frame'));
    await until(() => fake.store.sessions.length === 2);
    fake.store.append(transaction(3));
    expect(await reading).toEqual(rowsOf(fake.store.log));
  });

  it('misses nothing between a latest start and its first transaction', async () => {
    await using fake = await startFakeHub({ log: transactions(3) });
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'latest' });
    const reading = read(subscription, 2);
    await until(() => subscription.status().kind === 'caughtUp');
    fake.store.cut();
    fake.store.append(transaction(4), transaction(5));
    expect(await reading).toEqual(rowsOf([transaction(4), transaction(5)]));
  });

  it('goes on at another store of the topic', async () => {
    await using one = await FakeStore.start({ log: transactions(10), id: 'one', lineage: '1'.repeat(32) });
    await using other = await FakeStore.start({
      log: transactions(20),
      id: 'other',
      lineage: '2'.repeat(32),
    });
    await using manager = await FakeManager.start({ stores: [one.address, other.address] });
    await using hub = await connect({ clusterManager: manager.address, credentials });
    const subscription = hub.subscribe<Shop>('shop', { from: 'earliest' });
    const reading = read(subscription, 20);
    await until(() => subscription.status().kind === 'caughtUp');
    await one[Symbol.asyncDispose]();
    expect(await reading).toEqual(rowsOf(other.log));
  });

  it('asks again where an address has become another topic’s store', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    await using stranger = await FakeStore.start({ topic: 'depot', log: transactions(9) });
    fake.manager.stores = [stranger.address];
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
    const reading = read(subscription, 1);
    await until(() => {
      const status = subscription.status();
      return status.kind === 'disconnected' && status.error.code === 'WRONG_STORE';
    });
    fake.manager.stores = [fake.store.address];
    expect(await reading).toEqual(rowsOf(fake.store.log));
  });

  it('survives a manager that is away, and goes on with the store it knows while its ticket lasts', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
    const reading = read(subscription, 3);
    await until(() => subscription.status().kind === 'caughtUp');
    await fake.manager.goAway();
    fake.store.cut();
    fake.store.append(transaction(2));
    await until(() => fake.store.sessions.length === 2);
    fake.store.append(transaction(3));
    expect(await reading).toEqual(rowsOf(fake.store.log));
  });

  it('waits for a manager that is away when its ticket has run out', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    fake.manager.ticketLifeMs = 0;
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
    const reading = read(subscription, 2);
    await until(() => subscription.status().kind === 'caughtUp');
    await fake.manager.goAway();
    fake.store.cut();
    await until(() => {
      const status = subscription.status();
      return status.kind === 'disconnected' && status.error.code === 'MANAGER_UNREACHABLE';
    });
    fake.store.append(transaction(2));
    fake.manager.ticketLifeMs = 60_000;
    await fake.manager.comeBack();
    expect(await reading).toEqual(rowsOf(fake.store.log));
  });

  it('gets a new ticket where the store says that the old one has expired', async () => {
    await using fake = await startFakeHub({ log: transactions(4) });
    fake.store.faults.push(
      { refuse: { status: 401 } },
      { cutAfterRecords: 3, error: { code: 'TICKET_EXPIRED' } },
    );
    expect(await read(fake.hub.subscribe<Shop>('shop', { from: 'earliest' }), 4)).toEqual(
      rowsOf(fake.store.log),
    );
    expect(fake.manager.tickets.length).toBe(3);
  });

  it('throws what cannot be retried, with its code and details', async () => {
    const details = { oldest: '2026-11-22T08:00:00.000Z' };
    for (const code of ['RETENTION_EXPIRED', 'TABLE_UNKNOWN', 'FORBIDDEN', 'CHECKPOINT_DIVERGED'] as const) {
      await using fake = await startFakeHub({ log: transactions(1) });
      fake.store.faults.push({ error: { code, details } });
      const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
      await expect(read(subscription, 1)).rejects.toMatchObject({ code, details });
      expect(subscription.status()).toMatchObject({ kind: 'closed', error: { code } });
    }
  });

  it('throws what the manager says about the moment or the topic', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    fake.manager.refusals.push({ status: 410, code: 'RETENTION_EXPIRED', details: { oldest: 'a day ago' } });
    await expect(read(fake.hub.subscribe<Shop>('shop'), 1)).rejects.toMatchObject({
      code: 'RETENTION_EXPIRED',
      details: { oldest: 'a day ago' },
    });
    await expect(read(fake.hub.subscribe<Shop>('shoop'), 1)).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
  });

  it('throws RETENTION_EXPIRED only once no other store has what it wants', async () => {
    await using fake = await startFakeHub({ log: transactions(6) });
    fake.store.faults.push(
      { cutAfterRecords: 4, error: { code: 'RETENTION_EXPIRED' } },
      {},
      { error: { code: 'RETENTION_EXPIRED' } },
    );
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const tx of subscription) {
        seen.push(tx.id);
        if (seen.length === 6) fake.store.cut();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });
    expect(seen).toEqual(fake.store.log.map(({ id }) => id));
  });

  it('moves on from a store whose own source has failed it, at the beginning or in the middle, and throws its error where there is no other', async () => {
    const codes = ['BINLOG_RESET', 'GTID_PURGED', 'SOURCE_HISTORY_CHANGED', 'LOG_CORRUPT'] as const;
    const faults = codes.flatMap((code) => [{ error: { code } }, { error: { code }, cutAfterRecords: 3 }]);
    for (const fault of faults) {
      await using one = await FakeStore.start({ log: transactions(6), id: 'one', lineage: '1'.repeat(32) });
      await using other = await FakeStore.start({ log: transactions(6), id: 'other' });
      await using manager = await FakeManager.start({ stores: [one.address, other.address] });
      await using hub = await connect({ clusterManager: manager.address, credentials });
      one.faults.push(fault, {});
      const reading = read(hub.subscribe<Shop>('shop', { from: 'earliest' }), 6);
      expect(await reading, fault.error.code).toEqual(rowsOf(other.log));
      expect([one.sessions.length, other.sessions.length]).toEqual([1, 1]);
      manager.stores = [one.address];
      one.faults.splice(0, Infinity, fault, {});
      const alone = read(hub.subscribe<Shop>('shop', { from: 'earliest' }), 6);
      await expect(alone).rejects.toMatchObject({ code: fault.error.code });
    }
  });

  it('goes on at another store than one that drains, also where the manager names it first', async () => {
    const log = transactions(12);
    await using one = await FakeStore.start({ log, id: 'one', lineage: '1'.repeat(32) });
    await using other = await FakeStore.start({ log, id: 'other', lineage: '2'.repeat(32) });
    await using manager = await FakeManager.start({ stores: [one.address, other.address] });
    await using hub = await connect({ clusterManager: manager.address, credentials });
    one.faults.push({ cutAfterRecords: 5, error: { code: 'STORE_DRAINING' } });
    const subscription = hub.subscribe<Shop>('shop', { from: 'earliest' });
    expect(await read(subscription, 12)).toEqual(rowsOf(log));
    expect([one.sessions.length, other.sessions.length]).toEqual([1, 1]);
  });

  it('does not wait before it goes on where a store drains', async () => {
    const log = transactions(12);
    await using one = await FakeStore.start({ log });
    await using manager = await FakeManager.start({ stores: [one.address] });
    const directory = new Directory({ addresses: [manager.address], credentials });
    const request = {
      topic: 'shop',
      client: 'test',
      tables: [],
      operations: [],
      acknowledgeGaps: [],
      rules: [],
      windowBytes: 1_000_000,
    };
    one.faults.push(
      { cutAfterRecords: 5, error: { code: 'STORE_DRAINING' } },
      { cutAfterRecords: 3, error: { code: 'STORE_DRAINING' } },
    );
    // A pause would last longer than any test.
    const backoff = { baseMs: 3_600_000, capMs: 3_600_000 };
    const source = new SessionSource(directory, request);
    await using subscription = new TopicSubscription(
      { source, backoff, random: () => 0.99 },
      { from: 'earliest' },
    );
    expect(await read(subscription as unknown as Subscription<Shop>, 12)).toEqual(rowsOf(log));
    expect(one.sessions.length).toBe(3);
  });

  it('comes back to a store that drains where no other takes it', async () => {
    await using one = await FakeStore.start({ log: transactions(6), id: 'one' });
    await using other = await FakeStore.start({ topic: 'depot' });
    await using manager = await FakeManager.start({ stores: [other.address, one.address] });
    await using hub = await connect({ clusterManager: manager.address, credentials });
    one.faults.push({ cutAfterRecords: 3, error: { code: 'STORE_DRAINING' } });
    const seen = await read(hub.subscribe<Shop>('shop', { from: 'earliest' }), 6);
    expect(seen).toEqual(rowsOf(one.log));
    expect(one.sessions.length).toBe(2);
  });

  it('ends where what it may read was changed while it had no session', async () => {
    const rule = { tables: ['shop.orders'], where: 'id > 1' };
    const others = [{ tables: ['shop.orders'] }, { tables: ['**'], restricted: [rule] }];
    for (const grant of others) {
      await using fake = await startFakeHub({ log: transactions(5) });
      fake.store.faults.push({ cutAfterRecords: 3 }, { grant });
      const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
      await expect(read(subscription, 5)).rejects.toMatchObject({ code: 'GRANT_CHANGED' });
      expect(subscription.status()).toMatchObject({ kind: 'closed', error: { code: 'GRANT_CHANGED' } });
      expect(fake.store.sessions.length).toBe(2);
    }
  });

  it('goes on where the same may be read, in whatever order stores say it', async () => {
    const one = { tables: ['a.b', 'a.c'], where: 'id > 1' };
    const other = { where: 'id > 1', tables: ['d.*'] };
    await using fake = await startFakeHub({ log: transactions(5) });
    fake.store.faults.push(
      { cutAfterRecords: 3, grant: { tables: ['a.*', 'd.*'], restricted: [one, other] } },
      { grant: { tables: ['d.*', 'a.*'], restricted: [{ tables: ['d.*'], where: 'id > 1' }, one] } },
    );
    expect(await read(fake.hub.subscribe<Shop>('shop', { from: 'earliest' }), 5)).toEqual(
      rowsOf(fake.store.log),
    );
    expect(fake.store.sessions.length).toBe(2);
  });

  it('ends where lsns do not grow', async () => {
    await using fake = await startFakeHub({ log: transactions(5) });
    fake.store.faults.push({ lsnFrom: 7 });
    await expect(read(fake.hub.subscribe<Shop>('shop', { from: 'earliest' }), 5)).rejects.toMatchObject({
      code: 'PROTOCOL_VIOLATION',
    });
  });

  it('takes a filtered transaction whose first chunks are missing', async () => {
    const log = [{ ...transaction(1, 2, 3), firstChunk: 7 }, transaction(2)];
    await using fake = await startFakeHub({ log });
    const seen = await read(fake.hub.subscribe<Shop>('shop', { from: 'earliest' }), 2);
    expect(seen.map(({ rows }) => rows.length)).toEqual([6, 1]);
  });

  it('renews its ticket in-band, without another session', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    fake.manager.ticketLifeMs = 2000;
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
    const reading = read(subscription, 2);
    await until(() => fake.store.sessions[0]?.renewals.length === 2);
    fake.store.append(transaction(2));
    expect(await reading).toEqual(rowsOf(fake.store.log));
    expect(fake.store.sessions[0]!.renewals).toEqual(fake.manager.tickets.slice(1, 3));
    expect(fake.store.sessions.length).toBe(1);
  });
});

describe('a checkpoint', () => {
  it('is where the next subscription goes on, whatever `from` says', async () => {
    await using fake = await startFakeHub({ log: transactions(10) });
    const checkpoints = memoryCheckpoints();
    for (let i = 1; i <= 10; i++) {
      for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest', checkpoints })) {
        expect(tx.id).toBe(`0-1-${i}`);
        await fake.hub.topics();
        // Not committed: it comes again.
        break;
      }
      const subscription = fake.hub.subscribe<Shop>('shop', { from: 'latest', checkpoints });
      for await (const tx of subscription) {
        expect(tx.id).toBe(`0-1-${i}`);
        await subscription.commit(tx);
        break;
      }
    }
  });

  it('commits everything up to the transaction, and never goes back', async () => {
    await using fake = await startFakeHub({ log: transactions(5) });
    const saved: string[] = [];
    const memory = memoryCheckpoints();
    const checkpoints = {
      load: () => memory.load(),
      save: (text: string) => {
        saved.push(Checkpoint.parse(text).set.toString());
        return memory.save(text);
      },
    };
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest', checkpoints });
    const read = [];
    for await (const tx of subscription) {
      read.push(tx);
      if (read.length < 5) continue;
      await subscription.commit(read[3]!);
      await subscription.commit(read[1]!);
      expect(subscription.checkpoint?.set.toString()).toBe('0-1-4');
      await subscription.commit(read[4]!);
      expect(subscription.checkpoint?.set.toString()).toBe('0-1-5');
      await subscription.commit(read[4]!);
      break;
    }
    expect(saved).toEqual(['', '0-1-4', '0-1-5']);
  });

  it('saves the newest of what is committed at once, and tells each when it is safe', async () => {
    await using fake = await startFakeHub({ log: transactions(50) });
    const saved: string[] = [];
    let release: (() => void) | undefined;
    const checkpoints = {
      load: () => Promise.resolve(undefined),
      save: async (text: string) => {
        await new Promise<void>((resolve) => (release = resolve));
        saved.push(Checkpoint.parse(text).set.toString());
      },
    };
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest', checkpoints });
    const commits: Promise<void>[] = [];
    const releasing = setInterval(() => release?.(), 5);
    for await (const tx of subscription) {
      commits.push(subscription.commit(tx));
      if (commits.length === 50) break;
    }
    await Promise.all(commits);
    clearInterval(releasing);
    expect(saved.at(-1)).toBe('0-1-50');
    expect(saved.length).toBeLessThan(10);
  });

  it('works after close, for the transaction that was in hand', async () => {
    await using fake = await startFakeHub({ log: transactions(2) });
    const checkpoints = memoryCheckpoints();
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest', checkpoints });
    for await (const tx of subscription) {
      await subscription.close();
      await subscription.commit(tx);
    }
    expect(Checkpoint.parse((await checkpoints.load())!).set.toString()).toBe('0-1-1');
  });

  it('is the exact set of each transaction, also when it is asked late and out of order', async () => {
    const log = transactions(3000);
    await using fake = await startFakeHub({ log });
    const kept = [];
    for await (const tx of fake.hub.subscribe<Shop>('shop', { from: 'earliest' })) {
      kept.push(tx);
      if (kept.length === 3000) break;
    }
    for (const index of [2999, 0, 1023, 1024, 1025, 17, 2048, 1500])
      expect(kept[index]!.checkpoint.set.toString()).toBe(log[index]!.id);
    expect(kept[1500]!.checkpoint.hint).toEqual({ lineage: '0'.repeat(32), lsn: 1501 });
  });

  it('moves on quiet streams by itself, once all that was handed out is committed', async () => {
    const hidden = (sequence: number) => ({ ...transaction(sequence), hidden: true });
    await using fake = await startFakeHub({ log: [transaction(1), hidden(2)] });
    const checkpoints = memoryCheckpoints();
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'earliest', checkpoints });
    const saved = async (): Promise<string> => {
      const text = await checkpoints.load();
      return text === undefined ? 'none' : Checkpoint.parse(text).set.toString();
    };
    const iterator = subscription[Symbol.asyncIterator]();
    const first = (await iterator.next()).value as Transaction<Shop>;
    expect(await saved()).toBe('');
    expect(subscription.checkpoint?.set.toString()).toBe('');
    const second = iterator.next();
    await until(() => subscription.checkpoint?.set.toString() === '0-1-2');
    // The first transaction is not committed: what the stream passed over behind it must not be saved.
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(await saved()).toBe('');
    await subscription.commit(first);
    expect(await saved()).toBe('0-1-2');
    fake.store.append(hidden(3), hidden(4));
    let text = '';
    void (async () => {
      while (text !== '0-1-4') {
        text = await saved();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await until(() => text === '0-1-4');
    fake.store.append(hidden(5));
    await until(() => subscription.checkpoint?.set.toString() === '0-1-5');
    await subscription.close();
    expect(await saved()).toBe('0-1-5');
    expect(await second).toEqual({ value: undefined, done: true });
  });

  it('that cannot be saved or loaded ends the loop with CHECKPOINT_STORE', async () => {
    await using fake = await startFakeHub({ log: transactions(2) });
    const broken = { load: () => Promise.resolve(undefined), save: () => Promise.reject(new Error('disk')) };
    const subscription = fake.hub.subscribe<Shop>('shop', { from: 'latest', checkpoints: broken });
    await expect(read(subscription, 1)).rejects.toMatchObject({
      code: 'CHECKPOINT_STORE',
      cause: { message: 'disk' },
    });
    const unreadable = { ...broken, load: () => Promise.reject(new Error('disk')) };
    await expect(
      read(fake.hub.subscribe<Shop>('shop', { checkpoints: unreadable }), 1),
    ).rejects.toMatchObject({
      code: 'CHECKPOINT_STORE',
    });
  });

  it('of another subscription’s transaction cannot be committed', async () => {
    await using fake = await startFakeHub({ log: transactions(1) });
    const one = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
    const other = fake.hub.subscribe<Shop>('shop', { from: 'earliest' });
    for await (const tx of one) {
      await expect(other.commit(tx)).rejects.toThrow(TypeError);
      break;
    }
  });
});
