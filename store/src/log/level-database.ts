import { access, chmod, constants, mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError } from '@drc/protocol';
import { Level } from 'level';
import { isMissing, syncFolder } from './durable-mark.js';
import type { KeyRange } from './keys.js';
import { LevelBatch, type WriteBatch } from './write-batch.js';

export type { WriteBatch } from './write-batch.js';

/*
 * How LevelDB is set. CPU seconds per GiB appended (all threads), chunks of 256 KiB / of 1 KB, two cores under load:
 *
 *   write buffer, file, block        Snappy         disk      without      disk
 *   16 MiB, 32 MiB, 16 KiB           8.0 / 9.9      0.42      6.3 / 11.6   1.02
 *   4 MiB, 2 MiB, 4 KiB (default)    8.1 / 12.6     0.40
 *   64 MiB, 32 MiB, 16 KiB           5.9 / 8.8      0.58
 *   64 MiB, 64 MiB, 64 KiB                                    5.1 / 10.9   1.35
 *
 * Later, beside 16 MiB, 32 MiB, 16 KiB with Snappy and a cache of 16 MiB: 8 MiB, 16 MiB, 16 KiB and 8 MiB take the same
 * CPU (capture of a million rows in small chunks: 0.85 s in LevelDB's thread, 1.2 s in the pool, both), and 30 MiB less
 * memory.
 *
 * Snappy pays: it halves the disk and more, and runs in LevelDB's own thread; small chunks even cost less with it,
 * since less is merged. The write buffer is also the length of each write-ahead log, two of which must fit into
 * memory, into what an open after a crash has to replay, and into what is left of a full disk; larger files make
 * fewer of them in a log of a day; chunks are read in order, so that larger blocks are no waste.
 */
const levelOptions = {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  compression: true,
  writeBufferSize: 8 * 1024 * 1024,
  maxFileSize: 16 * 1024 * 1024,
  blockSize: 16 * 1024,
  cacheSize: 8 * 1024 * 1024,
} as const;

/** LevelDB's own calls that `level`'s types, which also describe browsers, leave out. */
interface Compactable {
  compactRange(start: Buffer, end: Buffer): Promise<void>;
  approximateSize(start: Buffer, end: Buffer): Promise<number>;
}

type Database = Level<Buffer, Buffer> & Compactable;

/** A database as it was at one moment. Whoever takes one closes it: it holds back what LevelDB would delete meanwhile. */
export type DatabaseSnapshot = ReturnType<Level<Buffer, Buffer>['snapshot']>;

export interface ScanLimits {
  /** Ends the scan behind the entry that exceeds it. Default 1 MiB. */
  readonly maxBytes?: number;
  /** Default 1000. */
  readonly maxEntries?: number;
  readonly reverse?: boolean;
  /**
   * Fails where the system refuses LevelDB a table, for want of memory or files: a scan that ends before its range does passes
   * over such a one without a word. Damage is found by what is read. Default false.
   */
  readonly complete?: boolean;
  /** What is read is as it was then. Default: as it is. */
  readonly snapshot?: DatabaseSnapshot | undefined;
}

const defaultScanBytes = 1024 * 1024;
/** So much may wait for the garbage collector. */
const keptBytes = 64 * 1024;

/** The one place that knows LevelDB. Errors leave it as DrcErrors, except those of writes, which the log judges. */
export class LevelDatabase {
  readonly #db: Database;
  readonly #directory: string;

  private constructor(db: Database, directory: string) {
    this.#db = db;
    this.#directory = directory;
  }

  /** @returns whether a database is there, whole or not. */
  static async exists(directory: string): Promise<boolean> {
    try {
      const names = await readdir(directory);
      return names.some((name) => name === 'CURRENT');
    } catch (error) {
      if (isMissing(error)) return false;
      throw new DrcError('DATA_FOLDER', `${directory} cannot be read.`, { directory }, { cause: error });
    }
  }

  /** @throws DrcError `LOG_LOCKED`, `LOG_CORRUPT`, `DATA_FOLDER`. */
  static async open(
    directory: string,
    { createIfMissing }: { createIfMissing: boolean },
  ): Promise<LevelDatabase> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await chmod(directory, 0o700);
      await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new DrcError('DATA_FOLDER', `${directory} cannot be used.`, { directory }, { cause: error });
    }
    const db = new Level<Buffer, Buffer>(directory, { ...levelOptions, createIfMissing }) as Database;
    try {
      await db.open();
    } catch (error) {
      if (codesOf(error).includes('LEVEL_LOCKED')) {
        throw new DrcError(
          'LOG_LOCKED',
          `Another process has ${directory} open.`,
          { directory },
          { cause: error },
        );
      }
      // Out of files, memory or permission is no damage; a manifest that is gone is.
      const isDamaged =
        !isRefused(error) && (!codesOf(error).includes('LEVEL_IO_ERROR') || !(await hasManifest(directory)));
      throw new DrcError(
        isDamaged ? 'LOG_CORRUPT' : 'DATA_FOLDER',
        `LevelDB cannot open ${directory}: ${reasonOf(error, directory)}`,
        { directory },
        { cause: error },
      );
    }
    return new LevelDatabase(db, directory);
  }

  batch(): WriteBatch {
    return new LevelBatch(this.#db);
  }

  async get(key: Buffer, snapshot?: DatabaseSnapshot): Promise<Buffer | undefined> {
    const options = snapshot === undefined ? {} : { snapshot };
    return await this.#reading(async () => await this.#db.get(key, options));
  }

  snapshot(): DatabaseSnapshot {
    return this.#db.snapshot();
  }

  /** Entries from the range's start (its end, in reverse), up to a limit. The iterator lives for this call only. */
  async scan(range: KeyRange, limits: ScanLimits = {}): Promise<[Buffer, Buffer][]> {
    const { maxBytes = defaultScanBytes, maxEntries = 1000, reverse = false, snapshot } = limits;
    const { complete = false } = limits;
    return await this.#reading(async () => {
      const iterator = this.#db.iterator({
        ...range,
        reverse,
        highWaterMarkBytes: maxBytes,
        ...(snapshot === undefined ? {} : { snapshot }),
      });
      try {
        const entries = await iterator.nextv(maxEntries);
        await letGo(
          iterator,
          range,
          bytesOf(entries, ([, value]) => value),
        );
        if (complete) await assertComplete(iterator, range);
        return entries;
      } finally {
        await iterator.close();
      }
    });
  }

  /** As `scan`, without the keys, which cost as much as small values. */
  async scanValues(range: KeyRange, limits: ScanLimits = {}): Promise<Buffer[]> {
    const { maxBytes = defaultScanBytes, maxEntries = 1000, reverse = false } = limits;
    return await this.#reading(async () => {
      const iterator = this.#db.values({ ...range, reverse, highWaterMarkBytes: maxBytes });
      try {
        const values = await iterator.nextv(maxEntries);
        await letGo(
          iterator,
          range,
          bytesOf(values, (value) => value),
        );
        return values;
      } finally {
        await iterator.close();
      }
    });
  }

  /** Deletes a range, outside any batch. */
  async clear(range: KeyRange): Promise<void> {
    await this.#db.clear(range);
  }

  /** Lets LevelDB give the space of deleted keys back. */
  async compact({ gte, lt }: KeyRange): Promise<void> {
    await this.#db.compactRange(gte, lt);
  }

  /** Bytes that a range takes in tables, to a block; what is in write-ahead logs only counts as nothing. Reads no data. */
  async tableBytes({ gte, lt }: KeyRange): Promise<number> {
    return await this.#reading(async () => await this.#db.approximateSize(gte, lt));
  }

  /** Bytes of the write-ahead logs: at most about twice the write buffer. */
  async writeAheadBytes(): Promise<number> {
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith('.log'));
    const sizes = names.map(async (name) => {
      try {
        return (await stat(join(this.#directory, name))).size;
      } catch (error) {
        if (isMissing(error)) return 0;
        throw error;
      }
    });
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  /**
   * Makes last all that was written before this call. LevelDB's own `sync: true` is not enough: it syncs the present
   * write-ahead log only, and says nothing of an older one whose content is not in a table yet. Tables and manifest
   * LevelDB syncs itself, before it deletes the write-ahead log that they replace.
   */
  async sync(): Promise<void> {
    const names = await readdir(this.#directory);
    for (const name of names) {
      if (name.endsWith('.log')) await syncFile(join(this.#directory, name));
    }
    await syncFolder(this.#directory);
  }

  async close(): Promise<void> {
    await this.#db.close();
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (this.#db.status !== 'open')
        throw new DrcError('CLOSED', 'The log was closed.', {}, { cause: error });
      // A table that was cut short is an IO error as well; and what an IO error of no known reason is, others notice too.
      const isDamaged =
        !isRefused(error) &&
        (!codesOf(error).includes('LEVEL_IO_ERROR') || (await hasManifest(this.#directory)));
      const code = isDamaged ? 'LOG_CORRUPT' : 'STORE_UNAVAILABLE';
      const reason = reasonOf(error, this.#directory);
      throw new DrcError(code, `LevelDB cannot read the log: ${reason}`, {}, { cause: error });
    }
  }
}

function bytesOf<T>(entries: readonly T[], valueOf: (entry: T) => Buffer): number {
  let bytes = 0;
  for (const entry of entries) bytes += valueOf(entry).length;
  return bytes;
}

/**
 * classic-level's iterators keep a native copy of what they read last until the garbage collector finds them, which knows
 * nothing of those bytes: a reader of large chunks would fill hundreds of MiB with them (measured: 190-560 MiB instead of
 * 140). So an iterator that read much is made to read once more, behind its range, where nothing is.
 */
async function letGo(
  iterator: { seek(target: Buffer): void; nextv(size: number): Promise<unknown> },
  { lt }: KeyRange,
  bytes: number,
): Promise<void> {
  if (bytes < keptBytes) return;
  iterator.seek(lt);
  await iterator.nextv(1);
}

/** At the end of its range an iterator tells what it met on the way. @throws LevelDB's error where a table was refused */
async function assertComplete(
  iterator: { seek(target: Buffer): void; nextv(size: number): Promise<unknown> },
  { lt }: KeyRange,
): Promise<void> {
  iterator.seek(lt);
  try {
    await iterator.nextv(1);
  } catch (error) {
    if (isRefused(error)) throw error;
  }
}

/** Whether the manifest that CURRENT names is there. */
async function hasManifest(directory: string): Promise<boolean> {
  try {
    const name = (await readFile(join(directory, 'CURRENT'), 'latin1')).trim();
    return (await stat(join(directory, name))).isFile();
  } catch {
    return false;
  }
}

/** A file that is gone meanwhile has become a table, which is synced. */
async function syncFile(path: string): Promise<void> {
  let file;
  try {
    file = await open(path, 'r+');
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Whether LevelDB refuses a write for what it found when it compacted or deleted: another open changes nothing of that. */
export const isCorruption = (error: unknown): boolean => codesOf(error).includes('LEVEL_CORRUPTION');

function codesOf(error: unknown): unknown[] {
  const codes: unknown[] = [];
  for (let link = error; link instanceof Error; link = link.cause) if ('code' in link) codes.push(link.code);
  return codes;
}

/** Why, in LevelDB's words; of its files the names only: readers are told, too. */
function reasonOf(error: unknown, directory: string): string {
  const reason = innermost(error).message.replaceAll(`${directory}/`, '');
  return /[.!?]$/.test(reason) ? reason : `${reason}.`;
}

/**
 * Whether the system gave LevelDB no file or no memory, which says nothing of the log. It is told in the words of strerror(3)
 * alone; the last are those of musl.
 */
const isRefused = (error: unknown): boolean =>
  /Too many open files|Cannot allocate memory|No file descriptors available|Out of memory/.test(
    innermost(error).message,
  );

function innermost(error: unknown): Error {
  let link = error instanceof Error ? error : new Error(String(error));
  while (link.cause instanceof Error) link = link.cause;
  return link;
}
