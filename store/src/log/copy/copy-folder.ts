import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DrcError } from '@drc/protocol';
import { readDurableMark, syncFolder, writeDurableMark } from '../durable-mark.js';
import { LevelDatabase } from '../level-database.js';
import { LockFile } from '../lock-file.js';
import { makeFolder } from '../log-folder.js';
import { newLogIdentity, readMeta, type LogIdentity, type Meta } from '../meta.js';
import { newestPoint } from '../set-index.js';

/*
 * What filling an empty log adds to its data folder (log-folder.ts), and does in this order:
 *
 *   level.filling   the copy, being made
 *   level.filled    the copy, whole and synced
 *   durable-mark    says what it holds: from here on the empty database would not open any more
 *   level           the copy, in the place of the empty database
 */
const fillingName = 'level.filling';
const filledName = 'level.filled';
const levelName = 'level';

/** The data folder of a log that has not begun, locked, and the database in it that the copy is written to. */
export class CopyFolder implements AsyncDisposable {
  readonly directory: string;
  /** Of the log that the copy becomes. */
  readonly identity: LogIdentity;
  #lock: LockFile | undefined;
  #db: LevelDatabase;

  private constructor(directory: string, identity: LogIdentity, lock: LockFile, db: LevelDatabase) {
    this.directory = directory;
    this.identity = identity;
    this.#lock = lock;
    this.#db = db;
  }

  /**
   * @returns undefined where the log has begun, or is filled already
   * @throws DrcError `LOG_LOCKED`, `LOG_FORMAT`, `LOG_CORRUPT`, `DATA_FOLDER`
   */
  static async open(directory: string, topic: string): Promise<CopyFolder | undefined> {
    await makeFolder(directory);
    const lock = await LockFile.acquire(join(directory, 'lock'));
    try {
      const empty = await emptyLog(directory, topic);
      if (empty !== undefined) return await CopyFolder.#opened(directory, topic, empty, lock);
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
    await lock[Symbol.asyncDispose]();
    return undefined;
  }

  static async #opened(
    directory: string,
    topic: string,
    { identity, lineage }: EmptyLog,
    lock: LockFile,
  ): Promise<CopyFolder> {
    const db = await openFilling(directory);
    try {
      const begunWith = (await readMeta(db, topic))?.identity;
      const own =
        identity ?? (begunWith?.lineage === (lineage ?? begunWith?.lineage) ? begunWith : undefined);
      return new CopyFolder(directory, own ?? newLogIdentity(topic, lineage), lock, db);
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  get db(): LevelDatabase {
    return this.#db;
  }

  /** What was copied goes. */
  async clear(): Promise<void> {
    await this.#db.close();
    await rm(join(this.directory, fillingName), { recursive: true, force: true });
    this.#db = await openFilling(this.directory);
  }

  /** The copy is whole: it becomes the log. Nothing is open afterwards. */
  async finish(): Promise<void> {
    await this.#db.sync();
    await this.#db.close();
    await rename(join(this.directory, fillingName), join(this.directory, filledName));
    await syncFolder(this.directory);
    await takePlace(this.directory, this.identity.topic);
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#db.close();
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.[Symbol.asyncDispose]();
  }
}

/** What a log that has not begun has of its own; nothing where there is no database. */
interface EmptyLog {
  readonly identity: LogIdentity | undefined;
  readonly lineage: string | undefined;
}

const openFilling = (directory: string): Promise<LevelDatabase> =>
  LevelDatabase.open(join(directory, fillingName), { createIfMissing: true });

/** A log that has not begun; undefined where it has, after what a crash left undone is done. */
async function emptyLog(directory: string, topic: string): Promise<EmptyLog | undefined> {
  const at = (name: string): string => join(directory, name);
  const mark = await readDurableMark(at('durable-mark'));
  const isFilled = await LevelDatabase.exists(at(filledName));
  const isThere = await LevelDatabase.exists(at(levelName));
  // Opening the log says whatever there is to say.
  if (mark !== undefined && (mark.topic !== topic || (mark.lsn > 0 && !isFilled))) return undefined;
  const meta = isThere ? await metaOf(at(levelName), topic) : undefined;
  if (meta?.beginning !== undefined) {
    for (const name of [fillingName, filledName]) await rm(at(name), { recursive: true, force: true });
    return undefined;
  }
  if (isFilled) {
    await takePlace(directory, topic);
    return undefined;
  }
  return { identity: meta?.identity, lineage: mark?.lineage };
}

/** The database that is filled takes the place of the empty one. */
async function takePlace(directory: string, topic: string): Promise<void> {
  const at = (name: string): string => join(directory, name);
  const db = await LevelDatabase.open(at(filledName), { createIfMissing: false });
  let lineage: string | undefined;
  let lsn: number | undefined;
  try {
    lineage = (await readMeta(db, topic))?.identity.lineage;
    lsn = (await newestPoint(db))?.lsn;
  } finally {
    await db.close();
  }
  if (lineage === undefined || lsn === undefined)
    throw new DrcError('LOG_CORRUPT', `The filled log in ${directory} has lost its identity; remove it.`, {
      directory,
    });
  await writeDurableMark(at('durable-mark'), { topic, lineage, lsn });
  await rm(at(levelName), { recursive: true, force: true });
  await rename(at(filledName), at(levelName));
  await syncFolder(directory);
}

async function metaOf(path: string, topic: string): Promise<Meta | undefined> {
  const db = await LevelDatabase.open(path, { createIfMissing: false });
  try {
    return await readMeta(db, topic);
  } finally {
    await db.close();
  }
}
