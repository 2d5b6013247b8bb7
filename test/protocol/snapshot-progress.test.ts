import {
  Checkpoint,
  decodeSnapshotHead,
  encodeSnapshotHead,
  SnapshotProgress,
  TransactionSet,
  type SnapshotHead,
} from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { refusal } from './support/refusal.js';

const progress = new SnapshotProgress([['shop.done', 'done']])
  .plan(['shop.done', '__proto__', 'shop.a'])
  .with('shop.a', { key: 'AQ', rows: 7 });

describe('the progress of a snapshot', () => {
  it('says which tables are copied, and how far', () => {
    expect([...progress.tables]).toEqual([
      ['shop.done', 'done'],
      ['__proto__', 'pending'],
      ['shop.a', { key: 'AQ', rows: 7 }],
    ]);
    expect(['shop.done', '__proto__', 'shop.a', 'shop.b'].map((table) => progress.isCopying(table))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(progress.isComplete).toBe(false);
    expect(progress.with('shop.a', 'done').with('__proto__', 'done').isComplete).toBe(true);
  });

  it('is part of a checkpoint', () => {
    const checkpoint = new Checkpoint({
      topic: 'shop',
      set: TransactionSet.parse('0-1-5'),
      snapshot: progress,
    });
    const read = Checkpoint.parse(checkpoint.toString());
    expect([...read.snapshot!.tables]).toEqual([...progress.tables]);
    expect(read.toString()).toBe(checkpoint.toString());
    expect(new Checkpoint({ topic: 'shop', set: TransactionSet.parse('0-1-5') }).toString()).toBe(
      'AYldZcF7InRvcGljIjoic2hvcCIsInNldCI6IjAtMS01In0',
    );
  });

  it('is refused where it is malformed', () => {
    for (const bad of [
      undefined,
      {},
      ['shop.a'],
      [['shop.a']],
      [['shop.a', 2]],
      [[1, 0]],
      [['a', 'AQ', 'x']],
    ])
      expect(() => SnapshotProgress.fromJSON(bad)).toThrow(refusal('CHECKPOINT_INVALID'));
  });
});

describe('the head of a snapshot record', () => {
  const heads: readonly SnapshotHead[] = [
    { kind: 'plan', tables: ['shop.a', 'shop.b'] },
    {
      kind: 'rows',
      table: 'shop.a',
      key: Buffer.of(1, 2),
      rows: 9,
      time: 1_769_000_000_000,
      estimatedRows: 10,
      done: false,
    },
  ];

  it('reads as it was written, wherever it stands', () => {
    for (const head of heads) {
      const body = Buffer.concat([Buffer.of(9, 9), encodeSnapshotHead(head), Buffer.from('parts')]);
      const read = decodeSnapshotHead(body, 2, body.length);
      expect(read.head).toEqual(head);
      expect(body.subarray(read.partsAt).toString()).toBe('parts');
    }
  });

  it('is refused where it is cut off or malformed', () => {
    const body = encodeSnapshotHead(heads[1]!);
    for (let length = 0; length < body.length; length += 1)
      expect(() => decodeSnapshotHead(body, 0, length)).toThrow(refusal('PROTOCOL_VIOLATION'));
    const other = encodeSnapshotHead({ kind: 'else', tables: [] } as unknown as SnapshotHead);
    expect(() => decodeSnapshotHead(other, 0, other.length)).toThrow(refusal('PROTOCOL_VIOLATION'));
  });
});
