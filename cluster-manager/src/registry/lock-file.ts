import { closeSync, fsyncSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { DrcError } from '@drc/protocol';

/**
 * Says which process has a folder open. LevelDB has a lock of its own, but a second open within one process fails
 * and releases it; this one does not. It is not enough alone either: two processes that find the lock of a dead third
 * can both take it, and then LevelDB's decides.
 */
export class LockFile implements Disposable {
  readonly #path: string;
  #held = true;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Fails with `DATA_FOLDER` (reason `locked`, and the pid) while another process, or this one, holds it. */
  static take(path: string): LockFile {
    // Without a pause from the look to the take-over, so that two callers in one process cannot both win.
    const holder = readHolder(path);
    if (holder !== undefined) {
      if (isAlive(holder)) {
        throw new DrcError('DATA_FOLDER', `The folder is in use by process ${holder.pid} (${path}).`, {
          reason: 'locked',
          pid: holder.pid,
        });
      }
      unlinkSync(path);
    }
    let fd: number;
    try {
      fd = openSync(path, 'wx', 0o600);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
        throw new DrcError('DATA_FOLDER', `The folder was just taken by another process (${path}).`, {
          reason: 'locked',
        });
      }
      throw new DrcError('DATA_FOLDER', `${path} cannot be written.`, { path }, { cause });
    }
    try {
      writeSync(fd, `${process.pid} ${startOf(process.pid) ?? '-'}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    return new LockFile(path);
  }

  [Symbol.dispose](): void {
    if (!this.#held) return;
    this.#held = false;
    try {
      unlinkSync(this.#path);
    } catch {
      // Gone already, with its folder: nothing is left to release.
    }
  }
}

interface Holder {
  readonly pid: number;
  /** What `startOf` said, or `-`. */
  readonly start: string;
}

function readHolder(path: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DrcError('DATA_FOLDER', `${path} cannot be read.`, { path }, { cause });
  }
  const match = /^(\d{1,10}) (\S+)\n$/.exec(text);
  // A torn lock file was being written when its process died.
  return match === null ? { pid: 0, start: '-' } : { pid: Number(match[1]), start: match[2] ?? '-' };
}

function isAlive(holder: Holder): boolean {
  if (holder.pid === 0) return false;
  const start = startOf(holder.pid);
  // Process ids come round again, in a container after each restart; together with the start they do not.
  if (start !== undefined && holder.start !== '-') return start === holder.start;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Boot id and start in clock ticks since boot (field 22 of proc(5) stat); undefined where there is no /proc or process. Of a
 * process that has ended and waits for its parent, in a container perhaps for ever, no start: it holds nothing.
 */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in parentheses, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[19];
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return ticks === undefined ? undefined : `${boot}/${ticks}`;
  } catch {
    return undefined;
  }
}
