const pauseMs = 1000;
const skippedBytesLimit = 1024 * 1024;
const skippedLimit = 10_000;
const holesLimit = 1000;

/**
 * When a reader from whom transactions are kept gets a progress record, so that its checkpoint neither goes stale nor
 * fills with holes: at most once a second, or after 1 MiB or 10,000 transactions passed over, or where transactions
 * given and passed over have alternated 1,000 times (each time is a hole in a set of GTIDs).
 * Nothing passed over: no progress, the reader knows it all.
 */
export class ProgressPace {
  #skippedBytes = 0;
  #skipped = 0;
  #holes = 0;
  #inHole = false;
  /** Whether the first transaction since the last progress was given. */
  #beganGiven = false;
  #isEmpty = true;
  /** Monotonic ms of the last progress. Long ago at first: the first one need not wait. */
  #toldAt = Number.NEGATIVE_INFINITY;

  /** A whole transaction was passed over. */
  skip(): void {
    this.#isEmpty = false;
    this.#skipped++;
    this.#inHole = true;
  }

  /** So many bytes of the log were passed over. */
  skipBytes(bytes: number): void {
    this.#skippedBytes += bytes;
  }

  /** A transaction was given to the reader. */
  give(): void {
    if (this.#inHole) this.#holes++;
    this.#inHole = false;
    this.#beganGiven ||= this.#isEmpty;
    this.#isEmpty = false;
  }

  /** What another pace has counted comes behind what this one has. */
  include(other: ProgressPace): void {
    if (other.#isEmpty) return this.skipBytes(other.#skippedBytes);
    if (this.#inHole && other.#beganGiven) this.#holes++;
    this.#isEmpty = false;
    this.#holes += other.#holes;
    this.#inHole = other.#inHole;
    this.#skipped += other.#skipped;
    this.#skippedBytes += other.#skippedBytes;
  }

  /** A progress record was written. */
  tell(now: number): void {
    this.#skippedBytes = 0;
    this.#skipped = 0;
    this.#holes = 0;
    this.#inHole = false;
    this.#beganGiven = false;
    this.#isEmpty = true;
    this.#toldAt = now;
  }

  /** Whether there is anything to tell. */
  get pending(): boolean {
    return this.#skipped > 0;
  }

  /** ms until a progress record is due, 0: now. Of use only where one is pending. */
  dueIn(now: number): number {
    const full =
      this.#skippedBytes >= skippedBytesLimit || this.#skipped >= skippedLimit || this.#holes >= holesLimit;
    return full ? 0 : Math.max(0, this.#toldAt + pauseMs - now);
  }
}
