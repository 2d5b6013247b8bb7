import { addUser, createMachineKey, type ReaderSummary } from '@drc/cluster-manager';
import { Checkpoint, TransactionSet } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { Checkpoints } from '../../cluster-manager/src/checkpoints.js';
import { EmbeddedRegistry } from '../../cluster-manager/src/registry/embedded.js';
import { cheapPasswords, extent, managerFolder, type Answer, type TestManager } from './fixture.js';

/** What a reader has that is done with everything up to this sequence of MariaDB's domain 0. */
const upTo = (sequence: number, topic = 'shop'): string =>
  new Checkpoint({ topic, set: TransactionSet.parse(`0-1-${sequence}`) }).toString();

const codeOf = (answer: Answer): unknown => (answer.body as { error?: { code: unknown } }).error?.code;
const epochOf = (answer: Answer): number => (answer.body as { epoch: number }).epoch;

/** A running manager with the topic shop, a reader of it, and ways to ask in the reader's and the administrator's name. */
async function shop() {
  const folder = await managerFolder();
  const { directory } = folder;
  const { key: storeKey } = await createMachineKey(directory, { kind: 'store', topics: ['shop', 'crm'] });
  const reader = await createMachineKey(directory, { kind: 'client', topics: ['shop'] });
  const manager = await folder.start();
  const admin = await manager.token();
  const principal = `machine:${reader.id}`;
  return {
    manager,
    storeKey,
    principal,
    clock: folder.clock,
    take: (name = 'billing', token = reader.key, topic = 'shop'): Promise<Answer> =>
      manager.request('POST', `/v1/checkpoints/${topic}/${name}/take`, { token, body: { client: 'test' } }),
    save: (epoch: number, checkpoint: string, fields = {}, name = 'billing'): Promise<Answer> =>
      manager.request('PUT', `/v1/checkpoints/shop/${name}`, {
        token: reader.key,
        body: { epoch, checkpoint, ...fields },
      }),
    seek: (to: string, fields = {}): Promise<Answer> =>
      manager.request('POST', '/v1/readers/seek', {
        token: admin,
        body: { principal, topic: 'shop', name: 'billing', to, ...fields },
      }),
    remove: (query = ''): Promise<Answer> =>
      manager.request('DELETE', `/v1/readers/${principal}/shop/billing${query}`, { token: admin }),
    readers: (): Promise<ReaderSummary[]> => readersOf(manager, admin),
    async [Symbol.asyncDispose]() {
      await manager[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function readersOf(manager: TestManager, token: string): Promise<ReaderSummary[]> {
  const { body } = await manager.request('GET', '/v1/readers?topic=shop', { token });
  return (body as { readers: ReaderSummary[] }).readers;
}

describe('checkpoints that the managers keep', () => {
  it('are given to whoever takes the subscription next, also after a restart of the manager', async () => {
    await using folder = await managerFolder();
    await createMachineKey(folder.directory, { kind: 'store', topics: ['shop'] });
    const { key: token } = await createMachineKey(folder.directory, { kind: 'client', topics: ['shop'] });
    const path = '/v1/checkpoints/shop/billing';
    let first: Answer;
    {
      await using manager = await folder.start();
      first = await manager.request('POST', `${path}/take`, { token, body: {} });
      expect(first).toMatchObject({ status: 200, body: { epoch: folder.clock.now() } });
      const body = { epoch: epochOf(first), checkpoint: upTo(7), time: 1_767_225_600_000 };
      expect((await manager.request('PUT', path, { token, body })).status).toBe(204);
    }
    await using manager = await folder.start();
    const second = await manager.request('POST', `${path}/take`, { token, body: {} });
    expect(second.body).toEqual({ epoch: epochOf(first) + 1, checkpoint: upTo(7) });
  });

  it('are saved by the instance that took the subscription last, and by no other', async () => {
    await using hub = await shop();
    const first = epochOf(await hub.take());
    const second = epochOf(await hub.take());
    expect(second).toBeGreaterThan(first);
    const fenced = await hub.save(first, upTo(9));
    expect(fenced.status).toBe(409);
    expect(codeOf(fenced)).toBe('CHECKPOINT_FENCED');
    expect((await hub.save(second, upTo(5))).status).toBe(204);
    expect((await hub.take()).body).toMatchObject({ checkpoint: upTo(5) });
    // An epoch that no manager gave, or that this one has not heard of yet: it can be tried again.
    const unknown = await hub.save(second + 1_000_000, upTo(9));
    expect([unknown.status, codeOf(unknown)]).toEqual([503, 'REGISTRY_UNAVAILABLE']);
    expect(hub.manager.audited('checkpoint.take')).toMatchObject([
      { principal: hub.principal, topic: 'shop', name: 'billing', client: 'test', epoch: first },
      { epoch: second },
      { epoch: second + 1 },
    ]);
  });

  it('never go back by a save that was long under way', async () => {
    await using hub = await shop();
    const epoch = epochOf(await hub.take());
    for (const sequence of [8, 3, 8]) expect((await hub.save(epoch, upTo(sequence))).status).toBe(204);
    expect((await hub.take()).body).toMatchObject({ checkpoint: upTo(8) });
  });

  it('belong to one principal, one topic and one name', async () => {
    await using hub = await shop();
    await hub.save(epochOf(await hub.take()), upTo(4));
    expect((await hub.take('report')).body).not.toHaveProperty('checkpoint');
    const admin = await hub.manager.token();
    // The administrator may read all topics, and is another principal.
    expect((await hub.take('billing', admin)).body).not.toHaveProperty('checkpoint');
    expect((await hub.take()).body).toMatchObject({ checkpoint: upTo(4) });
  });

  it('are for those who may read of the topic', async () => {
    await using hub = await shop();
    const answers = [
      await hub.take('billing', 'nonsense'),
      await hub.take('billing', hub.storeKey),
      await hub.take('billing', undefined, 'crm'),
      await hub.take('billing', undefined, 'none'),
      await hub.take('bill ing'),
    ];
    expect(answers.map((answer) => [answer.status, codeOf(answer)])).toEqual([
      [401, 'UNAUTHENTICATED'],
      [403, 'FORBIDDEN'],
      [404, 'TOPIC_UNKNOWN'],
      [404, 'TOPIC_UNKNOWN'],
      [400, 'REQUEST_INVALID'],
    ]);
    expect(await hub.readers()).toEqual([]);
  });

  it('are refused where they are none, another topic’s, or too long', async () => {
    await using hub = await shop();
    const epoch = epochOf(await hub.take());
    const wrong = [
      await hub.save(epoch, 'nonsense'),
      await hub.save(epoch, upTo(1, 'crm')),
      await hub.save(epoch, 'A'.repeat(61_441)),
      await hub.save(epoch, 'A'.repeat(66_000)),
      await hub.save(-1, upTo(1)),
    ];
    expect(wrong.map((answer) => [answer.status, codeOf(answer)])).toEqual([
      [400, 'CHECKPOINT_INVALID'],
      [400, 'CHECKPOINT_INVALID'],
      [400, 'REQUEST_INVALID'],
      [413, 'REQUEST_INVALID'],
      [400, 'REQUEST_INVALID'],
    ]);
    expect((await hub.take()).body).not.toHaveProperty('checkpoint');
  });

  it('are not saved more often than the registry can bear', async () => {
    await using hub = await shop();
    const epoch = epochOf(await hub.take());
    const answers: Answer[] = [];
    for (let sequence = 1; sequence <= 10; sequence++) answers.push(await hub.save(epoch, upTo(sequence)));
    expect(answers.map(({ status }) => status)).toEqual([...Array<number>(9).fill(204), 429]);
    expect(answers.at(-1)!.body).toMatchObject({
      error: { code: 'RATE_LIMITED', details: { retryAfterMs: 500 } },
    });
    hub.clock.advance(500);
    expect((await hub.save(epoch, upTo(10))).status).toBe(204);
  });

  it('are a thousand for each principal', async () => {
    await using folder = await managerFolder();
    const { directory, clock } = folder;
    await using registry = await EmbeddedRegistry.open({ directory });
    const checkpoints = new Checkpoints({ registry, clock });
    const keyOf = (name: number | string, principal = 'anna') => ({
      principal,
      topic: 'shop',
      name: `${name}`,
    });
    const takes: Promise<unknown>[] = [];
    for (let i = 0; i < 1000; i++) {
      // All names of a principal share a pace, too.
      if (i === 400)
        await expect(checkpoints.take(keyOf(i), 'test')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
      if (i >= 400) clock.advance(5);
      takes.push(checkpoints.take(keyOf(i), 'test'));
    }
    await Promise.all(takes);
    clock.advance(1_000);
    await expect(checkpoints.take(keyOf('more'), 'test')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await checkpoints.take(keyOf(7), 'again')).toHaveProperty('epoch');
    expect(await checkpoints.take(keyOf('more', 'bob'), 'test')).toHaveProperty('epoch');
  });

  it('go with their principal', async () => {
    await using hub = await shop();
    await hub.save(epochOf(await hub.take()), upTo(4));
    expect(await hub.readers()).toHaveLength(1);
    const token = await hub.manager.token();
    const id = hub.principal.slice('machine:'.length);
    expect((await hub.manager.request('DELETE', `/v1/machine-keys/${id}`, { token })).status).toBe(200);
    expect(await hub.readers()).toEqual([]);
  });
});

describe('an operator', () => {
  it('sees readers that are away, and how far they are behind', async () => {
    await using hub = await shop();
    await hub.manager.announce(hub.storeKey);
    const { head } = extent();
    const epoch = epochOf(await hub.take());
    await hub.save(epoch, upTo(4), { time: head.time - 60_000 });
    const takenAt = hub.clock.now();
    const saved = {
      epoch,
      client: 'test',
      takenAt,
      savedAt: takenAt,
      time: head.time - 60_000,
      set: '0-1-4',
    };
    const identity = { principal: hub.principal, topic: 'shop', name: 'billing', client: 'test' };
    const lagMs = hub.clock.now() - head.time + 60_000;
    expect(await hub.readers()).toEqual([{ ...identity, state: 'away', lagMs, saved }]);
    await hub.save(epoch, upTo(5), { time: head.time });
    expect(await hub.readers()).toMatchObject([{ state: 'away', lagMs: 0 }]);
  });

  it('sees the sessions that stores tell of, beside what is saved of them, for as long as they do', async () => {
    await using hub = await shop();
    await hub.manager.announce(hub.storeKey);
    const epoch = epochOf(await hub.take());
    await hub.save(epoch, upTo(4));
    const told = { client: 'test', state: 'live', sentLsn: 9, lagMs: 0, lagBytes: 0 };
    const behind = {
      client: 'old',
      state: 'replaying',
      sentLsn: 5,
      committedLsn: 2,
      lagMs: 5_000,
      lagBytes: 700,
    };
    const report = (part: number, parts: number, readers: object[], token = hub.storeKey): Promise<Answer> =>
      hub.manager.request('POST', '/v1/stores/readers', {
        token,
        body: { topic: 'shop', id: 'store-1', part, parts, retentionMs: 86_400_000, readers },
      });
    expect((await report(0, 2, [{ principal: hub.principal, name: 'billing', ...told }])).status).toBe(200);
    await report(1, 2, [{ principal: 'anna', ...behind, trimsInMs: 81_000_000 }]);
    expect(await hub.readers()).toEqual([
      { principal: 'anna', topic: 'shop', store: 'store-1', ...behind, trimsInMs: 81_000_000 },
      {
        principal: hub.principal,
        topic: 'shop',
        name: 'billing',
        store: 'store-1',
        ...told,
        saved: expect.objectContaining({ epoch, set: '0-1-4' }) as unknown,
      },
    ]);
    // The second part is no more; then all of it is too old.
    await report(0, 1, [{ principal: hub.principal, name: 'billing', ...told }]);
    expect(await hub.readers()).toMatchObject([{ state: 'live' }]);
    hub.clock.advance(15_000);
    expect(await hub.readers()).toMatchObject([{ state: 'away' }]);
    expect(codeOf(await report(0, 1, [], 'drcmk_nonsense'))).toBe('UNAUTHENTICATED');
    expect(codeOf(await report(0, 1, [], await hub.manager.token()))).toBe('FORBIDDEN');
  });

  it('moves a subscription to a moment: first on trial, then in earnest', async () => {
    await using hub = await shop();
    await hub.manager.announce(hub.storeKey);
    const { head } = extent();
    const epoch = epochOf(await hub.take());
    await hub.save(epoch, upTo(50), { time: head.time });
    const to = `timestamp:${head.time - 90_000}`;
    const trial = await hub.seek(to, { dryRun: true });
    expect(trial.body).toEqual({
      event: 'reader.seek',
      subject: `reader:${hub.principal}/shop/billing`,
      before: { epoch, set: '0-1-50', time: head.time },
      after: { epoch: epoch + 1, from: to },
      fromTime: head.time,
      toTime: head.time - 90_000,
    });
    expect(hub.manager.audited('reader.seek')).toEqual([]);
    expect((await hub.save(epoch, upTo(51))).status).toBe(204);

    expect((await hub.seek(to)).status).toBe(200);
    expect(hub.manager.audited('reader.seek')).toMatchObject([{ principal: 'admin', after: { from: to } }]);
    const moved = await hub.save(epoch, upTo(52));
    expect([moved.status, codeOf(moved)]).toEqual([409, 'CHECKPOINT_MOVED']);
    expect(await hub.readers()).toMatchObject([{ saved: { from: to, movedAt: hub.clock.now() } }]);
    // It begins there until something was saved behind it.
    const next = await hub.take();
    expect(next.body).toEqual({ epoch: epochOf(next), from: to });
    const again = await hub.take();
    expect(again.body).toEqual({ epoch: epochOf(again), from: to });
    await hub.save(epochOf(again), upTo(40));
    expect((await hub.take()).body).toEqual({ epoch: epochOf(again) + 1, checkpoint: upTo(40) });
  });

  it('moves a subscription to a checkpoint, a transaction, the beginning, and the end as it is now', async () => {
    await using hub = await shop();
    await hub.manager.announce(hub.storeKey);
    const { head } = extent();
    await hub.save(epochOf(await hub.take()), upTo(50));
    for (const [to, taken] of [
      [`checkpoint:${upTo(20)}`, { checkpoint: upTo(20) }],
      ['transaction:0-1-30', { from: 'transaction:0-1-30' }],
      ['earliest', { from: 'earliest' }],
      ['latest', { from: `timestamp:${head.time}` }],
    ] as const) {
      expect((await hub.seek(to)).status).toBe(200);
      expect((await hub.take()).body).toEqual({ epoch: expect.any(Number) as unknown, ...taken });
      hub.clock.advance(1_000);
    }
  });

  it('cannot move a subscription to where nothing is, and none that is not there', async () => {
    await using hub = await shop();
    const absent = await hub.seek('earliest');
    expect([absent.status, codeOf(absent)]).toEqual([400, 'REQUEST_INVALID']);
    await hub.save(epochOf(await hub.take()), upTo(50));
    expect(codeOf(await hub.seek('latest'))).toBe('STORE_UNAVAILABLE');
    await hub.manager.announce(hub.storeKey);
    const gone = await hub.seek(`timestamp:${extent().coversFrom - 1}`);
    expect([gone.status, codeOf(gone)]).toEqual([410, 'RETENTION_EXPIRED']);
    expect(codeOf(await hub.seek('checkpoint:nonsense'))).toBe('CHECKPOINT_INVALID');
    expect(codeOf(await hub.seek(`checkpoint:${upTo(1, 'crm')}`))).toBe('CHECKPOINT_INVALID');
    expect(codeOf(await hub.seek('yesterday'))).toBe('REQUEST_INVALID');
    expect(codeOf(await hub.seek(`timestamp:${hub.clock.now() + 1}`))).toBe('REQUEST_INVALID');
    expect((await hub.take()).body).toMatchObject({ checkpoint: upTo(50) });
  });

  it('removes what is kept of a subscription, and its epochs are not given again', async () => {
    await using hub = await shop();
    const first = epochOf(await hub.take());
    await hub.save(first, upTo(50));
    expect((await hub.remove('?dryRun=true')).status).toBe(200);
    expect(await hub.readers()).toHaveLength(1);
    expect((await hub.remove()).body).toMatchObject({ event: 'reader.remove', before: { set: '0-1-50' } });
    expect((await hub.remove()).status).toBe(400);
    // It was taken a moment ago: this manager could have missed that.
    expect(codeOf(await hub.save(first, upTo(51)))).toBe('REGISTRY_UNAVAILABLE');
    hub.clock.advance(5_000);
    expect(codeOf(await hub.save(first, upTo(51)))).toBe('CHECKPOINT_MOVED');
    const anew = await hub.take();
    expect(anew.body).toEqual({ epoch: epochOf(anew) });
    expect(epochOf(anew)).toBeGreaterThan(first);
    expect(codeOf(await hub.save(first, upTo(51)))).toBe('CHECKPOINT_FENCED');
  });

  it('is an administrator, and nobody else', async () => {
    await using folder = await managerFolder();
    const { directory } = folder;
    await createMachineKey(directory, { kind: 'store', topics: ['shop'] });
    const anna = await addUser(directory, { name: 'anna' }, { passwordCost: cheapPasswords });
    await using manager = await folder.start();
    const token = await manager.token(anna);
    const body = { principal: 'anna', topic: 'shop', name: 'billing', to: 'earliest' };
    for (const answer of [
      await manager.request('GET', '/v1/readers', { token }),
      await manager.request('POST', '/v1/readers/seek', { token, body }),
      await manager.request('DELETE', '/v1/readers/anna/shop/billing', { token }),
    ])
      expect([answer.status, codeOf(answer)]).toEqual([403, 'FORBIDDEN']);
  });
});
