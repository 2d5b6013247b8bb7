import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Congo } from '@drc/client-sdk/congo';
import type { Hub } from '@drc/client-sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseCongoConfig } from '../../cli/src/congo-config.js';
import { TestTarget, type Stored } from '../client-sdk/congo/support/test-target.js';
import { startHub, until, type TestHub } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';

/** An example: what its README says one sees in the end, by query. */
interface Example {
  readonly folder: string;
  /** Source schemas, made anew for it. */
  readonly schemas: readonly string[];
  readonly sees: Readonly<Record<string, readonly Stored[]>>;
}

const order = (id: number, buyer_id: number, seller_id: number, total: string, status = 'paid'): Stored => ({
  id,
  buyer_id,
  seller_id,
  total,
  status,
});
const [one, three, four, five] = [
  order(1, 1, 10, '20.00'),
  order(3, 2, 11, '99.99'),
  order(4, 7, 12, '5.00', 'new'),
  order(5, 6, 13, '300.00'),
];

const examples: readonly Example[] = [
  {
    folder: 'split-database',
    schemas: ['shop'],
    sees: {
      'SELECT * FROM shop_0.orders_0': [],
      'SELECT * FROM shop_0.orders_1': [one],
      'SELECT * FROM shop_1.orders_0 ORDER BY id': [three, five],
      'SELECT * FROM shop_1.orders_1': [four],
    },
  },
  {
    folder: 'redundant-table',
    schemas: ['shop'],
    sees: {
      'SELECT id, amount, cents, is_large, site FROM report.paid_orders ORDER BY id': [
        { id: 1, amount: '20.00', cents: '2000.00', is_large: 0, site: 'main' },
        { id: 3, amount: '99.99', cents: '9999.00', is_large: 0, site: 'main' },
        { id: 5, amount: '300.00', cents: '30000.00', is_large: 1, site: 'main' },
      ],
    },
  },
  {
    folder: 'order-by-seller',
    schemas: ['shop'],
    sees: {
      'SELECT * FROM relation.orders_by_buyer_0 ORDER BY id': [three, five],
      'SELECT * FROM relation.orders_by_buyer_1 ORDER BY id': [one, four],
      'SELECT * FROM relation.orders_by_seller_0 ORDER BY id': [one, four],
      'SELECT * FROM relation.orders_by_seller_1 ORDER BY id': [three, five],
    },
  },
  {
    folder: 'index-table',
    schemas: ['shop'],
    sees: {
      'SELECT * FROM lookup.order_by_status ORDER BY status, id': [
        { status: 'new', id: 4 },
        { status: 'paid', id: 1 },
        { status: 'paid', id: 3 },
        { status: 'paid', id: 5 },
      ],
    },
  },
  {
    folder: 'history-table',
    schemas: ['shop'],
    sees: {
      'SELECT no, operation, id, content, old_content FROM history.his_config_info ORDER BY no': [
        { no: '1', operation: 'update', id: 1, content: 'a, changed', old_content: 'a' },
        { no: '2', operation: 'delete', id: 2, content: 'b', old_content: 'b' },
        { no: '3', operation: 'insert', id: 3, content: 'c', old_content: null },
        { no: '4', operation: 'delete', id: 3, content: 'c', old_content: 'c' },
        { no: '5', operation: 'insert', id: 3, content: 'c again', old_content: null },
      ],
    },
  },
  {
    folder: 'soft-delete',
    schemas: ['shop'],
    sees: {
      'SELECT id, content, is_deleted, IF(deleted_at IS NULL, "alive", "deleted") AS state FROM kept.config_info ORDER BY id':
        [
          { id: 1, content: 'a, changed', is_deleted: 0, state: 'alive' },
          { id: 2, content: 'b', is_deleted: 1, state: 'deleted' },
          { id: 3, content: 'c again', is_deleted: 0, state: 'alive' },
        ],
    },
  },
  {
    folder: 'merge',
    schemas: ['crm_0', 'crm_1', 'crm_2'],
    sees: {
      'SELECT * FROM crm.people ORDER BY branch, id': [
        { branch: 'crm_0', id: 1, name: 'ann of 0' },
        { branch: 'crm_1', id: 1, name: 'ann, renamed' },
        { branch: 'crm_1', id: 2, name: 'bob of 1' },
        { branch: 'crm_2', id: 1, name: 'ann of 2' },
        { branch: 'crm_2', id: 2, name: 'bob of 2' },
        { branch: 'crm_2', id: 3, name: 'cem of 2' },
      ],
    },
  },
];

const fileOf = (folder: string, name: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../examples/congo/${folder}/${name}`, import.meta.url)), 'utf8');

onEachServer('The examples of congo', (flavour) => {
  let hub: TestHub;
  let target: TestTarget;
  let sdk: Hub;
  beforeAll(async () => {
    hub = await startHub({ flavour });
    target = await TestTarget.start(flavour);
    await target.server.query('CREATE DATABASE shop');
    sdk = await hub.reader('congo', { tables: ['**'], snapshot: true });
  });
  afterAll(async () => {
    await target?.[Symbol.asyncDispose]();
    await hub?.[Symbol.asyncDispose]();
  });

  it.each(examples)('$folder does what it says', async ({ folder, schemas, sees }) => {
    for (const schema of schemas) await hub.source.query(`DROP DATABASE IF EXISTS ${schema}`);
    await hub.source.query(await fileOf(folder, 'source.sql'));
    await target.server.query(await fileOf(folder, 'target.sql'));
    await hub.caughtUp();
    const { task, tables, match, from } = parseCongoConfig(parse(await fileOf(folder, 'congo.yaml')));
    const congo = new Congo({
      hub: sdk,
      task,
      topic: 'shop',
      tables,
      match,
      from: from === 'snapshot' ? 'snapshot' : 'latest',
      target: target.options,
    });
    const stop = new AbortController();
    const running = congo.run(stop.signal);
    // It has begun where it will go on from.
    await Promise.race([
      running,
      until(async () => (await target.record(task)) !== undefined, 'it has begun'),
    ]);
    await hub.source.query(await fileOf(folder, 'changes.sql'));
    const seen = async (): Promise<unknown> => {
      const results = await Promise.all(Object.keys(sees).map(async (sql) => [sql, await target.rows(sql)]));
      return Object.fromEntries(results);
    };
    const isDone = async (): Promise<boolean> =>
      congo.subscription?.status().snapshot?.progress.isComplete !== false &&
      (await target.record(task))?.covers(await hub.lastId()) === true;
    await Promise.race([running, until(isDone, 'it has come to the last change')]);
    stop.abort();
    await running;
    expect(await seen()).toEqual(sees);
    expect((await fileOf(folder, 'README.md')).trim().split('\n').length).toBeGreaterThan(4);
  });
});
