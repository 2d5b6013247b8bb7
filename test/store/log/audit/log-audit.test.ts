import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { canonicalTableVersion, encodeChunk, schemaIdOf } from '@drc/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditProgress } from '../../../../store/src/log/audit/log-audit.js';
import { checksumOf, seal, sealBytes, sealChunk } from '../../../../store/src/log/chunk-record.js';
import { writeDurableMark } from '../../../../store/src/log/durable-mark.js';
import {
  allKeys,
  chunkKey,
  leaseKey,
  metaKey,
  pointKey,
  preparedKey,
  readTimeKey,
  tableKey,
  timeKey,
} from '../../../../store/src/log/keys.js';
import type { LevelDatabase } from '../../../../store/src/log/level-database.js';
import { verifyLog, type LogVerification } from '../../../../store/src/log/log-verification.js';
import { temporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.js';
import {
  auditedTransactions,
  copyOf,
  fillAuditedLog,
  flip,
  inDatabase,
  preparedXid,
  put,
  remove,
  rowsOf,
  users,
} from '../support/audited-log.js';
import { HandClock, insertOf, openLog, orders } from '../support/log-fixture.js';

const { signal } = new AbortController();
const verify = (folder: TemporaryFolder): Promise<LogVerification> =>
  verifyLog({ directory: folder.path, topic: 'shop' }, { signal });

let original: TemporaryFolder;
beforeAll(async () => {
  original = await temporaryFolder();
  await fillAuditedLog(original.path);
});
afterAll(async () => {
  await original[Symbol.asyncDispose]();
});

test('a log that is whole has no faults, and is counted', async () => {
  await using folder = await copyOf(original);
  const seen: AuditProgress[] = [];
  const { identity, audit, faults, faultCount } = await verifyLog(
    { directory: folder.path },
    { signal, progress: (progress) => seen.push(progress) },
  );
  expect(faults).toEqual([]);
  expect(faultCount).toBe(0);
  expect(identity?.topic).toBe('shop');
  // 1 is the prepare, 260 have three chunks, one of them (2500) is a gap.
  const large = auditedTransactions / 10 - 1;
  const small = auditedTransactions - large - 2;
  expect(audit).toMatchObject({
    first: 1,
    last: auditedTransactions,
    transactions: auditedTransactions,
    chunks: small + 3 * large + 2,
    rows: 3 * small + 7 * large,
    times: { oldest: 1000, newest: auditedTransactions * 1000 },
    tables: [
      { name: 'shop.orders', versions: 1, rows: 3 * small + 6 * large + 1 },
      { name: 'shop.users', versions: 1, rows: large + 1 },
    ],
    prepared: [{ xid: preparedXid, lsn: 1, chunks: 2, rows: 2 }],
    gapCount: 1,
    gaps: [{ lsn: 2500, transaction: '0-1-2500', reason: 'a batch job' }],
    leftOver: 0,
  });
  expect(seen.at(-1)).toMatchObject({
    transactions: auditedTransactions,
    ofTransactions: auditedTransactions,
    faults: 0,
  });
  expect(await readdir(folder.path)).not.toContain('lock');
});

/** Another time for a chunk, with a checksum that is right. */
async function rewrite(db: LevelDatabase, lsn: number, parts: Buffer, changes: object = {}): Promise<void> {
  const header = {
    lsn,
    chunk: 0,
    last: true,
    logTime: lsn * 1000,
    commitTime: lsn * 1_000_000,
    id: `0-1-${lsn}`,
    origin: '',
  };
  const stored = encodeChunk({ ...header, ...changes }, parts, sealBytes);
  sealChunk(stored, 0);
  await put(db, chunkKey(lsn, 0), stored);
}

/** Of the first transaction that has one; the log's beginning has one, too. */
async function firstTime(db: LevelDatabase): Promise<{ key: Buffer; time: number; lsn: number }> {
  const [, entry] = await db.scan(allKeys.times, { maxEntries: 2 });
  return { key: entry![0], ...readTimeKey(entry![0]) };
}

async function pointValue(db: LevelDatabase, lsn: number): Promise<Record<string, unknown>> {
  const stored = await db.get(pointKey(lsn));
  return JSON.parse(stored!.subarray(sealBytes).toString()) as Record<string, unknown>;
}

async function changePoint(db: LevelDatabase, lsn: number, changes: object): Promise<void> {
  const key = pointKey(lsn);
  await put(db, key, seal(key, JSON.stringify({ ...(await pointValue(db, lsn)), ...changes })));
}

const threeRows = insertOf(orders, rowsOf(1, 2, 3), 3);
const noRows = Buffer.alloc(0);
const strange = Buffer.alloc(16, 7);

type Damage = (db: LevelDatabase) => Promise<void>;
/** Damage, and the faults that it must give: kind, place, and what is found. */
const damages: Record<string, readonly [damage: Damage, ...faults: [string, string | RegExp, RegExp][]]> = {
  'a bit of a chunk': [(db) => flip(db, chunkKey(1234, 0)), ['chunk', 'chunk 1234/0', /checksum/]],
  'bits of two chunks': [
    async (db) => {
      await flip(db, chunkKey(20, 1));
      await flip(db, chunkKey(2000, 2), 0);
    },
    ['chunk', 'chunk 20/1', /checksum/],
    ['chunk', 'chunk 2000/2', /checksum/],
  ],
  'a chunk within a transaction that is missing': [
    (db) => remove(db, chunkKey(30, 1)),
    ['chunk', 'chunk 30/1', /missing/],
  ],
  'the last chunk of a transaction that is missing': [
    (db) => remove(db, chunkKey(30, 2)),
    ['chunk', 'chunk 30/2', /missing/],
  ],
  'transactions that are missing': [
    (db) => db.clear({ gte: chunkKey(100, 0), lt: chunkKey(104, 0) }),
    ['transaction', 'transactions 100 to 103', /missing/],
  ],
  'the newest transactions, of which only the index is left': [
    (db) => db.clear({ gte: chunkKey(2599, 0), lt: allKeys.chunks.lt }),
    ['transaction', 'transactions 2599 to 2600', /missing/],
  ],
  'a transaction under another’s key': [
    async (db) => await put(db, chunkKey(55, 0), (await db.get(chunkKey(56, 0)))!),
    ['chunk', 'chunk 55/0', /Transaction 56 stands there/],
  ],
  'a chunk that goes back in time': [
    (db) => rewrite(db, 77, threeRows, { logTime: 75_000 }),
    ['transaction', 'transaction 77', /75000 lies before 76000/],
  ],
  'a transaction that comes twice': [
    (db) => rewrite(db, 78, threeRows, { id: '0-1-70' }),
    ['transaction', 'transaction 78', /0-1-70 is in the log, or before it, already/],
  ],
  'an id that is none': [
    (db) => rewrite(db, 79, threeRows, { id: 'seventy-nine' }),
    ['transaction', 'transaction 79', /transaction id/],
  ],
  'a part that counts more rows than it has': [
    (db) => rewrite(db, 83, insertOf(orders, rowsOf(1, 2), 3)),
    ['chunk', 'chunk 83/0', /a part of 3 rows has 2/],
  ],
  'a row that ends within a value': [
    (db) => rewrite(db, 81, insertOf(orders, Buffer.of(0x40, 0xce, 1), 1)),
    ['chunk', 'chunk 81/0', /beyond its part/],
  ],
  'rows of a table version that was never there': [
    (db) => {
      const parts = Buffer.from(threeRows);
      strange.copy(parts, 6);
      return rewrite(db, 82, parts);
    },
    ['table', `table version ${strange.toString('hex')}`, /transaction 82 use it, and it is missing/],
  ],
  'a bit of a table version': [
    (db) => flip(db, tableKey(schemaIdOf(users))),
    ['table', /^table version/, /checksum/],
    ['table', /^table version/, /lease, but no content/],
    ['table', /^table version/, /Rows of transaction 10 use it/],
  ],
  'a table version with another’s content': [
    (db) => {
      const key = tableKey(schemaIdOf(users));
      return put(db, key, seal(key, canonicalTableVersion(orders)));
    },
    ['table', /^table version/, /of another id/],
    ['table', /^table version/, /lease, but no content/],
    ['table', /^table version/, /Rows of transaction 10 use it/],
  ],
  'a lease that ended too early': [
    (db) => {
      const key = leaseKey(schemaIdOf(users));
      return put(db, key, seal(key, '1000'));
    },
    ['table', /^table version/, /ends at transaction 1000; transaction 2600 uses it/],
  ],
  'a bit of a lease': [
    (db) => flip(db, leaseKey(schemaIdOf(users))),
    ['table', /^table version/, /checksum/],
    ['table', /^table version/, /no sound lease/],
  ],
  'a bit of an executed set': [
    async (db) => await flip(db, pointKey((await firstTime(db)).lsn)),
    ['point', /^point \d+$/, /checksum/],
  ],
  'an executed set that is another': [
    async (db) => await changePoint(db, (await firstTime(db)).lsn, { executed: '0-1-7' }),
    ['point', /^point \d+$/, /is not that of the transactions/],
  ],
  'a point with another time': [
    async (db) => await changePoint(db, (await firstTime(db)).lsn, { time: 7 }),
    ['point', /^point \d+$/, /time is 7/],
  ],
  'a newest point without a place in the source': [
    (db) => changePoint(db, 2600, { position: undefined }),
    ['point', 'point 2600', /no place in the source/],
  ],
  'a place in the source that goes back': [
    (db) => changePoint(db, 2600, { position: { file: 'binlog.000001', offset: 5 } }),
    ['point', 'point 2600', /binlog.000001:5 lies before/],
  ],
  'a point that is missing': [
    async (db) => await remove(db, pointKey((await firstTime(db)).lsn)),
    ['point', /^point \d+$/, /missing/],
  ],
  'a bit of the time index': [
    async (db) => await flip(db, (await firstTime(db)).key),
    ['time', /^time of transaction \d+$/, /checksum/],
  ],
  'a time that is another': [
    async (db) => {
      const { key, time, lsn } = await firstTime(db);
      const other = timeKey(time + 1, lsn);
      await remove(db, key);
      await put(db, other, seal(other, noRows));
    },
    ['time', /^time of transaction \d+$/, /the transaction's is/],
  ],
  'a time of a transaction that is not there': [
    async (db) => {
      const key = timeKey(9_000_000, 9000);
      await put(db, key, seal(key, noRows));
    },
    ['time', 'time of transaction 9000', /no such transaction/],
  ],
  'a bit of a prepared transaction': [
    (db) => flip(db, preparedKey(preparedXid, 1)),
    ['prepared', /^chunk 1 of prepared transaction/, /checksum/],
  ],
  'the end of a prepared transaction': [
    (db) => remove(db, preparedKey(preparedXid, 1)),
    ['prepared', /^chunk 1 of prepared transaction/, /missing/],
  ],
  'a tail beyond what was deleted': [
    async (db) => {
      const key = metaKey('tail');
      await put(db, key, seal(key, JSON.stringify({ lsn: 1, setBefore: '0-1-0', deletedBefore: 3 })));
    },
    ['meta', 'the records about the log', /before 3 has been deleted/],
  ],
  'a tail that says another set': [
    async (db) => {
      const key = metaKey('tail');
      await put(db, key, seal(key, JSON.stringify({ lsn: 1, setBefore: '7-1-1', deletedBefore: 1 })));
    },
    ...Array.from({ length: 2 }, (): [string, RegExp, RegExp] => ['point', /^point \d+$/, /executed set/]),
  ],
  'a bit of what says where the log begins': [
    (db) => flip(db, metaKey('tail')),
    ['database', 'the database', /checksum of the tail/],
  ],
  'records of no known kind': [
    async (db) => {
      await put(db, Buffer.from('\u0099strange', 'latin1'), noRows);
      await put(db, metaKey('other'), noRows);
    },
    ['record', /^key 01/, /no such record/],
    ['record', /^key 99/, /no such record/],
  ],
};

describe('what is damaged is found, and nothing else is:', () => {
  test.each(Object.entries(damages))('%s', async (_name, [damage, ...expected]) => {
    await using folder = await copyOf(original);
    await inDatabase(folder, damage);
    const { faults, faultCount } = await verify(folder);
    expect(faults.map(({ kind, place, found }) => ({ kind, place, found }))).toEqual(
      expected.map(([kind, place, found]) => ({
        kind,
        place: typeof place === 'string' ? place : (expect.stringMatching(place) as string),
        found: expect.stringMatching(found) as string,
      })),
    );
    expect(faultCount).toBe(expected.length);
  });
});

describe('the durable mark', () => {
  const mark = async (folder: TemporaryFolder): Promise<{ topic: string; lineage: string; lsn: number }> =>
    JSON.parse((await readFile(folder.file('durable-mark'), 'utf8')).split('\n')[0]!) as {
      topic: string;
      lineage: string;
      lsn: number;
    };
  const cases: Record<string, readonly [(folder: TemporaryFolder) => Promise<void>, RegExp]> = {
    'that is gone': [(folder) => rm(folder.file('durable-mark')), /mark is gone/],
    'with a wrong byte': [
      async (folder) => {
        const bytes = await readFile(folder.file('durable-mark'));
        bytes[12]! ^= 1;
        await writeFile(folder.file('durable-mark'), bytes);
      },
      /mark .* is damaged/,
    ],
    'of another log': [
      async (folder) =>
        await writeDurableMark(folder.file('durable-mark'), { ...(await mark(folder)), lineage: 'x' }),
      /of another log/,
    ],
    'ahead of the log': [
      async (folder) =>
        await writeDurableMark(folder.file('durable-mark'), { ...(await mark(folder)), lsn: 2700 }),
      /ends at 2600; up to 2700/,
    ],
  };
  test.each(Object.entries(cases))('%s is a fault', async (_name, [change, found]) => {
    await using folder = await copyOf(original);
    await change(folder);
    const { faults } = await verify(folder);
    expect(faults).toEqual([expect.objectContaining({ found: expect.stringMatching(found) as string })]);
  });
});

test('tables of LevelDB that are damaged on the disk give faults, and the rest of the log is read', async () => {
  await using folder = await copyOf(original);
  const names = (await readdir(folder.file('level'))).filter((name) => name.endsWith('.ldb'));
  const [path] = names.map((name) => folder.file('level', name));
  // Opened once, so that it is in a table.
  if (path === undefined) await inDatabase(folder, () => Promise.resolve());
  const table = (await readdir(folder.file('level'))).find((name) => name.endsWith('.ldb'))!;
  const bytes = await readFile(folder.file('level', table));
  // Zeros are no Snappy: LevelDB notices. What stands at the end says where the blocks are.
  bytes.fill(0, Math.floor(bytes.length * 0.3), Math.floor(bytes.length * 0.35));
  await writeFile(folder.file('level', table), bytes);
  const { faults, audit } = await verify(folder);
  expect(faults.length).toBeGreaterThan(0);
  expect(audit!.transactions).toBeGreaterThan(1000);
  expect(audit!.transactions).toBeLessThan(auditedTransactions);
});

test('a log that was trimmed, and one whose end was never finished, are whole; what is left over is counted', async () => {
  await using folder = await copyOf(original);
  const clock = new HandClock(auditedTransactions * 1000);
  {
    await using log = await openLog(folder.path, { clock, retentionMs: 2_560_000 });
    await log.trim();
    log.registerTable(orders);
    log.beginGroup({ id: '0-1-2601', commitTime: 2_601_000_000, origin: '' });
    log.putChunk(threeRows);
    await log.flush();
  }
  const { faults, audit } = await verify(folder);
  expect(faults).toEqual([]);
  expect(audit!.first).toBeGreaterThan(20);
  expect(audit!.leftOver).toBe(1);
});

test('a log that has only begun is whole', async () => {
  await using folder = await temporaryFolder();
  await (await openLog(folder.path)).close();
  expect(await verify(folder)).toMatchObject({ faults: [], audit: { transactions: 0, first: 1, last: 0 } });
});

test('a running store, another topic and no log at all are errors of their own', async () => {
  await using folder = await copyOf(original);
  {
    await using _log = await openLog(folder.path);
    await expect(verify(folder)).rejects.toMatchObject({ code: 'LOG_LOCKED' });
  }
  await expect(verifyLog({ directory: folder.path, topic: 'crm' }, { signal })).rejects.toMatchObject({
    code: 'DATA_FOLDER',
  });
  await expect(verifyLog({ directory: folder.file('none') }, { signal })).rejects.toMatchObject({
    code: 'LOG_MISSING',
  });
  await rm(folder.file('level'), { recursive: true });
  expect((await verify(folder)).faults).toEqual([expect.objectContaining({ kind: 'database' })]);
});

test('it can be ended at any moment', async () => {
  await using folder = await copyOf(original);
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  await expect(verifyLog({ directory: folder.path }, { signal: stop.signal })).rejects.toThrow('enough');
  // And lets go of the folder.
  expect((await verify(folder)).faults).toEqual([]);
});

/** The checksum of a chunk covers that of the chunk before it. */
test('chunks of two writings of one transaction are not taken for one', async () => {
  await using folder = await copyOf(original);
  await inDatabase(folder, async (db) => {
    const first = (await db.get(chunkKey(40, 0)))!;
    const header = {
      lsn: 40,
      chunk: 1,
      last: false,
      logTime: 40_000,
      commitTime: 40_000_000,
      id: '0-1-40',
      origin: '',
    };
    const other = encodeChunk(header, insertOf(users, rowsOf(9), 1), sealBytes);
    sealChunk(other, checksumOf(first) ^ 1);
    await put(db, chunkKey(40, 1), other);
  });
  expect((await verify(folder)).faults).toMatchObject([{ place: 'chunk 40/1' }]);
});
