import { matchTable, type TableMatch } from '../../../../client-sdk/src/congo/target-table.js';
import type { WritableChange } from '../../../../client-sdk/src/congo/mapped-change.js';
import type { Row } from '@drc/protocol';
import { int, tableVersion, targetColumn as column, text } from '../support/tables.js';

/** The columns of a key, each a whole one. */
const keyOver = (...names: readonly string[]) => ({
  name: names.join('_'),
  columns: names.map((name) => ({ name, prefix: undefined })),
  nullable: false,
});

export const orders = tableVersion('shop.orders', [int('id'), text('note')]);

/** `shop.orders (id INT PRIMARY KEY, note VARCHAR)`, as a target has it. @param more further unique keys */
export function ordersMatch({
  key = 'id',
  more = [] as readonly string[],
  foreignKeys = false,
} = {}): TableMatch {
  const { match, faults } = matchTable(orders, {
    schema: 'shop',
    table: 'orders',
    columns: new Map([
      ['id', column('id', 'int')],
      ['note', column('note', 'varchar')],
    ]),
    key: [key],
    uniqueKeys: [keyOver(key), ...more.map((name) => keyOver(name))],
    transactional: true,
    foreignKeys,
    triggers: [],
  });
  if (faults.length > 0) throw new Error(faults.join('; '));
  return match;
}

const context = {
  table: 'shop.orders',
  tableVersion: orders,
  columns: orders.columns,
  foreignKeyChecks: true,
  uniqueChecks: true,
};

export const row = (id: number, note: string): Row => ({ id, note });
export const insert = (after: Row): WritableChange => ({ ...context, kind: 'insert', after });
export const update = (before: Row, after: Row): WritableChange => ({
  ...context,
  kind: 'update',
  before,
  after,
});
export const remove = (before: Row): WritableChange => ({ ...context, kind: 'delete', before });
