import { DrcError, maxFrameBytes } from '@drc/protocol';

/** 4 MiB */
export const defaultWindowBytes = 4 * 1024 * 1024;

/** @throws RangeError on what is no positive integer. */
export function checkedWindowBytes(bytes: number): number {
  if (!Number.isSafeInteger(bytes) || bytes < 1)
    throw new RangeError('windowBytes must be a positive integer.');
  return bytes;
}

/**
 * The byte credit of one session, as the client sees it. Whole data frames count, with their headers.
 *
 *   received = taken + waiting          taken frames are out of the queue, waiting ones in it
 *   outstanding = received - acknowledged <= window, or it is one single frame
 *
 * What has been taken is acknowledged once it is a quarter of the window: the credit is refilled when it is down to
 * 75 %. A window so small that the rest could be less than a frame is acknowledged earlier, so that the store, which
 * may send a frame when it fits or when nothing is outstanding, never waits for what the client waits for.
 */
export class ReadWindow {
  readonly bytes: number;
  readonly #threshold: number;
  #outstanding = 0;
  #unacknowledged = 0;

  constructor(bytes: number) {
    this.bytes = checkedWindowBytes(bytes);
    this.#threshold = Math.max(1, Math.min(Math.ceil(bytes / 4), bytes - maxFrameBytes));
  }

  /** Bytes received and not taken yet. */
  get waitingBytes(): number {
    return this.#outstanding - this.#unacknowledged;
  }

  /** Bytes received and not acknowledged yet. */
  get outstandingBytes(): number {
    return this.#outstanding;
  }

  /** True while more than half of the window waits to be taken: it is the reader that the stream waits for. */
  get isHeldUp(): boolean {
    return this.waitingBytes * 2 > this.bytes;
  }

  /** A data frame has arrived. @throws DrcError `PROTOCOL_VIOLATION` where the store had no credit for it. */
  received(frameBytes: number): void {
    const alone = this.#outstanding === 0;
    this.#outstanding += frameBytes;
    if (this.#outstanding > this.bytes && !alone)
      throw new DrcError('PROTOCOL_VIOLATION', 'The store sent more than it had credit for.', {
        windowBytes: this.bytes,
        outstandingBytes: this.#outstanding,
      });
  }

  /** A frame has left the queue. Returns how many bytes to acknowledge now; 0: not yet. */
  taken(frameBytes: number): number {
    this.#unacknowledged += frameBytes;
    if (this.#unacknowledged < this.#threshold) return 0;
    const bytes = this.#unacknowledged;
    this.#unacknowledged = 0;
    this.#outstanding -= bytes;
    return bytes;
  }
}
