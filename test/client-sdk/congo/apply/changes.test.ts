import type { Row } from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import {
  ChangeWaves,
  NetChanges,
  type TableChanges,
} from '../../../../client-sdk/src/congo/apply/net-changes.js';
import type { WritableChange } from '../../../../client-sdk/src/congo/mapped-change.js';
import { Random } from '../../../support/random.js';
import { insert, ordersMatch, remove, row, update } from './matches.js';

const match = ordersMatch();

/** What the statements of all waves make of the rows; throws where a row is, or is not, there against expectation. */
function written(table: TableChanges, before: ReadonlyMap<number, Row>): { rows: Row[]; changes: number } {
  const rows = new Map(before);
  let changes = 0;
  const take = ({ id }: Row): void => {
    changes += 1;
    if (!rows.delete(Number(id))) throw new Error(`${String(id)} is not there`);
  };
  const put = (after: Row): void => {
    if (rows.has(Number(after['id']))) throw new Error(`${String(after['id'])} is there`);
    rows.set(Number(after['id']), after);
  };
  for (const wave of table.waves()) {
    for (const { deletes } of wave) deletes.forEach(take);
    for (const { moves, updates, inserts } of wave) {
      for (const { before: old, after } of [...moves, ...updates]) {
        take(old);
        put(after);
      }
      inserts.forEach(put);
      changes += inserts.length;
    }
  }
  return { rows: sorted(rows.values()), changes };
}

const sorted = (rows: Iterable<Row>): Row[] =>
  [...rows].sort((one, other) => Number(one['id']) - Number(other['id']));

/** Changes of few rows, so that each changes often. */
function* changesOf(rows: Map<number, Row>, random: Random): Generator<WritableChange> {
  for (let number = 0; number < 200; number += 1) {
    const id = random.below(12);
    const before = rows.get(id);
    const note = `n${number}`;
    if (before === undefined) {
      const after = row(id, note);
      rows.set(id, after);
      yield insert(after);
      continue;
    }
    const other = random.below(12);
    const what = random.below(4);
    if (what === 0) {
      rows.delete(id);
      yield remove(before);
    } else if (what === 1 && !rows.has(other)) {
      const after = row(other, note);
      rows.delete(id);
      rows.set(other, after);
      yield update(before, after);
    } else {
      const after = row(id, note);
      rows.set(id, after);
      yield update(before, after);
    }
  }
}

describe.each([
  ['each change', () => new ChangeWaves(), 200],
  ['net changes', () => new NetChanges(), undefined],
] as const)('The changes of a table that are written together: %s', (_, make, count) => {
  it('lead to the rows that they lead to one by one, whatever rows they exchange', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = new Random(seed);
      const before = new Map(Array.from({ length: random.below(12) }, (__, id) => [id, row(id, 'old')]));
      const after = new Map(before);
      const table = make();
      for (const change of changesOf(after, random)) expect(table.add(match, change)).toBe(true);
      const result = written(table, before);
      expect(result.rows, `seed ${seed}`).toEqual(sorted(after.values()));
      if (count !== undefined) expect(result.changes).toBe(count);
      else expect(result.changes).toBeLessThanOrEqual(24);
    }
  });
});

describe('Net changes', () => {
  it('do not take what cannot follow from one another: it is applied one by one, and told', () => {
    const twice = new NetChanges();
    expect(twice.add(match, insert(row(1, 'a')))).toBe(true);
    expect(twice.add(match, insert(row(1, 'b')))).toBe(false);
    const gone = new NetChanges();
    expect(gone.add(match, remove(row(1, 'a')))).toBe(true);
    expect(gone.add(match, update(row(1, 'a'), row(1, 'b')))).toBe(false);
    expect(gone.add(match, remove(row(1, 'a')))).toBe(false);
  });
});

describe('Waves of changes', () => {
  it('are not for rows that meet in a second unique key', () => {
    expect(new ChangeWaves().add(ordersMatch({ more: ['note'] }), insert(row(1, 'a')))).toBe(false);
  });
});
