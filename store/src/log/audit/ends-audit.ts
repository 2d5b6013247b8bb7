import type { DurableMark } from '../durable-mark.js';
import { allKeys, chunkKey, readChunkKey, strangeKeys } from '../keys.js';
import type { LevelDatabase } from '../level-database.js';
import { entriesOf } from '../log-proof.js';
import { isMetaKey, type Meta } from '../meta.js';
import type { LogPoint } from '../set-index.js';
import { transactionsText, type FaultList } from './fault-list.js';

/**
 * What says where a log begins and ends: the durable mark, the records about the log as a whole, and the newest point, which
 * is the head.
 * @param head undefined where there is no sound point from the tail on
 */
export function auditEnds(
  { identity, beginning, tail }: Meta,
  mark: DurableMark | undefined,
  head: LogPoint | undefined,
  faults: FaultList,
): void {
  const headLsn = head?.lsn ?? tail.lsn - 1;
  const add = (found: string): void => faults.add('meta', 'the records about the log', found);
  if (mark !== undefined) auditMark(mark, identity, headLsn, faults);
  if (identity.replicaServerId < 2 ** 31 || identity.replicaServerId >= 2 ** 32)
    add(`Its replica server id is ${identity.replicaServerId}.`);
  if (tail.lsn < 1 || tail.deletedBefore > tail.lsn)
    add(`It begins at ${tail.lsn}, and what is before ${tail.deletedBefore} has been deleted.`);
  if (head === undefined && (beginning !== undefined || tail.lsn > 1))
    faults.add('point', 'the points', 'There is none from which capture could go on.');
  if (head === undefined || beginning === undefined) {
    if (headLsn > 0) add('It has transactions, and does not say where they come from.');
    return;
  }
  const { position } = head;
  if (position === undefined || position.file === '' || !(position.offset >= 0))
    faults.add('point', `point ${head.lsn}`, 'The newest point has no place in the source.', head.lsn);
  if ((beginning.sinceLsn ?? 1) > headLsn + 1)
    add(`The present server's first transaction is ${beginning.sinceLsn}; the log ends at ${headLsn}.`);
}

function auditMark(
  { topic, lineage, lsn }: DurableMark,
  identity: Meta['identity'],
  headLsn: number,
  faults: FaultList,
): void {
  const place = 'the durable mark';
  if (topic !== identity.topic)
    faults.add('mark', place, `It is of topic ${topic}, the log of ${identity.topic}.`);
  if (lineage !== identity.lineage) faults.add('mark', place, 'It is of another log.');
  else if (lsn > headLsn)
    faults.add(
      'transaction',
      transactionsText(headLsn + 1, lsn),
      `The log ends at ${headLsn}; up to ${lsn} all was durable.`,
      headLsn + 1,
    );
}

/** Of a log that was trimmed: what is left is no older than what is gone. */
export function auditTrimmedTime({ tail }: Meta, oldestTime: number, faults: FaultList): void {
  if (tail.trimmedTime === undefined || tail.trimmedTime <= oldestTime) return;
  const found = `The last transaction that was trimmed is of ${tail.trimmedTime}, the oldest that is left of ${oldestTime}.`;
  faults.add('meta', 'the records about the log', found);
}

/** Records of no known kind. */
export async function auditRecords(db: LevelDatabase, faults: FaultList): Promise<void> {
  const unreadable: string[] = [];
  for (const range of [allKeys.meta, ...strangeKeys]) {
    for await (const [key] of entriesOf(db, range, unreadable))
      if (!isMetaKey(key)) faults.add('record', `key ${key.toString('hex')}`, 'A log has no such record.');
  }
  for (const why of unreadable) faults.add('database', 'the database', why);
}

/**
 * Chunks that nobody reads and the store deletes: of transactions that were trimmed, and of the one that never came to its
 * end. @returns how many there are
 */
export async function countLeftOver(
  db: LevelDatabase,
  { tail }: Meta,
  headLsn: number,
  faults: FaultList,
): Promise<number> {
  let count = 0;
  const unreadable: string[] = [];
  const beyond = { gte: chunkKey(headLsn + 1, 0), lt: allKeys.chunks.lt };
  for (const range of [{ gte: allKeys.chunks.gte, lt: chunkKey(tail.lsn, 0) }, beyond]) {
    for await (const [key] of entriesOf(db, range, unreadable)) {
      count++;
      const { lsn } = readChunkKey(key);
      if (lsn < tail.deletedBefore)
        faults.add(
          'record',
          `transaction ${lsn}`,
          'It was trimmed and deleted, and something of it is there.',
          lsn,
        );
    }
  }
  for (const why of unreadable) faults.add('database', 'chunks that nobody reads', why);
  return count;
}
