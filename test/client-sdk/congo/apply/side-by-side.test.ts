import type { Change } from '@drc/client-sdk';
import type { Row } from '@drc/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEachServer } from '../../../support/on-each-server.js';
import { Random } from '../../../support/random.js';
import { FakeTopic } from '../support/fake-hub.mjs';
import { insert, int, remove, tableVersion, text, update } from '../support/tables.js';
import { RunningTask } from '../support/task.js';
import { TestTarget } from '../support/test-target.js';

const shapes = [
  // One key; a second one, whose values rows exchange; a key of text, which the target compares in its own way; keys that bind two tables.
  'CREATE TABLE plain (id INT PRIMARY KEY, other INT, note VARCHAR(255))',
  'CREATE TABLE pairs (id INT PRIMARY KEY, other INT UNIQUE, note VARCHAR(255))',
  'CREATE TABLE names (note VARCHAR(255) COLLATE utf8mb4_general_ci PRIMARY KEY, id INT, other INT)',
  'CREATE TABLE parents (id INT PRIMARY KEY, other INT, note VARCHAR(255))',
  'CREATE TABLE children (id INT PRIMARY KEY, other INT, note VARCHAR(255), FOREIGN KEY (other) REFERENCES parents (id))',
];
const columns = [int('id'), int('other'), text('note')];
const versions = {
  plain: tableVersion('shop.plain', columns),
  pairs: tableVersion('shop.pairs', columns),
  names: tableVersion('shop.names', [text('note', false), int('id'), int('other')]),
  parents: tableVersion('shop.parents', columns),
  children: tableVersion('shop.children', columns),
};
type Table = keyof typeof versions;

const transactions = 400;

/** A source that its own keys hold together, at each moment. */
class Source {
  readonly #random = new Random(7);
  /** Given to each new row of `pairs`. */
  #unused = 0;
  readonly rows: Record<Table, Map<number, Row>> = {
    plain: new Map(),
    pairs: new Map(),
    names: new Map(),
    parents: new Map(),
    children: new Map(),
  };

  transaction(): Change[] {
    const changes: Change[] = [];
    while (changes.length === 0)
      for (let left = 1 + this.#random.below(6); left > 0; left -= 1) changes.push(...this.#change());
    return changes;
  }

  #change(): Change[] {
    const table = this.#random.pick(Object.keys(versions) as Table[]);
    const rows = this.rows[table];
    const id = this.#random.below(20);
    const before = rows.get(id);
    if (table === 'pairs' && this.#random.below(3) === 0) return this.#exchange();
    if (before !== undefined && this.#random.below(3) === 0) {
      if (table === 'parents' && [...this.rows.children.values()].some(({ other }) => other === id))
        return [];
      rows.delete(id);
      return [remove(versions[table], before)];
    }
    const after = this.#row(table, id, before);
    if (after === undefined) return [];
    rows.set(id, after);
    return [before === undefined ? insert(versions[table], after) : update(versions[table], before, after)];
  }

  #row(table: Table, id: number, before: Row | undefined): Row | undefined {
    const note = `${this.#random.below(1000)}`;
    if (table === 'names') {
      // The same letters, small or capital, are the same key.
      const name = `n${id}`;
      return {
        note: this.#random.below(2) === 0 ? name : name.toUpperCase(),
        id,
        other: this.#random.below(1000),
      };
    }
    if (table === 'children') {
      const parents = [...this.rows.parents.keys()];
      return parents.length === 0 ? undefined : { id, other: this.#random.pick(parents), note };
    }
    return {
      id,
      other: table === 'pairs' ? (before?.['other'] ?? (this.#unused += 1)) : this.#random.below(1000),
      note,
    };
  }

  /** Two rows change places in their second key, over a value that none has. */
  #exchange(): Change[] {
    const { pairs } = this.rows;
    const [one, other] = [pairs.get(this.#random.below(20)), pairs.get(this.#random.below(20))];
    if (one === undefined || other === undefined || one === other) return [];
    const aside = { ...one, other: -1 };
    const [first, second] = [
      { ...one, other: other['other']! },
      { ...other, other: one['other']! },
    ];
    pairs.set(Number(one['id']), first);
    pairs.set(Number(other['id']), second);
    return [
      update(versions.pairs, one, aside),
      update(versions.pairs, other, second),
      update(versions.pairs, aside, first),
    ];
  }
}

onEachServer('Batches that are written side by side', (flavour) => {
  let target: TestTarget;
  beforeAll(async () => {
    target = await TestTarget.start(flavour);
  });
  afterAll(() => target[Symbol.asyncDispose]());

  it.each(['transaction', 'row'] as const)('leave what the source has (atomic: %s)', async (atomic) => {
    await target.reset(...shapes);
    const topic = new FakeTopic();
    const source = new Source();
    let last = '';
    for (let number = 0; number < transactions; number += 1) last = topic.append(source.transaction());
    await using task = new RunningTask(topic, target, { atomic, maxBatchRows: 8, workers: 6 });
    await task.applied(last, target);
    for (const [table, rows] of Object.entries(source.rows)) {
      const expected = [...rows.values()].sort((one, other) => Number(one['id']) - Number(other['id']));
      expect(await target.rows(`SELECT id, other, note FROM ${table} ORDER BY id`), table).toEqual(expected);
    }
    expect(task.congo.counters.transactions).toBe(transactions);
    expect(task.congo.counters.targetTransactions).toBeLessThan((transactions * 2) / 3);
    // What was refused when it was taken together was applied all the same, one by one.
    expect(task.seen.filter(({ kind }) => kind === 'waiting' || kind === 'stopped')).toEqual([]);
  });

  it('keep rows that refer to a row which goes and comes again, where the user may not see them', async () => {
    await target.reset(
      'CREATE TABLE pairs (id INT PRIMARY KEY, other INT UNIQUE, note VARCHAR(255))',
      'CREATE TABLE hidden (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES pairs (id) ON DELETE CASCADE)',
      "INSERT INTO pairs VALUES (1, 1, 'a')",
      'INSERT INTO hidden VALUES (1)',
    );
    await target.query(
      `DROP USER IF EXISTS 'narrow'@'%'; CREATE USER 'narrow'@'%' IDENTIFIED BY 'a password';
       GRANT ALL ON drc.* TO 'narrow'@'%'; GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON shop.pairs TO 'narrow'@'%'`,
    );
    const topic = new FakeTopic();
    const before = { id: 1, other: 1, note: 'a' };
    const last = topic.append([update(versions.pairs, before, { ...before, note: 'b' })]);
    const user = { ...target.options, user: 'narrow', password: 'a password' };
    await using task = new RunningTask(topic, target, { atomic: 'row', target: user });
    await task.applied(last, target);
    expect(await target.rows('SELECT note FROM pairs')).toEqual([{ note: 'b' }]);
    expect(await target.rows('SELECT id FROM hidden')).toEqual([{ id: 1 }]);
  });
});
