import { TransactionSet } from '@drc/protocol';
import { expect, test } from 'vitest';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import {
  append,
  contentOf,
  HandClock,
  insertOf,
  openLog,
  orders,
  source,
  tableNamed,
} from './support/log-fixture.js';

const position = { file: 'binlog.000001', offset: 4 };
const empty = TransactionSet.parse('');
const signal = new AbortController().signal;
const hour = 3_600_000;

/** Trims until nothing goes any more. */
async function trimAll(log: TransactionLog): Promise<number> {
  let all = 0;
  for (;;) {
    const count = await log.trim();
    all += count;
    if (count === 0) return all;
  }
}

/** One transaction a minute. */
async function fill(log: TransactionLog, clock: HandClock, transactions: number): Promise<void> {
  const from = log.head.value.lsn;
  for (let sequence = from + 1; sequence <= from + transactions; sequence++) {
    append(log, sequence, clock.now(), [insertOf(orders, `a${sequence}`), insertOf(orders, `b${sequence}`)]);
    clock.advance(60_000);
  }
  await log.flush();
}

test('what is older than the retention goes, at most five percent in a pass, and the rest stays whole', async () => {
  await using folder = await temporaryFolder();
  const clock = new HandClock();
  const start = clock.wall;
  let log = await openLog(folder.path, { clock, retentionMs: hour });
  await log.begin(source, position, empty, true);
  log.registerTable(orders);
  await fill(log, clock, 300);
  expect(log.extent().coversFrom).toBe(0);

  expect(await log.trim()).toBe(15);
  expect(log.extent().oldest).toEqual({ lsn: 16, time: start + 15 * 60_000 });
  expect(log.extent().setBeforeOldest).toBe('0-1-15');
  expect(log.extent().coversFrom).toBe(start + 14 * 60_000 + 1000);
  await expect(log.read({ lsn: 15, chunk: 1 }, { maxBytes: 1, signal })).rejects.toMatchObject({
    code: 'RETENTION_EXPIRED',
  });
  await expect(log.executedBefore(15)).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });

  expect(await trimAll(log)).toBe(300 - 15 - 60);
  const extent = log.extent();
  expect(extent.oldest).toEqual({ lsn: 241, time: start + 240 * 60_000 });
  const content = await contentOf(log);
  expect(content).toHaveLength(120);
  await log.close();

  log = await openLog(folder.path, { clock, retentionMs: hour });
  expect(log.extent()).toEqual(extent);
  expect(await contentOf(log)).toEqual(content);
  expect((await log.seek({ kind: 'earliest' }, 0)).set.toString()).toBe('0-1-240');
  expect((await log.seek({ kind: 'timestamp', time: extent.coversFrom }, 60_000)).lsn).toBe(241);
  await log.close();
});

test('a clock that jumps a day ahead deletes nothing', async () => {
  await using folder = await temporaryFolder();
  const clock = new HandClock();
  await using log = await openLog(folder.path, { clock, retentionMs: 24 * hour });
  await log.begin(source, position, empty, true);
  log.registerTable(orders);
  await fill(log, clock, 100);
  clock.wall += 25 * hour;
  expect(await trimAll(log)).toBe(0);
  clock.advance(hour);
  expect(await trimAll(log)).toBe(0);
  // The day really passes: what was captured then is old.
  clock.advance(23 * hour);
  expect(await trimAll(log)).toBeGreaterThan(50);
});

test('the newest transaction stays, however old it is', async () => {
  await using folder = await temporaryFolder();
  const clock = new HandClock();
  await using log = await openLog(folder.path, { clock, retentionMs: hour });
  await log.begin(source, position, empty, true);
  log.registerTable(orders);
  await fill(log, clock, 20);
  clock.advance(100 * hour);
  expect(await trimAll(log)).toBe(19);
  expect(log.extent()).toMatchObject({ oldest: { lsn: 20 }, head: { lsn: 20 }, setBeforeOldest: '0-1-19' });
  expect(await contentOf(log)).toHaveLength(2);
});

test('an empty log has nothing to trim', async () => {
  await using folder = await temporaryFolder();
  await using log = await openLog(folder.path);
  expect(await log.trim()).toBe(0);
  await log.begin(source, position, empty, true);
  expect(await log.trim()).toBe(0);
});

test('a reader in the trimmed region gets RETENTION_EXPIRED and never half a transaction', async () => {
  await using folder = await temporaryFolder();
  const clock = new HandClock();
  const before = await openLog(folder.path, { clock, retentionMs: hour });
  await before.begin(source, position, empty, true);
  before.registerTable(orders);
  for (let sequence = 1; sequence <= 400; sequence++) {
    append(
      before,
      sequence,
      clock.now(),
      Array.from({ length: 5 }, (_, i) => insertOf(orders, `${sequence}/${i}`)),
    );
    if (sequence % 10 === 0) await before.flush();
    clock.advance(60_000);
  }
  await before.flush();
  await before.close();

  // Not from memory: what was read a moment ago.
  await using log = await openLog(folder.path, { clock, retentionMs: hour });
  let isTrimmed = false;
  const trimming = trimAll(log).finally(() => (isTrimmed = true));
  const ends: string[] = [];
  for (let run = 0; !isTrimmed || run < 20; run++) {
    let cursor = { lsn: log.extent().oldest.lsn, chunk: 0 };
    try {
      for (let burst = 0; ; burst++) {
        const { chunks, next } = await log.read(cursor, { maxBytes: 100 + burst, signal });
        if (chunks.length === 0) break;
        let expected = cursor;
        for (const { lsn, chunk, last, bytes, partsAt } of chunks) {
          expect({ lsn, chunk }).toEqual(expected);
          expect(last).toBe(chunk === 4);
          expect(bytes.subarray(partsAt).toString('latin1')).toContain(`${lsn}/${chunk}`);
          expected = last ? { lsn: lsn + 1, chunk: 0 } : { lsn, chunk: chunk + 1 };
        }
        expect(next).toEqual(expected);
        cursor = next;
      }
      ends.push('head');
    } catch (error) {
      expect(error).toMatchObject({ code: 'RETENTION_EXPIRED' });
      ends.push('expired');
    }
  }
  expect(await trimming).toBeGreaterThan(300);
  expect(ends).toContain('expired');
  expect(ends.at(-1)).toBe('head');
});

test('table versions go when no chunk uses them, and come back when capture uses them again', async () => {
  await using folder = await temporaryFolder();
  const clock = new HandClock();
  let log = await openLog(folder.path, { clock, retentionMs: hour });
  await log.begin(source, position, empty, true);
  const used = [tableNamed('old'), orders] as const;
  const [oldId, ordersId] = used.map((version) => log.registerTable(version)) as [Buffer, Buffer];
  append(log, 1, clock.now(), [insertOf(used[0], 'x')]);
  // A lease is as long as 4096 transactions.
  for (let sequence = 2; sequence <= 10_000; sequence++) {
    append(log, sequence, clock.now(), [insertOf(orders, 'x')]);
    if (sequence % 500 === 0) await log.flush();
    clock.advance(1000);
  }
  await log.flush();
  expect(await trimAll(log)).toBe(10_000 - 3600);
  expect(await log.table(ordersId)).toEqual(orders);

  // This process registered it: it is still known, and written again with its next use.
  append(log, 10_001, clock.now(), [insertOf(used[0], 'again')]);
  await log.flush();
  await log.close();
  log = await openLog(folder.path, { clock, retentionMs: hour });
  expect(await log.table(oldId)).toEqual(used[0]);
  expect(await log.table(ordersId)).toEqual(orders);

  for (let sequence = 10_002; sequence <= 20_000; sequence++) {
    append(log, sequence, clock.now(), [insertOf(orders, 'x')]);
    if (sequence % 500 === 0) await log.flush();
    clock.advance(1000);
  }
  await log.flush();
  await trimAll(log);
  await log.close();
  log = await openLog(folder.path, { clock, retentionMs: hour });
  await expect(log.table(oldId)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  expect(await log.table(ordersId)).toEqual(orders);
  await log.close();
});

test('retention runs by itself', async () => {
  await using folder = await temporaryFolder();
  const clock = new HandClock();
  await using log = await openLog(folder.path, { clock, retentionMs: 10_000, syncIntervalMs: 20 });
  await log.begin(source, position, empty, true);
  log.registerTable(orders);
  await fill(log, clock, 20);
  await expect.poll(() => log.extent().oldest.lsn, { timeout: 30_000, interval: 50 }).toBe(20);
});
