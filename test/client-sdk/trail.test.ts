import { TransactionSet } from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Trail, type Mark } from '../../client-sdk/src/trail.js';

const lineage = 'a'.repeat(32);
const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';

describe('a trail', () => {
  it('tells the set at each of its marks, whatever was added since and in whatever order it is asked', () => {
    const moves = fc.array(
      fc.oneof(
        { weight: 20, arbitrary: fc.record({ kind: fc.constant('add' as const), number: fc.nat(5000) }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('progress' as const), number: fc.nat(5000) }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('session' as const), number: fc.nat(5000) }) },
      ),
      { minLength: 1, maxLength: 3000 },
    );
    const property = fc.property(moves, fc.infiniteStream(fc.nat()), (list, picks) => {
      const trail = new Trail('shop', lineage, TransactionSet.parse('0-1-1'), 0);
      const known: { mark: Mark; text: string }[] = [];
      const set = TransactionSet.parse('0-1-1');
      for (const [index, { kind, number }] of list.entries()) {
        const id = `${uuid}:${number + 1}`;
        set.add(id);
        if (kind === 'add') trail.add(id, index);
        else if (kind === 'progress') trail.progress(index, set.clone());
        else trail.session(lineage, TransactionSet.parse(id), index);
        known.push({ mark: trail.end, text: set.toString() });
        const { mark, text } = known[picks.next().value % known.length]!;
        if (index % 50 === 0) expect(trail.checkpoint(mark).set.toString()).toBe(text);
      }
      const steps = known.map(({ mark }) => mark.step);
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    });
    fc.assert(property, { numRuns: 20 });
  });

  it('tells where a mark is in a log, and the log time of what lies before it', () => {
    const other = 'b'.repeat(32);
    const trail = new Trail('shop', lineage, new TransactionSet(), 41);
    const begin = trail.end;
    const first = trail.add('0-1-1', 42, 1000);
    const second = trail.add('0-1-2', 44, 2000);
    trail.session(other, new TransactionSet(), 7);
    const moved = trail.end;
    const later = trail.progress(9, new TransactionSet(), 3000);
    const marks = [begin, first, second, moved, later];
    expect(marks.map((mark) => trail.lsnAt(mark, lineage))).toEqual([41, 42, 44, undefined, undefined]);
    expect(marks.map((mark) => trail.lsnAt(mark, other))).toEqual([undefined, undefined, undefined, 7, 9]);
    expect(marks.map(({ time }) => time)).toEqual([undefined, 1000, 2000, 2000, 3000]);
  });

  it('gives the lsn as a hint where it is known', () => {
    const trail = new Trail('shop', lineage, new TransactionSet(), 41);
    expect(trail.checkpoint(trail.end).hint).toEqual({ lineage, lsn: 41 });
    expect(trail.checkpoint(trail.add('0-1-1', 42)).hint).toEqual({ lineage, lsn: 42 });
    trail.session('b'.repeat(32), new TransactionSet(), undefined);
    expect(trail.checkpoint(trail.end).hint).toBeUndefined();
    expect(trail.checkpoint(trail.progress(7, new TransactionSet())).hint).toEqual({
      lineage: 'b'.repeat(32),
      lsn: 7,
    });
  });
});
