import { hubCheckpoints, type Hub, type SubscribeOptions, type Transaction } from '@drc/client-sdk';
import type { AdministrationCalls, ReaderSummary } from '@drc/cluster-manager';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logInTo } from '../../cli/src/manager-client.js';
import { startHub, until, type TestHub } from '../support/hub.js';
import { Ledger } from '../support/ledger.js';
import { Reading } from '../support/reading.js';

describe('checkpoints kept by the hub', () => {
  let hub: TestHub;
  let ledger: Ledger;
  let sdk: Hub;
  beforeAll(async () => {
    hub = await startHub();
    ledger = await Ledger.open(hub.source);
    sdk = await hub.connect();
  });
  afterAll(async () => {
    await ledger?.[Symbol.asyncDispose]();
    await hub?.[Symbol.asyncDispose]();
  });

  /** An instance of a service: of the same principal, whichever connection it comes by. */
  const instance = (name: string, options: SubscribeOptions = {}, through = sdk): Reading =>
    new Reading(
      through.subscribe('shop', { from: 'earliest', checkpoints: hubCheckpoints({ name }), ...options }),
    );

  const administration = (): Promise<AdministrationCalls> => logInTo(hub.managerUrl, hub.administrator, {});

  const readerOf = async (name: string): Promise<ReaderSummary | undefined> =>
    (await (await administration()).readers.list('shop')).find((reader) => reader.name === name);

  /** Reads up to this transaction, committing each. */
  async function commitUpTo(reading: Reading, id: string): Promise<Transaction> {
    for (;;) {
      const transaction = await reading.next();
      await reading.subscription.commit(transaction);
      if (transaction.id === id) return transaction;
    }
  }

  /** What ends the loop, which must be an error. */
  async function endOf(reading: Reading): Promise<unknown> {
    try {
      for (;;) await reading.subscription.commit(await reading.next());
    } catch (error) {
      return error;
    }
  }

  it('let a service go on where it stopped, over another connection', async () => {
    const middle = await ledger.write(5);
    {
      await using first = instance('moving');
      await commitUpTo(first, middle);
    }
    const id = await ledger.transact();
    await using second = instance('moving', {}, await hub.connect());
    expect((await second.next()).id).toBe(id);
  });

  it('are of one name: another one begins anew, and the same one is not opened twice', async () => {
    const last = await ledger.transact();
    await using one = instance('one');
    await commitUpTo(one, last);
    await using other = instance('other', { from: 'latest' });
    const following = other.next();
    await until(() => other.subscription.status().kind === 'caughtUp', 'the other one is there');
    const id = await ledger.transact();
    expect((await following).id).toBe(id);
    expect(() => sdk.subscribe('shop', { checkpoints: hubCheckpoints({ name: 'one' }) })).toThrow(
      /under the name one is open already/,
    );
    await one.subscription.close();
    await using again = instance('one');
    expect((await again.next()).id).toBe(id);
  });

  it('are the newest instance’s: the one before ends, and moves nothing back', async () => {
    const first = await ledger.write(3);
    await using old = instance('fenced');
    await commitUpTo(old, first);
    const second = await ledger.transact();
    await using young = instance('fenced', {}, await hub.connect());
    await commitUpTo(young, second);
    await ledger.transact();
    expect(await endOf(old)).toMatchObject({ code: 'CHECKPOINT_FENCED' });
    expect(old.subscription.status()).toMatchObject({
      kind: 'closed',
      error: { code: 'CHECKPOINT_FENCED' },
    });
    await young.subscription.close();
    const saved = (await readerOf('fenced'))!.saved!;
    expect(saved.set).toContain(second);
  });

  it('wait for the managers while these are away, and the loop goes on', async () => {
    await using reading = instance('patient');
    await commitUpTo(reading, await ledger.write(3));
    await hub.stopManager();
    const away = await ledger.write(3);
    await commitUpTo(reading, away);
    await until(async () => {
      const id = await ledger.transact();
      await commitUpTo(reading, id);
      return reading.subscription.status().checkpointBehindSince !== undefined;
    }, 'the subscription says that its checkpoint is behind');
    const status = reading.subscription.status();
    expect(['caughtUp', 'streaming']).toContain(status.kind);
    expect(status.checkpointBehindSince).toBeLessThanOrEqual(Date.now());

    await hub.startManager();
    await until(
      () => reading.subscription.status().checkpointBehindSince === undefined,
      'the checkpoint is saved',
    );
    await reading.subscription.close();
    await using next = instance('patient');
    const id = await ledger.transact();
    expect((await next.next()).id).toBe(id);
  });

  it('are taken as soon as a manager is there, by a service that was started without one', async () => {
    const last = await ledger.transact();
    {
      await using before = instance('early');
      await commitUpTo(before, last);
    }
    await hub.stopManager();
    await using reading = instance('early');
    const id = await ledger.transact();
    const following = reading.next();
    await until(() => reading.subscription.status().kind === 'disconnected', 'the reader misses the manager');
    await hub.startManager();
    expect((await following).id).toBe(id);
  });

  it('show an operator where each reader is, and how it falls behind', async () => {
    await using reading = instance('seen');
    const last = await ledger.write(3);
    const transaction = await commitUpTo(reading, last);
    const { hint } = transaction.checkpoint;
    // Nobody writes: it is done with all.
    const following = reading.next();
    const isSeen = async (): Promise<boolean> => {
      const seen = await readerOf('seen');
      return seen?.committedLsn === hint!.lsn && seen.saved?.time !== undefined && seen.state === 'live';
    };
    await until(isSeen, 'it is seen', 200);
    expect(await readerOf('seen')).toMatchObject({
      principal: expect.stringMatching(/^machine:/) as string,
      topic: 'shop',
      state: 'live',
      client: 'drc-sdk',
      store: hub.store.store.log.lineage,
      sentLsn: hint!.lsn,
      lagMs: 0,
      lagBytes: 0,
      saved: { client: 'drc-sdk', time: expect.any(Number) as number },
    });
    await ledger.transact();
    await following;
    await ledger.write(2);
    await until(async () => ((await readerOf('seen'))?.lagMs ?? 0) > 0, 'it is seen to be behind', 200);
    const behind = (await readerOf('seen'))!;
    expect(behind.trimsInMs! + behind.lagMs!).toBe(86_400_000);
    await reading.subscription.close();
    await until(async () => (await readerOf('seen'))?.state === 'away', 'it is seen to be away', 200);
  });

  it('are moved by an operator: the instance that runs ends, the next one begins there', async () => {
    await using reading = instance('moved');
    const ids = [await ledger.transact(), await ledger.transact(), await ledger.transact()];
    await commitUpTo(reading, ids[2]!);
    const { readers } = await administration();
    const { principal, topic } = (await readerOf('moved'))!;
    const key = { principal, topic, name: 'moved' };
    const trial = await readers.seek(key, `transaction:${ids[1]!}`, { dryRun: true });
    expect(trial).toMatchObject({ after: { from: `transaction:${ids[1]!}` } });
    await commitUpTo(reading, await ledger.transact());
    await readers.seek(key, `transaction:${ids[1]!}`);
    await ledger.transact();
    expect(await endOf(reading)).toMatchObject({ code: 'CHECKPOINT_MOVED' });

    await using next = instance('moved');
    expect((await next.next()).id).toBe(ids[1]);
    await next.subscription.close();
    await readers.remove(key);
    expect(await readerOf('moved')).toBeUndefined();
    await using anew = instance('moved', { from: { transaction: ids[0]! } });
    expect((await anew.next()).id).toBe(ids[0]);
  });
});
