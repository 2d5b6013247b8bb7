import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { TransactionSet } from '@drc/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seal } from '../../../store/src/log/chunk-record.js';
import { allKeys, chunkKey, metaKey } from '../../../store/src/log/keys.js';
import { LevelDatabase } from '../../../store/src/log/level-database.js';
import { DamagedLog } from '../../../store/src/log/log-repair.js';
import type { TransactionLog } from '../../../store/src/log/transaction-log.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.js';
import { append, contentOf, insertOf, openLog, orders, source } from './support/log-fixture.js';

const { signal } = new AbortController();
const now = new Date(Date.UTC(2026, 10, 22));
const transactions = 3000;
const examine = (folder: TemporaryFolder, before?: number): Promise<DamagedLog> =>
  DamagedLog.open({
    directory: folder.path,
    topic: 'shop',
    signal,
    ...(before === undefined ? {} : { before }),
  });

async function fill(log: TransactionLog, count: number): Promise<void> {
  const from = log.head.value.lsn;
  for (let sequence = from + 1; sequence <= from + count; sequence++) {
    append(log, sequence, sequence * 1000, [
      insertOf(orders, `a${sequence}`),
      insertOf(orders, `b${sequence}`),
    ]);
    if (sequence % 10 === 0) await log.flush();
  }
  await log.flush();
}

/** Some transactions in tables, each table of its own thousand. */
let original: TemporaryFolder;
let content: string[];
beforeAll(async () => {
  original = await temporaryFolder();
  for (let thousand = 0; thousand < 3; thousand++) {
    const log = await openLog(original.path);
    if (thousand === 0)
      await log.begin(source, { file: 'binlog.000001', offset: 4 }, TransactionSet.parse(''), true);
    log.registerTable(orders);
    await fill(log, transactions / 3);
    await log.close();
  }
  const log = await openLog(original.path);
  content = await contentOf(log);
  await log.close();
});
afterAll(async () => {
  await original[Symbol.asyncDispose]();
});

async function copyOfOriginal(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  await cp(original.path, folder.path, { recursive: true });
  return folder;
}

/** Changes the database without the log. */
async function inDatabase(
  folder: TemporaryFolder,
  change: (db: LevelDatabase) => Promise<void>,
): Promise<void> {
  const db = await LevelDatabase.open(folder.file('level'), { createIfMissing: false });
  await change(db);
  await db.close();
}

/** Repairs, opens the log, and captures what is missing again. @returns where it was cut */
async function expectRepaired(folder: TemporaryFolder, before?: number): Promise<number> {
  let end: number;
  {
    await using damaged = await examine(folder, before);
    end = damaged.examined.proof.end!.lsn;
    await damaged.repair(now);
  }
  await using log = await openLog(folder.path);
  expect(log.head.value.lsn).toBe(end);
  expect(log.capture.executed.toString()).toBe(end === 0 ? '' : `0-1-${end}`);
  expect(log.capture.position).toMatchObject({ offset: end === 0 ? 4 : 1000 + end * 100 });
  expect(await contentOf(log)).toEqual(content.slice(0, 2 * end));
  log.registerTable(orders);
  await fill(log, transactions - end);
  expect(await contentOf(log)).toEqual(content);
  expect((await log.seek({ kind: 'timestamp', time: 1_500_000 }, 0)).lsn).toBe(1500);
  return end;
}

test('a log that is whole is told so and not touched', async () => {
  await using folder = await copyOfOriginal();
  {
    await using log = await examine(folder);
    expect(log.examined).toMatchObject({
      markFault: undefined,
      proof: {
        newestLsn: 3000,
        newestTime: 3_000_000,
        faults: [],
        oldest: { lsn: 1, time: 1000 },
        end: { lsn: 3000 },
      },
    });
    expect(log.examined.proof.damage).toBeUndefined();
  }
  expect(await readdir(folder.path)).not.toContain('lock');
});

test('a bit flipped in a table cuts the log off at the last place before it, and what follows is captured again', async () => {
  const found: number[] = [];
  for (const share of [0.3, 0.5, 0.7]) {
    await using folder = await copyOfOriginal();
    const names = (await readdir(folder.file('level'))).filter((name) => name.endsWith('.ldb')).sort();
    const path = folder.file('level', names[Math.floor(share * names.length)]!);
    const bytes = await readFile(path);
    bytes[Math.floor(bytes.length * share * 0.8)]! ^= 4;
    await writeFile(path, bytes);
    {
      // A look changes nothing.
      await using look = await examine(folder);
      const { damage, end, newestLsn } = look.examined.proof;
      expect(damage).toBeDefined();
      expect(end!.lsn).toBeLessThan(damage!.lsn);
      expect(newestLsn).toBe(3000);
    }
    expect((await readFile(path)).equals(bytes)).toBe(true);
    found.push(await expectRepaired(folder));
    expect(await readdir(folder.path)).toContain('level.damaged-2026-11-22T00-00-00-000Z');
  }
  expect(Math.max(...found)).toBeGreaterThan(900);
});

test('a chunk, the table versions or the end of the durable log that are lost are found', async () => {
  const losses: readonly (readonly [(folder: TemporaryFolder) => Promise<void>, number | undefined])[] = [
    [
      (folder) => inDatabase(folder, (db) => db.clear({ gte: chunkKey(1700, 1), lt: chunkKey(1701, 0) })),
      1700,
    ],
    [(folder) => inDatabase(folder, (db) => db.clear({ gte: Buffer.of(0x40), lt: Buffer.of(0x41) })), 1],
    [
      (folder) => inDatabase(folder, (db) => db.clear({ gte: chunkKey(2900, 0), lt: chunkKey(9999, 0) })),
      2900,
    ],
  ];
  for (const [lose, lsn] of losses) {
    await using folder = await copyOfOriginal();
    await lose(folder);
    {
      await using look = await examine(folder);
      expect(look.examined.proof.damage?.lsn).toBe(lsn);
    }
    await expectRepaired(folder);
  }
});

test('a damaged index costs no transaction but those behind the last place that is sound', async () => {
  for (const keys of [allKeys.points, allKeys.leases]) {
    await using folder = await copyOfOriginal();
    await inDatabase(folder, async (db) => {
      const [entry] = await db.scan(keys, { reverse: true, maxEntries: 1 });
      const [key, value] = entry!;
      value[value.length - 1]! ^= 1;
      const batch = db.batch();
      batch.put(key, value);
      await batch.write();
    });
    await expect(openLog(folder.path)).rejects.toMatchObject({
      code: expect.stringMatching(/^LOG_/) as string,
    });
    {
      await using look = await examine(folder);
      expect(look.examined.proof.faults).toHaveLength(1);
    }
    expect(await expectRepaired(folder)).toBeGreaterThan(1900);
  }
});

test('a durable mark that is gone or damaged is made anew', async () => {
  for (const lose of [
    (folder: TemporaryFolder) => rm(folder.file('durable-mark')),
    (folder: TemporaryFolder) => writeFile(folder.file('durable-mark'), '{"topic":"shop"}\n00000000\n'),
  ]) {
    await using folder = await copyOfOriginal();
    await lose(folder);
    {
      await using look = await examine(folder);
      expect(look.examined.markFault).toContain('durable mark');
    }
    expect(await expectRepaired(folder)).toBe(3000);
  }
});

test('an operator may cut further back', async () => {
  await using folder = await copyOfOriginal();
  const end = await expectRepaired(folder, 1500);
  expect(end).toBeLessThan(1500);
  expect(end).toBeGreaterThan(0);
});

test('what is prepared stays, unless it was prepared behind the cut', async () => {
  await using folder = await temporaryFolder();
  const log = await openLog(folder.path);
  await log.begin(source, { file: 'binlog.000001', offset: 4 }, TransactionSet.parse(''), true);
  log.registerTable(orders);
  const prepare = (xid: string): void => {
    const lsn = log.head.value.lsn + 1;
    log.beginGroup({ id: `0-1-${lsn}`, commitTime: lsn * 1_000_000, origin: '' });
    log.prepareGroup(xid);
    log.endPrepare(insertOf(orders, xid), { file: 'binlog.000001', offset: 1000 + lsn * 100 });
  };
  prepare("X'61',X'',1");
  await log.flush();
  await fill(log, 2500);
  prepare("X'62',X'',1");
  await log.flush();
  await log.close();
  await inDatabase(folder, (db) => db.clear({ gte: chunkKey(2200, 0), lt: chunkKey(2200, 1) }));
  let end: number;
  {
    await using damaged = await examine(folder);
    expect(damaged.examined.proof.damage).toMatchObject({ lsn: 2200 });
    end = damaged.examined.proof.end!.lsn;
    await damaged.repair(now);
  }
  await using repaired = await openLog(folder.path);
  expect(repaired.isPrepared("X'61',X'',1")).toBe(true);
  expect(repaired.isPrepared("X'62',X'',1")).toBe(false);
  repaired.registerTable(orders);
  repaired.beginGroup({ id: `0-1-${end + 1}`, commitTime: end * 1_000_000, origin: '' });
  await repaired.commitPrepared("X'61',X'',1", { file: 'binlog.000001', offset: 5 });
  await repaired.flush();
  const { chunks } = await repaired.read({ lsn: end + 1, chunk: 0 }, { maxBytes: 1, signal });
  expect(chunks[0]!.bytes.toString('latin1')).toContain("X'61',X'',1");
});

test('a repair that was ended at its last step is finished by the next', async () => {
  await using folder = await copyOfOriginal();
  await rename(folder.file('level'), folder.file('level.repaired'));
  await expect(openLog(folder.path)).rejects.toMatchObject({ code: 'LOG_MISSING' });
  {
    await using log = await examine(folder);
    expect(log.examined.proof.damage).toBeUndefined();
  }
  await using log = await openLog(folder.path);
  expect(log.head.value.lsn).toBe(3000);
});

test('a folder of which nothing can be kept is an error, and stays as it is', async () => {
  await using folder = await copyOfOriginal();
  await inDatabase(folder, async (db) => {
    const key = metaKey('tail');
    const batch = db.batch();
    batch.put(key, seal(key, JSON.stringify({ lsn: 1500, setBefore: '0-1-1499', deletedBefore: 1500 })));
    await batch.write();
    await db.clear({ gte: chunkKey(1500, 0), lt: chunkKey(1501, 0) });
    await db.clear({
      gte: allKeys.points.gte,
      lt: Buffer.concat([Buffer.of(0x30), Buffer.alloc(6), Buffer.of(6)]),
    });
  });
  {
    await using damaged = await examine(folder);
    expect(damaged.examined.proof).toMatchObject({ damage: { lsn: 1500 } });
    expect(damaged.examined.proof.end).toBeUndefined();
    await expect(damaged.repair(now)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  }
  expect((await readdir(folder.path)).sort()).toEqual(['durable-mark', 'level']);
  await rm(folder.file('level'), { recursive: true });
  await mkdir(folder.file('level'));
  await expect(examine(folder)).rejects.toMatchObject({ code: 'LOG_MISSING' });
});

test('a log that a store has open is not repaired', async () => {
  await using folder = await copyOfOriginal();
  await using _log = await openLog(folder.path);
  await expect(examine(folder)).rejects.toMatchObject({ code: 'LOG_LOCKED' });
});
