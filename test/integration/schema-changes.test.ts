import type { Change, Row, SubscribeOptions } from '@drc/client-sdk';
import { expect, test } from 'vitest';
import { startHub } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { Reading, type ReadTransaction } from '../support/reading.js';

/** Each statement, and of those that change rows: the columns of the change, the row before, the row after. */
const history: readonly (readonly [sql: string, columns?: string, before?: string, after?: string])[] = [
  ['CREATE DATABASE shop'],
  ['CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET latin1)'],
  ["INSERT INTO shop.t VALUES (1, 'é')", 'id int 4, v text 20', '', '1 é'],
  ['ALTER TABLE shop.t ADD COLUMN n BIGINT UNSIGNED'],
  [
    "INSERT INTO shop.t VALUES (2, 'b', 18446744073709551615)",
    'id int 4, v text 20, n bigint',
    '',
    '2 b 18446744073709551615',
  ],
  ['ALTER TABLE shop.t MODIFY n DECIMAL(22, 2)'],
  ['UPDATE shop.t SET n = 1.5 WHERE id = 1', 'id int 4, v text 20, n decimal', '1 é null', '1 é 1.50'],
  ['ALTER TABLE shop.t RENAME COLUMN v TO w'],
  [
    "UPDATE shop.t SET w = 'c' WHERE id = 2",
    'id int 4, w text 20, n decimal',
    '2 b 18446744073709551615.00',
    '2 c 18446744073709551615.00',
  ],
  ['ALTER TABLE shop.t CONVERT TO CHARACTER SET utf8mb4'],
  ["INSERT INTO shop.t VALUES (3, '中', 0)", 'id int 4, w text 80, n decimal', '', '3 中 0.00'],
  ['ALTER TABLE shop.t DROP COLUMN n'],
  ['DELETE FROM shop.t WHERE id = 2', 'id int 4, w text 80', '2 c', ''],
  ['DROP TABLE shop.t'],
  ['CREATE TABLE shop.t (w DATE, id CHAR(3) CHARACTER SET ascii PRIMARY KEY)'],
  ["INSERT INTO shop.t VALUES ('2026-01-02', 'x')", 'w date, id text 3', '', '2026-01-02 x'],
  ['CREATE TABLE shop.new_t (id INT PRIMARY KEY)'],
  ['RENAME TABLE shop.t TO shop.old_t, shop.new_t TO shop.t'],
  ['INSERT INTO shop.t VALUES (9)', 'id int 4', '', '9'],
  ["INSERT INTO shop.old_t VALUES (NULL, 'y')", 'w date, id text 3', '', 'null y'],
];

/** Of a change what the history says of it. */
function seen(change: Change): readonly string[] {
  if (change.kind === 'ddl' || change.kind === 'sequence') return [];
  const columns = change.columns.map(({ name, type, length }) => `${name} ${type} ${length ?? ''}`.trim());
  const before = 'before' in change ? textOf(change.before) : '';
  return [columns.join(', '), before, 'after' in change ? textOf(change.after) : ''];
}

const textOf = (row: Row): string => Object.values(row).map(String).join(' ');

const seenIn = (read: readonly ReadTransaction[]): unknown[] =>
  read.map(({ changes }) => changes.flatMap(seen));

onEachServer('rows of a table whose definition changes again and again', (flavour) => {
  test('come under the columns that they were written with, from any moment of any store’s log', async () => {
    const expected = history.map(([, columns, before, after]) =>
      columns === undefined ? [] : [columns, before ?? '', after ?? ''],
    );
    // One store reads along, the other comes when no column is any more as it was.
    await using hub = await startHub({ flavour });
    for (const [sql] of history) await hub.source.query(sql);
    await hub.startStore();
    await hub.caughtUp();
    const last = await hub.lastId();
    const sdk = await hub.connect();
    for (const stopped of hub.stores) {
      await stopped.stop();
      const all = await hub.readAll(last);
      expect(seenIn(all)).toEqual(expected);
      const from = async (start: NonNullable<SubscribeOptions['from']>): Promise<unknown[]> => {
        await using reading = new Reading(sdk.subscribe('shop', { from: start }));
        return seenIn(await reading.until(last));
      };
      for (const [index, { id, checkpoint }] of all.slice(0, -1).entries()) {
        expect(await from({ transaction: id })).toEqual(expected.slice(index));
        expect(await from({ checkpoint })).toEqual(expected.slice(index + 1));
      }
      await stopped.start();
    }
  });
});
