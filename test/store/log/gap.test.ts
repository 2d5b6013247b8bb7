import { cp, rm } from 'node:fs/promises';
import { decodeGap, partsOf, PartKind, TransactionSet, type Gap } from '@drc/protocol';
import { expect, it } from 'vitest';
import { chunkKey } from '../../../store/src/log/keys.js';
import { LevelDatabase } from '../../../store/src/log/level-database.js';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { gapPart } from '../serve/fake-log.js';
import { append, HandClock, openLog, source } from './support/log-fixture.js';

const gap: Gap = {
  transaction: '0-1-2',
  tables: ['shop.orders'],
  reason: 'batch job',
  by: 'anna@db-admin',
  at: 1,
  from: 'binlog.000001:1100',
  to: 'binlog.000001:1200',
  code: 'STATEMENT_EVENT',
  events: 3,
  rowsEvents: 0,
};

/** The gaps in the log, by LSN. */
async function gaps(log: TransactionLog): Promise<Record<number, Gap>> {
  const { chunks } = await log.read(
    { lsn: 1, chunk: 0 },
    { maxBytes: 1e6, signal: new AbortController().signal },
  );
  const found: Record<number, Gap> = {};
  for (const { lsn, bytes, partsAt } of chunks)
    for (const { kind, bodyAt, end } of partsOf(bytes, partsAt))
      if (kind === PartKind.gap) found[lsn] = decodeGap(bytes.subarray(bodyAt, end));
  return found;
}

const place = (log: TransactionLog) => [log.capture.position?.offset, log.capture.executed.toString()];

it('a gap and the position behind it are written together, or neither is', async () => {
  await using folder = await temporaryFolder('gap');
  const reopened = () => openLog(folder.file('log'));
  {
    await using log = await reopened();
    await log.begin(source, { file: 'binlog.000001', offset: 4 }, new TransactionSet(), true);
    append(log, 1, 1_000);
    await log.flush();
    append(log, 2, 2_000, [gapPart(gap)]);
    // Closed before it is written, as a process that dies here would leave it.
  }
  {
    await using log = await reopened();
    expect(place(log)).toEqual([1100, '0-1-1']);
    expect(await gaps(log)).toEqual({});
    append(log, 2, 2_000, [gapPart(gap)]);
    await log.flush();
  }
  await using log = await reopened();
  expect(place(log)).toEqual([1200, '0-1-2']);
  expect(await gaps(log)).toEqual({ 2: gap });
});

it('a gap of a prepared transaction is read at its commit, and goes with its rollback', async () => {
  await using folder = await temporaryFolder('gap');
  const xids = ["X'61',X'',1", "X'62',X'',1"] as const;
  const at = (offset: number) => ({ file: 'binlog.000001', offset });
  const begin = (log: TransactionLog, sequence: number): void =>
    log.beginGroup({ id: `0-1-${sequence}`, commitTime: sequence, origin: '' });
  {
    await using log = await openLog(folder.file('log'));
    await log.begin(source, at(4), new TransactionSet(), true);
    for (const [index, xid] of xids.entries()) {
      begin(log, index + 1);
      log.prepareGroup(xid);
      log.endPrepare(gapPart({ ...gap, transaction: `0-1-${index + 1}` }), at(100 * (index + 1)));
    }
    await log.flush();
    expect(await gaps(log)).toEqual({});
  }
  await using log = await openLog(folder.file('log'));
  begin(log, 3);
  await log.commitPrepared(xids[0], at(300));
  begin(log, 4);
  log.rollBackPrepared(xids[1]);
  log.endGroup(Buffer.alloc(0), at(400));
  await log.flush();
  expect(await gaps(log)).toEqual({ 3: { ...gap, transaction: '0-1-1' } });
  expect(xids.map((xid) => log.isPrepared(xid))).toEqual([false, false]);
});

it('is counted while it is in the log: not before its write, nor where the end was torn, nor once it is trimmed', async () => {
  await using folder = await temporaryFolder('gap');
  const directory = folder.file('log');
  const clock = new HandClock();
  const reopened = () => openLog(directory, { clock, retentionMs: 60_000 });
  {
    await using log = await reopened();
    await log.begin(source, { file: 'binlog.000001', offset: 4 }, new TransactionSet(), true);
    append(log, 1, clock.now());
    append(log, 2, clock.now(), [gapPart(gap)]);
    expect(log.gaps).toBe(0);
    await log.flush();
    expect(log.gaps).toBe(1);
  }
  {
    // Two more that are not durable, as a store that was killed leaves them, and the first of them is lost.
    await using log = await reopened();
    for (const sequence of [3, 4]) {
      append(log, sequence, clock.now(), sequence === 4 ? [gapPart(gap)] : [Buffer.alloc(0)]);
      await log.flush();
    }
    expect(log.gaps).toBe(2);
    await cp(directory, folder.file('killed'), { recursive: true });
  }
  await rm(folder.file('killed/lock'));
  const db = await LevelDatabase.open(folder.file('killed/level'), { createIfMissing: false });
  const batch = db.batch();
  batch.del(chunkKey(3, 0));
  await batch.write();
  await db.close();
  for (const _ of ['cut', 'as it was cut']) {
    await using log = await openLog(folder.file('killed'), { clock });
    expect([log.head.value.lsn, log.gaps]).toEqual([2, 1]);
  }
  await using log = await reopened();
  expect(log.gaps).toBe(2);
  clock.advance(61_000);
  append(log, 5, clock.now());
  await log.flush();
  while ((await log.trim()) > 0);
  expect([log.extent().oldest.lsn, log.gaps]).toEqual([5, 0]);
});
