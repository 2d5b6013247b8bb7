import type { Change, Column, Transaction } from '@drc/client-sdk';
import type { Row } from '@drc/protocol';
import { expect, test } from 'vitest';
import { changeAsJson, changeAsText } from '../../cli/src/change-text.js';

const commitTime = new Date('2026-11-22T08:00:00Z');
const tx = { id: '0-1-5', commitTime } as unknown as Transaction;

function change(kind: string, images: { before?: Row; after?: Row }): Change {
  const columns = Object.keys(images.after ?? images.before ?? {}).map((name) => ({ name }) as Column);
  const tableVersion = { schema: 'shop', table: 'orders', columns, primaryKey: [0] };
  return { kind, table: 'shop.orders', columns, tableVersion, ...images } as unknown as Change;
}

const ddl = (text: string | undefined): Change =>
  ({
    kind: 'ddl',
    ddl: { verb: 'CREATE TABLE', tables: ['shop.t'], ...(text === undefined ? {} : { text }) },
  }) as unknown as Change;

/** Without colours: whether there are any depends on the terminal. */
// oxlint-disable-next-line no-control-regex
const plain = (text: string): string => text.replaceAll(/\u001B\[\d+m/g, '');

test('JSON has 64-bit integers and decimals as text, bytes as base64, vectors as arrays', () => {
  const after = {
    id: 18_446_744_073_709_551_615n,
    total: '12.50',
    small: 7,
    content: Buffer.from([0, 255]),
    place: new Float32Array([0.5, -1]),
    note: null,
  };
  expect(JSON.parse(changeAsJson('shop', tx, change('insert', { after })))).toEqual({
    topic: 'shop',
    transaction: '0-1-5',
    commitTime: '2026-11-22T08:00:00.000Z',
    kind: 'insert',
    table: 'shop.orders',
    after: {
      id: '18446744073709551615',
      total: '12.50',
      small: 7,
      content: 'AP8=',
      place: [0.5, -1],
      note: null,
    },
  });
});

test('JSON of a column named __proto__ has that column', () => {
  const after = Object.fromEntries([['__proto__', 'x']]) as Row;
  expect(changeAsJson('shop', tx, change('insert', { after }))).toContain('"after":{"__proto__":"x"}');
});

test('JSON of each kind of change has the images that belong to it', () => {
  const [before, after] = [{ id: 1 }, { id: 2 }];
  expect(JSON.parse(changeAsJson('shop', tx, change('update', { before, after })))).toMatchObject({
    before,
    after,
  });
  expect(JSON.parse(changeAsJson('shop', tx, change('delete', { before })))).toMatchObject({
    kind: 'delete',
    before,
  });
  expect(JSON.parse(changeAsJson('shop', tx, change('sequence', { after })))).toMatchObject({
    kind: 'sequence',
    after,
  });
  expect(JSON.parse(changeAsJson('shop', tx, ddl('CREATE TABLE t (id INT)')))).toMatchObject({
    kind: 'ddl',
    verb: 'CREATE TABLE',
  });
});

test('readable text of an update shows the key and what has changed', () => {
  const before = { id: 1, status: 0, note: null, content: Buffer.from([1]) };
  const after = { id: 1, status: 1, note: 'pa\u001Bid', content: Buffer.from([1]) };
  expect(plain(changeAsText(tx, change('update', { before, after })))).toBe(
    String.raw`2026-11-22T08:00:00.000Z 0-1-5 ~ shop.orders id: 1, status: 0 → 1, note: NULL → "pa\u001bid"`,
  );
});

test('readable text of an update whose images lack columns says that they are absent', () => {
  const whole = change('update', { before: { id: 1, status: 0 }, after: { id: 1, status: 0 } });
  const partial = {
    ...whole,
    columns: [{ name: 'status' }],
    after: { status: 1 },
    before: { id: 1 },
  } as unknown as Change;
  expect(plain(changeAsText(tx, partial))).toContain('status: absent → 1');
});

test('readable text is one line that a terminal obeys nothing of', () => {
  expect(
    plain(changeAsText(tx, change('insert', { after: { id: 1, content: Buffer.alloc(100, 0xab) } }))),
  ).toMatch(/content: 0x(ab){40}…$/);
  expect(plain(changeAsText(tx, ddl('CREATE TABLE t (\n  id INT\u001B]0;x\u0007\n)')))).toMatch(
    /! CREATE TABLE t \( id INT \]0;x \)$/,
  );
  expect(plain(changeAsText(tx, ddl(undefined)))).toMatch(/! CREATE TABLE shop\.t$/);
});
