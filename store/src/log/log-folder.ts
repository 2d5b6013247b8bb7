import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError, isDrcError } from '@drc/protocol';
import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import { DiskReserve } from './disk-reserve.js';
import { readDurableMark, writeDurableMark, type DurableMark } from './durable-mark.js';
import { isCorruption, LevelDatabase } from './level-database.js';
import { LockFile } from './lock-file.js';
import { LogReader } from './log-reader.js';
import { newLogIdentity, putIdentity, putTail, readMeta, type LogTail, type Meta } from './meta.js';
import { PreparedGroups } from './prepared-groups.js';
import { recover } from './recovery.js';
import type { LogPoint } from './set-index.js';
import { TableCatalog } from './table-catalog.js';

/*
 *   lock           who has the folder open (lock-file.ts)
 *   durable-mark   what is certainly on the disk (durable-mark.ts)
 *   level/         the database (keys.ts)
 */
export interface LogFolderOptions {
  readonly directory: string;
  readonly topic: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly diskReserveBytes?: number;
}

/** A data folder that is locked, opened and proven. Whoever has it closes `db` and then disposes of `lock`. */
export interface LogFolder {
  readonly lock: LockFile;
  readonly db: LevelDatabase;
  readonly meta: Meta;
  readonly mark: DurableMark;
  readonly markPath: string;
  /** The head. */
  readonly point: LogPoint;
  readonly catalog: TableCatalog;
  readonly prepared: PreparedGroups;
  /** Log time of the oldest transaction; undefined where there is none. */
  readonly oldestTime: number | undefined;
}

/** @throws DrcError `LOG_LOCKED`, `LOG_FORMAT`, `LOG_CORRUPT`, `LOG_MISSING`, `DATA_FOLDER`, `DISK_RESERVE`. */
export async function openLogFolder(options: LogFolderOptions): Promise<LogFolder> {
  const { directory, clock } = options;
  await makeFolder(directory);
  const lock = await LockFile.acquire(join(directory, 'lock'));
  try {
    return await openLocked(options, lock);
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    const typed = typedError(error, directory);
    // Damage that was found stays what it is.
    if (!isDrcError(typed, 'DATA_FOLDER')) throw typed;
    const reserve = new DiskReserve(directory, clock, options.diskReserveBytes);
    if (!(await reserve.isTooSmallToOpen())) throw typed;
    throw new DrcError(
      'DISK_RESERVE',
      'The log cannot be opened on a full disk.',
      { directory },
      { cause: error },
    );
  }
}

/** What the file system or LevelDB says of a write is no damage, and may pass. */
function typedError(error: unknown, directory: string): unknown {
  const isOfSystem = error instanceof Error && 'code' in error && typeof error.code === 'string';
  if (error instanceof DrcError || !isOfSystem) return error;
  // A compaction in the background may come upon the damage first: LevelDB then gives its finding to whoever writes next.
  if (isCorruption(error))
    return new DrcError(
      'LOG_CORRUPT',
      `LevelDB found damage in ${directory}.`,
      { directory },
      { cause: error },
    );
  const message = `The log in ${directory} cannot be written.`;
  return new DrcError('DATA_FOLDER', message, { directory }, { cause: error });
}

async function openLocked(options: LogFolderOptions, lock: LockFile): Promise<LogFolder> {
  const { directory, topic, logger } = options;
  const markPath = join(directory, 'durable-mark');
  const levelPath = join(directory, 'level');
  const found = await readDurableMark(markPath);
  if (found !== undefined && found.topic !== topic) {
    throw new DrcError('DATA_FOLDER', `The data folder holds topic ${found.topic}, not ${topic}.`, {
      found: found.topic,
      wanted: topic,
    });
  }
  const exists = await LevelDatabase.exists(levelPath);
  if (!exists && found !== undefined && found.lsn > 0) throw missing(found.lsn);
  const db = await LevelDatabase.open(levelPath, { createIfMissing: !exists });
  try {
    const existing = await readMeta(db, topic);
    const stored = existing ?? (await create(db, topic, markPath, found));
    const mark = existing === undefined ? { topic, lineage: stored.identity.lineage, lsn: 0 } : found;
    if (mark === undefined) {
      throw new DrcError(
        'LOG_MISSING',
        `The durable mark ${markPath} is gone: nothing proves the log whole.`,
      );
    }
    if (mark.lineage !== stored.identity.lineage) {
      throw new DrcError('LOG_CORRUPT', 'The durable mark and the database are of two different logs.', {
        mark: mark.lineage,
        database: stored.identity.lineage,
      });
    }
    const { point, beginning } = await recover(db, mark, stored, logger);
    const meta = { ...stored, beginning };
    const reader = new LogReader(db, () => ({ headLsn: point.lsn, tailLsn: meta.tail.lsn }));
    const { lsn } = meta.tail;
    const oldestTime = lsn <= point.lsn ? (await reader.firstChunk(lsn)).logTime : undefined;
    const catalog = await TableCatalog.open(db);
    const prepared = await PreparedGroups.open(db, point.lsn);
    return { lock, db, meta, mark, markPath, point, catalog, prepared, oldestTime };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** The mark comes first: a database without one could not be told from one whose mark was lost. */
async function create(
  db: LevelDatabase,
  topic: string,
  markPath: string,
  found: DurableMark | undefined,
): Promise<Meta> {
  if (found !== undefined && found.lsn > 0) throw missing(found.lsn);
  const identity = newLogIdentity(topic, found?.lineage);
  await writeDurableMark(markPath, { topic, lineage: identity.lineage, lsn: 0 });
  const tail: LogTail = { lsn: 1, setBefore: '', deletedBefore: 1 };
  const batch = db.batch();
  putIdentity(batch, identity);
  putTail(batch, tail);
  await batch.write();
  await db.sync();
  return { identity, beginning: undefined, tail };
}

export async function makeFolder(directory: string): Promise<void> {
  try {
    // Only a folder that we make gets our mode; one that was given belongs to whoever gave it.
    if ((await mkdir(directory, { recursive: true, mode: 0o700 })) !== undefined)
      await chmod(directory, 0o700);
  } catch (error) {
    throw new DrcError('DATA_FOLDER', `${directory} cannot be made.`, { directory }, { cause: error });
  }
}

const missing = (lsn: number): DrcError =>
  new DrcError('LOG_MISSING', `The database is gone; transactions up to ${lsn} were durable.`, {
    durable: lsn,
  });
