import { rename } from 'node:fs/promises';
import { DrcError } from '@drc/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  encodeEntries,
  encodePageEnd,
  EntryReader,
  type LogEntry,
  type PageEnd,
} from '../../../../store/src/log/copy/entry-stream.js';
import { LogCopy, type LogCopyOptions } from '../../../../store/src/log/copy/log-copy.js';
import { readDurableMark, writeDurableMark } from '../../../../store/src/log/durable-mark.js';
import { allKeys, chunkKey, metaKey, pointKey } from '../../../../store/src/log/keys.js';
import { LevelDatabase } from '../../../../store/src/log/level-database.js';
import { entriesOf } from '../../../../store/src/log/log-proof.js';
import { verifyLog } from '../../../../store/src/log/log-verification.js';
import type { TransactionLog } from '../../../../store/src/log/transaction-log.js';
import { temporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.js';
import { auditedTransactions, copyOf, fillAuditedLog, preparedXid, rowsOf } from '../support/audited-log.js';
import { contentOf, HandClock, insertOf, openLog, orders } from '../support/log-fixture.js';

const { signal } = new AbortController();
const reading = <T>(read: () => Promise<T>): Promise<T> => read();

let original: TemporaryFolder;
beforeAll(async () => {
  original = await temporaryFolder('copy');
  await fillAuditedLog(original.path);
});
afterAll(async () => {
  await original[Symbol.asyncDispose]();
});

const openCopy = (directory: string, options: Partial<LogCopyOptions> = {}): Promise<LogCopy | undefined> =>
  LogCopy.open({ directory, topic: 'shop', clock: new HandClock(), diskReserveBytes: 0, signal, ...options });

/** One page of a log as it comes out of the connection, in pieces of odd lengths. */
async function pageOf(
  log: TransactionLog,
  from: LogCopy['next'],
  maxBytes = 64 * 1024,
): Promise<{ readonly entries: readonly LogEntry[]; readonly end: PageEnd }> {
  const page = log.pages.read({ from, maxBytes, reading });
  const pieces: Buffer[] = [];
  for (;;) {
    const next = await page.next();
    pieces.push(next.done === true ? encodePageEnd(next.value) : encodeEntries(next.value));
    if (next.done === true) break;
  }
  const bytes = Buffer.concat(pieces);
  const reader = new EntryReader();
  const entries: LogEntry[] = [];
  for (let at = 0, step = 1; at < bytes.length; at += step, step = (step * 7 + 3) % 9001)
    entries.push(...reader.push(bytes.subarray(at, at + step)));
  return { entries, end: reader.end! };
}

/** Takes pages until the head, or until so many entries have been taken. */
async function takeAll(log: TransactionLog, copy: LogCopy, most = Infinity): Promise<void> {
  let left = most;
  for (;;) {
    const { entries, end } = await pageOf(log, copy.next);
    await copy.pageBegins(log.lineage);
    for (const entry of entries) {
      if (left-- === 0) return;
      await copy.take(entry);
    }
    if (end === 'head') return;
  }
}

/** All chunks, table versions, executed sets and prepared chunks of a stopped log. */
async function databaseOf({ path }: TemporaryFolder): Promise<string[]> {
  const db = await LevelDatabase.open(`${path}/level`, { createIfMissing: false });
  const found: string[] = [];
  for (const range of [allKeys.chunks, allKeys.tables, allKeys.points, allKeys.prepared])
    for await (const [key, value] of entriesOf(db, range))
      found.push(`${key.toString('hex')} ${value.toString('hex')}`);
  await db.close();
  return found;
}

async function expectSound({ path }: TemporaryFolder): Promise<void> {
  const { faults } = await verifyLog({ directory: path }, { signal });
  expect(faults).toEqual([]);
}

test('a copy has the same entries, byte for byte, under an identity of its own, and is sound', async () => {
  await using folder = await temporaryFolder('copy');
  let lineage: string;
  let serverId: number;
  {
    await using log = await openLog(original.path);
    await using copy = (await openCopy(folder.path))!;
    await takeAll(log, copy);
    await copy.finish();
    ({ lineage, replicaServerId: serverId } = log);
  }
  expect(await databaseOf(folder)).toEqual(await databaseOf(original));
  await expectSound(folder);
  // The log has begun: there is nothing to fill any more.
  expect(await openCopy(folder.path)).toBeUndefined();
  await using log = await openLog(folder.path);
  expect(log.lineage).not.toBe(lineage);
  expect(log.replicaServerId).not.toBe(serverId);
  expect(log.head.value.lsn).toBe(auditedTransactions);
  expect(log.capture).toMatchObject({
    complete: true,
    position: { file: 'binlog.000001', offset: 1000 + auditedTransactions * 100 },
  });
  // What waits for its decision came with it, and what follows goes on from there.
  expect(log.isPrepared(preparedXid)).toBe(true);
  log.beginGroup({ id: `0-1-${auditedTransactions + 1}`, commitTime: 3_000_000_000, origin: '' });
  await log.commitPrepared(preparedXid, { file: 'binlog.000001', offset: 999_999_999 });
  await log.flush();
  expect((await contentOf(log)).at(-1)).toContain(`${auditedTransactions + 1}/1. 0-1-`);
});

test('a log that grows, and decides what was prepared, while it is copied gives one moment of it', async () => {
  await using sister = await copyOf(original);
  await using folder = await temporaryFolder('copy');
  {
    await using log = await openLog(sister.path);
    await using copy = (await openCopy(folder.path))!;
    await takeAll(log, copy, 1500);
    log.beginGroup({ id: `0-1-${auditedTransactions + 1}`, commitTime: 3_000_000_000, origin: '' });
    await log.commitPrepared(preparedXid, { file: 'binlog.000002', offset: 500 });
    // One that is still open lies beyond the head.
    log.beginGroup({ id: `0-1-${auditedTransactions + 2}`, commitTime: 3_000_000_000, origin: '' });
    log.prepareGroup("X'62',X'',1");
    log.putChunk(insertOf(orders, rowsOf(7), 1));
    await log.flush();
    await takeAll(log, copy);
    await copy.finish();
    log.abandonGroup();
    await log.flush();
  }
  await expectSound(folder);
  await using log = await openLog(folder.path);
  expect(log.head.value.lsn).toBe(auditedTransactions + 1);
  expect(log.isPrepared(preparedXid)).toBe(false);
  expect(log.isPrepared("X'62',X'',1")).toBe(false);
  expect(log.capture.position).toEqual({ file: 'binlog.000002', offset: 500 });
});

test('a copy that was interrupted goes on behind what proves sound, also within its end', async () => {
  const all = await (async () => {
    await using log = await openLog(original.path);
    return (await pageOf(log, undefined, Infinity)).entries.length;
  })();
  for (const taken of [1, 700, 2000, all - 3, all]) {
    await using folder = await temporaryFolder('copy');
    {
      await using log = await openLog(original.path);
      await using first = (await openCopy(folder.path))!;
      await takeAll(log, first, taken);
      // A page that comes to nothing has what was taken written.
      await first.pageBegins(log.lineage);
      await first.write();
    }
    {
      await using log = await openLog(original.path);
      await using second = (await openCopy(folder.path))!;
      if (taken >= 2000) {
        expect(second.of).toBe(log.lineage);
        expect(second.next!.lsn).toBeGreaterThan(500);
      }
      await takeAll(log, second);
      await second.finish();
    }
    expect(await databaseOf(folder)).toEqual(await databaseOf(original));
    await expectSound(folder);
  }
});

test('what was damaged in a copy that was interrupted is copied again', async () => {
  await using folder = await temporaryFolder('copy');
  await using log = await openLog(original.path);
  {
    await using first = (await openCopy(folder.path))!;
    await takeAll(log, first, 2500);
    await first.write();
  }
  const db = await LevelDatabase.open(folder.file('level.filling'), { createIfMissing: false });
  const key = chunkKey(1500, 0);
  const value = Buffer.from((await db.get(key))!);
  value[value.length - 1]! ^= 1;
  const batch = db.batch();
  batch.put(key, value);
  await batch.write();
  await db.close();
  await using second = (await openCopy(folder.path))!;
  expect(second.next!.lsn).toBeLessThanOrEqual(1500);
  await takeAll(log, second);
  await second.finish();
  await log.close();
  expect(await databaseOf(folder)).toEqual(await databaseOf(original));
});

test('begins anew with the log of another store', async () => {
  await using other = await temporaryFolder('copy');
  await fillAuditedLog(other.path);
  await using folder = await temporaryFolder('copy');
  {
    await using log = await openLog(original.path);
    await using copy = (await openCopy(folder.path))!;
    await takeAll(log, copy, 1000);
    await copy.write();
  }
  {
    await using log = await openLog(other.path);
    await using copy = (await openCopy(folder.path))!;
    await copy.pageBegins(log.lineage);
    expect(copy.next).toBeUndefined();
    await takeAll(log, copy);
    await copy.finish();
  }
  expect(await databaseOf(folder)).toEqual(await databaseOf(other));
});

test('a flipped bit, a missing and a strange entry are refused, whichever it is', async () => {
  await using log = await openLog(original.path);
  const { entries } = await pageOf(log, undefined, Infinity);
  const kinds = [
    entries.findIndex(({ key }) => key.equals(metaKey('tail'))),
    entries.findIndex(({ key }) => key.equals(pointKey(0))),
    entries.findIndex(({ key }) => key[0] === allKeys.tables.gte[0]),
    entries.findIndex(({ key }) => key.equals(chunkKey(20, 1))),
    entries.findIndex(({ key }) => key[0] === allKeys.prepared.gte[0]),
    entries.length - 1,
  ];
  expect(kinds.every((index) => index >= 0)).toBe(true);
  const refused = async (sent: readonly LogEntry[]): Promise<string> => {
    await using folder = await temporaryFolder('copy');
    await using copy = (await openCopy(folder.path))!;
    await copy.pageBegins(log.lineage);
    try {
      for (const entry of sent) await copy.take(entry);
      await copy.finish();
    } catch (error) {
      return error instanceof DrcError ? error.code : String(error);
    }
    return 'taken';
  };
  expect(await refused(entries)).toBe('taken');
  for (const index of kinds) {
    const { key, value } = entries[index]!;
    const flipped = Buffer.from(value);
    flipped[flipped.length - 1]! ^= 1;
    expect(await refused(entries.with(index, { key, value: flipped })), `flipped ${index}`).toBe(
      'LOG_CORRUPT',
    );
    // A point may be missing: others are there.
    if (!key.equals(pointKey(0)))
      expect(await refused(entries.toSpliced(index, 1)), `missing ${index}`).toBe('LOG_CORRUPT');
    expect(
      await refused(entries.toSpliced(index, 0, { key: chunkKey(1, 7), value })),
      `strange ${index}`,
    ).toBe('LOG_CORRUPT');
  }
});

test('a log that was trimmed meanwhile says so, and its rest is copied from the new tail on', async () => {
  await using sister = await copyOf(original);
  await using folder = await temporaryFolder('copy');
  {
    await using log = await openLog(sister.path, { retentionMs: 2_000_000 });
    await using copy = (await openCopy(folder.path))!;
    await takeAll(log, copy, 50);
    await copy.write();
    await log.trim();
    await log.trim();
    await expect(pageOf(log, copy.next)).rejects.toMatchObject({ code: 'RETENTION_EXPIRED' });
    await copy.startOver();
    await takeAll(log, copy);
    await copy.finish();
    await using filled = await openLog(folder.path);
    expect(filled.extent()).toEqual({ ...log.extent(), lineage: filled.lineage });
  }
  await expectSound(folder);
});

test('a log that has begun is left alone, and an empty one keeps its identity', async () => {
  await using begun = await copyOf(original);
  expect(await openCopy(begun.path)).toBeUndefined();
  await using folder = await temporaryFolder('copy');
  let lineage: string;
  {
    await using empty = await openLog(folder.path);
    ({ lineage } = empty);
  }
  await using log = await openLog(original.path);
  {
    await using copy = (await openCopy(folder.path))!;
    await expect(openLog(folder.path)).rejects.toMatchObject({ code: 'LOG_LOCKED' });
    await takeAll(log, copy);
    await copy.finish();
  }
  await using filled = await openLog(folder.path);
  expect(filled.lineage).toBe(lineage);
  expect(filled.head.value.lsn).toBe(auditedTransactions);
});

test('an empty log that is given up again captures from the source as if nothing had been copied', async () => {
  await using folder = await temporaryFolder('copy');
  await using log = await openLog(original.path);
  {
    await using copy = (await openCopy(folder.path))!;
    await takeAll(log, copy, 1000);
    await copy.write();
  }
  await using own = await openLog(folder.path);
  expect(own.head.value.lsn).toBe(0);
  expect(own.capture.identity).toBeUndefined();
});

test('a whole copy takes its place also where that was interrupted, at whichever step', async () => {
  await using filled = await temporaryFolder('copy');
  {
    await using log = await openLog(original.path);
    await using copy = (await openCopy(filled.path))!;
    await takeAll(log, copy);
    await copy.finish();
  }
  const mark = await readDurableMark(filled.file('durable-mark'));
  for (const step of ['before the mark', 'before the empty log goes', 'before the last name']) {
    await using folder = await copyOf(filled);
    await rename(folder.file('level'), folder.file('level.filled'));
    if (step !== 'before the last name') {
      const empty = await LevelDatabase.open(folder.file('level'), { createIfMissing: true });
      await empty.close();
    }
    if (step === 'before the mark') await writeDurableMark(folder.file('durable-mark'), { ...mark!, lsn: 0 });
    expect(await openCopy(folder.path), step).toBeUndefined();
    expect(await databaseOf(folder), step).toEqual(await databaseOf(original));
    await expectSound(folder);
    await using log = await openLog(folder.path);
    expect([log.lineage, log.head.value.lsn], step).toEqual([mark!.lineage, auditedTransactions]);
  }
});

test('a copy that was left behind never takes the place of a log that has begun', async () => {
  await using begun = await copyOf(original);
  await using other = await copyOf(original);
  const lineage = (await readDurableMark(begun.file('durable-mark')))!.lineage;
  await rename(other.file('level'), begun.file('level.filled'));
  expect(await openCopy(begun.path)).toBeUndefined();
  await using log = await openLog(begun.path);
  expect(log.lineage).toBe(lineage);
  expect(await LevelDatabase.exists(begun.file('level.filled'))).toBe(false);
});
