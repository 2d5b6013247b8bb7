import { Checkpoint, DrcError, TransactionSet } from '@drc/protocol';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Transaction } from '@drc/client-sdk';
import { Batch, type BatchContent } from '../../../../client-sdk/src/congo/apply/batch.js';
import type { Lane, LaneRecord } from '../../../../client-sdk/src/congo/apply/lane.js';
import { Pipeline } from '../../../../client-sdk/src/congo/apply/pipeline.js';
import { noRows, type WrittenRows } from '../../../../client-sdk/src/congo/row-writer.js';
import { insert, ordersMatch, row } from './matches.js';

const match = ordersMatch();

/** What lanes did, in order: `write 1`, `commit 1`, `rollback`. */
class Lanes {
  readonly done: string[] = [];
  /** Resolves, or rejects, when the row with this id is written; the others are at once. */
  readonly writing = new Map<number, () => Promise<void>>();

  lane(): Lane {
    let id = 0;
    const lane: Partial<Lane> = {
      begin: () => Promise.resolve(),
      write: async ({ waves }: BatchContent) => {
        id = Number(waves[0]![0]!.inserts[0]!['id']);
        this.done.push(`begin ${id}`);
        await this.writing.get(id)?.();
        this.done.push(`write ${id}`);
      },
      commit: async (record: LaneRecord, turn: Promise<void>): Promise<WrittenRows> => {
        await turn;
        this.done.push(`commit ${id} with ${record.applied.toString()}`);
        return noRows();
      },
      rollback: () => {
        this.done.push(`rollback ${id}`);
        return Promise.resolve();
      },
    };
    return lane as Lane;
  }
}

const nothing = { applied: new TransactionSet(), snapshot: undefined };

/** A batch of one transaction, `0-1-<id>`, which inserts a row. */
function batchOf(id: number, key = id): Batch {
  const batch = new Batch(undefined, 'transaction');
  batch.add(match, { change: insert(row(key, 'a')) });
  const set = TransactionSet.parse(`0-1-${id}`);
  const facts = {
    id: `0-1-${id}`,
    commitTime: new Date(id),
    checkpoint: new Checkpoint({ topic: 'shop', set }),
  };
  batch.end(facts as Transaction);
  return batch;
}

const settle = async (): Promise<void> => sleep(20);

describe('A pipeline', () => {
  it('writes batches side by side, and commits them in the order of the source', async () => {
    const lanes = new Lanes();
    let finish = (): void => undefined;
    lanes.writing.set(1, () => new Promise((resolve) => (finish = resolve)));
    const committed: string[] = [];
    const pipeline = new Pipeline([lanes.lane(), lanes.lane()], nothing, new Set(), ({ applied }) =>
      committed.push(applied.toString()),
    );
    await pipeline.put(batchOf(1));
    await pipeline.put(batchOf(2));
    expect(pipeline.oldest).toBe(1);
    await settle();
    expect(lanes.done).toEqual(['begin 1', 'begin 2', 'write 2']);
    finish();
    await pipeline.drain();
    expect(lanes.done.slice(3)).toEqual(['write 1', 'commit 1 with 0-1-1', 'commit 2 with 0-1-2']);
    expect(committed).toEqual(['0-1-1', '0-1-2']);
    expect(pipeline.isIdle).toBe(true);
  });

  it('does not begin a batch while one is under way that has a key of it', async () => {
    const lanes = new Lanes();
    let finish = (): void => undefined;
    lanes.writing.set(7, () => new Promise((resolve) => (finish = resolve)));
    const pipeline = new Pipeline([lanes.lane(), lanes.lane()], nothing, new Set(), () => undefined);
    await pipeline.put(batchOf(1, 7));
    const second = pipeline.put(batchOf(2, 7));
    await settle();
    expect(lanes.done).toEqual(['begin 7']);
    lanes.writing.clear();
    finish();
    await second;
    await pipeline.drain();
    expect(lanes.done).toEqual([
      'begin 7',
      'write 7',
      'commit 7 with 0-1-1',
      'begin 7',
      'write 7',
      'commit 7 with 0-1-2',
    ]);
  });

  it('commits nothing behind a batch that failed, and says what failed it', async () => {
    const lanes = new Lanes();
    const failure = new DrcError('ROW_DUPLICATE', 'It is there.');
    lanes.writing.set(1, async () => {
      await settle();
      throw failure;
    });
    const pipeline = new Pipeline([lanes.lane(), lanes.lane()], nothing, new Set(), () => undefined);
    await pipeline.put(batchOf(1));
    await pipeline.put(batchOf(2));
    await expect(pipeline.drain()).rejects.toBe(failure);
    await pipeline.settled();
    await expect(pipeline.put(batchOf(3))).rejects.toBe(failure);
    expect(lanes.done).toEqual(['begin 1', 'begin 2', 'write 2']);
  });

  it('lets go of what an earlier batch may be waiting for, and writes it again behind that', async () => {
    const lanes = new Lanes();
    // As a lock of the second batch would hold up the first.
    lanes.writing.set(1, async () => {
      while (!lanes.done.includes('rollback 2')) await sleep(5);
    });
    const pipeline = new Pipeline([lanes.lane(), lanes.lane()], nothing, new Set(), () => undefined);
    await pipeline.put(batchOf(1));
    await pipeline.put(batchOf(2));
    await pipeline.drain();
    expect(lanes.done).toEqual([
      'begin 1',
      'begin 2',
      'write 2',
      'rollback 2',
      'write 1',
      'commit 1 with 0-1-1',
      'begin 2',
      'write 2',
      'commit 2 with 0-1-2',
    ]);
  });

  it('gives a large transaction the lanes alone, in pieces of one target transaction', async () => {
    const lanes = new Lanes();
    const pipeline = new Pipeline([lanes.lane(), lanes.lane()], nothing, new Set(), () => undefined);
    await pipeline.put(batchOf(1));
    await pipeline.putLong(
      (async function* pieces() {
        const piece = new Batch(undefined, 'transaction');
        piece.add(match, { change: insert(row(2, 'a')) });
        yield await Promise.resolve(piece);
        yield batchOf(3);
      })(),
    );
    expect(lanes.done.slice(2)).toEqual([
      'commit 1 with 0-1-1',
      'begin 2',
      'write 2',
      'begin 3',
      'write 3',
      'commit 3 with 0-1-3',
    ]);
  });
});
