import { join } from 'node:path';
import { DrcError } from '@drc/protocol';
import { examineDurableMark, type DurableMark } from './durable-mark.js';
import { LevelDatabase } from './level-database.js';
import { LockFile } from './lock-file.js';
import { readMeta, type Meta } from './meta.js';

export interface StoppedLogOptions {
  /** The data folder. */
  readonly directory: string;
  /** Which topic it must hold; default: whichever it holds. */
  readonly topic?: string;
}

interface Opened {
  readonly directory: string;
  readonly lock: LockFile;
  readonly db: LevelDatabase;
  readonly meta: Meta;
  readonly mark: DurableMark | undefined;
  readonly markFault: string | undefined;
}

/**
 * The data folder of a store that does not run, for whoever only looks at it. Nothing is proven and nothing is changed: no
 * torn end is cut, nothing grows too old. (LevelDB itself writes what its write-ahead log holds into a table.)
 */
export class StoppedLog implements AsyncDisposable {
  readonly directory: string;
  readonly db: LevelDatabase;
  readonly meta: Meta;
  /** Undefined where it is gone or damaged. */
  readonly mark: DurableMark | undefined;
  /** What is wrong with the durable mark; undefined where it is sound. */
  readonly markFault: string | undefined;
  readonly #lock: LockFile;

  private constructor({ directory, lock, db, meta, mark, markFault }: Opened) {
    this.directory = directory;
    this.db = db;
    this.meta = meta;
    this.mark = mark;
    this.markFault = markFault;
    this.#lock = lock;
  }

  /**
   * @throws DrcError `LOG_LOCKED` while a store has it open; `LOG_MISSING` where there is no log; `LOG_FORMAT`; `DATA_FOLDER`, also where
   * it holds another topic; `LOG_CORRUPT` where LevelDB cannot open it, or where it does not say what it is
   */
  static async open({ directory, topic }: StoppedLogOptions): Promise<StoppedLog> {
    // Asked first, so that a folder of something else does not get a lock file.
    if (!(await LevelDatabase.exists(join(directory, 'level')))) throw noLog(directory);
    const lock = await LockFile.acquire(join(directory, 'lock'));
    try {
      const { mark, fault: markFault } = await examineDurableMark(join(directory, 'durable-mark'));
      const db = await LevelDatabase.open(join(directory, 'level'), { createIfMissing: false });
      try {
        const meta = await readMeta(db, topic);
        if (meta === undefined)
          throw new DrcError('LOG_CORRUPT', 'The database has lost the identity of its log.');
        return new StoppedLog({ directory, lock, db, meta, mark, markFault });
      } catch (error) {
        await db.close();
        throw error;
      }
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.db.close();
    await this.#lock[Symbol.asyncDispose]();
  }
}

const noLog = (directory: string): DrcError =>
  new DrcError('LOG_MISSING', `There is no log in ${directory}.`, { directory });
