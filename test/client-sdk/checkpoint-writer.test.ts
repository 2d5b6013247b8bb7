import { Checkpoint, TransactionSet } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { CheckpointWriter } from '../../client-sdk/src/checkpoint-writer.js';

const unsaved = (step: number) => ({
  step,
  checkpoint: () => new Checkpoint({ topic: 'shop', set: TransactionSet.parse(`0-1-${step}`) }),
});

/** A store whose saves end when they are told to. */
class SlowStore {
  readonly saved: string[] = [];
  readonly #running: { resolve: () => void; reject: (error: Error) => void }[] = [];

  load(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async save(text: string): Promise<void> {
    if (this.#running.length > 0) throw new Error('Two saves at once.');
    await new Promise<void>((resolve, reject) => this.#running.push({ resolve, reject }));
    this.saved.push(Checkpoint.parse(text).set.toString());
  }

  async settle(error?: Error): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    const running = this.#running.shift()!;
    if (error === undefined) running.resolve();
    else running.reject(error);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a checkpoint writer', () => {
  it('saves one at a time, and of those that wait only the newest', async () => {
    const store = new SlowStore();
    const writer = new CheckpointWriter(store);
    const saves = [1, 2, 5, 3].map((step) => writer.save(unsaved(step)));
    await store.settle();
    await store.settle();
    await Promise.all(saves);
    expect(store.saved).toEqual(['0-1-1', '0-1-5']);
  });

  it('never goes back', async () => {
    const store = new SlowStore();
    const writer = new CheckpointWriter(store);
    const save = writer.save(unsaved(5));
    await store.settle();
    await save;
    await writer.save(unsaved(4));
    await writer.settled();
    expect(store.saved).toEqual(['0-1-5']);
  });

  it('tells who waits when a save fails, and tries again with the next one', async () => {
    const store = new SlowStore();
    const writer = new CheckpointWriter(store);
    const failure = writer.save(unsaved(1)).catch((error: unknown) => error);
    await store.settle(new Error('disk'));
    expect(await failure).toMatchObject({ code: 'CHECKPOINT_STORE', cause: { message: 'disk' } });
    const save = writer.save(unsaved(1));
    await store.settle();
    await save;
    expect(store.saved).toEqual(['0-1-1']);
  });
});
