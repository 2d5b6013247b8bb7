import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { connect, type Change, type Hub, type SubscribeOptions } from '@drc/client-sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseStoreConfig } from '../../store/src/config.js';
import { silent } from '../store/serve/store-harness.js';
import { startHub, TestStore, until, type TestHub } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';

const hashKey = 'k'.repeat(32);
const hashOf = (text: string): string => createHmac('sha256', hashKey).update(text).digest('hex');

onEachServer('What a reader may have of rows and columns', (flavour) => {
  let hub: TestHub;
  let lastId: string;
  let everything: Hub;
  const opened: Hub[] = [];

  beforeAll(async () => {
    hub = await startHub({ flavour, stores: [] });
    const keyFile = hub.folder.file('column-hash.key');
    await writeFile(keyFile, hashKey, { mode: 0o600 });
    const store = new TestStore(parseStoreConfig({ ...hub.storeSettings(), columnHashKeyFile: keyFile }), {
      logger: silent,
      sourcePassword: hub.source.password,
      machineKey: hub.storeKey,
    });
    await store.start();
    hub.stores.push(store);
    const source = await hub.source.connect();
    const statements = [
      'CREATE DATABASE shop',
      'CREATE TABLE shop.orders (id INT PRIMARY KEY, region VARCHAR(8), total DECIMAL(30,2), card VARCHAR(32), email VARCHAR(64))',
      'CREATE TABLE shop.staff (id INT PRIMARY KEY, name VARCHAR(32))',
      `INSERT INTO shop.orders VALUES (1, 'eu', 100.01, '4111', 'a@b'), (2, 'eu', 100.00, '4222', 'c@d'),
        (3, NULL, 500, '4333', NULL), (4, 'us', 9007199254740993.01, '4444', 'e@f')`,
      'INSERT INTO shop.staff VALUES (1, "ann")',
      "UPDATE shop.orders SET region = 'eu' WHERE id = 4",
      'UPDATE shop.orders SET total = total + 1 WHERE id = 1',
      "UPDATE shop.orders SET region = 'us' WHERE id = 1",
      'DELETE FROM shop.orders WHERE id = 4',
      `INSERT INTO shop.orders SELECT 100 + seq.id, 'eu', 7, 'x', 'y' FROM (${Array.from({ length: 40 }, (_, id) => `SELECT ${id} AS id`).join(' UNION ALL ')}) AS seq`,
      'UPDATE shop.orders SET total = total + 1 WHERE id >= 100',
      'UPDATE shop.orders SET id = id + 500 WHERE id >= 120',
    ];
    try {
      for (const statement of statements) await source.query(statement);
    } finally {
      await source.end();
    }
    await hub.caughtUp();
    lastId = await hub.lastId();
    everything = await hub.connect();
  });
  afterAll(async () => {
    for (const one of opened) await one.close();
    await hub?.[Symbol.asyncDispose]();
  });

  async function ask(path: string, body: object, token?: string): Promise<unknown> {
    const response = await fetch(`${hub.managerUrl}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
    expect([path, response.status]).toEqual([path, 200]);
    return response.json();
  }

  /** A connection of somebody with these rules. */
  async function reader(name: string, ...rules: readonly object[]): Promise<Hub> {
    const { token } = (await ask('/v1/login', hub.administrator)) as { token: string };
    await ask('/v1/users', { name, grants: rules.map((rule) => ({ topics: ['shop'], ...rule })) }, token);
    const bearer = (await ask('/v1/tokens', { principal: name, label: 'test' }, token)) as { token: string };
    const sdk = await connect({ clusterManager: hub.managerUrl, credentials: { token: bearer.token } });
    opened.push(sdk);
    return sdk;
  }

  /** All that comes of the topic up to the last transaction, which the checkpoint then covers. */
  async function changesOf(sdk: Hub, options: SubscribeOptions = {}): Promise<Change[]> {
    await using subscription = sdk.subscribe('shop', { from: 'earliest', ...options });
    const changes: Change[] = [];
    const reading = (async () => {
      for await (const transaction of subscription) changes.push(...(await transaction.all()));
    })();
    await Promise.race([
      reading,
      until(() => subscription.checkpoint?.covers(lastId) === true, 'all is read'),
    ]);
    await subscription.close();
    await reading;
    return changes;
  }

  const rowsOf = (changes: readonly Change[]): unknown[] =>
    changes.flatMap((change) => {
      if (change.kind === 'insert') return [['insert', change.after]];
      if (change.kind === 'delete') return [['delete', change.before]];
      return change.kind === 'update' ? [['update', change.before, change.after]] : [];
    });

  test('a condition counts exactly, NULL is not true, and an update across it is an insert or a delete', async () => {
    const where = { 'shop.orders': "region = 'eu' AND total > 100 AND total < 9007199254740993.02" };
    const columns = { 'shop.orders': ['id', 'total'] };
    const changes = await changesOf(everything, { tables: ['shop.orders'], where, columns });
    expect(rowsOf(changes)).toEqual([
      ['insert', { id: 1, total: '100.01' }],
      ['insert', { id: 4, total: '9007199254740993.01' }],
      ['update', { id: 1, total: '100.01' }, { id: 1, total: '101.01' }],
      ['delete', { id: 1, total: '101.01' }],
      ['delete', { id: 4, total: '9007199254740993.01' }],
    ]);
    const inserts = await changesOf(everything, {
      tables: ['shop.orders'],
      where,
      columns,
      operations: ['insert'],
    });
    expect(rowsOf(inserts)).toEqual(rowsOf(changes).slice(0, 2));
  });

  test('a grant keeps rows and columns back, hashes others, and is ANDed with the wish', async () => {
    const rule = {
      tables: ['shop.orders'],
      drop: ['CARD'],
      hash: ['email'],
      where: "region = 'eu' AND id < 100",
    };
    const sdk = await reader('ann', rule);
    const changes = await changesOf(sdk, { where: { 'shop.orders': 'total > 100' } });
    expect(rowsOf(changes)[0]).toEqual([
      'insert',
      { id: 1, region: 'eu', total: '100.01', email: hashOf('a@b') },
    ]);
    expect(rowsOf(changes)).toHaveLength(5);
    const ddl = changes.filter((change) => change.kind === 'ddl');
    expect(ddl.map((change) => change.ddl.tables)).toContainEqual(['shop.orders']);
    expect(ddl.map((change) => change.ddl.text)).toEqual(ddl.map(() => undefined));
    const refusals: [SubscribeOptions, object][] = [
      [{ tables: ['shop.staff'] }, { table: 'shop.staff' }],
      [{ where: { 'shop.none': 'id = 1' } }, { table: 'shop.none' }],
      [{ where: { 'shop.orders': "Card = '4111'" } }, { table: 'shop.orders', column: 'Card' }],
      [{ where: { 'shop.*': 'LENGTH(email) = 3' } }, { table: 'shop.orders', column: 'email' }],
      [{ columns: { 'shop.orders': ['id', 'email'] } }, { table: 'shop.orders', column: 'email' }],
    ];
    for (const [options, details] of refusals) {
      await expect(changesOf(sdk, options)).rejects.toMatchObject({ code: 'FORBIDDEN', details });
    }
  });

  test('rules of one table let through what any of them does; one without restrictions lets all through', async () => {
    const rules = [
      { tables: ['shop.*'], where: 'id = 2', drop: ['card'] },
      { tables: ['shop.orders'], where: 'id = 3', drop: ['total'] },
    ];
    const sdk = await reader('ben', ...rules);
    expect(rowsOf(await changesOf(sdk, { tables: ['shop.orders'] }))).toEqual([
      ['insert', { id: 2, region: 'eu', email: 'c@d' }],
      ['insert', { id: 3, region: null, email: null }],
    ]);
    const all = await reader('bob', ...rules, { tables: ['shop.orders'] });
    expect(rowsOf(await changesOf(all))).toEqual(
      rowsOf(await changesOf(everything, { tables: ['shop.orders'] })),
    );
  });

  test('a partition gives every row to exactly one of four, and all versions of a key to the same', async () => {
    const whole = rowsOf(await changesOf(everything, { where: { 'shop.orders': 'TRUE' } }));
    const sharesOf = new Map<string, number>();
    let rows = 0;
    for (let index = 0; index < 4; index += 1) {
      const changes = await changesOf(everything, { partition: { of: 4, index } });
      for (const change of changes) {
        if (change.kind === 'ddl' || change.kind === 'sequence' || change.kind === 'snapshot') continue;
        rows += change.kind === 'update' ? 2 : 1;
        const before = change.kind === 'insert' ? undefined : change.before;
        const after = change.kind === 'delete' ? undefined : change.after;
        for (const row of [before, after]) {
          if (row === undefined) continue;
          const key = `${change.table} ${String(row['id'])}`;
          expect([key, sharesOf.get(key) ?? index]).toEqual([key, index]);
          sharesOf.set(key, index);
        }
      }
    }
    expect(rows).toBe((whole as unknown[][]).reduce((sum, row) => sum + row.length - 1, 0));
    expect(new Set(sharesOf.values()).size).toBe(4);
  });

  test('what cannot be asked, or not be told of a row, ends the reading', async () => {
    const failing = [
      [{ where: { 'shop.orders': 'nothing = 1' } }, 'CONDITION_INVALID'],
      [{ columns: { 'shop.orders': ['nothing'] } }, 'CONDITION_INVALID'],
      [{ where: { 'shop.none': 'id = 1' } }, 'TABLE_UNKNOWN'],
      [
        {
          tables: ['shop.orders'],
          where: {
            'shop.orders': 'total * 99999999999999999999999999999999999999999999 * 99999999999999999999 > 1',
          },
        },
        'CONDITION_FAILED',
      ],
    ] as const;
    for (const [options, code] of failing) {
      const outcome = await changesOf(everything, options).then(rowsOf, (error: unknown) => error);
      expect(outcome).toMatchObject({ code });
    }
  });
});
