import { checkChunk, checksumOf, sealBytes, unseal } from '../chunk-record.js';
import { allKeys, readPreparedKey } from '../keys.js';
import type { LevelDatabase } from '../level-database.js';
import { entriesOf } from '../log-proof.js';
import { decisionChunk, preparedLsnOf } from '../prepared-groups.js';
import type { CatalogAudit } from './catalog-audit.js';
import { textOf, type FaultList } from './fault-list.js';
import { auditParts } from './parts-audit.js';

/** A transaction that was prepared under XA, and waits for its decision. */
export interface PreparedTransaction {
  readonly xid: string;
  /** Of its XA PREPARE; 0 where its first chunk is damaged. */
  readonly lsn: number;
  readonly chunks: number;
  readonly rows: number;
  readonly bytes: number;
}

interface Group {
  readonly xid: string;
  readonly lsn: number;
  chunks: number;
  rows: number;
  bytes: number;
  /** Stored checksum of the newest chunk. */
  checksum: number;
  isComplete: boolean;
  isSound: boolean;
  decided: number | undefined;
}

/**
 * The prepared transactions of a log. Of each the chunks must be 0, 1, 2 … up to the last, proven as those of the log are.
 * What was never prepared to its end, and what is decided already, waits to be deleted and is passed over.
 */
export async function auditPrepared(
  db: LevelDatabase,
  headLsn: number,
  catalog: CatalogAudit,
  faults: FaultList,
): Promise<readonly PreparedTransaction[]> {
  const found: PreparedTransaction[] = [];
  const unreadable: string[] = [];
  let group: Group | undefined;
  const finish = (): void => {
    if (group === undefined || group.lsn > headLsn || (group.decided ?? Infinity) <= headLsn) return;
    const { xid, lsn, chunks, rows, bytes } = group;
    if (group.isSound && !group.isComplete)
      faults.add('prepared', placeOf(xid, chunks), 'It is missing.', lsn);
    found.push({ xid, lsn, chunks, rows, bytes });
  };
  for await (const [key, stored] of entriesOf(db, allKeys.prepared, unreadable)) {
    const { xid, chunk } = readPreparedKey(key);
    if (group?.xid !== xid) {
      finish();
      group = groupOf(xid, stored);
    }
    if (chunk === decisionChunk) decide(group, key, stored, faults);
    else addChunk(group, chunk, stored, headLsn, catalog, faults);
  }
  finish();
  for (const why of unreadable) faults.add('prepared', 'the prepared transactions', why);
  return found;
}

const groupOf = (xid: string, stored: Buffer): Group => ({
  xid,
  lsn: preparedLsnOf(stored),
  chunks: 0,
  rows: 0,
  bytes: 0,
  checksum: 0,
  isComplete: false,
  isSound: true,
  decided: undefined,
});

function addChunk(
  group: Group,
  chunk: number,
  stored: Buffer,
  headLsn: number,
  catalog: CatalogAudit,
  faults: FaultList,
): void {
  const { xid, lsn } = group;
  if (lsn > headLsn || !group.isSound) return;
  const place = placeOf(xid, group.chunks);
  const refuse = (found: string): void => {
    faults.add('prepared', place, found, lsn);
    group.isSound = false;
  };
  if (chunk !== group.chunks) return refuse('It is missing.');
  if (group.isComplete) return refuse('It stands behind the last one.');
  const check = checkChunk(stored, lsn, chunk, group.checksum);
  if (check.kind !== 'good') return refuse('Its checksum is wrong.');
  try {
    group.rows += auditParts(check.chunk, catalog).rows;
  } catch (error) {
    faults.add('prepared', place, textOf(error), lsn);
  }
  group.checksum = checksumOf(stored);
  group.chunks++;
  group.bytes += stored.length - sealBytes;
  group.isComplete = check.chunk.last;
}

function decide(group: Group, key: Buffer, stored: Buffer, faults: FaultList): void {
  try {
    group.decided = Number(unseal(key, stored, 'its decision').toString());
  } catch (error) {
    faults.add('prepared', `the decision over prepared transaction ${group.xid}`, textOf(error));
  }
}

const placeOf = (xid: string, chunk: number): string => `chunk ${chunk} of prepared transaction ${xid}`;
