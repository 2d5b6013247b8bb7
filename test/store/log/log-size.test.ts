import { readdir, stat } from 'node:fs/promises';
import { TransactionSet } from '@drc/protocol';
import { expect, test } from 'vitest';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';
import { append, HandClock, insertOf, openLog, orders, source } from './support/log-fixture.js';
import { noise } from './support/noise.js';

const position = { file: 'binlog.000001', offset: 4 };
const empty = TransactionSet.parse('');
const mebibyte = 1024 * 1024;
const signal = new AbortController().signal;

/** Transactions of 256 KiB that do not compress. */
async function fill(log: TransactionLog, transactions: number): Promise<void> {
  const from = log.head.value.lsn;
  for (let sequence = from + 1; sequence <= from + transactions; sequence++) {
    append(log, sequence, sequence * 1000, [insertOf(orders, noise(mebibyte / 4, sequence))]);
    if (sequence % 4 === 0) await log.flush();
  }
  await log.flush();
}

/** Reads all that is left: whole, in order. @returns the LSNs. */
async function lsnsOf(log: TransactionLog): Promise<number[]> {
  const lsns: number[] = [];
  let cursor = { lsn: log.extent().oldest.lsn, chunk: 0 };
  for (;;) {
    const { chunks, next } = await log.read(cursor, { maxBytes: mebibyte, signal });
    if (chunks.length === 0) return lsns;
    for (const { lsn, id } of chunks) {
      expect(id).toBe(`0-1-${lsn}`);
      lsns.push(lsn);
    }
    cursor = next;
  }
}

async function diskBytes(folder: TemporaryFolder): Promise<number> {
  const names = await readdir(folder.file('level'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(folder.file('level', name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

test('beyond its size a log gives up its oldest transactions, at most five percent in a pass, and the disk gets their room', async () => {
  await using folder = await temporaryFolder();
  const clock = new HandClock();
  const limit = 40 * mebibyte;
  const options = { clock, retentionMs: 2e12 };
  let log = await openLog(folder.path, options);
  await log.begin(source, position, empty, true);
  log.registerTable(orders);
  expect(log.bytes).toBeUndefined();
  await fill(log, 480);
  // Without a limit all stays, and its size is told. A measure that falls between a table's end and its write-ahead
  // log's misses a write buffer: the next one does not.
  const measured = async () => {
    expect(await log.trim()).toBe(0);
    return log.bytes;
  };
  await expect.poll(measured, { timeout: 60_000 }).toBeGreaterThan(116 * mebibyte);
  expect(log.bytes).toBeLessThan(156 * mebibyte);
  await log.close();

  log = await openLog(folder.path, { ...options, retentionBytes: limit });
  expect(await log.trim()).toBeLessThanOrEqual(24);
  for (let passes = 0; (await log.trim()) > 0; passes++) expect(passes).toBeLessThan(100);
  const { oldest, head, setBeforeOldest, coversFrom } = log.extent();
  expect(log.bytes).toBeLessThanOrEqual(limit);
  // No more goes than has to.
  expect(log.bytes).toBeGreaterThan(limit - 20 * mebibyte);
  expect(head.lsn).toBe(480);
  expect(setBeforeOldest).toBe(`0-1-${oldest.lsn - 1}`);
  expect(coversFrom).toBe(oldest.lsn * 1000);
  expect(await lsnsOf(log)).toEqual(range(oldest.lsn, 480));
  await expect(log.read({ lsn: oldest.lsn - 1, chunk: 0 }, { maxBytes: 1, signal })).rejects.toMatchObject({
    code: 'RETENTION_EXPIRED',
  });
  await expect(log.seek({ kind: 'timestamp', time: 1000 }, 0)).rejects.toMatchObject({
    code: 'RETENTION_EXPIRED',
  });
  // What was deleted lies on the disk until it is compacted, 64 MiB at most; all that was written would be 120 MiB.
  // LevelDB keeps the tables it compacted while a reader has them, and looks again after a further compaction or when
  // it is opened: hence the latter.
  await log.close();
  log = await openLog(folder.path, options);
  await expect.poll(() => diskBytes(folder), { timeout: 60_000 }).toBeLessThan(limit + 64 * mebibyte);
  await log.close();
});

test('what is prepared does not go with the size, nor the newest transaction, nor what is in no table yet', async () => {
  await using folder = await temporaryFolder();
  const log = await openLog(folder.path, { retentionMs: 2e12, retentionBytes: 1 });
  await log.begin(source, position, empty, true);
  log.registerTable(orders);
  const xid = "X'61',X'',1";
  log.beginGroup({ id: '0-1-1', commitTime: 1_000_000, origin: '' });
  log.prepareGroup(xid);
  log.endPrepare(insertOf(orders, 'prepared'), position);
  await log.flush();
  await fill(log, 8);
  // All of it is in the write-ahead log.
  expect(await log.trim()).toBe(0);
  await fill(log, 120);
  for (let passes = 0; (await log.trim()) > 0; passes++) expect(passes).toBeLessThan(200);
  const { oldest, head } = log.extent();
  expect(oldest.lsn).toBeGreaterThan(20);
  expect(oldest.lsn).toBeLessThanOrEqual(head.lsn);
  await log.close();

  await using again = await openLog(folder.path, { retentionMs: 2e12 });
  expect(again.isPrepared(xid)).toBe(true);
  again.beginGroup({ id: `0-1-${head.lsn + 1}`, commitTime: 1e9, origin: '' });
  await again.commitPrepared(xid, position);
  await again.flush();
  const { chunks } = await again.read({ lsn: head.lsn + 1, chunk: 0 }, { maxBytes: 1, signal });
  expect(chunks[0]!.bytes.toString('latin1')).toContain('prepared');
});

test('retention by size runs by itself', async () => {
  await using folder = await temporaryFolder();
  await using log = await openLog(folder.path, { retentionMs: 2e12, retentionBytes: 16 * mebibyte });
  await log.begin(source, position, empty, true);
  log.registerTable(orders);
  await fill(log, 130);
  await expect.poll(() => log.extent().oldest.lsn, { timeout: 60_000, interval: 50 }).toBeGreaterThan(5);
  await expect.poll(() => log.bytes, { timeout: 10_000, interval: 50 }).toBeDefined();
});
