import { statfs } from 'node:fs/promises';
import type { Clock } from '../clock.js';

const defaultReserveBytes = 2 * 1024 ** 3;
const defaultReserveShare = 0.05;

/** LevelDB writes its write-ahead logs into tables when it opens: with less than this, no error needs another cause. */
const neededToOpenBytes = 64 * 1024 * 1024;

/** How long, and for how many written bytes, an answer of the file system is good. */
const staleAfterMs = 500;
const staleAfterBytes = 64 * 1024 * 1024;

/**
 * Knows whether the disk may take more. Capture stops at the reserve, since a LevelDB that met ENOSPC acknowledges
 * writes that a reopen does not have; what is left lets retention delete and LevelDB compact.
 */
export class DiskReserve {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #reserveBytes: number | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #writtenSince = 0;
  #hasRoom = true;

  /** @param reserveBytes default: the larger of 2 GiB and 5 % of the disk. */
  constructor(path: string, clock: Clock, reserveBytes?: number) {
    this.#path = path;
    this.#clock = clock;
    this.#reserveBytes = reserveBytes;
  }

  /** Whether the last answer is too old to rely on. */
  get isStale(): boolean {
    return (
      this.#writtenSince >= staleAfterBytes ||
      !this.#hasRoom ||
      this.#clock.monotonic() - this.#askedAt >= staleAfterMs
    );
  }

  /** Whether the last answer was that there is no room. */
  get isLow(): boolean {
    return !this.#hasRoom;
  }

  written(bytes: number): void {
    this.#writtenSince += bytes;
  }

  /** Whether an open that failed may have failed for want of space. */
  async isTooSmallToOpen(): Promise<boolean> {
    const { bavail, bsize } = await statfs(this.#path);
    return bavail * bsize < neededToOpenBytes || !(await this.hasRoom());
  }

  /** Asks the file system. */
  async hasRoom(): Promise<boolean> {
    this.#askedAt = this.#clock.monotonic();
    this.#writtenSince = 0;
    const { bavail, blocks, bsize } = await statfs(this.#path);
    const reserve = this.#reserveBytes ?? Math.max(defaultReserveBytes, blocks * bsize * defaultReserveShare);
    this.#hasRoom = bavail * bsize > reserve;
    return this.#hasRoom;
  }
}
