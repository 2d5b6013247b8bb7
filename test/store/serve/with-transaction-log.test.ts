import { Checkpoint, TransactionSet } from '@drc/protocol';
import { expect, test } from 'vitest';
import { systemClock } from '../../../store/src/clock.js';
import { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { insertInto, tableVersion } from './fake-log.js';
import { silent, StoreHarness } from './store-harness.js';

const orders = tableVersion('shop.orders');
const users = tableVersion('shop.users');

/** A log on disk, captured from nowhere. */
async function openLog(directory: string): Promise<TransactionLog> {
  const log = await TransactionLog.open({
    directory,
    topic: 'shop',
    retentionMs: 86_400_000,
    syncIntervalMs: 200,
    diskReserveBytes: 0,
    clock: systemClock,
    logger: silent,
  });
  const identity = { flavour: 'mariadb', uuid: '', serverId: 1 } as const;
  await log.begin(identity, { file: 'binlog.000001', offset: 4 }, new TransactionSet(), true);
  return log;
}

function append(log: TransactionLog, sequence: number, chunks: readonly Buffer[]): void {
  log.beginGroup({ id: `0-1-${sequence}`, commitTime: Date.now() * 1000, origin: '' });
  for (const parts of chunks.slice(0, -1)) log.putChunk(parts);
  log.endGroup(chunks.at(-1)!, { file: 'binlog.000001', offset: 4 + sequence * 100 });
}

test('readers of the log on disk get history and tail, by filter and from checkpoints', async () => {
  await using folder = await temporaryFolder('serve-log');
  await using log = await openLog(folder.path);
  log.registerTable(orders);
  log.registerTable(users);
  for (let n = 1; n <= 2000; n++) {
    append(log, n, [insertInto(n % 4 === 0 ? users : orders, `row ${n}`), insertInto(users, 'second chunk')]);
    if (n % 100 === 0) await log.flush();
  }
  await using store = await StoreHarness.start({ log });
  const [all, some, resumed] = await Promise.all([store.client(), store.client(), store.client()]);
  await all.start();
  await some.start({ tables: ['shop.orders'] });
  const set = TransactionSet.parse('0-1-1990');
  const checkpoint = new Checkpoint({
    topic: 'shop',
    set,
    hint: { lineage: log.lineage, lsn: 1990 },
  }).toString();
  expect(await resumed.start({ from: { kind: 'checkpoint', checkpoint } })).toMatchObject({ lsn: 1991 });
  for (let n = 2001; n <= 2010; n++) {
    append(log, n, [insertInto(orders, `live ${n}`)]);
    await log.flush();
  }
  await Promise.all([all, some, resumed].map((client) => client.transaction(2010)));
  expect(all.chunks.length).toBe(4010);
  expect(new Set(some.chunks.map(({ chunk }) => chunk.lsn)).size).toBe(1510);
  expect(resumed.chunks.filter(({ chunk }) => chunk.last).map(({ chunk }) => chunk.lsn)).toEqual(
    Array.from({ length: 20 }, (_, index) => 1991 + index),
  );
});

test('a log that closes under its readers ends their sessions with an error', async () => {
  await using folder = await temporaryFolder('serve-log');
  const log = await openLog(folder.path);
  await using store = await StoreHarness.start({ log });
  const client = await store.client();
  await client.start();
  await client.message('caughtUp');
  await log.close();
  expect(await client.closed()).toMatchObject({ code: 1011 });
});

test('a checkpoint ahead of the log on disk waits, and goes on behind what it covers', async () => {
  await using folder = await temporaryFolder('serve-log');
  await using log = await openLog(folder.path);
  log.registerTable(orders);
  append(log, 1, [insertInto(orders, '1')]);
  await log.flush();
  await using store = await StoreHarness.start({ log });
  const client = await store.client();
  const checkpoint = new Checkpoint({ topic: 'shop', set: TransactionSet.parse('0-1-3') }).toString();
  expect(await client.start({ from: { kind: 'checkpoint', checkpoint } })).toMatchObject({ set: '0-1-3' });
  expect(store.server.sessions.map(({ state }) => state)).toEqual(['waiting']);
  for (let n = 2; n <= 5; n++) append(log, n, [insertInto(orders, `${n}`)]);
  await log.flush();
  await client.transaction(5);
  expect(client.chunks.map(({ chunk }) => chunk.lsn)).toEqual([4, 5]);
});
