import { maxFrameBytes } from '@drc/protocol';

/**
 * Buffers for frames on their way out, shared by all sessions. A buffer belongs to whoever took it, until it is given
 * back; no more than `maxIdle` are kept (default 64: 4 MiB).
 */
export class FramePool {
  readonly #idle: Buffer[] = [];
  readonly #maxIdle: number;

  constructor(maxIdle = 64) {
    this.#maxIdle = maxIdle;
  }

  take(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(maxFrameBytes);
  }

  give(frame: Buffer): void {
    if (this.#idle.length < this.#maxIdle) this.#idle.push(frame);
  }
}
