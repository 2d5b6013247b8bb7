import { hubCheckpoints } from '@drc/client-sdk';
import { Checkpoint, DrcError, TransactionSet } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import type { Unsaved } from '../../client-sdk/src/checkpoint-keeper.js';
import {
  HubCheckpointKeeper,
  type AskManagers,
  type HubKeeperTimes,
} from '../../client-sdk/src/hub-checkpoint-keeper.js';
import { until } from './support/hub.js';

const upTo = (sequence: number): Unsaved => ({
  step: sequence,
  time: sequence * 1000,
  checkpoint: () => new Checkpoint({ topic: 'shop', set: TransactionSet.parse(`0-1-${sequence}`) }),
});

const hour = 3_600_000;
const quick: HubKeeperTimes = {
  saveMs: 0,
  commitMs: hour,
  watchMs: hour,
  closeMs: 30_000,
  backoff: { baseMs: 1, capMs: 1 },
};

/** What a manager is asked to save, and how it answers: default, it does. */
class FakeManagers {
  readonly saved: unknown[] = [];
  readonly questions: string[] = [];
  readonly failures: unknown[] = [];
  answer: () => Promise<void> = () => Promise.resolve();
  /** Undefined: they are of an older version. */
  taken: Record<string, unknown> | undefined = { epoch: 7 };

  readonly ask: AskManagers = async (method, path, body) => {
    this.questions.push(`${method} ${path}`);
    if (this.taken === undefined) throw new DrcError('REQUEST_INVALID', 'There is nothing at this address.');
    if (method === 'POST') return this.taken;
    await this.answer();
    const { epoch, checkpoint, time } = body as { epoch: number; checkpoint: string; time?: number };
    this.saved.push({ epoch, set: Checkpoint.parse(checkpoint).set.toString(), time });
    return {};
  };

  async keeper(times: Partial<HubKeeperTimes> = {}): Promise<HubCheckpointKeeper> {
    const keeper = new HubCheckpointKeeper({
      ask: this.ask,
      topic: 'shop',
      name: 'billing',
      client: 'test',
      failed: (error) => this.failures.push(error),
      times: { ...quick, ...times },
    });
    await keeper.load(new AbortController().signal);
    return keeper;
  }
}

const away = (): Promise<void> => Promise.reject(new DrcError('MANAGER_UNREACHABLE', 'Nobody is there.'));
const never = (): Promise<void> => new Promise(() => undefined);

describe('a checkpoint that the hub keeps', () => {
  it('is saved with the epoch that came with the subscription', async () => {
    const managers = new FakeManagers();
    const keeper = await managers.keeper();
    await keeper.save(upTo(3));
    await keeper.save(upTo(2));
    await keeper.save(upTo(4));
    expect(managers.saved).toEqual([
      { epoch: 7, set: '0-1-3', time: 3000 },
      { epoch: 7, set: '0-1-4', time: 4000 },
    ]);
    expect(managers.questions).toEqual([
      'POST /v1/checkpoints/shop/billing/take',
      'PUT /v1/checkpoints/shop/billing',
      'PUT /v1/checkpoints/shop/billing',
    ]);
    expect(keeper.behindSince).toBeUndefined();
  });

  it('begins where the managers say', async () => {
    const managers = new FakeManagers();
    const { signal } = new AbortController();
    const keeper = await managers.keeper();
    expect(await keeper.load(signal)).toBeUndefined();
    const checkpoint = upTo(3).checkpoint().toString();
    managers.taken = { epoch: 8, checkpoint };
    expect(await keeper.load(signal)).toEqual({ kind: 'checkpoint', checkpoint });
    for (const [from, start] of [
      ['earliest', { kind: 'earliest' }],
      ['timestamp:1767225600000', { kind: 'timestamp', time: 1_767_225_600_000 }],
      ['transaction:0-1-5', { kind: 'transaction', id: '0-1-5' }],
    ] as const) {
      managers.taken = { epoch: 9, checkpoint, from };
      expect(await keeper.load(signal)).toEqual(start);
    }
    for (const taken of [{}, { epoch: 9, from: 'nowhere' }, { epoch: 9, checkpoint: 5 }]) {
      managers.taken = taken;
      await expect(keeper.load(signal)).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION' });
    }
    await keeper.settled();
  });

  it('is CHECKPOINT_STORE where the managers know of no such thing', async () => {
    const managers = new FakeManagers();
    const keeper = await managers.keeper();
    managers.taken = undefined;
    await expect(keeper.load(new AbortController().signal)).rejects.toMatchObject({
      code: 'CHECKPOINT_STORE',
    });
  });

  it('shares a save with others, and a commit does not wait for a save that has to wait', async () => {
    const managers = new FakeManagers();
    const keeper = await managers.keeper({ saveMs: hour });
    await keeper.save(upTo(1));
    for (let sequence = 2; sequence <= 100; sequence++) await keeper.save(upTo(sequence));
    expect(managers.saved).toMatchObject([{ set: '0-1-1' }]);
    await keeper.settled();
    expect(managers.saved).toMatchObject([{ set: '0-1-1' }, { set: '0-1-100' }]);
  });

  it('waits in memory while no manager answers, and is saved when one does', async () => {
    const managers = new FakeManagers();
    const keeper = await managers.keeper({ commitMs: 1 });
    managers.answer = away;
    const before = Date.now();
    for (let sequence = 1; sequence <= 20; sequence++) await keeper.save(upTo(sequence));
    await until(() => keeper.behindSince !== undefined);
    expect(keeper.behindSince).toBeGreaterThanOrEqual(before);
    await keeper.save(upTo(21));
    managers.answer = () => Promise.resolve();
    await until(() => keeper.behindSince === undefined);
    expect(managers.saved.at(-1)).toMatchObject({ set: '0-1-21' });
    await keeper.settled();
    expect(managers.failures).toEqual([]);
  });

  it.each([
    ['refuse connections', away],
    ['do not answer', never],
  ])('is CHECKPOINT_STORE at the end where the managers %s', async (_what, answer) => {
    const managers = new FakeManagers();
    const keeper = await managers.keeper({ commitMs: 1, closeMs: 50 });
    await keeper.save(upTo(1));
    managers.answer = answer;
    await keeper.save(upTo(2));
    await expect(keeper.settled()).rejects.toMatchObject({ code: 'CHECKPOINT_STORE' });
    await expect(keeper.save(upTo(3))).rejects.toMatchObject({ code: 'CHECKPOINT_STORE' });
    // Nothing is lost while the process lives: it can be tried again.
    managers.answer = () => Promise.resolve();
    await keeper.save(upTo(4));
    expect(managers.saved).toMatchObject([{ set: '0-1-1' }, { set: '0-1-4' }]);
    await keeper.settled();
  });

  it('ends the subscription where somebody else has it', async () => {
    const managers = new FakeManagers();
    const keeper = await managers.keeper();
    await keeper.save(upTo(1));
    const fenced = new DrcError('CHECKPOINT_FENCED', 'Another one has it.');
    managers.answer = () => Promise.reject(fenced);
    await expect(keeper.save(upTo(2))).rejects.toBe(fenced);
    expect(managers.failures).toEqual([fenced]);
    await expect(keeper.save(upTo(3))).rejects.toBe(fenced);
    await keeper.settled();
    expect(managers.saved).toHaveLength(1);
  });

  it('finds out on a quiet topic, too, that somebody else has it', async () => {
    const managers = new FakeManagers();
    const keeper = await managers.keeper({ watchMs: 5 });
    await keeper.save(upTo(1));
    await until(() => managers.saved.length > 2);
    expect(managers.saved.at(-1)).toEqual(managers.saved[0]);
    let answers = 0;
    managers.answer = () => (answers++, away());
    await until(() => answers > 2);
    expect(keeper.behindSince).toBeUndefined();
    managers.answer = () => Promise.reject(new DrcError('CHECKPOINT_MOVED', 'An operator moved it.'));
    await until(() => managers.failures.length > 0);
    expect(managers.failures).toMatchObject([{ code: 'CHECKPOINT_MOVED' }]);
    await keeper.settled();
  });

  it('has a name that can be, and belongs to a subscription', async () => {
    for (const name of ['', 'a b', 'ä', 'x'.repeat(101)])
      expect(() => hubCheckpoints({ name })).toThrow(TypeError);
    const unbound = hubCheckpoints({ name: 'a-b.c_1' });
    await expect(unbound.load()).rejects.toThrow(TypeError);
    await expect(unbound.save('text')).rejects.toThrow(TypeError);
  });
});
