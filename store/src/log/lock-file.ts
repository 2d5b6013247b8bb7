import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { DrcError } from '@drc/protocol';
import { isMissing } from './durable-mark.js';

/*
 * Two locks guard a log, and each makes up for the other's weakness.
 *
 * LevelDB locks its folder through the kernel (fcntl): that is certain between processes, between containers and
 * after kill -9; but a second open in the same process, even a failed one, releases it. This file names the process
 * that holds the log, so that nobody opens LevelDB twice in one process: not another thread either, nor another copy
 * of this module, which a set in memory would miss. It is stale when its process is gone, or has ended and waits for its parent (a zombie); a pid alone does not say
 * that, since pids come again (in containers the store is often number 1), so the file also has the process's
 * start time and the boot it belongs to. Where this file is mistaken between processes (another pid namespace,
 * another machine on a shared disk), LevelDB's lock decides.
 *
 *   file = JSON of `Holder`
 */
interface Holder {
  readonly pid: number;
  /** Start of the process in clock ticks since boot, as /proc has it; empty where there is no /proc. */
  readonly started: string;
  /** Id of this boot of the machine; empty where there is no /proc. */
  readonly boot: string;
  /** Tells this holding from every other. */
  readonly token: string;
}

/** How often, and how long apart, to look again while others take a stale lock over. */
const takeOverAttempts = 50;
const takeOverPauseMs = 10;

/** A held lock. Released by disposal; after a crash, the next to come sees that the holder is gone. */
export class LockFile implements AsyncDisposable {
  readonly #path: string;
  readonly #token: string;

  private constructor(path: string, token: string) {
    this.#path = path;
    this.#token = token;
  }

  /** @throws DrcError `LOG_LOCKED` naming the holder's pid; `DATA_FOLDER` where the file cannot be made. */
  static async acquire(path: string): Promise<LockFile> {
    const own: Holder = {
      pid: process.pid,
      started: (await statusOf(process.pid))?.started ?? '',
      boot: await bootId(),
      token: randomBytes(16).toString('hex'),
    };
    for (let attempt = 0; attempt < takeOverAttempts; attempt++) {
      if (await createExclusively(path, own)) return new LockFile(path, own.token);
      const holder = await readHolder(path);
      if (holder === undefined) continue;
      if (await isAlive(holder, own)) throw locked(path, holder.pid);
      await takeAway(path, holder, own);
    }
    throw locked(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const holder = await readHolder(this.#path);
    if (holder?.token === this.#token) await rm(this.#path, { force: true });
  }
}

async function createExclusively(path: string, holder: Holder): Promise<boolean> {
  // The content is there before the name: no reader ever meets an empty lock.
  const draft = `${path}.${holder.token}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(holder));
    } finally {
      await file.close();
    }
    await link(draft, path);
    return true;
  } catch (error) {
    if (isExisting(error)) return false;
    throw new DrcError('DATA_FOLDER', `The lock file ${path} cannot be made.`, { path }, { cause: error });
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Removes the lock of a dead holder, and of nobody else: between looking and removing, others could have done the
 * same, and the lock be a living one's. So whoever removes holds a lock for that, for the length of these few calls.
 */
async function takeAway(path: string, holder: Holder, own: Holder): Promise<void> {
  const takeOver = `${path}.takeover`;
  if (await createExclusively(takeOver, own)) {
    try {
      if ((await readHolder(path))?.token === holder.token) await rm(path, { force: true });
    } finally {
      await rm(takeOver, { force: true });
    }
    return;
  }
  const other = await readHolder(takeOver);
  if (other !== undefined && !(await isAlive(other, own))) await rm(takeOver, { force: true });
  await pause(takeOverPauseMs);
}

/** A file that cannot be understood has a holder that no living process matches. */
async function readHolder(path: string): Promise<Holder | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new DrcError('DATA_FOLDER', `The lock file ${path} cannot be read.`, { path }, { cause: error });
  }
  try {
    const { pid, started, boot, token } = JSON.parse(text) as Partial<Holder>;
    return { pid: pid ?? 0, started: started ?? '', boot: boot ?? '', token: token ?? '' };
  } catch {
    return { pid: 0, started: '', boot: '', token: '' };
  }
}

async function isAlive(holder: Holder, own: Holder): Promise<boolean> {
  if (!Number.isSafeInteger(holder.pid) || holder.pid <= 0 || holder.boot !== own.boot) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
  }
  const status = await statusOf(holder.pid);
  if (status === undefined) return true;
  return !status.hasEnded && (holder.started === '' || status.started === holder.started);
}

interface ProcessStatus {
  readonly started: string;
  /** It has no files open any more: only its parent has not asked for its end yet, which in a container may never come. */
  readonly hasEnded: boolean;
}

/** Fields 3 and 22 of /proc/pid/stat. The name in field 2 may hold anything, so fields are counted behind its bracket. */
async function statusOf(pid: number): Promise<ProcessStatus | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { started: fields[19] ?? '', hasEnded: fields[0] === 'Z' || fields[0] === 'X' };
  } catch {
    return undefined;
  }
}

async function bootId(): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim();
  } catch {
    return '';
  }
}

const isExisting = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EEXIST';

const locked = (path: string, pid?: number): DrcError =>
  new DrcError(
    'LOG_LOCKED',
    pid === undefined ? `The log is locked by ${path}.` : `Process ${pid} has the log open (${path}).`,
    pid === undefined ? { path } : { path, pid },
  );
