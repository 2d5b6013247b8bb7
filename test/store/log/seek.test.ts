import { Checkpoint, TransactionSet } from '@drc/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allKeys, readPointKey, timeKey } from '../../../store/src/log/keys.js';
import { LevelDatabase } from '../../../store/src/log/level-database.js';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { append, HandClock, insertOf, openLog, orders, source } from './support/log-fixture.js';

const position = { file: 'binlog.000001', offset: 4 };
const empty = TransactionSet.parse('');
const hour = 3_600_000;

const checkpointOf = (
  log: TransactionLog,
  set: string,
  hint?: { lineage?: string; lsn: number },
): { kind: 'checkpoint'; checkpoint: string } => ({
  kind: 'checkpoint',
  checkpoint: new Checkpoint({
    topic: 'shop',
    set: TransactionSet.parse(set),
    ...(hint === undefined ? {} : { hint: { lineage: log.lineage, ...hint } }),
  }).toString(),
});

/** A log whose transaction n was committed at second n. */
async function logOf(path: string, transactions: number, perFlush = 700): Promise<TransactionLog> {
  const log = await openLog(path);
  await log.begin(source, position, empty, true);
  for (let sequence = 1; sequence <= transactions; sequence++) {
    append(log, sequence, sequence * 1000);
    if (sequence % perFlush === 0) await log.flush();
  }
  await log.flush();
  return log;
}

test('earliest is the tail, latest is behind the head', async () => {
  await using folder = await temporaryFolder();
  await using log = await logOf(folder.path, 5);
  const earliest = await log.seek({ kind: 'earliest' }, 0);
  expect(earliest).toMatchObject({ lsn: 1 });
  expect(earliest.set.toString()).toBe('');
  const latest = await log.seek({ kind: 'latest' }, 0);
  expect(latest).toMatchObject({ lsn: 6 });
  expect(latest.set.toString()).toBe('0-1-5');
});

describe('a transaction', () => {
  const from = (id: string): { kind: 'transaction'; id: string } => ({ kind: 'transaction', id });

  test('is where the stream begins, wherever it lies', async () => {
    await using folder = await temporaryFolder();
    await using log = await logOf(folder.path, 5000);
    for (const sequence of [1, 2, 700, 701, 1000, 1001, 4999, 5000]) {
      const found = await log.seek(from(`0-1-${sequence}`), 10_000);
      expect(found.lsn).toBe(sequence);
      expect(found.set.toString()).toBe(sequence === 1 ? '' : `0-1-${sequence - 1}`);
    }
  });

  test('of MySQL and of a source without GTIDs is found by its own id', async () => {
    const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
    const ids = [
      `${uuid}:7`,
      `${uuid}:9`,
      `${uuid}:8`,
      `${uuid}:tag:1`,
      '1/binlog.000001:500',
      '1/binlog.000002:4',
    ];
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    await log.begin(source, position, TransactionSet.parse(`${uuid}:1-6`), true);
    for (const [index, id] of ids.entries()) {
      log.beginGroup({ id, commitTime: 0, origin: '' });
      log.endGroup(Buffer.alloc(0), { ...position, offset: 100 * index });
    }
    await log.flush();
    for (const [index, id] of ids.entries())
      expect((await log.seek(from(id.toUpperCase().replace('BINLOG', 'binlog')), 0)).lsn).toBe(index + 1);
    await expect(log.seek(from(`${uuid}:6`), 0)).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });
    await expect(log.seek(from(`${uuid}:10`), 0)).rejects.toMatchObject({ code: 'TRANSACTION_UNKNOWN' });
  });

  test('that the log lost, never had or has from another server is told so; behind a hole of MariaDB’s the next one counts', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    await log.begin(source, position, TransactionSet.parse('0-1-10'), false);
    for (const sequence of [11, 12, 15, 16]) append(log, sequence, 1000);
    await log.flush();
    for (const [sequence, lsn] of [
      [11, 1],
      [12, 2],
      [13, 3],
      [14, 3],
      [15, 3],
      [16, 4],
    ])
      expect((await log.seek(from(`0-1-${sequence}`), 0)).lsn).toBe(lsn);
    const refusals = {
      '0-1-10': 'RETENTION_EXPIRED',
      '0-1-17': 'TRANSACTION_UNKNOWN',
      '0-2-15': 'TRANSACTION_UNKNOWN',
      '7-1-1': 'TRANSACTION_UNKNOWN',
    };
    for (const [id, code] of Object.entries(refusals))
      await expect(log.seek(from(id), 0)).rejects.toMatchObject({ code });
  });
});

test('within one long write, too, places for a seek are kept', async () => {
  await using folder = await temporaryFolder();
  await using log = await logOf(folder.path, 20_000, 20_000);
  await log.close();
  const db = await LevelDatabase.open(folder.file('level'), { createIfMissing: false });
  const points = (await db.scan(allKeys.points)).map(([key]) => readPointKey(key));
  await db.close();
  expect(points.length).toBeGreaterThanOrEqual(20);
  for (const [index, lsn] of points.slice(1).entries())
    expect(lsn - points[index]!).toBeLessThanOrEqual(1000);
});

test('a damaged entry of the time index does not let a seek begin too late', async () => {
  await using folder = await temporaryFolder();
  await (await logOf(folder.path, 5000)).close();
  const db = await LevelDatabase.open(folder.file('level'), { createIfMissing: false });
  // One that claims that all up to transaction 4000 was committed within the first second.
  const wrong = timeKey(900, 4000);
  const batch = db.batch();
  batch.put(wrong, Buffer.alloc(4));
  await batch.write();
  await db.close();
  await using log = await openLog(folder.path);
  expect((await log.seek({ kind: 'timestamp', time: 1000 }, 0)).lsn).toBe(1);
});

test('what seek gives is the caller’s own: adding to it changes nothing in the log', async () => {
  await using folder = await temporaryFolder();
  await using log = await logOf(folder.path, 5);
  (await log.seek({ kind: 'latest' }, 0)).set.add('0-1-100');
  (await log.executedBefore(6)).add('0-1-100');
  expect((await log.seek({ kind: 'latest' }, 0)).set.toString()).toBe('0-1-5');
  expect(log.capture.executed.toString()).toBe('0-1-5');
});

describe('a timestamp', () => {
  test('leads to the first transaction at or after it, wherever it lies', async () => {
    const times = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(times, fc.nat(3500), fc.nat(100), async (steps, time, marginMs) => {
        await using folder = await temporaryFolder();
        await using log = await openLog(folder.path);
        await log.begin(source, position, empty, true);
        const logTimes: number[] = [];
        for (const [index, step] of steps.entries()) {
          append(log, index + 1, step);
          logTimes.push(Math.max(step, logTimes.at(-1) ?? 0));
          if (step % 3 === 0) await log.flush();
        }
        await log.flush();
        const found = await log.seek({ kind: 'timestamp', time }, marginMs);
        const index = logTimes.findIndex((logTime) => logTime >= time - marginMs);
        expect(found.lsn).toBe(index < 0 ? steps.length + 1 : index + 1);
        expect(found.set.toString()).toBe(found.lsn === 1 ? '' : `0-1-${found.lsn - 1}`);
      }),
      { numRuns: 25 },
    );
  });

  test('is found in a long log, through its sparse indexes', async () => {
    await using folder = await temporaryFolder();
    await using log = await logOf(folder.path, 20_000);
    for (const second of [1, 2, 999, 1000, 1001, 7000, 12_345, 19_999, 20_000]) {
      const found = await log.seek({ kind: 'timestamp', time: second * 1000 - 500 }, 0);
      expect(found.lsn).toBe(second);
      expect(found.set.toString()).toBe(second === 1 ? '' : `0-1-${second - 1}`);
    }
    expect((await log.seek({ kind: 'timestamp', time: 30_000_000 }, 0)).lsn).toBe(20_001);
    expect((await log.seek({ kind: 'timestamp', time: 30_000_000 }, 10_000_500)).lsn).toBe(20_000);
  });

  test('survives transactions of the year 2038', async () => {
    await using folder = await temporaryFolder();
    const clock = new HandClock(hour);
    await using log = await openLog(folder.path, { clock });
    await log.begin(source, position, empty, true);
    for (let sequence = 1; sequence <= 100; sequence++) {
      const isWrong = sequence % 10 === 5;
      append(log, sequence, isWrong ? Date.UTC(2038, 0, 19) : clock.now());
      clock.advance(5000);
    }
    await log.flush();
    for (const sequence of [1, 4, 50, 99]) {
      const { lsn } = await log.seek({ kind: 'timestamp', time: hour + (sequence - 1) * 5000 - 1 }, 0);
      expect(lsn).toBe(sequence);
    }
    expect(log.head.value.time).toBeLessThan(clock.now());
  });

  test('older than the log is RETENTION_EXPIRED with the oldest moment left', async () => {
    await using folder = await temporaryFolder();
    const clock = new HandClock(hour);
    await using log = await openLog(folder.path, { clock });
    await log.begin(source, position, TransactionSet.parse('0-1-7'), false);
    await expect(log.seek({ kind: 'timestamp', time: hour - 1 }, 0)).rejects.toMatchObject({
      code: 'RETENTION_EXPIRED',
      details: { oldest: new Date(hour).toISOString() },
    });
    expect((await log.seek({ kind: 'timestamp', time: hour }, 0)).lsn).toBe(1);
    append(log, 8, 5000);
    await log.flush();
    // Capture began in the past: now it covers what came behind its first transaction.
    expect(log.extent().coversFrom).toBe(6000);
    expect((await log.seek({ kind: 'timestamp', time: 6000 }, 1000)).lsn).toBe(1);
    await expect(log.seek({ kind: 'timestamp', time: 5999 }, 1000)).rejects.toMatchObject({
      code: 'RETENTION_EXPIRED',
    });
  });
});

describe('a checkpoint', () => {
  test('leads to the first transaction that it does not cover, with its hint and without', async () => {
    await using folder = await temporaryFolder();
    await using log = await logOf(folder.path, 5000);
    for (const lsn of [1, 2, 700, 701, 1400, 3333, 4999, 5000]) {
      for (const hint of [
        undefined,
        { lsn },
        { lsn: 1 },
        { lsn: 4999 },
        { lsn: 9e9 },
        { lsn, lineage: 'another' },
      ]) {
        const found = await log.seek(checkpointOf(log, `0-1-${lsn}`, hint), 0);
        expect(found.lsn).toBeGreaterThanOrEqual(hint?.lsn === 1 ? 2 : lsn + 1);
        expect(found.lsn).toBeLessThanOrEqual(lsn + 1);
        expect(found.set.toString()).toBe(`0-1-${lsn}`);
      }
    }
  });

  test('ahead of the log waits behind the head', async () => {
    await using folder = await temporaryFolder();
    await using log = await logOf(folder.path, 5);
    const found = await log.seek(checkpointOf(log, '0-1-9,5-1-3'), 0);
    expect(found.lsn).toBe(6);
    expect(found.set.toString()).toBe('0-1-9,5-1-3');
  });

  test('of several domains leads to the first transaction that any of them lacks', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    await log.begin(source, position, empty, true);
    const ids = ['0-1-1', '1-2-1', '0-1-2', '1-2-2', '0-1-3', '1-2-3'];
    for (const id of ids) {
      log.beginGroup({ id, commitTime: 1_000_000, origin: '' });
      log.endGroup(Buffer.alloc(0), position);
    }
    await log.flush();
    expect((await log.seek(checkpointOf(log, '0-1-3,1-2-1'), 0)).lsn).toBe(4);
    expect((await log.seek(checkpointOf(log, '0-1-1,1-2-3'), 0)).lsn).toBe(3);
    expect((await log.seek(checkpointOf(log, '1-2-3'), 0)).lsn).toBe(1);
    expect((await log.seek(checkpointOf(log, '0-1-3,1-2-3'), 0)).lsn).toBe(7);
  });

  test('of another history is CHECKPOINT_DIVERGED, wherever the histories part', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    await log.begin(source, position, TransactionSet.parse('0-1-10'), false);
    for (let sequence = 11; sequence <= 3000; sequence++) {
      // A gap, as a source that is itself a filtered replica may have.
      if (sequence === 2000) continue;
      append(log, sequence, 1000);
      if (sequence % 500 === 0) await log.flush();
    }
    await log.flush();
    for (const set of ['0-2-10', '0-2-11', '0-2-1500', '0-1-2000', '0-2-3000'])
      await expect(log.seek(checkpointOf(log, set), 0)).rejects.toMatchObject({
        code: 'CHECKPOINT_DIVERGED',
      });
    expect((await log.seek(checkpointOf(log, '0-1-10'), 0)).lsn).toBe(1);
    expect((await log.seek(checkpointOf(log, '0-1-1500'), 0)).lsn).toBe(1491);
    // Nothing is known of what is still to come.
    expect((await log.seek(checkpointOf(log, '0-2-3001'), 0)).lsn).toBe(2990);
  });

  test('that lacks what came before the log is RETENTION_EXPIRED', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    await log.begin(source, position, TransactionSet.parse('0-1-10,3-1-4'), false);
    for (const set of ['0-1-9,3-1-4', '0-1-10', ''])
      await expect(log.seek(checkpointOf(log, set), 0)).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });
    expect((await log.seek(checkpointOf(log, '0-1-10,3-1-4'), 0)).lsn).toBe(1);
  });

  test('of MySQL with holes leads to the first hole', async () => {
    await using folder = await temporaryFolder();
    await using log = await openLog(folder.path);
    await log.begin({ flavour: 'mysql', uuid: 'x', serverId: 1 }, position, empty, true);
    const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
    for (let number = 1; number <= 10; number++) {
      log.beginGroup({ id: `${uuid}:${number}`, commitTime: 1_000_000, origin: '' });
      log.endGroup(Buffer.alloc(0), position);
    }
    await log.flush();
    expect((await log.seek(checkpointOf(log, `${uuid}:1-3:6-9`), 0)).lsn).toBe(4);
    expect((await log.seek(checkpointOf(log, `${uuid}:1-10`), 0)).lsn).toBe(11);
  });

  test('of another topic, or that is no checkpoint, is CHECKPOINT_INVALID', async () => {
    await using folder = await temporaryFolder();
    await using log = await logOf(folder.path, 1);
    const other = new Checkpoint({ topic: 'other', set: empty }).toString();
    for (const checkpoint of [other, 'nonsense', ''])
      await expect(log.seek({ kind: 'checkpoint', checkpoint }, 0)).rejects.toMatchObject({
        code: 'CHECKPOINT_INVALID',
      });
  });
});

test('the executed set before any transaction is exact, between kept points too', async () => {
  await using folder = await temporaryFolder();
  const before = await openLog(folder.path);
  await before.begin(source, position, empty, true);
  before.registerTable(orders);
  for (let sequence = 1; sequence <= 3000; sequence++) {
    append(
      before,
      sequence,
      1000,
      sequence % 100 === 0 ? [insertOf(orders, 'a'), insertOf(orders, 'b')] : undefined,
    );
    if (sequence % 7 === 0) await before.flush();
  }
  await before.flush();
  await before.close();
  await using log = await openLog(folder.path);
  for (let lsn = 2; lsn <= 3001; lsn += 13)
    expect((await log.executedBefore(lsn)).toString()).toBe(`0-1-${lsn - 1}`);
});
