import { DrcError } from '@drc/protocol';

/**
 * How much may be under way to one client. Laws: what is outstanding never exceeds the window, except for one frame
 * that went when nothing was outstanding (so that a window smaller than a frame still moves); a client never
 * acknowledges more than it was sent.
 */
export class Credit {
  readonly windowBytes: number;
  #outstanding = 0;

  constructor(windowBytes: number) {
    this.windowBytes = windowBytes;
  }

  /** Bytes sent and not acknowledged. */
  get outstandingBytes(): number {
    return this.#outstanding;
  }

  allows(bytes: number): boolean {
    return this.#outstanding === 0 || this.#outstanding + bytes <= this.windowBytes;
  }

  spend(bytes: number): void {
    this.#outstanding += bytes;
  }

  /** @throws DrcError `PROTOCOL_VIOLATION` where the client acknowledges nothing, or what it was not sent. */
  acknowledge(bytes: number): void {
    if (bytes === 0 || bytes > this.#outstanding) {
      throw new DrcError(
        'PROTOCOL_VIOLATION',
        `${bytes} bytes were acknowledged, of ${this.#outstanding} outstanding.`,
      );
    }
    this.#outstanding -= bytes;
  }
}

/**
 * How many frames a client may send. A well-behaved one greets, subscribes, renews now and then, and acknowledges
 * what it was sent, at most once a frame; each frame costs us a parse, so that more than this is an attack or a bug.
 */
export class InboundAllowance {
  readonly #spare: number;
  #received = 0;

  /** @param spare frames beyond one for each frame sent and one a second; default 100. */
  constructor(spare = 100) {
    this.#spare = spare;
  }

  /** Counts one frame. @throws DrcError `RATE_LIMITED`. */
  take(framesSent: number, sessionMs: number): void {
    this.#received++;
    if (this.#received > this.#spare + framesSent + sessionMs / 1000) {
      throw new DrcError('RATE_LIMITED', `${this.#received} frames came in for ${framesSent} sent.`);
    }
  }
}
