import { Checkpoint, TransactionSet, type CheckpointStore } from '@drc/client-sdk';
import { describe, expect, it } from 'vitest';
import { TopicsCheckpoint } from '../../../client-sdk/src/topics/topics-checkpoint.js';
import { TopicsWriter } from '../../../client-sdk/src/topics/topics-writer.js';

const checkpoint = (topic: string, sequence: number): Checkpoint =>
  new Checkpoint({ topic, set: TransactionSet.parse(`0-1-${sequence}`) });

const unsaved = (topic: string, step: number) => ({ step, checkpoint: () => checkpoint(topic, step) });

/** What a store may do wrong, and what it was given. */
class FallibleStore implements CheckpointStore {
  readonly saved: string[] = [];
  loads = 0;
  failure: Error | undefined;

  constructor(readonly initial?: string) {}

  load(): Promise<string | undefined> {
    this.loads++;
    return this.failure === undefined ? Promise.resolve(this.initial) : Promise.reject(this.failure);
  }

  async save(text: string): Promise<void> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    const whole = TopicsCheckpoint.parse(text);
    this.saved.push(whole.topics.map((topic) => `${topic}=${whole.of(topic)!.set.toString()}`).join(' '));
  }
}

const signal = new AbortController().signal;

describe('the writer of the checkpoints of several topics', () => {
  it('loads once for all, and anew after a failure', async () => {
    const store = new FallibleStore(
      new TopicsCheckpoint([checkpoint('a', 3), checkpoint('c', 9)]).toString(),
    );
    const writer = new TopicsWriter(store);
    store.failure = new Error('away');
    const loads = ['a', 'b'].map((topic) => writer.keeper(topic).load(signal));
    for (const load of loads) await expect(load).rejects.toMatchObject({ code: 'CHECKPOINT_STORE' });
    expect(store.loads).toBe(1);
    store.failure = undefined;
    const from = await writer.keeper('a').load(signal);
    expect(from).toEqual({ kind: 'checkpoint', checkpoint: checkpoint('a', 3).toString() });
    expect(await writer.keeper('b').load(signal)).toBeUndefined();
    expect(store.loads).toBe(2);
  });

  it('writes all topics each time, also those that nobody reads, and none goes back', async () => {
    const store = new FallibleStore(
      new TopicsCheckpoint([checkpoint('a', 3), checkpoint('c', 9)]).toString(),
    );
    const writer = new TopicsWriter(store);
    const [a, b] = [writer.keeper('a'), writer.keeper('b')];
    await a.load(signal);
    await b.save(unsaved('b', 1));
    await a.save(unsaved('a', 5));
    await a.save(unsaved('a', 4));
    await b.save(unsaved('b', 2));
    expect(store.saved).toEqual([
      'a=0-1-3 b=0-1-1 c=0-1-9',
      'a=0-1-5 b=0-1-1 c=0-1-9',
      'a=0-1-5 b=0-1-2 c=0-1-9',
    ]);
  });

  it('resolves a save only when it, or a later one of any topic, is stored', async () => {
    const store = new FallibleStore();
    const writer = new TopicsWriter(store);
    const [a, b] = [writer.keeper('a'), writer.keeper('b')];
    await Promise.all([
      a.save(unsaved('a', 1)),
      b.save(unsaved('b', 1)),
      a.save(unsaved('a', 2)),
      b.save(unsaved('b', 2)),
    ]);
    // One was under way; the newest of those that waited covers them all.
    expect(store.saved).toHaveLength(2);
    expect(store.saved.at(-1)).toBe('a=0-1-2 b=0-1-2');
  });

  it('tells those whose save failed, and writes their places with the next one', async () => {
    const store = new FallibleStore();
    const writer = new TopicsWriter(store);
    store.failure = new Error('full');
    await expect(writer.keeper('a').save(unsaved('a', 1))).rejects.toMatchObject({
      code: 'CHECKPOINT_STORE',
    });
    await writer.keeper('a').settled();
    store.failure = undefined;
    await writer.keeper('b').save(unsaved('b', 1));
    expect(store.saved).toEqual(['a=0-1-1 b=0-1-1']);
    await writer.keeper('a').save(unsaved('a', 1));
    expect(store.saved).toHaveLength(1);
  });
});
