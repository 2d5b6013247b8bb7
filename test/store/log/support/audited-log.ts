import { cp } from 'node:fs/promises';
import { encodeGap, PartKind, partHeaderBytes, TransactionSet, type Gap } from '@drc/protocol';
import { LevelDatabase } from '../../../../store/src/log/level-database.js';
import type { TransactionLog } from '../../../../store/src/log/transaction-log.js';
import { temporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.js';
import { append, insertOf, openLog, orders, source, tableNamed } from './log-fixture.js';

export const auditedTransactions = 2600;
export const users = tableNamed('users');
export const preparedXid = "X'61',X'',1";

const gap: Gap = {
  transaction: '0-1-2500',
  tables: ['shop.orders'],
  reason: 'a batch job',
  by: 'anna@db1',
  at: Date.UTC(2026, 10, 22),
  from: 'binlog.000001:251000',
  to: 'binlog.000001:251100',
  code: 'STATEMENT_EVENT',
  events: 3,
  rowsEvents: 1,
};

/** Rows of these numbers (below 64) as the source's row events become them: one INT column. */
export const rowsOf = (...values: number[]): Buffer => Buffer.from(values.flatMap((value) => [0x40, value]));

function gapPart(): Buffer {
  const body = encodeGap(gap);
  const header = Buffer.alloc(partHeaderBytes);
  header[0] = PartKind.gap;
  header.writeUInt32LE(body.length, 2);
  return Buffer.concat([header, body]);
}

/** The chunks of transaction `sequence`: two tables, some of them with several chunks. */
function chunksOf(sequence: number): Buffer[] {
  if (sequence === 2500) return [gapPart()];
  const first = insertOf(orders, rowsOf(1, 2, 3), 3);
  return sequence % 10 === 0 ? [first, insertOf(users, rowsOf(4), 1), first] : [first];
}

/** The log of a store that was stopped: with a gap, a prepared transaction, and both indexes. All of it is sound. */
export async function fillAuditedLog(path: string): Promise<void> {
  await using log = await openLog(path);
  await log.begin(source, { file: 'binlog.000001', offset: 4 }, TransactionSet.parse('0-1-0'), true);
  for (const table of [orders, users]) log.registerTable(table);
  prepare(log, 1);
  for (let sequence = 2; sequence <= auditedTransactions; sequence++) {
    append(log, sequence, sequence * 1000, chunksOf(sequence));
    if (sequence % 50 === 0) await log.flush();
  }
  await log.flush();
}

function prepare(log: TransactionLog, sequence: number): void {
  log.beginGroup({ id: `0-1-${sequence}`, commitTime: sequence * 1_000_000, origin: '' });
  log.prepareGroup(preparedXid);
  log.putChunk(insertOf(orders, rowsOf(5), 1));
  log.endPrepare(insertOf(users, rowsOf(6), 1), { file: 'binlog.000001', offset: 1000 + sequence * 100 });
}

export async function copyOf(original: TemporaryFolder): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  await cp(original.path, folder.path, { recursive: true });
  return folder;
}

/** Changes the database without the log. */
export async function inDatabase(
  folder: TemporaryFolder,
  change: (db: LevelDatabase) => Promise<void>,
): Promise<void> {
  const db = await LevelDatabase.open(folder.file('level'), { createIfMissing: false });
  await change(db);
  await db.close();
}

/** Flips one bit of a value; default: of its last byte. */
export async function flip(db: LevelDatabase, key: Buffer, at = -1): Promise<void> {
  const value = Buffer.from((await db.get(key))!);
  const index = at < 0 ? value.length + at : at;
  value[index]! ^= 1;
  await put(db, key, value);
}

export async function put(db: LevelDatabase, key: Buffer, value: Buffer): Promise<void> {
  const batch = db.batch();
  batch.put(key, value);
  await batch.write();
}

export async function remove(db: LevelDatabase, ...keys: Buffer[]): Promise<void> {
  const batch = db.batch();
  for (const key of keys) batch.del(key);
  await batch.write();
}
