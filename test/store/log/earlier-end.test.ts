import { cp, rm } from 'node:fs/promises';
import { TransactionSet } from '@drc/protocol';
import { expect, test } from 'vitest';
import { chunkKey } from '../../../store/src/log/keys.js';
import { LevelDatabase } from '../../../store/src/log/level-database.js';
import { DamagedLog } from '../../../store/src/log/log-repair.js';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';
import { append, insertOf, openLog, orders, source } from './support/log-fixture.js';

const replica = { ...source, serverId: 2 };

/** A killed store's log of seven transactions: two are durable, and behind the fifth capture moved to a replica. */
async function movedAndKilled(folder: TemporaryFolder): Promise<string> {
  const live = folder.file('live');
  const killed = folder.file('killed');
  const first = await openLog(live);
  await first.begin(source, { file: 'binlog.000001', offset: 4 }, TransactionSet.parse(''), true);
  first.registerTable(orders);
  await write(first, [1, 2]);
  await first.close();
  await using log = await openLog(live);
  await write(log, [3, 4, 5]);
  log.moveSource(replica, { file: 'replica.000001', offset: 4, byGtid: true });
  await log.flush();
  await write(log, [6, 7]);
  await cp(live, killed, { recursive: true });
  await rm(`${killed}/lock`);
  return killed;
}

/** Each in a write of its own, and so with a place to go on from. */
async function write(log: TransactionLog, sequences: readonly number[]): Promise<void> {
  for (const sequence of sequences) {
    append(log, sequence, 1000, [insertOf(orders, `${sequence}`)]);
    await log.flush();
  }
}

async function lose(directory: string, lsn: number): Promise<void> {
  const db = await LevelDatabase.open(`${directory}/level`, { createIfMissing: false });
  const batch = db.batch();
  batch.del(chunkKey(lsn, 0));
  await batch.write();
  await db.close();
}

test('a log that was torn before it moved to another server goes on by GTID, also when it is opened again', async () => {
  await using folder = await temporaryFolder();
  const killed = await movedAndKilled(folder);
  await lose(killed, 4);
  for (const _ of ['cut', 'as it was cut']) {
    await using log = await openLog(killed);
    expect(log.head.value.lsn).toBe(3);
    expect(log.capture).toMatchObject({
      identity: replica,
      sinceLsn: 4,
      position: { file: 'binlog.000001', offset: 1300, byGtid: true },
    });
  }
});

test('and goes on by place again once it has a transaction of that server', async () => {
  await using folder = await temporaryFolder();
  const killed = await movedAndKilled(folder);
  await lose(killed, 4);
  {
    await using log = await openLog(killed);
    await write(log, [4]);
  }
  await using log = await openLog(killed);
  expect(log.capture).toMatchObject({ sinceLsn: 4, position: { offset: 1400 } });
  expect(log.capture.position).not.toHaveProperty('byGtid');
});

test('a log that was torn behind the move goes on at its place of the present server', async () => {
  await using folder = await temporaryFolder();
  const killed = await movedAndKilled(folder);
  await lose(killed, 7);
  await using log = await openLog(killed);
  expect(log.capture).toMatchObject({ identity: replica, sinceLsn: 6, position: { offset: 1600 } });
  expect(log.capture.position).not.toHaveProperty('byGtid');
});

test('a log that was repaired to an end before the move goes on as one that was torn there', async () => {
  await using folder = await temporaryFolder();
  const killed = await movedAndKilled(folder);
  {
    const { signal } = new AbortController();
    await using damaged = await DamagedLog.open({ directory: killed, topic: 'shop', before: 4, signal });
    await damaged.repair(new Date(Date.UTC(2026, 10, 22)));
  }
  await using log = await openLog(killed);
  expect(log.head.value.lsn).toBe(3);
  expect(log.capture).toMatchObject({ identity: replica, sinceLsn: 4, position: { byGtid: true } });
});
