import { cp, rm } from 'node:fs/promises';
import { schemaIdOf, TransactionSet } from '@drc/protocol';
import { expect, test } from 'vitest';
import { chunkKey, preparedKey } from '../../../store/src/log/keys.js';
import { LevelDatabase } from '../../../store/src/log/level-database.js';
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

const xid = "X'61',X'',1";
const position = (lsn: number): { file: string; offset: number } => ({
  file: 'binlog.000001',
  offset: 1000 + lsn * 100,
});
const begin = async (log: TransactionLog): Promise<void> =>
  await log.begin(source, position(0), TransactionSet.parse(''), true);
const group = (log: TransactionLog, sequence: number, time = 1000): void =>
  log.beginGroup({ id: `0-1-${sequence}`, commitTime: time * 1000, origin: '' });

/** One that is prepared under the XID, of these chunks. */
function prepare(log: TransactionLog, sequence: number, chunks: readonly Buffer[], as = xid): void {
  group(log, sequence);
  log.prepareGroup(as);
  for (const chunk of chunks.slice(0, -1)) log.putChunk(chunk);
  log.endPrepare(chunks.at(-1)!, position(sequence));
}

async function commit(log: TransactionLog, sequence: number, as = xid): Promise<void> {
  group(log, sequence, 2000);
  await log.commitPrepared(as, position(sequence));
  await log.flush();
}

const rows = (...texts: string[]): Buffer[] => texts.map((text) => insertOf(orders, text));
/** What a part holds behind its header, its schema id and its count. */
const shortContent = async (log: TransactionLog): Promise<string[]> =>
  (await contentOf(log)).map((line) => line.replaceAll(/[^ ]*$/g, (parts) => parts.slice(-1)));

test('what is prepared takes the place of its decision, under its id and time, also where the log was closed meanwhile', async () => {
  await using folder = await temporaryFolder();
  let log = await openLog(folder.path);
  await begin(log);
  log.registerTable(orders);
  prepare(log, 1, rows('a', 'b', 'c'));
  append(log, 2, 1500, rows('x'));
  await log.flush();
  expect(await shortContent(log)).toEqual(['1/0. 0-1-1 ', '2/0. 0-1-2 x']);
  await log.close();

  log = await openLog(folder.path);
  expect(log.isPrepared(xid)).toBe(true);
  expect(log.capture.executed.toString()).toBe('0-1-2');
  await commit(log, 3);
  expect(log.isPrepared(xid)).toBe(false);
  append(log, 4, 3000, rows('y'));
  await log.flush();
  const all = ['1/0. 0-1-1 ', '2/0. 0-1-2 x', '3/0 0-1-3 a', '3/1 0-1-3 b', '3/2. 0-1-3 c', '4/0. 0-1-4 y'];
  expect(await shortContent(log)).toEqual(all);
  const { chunks } = await log.read(
    { lsn: 3, chunk: 0 },
    { maxBytes: 1, signal: new AbortController().signal },
  );
  expect(chunks[0]).toMatchObject({ commitTime: 2_000_000, logTime: 2000 });
  await log.close();
  log = await openLog(folder.path);
  expect(log.isPrepared(xid)).toBe(false);
  expect(await shortContent(log)).toEqual(all);
  await log.close();
});

test('a commit finds what was never flushed, and a transaction larger than what is queued at once', async () => {
  await using folder = await temporaryFolder();
  await using log = await openLog(folder.path);
  await begin(log);
  log.registerTable(orders);
  const chunks = Array.from({ length: 60 }, (_, index) => insertOf(orders, Buffer.alloc(256 * 1024, index)));
  prepare(log, 1, chunks);
  await commit(log, 2);
  const found = await contentOf(log);
  expect(found.length).toBe(61);
  for (const [index, chunk] of chunks.entries())
    expect(
      found[index + 1] === `2/${index}${index === 59 ? '.' : ''} 0-1-2 ${chunk.toString('latin1')}`,
    ).toBe(true);
});

test('what is rolled back, begun anew or interrupted leaves nothing behind', async () => {
  await using folder = await temporaryFolder();
  let log = await openLog(folder.path);
  await begin(log);
  log.registerTable(orders);
  prepare(log, 1, rows('a', 'b'));
  await log.flush();
  group(log, 2);
  log.rollBackPrepared(xid);
  log.endGroup(Buffer.alloc(0), position(2));
  await log.flush();
  expect(log.isPrepared(xid)).toBe(false);

  // The source never says what became of the first.
  prepare(log, 3, rows('c', 'd', 'e'));
  prepare(log, 4, rows('f'));
  await log.flush();
  await commit(log, 5);
  expect((await shortContent(log)).slice(-1)).toEqual(['5/0. 0-1-5 f']);

  group(log, 6);
  log.prepareGroup(xid);
  log.putChunk(rows('g')[0]!);
  log.truncateGroup(0);
  log.putChunk(rows('h')[0]!);
  await log.flush();
  log.abandonGroup();
  await log.flush();
  expect(log.isPrepared(xid)).toBe(false);
  await log.close();
  const db = await LevelDatabase.open(folder.file('level'), { createIfMissing: false });
  expect(await db.get(preparedKey(xid, 0))).toBeUndefined();
  await db.close();
  log = await openLog(folder.path);
  append(log, 6, 3000, rows('z'));
  await log.flush();
  expect((await shortContent(log)).slice(-1)).toEqual(['6/0. 0-1-6 z']);
  await log.close();
});

test('one phase is a transaction like any other, of one chunk and of many', async () => {
  await using folder = await temporaryFolder();
  await using log = await openLog(folder.path);
  await begin(log);
  log.registerTable(orders);
  for (const [index, chunks] of [rows('a'), rows('b', 'c', 'd')].entries()) {
    group(log, index + 1);
    log.prepareGroup(xid);
    for (const chunk of chunks.slice(0, -1)) log.putChunk(chunk);
    await log.endPreparedAtOnce(chunks.at(-1)!, position(index + 1));
    await log.flush();
    expect(log.isPrepared(xid)).toBe(false);
  }
  expect(await shortContent(log)).toEqual(['1/0. 0-1-1 a', '2/0 0-1-2 b', '2/1 0-1-2 c', '2/2. 0-1-2 d']);
});

test('chunks of a group that never came to its end are deleted when the log is opened', async () => {
  await using folder = await temporaryFolder();
  let log = await openLog(folder.path);
  await begin(log);
  log.registerTable(orders);
  prepare(log, 1, rows('a'), "X'00',X'',1");
  group(log, 2);
  log.prepareGroup(xid);
  log.putChunk(rows('g')[0]!);
  await log.flush();
  // As a killed process leaves it.
  await log.close();
  log = await openLog(folder.path);
  expect(log.isPrepared(xid)).toBe(false);
  expect(log.isPrepared("X'00',X'',1")).toBe(true);
  await log.close();
});

test('retention leaves what is prepared alone, and the table versions that it uses', async () => {
  await using folder = await temporaryFolder();
  const clock = new HandClock();
  const retentionMs = 3_600_000;
  const trim = async (log: TransactionLog): Promise<void> => {
    while ((await log.trim()) > 0);
  };
  const old = tableNamed('old');
  let log = await openLog(folder.path, { clock, retentionMs });
  await begin(log);
  log.registerTable(old);
  prepare(log, 1, [insertOf(old, 'a'), insertOf(old, 'b')]);
  log.registerTable(orders);
  for (let sequence = 2; sequence < 9000; sequence++) {
    append(log, sequence, clock.now(), rows('x'));
    clock.advance(10_000);
  }
  await log.flush();
  await trim(log);
  expect(log.extent().oldest.lsn).toBeGreaterThan(8000);
  await log.close();
  log = await openLog(folder.path, { clock, retentionMs });
  expect(await log.table(schemaIdOf(old))).toEqual(old);
  await commit(log, 9000);
  expect((await shortContent(log)).slice(-2)).toEqual(['9000/0 0-1-9000 a', '9000/1. 0-1-9000 b']);
  expect(await log.table(schemaIdOf(old))).toEqual(old);
  for (let sequence = 9001; sequence < 18_000; sequence++) {
    append(log, sequence, clock.now(), rows('x'));
    clock.advance(10_000);
  }
  await log.flush();
  await log.trim();
  append(log, 18_000, clock.now(), rows('x'));
  await log.flush();
  await trim(log);
  await log.close();
  log = await openLog(folder.path, { clock, retentionMs });
  expect(await log.someTable((name) => name === 'shop.old')).toBe(false);
  await log.close();
});

test('damage is found before anything of the transaction is visible', async () => {
  for (const [chunk, damage] of [
    [0, 'flipped'],
    [1, 'flipped'],
    [1, 'gone'],
    [2, 'gone'],
  ] as const) {
    await using folder = await temporaryFolder();
    let log = await openLog(folder.path);
    await begin(log);
    log.registerTable(orders);
    prepare(log, 1, rows('a', 'b', 'c'));
    await log.flush();
    await log.close();
    const db = await LevelDatabase.open(folder.file('level'), { createIfMissing: false });
    const key = preparedKey(xid, chunk);
    const stored = (await db.get(key))!;
    stored[stored.length - 1]! ^= 1;
    const batch = db.batch();
    if (damage === 'gone') batch.del(key);
    else batch.put(key, stored);
    await batch.write();
    await db.close();
    log = await openLog(folder.path);
    group(log, 2);
    await expect(log.commitPrepared(xid, position(2))).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
    log.abandonGroup();
    await log.flush();
    expect(log.head.value.lsn).toBe(1);
    await log.close();
  }
});

test('a commit that is cut off with a torn end of the log finds again what was prepared', async () => {
  await using folder = await temporaryFolder();
  const live = folder.file('live');
  const torn = folder.file('torn');
  let log = await openLog(live);
  await begin(log);
  log.registerTable(orders);
  prepare(log, 1, rows('a', 'b'));
  await log.flush();
  await log.close();
  log = await openLog(live);
  append(log, 2, 1500, rows('x'));
  await log.flush();
  await commit(log, 3);
  append(log, 4, 2500, rows('y'));
  await log.flush();
  await cp(live, torn, { recursive: true });
  await rm(`${torn}/lock`);
  await log.close();
  // The mark has passed the commit.
  log = await openLog(live);
  expect(log.isPrepared(xid)).toBe(false);
  await log.close();

  const db = await LevelDatabase.open(`${torn}/level`, { createIfMissing: false });
  const batch = db.batch();
  batch.del(chunkKey(3, 0));
  await batch.write();
  await db.close();
  log = await openLog(torn);
  expect(log.head.value.lsn).toBe(2);
  expect(log.isPrepared(xid)).toBe(true);
  await commit(log, 3);
  expect((await shortContent(log)).slice(-2)).toEqual(['3/0 0-1-3 a', '3/1. 0-1-3 b']);
  await log.close();
});

test('what was committed is deleted once the commit is durable', async () => {
  await using folder = await temporaryFolder();
  const log = await openLog(folder.path, { syncIntervalMs: 5 });
  await begin(log);
  log.registerTable(orders);
  prepare(log, 1, rows('a', 'b'));
  await commit(log, 2);
  for (let sequence = 3; sequence < 20; sequence++) {
    append(log, sequence, 3000, rows('x'));
    await log.flush();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await log.close();
  const db = await LevelDatabase.open(folder.file('level'), { createIfMissing: false });
  for (const chunk of [0, 1, 2, 0xffff_ffff]) expect(await db.get(preparedKey(xid, chunk))).toBeUndefined();
  await db.close();
});
