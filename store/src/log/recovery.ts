import { isDrcError, DrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import type { DurableMark } from './durable-mark.js';
import { endedAt, type EarlierEnd } from './earlier-end.js';
import { allKeys, chunkKey, pointKey } from './keys.js';
import type { LevelDatabase } from './level-database.js';
import { LogReader } from './log-reader.js';
import { putBeginning, type LogTail, type Meta } from './meta.js';
import { newestPoint, pointAtOrBefore, putPoint, type LogPoint } from './set-index.js';
import { cutTimes } from './time-index.js';

const burstBytes = 4 * 1024 * 1024;

const start: LogPoint = { lsn: 0, time: 0, position: undefined, executed: '' };

/**
 * What a log that was opened again really holds. LevelDB opens without a word when write-ahead logs are torn or
 * gone, so the end of the log is read and proven from the durable mark on:
 * - what is missing up to the mark was acknowledged as durable: an error, and nothing is changed;
 * - what is missing beyond it was cut off by a power loss: the log ends at the last point before the gap;
 * - chunks beyond the head belong to a transaction that was never finished: they are deleted;
 * - where capture had moved to another server behind the new end, it goes on by GTID.
 * @throws DrcError `LOG_MISSING`, `LOG_CORRUPT`.
 */
export async function recover(
  db: LevelDatabase,
  mark: DurableMark,
  { beginning, tail }: Meta,
  logger: Logger,
): Promise<EarlierEnd> {
  const newest = (await newestPoint(db)) ?? start;
  if (newest.lsn < mark.lsn) {
    throw new DrcError(
      'LOG_MISSING',
      `The log ends at transaction ${newest.lsn}; ${mark.lsn} were durable.`,
      {
        head: newest.lsn,
        durable: mark.lsn,
      },
    );
  }
  if (tail.lsn > newest.lsn + 1) {
    throw new DrcError('LOG_CORRUPT', `The log begins at transaction ${tail.lsn} and ends at ${newest.lsn}.`);
  }
  const head = await provenHead(db, mark, tail, newest);
  if (head.lsn < newest.lsn) {
    logger.warn(
      { code: 'LOG_TAIL_CUT', head: head.lsn, was: newest.lsn, durable: mark.lsn },
      'the end of the log was torn, beyond what was durable; it is cut and captured again',
    );
  }
  const end = endedAt(head, beginning);
  await cutBehind(db, end, newest, logger);
  return end;
}

async function provenHead(
  db: LevelDatabase,
  mark: DurableMark,
  tail: LogTail,
  newest: LogPoint,
): Promise<LogPoint> {
  const reader = new LogReader(db, () => ({ headLsn: newest.lsn, tailLsn: tail.lsn }));
  // The transaction of the mark itself is read too: it proves that the log holds what the mark speaks of.
  let next = { lsn: Math.max(mark.lsn, tail.lsn), chunk: 0 };
  try {
    while (next.lsn <= newest.lsn) next = (await reader.read(next, newest.lsn, burstBytes)).next;
    return newest;
  } catch (error) {
    if (!isDrcError(error, 'LOG_CORRUPT')) throw error;
    if (next.lsn <= mark.lsn) {
      throw new DrcError(
        'LOG_MISSING',
        `Transaction ${next.lsn} was durable and is not sound.`,
        error.details,
        {
          cause: error,
        },
      );
    }
    const point = (await pointAtOrBefore(db, next.lsn - 1)) ?? start;
    if (point.lsn < mark.lsn) throw error;
    return point;
  }
}

/** Deletes all beyond the head. Does nothing to a log that was closed in order. */
async function cutBehind(
  db: LevelDatabase,
  { point: head, beginning }: EarlierEnd,
  newest: LogPoint,
  logger: Logger,
): Promise<void> {
  const beyond = { gte: chunkKey(head.lsn + 1, 0), lt: allKeys.chunks.lt };
  const [leftover] = await db.scan(beyond, { maxEntries: 1 });
  if (leftover !== undefined) {
    logger.info({ head: head.lsn }, 'chunks of an unfinished transaction are deleted');
    await db.clear(beyond);
  }
  if (head.lsn === newest.lsn) return;
  const batch = db.batch();
  await cutTimes(db, batch, head.lsn);
  // Before the first point there is none: it stands for an empty log.
  if (head !== start) putPoint(batch, head);
  if (beginning !== undefined) putBeginning(batch, beginning);
  await batch.write();
  // The points go last: until then another attempt finds the same cut.
  await db.clear({ gte: pointKey(head.lsn + 1), lt: allKeys.points.lt });
  await db.sync();
}
