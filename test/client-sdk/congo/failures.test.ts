import type { Change } from '@drc/client-sdk';
import { noRows } from '@drc/client-sdk/congo';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEachServer } from '../../support/on-each-server.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { FakeTopic } from './support/fake-hub.mjs';
import { insert, int, remove, tableVersion, text, update } from './support/tables.js';
import { RunningTask } from './support/task.js';
import { TestTarget } from './support/test-target.js';

const orders = tableVersion('shop.orders', [int('id'), text('note')]);
const createOrders = 'CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(20))';
const bare = tableVersion('shop.bare', [text('note')], []);
const createBare = 'CREATE TABLE bare (note VARCHAR(20))';
const order = (id: number, note = `n${id}`) => ({ id, note });

onEachServer('A row that cannot be applied', (flavour) => {
  let target: TestTarget;
  beforeAll(async () => {
    target = await TestTarget.start(flavour, ['--innodb-lock-wait-timeout=1']);
  });
  afterAll(async () => {
    await target[Symbol.asyncDispose]();
  });

  const refusals: readonly [string, string, object, readonly Change[]][] = [
    [
      'an update of a row that is not there',
      'ROW_MISSING',
      { table: 'shop.orders', key: '9' },
      [update(orders, order(9), order(9, 'x'))],
    ],
    [
      'a removal of a row that is not there',
      'ROW_MISSING',
      { table: 'shop.orders', key: '9', rows: 1 },
      [remove(orders, order(1)), remove(orders, order(9))],
    ],
    [
      'an update of an unkeyed row that is not there',
      'ROW_MISSING',
      { table: 'shop.bare' },
      [update(bare, { note: 'A' }, { note: 'b' })],
    ],
    [
      'an insert of a key that is there',
      'ROW_DUPLICATE',
      { table: 'shop.orders', key: '1', errno: 1062 },
      [insert(orders, order(1))],
    ],
    [
      'an insert of a key that is there, among 600 rows',
      'ROW_DUPLICATE',
      { table: 'shop.orders', key: '2' },
      Array.from({ length: 600 }, (_, i) => insert(orders, order(i === 500 ? 2 : 100 + i))),
    ],
    [
      'a removal of a row that is not there, among 600 rows',
      'ROW_MISSING',
      { table: 'shop.orders', key: '7' },
      [
        ...Array.from({ length: 600 }, (_, i) => insert(orders, order(100 + i))),
        ...Array.from({ length: 600 }, (_, i) => remove(orders, order(i === 300 ? 7 : 100 + i))),
      ],
    ],
    [
      'a text that is too long',
      'VALUE_TRUNCATED',
      { table: 'shop.orders', key: '7' },
      [insert(orders, order(7, 'x'.repeat(21)))],
    ],
    [
      'a text that is too long, among 256 rows',
      'VALUE_TRUNCATED',
      { table: 'shop.orders', key: '300' },
      Array.from({ length: 256 }, (_, i) => insert(orders, order(100 + i, i === 200 ? 'x'.repeat(21) : 'y'))),
    ],
    [
      "a text that is too long, beside ENUM's error value",
      'VALUE_TRUNCATED',
      { table: 'shop.enums', key: '2' },
      ['x', 'y', 'xy'].map((t, id) =>
        insert(
          tableVersion('shop.enums', [
            int('id'),
            { name: 'e', type: 'enum', nullable: true, labels: ['a'] },
            { name: 't', type: 'text', nullable: true, length: 40, collation: 45 },
          ]),
          { id, e: id === 1 ? 'a' : '', t },
        ),
      ),
    ],
  ];

  it.each(refusals)(
    'stops the task at its transaction, and nothing of that stays: %s',
    async (_, code, details, changes) => {
      await target.reset(
        createOrders,
        createBare,
        "CREATE TABLE enums (id INT PRIMARY KEY, e ENUM('a'), t VARCHAR(1))",
      );
      const topic = new FakeTopic();
      topic.append([insert(orders, order(1)), insert(bare, { note: 'a' })]);
      const before = topic.append([insert(orders, order(2))]);
      const failing = topic.append([insert(orders, order(3)), ...changes, insert(orders, order(4))]);
      topic.append([insert(orders, order(5))]);
      await using task = new RunningTask(topic, target);
      const error = await task.failure();
      expect(error).toMatchObject({ code, details: { ...details, transaction: failing } });
      const { table, key } = error.details as { table: string; key?: string };
      const named = key === undefined ? `${table}, which has no key` : `${table}, key ${key}`;
      expect(error.message).toMatch(new RegExp(`^Transaction ${failing}: ${named}: `));
      // All before it is there, although they had been in one target transaction.
      expect((await target.rows('SELECT id FROM orders ORDER BY id')).map(({ id }) => id)).toEqual([1, 2]);
      expect(await target.rows('SELECT note FROM bare')).toEqual([{ note: 'a' }]);
      expect((await target.record())?.toString()).toBe(before);
      expect(task.congo.counters.rows).toEqual({ ...noRows(), insert: 3 });
    },
  );

  it('goes on where it stopped once the target is corrected', async () => {
    await target.reset(createOrders, "INSERT INTO orders VALUES (2, 'in the way')");
    const topic = new FakeTopic();
    for (let id = 1; id < 4; id++) topic.append([insert(orders, order(id))]);
    await using first = new RunningTask(topic, target);
    expect(await first.failure()).toMatchObject({ code: 'ROW_DUPLICATE' });
    await target.query('DELETE FROM shop.orders WHERE id = 2');
    await using second = new RunningTask(topic, target);
    await second.applied('0-1-3', target);
    expect(await target.count('orders')).toBe(3);
  });

  it('tells everything that is wrong with a target at once', async () => {
    await target.reset(
      'CREATE TABLE orders (id BIGINT, other INT NOT NULL) ENGINE=MyISAM',
      'CREATE TABLE memory (id INT PRIMARY KEY) ENGINE=MEMORY',
      'CREATE VIEW v AS SELECT 1 AS id',
    );
    const topic = new FakeTopic();
    topic.append([insert(orders, order(1))]);
    await using any = new RunningTask(topic, target, { tables: [{ from: 'shop.*' }] });
    expect(await any.failure()).toMatchObject({
      code: 'TARGET_CONFIG',
      details: {
        table: 'shop.orders',
        faults: [
          'shop.orders: its storage engine cannot roll back; use InnoDB',
          "shop.orders: column 'note' is missing",
          "shop.orders: column 'other' is not in the source and has no default",
        ],
      },
    });
    expect(await target.count('orders')).toBe(0);
    // What the rules name is looked at before the task is claimed.
    await using named = new RunningTask(topic, target, {
      task: 'named',
      tables: ['memory', 'v', 'nowhere'].map((table) => ({ from: `shop.${table}` })),
    });
    expect(await named.failure()).toMatchObject({
      code: 'TARGET_CONFIG',
      details: {
        faults: [
          'shop.memory: its storage engine cannot roll back; use InnoDB',
          'shop.v: there is no such table',
          'shop.nowhere: there is no such table',
        ],
      },
    });
    expect(await target.rows("SELECT * FROM drc.congo_task WHERE task = 'named'")).toEqual([]);
  });

  it('tells the faults of all tables whose rows have come', async () => {
    await target.reset(
      createOrders,
      'CREATE TABLE a (id INT PRIMARY KEY, n DECIMAL(10,1))',
      'CREATE TABLE b (id INT PRIMARY KEY, must INT NOT NULL)',
    );
    const topic = new FakeTopic();
    const n = { name: 'n', type: 'decimal', nullable: true, precision: 10, scale: 2 } as const;
    topic.append([insert(orders, order(1))]);
    const failing = topic.append([insert(tableVersion('shop.a', [int('id'), n]), { id: 1, n: '1.00' })]);
    topic.append([insert(orders, order(2)), insert(tableVersion('shop.b', [int('id')]), { id: 1 })]);
    topic.append([insert(tableVersion('shop.c', [int('id')]), { id: 1 })]);
    await using task = new RunningTask(topic, target);
    expect(await task.failure()).toMatchObject({
      code: 'TARGET_CONFIG',
      details: {
        table: 'shop.a',
        transaction: failing,
        faults: [
          "shop.a: column 'n': 2 decimal places into 1 would round",
          "shop.b: column 'must' is not in the source and has no default",
          'shop.c: there is no such table',
        ],
      },
    });
    // What came before the first of them is applied.
    expect((await target.rows('SELECT id FROM orders')).map(({ id }) => id)).toEqual([1]);
  });

  it('says what to raise where it is larger than the target takes', async () => {
    await target.reset('CREATE TABLE big (id INT PRIMARY KEY, v LONGBLOB)');
    await target.query('SET GLOBAL max_allowed_packet = 1048576');
    try {
      const topic = new FakeTopic();
      const big = tableVersion('shop.big', [int('id'), { name: 'v', type: 'bytes', nullable: true }]);
      await using task = new RunningTask(topic, target);
      // Many rows that fit each for itself.
      const fits = topic.append(
        Array.from({ length: 20 }, (_, id) => insert(big, { id, v: Buffer.alloc(200_000) })),
      );
      await task.applied(fits, target);
      topic.append([insert(big, { id: 100, v: Buffer.alloc(1024 * 1024) })]);
      const error = await task.failure();
      expect(error).toMatchObject({ code: 'TARGET_CONFIG', details: { table: 'shop.big', key: '100' } });
      expect(error.message).toContain('SET GLOBAL max_allowed_packet = 2097152');
    } finally {
      await target.query('SET GLOBAL max_allowed_packet = 1073741824');
    }
  });

  it('has triggers, and refuses them by name unless the task allows them', async () => {
    await target.reset(
      createOrders,
      createBare,
      'CREATE TRIGGER doubles AFTER INSERT ON orders FOR EACH ROW INSERT INTO bare VALUES (NEW.note)',
    );
    const topic = new FakeTopic();
    const id = topic.append([insert(orders, order(1))]);
    for (const from of ['shop.*', 'shop.orders']) {
      await using refusing = new RunningTask(topic, target, { tables: [{ from }] });
      const error = await refusing.failure();
      expect(error).toMatchObject({ code: 'TARGET_CONFIG' });
      expect(error.message).toContain("shop.orders: trigger 'doubles'");
    }
    expect(await target.count('orders')).toBe(0);
    await using allowing = new RunningTask(topic, target, { triggers: 'allow' });
    await allowing.applied(id, target);
    expect(await target.count('bare')).toBe(1);
  });

  it('of another topic is not taken for this task', async () => {
    await target.reset(createOrders);
    const topic = new FakeTopic();
    await using first = new RunningTask(topic, target);
    await first.applied(topic.append([insert(orders, order(1))]), target);
    await using other = new RunningTask(new FakeTopic({ topic: 'crm' }), target, { topic: 'crm' });
    expect(await other.failure()).toMatchObject({ code: 'TARGET_CONFIG' });
    // The mistake has not taken the task from its owner.
    await first.applied(topic.append([insert(orders, order(2))]), target);
  });

  it('whose user lacks privileges is told which, of all tables that are named, before the task is claimed', async () => {
    await target.reset(createOrders, createBare, 'CREATE TABLE secret (id INT PRIMARY KEY)');
    const topic = new FakeTopic();
    {
      await using task = new RunningTask(topic, target);
      await task.applied(topic.append([insert(orders, order(1))]), target);
    }
    await target.query(
      "DROP USER IF EXISTS 'congo'@'%'; CREATE USER 'congo'@'%' IDENTIFIED BY 'secret'; GRANT SELECT, INSERT, UPDATE ON drc.* TO 'congo'@'%'; GRANT SELECT, INSERT ON shop.orders TO 'congo'@'%'; GRANT SELECT, INSERT, DELETE ON shop.bare TO 'congo'@'%'",
    );
    const asCongo = { ...target.options, user: 'congo', password: 'secret' };
    const faults = [
      'shop.orders: the user lacks UPDATE, DELETE; run GRANT UPDATE, DELETE ON `shop`.`orders` TO the user',
      'shop.bare: the user lacks UPDATE; run GRANT UPDATE ON `shop`.`bare` TO the user',
      'shop.secret: there is no such table, or the user has no privilege on it',
    ];
    await using named = new RunningTask(topic, target, {
      task: 'named',
      target: asCongo,
      tables: ['orders', 'bare', 'secret'].map((table) => ({ from: `shop.${table}` })),
    });
    expect(await named.failure()).toMatchObject({ code: 'TARGET_CONFIG', details: { faults } });
    expect(await target.rows("SELECT * FROM drc.congo_task WHERE task = 'named'")).toEqual([]);

    // Of a rule for a schema the tables are known by their first rows; CREATE is not needed any more.
    const id = topic.append([insert(orders, order(2))]);
    await using any = new RunningTask(topic, target, { target: asCongo });
    expect(await any.failure()).toMatchObject({
      code: 'TARGET_CONFIG',
      details: { faults: faults.slice(0, 1), transaction: id },
    });
    await target.query("GRANT UPDATE, DELETE ON shop.orders TO 'congo'@'%'");
    await using allowed = new RunningTask(topic, target, { target: asCongo });
    await allowed.applied(topic.append([remove(orders, order(2))]), target);
  });

  it('that refuses the user ends the task, and names user and settings, not the password', async () => {
    await target.reset(createOrders);
    await target.query(
      "DROP USER IF EXISTS 'plain'@'%'; DROP USER IF EXISTS 'ssl'@'%'; CREATE USER 'plain'@'%' IDENTIFIED BY 'secret'; CREATE USER 'ssl'@'%' IDENTIFIED BY 'secret' REQUIRE SSL",
    );
    const attempt = async (user: string, password: string): Promise<string> => {
      await using task = new RunningTask(new FakeTopic(), target, {
        target: { ...target.options, user, password },
      });
      const error = await task.failure();
      expect(error).toMatchObject({ code: 'TARGET_AUTH', details: { errno: 1045 } });
      return error.message;
    };
    const wrong = await attempt('plain', 'guess');
    expect(wrong).toContain("refused the user 'plain': check target.user and its password");
    expect(wrong).not.toContain('guess');
    expect(await attempt('ssl', 'secret')).toContain(
      'REQUIRE SSL is refused like this where target.tls is not',
    );
  });

  it('waits for a lock that somebody holds, or a read-only target, and is then applied once', async () => {
    await target.reset(createOrders, createBare, "INSERT INTO orders VALUES (1, 'n1'), (2, 'n2')");
    const topic = new FakeTopic();
    const waits = async (task: RunningTask): Promise<void> => {
      const seen = task.seen.length;
      await target.until(() => Promise.resolve(task.seen.slice(seen).some(({ kind }) => kind === 'waiting')));
    };
    await using task = new RunningTask(topic, target);
    const other = await target.server.connect({ database: 'shop' });
    try {
      await other.beginTransaction();
      await other.query("UPDATE orders SET note = 'held' WHERE id = 2");
      const id = topic.append([
        insert(bare, { note: 'once' }),
        update(orders, order(1), order(1, 'x')),
        update(orders, order(2), order(2, 'y')),
      ]);
      await waits(task);
      expect(await target.rows('SELECT note FROM bare')).toEqual([]);
      await other.rollback();
      await task.applied(id, target);

      const plain = { ...target.options, user: 'congo2', password: 'secret' };
      await target.query(
        "SET GLOBAL read_only = 0; DROP USER IF EXISTS 'congo2'@'%'; CREATE USER 'congo2'@'%' IDENTIFIED BY 'secret'; GRANT ALL ON shop.* TO 'congo2'@'%'; GRANT ALL ON drc.* TO 'congo2'@'%'; SET GLOBAL read_only = 1",
      );
      await using second = new RunningTask(topic, target, { target: plain });
      const last = topic.append([insert(bare, { note: 'twice' })]);
      await waits(second);
      await target.query('SET GLOBAL read_only = 0');
      await second.applied(last, target);
    } finally {
      await target.query('SET GLOBAL read_only = 0');
      await other.end();
    }
    expect((await target.rows('SELECT note FROM bare ORDER BY note')).map(({ note }) => note)).toEqual([
      'once',
      'twice',
    ]);
    expect((await target.rows('SELECT note FROM orders ORDER BY id')).map(({ note }) => note)).toEqual([
      'x',
      'y',
    ]);
  });

  it('is written once although the connection is cut again and again', async () => {
    await target.reset(createOrders, createBare);
    await using proxy = await startTcpProxy({ host: '127.0.0.1', port: target.server.port });
    const topic = new FakeTopic();
    await using task = new RunningTask(topic, target, {
      maxBatchRows: 7,
      target: { ...target.options, port: proxy.port },
    });
    let last = '';
    for (let id = 0; id < 300; id++) {
      last = topic.append([insert(bare, { note: 'same' }), insert(orders, order(id))]);
      if (id % 20 === 0) {
        await task.applied(topic.append([update(orders, order(id), order(id, 'seen'))]), target);
        proxy.cut();
      }
    }
    await task.applied(last, target);
    expect(proxy.strikes).toBeGreaterThan(5);
    expect(await target.count('bare')).toBe(300);
    expect(await target.count("orders WHERE note = 'seen'")).toBe(15);
  });

  it('does not hold up a stop, although the target has fallen silent', async () => {
    await target.reset(createOrders);
    await using proxy = await startTcpProxy({ host: '127.0.0.1', port: target.server.port });
    const topic = new FakeTopic();
    let rows = 0;
    let isStalled = (): void => undefined;
    const stalled = new Promise<void>((resolve) => (isStalled = resolve));
    const at = (point: string): void => {
      if (point !== 'row' || ++rows !== 2) return;
      proxy.set({ kind: 'stall' });
      isStalled();
    };
    await using task = new RunningTask(topic, target, {
      target: { ...target.options, port: proxy.port },
      hooks: { at },
    });
    await task.applied(topic.append([insert(orders, order(1))]), target);
    topic.append([insert(orders, order(2))]);
    await stalled;
    expect(await task.stop()).toBeUndefined();
    expect(await target.count('orders')).toBe(1);
  });
});
