import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError } from '@drc/protocol';
import { folderBytes } from './folder-size.js';
import { chunkKey } from './keys.js';
import type { LevelDatabase } from './level-database.js';
import { newestPoint } from './set-index.js';
import { StoppedLog, type StoppedLogOptions } from './stopped-log.js';

export interface CompactionOptions {
  /** Whether to do it. False: a dry run, which changes nothing. */
  readonly apply: boolean;
  readonly signal: AbortSignal;
  /** Called with the share that is done, 0 to 1. */
  readonly progress?: (share: number) => void;
}

/** What a compaction gave back, or how much room it would need. Bytes of the database's files. */
export interface Compaction {
  readonly topic: string;
  readonly before: number;
  /** Undefined in a dry run. */
  readonly after: number | undefined;
  /** Free space that it needs at most, and that there is. */
  readonly needed: number;
  readonly free: number;
}

/** LevelDB compacts whole tables: so much in a piece that the next one hardly meets the same ones again. */
const pieces = 32;

/** Free space that is left beside what is written anew, bytes. */
const spareBytes = 64 * 1024 * 1024;

/**
 * Lets LevelDB write the database of a stopped store anew, without what was deleted. A running store does that by itself, step by
 * step, as retention deletes; this does it at once. It may be ended at any moment.
 * @throws DrcError `LOG_LOCKED` while the store runs; `LOG_MISSING`, `LOG_FORMAT`, `DATA_FOLDER`; `LOG_CORRUPT` where LevelDB meets damage;
 * `DISK_RESERVE` where there is no room for it; the signal's reason
 */
export async function compactLog(
  folder: StoppedLogOptions,
  { apply, signal, progress }: CompactionOptions,
): Promise<Compaction> {
  const level = join(folder.directory, 'level');
  const { topic, before, needed, free } = await look(folder, level);
  if (!apply) return { topic, before, after: undefined, needed, free };
  if (free < needed)
    throw new DrcError('DISK_RESERVE', `Compacting needs up to ${needed} bytes of disk; ${free} are free.`);
  {
    await using log = await StoppedLog.open(folder);
    await compactPieces(log.db, log.meta.tail.lsn, signal, progress);
  }
  return { topic, before, after: await folderBytes(level), needed, free };
}

async function look(
  folder: StoppedLogOptions,
  level: string,
): Promise<Pick<Compaction, 'topic' | 'before' | 'needed' | 'free'>> {
  await using log = await StoppedLog.open(folder);
  const before = await folderBytes(level);
  const { bavail, bsize } = await statfs(level);
  return { topic: log.meta.identity.topic, before, needed: before + spareBytes, free: bavail * bsize };
}

/** In pieces, so that it can be ended, and tell how far it is. */
async function compactPieces(
  db: LevelDatabase,
  tailLsn: number,
  signal: AbortSignal,
  progress: ((share: number) => void) | undefined,
): Promise<void> {
  const headLsn = (await newestPoint(db))?.lsn ?? tailLsn;
  const step = Math.ceil((headLsn + 1 - tailLsn) / pieces);
  const bounds = Array.from({ length: pieces - 1 }, (_, index) => chunkKey(tailLsn + step * (index + 1), 0));
  // The first piece has what was trimmed, the last one all that is no chunk.
  const edges = [Buffer.of(0), ...bounds, Buffer.of(0xff)];
  for (const [index, gte] of edges.slice(0, -1).entries()) {
    signal.throwIfAborted();
    await compactRange(db, gte, edges[index + 1]!);
    progress?.((index + 1) / pieces);
  }
}

async function compactRange(db: LevelDatabase, gte: Buffer, lt: Buffer): Promise<void> {
  try {
    await db.compact({ gte, lt });
  } catch (cause) {
    throw new DrcError('LOG_CORRUPT', 'LevelDB could not compact the log.', {}, { cause });
  }
}
