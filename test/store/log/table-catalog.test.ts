import { TransactionSet, type TableVersion } from '@drc/protocol';
import { expect, test } from 'vitest';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { append, insertOf, openLog, orders, source, tableNamed } from './support/log-fixture.js';

/** `orders` with so many columns. */
const withColumns = (count: number): TableVersion => ({
  ...orders,
  columns: Array.from({ length: count }, (_, index) => ({
    ...orders.columns[0]!,
    name: `c${index}`,
  })),
});

const begin = (log: TransactionLog): Promise<void> =>
  log.begin(source, { file: 'binlog.000001', offset: 4 }, TransactionSet.parse(''), true);

/** One transaction with a row of each version, in this order. */
async function write(log: TransactionLog, lsn: number, ...versions: readonly TableVersion[]): Promise<void> {
  for (const version of versions) log.registerTable(version);
  append(log, lsn, lsn, [Buffer.concat(versions.map((version) => insertOf(version, 'row')))]);
  await log.flush();
}

const columnsOf = async (log: TransactionLog): Promise<number[]> =>
  (await log.newestTables()).filter(({ table }) => table === 'orders').map(({ columns }) => columns.length);

test('the newest version of a table is the one that was written last, also where it is one from before', async () => {
  await using folder = await temporaryFolder();
  await using log = await openLog(folder.path);
  await begin(log);
  const order = [1, 2, 1, 3, 2, 2, 3, 1];
  for (const [index, columns] of order.entries()) {
    // The same object as long as capture goes on, a new one where it begins anew.
    await write(log, index + 1, withColumns(columns), tableNamed('others'));
    expect(await columnsOf(log)).toEqual([columns]);
  }
  await write(log, order.length + 1, withColumns(2), withColumns(3), withColumns(2));
  expect(await columnsOf(log)).toEqual([2]);
  expect((await log.newestTables()).map(({ table }) => table).toSorted()).toEqual(['orders', 'others']);
});

test('a log that is opened again knows which one that was', async () => {
  await using folder = await temporaryFolder();
  const reopened = async (work: (log: TransactionLog) => Promise<void>): Promise<number[]> => {
    await using log = await openLog(folder.path);
    await work(log);
    return await columnsOf(log);
  };
  expect(
    await reopened(async (log) => {
      await begin(log);
      await write(log, 1, withColumns(1));
      await write(log, 2, withColumns(2));
      await write(log, 3, withColumns(1));
    }),
  ).toEqual([1]);
  expect(await reopened(async () => undefined)).toEqual([1]);
  expect(await reopened((log) => write(log, 4, withColumns(2)))).toEqual([2]);
  expect(await reopened(async () => undefined)).toEqual([2]);
  expect(await reopened((log) => write(log, 5, withColumns(2), withColumns(1)))).toEqual([1]);
  expect(await reopened(async () => undefined)).toEqual([1]);
});

test('many rows of one version cost one lease', async () => {
  await using folder = await temporaryFolder();
  await using log = await openLog(folder.path);
  await begin(log);
  const both = [withColumns(1), tableNamed('others')];
  await write(log, 1, ...both);
  const before = log.pendingBytes;
  const bytes: number[] = [];
  for (let lsn = 2; lsn <= 4; lsn++) {
    for (const version of both) log.registerTable(version);
    append(log, lsn, 1, [Buffer.concat([...both, ...both].map((version) => insertOf(version, 'row')))]);
    bytes.push(log.pendingBytes - before);
    await log.flush();
  }
  expect(new Set(bytes).size).toBe(1);
});
