import { Checkpoint, TransactionSet, type StartFrom } from '@drc/protocol';
import { expect, test } from 'vitest';
import { BackfillLog } from '../../../store/src/backfill/backfill-log.js';
import { BytePace } from '../../../store/src/byte-pace.js';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { HandClock, insertOf, openLog, orders, source } from '../log/support/log-fixture.js';

const kilobyte = insertOf(orders, Buffer.alloc(1000, 0x40), 1);
const { signal } = new AbortController();

interface Rig {
  readonly own: TransactionLog;
  readonly log: BackfillLog;
  /** Whether the end was told. */
  readonly over: () => boolean;
}

async function rig(
  own: TransactionLog,
  from: StartFrom,
  { boundary = '0-1-100', unreadBytes = 10_000 }: { boundary?: string; unreadBytes?: number } = {},
  stop: AbortSignal = signal,
): Promise<Rig> {
  let isOver = false;
  const log = new BackfillLog({
    log: own,
    from,
    boundary: () => boundary,
    ended: () => (isOver = true),
    pace: new BytePace(undefined, new HandClock()),
    unreadBytes,
    signal: stop,
  });
  await log.begin(source, { file: 'binlog.000001', offset: 4 }, TransactionSet.parse('0-1-10'), false);
  log.registerTable(orders);
  return { own, log, over: () => isOver };
}

function write(log: BackfillLog, sequence: number, chunks = 1): void {
  log.beginGroup({ id: `0-1-${sequence}`, commitTime: sequence * 1_000_000, origin: '' });
  for (let chunk = 1; chunk < chunks; chunk++) log.putChunk(kilobyte);
  log.endGroup(kilobyte, { file: 'binlog.000001', offset: 1000 + sequence * 100 });
}

const settled = async (work: Promise<unknown>): Promise<boolean> => {
  let isDone = false;
  void work.then(() => (isDone = true));
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  return isDone;
};

const after = (sequence: number): StartFrom => ({
  kind: 'checkpoint',
  checkpoint: new Checkpoint({ topic: 'shop', set: TransactionSet.parse(`0-1-${sequence}`) }).toString(),
});

test('ends with the transaction that the store’s log begins behind, and shows nothing beyond it', async () => {
  await using folder = await temporaryFolder('backfill');
  await using own = await openLog(folder.path);
  const { log, over } = await rig(own, after(10), { boundary: '0-1-13' });
  for (const sequence of [11, 12]) write(log, sequence);
  await log.flush();
  expect([log.end, over()]).toEqual([undefined, false]);
  for (const sequence of [13, 14, 15]) write(log, sequence);
  await log.flush();
  expect([log.end, over()]).toEqual([3, true]);
  expect(own.head.value.lsn).toBe(5);
  expect(log.head.value.lsn).toBe(3);
  expect((await log.head.after(2, signal)).lsn).toBe(3);
  const { chunks, next } = await log.read({ lsn: 2, chunk: 0 }, { maxBytes: 1_000_000, signal });
  expect([chunks.map(({ lsn }) => lsn), next]).toEqual([[2, 3], { lsn: 4, chunk: 0 }]);
  expect((await log.read(next, { maxBytes: 1_000_000, signal })).chunks).toEqual([]);
});

test('ends at once where the store’s log has all that the source wrote', async () => {
  await using folder = await temporaryFolder('backfill');
  await using own = await openLog(folder.path);
  const { log, over } = await rig(own, after(10), { boundary: '0-1-10' });
  expect([log.end, over()]).toEqual([0, true]);
  expect(log.head.value.lsn).toBe(0);
});

test('passes over what lies before the moment without waiting for a reader, then keeps to what is read', async () => {
  await using folder = await temporaryFolder('backfill');
  await using own = await openLog(folder.path);
  const { log } = await rig(own, after(40));
  for (let sequence = 11; sequence <= 40; sequence++) write(log, sequence);
  await log.flush();
  expect(await settled(log.found)).toBe(false);
  expect(log.neededFrom).toBe(Infinity);
  for (let sequence = 41; sequence <= 45; sequence++) write(log, sequence);
  await log.flush();
  expect(await settled(log.found)).toBe(true);
  // Transaction 41 is the 31st of it.
  expect(log.neededFrom).toBe(31);
  const { lsn } = await log.seek(after(40), 0);
  expect(lsn).toBe(31);

  for (let sequence = 46; sequence <= 60; sequence++) write(log, sequence);
  const waiting = log.flush();
  expect(await settled(waiting)).toBe(false);
  // What is read makes room, and need not be kept.
  const { next } = await log.read({ lsn, chunk: 0 }, { maxBytes: 1_000_000, signal });
  await waiting;
  expect(next).toEqual({ lsn: 36, chunk: 0 });
  expect(log.neededFrom).toBe(36);
  expect(own.head.value.lsn).toBe(50);
});

test('a transaction larger than all that may wait comes through', async () => {
  await using folder = await temporaryFolder('backfill');
  await using own = await openLog(folder.path);
  const { log } = await rig(own, after(10));
  // There is nothing yet that the reader could read.
  write(log, 11, 100);
  await log.flush();
  expect(await settled(log.found)).toBe(true);
  expect(own.head.value.lsn).toBe(1);
  write(log, 12, 100);
  const waiting = log.flush();
  expect(await settled(waiting)).toBe(false);
  await log.read({ lsn: 1, chunk: 0 }, { maxBytes: 1_000_000, signal });
  await waiting;
  expect(own.head.value.lsn).toBe(2);
});

test('whoever closes it ends the wait', async () => {
  await using folder = await temporaryFolder('backfill');
  await using own = await openLog(folder.path);
  const stop = new AbortController();
  const { log } = await rig(own, after(10), {}, stop.signal);
  write(log, 11);
  await log.flush();
  write(log, 12, 30);
  const waiting = log.flush();
  expect(await settled(waiting.catch(() => undefined))).toBe(false);
  stop.abort(new Error('closed'));
  await expect(waiting).rejects.toThrow('closed');
});

test('a moment between two transactions begins with the later one, or a little before', async () => {
  await using folder = await temporaryFolder('backfill');
  await using own = await openLog(folder.path);
  const from = { kind: 'timestamp', time: 30_500 } as const;
  const { log } = await rig(own, from);
  for (let sequence = 11; sequence <= 30; sequence++) write(log, sequence);
  await log.flush();
  expect(await settled(log.found)).toBe(false);
  for (let sequence = 31; sequence <= 35; sequence++) write(log, sequence);
  await log.flush();
  expect(await settled(log.found)).toBe(true);
  expect((await log.seek(from, 0)).lsn).toBe(21);
  expect((await log.seek(from, 2000)).lsn).toBe(19);
  // The file began before the moment, its first transaction is younger.
  expect((await log.seek({ kind: 'timestamp', time: 5_000 }, 0)).lsn).toBe(1);
});
