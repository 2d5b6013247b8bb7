import { mkdir, readdir } from 'node:fs/promises';
import { Checkpoint, connect, type Hub, type SubscribeOptions } from '@drc/client-sdk';
import { createMachineKey } from '@drc/cluster-manager';
import { TransactionSet } from '@drc/protocol';
import { parseStoreConfig } from '@drc/store';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { newestId } from '../../support/gtid.js';
import { startHub, TestStore, until, type TestHub } from '../../support/hub.js';
import { onEachServer, onServer } from '../../support/on-each-server.js';
import { Reading, type ReadTransaction } from '../../support/reading.js';

const silent = pino({ level: 'silent' });

/** A store whose log begins now, and that reads earlier moments from the source. */
async function young(hub: TestHub, backfill?: object, log: object = {}): Promise<TestStore> {
  const settings = {
    ...hub.storeSettings({ capture: { start: 'now' }, log: { ...log } }),
    ...(backfill === undefined ? {} : { backfill }),
  };
  const store = new TestStore(parseStoreConfig(settings), {
    logger: silent,
    sourcePassword: hub.source.password,
    machineKey: hub.storeKey,
  });
  await store.start();
  hub.stores.push(store);
  return store;
}

/** Of a client that may have what lies before the log. */
async function entitled(hub: TestHub, tables = '**', without: readonly string[] = []): Promise<Hub> {
  const grants = [
    { topics: ['**'], tables: [tables], backfill: true },
    ...without.map((others) => ({ topics: ['**'], tables: [others] })),
  ];
  await hub.stopManager();
  const { key } = await createMachineKey(hub.folder.file('manager'), { kind: 'client', grants });
  await hub.startManager();
  return await connect({ clusterManager: hub.managerUrl, credentials: { machineKey: key } });
}

/** Keys of what was inserted, in the order in which it came. */
const keysOf = (read: readonly ReadTransaction[]): number[] =>
  read.flatMap(({ changes }) =>
    changes.flatMap((change) => (change.kind === 'insert' ? [Number(change.after['id'])] : [])),
  );

async function keysFrom(sdk: Hub, options: SubscribeOptions, lastId: string): Promise<number[]> {
  await using reading = new Reading(sdk.subscribe('shop', { backfill: true, ...options }));
  return keysOf(await reading.until(lastId));
}

const insert = (from: number, upTo: number): string =>
  Array.from(
    { length: upTo + 1 - from },
    (_, index) => `INSERT INTO shop.t VALUES (${from + index}, 'v')`,
  ).join('; ');
const range = (from: number, upTo: number): number[] =>
  Array.from({ length: upTo + 1 - from }, (_, index) => from + index);

onEachServer('a moment before the log', (flavour) => {
  test('is read from the source for whoever has the right, and goes over to the log without a gap or a repeat', async () => {
    await using hub = await startHub({ flavour, stores: [] });
    const { source } = hub;
    await source.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v LONGTEXT)');
    await source.query(insert(1, 20));
    await source.query('FLUSH BINARY LOGS');
    await source.query(insert(21, 40));
    const middle = await newestId(source);
    const executed = flavour === 'mysql' ? '@@GLOBAL.gtid_executed' : '@@GLOBAL.gtid_binlog_pos';
    const [row] = (await source.query(`SELECT ${executed} AS s`)) as { s: string }[];
    const set = TransactionSet.parse(row!.s.replaceAll('\n', ''));
    await source.query(insert(41, 60));
    await source.query('FLUSH BINARY LOGS');
    await source.query(insert(61, 70));
    const store = await young(hub, { enabled: true });
    await source.query(insert(71, 80));
    const last = await newestId(source);
    await store.reaches(last);
    await using sdk = await entitled(hub);
    await until(async () => (await sdk.topics())[0]?.stores === 1, 'The store is not announced.');

    // A checkpoint gets what it does not cover, a transaction what follows it and itself.
    const checkpoint = new Checkpoint({ topic: 'shop', set });
    expect(await keysFrom(sdk, { from: { checkpoint } }, last)).toEqual(range(41, 80));
    expect(await keysFrom(sdk, { from: { transaction: middle } }, last)).toEqual(range(40, 80));
    expect(await keysFrom(sdk, { from: { timestamp: Date.UTC(2020, 0, 1) } }, last)).toEqual(range(1, 80));
    // What comes meanwhile follows, through the same loop.
    await using reading = new Reading(
      sdk.subscribe('shop', { backfill: true, from: { checkpoint }, tables: ['shop.t'] }),
    );
    const read = [await reading.take()];
    await source.query(insert(81, 90));
    read.push(...(await reading.until(await newestId(source))));
    expect(keysOf(read)).toEqual(range(41, 90));
    // Nothing is left of them.
    await until(
      async () => (await readdir(`${store.config.directory}/backfill`)).length === 0,
      'What was read from the source stays.',
    );

    // Without asking for it, and without the right.
    await expect(keysFrom(sdk, { from: { checkpoint }, backfill: false }, last)).rejects.toMatchObject({
      code: 'RETENTION_EXPIRED',
    });
    const plain = await hub.connect();
    await expect(keysFrom(plain, { from: { checkpoint } }, last)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    // A wish for all tables concerns a rule without the right, one for a table of the other rule does not.
    const some = await entitled(hub, 'shop.*', ['other.*']);
    await until(async () => (await some.topics())[0]?.stores === 1, 'The store is not announced.');
    await expect(keysFrom(some, { from: { checkpoint } }, last)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await keysFrom(some, { from: { checkpoint }, tables: ['shop.t'] }, last)).toEqual(range(41, 80));
    await some.close();
  });
});

onServer('mysql', 'a moment before the log', (flavour) => {
  test('is read from a source without GTIDs, too', async () => {
    const args = ['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF'];
    await using hub = await startHub({ flavour, server: { args }, stores: [{}] });
    const { source } = hub;
    await source.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v LONGTEXT)');
    await source.query(insert(1, 10));
    await source.query('FLUSH BINARY LOGS');
    await source.query(insert(11, 20));
    await source.query('FLUSH BINARY LOGS');
    await source.query(insert(21, 30));
    // What the older store has says what the younger one must give.
    const keys = async (reading: Reading, upTo: number): Promise<ReadTransaction[]> => {
      const read: ReadTransaction[] = [];
      while (keysOf(read).at(-1) !== upTo) read.push(await reading.take());
      return read;
    };
    const plain = await hub.connect();
    await using whole = new Reading(plain.subscribe('shop', { from: 'earliest' }));
    const all = await keys(whole, 30);
    await hub.store.stop();
    await young(hub, { enabled: true });
    await source.query(insert(31, 40));
    await using sdk = await entitled(hub);
    await until(async () => (await sdk.topics())[0]?.stores === 1, 'The store is not announced.');
    for (const at of [5, 14, all.length - 3]) {
      const { checkpoint } = all[at]!;
      const first = keysOf([all[at]!])[0]! + 1;
      await using reading = new Reading(sdk.subscribe('shop', { backfill: true, from: { checkpoint } }));
      expect(keysOf(await keys(reading, 40))).toEqual(range(first, 40));
    }
  });
});

onServer('mariadb', 'a moment before the log', (flavour) => {
  test('is read for so many readers at a time; what a killed store has left of one goes', async () => {
    await using hub = await startHub({ flavour, stores: [] });
    const { source } = hub;
    await source.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v LONGTEXT)');
    for (const id of range(1, 12))
      await source.query(`INSERT INTO shop.t VALUES (${id}, REPEAT('x', 150000))`);
    const store = await young(hub, { enabled: true, maxReaders: 1 });
    const { directory } = store.config;
    await store.stop();
    await mkdir(`${directory}/backfill/7/level`, { recursive: true });
    await store.start();
    expect(await readdir(directory)).not.toContain('backfill');
    await using sdk = await entitled(hub);
    await until(async () => (await sdk.topics())[0]?.stores === 1, 'The store is not announced.');
    const options = { backfill: true, from: { timestamp: Date.UTC(2020, 0, 1) } } as const;
    const first = new Reading(sdk.subscribe('shop', { ...options, windowBytes: 65_536 }));
    while (keysOf([await first.take()]).length === 0);
    // The rest does not fit its window: it stays where it is.
    await using second = new Reading(sdk.subscribe('shop', options));
    const waiting = second.take();
    await until(() => {
      const status = second.subscription.status();
      return status.kind === 'disconnected' && status.error.code === 'RATE_LIMITED';
    }, 'A second reader is not refused.');
    await first[Symbol.asyncDispose]();
    expect((await waiting).id).toMatch(/^0-1-/);
  });

  test('is refused where the store does not allow it, and where the source has purged it', async () => {
    await using hub = await startHub({ flavour, stores: [] });
    const { source } = hub;
    await source.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v LONGTEXT)');
    const [row] = (await source.query('SELECT @@GLOBAL.gtid_binlog_pos AS s')) as { s: string }[];
    const checkpoint = new Checkpoint({ topic: 'shop', set: TransactionSet.parse(row!.s) });
    await source.query(insert(1, 10));
    const closed = await young(hub);
    await using sdk = await entitled(hub);
    const refusal = async (): Promise<unknown> => {
      await until(async () => (await sdk.topics())[0]?.stores === 1, 'The store is not announced.');
      return await keysFrom(sdk, { from: { checkpoint } }, '0-1-1').catch((error: unknown) => error);
    };
    expect(await refusal()).toMatchObject({ code: 'BACKFILL_UNAVAILABLE' });
    await closed.stop();
    await source.query('FLUSH BINARY LOGS');
    await young(hub, { enabled: true });
    const [newest] = ((await source.query('SHOW BINARY LOGS')) as { Log_name: string }[]).slice(-1);
    await until(async () => {
      await source.query(`PURGE BINARY LOGS TO '${newest!.Log_name}'`);
      return ((await source.query('SHOW BINARY LOGS')) as unknown[]).length === 1;
    }, 'The source does not purge its binlogs.');
    expect(await refusal()).toMatchObject({ code: 'BACKFILL_UNAVAILABLE' });
  });
});
